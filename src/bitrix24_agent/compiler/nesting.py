"""Place the parameters that live inside other parameters: sections, nested tables, key lists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bitrix24_agent.compiler import names
from bitrix24_agent.compiler.cells import Named
from bitrix24_agent.compiler.parameters import (
    Found,
    area,
    describe,
    is_parameter_table,
    parameter_tables,
    primary_sections,
    rows,
)
from bitrix24_agent.compiler.tables import find_tables
from bitrix24_agent.compiler.types import Typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bitrix24_agent.compiler.pages import Page, Section

_LOCAL_LINK = re.compile(r"\]\(#([\w.:%-]+)\)")
_PAGE_LINK = re.compile(r"\]\(([\w./-]+\.md)#([\w.:-]+)\)")
_FIELDS_PAGE = re.compile(r"\]\(([\w./-]*fields[\w-]*\.md)\)")
_TITLE_NOISE = {
    "parameter", "parameters", "object", "objects", "array", "structure", "type", "types",
    "element", "elements", "of", "the", "field", "description", "list", "available", "item",
    "items", "key", "keys", "format", "an", "a", "in", "for", "value", "values", "block",
    "section", "data", "each", "possible",
}  # fmt: skip
_KEY_BULLET = re.compile(
    r"^(?P<indent>\s*)[-*•]\s+(?:\*\*|`)+(?P<name>[A-Za-z_][\w]*(?:\[\])?)(?:\*\*|"
    r"`)+(?P<star>\\?\*)?"
    r"(?P<rest>\s*(?:\(|\[|[—–:-]|,|$).*)$"
)
_INLINE_TYPE = re.compile(
    r"^\s*(?:\(\s*)?(?:\[?`|\()(string|integer|int|double|float|number|boolean|bool|object|array|"
    r"datetime|date|file|char|user)(\[\])?[`)]",
    re.IGNORECASE,
)
_ELEMENTS = re.compile(
    r"array of (?:\w+ )?(?:objects|arrays|structures)|each (?:element|item|object|array)|"
    r"objects? with|associative|in the format[:\s]*`?\{|"
    r"(?:fields|keys|structure|properties|parameters)(?: of [\w ]+)?:\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_FURTHER = re.compile(
    r"(?:additional|further|other|common|general|optional) parameters?$", re.IGNORECASE
)
_INSIDE_WORDS = {
    "field",
    "fields",
    "object",
    "structure",
    "element",
    "format",
    "item",
    "items",
    "description",
    "keys",
}
_NO_KEYS = {
    "asc",
    "desc",
    "y",
    "n",
    "true",
    "false",
    "null",
    "and",
    "or",
    "not",
    "in",
    "like",
    "field_n",
    "value_n",
}
_GENERIC_KEYS = re.compile(r"field_?(?:1|n|name)?\b`?\s*:|\bvalue_(?:1|n)\b|\bfield_n\b")
_MOST_DEPTH = 6
ROW_FILTERS = {"filter"}
ROW_CHOICES = {"select", "order", "sort"}


def build(
    page: Page, top: list[Found], load: Callable[[str], Page | None]
) -> list[tuple[int, str]]:
    """Give every parameter of *top* what stands inside it; return what could not be placed."""
    _settle_dotted(top)
    sections = [s for s in area(page) if s not in primary_sections(page)]
    used: set[int] = set()
    _descend(page, top, "", sections, used, load, busy=frozenset())
    left = _orphans(page, top, sections, used)
    for node in [n for n in top if n.name.endswith("*") and n.inner]:
        top.extend(i for i in node.inner if i.name not in {n.name for n in top})
        node.inner = []
    return left


# --- where a parameter is described -------------------------------------------------------------


def _descend(
    page: Page,
    nodes: list[Found],
    prefix: str,
    sections: list[Section],
    used: set[int],
    load: Callable[[str], Page | None],
    *,
    busy: frozenset[int],
) -> None:
    """Fill *nodes*; *busy* are the sections open above them, which none inside can be again."""
    if prefix.count(".") > _MOST_DEPTH:
        return
    for node in nodes:
        path = f"{prefix}{node.name}"
        inside = busy
        if not node.inner and holds_keys(node):
            for section in _sections_for(node, path, [s for s in sections if id(s) not in busy]):
                found = _tables_of(section, sections)
                inside |= {id(section), *(id(s) for s in found)}
                used.update(id(s) for s in found)
                for one in (r for s in found for t in parameter_tables(s) for r in rows(t)):
                    add(node, one)
                if node.inner:
                    used.add(id(section))
                _from_fields_page(page, node, section.text, load)
            if not node.inner:
                for one in _inside_text(node):
                    add(node, one)
            if not node.inner:
                _from_other_page(page, node, load)
            if not node.inner and _GENERIC_KEYS.search(node.text):
                node.open = True
        _descend(page, node.inner, f"{path}.", sections, used, load, busy=inside)


def is_choice(node: Found) -> bool:
    """Whether it says which fields to return or sort by; its tables list what may be chosen."""
    name = node.name.lower()
    if name == "order":
        return not re.search(
            r"order (?:id|properties|data|fields)|order and", node.text, re.IGNORECASE
        )
    return name in ROW_CHOICES


def holds_keys(node: Found) -> bool:
    """Whether the parameter can hold named keys at all."""
    return any(
        t.startswith(("object", "array", "any")) and t not in {"string[]", "integer[]"}
        for t in node.typed.type.split("|")
    )


def _sections_for(node: Found, path: str, sections: list[Section]) -> list[Section]:
    if is_choice(node):
        return []  # tables it points at name what may be chosen, not what stands inside
    if "_" in node.name:  # a name that cannot be an ordinary word
        named = [s for s in sections if node.name in re.findall(r"\w+", s.title)]
        if named:
            return named
    found: list[Section] = []
    anchors = [a.lower() for a in _LOCAL_LINK.findall(node.text)]
    if node.named.anchor:
        anchors.append(node.named.anchor)
    for anchor in anchors:
        for section in sections:
            if anchor in section.anchors and section not in found:
                found.append(section)
    if found:
        return found
    wanted = {_plain(node.name), _plain(path)}
    if node.typed.ref:
        wanted |= {_plain(r.removesuffix("[]")) for r in node.typed.ref.split(", ")}
    exact = [s for s in sections if _plain(_core(s.title)) in wanted and _plain(_core(s.title))]
    if exact:
        return exact
    if node.name.lower() == "filter":
        return [s for s in sections if re.search(r"filter", s.title, re.IGNORECASE)]
    return []


def _tables_of(section: Section, sections: list[Section]) -> list[Section]:
    """Return the sections whose tables describe what *section* describes."""
    if parameter_tables(section):
        return [section]
    return [s for s in sections if s.parent is section and parameter_tables(s)]


def _core(title: str) -> str:
    words = re.findall(r"[\w.\[\]<>]+", title.replace("`", ""))
    kept = [w for w in words if w.lower() not in _TITLE_NOISE]
    return " ".join(kept or words[-1:])


def _names(title: str) -> set[str]:
    return {w.lower() for w in re.findall(r"\w+", title)}


def _plain(name: str) -> str:
    return re.sub(r"[\s_\[\]-]", "", name.lower())


# --- what the cell itself holds -----------------------------------------------------------------


def _inside_text(node: Found) -> list[Found]:
    """Return the keys that the cell lists itself, as a table or as a list."""
    lines = node.text.split("\n")
    if "#|" in node.text:
        tables = find_tables(lines, [node.line] * len(lines), [])
        found = [r for t in tables if is_parameter_table(t) for r in rows(t)]
        if found:
            return found
    if is_choice(node) or node.name.lower() in ROW_FILTERS:
        return []
    if "object" not in node.typed.type.split("|") and not _ELEMENTS.search(node.text):
        return []
    return _bulleted(node, lines)


def _bulleted(node: Found, lines: list[str]) -> list[Found]:
    found: list[Found] = []
    base: int | None = None
    skipping = False
    for i, line in enumerate(lines):
        bullet = _KEY_BULLET.match(line)
        if not bullet:
            if line.strip() and not line.startswith(" "):
                skipping = bool(
                    re.search(
                        r"values?|operator|prefix|direction|fields for|languages?|letter",
                        line,
                        re.IGNORECASE,
                    )
                )
                base = None if skipping else base
            continue
        if (
            skipping
            or bullet["name"].lower() in _NO_KEYS
            or re.fullmatch(r"(?:field|value)_\w", bullet["name"])
        ):
            continue
        indent = len(bullet["indent"])
        base = indent if base is None else base
        if indent > base:
            continue
        rest = bullet["rest"]
        kind = _INLINE_TYPE.match(re.sub(r"^\s*[—–:,-]\s*", "", rest))
        below = []
        for follow in lines[i + 1 :]:
            deeper = len(follow) - len(follow.lstrip()) > base
            if follow.strip() and not deeper:
                break
            below.append(follow)
        text = "\n".join([rest, *below])
        named = Named(
            name=bullet["name"].removesuffix("[]"), types=(), required=bool(bullet["star"])
        )
        if named.placeholder:
            continue
        types = (kind[1] + (kind[2] or ""),) if kind else ()
        required = named.required or (
            bool(re.search(r"\brequired\b", rest.split(".")[0], re.IGNORECASE))
            and not re.search(
                r"not required|required if|required when|required for", rest, re.IGNORECASE
            )
        )
        found.append(describe(named, types, text, required=required, line=node.line))
    return found if len(found) > 1 or (found and node.typed.type == "object") else []


def _from_other_page(page: Page, node: Found, load: Callable[[str], Page | None]) -> None:
    """Take the table that the parameter's type or description links to on another page."""
    if is_choice(node) or node.name.lower() in ROW_FILTERS or node.typed.type == "any":
        return
    cell_and_text = f"{node.named.link or ''}\n{node.text}"
    for href, anchor in _PAGE_LINK.findall(cell_and_text):
        other = load(resolve_link(page.path, href))
        section = other.anchored(anchor) if other else None
        if section is not None:
            _take(node, section)
        if node.inner:
            return
    _from_fields_page(page, node, node.text, load)


