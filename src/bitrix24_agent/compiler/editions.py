"""Compare two editions (languages) of the documentation: a difference is a mistake in one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_agent.compiler.cells import Named, read_names
from bitrix24_agent.compiler.names import identify
from bitrix24_agent.compiler.pages import Page, read_page
from bitrix24_agent.compiler.types import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_TYPED = re.compile(r"\n\s*\[?`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One fact on which the editions disagree."""

    page: str
    line: int
    message: str


def compare_editions(docs: Path, second: Path, pages: Iterable[str]) -> list[Difference]:
    """Return where the parameter tables of *pages* differ between the two checkouts.

    Only what is the same in every language is looked at: names, vendor types and required marks
    of the rows
    above the request examples.
    """
    found: list[Difference] = []
    for path in pages:
        other_file = second / path
        if not other_file.is_file():
            found.append(
                Difference(page=path, line=1, message="the second edition has no such page")
            )
            continue
        found += _differences(path, read_page(docs, docs / path), read_page(second, other_file))
    return found


def _differences(path: str, page: Page, other: Page) -> list[Difference]:
    ours, theirs = _rows(page), _rows(other)
    found: list[Difference] = []
    mine, its = identify(page), identify(other)
    if mine and its and mine.name.lower() != its.name.lower():
        found.append(_said(path, 1, f"the page is about {mine.name} here and {its.name} there"))
    for name, (line, row) in ours.items():
        twin = theirs.get(name)
        if twin is None:
            found.append(_said(path, line, f"{name[0]} is missing in the second edition"))
            continue
        if row.required != twin[1].required:
            marks = ("required", "not required")
            found.append(
                _said(
                    path,
                    line,
                    f"{name[0]} is {marks[not row.required]} here"
                    f" and {marks[not twin[1].required]} there",
                )
            )
        kind, other_kind = resolve(row.types), resolve(twin[1].types)
        if set(kind.type.split("|")) != set(other_kind.type.split("|")):
            found.append(
                _said(path, line, f"{name[0]} is {kind.type} here and {other_kind.type} there")
            )
    for name in theirs:
        if name not in ours:
            found.append(
                _said(path, 1, f"{name[0]} is only in the second edition (line {theirs[name][0]})")
            )
    return found


def _said(page: str, line: int, message: str) -> Difference:
    return Difference(page=page, line=line, message=message)


def _rows(page: Page) -> dict[tuple[str, int], tuple[int, Named]]:
    """Return the rows above the first request example by name and occurrence."""
    found: dict[tuple[str, int], tuple[int, Named]] = {}
    times: dict[str, int] = {}
    for section in page.sections:
        if any("curl" in c.text.lower() for c in section.codes):
            break
        for table in section.tables:
            for row in table.rows:
                if not _TYPED.search(row.cells[0]):
                    continue
                for named in read_names(row.cells[0]):
                    if (
                        {t.lower() for t in named.types} & {"type", "тип"}
                        or not re.fullmatch(r"[\w.\[\]~-]+", named.name)
                        or re.search(r"[а-яА-Я]", named.name)
                    ):
                        continue
                    times[named.name] = times.get(named.name, 0) + 1
                    found[named.name, times[named.name]] = (row.line, named)
    return found
