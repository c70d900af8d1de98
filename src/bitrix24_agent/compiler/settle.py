"""Settle what the tables leave open (alternatives, lists, objects), learn from examples."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bitrix24_agent.compiler.cells import Named
from bitrix24_agent.compiler.examples import ANY
from bitrix24_agent.compiler.nesting import ROW_FILTERS, holds_keys, is_choice
from bitrix24_agent.compiler.parameters import Found
from bitrix24_agent.compiler.types import Typed
from bitrix24_agent.params import Param

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


ENVELOPE = {"auth", "auth_connector"}
_OPEN_KEYS = re.compile(
    r"^(?:UF_|PARENT_ID_|PROPERTY_|uf[A-Z]|parentId\d|property\d|ufCrm|n\d+$|\d+$|"
    r"[#@%!<>=*?~.])|[^\w.~-]|^$"
)
_LANGUAGES = {
    "ar", "br", "de", "en", "es", "fr", "hi", "id", "in", "it", "ja", "kz", "la", "ms", "pl",
    "ru", "sc", "tc", "th", "tr", "ua", "vn",
}  # fmt: skip
_OPERATORS = re.compile(r"^[!<>=%@*?~+]+")
_OPEN_TEXT = re.compile(
    r"UF_\*|UF_CRM_|UF_\.\.\.|PARENT_ID_|PROPERTY_\*|custom fields?\b|ufCrm|set of (?:keys|"
    r"fields) depends|arbitrary (?:keys|fields|structure)|any keys",
    re.IGNORECASE,
)

_MAP_TEXT = re.compile(
    r"(?:_1|_n|_N|\blang|\bcode|\bid)\"?\s*:\s*\{|\bkeys? (?:is|are)\b[^.\n]{0,40}\b(?:codes?|"
    r"identifiers?|ids?)\b|map of",
    re.IGNORECASE,
)

# --- alternatives -------------------------------------------------------------------------------

_ONE_OF = re.compile(
    r"\b(?:either|at least one of|only one of|exactly one of|one of|"
    r"any of)\b(?P<rest>[^\n]{0,240})",
    re.IGNORECASE,
)
_NEEDED = re.compile(
    r"\b(?:must|required|need(?:s|ed)? to|have to|has to|should|mandatory|pass|specify|"
    r"specified|provide|provided|filled)\b",
    re.IGNORECASE,
)
_UNLESS = re.compile(
    r"(?:required|mandatory)[^.\n]{0,20}?\s+(?:if|when|"
    r"unless)\s+(?:the\s+)?(?:parameter\s+)?(?:neither\s+)?`(?P<other>[\w.]+)`"
    r"(?P<neg>[^.\n]{0,30}?(?:is not|isn't|not)\s+(?:provided|specified|passed|set|filled|given))?",
    re.IGNORECASE,
)
_INSTEAD = re.compile(r"instead of (?:the )?(?:parameter )?`(?P<other>[\w.]+)`", re.IGNORECASE)
_NAME = re.compile(r"`([\w.]+)`")


def group_alternatives(nodes: list[Found], prose: str) -> None:
    """Mark parameters of which one is enough; what they require, their group requires."""
    by_name = {n.name: n for n in nodes}
    for text in (prose, *(n.text for n in nodes)):
        for line in text.split("\n"):
            match = _ONE_OF.search(line)
            if match is None or not _NEEDED.search(line):
                continue
            rest = re.split(r"\.\s", match["rest"])[0]
            _group([by_name.get(n.rsplit(".", 1)[-1]) for n in _NAME.findall(rest)])
    for node in nodes:
        unless = _UNLESS.search(node.text)
        if unless and unless["neg"]:
            _group([node, by_name.get(unless["other"])])
        instead = _INSTEAD.search(node.text)
        if instead:
            other = by_name.get(instead["other"])
            if other is not None and (other.required or node.required):
                _group([other, node])
        if node.inner:
            group_alternatives(node.inner, "")


def _group(members: list[Found | None]) -> None:
    known = list(dict.fromkeys(id(m) for m in members if m is not None))
    nodes = [next(m for m in members if m is not None and id(m) == i) for i in known]
    if len(nodes) < 2 or (any(n.group for n in nodes) and len({n.group for n in nodes}) == 1):
        return
    label = "/".join(n.name for n in nodes)
    for node in nodes:
        node.group = node.group or label
        node.required = False


# --- what the examples show ---------------------------------------------------------------------


def learn(
    top: list[Found], bodies: Iterable[Any], problems: list[tuple[int, str]], line: int
) -> None:
    """Add to *top* what the request examples show and the tables do not."""
    for body in bodies:
        if isinstance(body, dict):
            _learn_keys(top, body, None, problems, line)


def _learn_keys(
    nodes: list[Found],
    body: dict[str, Any],
    parent: Found | None,
    problems: list[tuple[int, str]],
    line: int,
) -> None:
    exact = {n.name: n for n in nodes}
    folded = {n.name.lower(): n for n in reversed(nodes)}
    for key, value in body.items():
        if parent is None and key.lower() in ENVELOPE:
            continue
        name = _OPERATORS.sub("", key) if parent is not None else key
        node = exact.get(name)
        if node is None and parent is None:
            node = folded.get(name.lower())
        if node is None and parent is not None and name.lower() in folded and not parent.open:
            other = folded[name.lower()]
            if (line, f"an example spells {other.name} as {name}") not in problems:
                problems.append((line, f"an example spells {other.name} as {name}"))
            node = other if other.example_only else None
        if name != key and parent is not None:
            parent.open = True
        if node is None:
            if parent is not None and (
                _OPEN_KEYS.search(name)
                or (parent.open and all(n.example_only for n in nodes))
                or is_choice(parent)
                or parent.name.lower() in ROW_FILTERS
            ):
                parent.open = True
                continue
            node = _seen(name, value, line)
            nodes.append(node)
            exact[name] = folded[name.lower()] = node
            _learn_inside(node, value, problems, line)
            continue
        _learn_value(node, value)
        _learn_inside(node, value, problems, line)
    if parent is None:
        return
    for node in nodes:
        if node.required and node.name not in body:
            node.required = False
            problems.append(
                (line, f"{parent.name}.{node.name} is marked required, an example goes without it")
            )


def _learn_inside(node: Found, value: Any, problems: list[tuple[int, str]], line: int) -> None:
    if isinstance(value, dict) and not node.inner and _translations(value):
        node.open = True
    elif isinstance(value, dict) and _is_map(node, value):
        node.keyed = True
        for inner in value.values():
            for one in inner if isinstance(inner, list) else [inner]:
                _learn_keys(node.inner, one, node, problems, line)
    elif isinstance(value, dict):
        _learn_keys(node.inner, value, node, problems, line)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                _learn_keys(node.inner, item, node, problems, line)


def _translations(value: dict[str, Any]) -> bool:
    """Whether *value* is one text in several languages."""
    return bool(value) and set(value) <= _LANGUAGES and set(value) != {"id"}


def _is_map(node: Found, value: dict[str, Any]) -> bool:
    """Whether *value* holds under own keys what the page describes once: ``{"en": {}}``."""
    known = {n.name for n in node.inner if not n.example_only}
    if not known or not value or known & set(value):
        return False
    inside = [i for v in value.values() for i in (v if isinstance(v, list) else [v])]
    return bool(inside) and all(isinstance(i, dict) and known & set(i) for i in inside)


def _seen(name: str, value: Any, line: int) -> Found:
    named = Named(name=name, types=(), required=False)
    return Found(
        name=name, typed=Typed(type=json_type(value) or "any"), required=False, text="", line=line,
        named=named, example_only=True, seen_types={json_type(value) or "any"},
    )  # fmt: skip


def _learn_value(node: Found, value: Any) -> None:
    """Let *node* accept what an example sends for it."""
    kind = json_type(value)
    if kind is None:
        return
    node.seen_types.add(kind)
    if (
        isinstance(value, str)
        and node.enum
        and value not in node.enum
        and "string" in node.typed.type.split("|")
    ):
        node.unlisted.append(value)
    elif not accepts(node, value):
        node.shown.append(kind)
        if isinstance(value, str):
            node.shown_values.add(value)


def json_type(value: Any) -> str | None:
    """Return the JSON type of *value*; None when it says nothing (null, or left to the reader)."""
    if value is None or value == ANY:
        return None
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return "object"
    kinds = {json_type(v) for v in value}
    if len(kinds) == 1 and (one := kinds.pop()) and not one.endswith("[]") and one != "array":
        return f"{one}[]"
    return "array"


def accepts(node: Found, value: Any) -> bool:
    """Whether the page's own type and values cover *value*."""
    kind = json_type(value)
    if kind is None:
        return True
    for option in node.typed.type.split("|"):
        if option == "any" or option == kind or (option == "number" and kind == "integer"):
            return option != "string" or not node.enum or value in node.enum
        if option == "array" and isinstance(value, list):
            return True
        if option.endswith("[]") and isinstance(value, list):
            element = replace_type(node, option[:-2])
            return all(accepts(element, v) for v in value)
    return False


