"""Runs a recipe step by step through the gateway, the way an agent would."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_agent import SyncToolkit
    from bitrix24_agent.model import Chain, ChainStep

_NAME = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_PART = re.compile(r"\.?(\w+)|\[(\d+)\]|\[(\w+)=([^\]]*)\]")


class GivesNothing(AssertionError):
    """An answer does not have what a step promises to give."""


@dataclass(kw_only=True)
class Run:
    """What became of a recipe: the answer of each step, and the values it ended with."""

    answers: list[Any] = field(default_factory=list)
    known: dict[str, Any] = field(default_factory=dict)


def examples(chain: Chain) -> dict[str, Any]:
    """Return the example values of ``Needs``."""
    return {name: json.loads(text) for name, text in chain.needs.items()}


def filled(value: Any, known: dict[str, Any]) -> Any:
    """Return *value* with every ``{{name}}`` replaced, in keys too."""
    if isinstance(value, str):
        whole = _NAME.fullmatch(value)
        return known[whole[1]] if whole else _NAME.sub(lambda m: str(known[m[1]]), value)
    if isinstance(value, dict):
        return {filled(key, known): filled(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, known) for inner in value]
    return value


def picked(answer: Any, path: str) -> Any:
    """Return what *path* leads to; ``[n]`` and ``[KEY=value]`` also pick in objects keyed by id."""
    found, at = answer, 0
    while at < len(path):
        part = _PART.match(path, at)
        if part is None:
            raise GivesNothing(f"{path!r} cannot be read")
        try:
            if part[1] is not None:
                found = found[part[1]]
            else:
                rows = list(found.values()) if isinstance(found, dict) else found
                if part[2] is not None:
                    found = rows[int(part[2])]
                else:
                    found = next(row for row in rows if str(row.get(part[3])) == part[4])
        except (KeyError, IndexError, TypeError, StopIteration):
            raise GivesNothing(f"{path!r} is not in {answer!r:.300}") from None
        at = part.end()
    return found


def version_of(kit: SyncToolkit, step: ChainStep) -> int | None:
    """Return the version a step means: the stated one, else 2 where both exist."""
    if step.version:
        return step.version
    return 2 if kit.references.lookup(step.method, 2) else None


def run(
    kit: SyncToolkit, chain: Chain, meanwhile: dict[int, Callable[[], None]] | None = None
) -> Run:
    """Run *chain* with its example values; *meanwhile* happens after a step, by its number."""
    done = Run(known=examples(chain))
    for number, step in enumerate(chain.steps, start=1):
        params = filled(step.params, done.known)
        answer = kit.call(step.method, params, version=version_of(kit, step))
        done.answers.append(answer.result)
        for name, path in step.gives.items():
            done.known[name] = picked({"result": answer.result}, filled(path, done.known))
        if meanwhile and number in meanwhile:
            meanwhile[number]()
    return done
