"""The smallest set of scopes that lets a list of methods work, and what cannot work at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bitrix24_agent.model import Method

# Scopes of which any one opens the method; the weakest comes first.
# Source: api-reference/scopes/permissions.md
_ANY_OF = ({"user_brief": 0, "user_basic": 1, "user": 2},)
FREE = frozenset({"basic", ""})
"""Scopes that every credential has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What a credential must be given.

    Attributes:
        scopes: Scope -> the methods that need it, both sorted.
        application_only: Methods that refuse a webhook.
        administrator_only: Methods whose user must be an administrator.
    """

    scopes: Mapping[str, tuple[str, ...]]
    application_only: tuple[str, ...]
    administrator_only: tuple[str, ...]

    def compare(self, granted: Iterable[str]) -> tuple[dict[str, int], tuple[str, ...]]:
        """Return missing scopes with the number of methods each stops, and granted ones unused."""
        have = set(granted)
        missing = {}
        for scope, methods in self.scopes.items():
            group = next((g for g in _ANY_OF if scope in g), {scope: 0})
            if not any(s in have and rank >= group[scope] for s, rank in group.items()):
                missing[scope] = len(methods)
        used = set(self.scopes)
        for group in _ANY_OF:
            if used & group.keys():
                used |= group.keys()
        return missing, tuple(sorted(have - used - FREE))


def needed_scopes(methods: Iterable[Method]) -> Needed:
    """Return the smallest set of scopes for *methods*; of alternatives, the weakest."""
    found: dict[str, set[str]] = {}
    application, administrator = [], []
    for method in methods:
        for scope in _smallest(method.scopes):
            found.setdefault(scope, set()).add(method.name)
        if not method.detail.webhook:
            application.append(method.name)
        if method.detail.audience == "administrator":
            administrator.append(method.name)
    for group in _ANY_OF:
        # A stronger scope that is needed anyway opens what a weaker one would.
        *weaker, strongest = sorted(found.keys() & group.keys(), key=group.__getitem__) or [""]
        for scope in weaker:
            found[strongest] |= found.pop(scope)
    return Needed(
        scopes={scope: tuple(sorted(found[scope])) for scope in sorted(found)},
        application_only=tuple(sorted(set(application))),
        administrator_only=tuple(sorted(set(administrator))),
    )


def _smallest(scopes: tuple[str, ...]) -> list[str]:
    """Return the scopes one method needs: all of them, but only one of a group of alternatives."""
    wanted = [scope for scope in scopes if scope not in FREE]
    for group in _ANY_OF:
        alternatives = [scope for scope in wanted if scope in group]
        if len(alternatives) > 1:
            weakest = min(alternatives, key=group.__getitem__)
            wanted = [s for s in wanted if s not in group or s == weakest]
    return wanted
