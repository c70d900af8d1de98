"""Let an embedding the user brings re-order hits; it never adds or removes one."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from bitrix24_agent.model import Hit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bitrix24_agent.model import Finding, Method

SHARE = 0.3
_MOST_KEPT = 4_000
_SURE = 0.99


class Reorder:
    """Blend the scores of a finding with the likeness of meanings.

    Args:
        embed: Texts -> vectors: ``embed_documents`` of a LangChain ``Embeddings``,
            ``get_text_embedding_batch`` of a LlamaIndex embedding, or any function like them.
        share: How much the likeness counts, from 0 (nothing) to 1 (alone).
    """

    def __init__(
        self,
        embed: Callable[[list[str]], Sequence[Sequence[float]]],
        *,
        share: float = SHARE,
    ) -> None:
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"share is from 0 to 1, not {share}")
        self._embed = embed
        self._share = share
        self._vectors: dict[str, Sequence[float]] = {}

    def __call__(self, finding: Finding) -> Finding:
        """Return *finding* with the same hits, nearest in meaning first; a named method stays."""
        if len(finding.hits) < 2 or not self._share:
            return finding
        unknown = [h.method for h in finding.hits if h.method.id not in self._vectors]
        vectors = self._embed([finding.query, *map(_text, unknown)])
        query = vectors[0]
        if len(self._vectors) > _MOST_KEPT:
            self._vectors.clear()
        fresh = dict(zip((m.id for m in unknown), vectors[1:], strict=True))
        known = {h.method.id: self._vectors.get(h.method.id) for h in finding.hits}
        self._vectors.update(fresh)
        blended = []
        for place, hit in enumerate(finding.hits):
            vector = fresh.get(hit.method.id) or known[hit.method.id] or ()
            score = hit.score
            if score < _SURE:
                likeness = (1.0 + _cosine(query, vector)) / 2.0
                score = round((1.0 - self._share) * score + self._share * likeness, 4)
            blended.append((-score, place, Hit(method=hit.method, score=score)))
        return replace(finding, hits=tuple(hit for _, _, hit in sorted(blended, key=_rank)))


def _rank(item: tuple[float, int, Hit]) -> tuple[float, int]:
    return item[0], item[1]


def _text(method: Method) -> str:
    return f"{method.name.replace('.', ' ')}: {method.summary}"


def _cosine(left: Sequence[float], right: Sequence[float]) -> float:
    dot = sum(a * b for a, b in zip(left, right, strict=False))
    size = math.sqrt(sum(a * a for a in left) * sum(b * b for b in right))
    return dot / size if size else 0.0
