"""Read the pages of a documentation checkout into sections, tables, code blocks and notes.

The pages are written in the YFM dialect of Markdown: ``#| || cell | cell || |#`` tables, ``{%
note %}`` blocks,
``{% list tabs %}`` groups and ``{% include %}`` lines. Nothing here knows what a method is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from bitrix24_agent.compiler.tables import FenceTracker, Table, find_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REFERENCE_FOLDER = "api-reference"

_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*$")
_ANCHOR = re.compile(r"\{#([\w.:-]+)\}")
_INCLUDE = re.compile(r"\{%\s*include\s*(?:notitle\s*)?\[[^\]]*\]\(([^)\s]+)\)\s*%\}")
_NOTE = re.compile(r"\{%\s*note\s+(\w+)([^%]*)%\}(.*?)\{%\s*endnote\s*%\}", re.DOTALL)
_TAB = re.compile(r"^\s*-\s+(\S.*)$")

# The same boilerplate on every page; its tables describe no method.
_BOILERPLATE = (
    "_includes/examples",
    "_includes/required",
    "_includes/system-errors",
    "_includes/error-info",
    "_includes/events-index",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A fenced block: its language, the tab it stands in, its text and its line in the file."""

    language: str
    tab: str
    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A ``{% note %}`` block: its kind, its title and its text."""

    kind: str
    title: str
    text: str


@dataclass(kw_only=True)
class Section:
    """A heading and what stands below it up to the next heading of any level."""

    level: int
    title: str
    anchors: tuple[str, ...]
    line: int
    lines: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    parent: Section | None = None

    @cached_property
    def problems(self) -> list[tuple[int, str]]:
        """Line and reason of each table that could not be read to its end."""
        return self._tables_and_problems[1]

    @cached_property
    def tables(self) -> list[Table]:
        """The tables of the section, in order."""
        return self._tables_and_problems[0]

    @cached_property
    def _tables_and_problems(self) -> tuple[list[Table], list[tuple[int, str]]]:
        problems: list[tuple[int, str]] = []
        return find_tables(self.lines, self.numbers, problems), problems

    @property
    def text(self) -> str:
        """Everything below the heading."""
        return "\n".join(self.lines)

    @cached_property
    def codes(self) -> list[Code]:
        """The fenced blocks of the section, in order."""
        return list(_codes(self.lines, self.numbers))

    def path(self) -> tuple[str, ...]:
        """Titles from the top heading down to this one."""
        return (*(self.parent.path() if self.parent else ()), self.title)

    def under(self, *titles: str) -> bool:
        """Whether the title of this section or of one above it is among *titles* (lower case)."""
        return any(title.lower() in titles for title in self.path())


@dataclass(kw_only=True)
class Page:
    """One page: its path relative to the checkout, its title and its sections in order."""

    path: str
    title: str
    text: str
    sections: list[Section]

    @cached_property
    def notes(self) -> list[Note]:
        """Every note of the page."""
        return [
            Note(kind=m[1].lower(), title=m[2].strip().strip("\"'"), text=m[3].strip())
            for m in _NOTE.finditer(self.text)
        ]

    @property
    def lead(self) -> str:
        """What stands between the title and the first section."""
        return self.sections[0].text if self.sections else ""

    def anchored(self, anchor: str) -> Section | None:
        """Return the section that *anchor* points at, or None."""
        wanted = anchor.lower()
        return next((s for s in self.sections if wanted in s.anchors), None)


def find_pages(docs: Path) -> list[Path]:
    """Return every page of the reference part, in order of their paths, without includes."""
    root = docs / REFERENCE_FOLDER
    return sorted(
        (p for p in root.rglob("*.md") if "_include" not in "/".join(p.parts[len(root.parts) :])),
        key=lambda p: p.relative_to(docs).as_posix(),
    )


def read_page(docs: Path, file: Path) -> Page:
    """Read one page; includes are put in place, boilerplate ones left out.

    Raises:
        OSError: The file cannot be read.
        UnicodeDecodeError: The file is not UTF-8.
    """
    lines, numbers = _lines(docs, file, depth=0)
    text = "\n".join(lines)
    sections = _cut(lines, numbers)
    title = next((s.title for s in sections if s.level == 1), "")
    return Page(path=file.relative_to(docs).as_posix(), title=title, text=text, sections=sections)


def _lines(docs: Path, file: Path, *, depth: int) -> tuple[list[str], list[int]]:
    """Return the lines of *file*, includes in place, each with its line in the outer file."""
    lines: list[str] = []
    numbers: list[int] = []
    # newline handling as in the file: the pages mix LF and CRLF
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        match = _INCLUDE.search(line) if "{%" in line else None
        if match and depth < 3 and not any(b in match[1] for b in _BOILERPLATE):
            target = (file.parent / match[1].split("#")[0]).resolve()
            if target.is_file() and target.is_relative_to(docs.resolve()):
                inner, _ = _lines(docs, target, depth=depth + 1)
                lines.extend(inner)
                numbers.extend([number] * len(inner))
                continue
        lines.append(line)
        numbers.append(number)
    return lines, numbers


def _cut(lines: list[str], numbers: list[int]) -> list[Section]:
    """Cut a page at its headings; headings inside fences and tables are text."""
    top = Section(level=0, title="", anchors=(), line=1)
    sections = [top]
    fence = FenceTracker()
    depth = 0
    for line, number in zip(lines, numbers, strict=True):
        fenced = fence.feed(line)
        stripped = line.strip()
        match = None if fenced or not line.startswith("#") else _HEADING.match(line)
        if match and (depth == 0 or len(match[1]) > 1):
            depth = 0
            sections.append(_open(match, number, sections))
            continue
        if not fenced and stripped.startswith("#|"):
            depth += 1
        elif (not fenced or stripped.endswith("||")) and (
            stripped.endswith("|#") or stripped.startswith("|#")
        ):
            depth = max(0, depth - 1)
        sections[-1].lines.append(line)
        sections[-1].numbers.append(number)
    if not top.lines or not any(line.strip() for line in top.lines):
        sections.remove(top)
    return sections


def _open(match: re.Match[str], number: int, before: list[Section]) -> Section:
    level = len(match[1])
    title = _ANCHOR.sub("", match[2]).strip()
    anchors = (*(a.lower() for a in _ANCHOR.findall(match[2])), slug(title))
    parent = next((s for s in reversed(before) if 0 < s.level < level), None)
    return Section(level=level, title=title, anchors=anchors, line=number, parent=parent)


def slug(title: str) -> str:
    """Return the anchor a heading has when it names none."""
    return re.sub(r"[\s_]+", "-", re.sub(r"[^\w\s-]", "", title.lower())).strip("-")


def _codes(lines: list[str], numbers: list[int]) -> Iterator[Code]:
    if not any("```" in line or "~~~" in line for line in lines):
        return
    fence = FenceTracker()
    tab = ""
    language = ""
    block: list[str] | None = None
    start = 0
    for line, number in zip(lines, numbers, strict=True):
        fenced = fence.feed(line)
        if fenced and block is None:
            block, start = [], number
            language = line.strip().strip("`~").strip().lower()
        elif not fenced and block is not None:
            yield Code(language=language, tab=tab, text="\n".join(block[:-1]), line=start)
            block = None
        elif block is not None:
            block.append(line)
        if block is None and not fenced:
            match = _TAB.match(line)
            if match and not line.startswith("    "):
                tab = match[1].strip()
    if block is not None:
        yield Code(language=language, tab=tab, text="\n".join(block), line=start)
