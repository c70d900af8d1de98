"""Arguments as plain, private JSON: copied once, so nothing can change after it was judged."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bitrix24_agent.errors import ArgumentsError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_agent.model import Json

MAX_DEPTH = 32
MAX_BYTES = 4 * 1024 * 1024
MAX_BITS = 128
REFERENCE = re.compile(r"\$result\s*\[", re.IGNORECASE)
"""A batch reference inside a string: its value is not known before the batch runs."""

_BAD_IN_KEY = re.compile(r"[\[\]\x00-\x1f\x7f]")


def plain(value: object, path: str = "") -> Json:
    """Return a private copy of *value* made of dict, list, str, int, float, bool and None only.

    Raises:
        ArgumentsError: It cannot be sent as JSON: wrong types, NaN, NUL, cycles, too deep or too
        large.
    """
    return _Copier().copy(value, path, 0)


def plain_params(value: object) -> dict[str, Json]:
    """Return the parameters of a call as a private dict; JSON text is read, None means none.

    Raises:
        ArgumentsError: They are no object, cannot be sent, or hold a name twice in different case.
    """
    if value is None:
        return {}
    if isinstance(value, str):
        value = read_json(value, "params")
    if not isinstance(value, Mapping):
        raise refused("params", "must be an object", "send {} when there are none")
    copied: dict[str, Json] = plain(value)
    no_twins(copied, "")
    return copied


def no_twins(params: Mapping[str, object], path: str) -> None:
    """Refuse names that differ only in case: the portal may read either.

    Raises:
        ArgumentsError: Two names differ only in case.
    """
    seen: dict[str, str] = {}
    for name in params:
        twin = seen.setdefault(name.lower(), name)
        if twin != name:
            where = f"{path}.{name}" if path else name
            raise refused(where, f"was already given as {twin}", "give each parameter once")


def read_json(text: str, path: str) -> Json:
    """Return the value of JSON *text*; names given twice and NaN are refused.

    Raises:
        ArgumentsError: It is no JSON, or ambiguous.
    """
    if len(text) > MAX_BYTES:
        raise refused(path, f"is larger than {MAX_BYTES // 1024**2} MB")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a name is given twice")
        return found

    def never(name: str) -> object:
        raise ValueError(f"{name} is no JSON")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=never)
    except RecursionError:
        problem = f"is nested deeper than {MAX_DEPTH} levels"
    except ValueError as error:
        problem = f"is no JSON: {getattr(error, 'msg', error)}"
    raise refused(path, problem)


def refused(path: str, message: str, hint: str = "") -> ArgumentsError:
    """Return the error about one parameter."""
    problem = Problem(path=path or "params", message=message, hint=hint)
    return ArgumentsError(str(problem), problems=(problem,))


def walk(value: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Json]]:
    """Yield every leaf and every empty container of *value* with the names that lead to it.

    A v3 reference (``{"$ref": ...}``) is one leaf: it stands for a value nobody has seen yet.
    """
    if isinstance(value, dict) and value and not is_reference(value):
        for name, inner in value.items():
            yield from walk(inner, (*path, name))
    elif isinstance(value, list) and value:
        for inner in value:
            yield from walk(inner, (*path, "[]"))
    else:
        yield path, value


def has_reference(value: Json) -> bool:
    """Whether *value* depends on another command: ``$result[...]``, or ``{"$ref": ...}`` in v3."""
    if isinstance(value, str):
        return "$" in value and REFERENCE.search(value) is not None
    if isinstance(value, dict):
        return is_reference(value) or any(map(has_reference, value.values()))
    return isinstance(value, list) and any(map(has_reference, value))


def is_reference(value: Json) -> bool:
    """Whether another command fills in *value* itself, not only something inside it."""
    if isinstance(value, dict):
        return any(name.lower() in ("$ref", "$refarray") for name in value)
    return isinstance(value, str) and has_reference(value)


def is_false(value: Json) -> bool:
    """Whether the portal reads *value* as "no"."""
    return value is None or str(value).strip().lower() in {
        "n",
        "no",
        "false",
        "0",
        "",
        "f",
        "off",
        "0.0",
    }


class _Copier:
    """Copies one value and counts what it will weigh as JSON."""

    def __init__(self) -> None:
        self._bytes = 0

    def copy(self, value: object, path: str, depth: int) -> Json:
        if type(value) is str:
            return self._text(value, path)
        if value is None or type(value) is bool:
            self._weigh(5, path)
            return value
        if type(value) is int:
            return self._integer(value, path)
        if type(value) is float:
            return self._number(value, path)
        if isinstance(value, Mapping):
            self._deep(path, depth)
            self._weigh(2, path)
            return {
                self._key(name, path): self.copy(
                    inner, f"{path}.{name}" if path else str(name), depth + 1
                )
                for name, inner in value.items()
            }
        if isinstance(value, list | tuple):
            self._deep(path, depth)
            self._weigh(2, path)
            return [self.copy(inner, f"{path}[{i}]", depth + 1) for i, inner in enumerate(value)]
        if isinstance(value, str):
            return self._text(str.__str__(value), path)
        if isinstance(value, int):
            return self._integer(int(value), path)
        if isinstance(value, float):
            return self._number(float(value), path)
        raise refused(
            path, f"a {type(value).__name__} cannot be sent", "use text, numbers, lists and objects"
        )

    def _key(self, name: object, path: str) -> str:
        if not isinstance(name, str):
            raise refused(path, f"the name {name!r:.40} is no text")
        name = str.__str__(name)
        if _BAD_IN_KEY.search(name):
            raise refused(
                path,
                f"the name {name!r:.40} holds a bracket or control character",
                "nest objects instead",
            )
        self._text(name, path)
        return name

    def _text(self, text: str, path: str) -> str:
        if "\0" in text:
            raise refused(path, "holds a NUL character")
        if text.isascii():
            self._weigh(len(text) + 3, path)
            return text
        try:
            self._weigh(len(text.encode()) + 3, path)
        except UnicodeEncodeError:
            broken = True
        else:
            broken = False
        if broken:
            raise refused(path, "holds half a character (a lone surrogate)")
        return text

    def _number(self, number: float, path: str) -> float:
        if not math.isfinite(number):
            raise refused(path, f"{number} is no JSON number")
        self._weigh(8, path)
        return number

    def _integer(self, number: int, path: str) -> int:
        if number.bit_length() > MAX_BITS:
            raise refused(path, "is a number no portal can hold", "send a long number as text")
        self._weigh(5, path)
        return number

    def _weigh(self, size: int, path: str) -> None:
        self._bytes += size
        if self._bytes > MAX_BYTES:
            where = path[:80]
            raise refused(where, f"the parameters are larger than {MAX_BYTES // 1024**2} MB")

    def _deep(self, path: str, depth: int) -> None:
        if depth >= MAX_DEPTH:
            where = path[:80]
            raise refused(where, f"is nested deeper than {MAX_DEPTH} levels, or holds itself")
