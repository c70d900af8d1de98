"""Parameters of a method and the JSON Schema made from them.

The dialect is the one every provider accepts: ``type: object`` with ``properties`` always present,
optional means absent from ``required``, enums of strings only, and none of
``additionalProperties``, ``$ref``, ``default``, ``const``, ``oneOf``, type lists or titles.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

JSON_TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array", "any"})
_KEY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_DOT = re.compile(r"(?<!\\)\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter, addressed by its dotted path (``fields.TITLE``, ``settings.blocks[].id``).

    Attributes:
        path: Dotted path; ``[]`` after a segment means "each element of that array".
        type: ``string integer number boolean object array any``, an array of one (``integer[]``),
            or alternatives separated by ``|`` (``string|integer``).
        required: The page marks it required.
        enum: Accepted values as the page writes them.
        default: Default as the page writes it, or None.
        ref: The vendor's reference type (``crm_status``, ``user``, ``file``), or None.
        source: Method (and fixed parameters) that lists the accepted values, or None.
        format: ``date``, ``datetime``, ``base64``, ``Y/N`` and the like, with the unit where
            stated, or None.
        open: An object that takes keys the page does not list (``UF_*`` and friends).
        group: Label shared by alternatives; exactly one of the group is needed.
        example_only: Only the page's examples show it.
    """

    path: str
    type: str = "any"
    required: bool = False
    enum: tuple[str, ...] = ()
    default: str | None = None
    ref: str | None = None
    source: str | None = None
    format: str | None = None
    open: bool = False
    group: str | None = None
    example_only: bool = False

    @property
    def segments(self) -> tuple[str, ...]:
        r"""The path cut at its dots; ``\.`` is a dot inside a name."""
        if "\\" not in self.path:
            return tuple(self.path.split("."))
        return tuple(part.replace("\\.", ".") for part in _DOT.split(self.path))

    @property
    def name(self) -> str:
        """The last segment without array marks."""
        return self.segments[-1].removesuffix("[]")

    @property
    def top_level(self) -> bool:
        """Whether it stands beside the method name rather than inside another parameter."""
        return len(self.segments) == 1 and not self.path.endswith("[]")

    @property
    def hint(self) -> str:
        """What a model should know beyond the type, on one line; empty when there is nothing."""
        parts = []
        if self.ref:
            parts.append(self.ref)
        if self.format:
            parts.append(self.format)
        if self.source:
            parts.append(f"values: {self.source}")
        if self.default is not None:
            parts.append(f"default {self.default}")
        if self.open:
            parts.append("more keys allowed")
        if self.group:
            parts.append(f"one of: {self.group}")
        return "; ".join(parts)


def to_schema(params: Iterable[Param]) -> dict[str, Any]:
    """Return a fresh JSON Schema for *params* in the portable dialect.

    Keys a provider would refuse (anything but letters, digits, ``_ . -``, at most 64 characters)
    are left out of the schema; the gateway still accepts them.
    """
    params = list(params)
    root: dict[str, Any] = {"type": "object", "properties": {}}
    nodes: dict[tuple[str, ...], dict[str, Any]] = {(): root}
    known = {p.segments: p for p in params}
    for param in params:
        _place(param.segments, known, nodes)
    return root


def _place(
    segments: tuple[str, ...],
    known: dict[tuple[str, ...], Param],
    nodes: dict[tuple[str, ...], dict[str, Any]],
) -> dict[str, Any] | None:
    """Return the schema node of *segments*, making it and its parents where they are missing."""
    if segments in nodes:
        return nodes[segments]
    *head, last = segments
    name = last.removesuffix("[]")
    if not _KEY.fullmatch(name):
        return None
    parent = _place(tuple(head), known, nodes)
    if parent is None:
        return None
    holder = _object_part(parent)
    plain = (*head, name)
    if last.endswith("[]"):
        node = _place(plain, known, nodes)
        if node is not None:
            element = _array_part(node)
            param = known.get(segments)
            if param is not None:
                element.update(_leaf(param))
            nodes[segments] = element
            return element
        return None
    param = known.get(segments)
    node = _leaf(param) if param is not None else {"type": "object", "properties": {}}
    holder["properties"][name] = node
    if param is not None and param.required and not param.group:
        holder.setdefault("required", []).append(name)
    nodes[segments] = node
    return node


def _object_part(node: dict[str, Any]) -> dict[str, Any]:
    """Return the part of *node* that can hold properties, turning it into an object if need be."""
    for option in node.get("anyOf", ()):
        if option.get("type") == "object":
            node = option
            break
    if node.get("type") == "array":
        return _object_part(_array_part(node))
    if "anyOf" not in node:
        node["type"] = "object"
    node.setdefault("properties", {})
    return node


def _array_part(node: dict[str, Any]) -> dict[str, Any]:
    """Return the element schema of *node*, turning it into an array if need be."""
    for option in node.get("anyOf", ()):
        if option.get("type") == "array":
            node = option
            break
    if node.get("type") != "array":
        node.pop("properties", None)
        node["type"] = "array"
    element: dict[str, Any] = node.setdefault("items", {})
    return element


def _leaf(param: Param) -> dict[str, Any]:
    """Return the schema of one parameter by itself."""
    options = [_of_type(t) for t in param.type.split("|")]
    node: dict[str, Any]
    if len(options) == 1:
        node = options[0]
    elif {} in options:
        node = {}
    else:
        node = {"anyOf": options}
    if param.enum and param.type == "string":
        node["enum"] = list(param.enum)
    elif param.enum:
        node["description"] = f"one of {', '.join(param.enum)}"
    hint = param.hint
    if hint:
        node["description"] = "; ".join(filter(None, [node.get("description"), hint]))[:1024]
    return node


def _of_type(name: str) -> dict[str, Any]:
    if name.endswith("[]"):
        return {"type": "array", "items": _of_type(name[:-2])}
    if name == "object":
        return {"type": "object", "properties": {}}
    if name == "array":
        return {"type": "array", "items": {}}
    if name == "any":
        return {}
    return {"type": name}
