"""Fit text and lists into a number of tokens, and reference files into a number of files."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from bitrix24_agent.tokens import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_FILES = 2
"""Reference files an agent reads before its first step; packs.md says so too."""

_Item = TypeVar("_Item")


def fit(
    items: Iterable[_Item], max_tokens: int, text: Callable[[_Item], str], *, least: int = 1
) -> list[_Item]:
    """Return the first *items* whose texts fit into *max_tokens*; at least *least* of them."""
    kept: list[_Item] = []
    room = max_tokens
    for item in items:
        room -= count(text(item))
        if room < 0 and len(kept) >= least:
            break
        kept.append(item)
    return kept


def trim(text: str, max_tokens: int, *, note: str = "[cut]") -> str:
    """Return *text* cut at the end of a line so that it costs at most about *max_tokens*."""
    if count(text) <= max_tokens:
        return text
    kept: list[str] = []
    room = max_tokens - count(note)
    for line in text.split("\n"):
        room -= count(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, note])