def _from_fields_page(
    page: Page, node: Found, text: str, load: Callable[[str], Page | None]
) -> None:
    """Add what the page of fields lists that *text* links to, beside what is there already."""
    if node.name.lower() != "fields":
        return
    for href in _FIELDS_PAGE.findall(text):
        other = load(resolve_link(page.path, href))
        if other is None or names.identify(other) is not None:
            continue
        for section in other.sections:
            if parameter_tables(section):
                _take(node, section)
                return


def _take(node: Found, section: Section) -> None:
    """Put the rows of *section* inside *node*, those left out that can only be read."""
    for table in parameter_tables(section):
        for one in rows(table):
            known = {n.name for n in node.inner}
            if one.name not in known and not re.search(r"read.only", one.text, re.IGNORECASE):
                one.required = False  # the other page describes the object, not this call
                add(node, one)


def resolve_link(path: str, href: str) -> str:
    """Return the page that *href* on the page *path* points at, relative to the checkout."""
    parts = path.split("/")[:-1]
    for part in href.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


# --- putting rows into place --------------------------------------------------------------------


def add(node: Found, one: Found) -> None:
    """Put *one* inside *node*; a known name is merged, a placeholder opens *node*."""
    if one.open and one.named.placeholder and not re.fullmatch(r"[\w.\[\]]+", one.name):
        node.open = True
        return
    if one.named.placeholder:
        node.open = True
        return
    if node.name.lower() in ROW_FILTERS:
        one.name = re.sub(r"^[!<>=%@*?~]+", "", one.name)
        one.required = one.required and one.named.required
    segments = split_path(one.name)
    if segments and segments[0].removesuffix("[]") == node.name and len(segments) > 1:
        segments = segments[1:]
    _insert(node, segments, one)


