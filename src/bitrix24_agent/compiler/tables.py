"""Find and cut the tables of a page: YFM ``#| || a | b || |#`` tables and plain Markdown tables."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLAIN_RULE = re.compile(r"^\s*\|?\s*:?-{3,}:?\s*(\|\s*:?-{3,}:?\s*)*\|?\s*$")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})(.*)$")
_HEADING = re.compile(r"^#{2,6}\s+\S")
_BARS = re.compile(r"\\\||\|\||\|")
_INLINE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The cells of one row as the page writes them, and the line it starts on."""

    cells: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table without its markup; ``rows[0]`` is normally the header."""

    rows: tuple[Row, ...]
    line: int

    @property
    def header(self) -> tuple[str, ...]:
        """The header cells in lower case, without stars and backticks, types cut off."""
        if not self.rows:
            return ()
        return tuple(
            re.sub(r"[*`]", "", cell).strip().split("\n")[0].strip().lower()
            for cell in self.rows[0].cells
        )


class FenceTracker:
    """Tells line by line whether the text is inside a fenced block."""

    def __init__(self) -> None:
        self._marker: str | None = None

    def feed(self, line: str) -> bool:
        """Take the next line; return whether it belongs to a fenced block (its fences included)."""
        match = _FENCE.match(line) if "```" in line or "~~~" in line else None
        if self._marker is None:
            if match and match[1][0] * 3 not in match[2]:
                self._marker = match[1]
                return True
            return False
        if match and match[1].startswith(self._marker):
            rest = match[2].strip()
            if not rest or rest.startswith("|"):
                self._marker = None
        return True


def find_tables(
    lines: list[str], numbers: list[int], problems: list[tuple[int, str]]
) -> list[Table]:
    """Return the tables among *lines*; *numbers* are their lines in the file.

    A table that does not end is cut at the next heading and told in *problems* (line, reason).
    """
    tables: list[Table] = []
    if not any("|" in line for line in lines):
        return tables
    fence = FenceTracker()
    start: int | None = None
    depth = 0
    plain: list[int] = []
    for i, line in enumerate(lines):
        fenced = fence.feed(line)
        stripped = line.strip()
        if start is None:
            if not fenced and stripped.startswith("#|"):
                start, depth = i, 1
            elif not fenced and stripped.startswith("|") and not stripped.startswith("||"):
                plain.append(i)
                continue
            _flush_plain(plain, lines, numbers, tables)
            continue
        if fenced and not stripped.endswith("||"):
            continue
        if stripped.startswith("#|"):
            depth += 1
        elif stripped.endswith("|#") or stripped.startswith("|#"):
            depth -= 1
            if depth == 0:
                tables.append(_yfm(lines[start : i + 1], numbers[start : i + 1], problems))
                start = None
        elif not fenced and _HEADING.match(line):
            problems.append((numbers[start], "table without an end"))
            tables.append(_yfm([*lines[start:i], "|#"], numbers[start : i + 1], problems))
            start, depth = None, 0
    if start is not None:
        problems.append((numbers[start], "table without an end"))
        tables.append(_yfm([*lines[start:], "|#"], [*numbers[start:], numbers[-1]], problems))
    _flush_plain(plain, lines, numbers, tables)
    return tables


def _flush_plain(
    plain: list[int], lines: list[str], numbers: list[int], tables: list[Table]
) -> None:
    """Turn a run of ``| a | b |`` lines into a table when its second line is a rule."""
    if len(plain) >= 3 and _PLAIN_RULE.match(lines[plain[1]]):
        rows = [
            Row(cells=tuple(_split_plain(lines[i])), line=numbers[i])
            for i in plain
            if i != plain[1]
        ]
        tables.append(Table(rows=tuple(rows), line=numbers[plain[0]]))
    plain.clear()


def _split_plain(line: str) -> list[str]:
    masked = _INLINE.sub(lambda m: "x" * len(m[0]), line)
    cells, last = [], None
    for i, char in enumerate(masked):
        if char == "|" and (i == 0 or masked[i - 1] != "\\"):
            if last is not None:
                cells.append(line[last:i].strip().replace("\\|", "|"))
            last = i + 1
    return cells


def _yfm(lines: list[str], numbers: list[int], problems: list[tuple[int, str]]) -> Table:
    """Cut one ``#| ... |#`` block into rows and cells."""
    rows: list[Row] = []
    cells: list[str] | None = None
    cell: list[str] = []
    row_line = numbers[0]
    fence = FenceTracker()
    depth = 0

    def close() -> None:
        nonlocal cells
        if cells is None:
            return
        cells.append("".join(cell).strip("\n \t"))
        cell.clear()
        if any(c.strip() for c in cells):
            rows.append(Row(cells=tuple(cells), line=row_line))
        cells = None

    for i, line in enumerate(lines):
        stripped = line.strip()
        fenced = fence.feed(line)
        if stripped.startswith("#|"):
            depth += 1
            if depth == 1:
                continue
        ends = stripped.endswith("|#") or stripped.startswith("|#")
        if depth > 1 or (fenced and not _closes_cell(stripped)):
            cell.append(line + "\n")
            depth -= ends
            continue
        if ends:
            line = line[: line.rindex("|#")]
        if "|" not in line:
            if cells is not None:
                cell.append(line + "\n")
            continue
        masked = line
        if fenced:  # a closing fence with the end of the row behind it
            masked = re.sub(r"[^|]", "x", line)
        elif "`" in line:
            masked = _INLINE.sub(lambda m: "x" * len(m[0]), line)
        at = 0
        for mark in _BARS.finditer(masked):
            if cells is not None:
                cell.append(line[at : mark.start()])
            at = mark.end()
            if mark[0] == "\\|":
                cell.append("|")
            elif mark[0] == "||":
                rest = masked[at:].strip()
                first = not masked[: mark.start()].strip()
                if cells is None:
                    cells, row_line = [], numbers[min(i, len(numbers) - 1)]
                elif first and rest and len(cells) > 0:
                    problems.append((row_line, "table row without an end"))
                    close()
                    cells, row_line = [], numbers[min(i, len(numbers) - 1)]
                else:
                    close()
            elif cells is not None:
                cells.append("".join(cell).strip("\n \t"))
                cell.clear()
        if cells is not None:
            cell.append(line[at:])
        if cells is not None:
            cell.append("\n")
    close()
    return Table(rows=tuple(rows), line=numbers[0])


def _closes_cell(stripped: str) -> bool:
    """Whether a fenced line is a closing fence with the end of the row on it."""
    return stripped.startswith(("```", "~~~")) and stripped.endswith("||")
