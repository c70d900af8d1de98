"""Turn the parameter tables of a page into parameters; ``nesting`` places the inner ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bitrix24_agent.compiler import details
from bitrix24_agent.compiler.cells import Named, read_names
from bitrix24_agent.compiler.types import Typed, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_agent.compiler.pages import Page, Section
    from bitrix24_agent.compiler.tables import Row, Table

_NAME_HEADERS = (
    "name",
    "parameter",
    "field",
    "key",
    "value",
    "property",
    "attribute",
    "option",
    "element",
)
_OTHER_HEADERS = ("code", "method", "event", "error", "status", "placement", "mistake", "section")
_NOT_PARAMETERS = re.compile(
    r"^(response|returned|success|successful|errors?\b|error|continue|code examples?|"
    r"examples?\b|typical|result|"
    r"what is returned|possible error|how to|see also|common mistakes|verify|limits|"
    r"getting started|answer|return)",
    re.IGNORECASE,
)
_PARAMETERS = re.compile(r"parameter|arguments", re.IGNORECASE)


@dataclass(kw_only=True)
class Found:
    """A parameter as one table row gives it; ``inner`` are the rows that describe its inside."""

    name: str
    typed: Typed
    required: bool
    text: str
    line: int
    named: Named
    enum: tuple[str, ...] = ()
    default: str | None = None
    source: str | None = None
    open: bool = False
    keyed: bool = False
    group: str | None = None
    example_only: bool = False
    inner: list[Found] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    shown_values: set[str] = field(default_factory=set)
    unlisted: list[str] = field(default_factory=list)
    seen_types: set[str] = field(default_factory=set)


def top(section: Section) -> Section:
    """Return the second-level section that *section* stands in (itself when it is one)."""
    while section.parent is not None and section.level > 2:
        section = section.parent
    return section


def area(page: Page) -> list[Section]:
    """Return the sections of *page* that can hold parameter tables, in order."""
    return [s for s in page.sections if not _NOT_PARAMETERS.match(top(s).title) or s.level < 2]


def parameter_tables(section: Section) -> list[Table]:
    """Return the tables of *section* whose rows are parameters."""
    return [t for t in section.tables if is_parameter_table(t)]


def is_parameter_table(table: Table) -> bool:
    """Whether the header of *table* names parameters with a type or a description."""
    if headless(table):
        return True
    header = table.header
    if len(header) < 2 or len(table.rows) < 2:
        return False
    first = header[0]
    if not first.startswith(_NAME_HEADERS) or first.startswith(_OTHER_HEADERS):
        return False
    cell = table.rows[0].cells[0].lower()
    if "type" in cell or any(h.startswith("type") for h in header):
        return True
    return first.startswith(("name", "parameter", "field", "key")) and any(
        h.startswith(("description", "example", "value", "purpose")) for h in header[1:]
    )


def headless(table: Table) -> bool:
    """Whether the table starts with a parameter instead of a header."""
    if not table.rows or len(table.rows[0].cells) < 2:
        return False
    cell = table.rows[0].cells[0]
    if not re.match(r"\s*\*\*", cell) or "`" not in cell:
        return False
    named = read_names(cell)
    return (
        bool(named)
        and bool(named[0].types)
        and not any(t.lower() == "type" for t in named[0].types)
    )


def variants(sections: list[Section]) -> bool:
    """Whether *sections* are several ways to call the same method: "1. By id", "2. By code"."""
    return len(sections) > 1 and all(
        re.match(r"\d+[.)]|by\b", s.title, re.IGNORECASE) for s in sections
    )


def top_level(page: Page) -> list[Found]:
    """Return the parameters the page gives beside the method name.

    Where the page gives several ways to call the method, only what every way requires is
    required, and what tells
    the ways apart shares a group.
    """
    found: dict[str, Found] = {}
    sections = primary_sections(page)
    for section in sections:
        for table in parameter_tables(section):
            for one in rows(table):
                found.setdefault(one.name, one)
    if len(sections) > 1:
        _apart(sections, found)
    return list(found.values())


def _apart(sections: list[Section], found: dict[str, Found]) -> None:
    ways = [{r.name for t in parameter_tables(s) for r in rows(t)} for s in sections]
    common = set.intersection(*ways)
    heads = []
    for way in ways:
        needed = [n for n in found if n in way - common and found[n].required]
        if needed:
            heads.append(
                next((n for n in reversed(needed) if n.lower().endswith("id")), needed[-1])
            )
    for name, one in found.items():
        if name not in common:
            one.required = False
    if len(set(heads)) == len(ways):
        for name in heads:
            found[name].group = "/".join(heads)


def primary_sections(page: Page) -> list[Section]:
    """Return the sections whose tables are the method's own parameters."""
    places = area(page)
    heads = [s for s in places if s.level == 2 and _PARAMETERS.search(s.title)]
    if heads:
        method_heads = [h for h in heads if h.title.lower().startswith("method parameters")]
        if len(method_heads) > 1 and all(parameter_tables(h) for h in method_heads):
            return method_heads  # one table for each way to call it
        head = heads[0]
        if parameter_tables(head):
            return [head]
        below = [s for s in places if s.parent is head and parameter_tables(s)]
        return below if variants(below) else below[:1]
    lead = [s for s in places if s.level <= 1 and parameter_tables(s)]
    if lead:
        return lead[:1]
    return []


