"""Do the arguments fit the method? Every problem at once, before anything is sent.

Neither agent framework checks arguments against a plain JSON Schema, so this does. It is as strict
as the portal and no stricter: v2 takes numbers as text and ``Y``/``N``, objects keyed by number as
lists, and more keys inside objects than the pages list; v3 takes JSON types only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher, get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bitrix24_agent.errors import Problem
from bitrix24_agent.model import Risk
from bitrix24_agent.params import Param
from bitrix24_agent.policy.credentials import credential_name
from bitrix24_agent.policy.values import has_reference, is_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bitrix24_agent.model import Call, Json, Method, MethodDetail
    from bitrix24_agent.policy.port import Catalog

ALWAYS = frozenset({"start"})
"""Parameters of the protocol itself, beside any method's own."""

WRITES = frozenset({"auth_connector"})
"""Parameters that any changing call may carry."""

MAX_PROBLEMS = 25
MAX_GUESSES = 200
_ALIKE = 0.84
_OPERATORS = re.compile(r"^[!=<>@%]+")
_NUMBER = re.compile(r"\s*[+-]?\d+(?:\.\d+)?\s*")
_INTEGER = re.compile(r"\s*[+-]?\d+\s*")
_YES_NO = frozenset({"y", "n", "true", "false", "0", "1"})


def check_arguments(
    method: Method, params: Mapping[str, Json]
) -> tuple[dict[str, Json], list[Problem]]:
    """Return *params* under the catalogue's names, and everything that is wrong with them.

    Top-level names match whatever their case and come in the order the page lists them: the
    portal reads the parameters of some methods by position. ``True`` for a documented ``Y``/``N``
    becomes ``"Y"``; nothing else is changed. Names that carry credentials are left to the gate,
    which refuses them with the rule that says so.
    """
    problems = _Problems()
    return _arguments(method, params, problems), problems[:MAX_PROBLEMS]


def _arguments(method: Method, params: Mapping[str, Json], problems: _Problems) -> dict[str, Json]:
    shape = _shape(method)
    found: dict[str, Json] = {}
    for name, value in params.items():
        node = shape.named(name)
        if node is None:
            found[name] = value
            if not problems.full and not _common(name, method, shape):
                problems.append(_unknown(name, method, shape, problems))
            continue
        own = node.param.name
        if own in found:
            problems.append(Problem(path=name, message=f"was already given as {own}"))
            continue
        found[own] = _check(node, value, own, method.version, problems)
    _absent(shape.root, found, "", problems)
    if method.risk > Risk.READ:
        problems += [
            Problem(
                path=path,
                message="is hidden in a reference; nobody could see what it changes",
                hint="give the object itself, with references for single values",
            )
            for path in _hidden(shape, params)
        ]
    own_order = [name for name in shape.root.inside if name in found]
    return {name: found[name] for name in (*own_order, *(n for n in found if n not in own_order))}


def hidden_references(method: Method, params: Mapping[str, Json]) -> list[str]:
    """Return the path of every object or list that a reference stands for.

    What such a call changes cannot be judged, by rules or by people.
    """
    return _hidden(_shape(method), params)


def check_call(call: Call, catalog: Catalog) -> tuple[Call, list[Problem]]:
    """Check a call, or every command of a batch; problems of a command start with ``cmd.<key>``.

    A method the catalogue does not list has nothing to check against and comes back as it is.
    """
    problems = _Problems()
    return _call(call, catalog, problems), problems[:MAX_PROBLEMS]


def _call(call: Call, catalog: Catalog, problems: _Problems) -> Call:
    if not call.is_batch:
        method = catalog.lookup(call.method, call.version)
        if method is None:
            return call
        return call.with_all(_arguments(method, call.params, problems))
    commands = {}
    for key, inner in call.commands.items():
        if problems.full:
            break
        before = len(problems)
        commands[key] = _call(inner, catalog, problems)
        problems[before:] = [replace(p, path=f"cmd.{key}.{p.path}") for p in problems[before:]]
    return call if problems.full else replace(call, commands=commands)


class _Problems(list[Problem]):
    """What is wrong with a call, and how many names were searched for what they may mean."""

    guesses = 0

    @property
    def full(self) -> bool:
        """Whether more problems would help nobody."""
        return len(self) >= MAX_PROBLEMS

    def may_guess(self) -> bool:
        """Whether one more name may be compared with all documented ones, which takes time."""
        self.guesses += 1
        return not self.full and self.guesses <= MAX_GUESSES


