"""Query strings as PHP reads them, so that what hides in one is judged like any other parameter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from bitrix24_agent.policy.values import MAX_BYTES, MAX_DEPTH, refused

if TYPE_CHECKING:
    from bitrix24_agent.model import Json

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")


def read_query(query: str, path: str) -> dict[str, Json]:
    """Return the parameters of ``a=1&b[c]=2&d[]=x`` nested; numbers stay text, as on the wire.

    Anything PHP would resolve by guessing (a name twice, a value and an object under one name, a
    bracket left open) is refused instead.

    Raises:
        ArgumentsError: The query string is ambiguous or broken.
    """
    if len(query) > MAX_BYTES:
        raise refused(path, f"is larger than {MAX_BYTES // 1024**2} MB")
    root: dict[str, Json] = {}
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            _put(root, _steps(_decode(name, path), path), _decode(value, path), path)
    return {name: _lists(value) for name, value in root.items()}


def _decode(text: str, path: str) -> str:
    if _BROKEN.search(text):
        raise refused(path, "holds a lone %", "write it as %25")
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        pass
    raise refused(path, "is no UTF-8 after decoding")


def _steps(name: str, path: str) -> list[str]:
    """``a[b][]`` -> ``["a", "b", ""]``."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise refused(path, f"the name {name!r:.60} is not readable", "write it like filter[ID]")
    inner = match[2][1:-1].split("][") if match[2] else []
    if len(inner) >= MAX_DEPTH:
        raise refused(path, f"is nested deeper than {MAX_DEPTH} levels")
    return [match[1], *inner]


def _put(root: dict[str, Json], steps: list[str], value: str, path: str) -> None:
    node = root
    for step in steps[:-1]:
        child = node.setdefault(step or str(len(node)), {})
        if not isinstance(child, dict):
            raise refused(path, f"{steps[0]} is given as a value and as an object")
        node = child
    last = steps[-1] or str(len(node))
    if last in node:
        raise refused(path, f"{steps[0]} is given twice")
    node[last] = value


def _lists(value: Json) -> Json:
    """Turn objects keyed 0, 1, 2... back into lists, all the way down."""
    if not isinstance(value, dict):
        return value
    if list(value) == [str(i) for i in range(len(value))]:
        return [_lists(inner) for inner in value.values()]
    return {name: _lists(inner) for name, inner in value.items()}