def _insert(node: Found, segments: list[str], one: Found) -> None:
    name = segments[0].removesuffix("[]")
    if not name:
        return
    child = next((c for c in node.inner if c.name == name), None)
    if len(segments) > 1:
        if child is None:
            kind = "object[]" if segments[0].endswith("[]") else "object"
            child = _bare(name, kind, one.line)
            node.inner.append(child)
        _insert(child, segments[1:], one)
        return
    if segments[0].endswith("[]"):
        if child is None:
            child = _bare(name, "array", one.line)
            node.inner.append(child)
        kind = one.typed.type
        if (
            child.typed.type == "array"
            and kind not in {"any", "array"}
            and "|" not in kind
            and not kind.endswith("[]")
        ):
            child.typed = Typed(type=f"{kind}[]", ref=one.typed.ref)
        child.text = f"{child.text}\n\n{one.text}"
        return
    if child is None:
        one.name = name
        node.inner.append(one)
    else:
        merge(child, one)


def _bare(name: str, kind: str, line: int) -> Found:
    named = Named(name=name, types=(), required=False)
    return Found(name=name, typed=Typed(type=kind), required=False, text="", line=line, named=named)


def merge(into: Found, other: Found) -> None:
    """Join two rows of the same name: types become alternatives, required only when both say so."""
    if "Y/N" in {into.typed.format, other.typed.format} and {into.typed.type, other.typed.type} == {
        "string",
        "boolean",
    }:
        yes_no = into if into.typed.format == "Y/N" else other
        into.typed, into.enum = yes_no.typed, yes_no.enum
        other.typed, other.enum = yes_no.typed, yes_no.enum
    kinds = list(into.typed.type.split("|"))
    kinds += [k for k in other.typed.type.split("|") if k not in kinds]
    if "any" in kinds:
        kinds = ["any"]
    same = into.typed.type == other.typed.type
    into.typed = Typed(
        type="|".join(kinds),
        format=into.typed.format if same and into.typed.format == other.typed.format else None,
        ref=into.typed.ref if into.typed.ref == other.typed.ref else None,
    )
    into.required = into.required and other.required
    if into.enum != other.enum:
        into.enum = (
            tuple(dict.fromkeys((*into.enum, *other.enum))) if into.enum and other.enum else ()
        )
    if into.default != other.default:
        into.default = None
    if into.source != other.source:
        into.source = None
    if other.text not in into.text:
        into.text = f"{into.text}\n\n{other.text}"


