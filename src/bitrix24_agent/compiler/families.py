"""Decide which family file a method belongs to; the same names always give the same files."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ONE_FILE = 25
_FEWEST = 5
_MOST = 40
# Segments that name a generation of an interface rather than a thing.
_GENERATIONS = {"v1", "v2", "v3", "api"}


def families(names: Iterable[str]) -> dict[str, str]:
    """Return the family of each name: ``crm.deal.add`` -> ``crm.deal``.

    A module with few methods is one family (``timeman``). In a larger one each thing with enough
    methods is a
    family of its own, cut once more when it is very large, and what is left shares the family of
    the module.
    """
    names = sorted(set(names))
    modules = Counter(_thing(name, 1) for name in names)
    things = {
        name: _thing(name, 1 if modules[_thing(name, 1)] <= _ONE_FILE else 2) for name in names
    }
    sizes = Counter(things.values())
    for name, thing in things.items():
        if sizes[thing] > _MOST:
            things[name] = _thing(name, 3)
    sizes = Counter(things.values())
    for _ in range(2):  # a part that is too small joins its thing, a thing its module
        for name, thing in things.items():
            if sizes[thing] < _FEWEST:
                things[name] = _parent(thing)
        sizes = Counter(things.values())
    return things


def _thing(name: str, length: int) -> str:
    """Return the first *length* segments without the verb; generations are not counted."""
    segments = name.lower().split(".")
    if len(segments) == 1:
        return "general"
    kept: list[str] = []
    counted = 0
    for segment in segments[:-1]:
        kept.append(segment)
        counted += segment not in _GENERATIONS
        if counted == length:
            break
    return ".".join(kept)


def _parent(thing: str) -> str:
    segments = thing.split(".")[:-1]
    while segments and segments[-1] in _GENERATIONS:
        segments.pop()
    return ".".join(segments) or thing