# --- the shape of a method's parameters, made once ------------------------------------------------


@dataclass(slots=True)
class _Node:
    """A parameter with what may be inside it."""

    param: Param
    accepts: Callable[[Json, int], bool]
    inside: dict[str, _Node] = field(default_factory=dict)
    element: _Node | None = None
    required: list[_Node] = field(default_factory=list)
    groups: dict[str, list[_Node]] = field(default_factory=dict)
    enum: frozenset[str] = frozenset()
    yes_no: bool = False


@dataclass(slots=True)
class _Shape:
    """All of a method's parameters; ``top`` by lower-case name."""

    detail: MethodDetail
    root: _Node
    top: dict[str, _Node]

    def named(self, name: str) -> _Node | None:
        """Return the top-level parameter meant: ``sort`` and ``SORT`` can be two of them."""
        return self.root.inside.get(name) or self.top.get(name.lower())


_shapes: dict[tuple[str, int], _Shape] = {}


def _shape(method: Method) -> _Shape:
    key = (method.name, method.version)
    detail = method.detail
    shape = _shapes.get(key)
    if shape is None or shape.detail is not detail:
        shape = _shapes[key] = _build(detail)
    return shape


def _build(detail: MethodDetail) -> _Shape:
    root = _Node(param=_group_of(""), accepts=_anything)
    nodes: dict[tuple[str, ...], _Node] = {(): root}
    params = {p.segments: p for p in detail.params}
    for segments in params:
        _place(segments, params, nodes)
    top = {name.lower(): node for name, node in root.inside.items()}
    return _Shape(detail=detail, root=root, top=top)


def _place(
    segments: tuple[str, ...],
    params: Mapping[tuple[str, ...], Param],
    nodes: dict[tuple[str, ...], _Node],
) -> _Node:
    """Return the node at *segments*, making it and those above it where they are missing."""
    if segments in nodes:
        return nodes[segments]
    *above, last = segments
    param = params.get(segments)
    if last.endswith("[]"):
        holder = _place((*above, last[:-2]), params, nodes)
        node = _node(param or _group_of(".".join(segments)))
        holder.element = node
    else:
        holder = _place(tuple(above), params, nodes)
        node = _node(param or _group_of(".".join(segments)))
        holder.inside[node.param.name] = node
        if param is not None and param.group:
            holder.groups.setdefault(param.group, []).append(node)
        elif param is not None and param.required and not param.example_only:
            holder.required.append(node)
    nodes[segments] = node
    return node


def _group_of(path: str) -> Param:
    """A stand-in for a parent the page does not list."""
    return Param(path=path, type="any", open=True)


def _node(param: Param) -> _Node:
    names = param.type.split("|")
    options = [_TYPES.get("array" if n.endswith("[]") else n, _anything) for n in names]
    accepts = options[0] if len(options) == 1 else _any_of(options)
    closed = param.type == "string" and not (param.open or param.ref or param.source)
    enum = frozenset(v.lower() for v in param.enum) if closed else frozenset()
    yes_no = param.format == "Y/N" or enum == {"y", "n"}
    node = _Node(param=param, accepts=accepts, enum=enum, yes_no=yes_no)
    if len(names) == 1 and names[0].endswith("[]"):
        node.element = _node(Param(path=f"{param.path}[]", type=names[0][:-2], open=True))
    return node


# --- checking -------------------------------------------------------------------------------------


def _check(node: _Node, value: Json, path: str, version: int, problems: _Problems) -> Json:
    """Return *value* as it will be sent; add what is wrong with it."""
    if value is None:
        if node.param.required:
            problems.append(Problem(path=path, message="is required, null was given"))
        return value
    if is_reference(value):
        return value  # another command of the batch will fill it in
    if value == "" and version == 2 and not node.param.required:
        return value  # the portal's way to clear a value
    if node.yes_no and isinstance(value, bool) and version == 2:
        return "Y" if value else "N"
    if not node.accepts(value, version):
        problems.append(_wrong_type(node, value, path, version))
        return value
    if node.enum and str(value).lower() not in node.enum:
        problems.append(_not_in_enum(node, value, path))
    if isinstance(value, dict):
        if node.inside:
            return _check_object(node, value, path, version, problems)
        if node.element is not None:
            element = node.element
            return {
                k: _check(element, v, f"{path}.{k}", version, problems) for k, v in value.items()
            }
    elif isinstance(value, list) and value and (node.element is not None or node.inside):
        element = node.element or node
        if element is node and not all(isinstance(v, dict) for v in value):
            return value
        return [
            _check_item(element, v, f"{path}[{i}]", version, problems) for i, v in enumerate(value)
        ]
    return value


