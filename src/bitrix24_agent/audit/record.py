"""One audit row, and the chain that ties it to the one before: pure functions of values."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from bitrix24_agent.audit.redact import mask
from bitrix24_agent.model import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["begin", "finish", "refusal"]

FIRST = "0" * 64
"""What the first row names as the one before it."""

COLUMNS = ("method", "risk", "verdict", "outcome", "actor", "conversation", "plan_id")
"""Parts of a row that are also columns, to filter by; the chain covers them through ``data``."""

MAX_TEXT = 2_000
MAX_DATA = 32_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One row of the chain as it is stored."""

    seq: int
    at: float
    kind: str
    ref: int | None
    data: str
    prev: str
    hash: str
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One audited call: what was asked and decided, and how it ended.

    Attributes:
        id: Number of the row; ``undo`` takes it.
        at: When it began, Unix seconds.
        kind: ``call``, or ``refusal`` when nothing was sent.
        outcome: ``done``, ``not_sent``, ``refused``, ``partial``, ``unknown``; None while nobody
        said how it ended.
        duration_s: From begin to finish; None while it has not ended.
        data: Everything that was recorded about it, masked.
    """

    id: int
    at: float
    kind: Literal["call", "refusal"]
    method: str | None = None
    risk: str | None = None
    verdict: str | None = None
    actor: str | None = None
    conversation: str | None = None
    plan_id: str | None = None
    outcome: str | None = None
    duration_s: float | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return a JSON-ready picture, empty parts left out."""
        shown = {name: getattr(self, name) for name in self.__slots__ if name != "data"}
        return {n: v for n, v in {**self.data, **shown}.items() if v is not None}


def encode(row: Mapping[str, object], known: Iterable[str] = ()) -> str:
    """Return a row as masked canonical JSON; long texts are cut, a huge row keeps its outline."""
    masked = mask(_cut(dict(row)), known)
    text = canonical_json(masked)
    if len(text) > MAX_DATA:
        outline = {n: v for n, v in masked.items() if n in COLUMNS or len(canonical_json(v)) < 500}
        outline["cut"] = f"the row had {len(text)} characters"
        text = canonical_json(outline)
    return text


def seal(
    *,
    seq: int,
    at: float,
    kind: str,
    ref: int | None,
    data: str,
    prev: str,
    key: bytes | None = None,
) -> str:
    """Return the hash of a row, which covers the hash of the row before it.

    With *key* it is an HMAC: who cannot read the key cannot make a chain that verifies, not even a
    whole new one.
    """
    text = json.dumps([seq, repr(float(at)), kind, ref, data, prev], ensure_ascii=True).encode()
    return (
        hmac.new(key, text, hashlib.sha256).hexdigest() if key else hashlib.sha256(text).hexdigest()
    )


def columns_of(data: str) -> dict[str, Any]:
    """Return the filterable parts of a row's data."""
    decoded = json.loads(data)
    return {name: None if decoded.get(name) is None else str(decoded[name]) for name in COLUMNS}


class Verifier:
    """Walks the chain in order and remembers the first thing that is wrong with it."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key
        self.seq = 0
        self.hash = FIRST
        self.problem: str | None = None

    def feed(self, link: Link) -> bool:
        """Check the next row; False once something is wrong."""
        if self.problem is None:
            self.problem = self._wrong(link)
        if self.problem is None:
            self.seq, self.hash = link.seq, link.hash
        return self.problem is None

    def _wrong(self, link: Link) -> str | None:
        if link.seq != self.seq + 1:
            return f"row {self.seq + 1} is missing (the next one is {link.seq})"
        if link.prev != self.hash:
            return (
                f"row {link.seq} does not follow row {self.seq}: one of them was replaced or moved"
            )
        expected = seal(
            seq=link.seq,
            at=link.at,
            kind=link.kind,
            ref=link.ref,
            data=link.data,
            prev=link.prev,
            key=self._key,
        )
        if not hmac.compare_digest(expected, link.hash):
            return f"row {link.seq} was edited"
        try:
            columns = columns_of(link.data)
        except ValueError:
            return f"row {link.seq} is not readable"
        if any(link.columns.get(name) != value for name, value in columns.items()):
            return f"row {link.seq} was edited: its columns and its data differ"
        return None


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else f"{value[:MAX_TEXT]}… [{len(value)} characters]"
    if isinstance(value, Mapping):
        return {str(n): _cut(v) for n, v in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(v) for v in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)