def split_path(name: str) -> list[str]:
    """Cut ``a.b``, ``a[b]`` and ``a[].b`` into segments; ``[]`` stays with its segment."""
    name = re.sub(
        r"\[['\"]?(\w+)['\"]?\]", lambda m: f".{m[1]}" if not m[1].isdigit() else "[]", name
    )
    return [s for s in name.split(".") if s and s != "[]"] or [name]


def _settle_dotted(top: list[Found]) -> None:
    """Move ``fields.TITLE`` of the own table into ``fields``; ``UF_...`` becomes ``UF_*``."""
    for node in top:
        if node.named.placeholder:
            node.name = (
                re.sub(r"(?:\.\.\.|…|<[^>]*>|\{[^}]*\}|(?<=_)[Xx]+|\*)+$", "", node.name) + "*"
            )
    by_name = {n.name: n for n in top}
    for node in list(top):
        segments = split_path(node.name)
        head = segments[0].removesuffix("[]")
        if len(segments) > 1 or segments[0].endswith("[]"):
            parent = by_name.get(head)
            top.remove(node)
            if parent is None:
                parent = _bare(
                    head, "object[]" if segments[0].endswith("[]") else "object", node.line
                )
                by_name[head] = parent
                top.append(parent)
            if len(segments) > 1:
                _insert(parent, segments[1:], node)


def _orphans(
    page: Page, top: list[Found], sections: list[Section], used: set[int]
) -> list[tuple[int, str]]:
    """Place tables nobody points at by the names in their titles; tell the rest."""
    problems: list[tuple[int, str]] = []
    everything = list(walk(top))
    for section in sections:
        if id(section) in used or not parameter_tables(section):
            continue
        if not any("parameter" in t.lower() for t in section.path()[1:]):
            continue
        words = _names(section.title)
        if words & {"values", "value", "returned"} or words & ROW_CHOICES:
            continue
        target = next(
            (
                n
                for n in everything
                if holds_keys(n) and not n.inner and n.name.lower() in words and not is_choice(n)
            ),
            None,
        )
        bare = [n for n in top if holds_keys(n) and not n.inner and not is_choice(n)]
        beside = section.parent in primary_sections(page) or section.level == 2
        if target is None and beside and _FURTHER.match(section.title):
            for table in parameter_tables(section):
                for one in rows(table):
                    if one.name not in {n.name for n in top}:
                        top.append(one)
            continue
        if target is None and beside and len(bare) == 1 and words & _INSIDE_WORDS:
            target = bare[0]
        if target is None:
            problems.append((section.line, f"a table of parameters with no place: {section.title}"))
            continue
        for table in parameter_tables(section):
            for one in rows(table):
                add(target, one)
        everything = list(walk(top))
    return problems


def walk(nodes: Iterable[Found]) -> Iterable[Found]:
    """Yield every parameter, parents before children."""
    for node in nodes:
        yield node
        yield from walk(node.inner)