def _check_item(node: _Node, value: Json, path: str, version: int, problems: _Problems) -> Json:
    if isinstance(value, dict) and node.inside:
        return _check_object(node, value, path, version, problems)
    return _check(node, value, path, version, problems)


def _check_object(
    node: _Node, value: dict[str, Json], path: str, version: int, problems: _Problems
) -> dict[str, Json]:
    """Check what is inside an object; unlisted keys pass unless they look mistyped."""
    found: dict[str, Json] = {}
    for name, inner in value.items():
        child = node.inside.get(name)
        if child is not None:
            found[name] = _check(child, inner, f"{path}.{name}", version, problems)
            continue
        found[name] = inner
        if not node.param.open and problems.may_guess():
            meant = _mistyped(name, tuple(node.inside))
            if meant:
                problems.append(
                    Problem(
                        path=f"{path}.{name}", message="is not known", hint=f"did you mean {meant}?"
                    )
                )
    _absent(node, found, path, problems)
    return found


def _absent(node: _Node, found: Mapping[str, Json], path: str, problems: _Problems) -> None:
    """Add what is required and missing; among alternatives one is enough."""
    prefix = f"{path}." if path else ""
    if path and _folded(node.param.name) == "filter":
        found = {_OPERATORS.sub("", name): value for name, value in found.items()}
    for child in node.required:
        if child.param.name not in found and not _spelt(child.param.name, found):
            hint = " or ".join(child.param.type.split("|"))
            if child.param.source:
                hint += f", values: {child.param.source}"
            problems.append(
                Problem(path=prefix + child.param.name, message="is required", hint=hint)
            )
    for group in node.groups.values():
        names = [child.param.name for child in group]
        if not any(name in found or _spelt(name, found) for name in names):
            problems.append(
                Problem(
                    path=prefix + names[0], message="is required", hint=f"one of {', '.join(names)}"
                )
            )


def _spelt(name: str, found: Mapping[str, Json]) -> bool:
    """Whether *found* has *name* in the portal's other spelling (``STAGE_ID`` and ``stageId``)."""
    word = _folded(name)
    return any(_folded(other) == word for other in found)


def _common(name: str, method: Method, shape: _Shape) -> bool:
    """Whether a name is fine without being documented for this method."""
    lower = name.lower()
    if lower in ALWAYS or credential_name(name, top=True):
        return True
    if lower in WRITES:
        return method.risk > Risk.READ
    # user.get and user.update take custom fields beside the documented ones
    return lower.startswith("uf_") and "fields" not in shape.top


# --- references that hide what a call changes -----------------------------------------------------

_HOLDERS = frozenset({
    "fields", "field", "data", "params", "items", "rows", "settings", "options", "config", "values",
    "properties", "propertyvalues", "arfields", "taskdata", "flowdata", "access", "rights",
})  # fmt: skip
"""Names of objects and lists, for parameters whose type no page tells."""


def _hidden(shape: _Shape, params: Mapping[str, Json]) -> list[str]:
    if not any(map(has_reference, params.values())):
        return []
    return [
        path
        for name, value in params.items()
        for path in _behind(shape.named(name), value, name, name)
    ]


def _behind(node: _Node | None, value: Json, name: str, path: str) -> Iterator[str]:
    """Yield the path of every reference in *value* where an object or a list belongs."""
    if is_reference(value):
        if _holds_more(node, name):
            yield path
    elif isinstance(value, dict):
        for inner, part in value.items():
            child = None if node is None else node.inside.get(inner) or node.element
            yield from _behind(child, part, inner, f"{path}.{inner}")
    elif isinstance(value, list):
        element = None if node is None else node.element
        for index, part in enumerate(value):
            # Without a type of its own an element may be a number as well as an object.
            yield from _behind(element, part, "", f"{path}[{index}]")