def replace_type(node: Found, kind: str) -> Found:
    """Return *node* as if it were of type *kind*, without its accepted values."""
    return replace(node, typed=Typed(type=kind), enum=(), inner=[], shown=[], unlisted=[])


# --- flattening ---------------------------------------------------------------------------------


def flatten(top: list[Found], version: int) -> tuple[Param, ...]:
    """Return every parameter with its dotted path, parents before children.

    REST 3.0 sends JSON booleans where its tables still say ``Y`` and ``N``.
    """
    params = _flatten(top, "")
    if version == 3:
        return tuple(
            replace(p, type="boolean|string", enum=()) if p.format == "Y/N" else p for p in params
        )
    return tuple(params)


def _flatten(nodes: list[Found], prefix: str, *, filtering: bool = False) -> Iterator[Param]:
    for node in nodes:
        name = escape(node.name)
        kind, enum = _final_type(node)
        if filtering and kind in _LISTABLE and not enum:
            kind = f"{kind}|{kind}[]"  # a filter takes one value or several
        is_open = node.open or (
            holds_keys(node) and bool(_OPEN_TEXT.search(node.text)) and "object" in kind
        )
        if node.name.lower() in ROW_FILTERS and "object" in kind:
            is_open = True
        path = prefix + name
        for child in node.inner:
            if child.example_only and f"`{child.name}`" in node.text:
                child.example_only = False  # the text names it, if not as a table does
        listed = kind.split("|")
        if "object" in listed and all(c.example_only for c in node.inner):
            is_open = True
        if node.inner and not node.seen_types and _MAP_TEXT.search(node.text):
            node.keyed = True
        yield Param(
            path=path,
            type=kind,
            required=node.required,
            enum=enum,
            default=node.default,
            ref=node.typed.ref,
            source=node.source,
            format=node.typed.format,
            open=is_open,
            group=node.group,
            example_only=node.example_only,
        )
        if node.inner:
            into_elements = "object" not in listed and any(
                k.endswith("[]") or k == "array" for k in listed
            )
            inside = f"{path}.{{key}}" if node.keyed else f"{path}[]" if into_elements else path
            yield from _flatten(
                node.inner, f"{inside}.", filtering=node.name.lower() in ROW_FILTERS
            )


