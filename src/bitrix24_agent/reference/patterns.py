"""Sort methods into packs by the patterns of ``packs.md``: the longest pattern that fits wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bitrix24_agent.model import Pack


class PackRules:
    """The patterns of all packs, ready to be asked."""

    def __init__(self, packs: Mapping[str, Pack]) -> None:
        self._rules: list[tuple[str, str, bool]] = []
        for pack in packs.values():
            for pattern in pack.patterns:
                out = pattern.startswith("!")
                self._rules.append((pattern.removeprefix("!").lower(), pack.name, out))

    def pack_of(self, name: str) -> str | None:
        """Return the pack of the method *name*, or None when no pattern fits."""
        name = name.lower()
        best: tuple[int, str] | None = None
        barred = {p for pattern, p, out in self._rules if out and _fits(pattern, name)}
        for pattern, pack, out in self._rules:
            if out or pack in barred or not _fits(pattern, name):
                continue
            weight = len(pattern) + (0 if pattern.endswith("*") else 1000)
            if best is None or weight > best[0]:
                best = (weight, pack)
        return best[1] if best else None

    def unused(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield pattern and pack of every pattern that fits none of *names*."""
        lower = [n.lower() for n in names]
        for pattern, pack, _ in self._rules:
            if not any(_fits(pattern, name) for name in lower):
                yield pattern, pack


def _fits(pattern: str, name: str) -> bool:
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return name == pattern
