"""JSON in and out: orjson where it is installed, otherwise the standard library; same values."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from bitrix24_agent.errors import ArgumentsError, Problem

if TYPE_CHECKING:
    from bitrix24_agent.model import Json

orjson: Any
try:
    import orjson
except ImportError:  # pragma: no cover -- the development environment has it; tests take it away
    orjson = None

_PLAIN = (str, int, bool, type(None))


def dumps(value: Json) -> bytes:
    """Return *value* as compact UTF-8 JSON.

    Raises:
        ArgumentsError: Something in it is no JSON value (NaN and infinities included); names the
            path.
    """
    check(value)
    if orjson is not None:
        try:
            encoded: bytes = orjson.dumps(value)
        except TypeError:
            pass  # integers over 64 bits, lone surrogates: the standard library can
        else:
            return encoded
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def loads(data: bytes) -> Json:
    """Return the value of JSON *data*; ValueError when it is none.

    What orjson refuses and PHP produces (lone surrogates, a byte order mark, NaN) is read by the
    standard library.
    """
    if orjson is not None:
        try:
            return orjson.loads(data)
        except ValueError:
            pass
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def check(value: Json, path: str = "") -> None:
    """Raise ArgumentsError, naming the path, unless *value* is made of JSON values only."""
    kind = type(value)
    if kind in _PLAIN:
        return
    if kind is float:
        if not math.isfinite(value):
            raise _bad(path, f"{value} is no JSON number")
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise _bad(f"{path}.{key}".lstrip("."), "keys must be strings")
            if type(inner) not in _PLAIN:
                check(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            if type(inner) not in _PLAIN:
                check(inner, f"{path}[{place}]")
    elif not isinstance(value, str | int | float):
        raise _bad(path, f"a {kind.__name__} is no JSON value; use text, numbers, lists, objects")


def _bad(path: str, message: str) -> ArgumentsError:
    where = path or "parameters"
    return ArgumentsError(
        f"the parameters cannot be encoded: {where}: {message}",
        problems=[Problem(path=where, message=message)],
    )
