"""The documented names that look most like one a caller made up."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_CANDIDATES = 40


def nearest(name: str, names: Iterable[str], limit: int = 3) -> list[str]:
    """Return up to *limit* of *names*, most alike first; empty when nothing is alike.

    Words count before letters: ``crm.deals.create`` is nearer to ``crm.deal.add`` than to
    ``crm.currency.add`` because it shares more of its words, letter by letter.
    """
    wanted = name[:200].lower()
    grams = _trigrams(wanted)
    scored = []
    for candidate in dict.fromkeys(names):
        other = _trigrams(candidate.lower())
        common = len(grams & other)
        if common:
            scored.append((-2 * common / (len(grams) + len(other)), candidate))
    scored.sort()
    best = sorted(
        (-_alike(wanted, candidate.lower()), candidate) for _, candidate in scored[:_CANDIDATES]
    )
    return [candidate for score, candidate in best if score <= -0.5][:limit]


def _trigrams(text: str) -> frozenset[str]:
    padded = f"..{text}."
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2))


def _alike(left: str, right: str) -> float:
    letters = SequenceMatcher(None, left, right, autojunk=False).ratio()
    left_words = {w.lower().rstrip("s") for w in _WORD.findall(left)}
    right_words = {w.lower().rstrip("s") for w in _WORD.findall(right)}
    union = left_words | right_words
    words = len(left_words & right_words) / len(union) if union else 0.0
    return 0.6 * letters + 0.4 * words