def rows(table: Table) -> Iterator[Found]:
    """Yield the parameters of *table*, row by row."""
    header = table.header
    typed_at = next((i for i, h in enumerate(header) if i and h.startswith("type")), None)
    required_at = next(
        (i for i, h in enumerate(header) if i and h.startswith(("required", "mandatory"))), None
    )
    for row in table.rows if headless(table) else table.rows[1:]:
        yield from _row(row, len(header), typed_at, required_at)


def _row(row: Row, width: int, typed_at: int | None, required_at: int | None) -> Iterator[Found]:
    cells = list(row.cells)
    # an unescaped pipe between two types cuts the cell in two
    while len(cells) > width and re.match(r"^\s*\[?`", cells[1]):
        cells[0:2] = [f"{cells[0]} | {cells[1]}"]
    names = read_names(cells[0])
    text = "\n\n".join(c for i, c in enumerate(cells[1:], 1) if i != typed_at and c.strip() != ">")
    for named in names:
        types = named.types
        if typed_at is not None and typed_at < len(cells) and not types:
            types = tuple(
                t
                for t in re.split(
                    r"[\s|,/`]+|\bor\b", re.sub(r"\]\([^)]*\)|[\[*]", "", cells[typed_at])
                )
                if t and re.fullmatch(r"[\w.\[\]<>]+", t)
            )
        required = named.required
        if required_at is not None and required_at < len(cells):
            required = required or cells[required_at].strip().strip("*`").lower() in {
                "yes",
                "+",
                "y",
                "true",
            }
        yield describe(named, types, text, required=required, line=row.line)


def describe(
    named: Named, types: tuple[str, ...], text: str, *, required: bool, line: int
) -> Found:
    """Return the parameter with what its description says about its values."""
    typed = resolve(types)
    enum = details.enum_of(text, named.name)
    kind, form = typed.type, details.format_of(text, typed.format, typed.type)
    lowered = {v.upper() for v in enum}
    if kind == "boolean" and not enum and "`Y`" in text and "`N`" in text:
        lowered = {"Y", "N"}
    if lowered and lowered <= {"Y", "N"} and kind in {"boolean", "string", "any", "object"}:
        kind, form, enum = "string", "Y/N", tuple(v for v in ("Y", "N") if v in lowered)
    elif kind == "boolean":
        enum = ()
    if kind in {"object", "array"} or kind.startswith("object"):
        enum = ()
    if kind == "integer" and enum and not all(re.fullmatch(r"-?\d+", v) for v in enum):
        enum = ()
    return Found(
        name=named.name,
        typed=Typed(type=kind, format=form, ref=typed.ref),
        required=required,
        text=text,
        line=line,
        named=named,
        enum=enum,
        default=None if kind == "object" else details.default_of(text),
        source=details.source_of(text),
        open=named.placeholder,
    )