def _holds_more(node: _Node | None, name: str) -> bool:
    if node is None or node.param.type == "any":
        return bool(node and (node.inside or node.element)) or _folded(name) in _HOLDERS
    types = node.param.type.split("|")
    return all(t in ("object", "array", "any") or t.endswith("[]") for t in types)


# --- problems, in words ---------------------------------------------------------------------------


def _unknown(name: str, method: Method, shape: _Shape, problems: _Problems) -> Problem:
    own = [node.param.name for node in shape.top.values()]
    words = _near(name.lower()[:64], tuple(shape.top)) if problems.may_guess() else []
    near = [shape.top[word].param.name for word in words]
    near = near or [n for n in own if _folded(n) == _folded(name)]
    holder = next((n for n in shape.top.values() if _inside(n, name)), None)
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    elif holder is not None:
        hint = f"it belongs into {holder.param.name}"
    elif own:
        hint = f"it takes {', '.join(own[:12])}"
    else:
        hint = "it takes none"
    return Problem(path=name, message=f"is no parameter of {method.name}", hint=hint)


def _inside(node: _Node, name: str) -> bool:
    word = _folded(name)
    return any(_folded(inner) == word for inner in node.inside)


def _wrong_type(node: _Node, value: Json, path: str, version: int) -> Problem:
    want = " or ".join(t.replace("[]", " list") for t in node.param.type.split("|"))
    if node.param.format:
        want += f" ({node.param.format})"
    hint = ""
    if version == 3 and isinstance(value, str) and _NUMBER.fullmatch(value):
        hint = "REST 3.0 takes JSON numbers, without quotes"
    return Problem(path=path, message=f"must be {want}, not {_kind(value)}", hint=hint)


def _not_in_enum(node: _Node, value: Json, path: str) -> Problem:
    near = get_close_matches(str(value)[:64], node.param.enum, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else ""
    shown = ", ".join(node.param.enum[:20])
    return Problem(path=path, message=f"must be one of {shown}, not {str(value)!r:.60}", hint=hint)


def _kind(value: Json) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return f"the text {value!r:.40}"
    return "a list" if isinstance(value, list) else "an object"


@lru_cache(maxsize=4096)
def _near(word: str, known: tuple[str, ...]) -> list[str]:
    return get_close_matches(word, known, n=2, cutoff=0.6)


@lru_cache(maxsize=4096)
def _mistyped(name: str, known: tuple[str, ...]) -> str | None:
    """Return the documented name that *name* is a slip of, or None."""
    word = _folded(_OPERATORS.sub("", name))
    if not word or word.startswith("uf"):
        return None
    best, score = None, _ALIKE
    for other in known:
        folded = _folded(other)
        if folded == word or _undigited(folded) == _undigited(word):
            return None
        matcher = SequenceMatcher(None, word, folded, autojunk=False)
        if matcher.real_quick_ratio() > score and matcher.ratio() > score:
            best, score = other, matcher.ratio()
    return best


def _folded(name: str) -> str:
    return name.lower().replace("_", "")


def _undigited(name: str) -> str:
    return re.sub(r"\d+", "#", name)


# --- types: what the portal takes -----------------------------------------------------------------


def _anything(_value: Json, _version: int) -> bool:
    return True


def _string(value: Json, version: int) -> bool:
    return isinstance(value, str) or (version == 2 and isinstance(value, int | float))


def _integer(value: Json, version: int) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return True
    if isinstance(value, float):
        return value.is_integer()
    return version == 2 and isinstance(value, str) and _INTEGER.fullmatch(value) is not None


def _number(value: Json, version: int) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return True
    return version == 2 and isinstance(value, str) and _NUMBER.fullmatch(value) is not None


def _boolean(value: Json, version: int) -> bool:
    if isinstance(value, bool):
        return True
    if version == 3:
        return False
    return isinstance(value, str | int) and str(value).strip().lower() in _YES_NO


def _object(value: Json, version: int) -> bool:
    return isinstance(value, dict) or (version == 2 and value == [])


def _array(value: Json, version: int) -> bool:
    return isinstance(value, list) or (version == 2 and isinstance(value, dict))


def _any_of(options: list[Any]) -> Callable[[Json, int], bool]:
    return lambda value, version: any(option(value, version) for option in options)


_TYPES: dict[str, Callable[[Json, int], bool]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "object": _object,
    "array": _array,
    "any": _anything,
}
