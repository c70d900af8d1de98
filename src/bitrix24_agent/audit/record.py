"""One audit row, and the chain that ties it to the one before: pure functions of values."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
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
MAX_NAME = 200
MAX_SCALAR = 300
MAX_PARAMS = 4_000
MAX_HEAD = 4_000
MAX_COMMANDS = 12_000
"""Characters of a huge call that its outline keeps, part by part."""


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
    """Return a row as masked canonical JSON; long texts are cut, a huge row keeps its outline.

    Masked first and cut then: half of a secret would not be recognised. Padding cannot push the
    call out of the row: of a huge one method, digest, scalar parameters and beginning stay.
    """
    masked = mask(dict(row), known)
    cut = _cut(masked)
    text = canonical_json(cut)
    if len(text) > MAX_DATA:
        outline = {n: v for n, v in cut.items() if n in COLUMNS or len(canonical_json(v)) < 500}
        if "call" not in outline and isinstance(masked.get("call"), Mapping):
            outline["call"] = _outline(_plain(masked["call"]))
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


def _outline(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return what identifies a huge call: each method, the scalar parameters, the beginning."""
    whole = canonical_json(call)
    shown: dict[str, Any] = {
        "method": _start(call.get("method"), MAX_NAME),
        "version": call.get("version"),
        "sha256": hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest(),
        "params": _scalars(call.get("params"), MAX_PARAMS),
        "head": whole[:MAX_HEAD],
    }
    commands = call.get("commands")
    if isinstance(commands, list) and commands:
        shown |= _commands(commands)
    return shown


def _commands(commands: list[Any]) -> dict[str, Any]:
    """Return the count of every method and as many commands as fit, those that change first."""
    ranked = sorted(commands, key=lambda pair: _rank(str(pair[1].get("method"))))
    counts = Counter(_start(inner.get("method"), MAX_NAME) for _, inner in ranked)
    room = MAX_COMMANDS
    kept = []
    for key, inner in ranked:
        one = [key, _start(inner.get("method"), MAX_NAME), _scalars(inner.get("params"), 500)]
        room -= len(canonical_json(one)) + 1
        if room < 0:
            break
        kept.append(one)
    shown: dict[str, Any] = {
        "methods": dict(list(counts.items())[:100]),
        "commands": kept,
    }
    if len(counts) > 100:
        shown["more_methods"] = len(counts) - 100
    if len(commands) > len(kept):
        shown["more_commands"] = len(commands) - len(kept)
    return shown


def _rank(method: str) -> int:
    """Order methods for an outline only: what deletes, what else changes, what reads by name."""
    verb = method.rpartition(".")[2].lower()
    if verb.startswith(("delete", "remove", "clear", "unbind", "unregister")):
        return 0
    return 2 if verb.startswith(("get", "list", "fields", "count", "search", "current")) else 1


def _scalars(params: Any, room: int) -> dict[str, Any]:
    """Return the parameters that are no containers, shortest first, as many as fit."""
    given = params if isinstance(params, Mapping) else {}
    plain = {
        _start(n, MAX_NAME): _start(v, MAX_SCALAR) if isinstance(v, str) else v
        for n, v in given.items()
        if not isinstance(v, Mapping | list)
    }
    kept: dict[str, Any] = {}
    for name, value in sorted(plain.items(), key=lambda pair: len(canonical_json(pair))):
        room -= len(canonical_json([name, value]))
        if room < 0:
            break
        kept[name] = value
    return kept


def _start(value: Any, limit: int) -> str:
    text = str(value)
    return text if len(text) <= limit else f"{text[:limit]}… [{len(text)} characters]"


def _plain(value: Any) -> Any:
    """Return *value* as JSON can hold it, uncut."""
    if isinstance(value, Mapping):
        return {str(n): _plain(v) for n, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)


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
