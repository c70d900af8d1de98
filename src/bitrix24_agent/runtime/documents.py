"""Method cards as documents with metadata, for the retrievers of both frameworks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bitrix24_agent.errors import SettingsError
from bitrix24_agent.tools import cards

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bitrix24_agent.model import Method
    from bitrix24_agent.retrieval.references import References


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One method card.

    Attributes:
        id: ``crm.deal.add@2``.
        text: The typed card.
        score: 0..1, or None when nothing was searched.
        metadata: JSON-ready: method, version, pack, risk, file, tokens, source, replaced_by, score.
    """

    id: str
    text: str
    score: float | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


def chosen_packs(
    references: References, packs: Sequence[str] | None, enabled: Sequence[str] | None
) -> tuple[str, ...] | None:
    """Return the packs to look in: *packs* as far as they are *enabled*; None means all.

    Raises:
        SettingsError: One of *packs* does not exist.
    """
    if packs is None:
        return None if enabled is None else tuple(enabled)
    if unknown := [name for name in packs if name not in references.packs]:
        raise SettingsError(
            f"there is no pack {', '.join(map(repr, unknown))}; "
            f"packs are {', '.join(references.packs)}"
        )
    return tuple(name for name in packs if enabled is None or name in enabled)


def search_methods(
    references: References, request: str, *, limit: int, packs: Sequence[str] | None = None
) -> list[Found]:
    """Return the cards of the methods that fit *request*, best first; none is a normal answer."""
    if packs is not None and not packs:
        return []
    finding = references.find(request, limit=limit, packs=packs)
    return [_found(hit.method, hit.score) for hit in finding.hits[:limit]]


def method_documents(references: References, packs: Sequence[str] | None = None) -> Iterator[Found]:
    """Yield the card of every method, or of those of *packs*, in the order of the index."""
    for method in references.methods():
        if packs is None or method.pack in packs:
            yield _found(method, None)


def _found(method: Method, score: float | None) -> Found:
    card = cards.card(method)
    metadata: dict[str, Any] = {
        "method": method.name,
        "version": method.version,
        "pack": method.pack,
        "risk": str(method.risk),
        "file": f"methods/{method.family}.md",
        "tokens": card.tokens,
        "source": method.docs_url,
    }
    if method.replaced_by:
        metadata["replaced_by"] = method.replaced_by
    if score is not None:
        metadata["score"] = round(score, 4)
    return Found(id=method.id, text=card.text, score=score, metadata=metadata)