_LISTABLE = {"integer", "string", "number"}


def _final_type(node: Found) -> tuple[str, tuple[str, ...]]:
    """Join the page's type with what examples send; tell a list from a map."""
    kinds = node.typed.type.split("|")
    enum = node.enum
    if kinds == ["any"] and not node.named.types and node.seen_types and not node.inner:
        kinds = sorted(node.seen_types)  # the page says no type at all
        if "number" in kinds and "integer" in kinds:
            kinds.remove("integer")
    shown = list(dict.fromkeys(node.shown))
    if kinds == ["boolean"] and shown == ["string"] and node.shown_values <= {"Y", "N"}:
        node.typed = Typed(type="string", format="Y/N", ref=node.typed.ref)
        return "string", ("Y", "N")
    for kind in shown:
        base = kind.removesuffix("[]")
        if kind == "object" and "array" in kinds and len(kinds) == 1:
            kinds = ["object"]  # a PHP array with keys
        elif kind == "object" and kinds == ["array", "object"]:
            continue
        elif kind == "string" and "string" in kinds:
            continue  # a value the list does not name: see below
        elif (
            kind in kinds
            or (kind == "integer" and "number" in kinds)
            or (kind.endswith("[]") and any(k == "array" for k in kinds))
        ):
            continue
        elif (kind == "array" and any(k.endswith("[]") for k in kinds)) or (
            kind.endswith("[]") and any(k.endswith("[]") for k in kinds)
        ):
            kinds = [k for k in kinds if not k.endswith("[]")] + ["array"]
        elif kind == "number" and "integer" in kinds:
            kinds[kinds.index("integer")] = "number"
        elif base:
            kinds.append(kind)
    if (
        node.inner
        and "any" not in kinds
        and not any(k in {"object", "array"} or k.endswith("[]") for k in kinds)
    ):
        kinds.append("object")
    if node.keyed and kinds == ["array"]:
        kinds = ["object"]
    if node.inner and kinds == ["array"]:
        kinds = ["object[]"] if _is_list(node) else ["object"]
    if node.inner and kinds == ["any"]:
        lists = {k for k in node.seen_types if k == "array" or k.endswith("[]")}
        if node.seen_types <= {"object"}:
            kinds = ["object"]
        elif node.seen_types == lists:
            kinds = ["object[]"]
    if enum and node.unlisted:
        enum = tuple(dict.fromkeys((*enum, *node.unlisted)))
    return "|".join(dict.fromkeys(kinds)), enum


def _is_list(node: Found) -> bool:
    if any(k == "array" or k.endswith("[]") for k in node.seen_types):
        return "object" not in node.seen_types
    if "object" in node.seen_types:
        return False
    if re.search(
        r"array of (?:objects|arrays|elements|structures|\w+ objects)|list of objects|"
        r"each (?:element|object|item|array)|"
        r"array elements|elements of the array|\[\s*\{|set of objects",
        node.text,
        re.IGNORECASE,
    ):
        return True
    return not re.search(
        r"associative|object format|key|field|param|settings|options|filter|order",
        f"{node.name} {node.text}",
        re.IGNORECASE,
    )


def escape(name: str) -> str:
    """Write a name as one segment of a dotted path."""
    return name.replace("\\", "\\\\").replace(".", "\\.")
