"""Score methods against one part of a request: verb and object first, then text."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from bitrix24_agent.retrieval.text import english_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bitrix24_agent.retrieval.profile import Profile
    from bitrix24_agent.retrieval.request import Group, Part
    from bitrix24_agent.retrieval.vocabulary import Vocabulary

THRESHOLD = 0.44
"""Scores below say that nothing fits; calibrated on the labelled requests of tests/retrieval."""

_MAY = 0.8
_AGAIN = 0.6
_ASIDE = 0.6
_FIELD = 0.9
_WORD = 0.55
_VERB = 0.5
_MISSING = 0.55
_DEPRECATED = 0.95
_STORY = 0.8
_PLAIN = 0.3  # an unknown word that is neither quoted nor a name weighs this
_UNRELATED = 0.12

# How far a request can lead whose best word for the method is only of this kind.
_ANCHOR = {"thing": 1.0, "soft": 0.88, "field": 0.6, "word": 0.4, "hint": 0.3}

# A word that few summaries have tells more than one that many have.
_RARE = ((3, 0.6, 0.66), (8, 0.5, 0.58), (20, 0.4, 0.48))
_BOTH_RARE = 0.74

# What a request without a verb usually wants.
_SILENT = {"list": 0.9, "get": 0.85, "search": 0.6, "count": 0.5, "history": 0.6}
_SILENT_ELSE = 0.35
# What it wants when its first word, probably the verb, is not known.
_ODD = {"update": 0.66, "add": 0.64, "list": 0.64, "get": 0.62, "send": 0.6, "fields": 0.3}
_ODD_ELSE = 0.55


Ranking: TypeAlias = "list[tuple[float, Profile]]"
"""Scores from 0 to 1 with their methods, best first."""


class Index:
    """Profiles by what they are about, so that only methods with a word in common are scored."""

    def __init__(self, profiles: Sequence[Profile], vocabulary: Vocabulary) -> None:
        self.profiles = profiles
        self._near = vocabulary.near
        self._fields = vocabulary.fields
        self._core: dict[str, list[int]] = {}
        self._words: dict[str, list[int]] = {}
        self._names: dict[str, list[int]] = {}
        for place, profile in enumerate(profiles):
            for id_ in profile.ids:
                self._core.setdefault(id_, []).append(place)
            for word in profile.words:
                self._words.setdefault(word, []).append(place)
            self._names.setdefault(profile.method.name.lower(), []).append(place)

    def rank(self, part: Part) -> list[tuple[float, Profile]]:
        """Return every method with something in common, best first; scores from 0 to 1."""
        groups = [self._widened(group) for group in part.groups]
        words = [_spellings(group.words) for group in part.groups]
        rare = [self._rarity(group, forms) for group, forms in zip(part.groups, words, strict=True)]
        places: set[int] = set()
        for ids, group in zip(groups, part.groups, strict=True):
            for id_ in ids:
                places.update(self._core.get(id_, ()))
            if not group.ids:
                for form in _spellings(group.words):
                    places.update(self._words.get(form, ()))
        expressions = {place for name in part.methods for place in self._names.get(name, ())}
        exact = {
            place
            for name in part.names
            for place in self._names.get(name.lower().removesuffix(".json"), ())
        }
        places |= expressions | exact
        known = sum(g.weight for g in part.groups if g.ids)
        unknown = sum(
            max(g.weight, weight)
            for g, (weight, _) in zip(part.groups, rare, strict=True)
            if not g.ids
        )
        # However long a story somebody tells, what is not understood weighs only so much.
        total = known + _STORY * unknown / (unknown + _STORY)
        scored = []
        for place in places:
            profile = self.profiles[place]
            if place in exact:
                score = 1.0 if not part.about_name else 0.7
            else:
                score = self._score(profile, part, groups, words, rare, total)
                if place in expressions:
                    score = max(score, 0.92)
            if not part.here:
                score *= part.elsewhere
            if score > 0.05:
                scored.append((score, profile))
        scored.sort(key=lambda pair: _order(*pair))
        return scored

    def _rarity(self, group: Group, forms: frozenset[str]) -> tuple[float, float]:
        """Return what an unknown word weighs, and how far it leads, by how few methods have it."""
        if group.ids or group.weight < _PLAIN:
            return (0.0, 0.0)
        known = len({place for form in forms for place in self._words.get(form, ())})
        if known:
            for most, weight, anchor in _RARE:
                if known <= most:
                    return (weight, anchor)
        return (0.0, 0.0)

    def _widened(self, group: Group) -> frozenset[str]:
        """Return the ids of *group*, and the things that have its fields."""
        extra = [self._fields[id_] for id_ in group.ids if id_ in self._fields]
        return group.ids.union(*extra) if extra else group.ids

    def _score(
        self,
        profile: Profile,
        part: Part,
        groups: Sequence[frozenset[str]],
        words: Sequence[frozenset[str]],
        rare: Sequence[tuple[float, float]],
        total: float,
    ) -> float:
        covered = 0.0
        aside = 0.0
        anchor = _ANCHOR["word"]
        ids = profile.ids
        open_ = set(range(len(profile.core)))
        said_rare = 0
        for group, widened, spellings, (weight, lead) in zip(
            part.groups, groups, words, rare, strict=True
        ):
            if weight and spellings & profile.words:
                covered += weight
                said_rare += 1
                anchor = max(anchor, lead if said_rare == 1 else _BOTH_RARE)
            elif group.ids & ids:
                kind = "hint" if group.hint else "soft" if group.soft else "thing"
                anchor = max(anchor, _ANCHOR[kind])
                # One word fills one place of the core; a second word for it is only context.
                place = next((i for i in open_ if group.ids & profile.core[i]), None)
                if place is None:
                    covered += group.weight * _AGAIN
                else:
                    open_.discard(place)
                    covered += group.weight
            elif widened & ids:
                anchor = max(anchor, _ANCHOR["hint" if group.hint else "field"])
                covered += group.weight * _FIELD
            elif group.ids & profile.may:
                covered += group.weight * _MAY
            elif spellings & profile.words:
                covered += group.weight * _WORD
            elif group.soft:
                aside += group.weight * _ASIDE
        if not covered or not total:
            return 0.0
        said: set[str] = set()
        for group, widened in zip(part.groups, groups, strict=True):
            if group.weight >= 0.1:
                said |= widened
        core = profile.core
        matched = sum(1 for alternatives in core if alternatives & said)
        precision = matched / len(core) if core else 0.5
        recall = min(1.0, covered / (total - aside))
        thing: float = recall**0.8 * (_UNRELATED + (1 - _UNRELATED) * precision**0.9)
        thing *= anchor
        verb = self._verb(profile.action, part)
        score: float = thing * (1 - _VERB + _VERB * verb)
        if profile.method.deprecated:
            score *= _DEPRECATED
        return score

    def _verb(self, action: str, part: Part) -> float:
        """How well *action* does what the part asks for."""
        if not part.actions:
            if part.odd_verb:
                return _ODD.get(action, _ODD_ELSE)
            return _SILENT.get(action, _SILENT_ELSE)
        best = 0.0
        for wanted, weight in part.actions.items():
            fit = 1.0 if wanted == action else self._near.get(wanted, {}).get(action, 0.1)
            best = max(best, fit * weight)
        return best


@lru_cache(maxsize=256)
def _spellings(word: str) -> frozenset[str]:
    """Return *word* as a summary may write it: singular or plural."""
    if not word.isascii() or len(word) < 3:
        return frozenset((word,))
    return frozenset((word, *english_plain(word), word + "s"))


def _order(score: float, profile: Profile) -> tuple[float, bool, int, str, int]:
    method = profile.method
    return (-round(score, 4), method.deprecated, len(profile.core), method.name, -method.version)


def interleave(
    rankings: Iterable[list[tuple[float, Profile]]],
) -> list[tuple[float, Profile]]:
    """Merge the rankings of several wishes: the best of each first, then the second of each."""
    lists = list(rankings)
    merged: dict[str, tuple[float, Profile]] = {}
    for rank in range(max(map(len, lists), default=0)):
        for ranking in lists:
            if rank < len(ranking):
                score, profile = ranking[rank]
                merged.setdefault(profile.method.id, (score, profile))
    return list(merged.values())
