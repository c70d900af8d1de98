"""The public ``References``: the catalogue, and ``find`` from what a person says."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from bitrix24_agent.model import Finding, Hit
from bitrix24_agent.reference.catalog import Catalog
from bitrix24_agent.retrieval.deep import choose, section_text
from bitrix24_agent.retrieval.profile import profiles
from bitrix24_agent.retrieval.rank import THRESHOLD, Index, Ranking, interleave
from bitrix24_agent.retrieval.request import Request, understand
from bitrix24_agent.retrieval.route import Router
from bitrix24_agent.retrieval.vocabulary import Vocabulary, parse_vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable

_SURE = 0.75  # what a method must score to be shown beside a topic of the deep reference
_WELL = 0.72  # a whole request below may be several wishes, or one with a story around it
_BARELY = 0.6
_CLAUSE = 0.9
_PAIR = 2
_KEPT = 0.5  # of the best score; what is further behind is noise, but for the first few
_FEW = 5
_LEAST = 0.25


class References(Catalog):
    """Every documented method, and the way from a request to the few that serve it."""

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return parse_vocabulary(self.text("vocabulary.md"), str(self.folder / "vocabulary.md"))

    @cached_property
    def _ranking(self) -> Index:
        return Index(profiles(self._methods.values(), self._vocabulary), self._vocabulary)

    @cached_property
    def _router(self) -> Router:
        return Router(self.packs, self._vocabulary)

    def find(self, query: str, *, limit: int = 10, packs: Iterable[str] | None = None) -> Finding:
        """Return the methods that do what *query* asks for, best first; none when nothing fits.

        Args:
            query: What a person or a model says, in any of seven languages, or half a method name.
            limit: Hits at most.
            packs: Only methods of these packs; hits of other packs are counted in ``hidden``.
        """
        allowed = None if packs is None else {self._known(pack) for pack in packs}
        request = understand(query, self._vocabulary)
        rankings = self._rankings(request)
        best = max((ranking[0][0] for ranking in rankings if ranking), default=0.0)
        route = self._router.route(request, best)
        ranked = []
        for ranking in rankings:
            ranked.append(_worth(ranking)[: max(limit, 1) * 3])
        merged = interleave(ranked)
        if route.topic:
            floor = 1.0 if not route.also_call else _SURE
            merged = [(s, p) for s, p in merged if s >= floor]
        hits: list[Hit] = []
        hidden: dict[str, int] = {}
        for score, profile in merged:
            pack = profile.method.pack
            if allowed is not None and pack not in allowed:
                hidden[pack] = hidden.get(pack, 0) + 1
            elif len(hits) < limit:
                hits.append(Hit(method=profile.method, score=round(min(score, 1.0), 4)))
        ordered = self._router.packs(request, merged, route)
        if allowed is not None:
            ordered = tuple(pack for pack in ordered if pack in allowed)
        return Finding(
            query=query,
            hits=tuple(hits),
            packs=ordered,
            topic=route.topic,
            intent=route.intent,
            hidden=hidden,
            files=self._router.files(hits, route, several=len(request.parts) > 1),
        )

    def _rankings(self, request: Request) -> list[Ranking]:
        """Return a ranking a wish; clauses take over where the whole fits nothing well."""
        rankings = [self._ranking.rank(part) for part in request.parts]
        best = max((ranking[0][0] for ranking in rankings if ranking), default=0.0)
        if len(rankings) > 1 and best >= _BARELY:
            # Of a story told in several sentences only those that ask for something count.
            return [r for r in rankings if r and r[0][0] >= _KEPT * best]
        if len(request.clauses) < 2:
            return rankings
        apart = [self._ranking.rank(clause) for clause in request.clauses]
        good = [ranking for ranking in apart if ranking and ranking[0][0] >= _WELL]
        if best < _WELL:
            if len(good) == len(apart) and any(c.carried for c in request.clauses):
                return good
            if good and best < _BARELY:
                told = max(good, key=lambda ranking: ranking[0][0])
                return [[(score * _CLAUSE, profile) for score, profile in told]]
        elif len(good) == len(apart) == _PAIR and request.clauses[1].carried:
            # "a new deal and a task for me": the best method is about one of two things.
            meant = rankings[0][0][1]
            known = meant.ids | meant.may
            if not all(any(g.ids & known for g in c.groups) for c in request.clauses):
                return good
        return rankings

    def section(self, finding: Finding) -> str | None:
        """Return the one section of the deep reference *finding* needs, or None.

        ``bitrix24.md`` is read only when the finding has a topic.
        """
        if finding.topic is None:
            return None
        chosen = choose(self.deep, finding.query, finding.topic)
        return section_text(chosen) if chosen is not None else None


def _worth(ranking: Ranking) -> Ranking:
    """Return what of *ranking* is worth showing: nothing, or the best and what comes near it."""
    if not ranking or ranking[0][0] < THRESHOLD:
        return []
    floor = max(THRESHOLD, _KEPT * ranking[0][0])
    return [
        (score, profile)
        for place, (score, profile) in enumerate(ranking)
        if score >= (floor if place >= _FEW else _LEAST)
    ]
