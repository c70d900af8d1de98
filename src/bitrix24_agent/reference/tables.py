"""The two Markdown shapes of every reference file: pipe tables and ``- key: value`` lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bitrix24_agent.errors import ReferencesError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CELL = re.compile(r"(?<!\\)\|")


def cells(line: str) -> list[str]:
    r"""Return the cells of one table row; a pipe inside a cell is written ``\\|``."""
    inner = line.strip()
    if inner.startswith("|"):
        inner = inner[1:]
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    if "\\|" not in inner:
        return [cell.strip() for cell in inner.split("|")]
    return [cell.strip().replace("\\|", "|") for cell in _CELL.split(inner)]


def rows(
    lines: Sequence[str], start: int, header: Sequence[str], file: str
) -> Iterator[tuple[int, list[str]]]:
    """Yield ``(line number, cells)`` of the table whose header row is ``lines[start]``.

    Raises:
        ReferencesError: The header differs, the rule under it is missing, or a row has another
            number of cells.
    """
    found = [cell.lower() for cell in cells(lines[start])]
    if found != list(header):
        raise ReferencesError(
            f"the table should have the columns {', '.join(header)}", file=file, line=start + 1
        )
    if start + 1 >= len(lines) or not lines[start + 1].lstrip().startswith("|--"):
        raise ReferencesError(
            "the row of dashes under the header is missing", file=file, line=start + 2
        )
    for number in range(start + 2, len(lines)):
        line = lines[number]
        if not line.startswith("|"):
            return
        row = cells(line)
        if len(row) != len(header):
            raise ReferencesError(
                f"this row has {len(row)} cells, the table has {len(header)} columns",
                file=file,
                line=number + 1,
            )
        yield number + 1, row


def bullet(line: str) -> tuple[str, str] | None:
    """Return ``(key, value)`` of a ``- key: value`` line, or None for any other line."""
    if not line.startswith("- "):
        return None
    key, colon, value = line[2:].partition(":")
    return (key.strip().lower(), value.strip()) if colon else None


def listed(value: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated cell, without back-quotes."""
    return tuple(part for raw in value.split(",") if (part := raw.strip().strip("`")))
