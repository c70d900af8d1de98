"""What a model reads of an answer: JSON lines, marked as the portal's data, capped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bitrix24_agent.model import Answer

MAX_CHARS = 6_000
MAX_ROWS = 20
MAX_VALUE = 2_000
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_THINNED = ", empty fields left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of an answer as text.

    Attributes:
        text: The marked block, without any hint about the rest.
        shown: Rows in it (or characters, for an answer without rows).
        rest: Rows (or characters) already here and not shown yet.
    """

    text: str
    shown: int
    rest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """An answer without rows as one text, before it is cut into pages.

    Attributes:
        text: One line of JSON; no ``<`` in it, so that it cannot close a mark.
        thinned: Whether empty fields were left out.
    """

    text: str
    thinned: bool = False


def rows_page(answer: Answer, what: str, *, offset: int, clean: Callable[[str], str]) -> Page:
    r"""Return the rows of *answer* from *offset* on, as many as fit.

    *clean* neutralises control characters; *what* names the call. Portal text cannot close the
    mark early: every ``<`` in it is written as ``\u003c``.
    """
    lines: list[str] = []
    used = 0
    thinned = False
    for row in answer.rows[offset : offset + MAX_ROWS]:
        filled = _filled(row)
        line = _encode(_short(filled), clean)
        if lines and used + len(line) > MAX_CHARS:
            break
        lines.append(line[:MAX_CHARS])
        used += len(line)
        thinned = thinned or filled is not row
    last = offset + len(lines)
    total = answer.total if answer.total is not None else len(answer.rows)
    span = f"rows {offset + 1}-{last} of {max(total, len(answer.rows))}"
    mark = f"{what}, {span}{_THINNED if thinned else ''}"
    return Page(text=_marked(lines, mark), shown=len(lines), rest=len(answer.rows) - last)


def body(answer: Answer, *, clean: Callable[[str], str]) -> Body:
    """Return an answer without rows, or a batch, as text; empty fields of objects are left out."""
    if answer.commands or answer.failures:
        whole = batch_value(answer)
        value = {key: _thin(result) for key, result in whole.items()}
        thinned = any(value[key] is not whole[key] for key in whole)
    else:
        value = _thin(answer.result)
        thinned = value is not answer.result
    return Body(text=_encode(value, clean), thinned=thinned)


def body_page(whole: Body, what: str, *, offset: int) -> Page:
    """Return the part of *whole* that starts at the character *offset*."""
    part = whole.text[offset : offset + MAX_CHARS]
    size, last = len(whole.text), offset + len(part)
    span = "" if len(part) == size else f", characters {offset + 1}-{last} of {size}"
    mark = f"{what}{span}{_THINNED if whole.thinned else ''}"
    return Page(text=_marked([part], mark), shown=len(part), rest=size - last)


def batch_value(answer: Answer) -> dict[str, Any]:
    """Return a batch's results by command key; a failed command says so."""
    value: dict[str, Any] = {key: inner.result for key, inner in answer.commands.items()}
    for key, error in answer.failures.items():
        value[key] = {"FAILED": str(error)}
    return value


def _marked(lines: Sequence[str], what: str) -> str:
    body = "\n".join(lines)
    return f'<portal-data of="{what}">\n{body}\n</portal-data>'


def _encode(value: Any, clean: Callable[[str], str]) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return clean(text).replace("<", "\\u003c")


def _filled(row: Any) -> Any:
    """Return an object without its empty fields, which are most of a CRM row's tokens.

    The same object when nothing was left out, also where nothing would remain: an answer such as
    ``{"tasks": []}`` says something.
    """
    if not isinstance(row, dict):
        return row
    kept = {key: value for key, value in row.items() if value not in _EMPTY}
    return kept if kept and len(kept) < len(row) else row


def _thin(result: Any) -> Any:
    """Return a result without empty fields, in itself and in an object right inside it."""
    if not isinstance(result, dict):
        return result
    inner = {key: _filled(value) for key, value in result.items()}
    if all(inner[key] is result[key] for key in result):
        return _filled(result)
    return _filled(inner)


def _short(value: Any) -> Any:
    """Cut very long strings inside one row; the whole value stays with the host."""
    if isinstance(value, str) and len(value) > MAX_VALUE:
        return f"{value[:MAX_VALUE]}… ({len(value)} characters)"
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_short(inner) for inner in value]
    return value
