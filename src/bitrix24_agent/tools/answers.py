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


def answer_page(answer: Answer, what: str, *, offset: int, clean: Callable[[str], str]) -> Page:
    r"""Return the part of *answer* that starts at row (or character) *offset*.

    *clean* neutralises control characters; *what* names the call. Portal text cannot close the
    mark early: every ``<`` in it is written as ``\u003c``.
    """
    if answer.commands or answer.failures:
        return _text_page(batch_value(answer), what, offset, clean)
    if answer.rows:
        return _rows_page(answer, what, offset, clean)
    return _text_page(answer.result, what, offset, clean)


def _rows_page(answer: Answer, what: str, offset: int, clean: Callable[[str], str]) -> Page:
    lines: list[str] = []
    used = 0
    for row in answer.rows[offset : offset + MAX_ROWS]:
        line = _encode(_filled(row), clean)
        if lines and used + len(line) > MAX_CHARS:
            break
        lines.append(line[:MAX_CHARS])
        used += len(line)
    last = offset + len(lines)
    total = answer.total if answer.total is not None else len(answer.rows)
    span = f"rows {offset + 1}-{last} of {max(total, len(answer.rows))}, empty fields left out"
    return Page(
        text=_marked(lines, f"{what}, {span}"), shown=len(lines), rest=len(answer.rows) - last
    )


def _text_page(value: Any, what: str, offset: int, clean: Callable[[str], str]) -> Page:
    text = _encode(value, clean)
    part = text[offset : offset + MAX_CHARS]
    last = offset + len(part)
    span = "" if last - offset == len(text) else f", characters {offset + 1}-{last} of {len(text)}"
    return Page(text=_marked([part], what + span), shown=len(part), rest=len(text) - last)


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
    """Return a row without its empty fields, which are most of a CRM row's tokens."""
    if not isinstance(row, dict):
        return _short(row)
    return {key: _short(value) for key, value in row.items() if value not in _EMPTY}


def _short(value: Any) -> Any:
    """Cut very long strings inside one row; the whole value stays with the host."""
    if isinstance(value, str) and len(value) > MAX_VALUE:
        return f"{value[:MAX_VALUE]}… ({len(value)} characters)"
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_short(inner) for inner in value]
    return value
