"""What the retrievers of both frameworks return: method cards, or passages of the documentation.

A library holds no connection: the documentation's index is opened for each search, so that a
rebuilt one is seen at once and nothing has to be closed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bitrix24_agent import tokens
from bitrix24_agent.audit.untrusted import neutralise
from bitrix24_agent.errors import SettingsError
from bitrix24_agent.retrieval.docs.index import HOW_TO_BUILD, default_index
from bitrix24_agent.retrieval.docs.search import DocsIndex
from bitrix24_agent.tools import cards

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bitrix24_agent.model import Method
    from bitrix24_agent.retrieval.docs.search import Found as Passage
    from bitrix24_agent.retrieval.references import References
    from bitrix24_agent.runtime.sync import SyncToolkit
    from bitrix24_agent.runtime.toolkit import Toolkit

Source = Literal["references", "docs"]
SOURCES = ("references", "docs")
LANGUAGES = ("en", "ru")
MAX_REQUEST = 2_000

_CARRIED = 3  # methods that carry a question over to the documentation
_GENERAL = ""  # pages that describe no method of the references
_MARK = re.compile(r"<(?=\s*/?\s*vendor-docs)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One method card or one passage.

    Attributes:
        id: ``crm.deal.add@2``, or ``en/api-reference/crm/deals/crm-deal-add.md#3``: the same after
            every rebuild, so that a vector store can be updated in place.
        text: The typed card; a passage is marked as the vendor's words.
        parent: What the piece is part of: the method's id, or the page.
        score: 0..1 for a card, higher is better for a passage; None when nothing was searched.
        metadata: JSON-ready and flat.
    """

    id: str
    text: str
    parent: str
    score: float | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


class Library:
    """What one retriever looks in.

    Args:
        source: ``references`` or ``docs``.
        kit: Look only in the packs of this toolkit; of the documentation also in pages that are
            about no method.
        references: Other references than the packaged ones.
        packs: Look only in these packs.
        index: The documentation's index file; by default the one of this user.
        language: Only this edition of the documentation, ``en`` or ``ru``.

    Raises:
        SettingsError: The choices contradict each other, or a pack or edition does not exist.
        ReferencesError: The index is missing or of another version; says how to build it.
    """

    def __init__(
        self,
        source: str = "references",
        *,
        kit: SyncToolkit | Toolkit | None = None,
        references: References | None = None,
        packs: Sequence[str] | str | None = None,
        index: str | Path | None = None,
        language: str | None = None,
    ) -> None:
        if source not in SOURCES:
            raise SettingsError(f"source is {source!r}; use {' or '.join(SOURCES)}")
        if source == "references" and (index is not None or language is not None):
            raise SettingsError("index and language belong to source='docs'")
        if language is not None and language not in LANGUAGES:
            raise SettingsError(f"language is {language!r}; use {' or '.join(LANGUAGES)}")
        if references is None:
            from bitrix24_agent import References

            references = kit.references if kit is not None else References.load()
        self.references = references
        self.packs = _chosen(references, packs, kit.packs if kit is not None else None)
        self.language = language
        self.index = Path(index) if index is not None else default_index()
        self._docs = source == "docs"
        self._general = packs is None
        if self._docs:
            self._open().close()

    def search(self, request: str, *, limit: int) -> list[Found]:
        """Return what fits *request*, best first; nothing is a normal answer."""
        if limit < 1 or self.packs == ():
            return []
        request = request[:MAX_REQUEST]
        if self._docs:
            return self._search_docs(request, limit)
        finding = self.references.find(request, limit=limit, packs=self.packs)
        return [_card(hit.method, hit.score) for hit in finding.hits[:limit]]

    def everything(self, packs: Sequence[str] | str | None = None) -> Iterator[Found]:
        """Return an iterator over all cards or passages, or those of *packs*, in a fixed order.

        It reads as it goes: one family of methods, or one page, at a time.

        Raises:
            SettingsError: One of *packs* does not exist.
        """
        chosen = self.packs if packs is None else _chosen(self.references, packs, self.packs)
        if self._docs:
            return self._passages(chosen, general=self._general and packs is None)
        return _cards(self.references, chosen)

    def _search_docs(self, request: str, limit: int) -> list[Found]:
        # The references understand seven languages; their methods carry the question over.
        hits = self.references.find(request, limit=_CARRIED, packs=self.packs).hits
        prefer = [hit.method.name for hit in hits]
        areas: list[str | None] = [None] if self.packs is None else [*self.packs]
        if self.packs is not None and self._general:
            areas.append(_GENERAL)
        found: list[Passage] = []
        with self._open() as index:
            for pack in areas:
                found += index.search(
                    request, limit, language=self.language, pack=pack, prefer=prefer
                )
        found.sort(key=lambda passage: -passage.score)
        return [_passage(passage, passage.score) for passage in found[:limit]]

    def _passages(self, packs: Sequence[str] | None, *, general: bool) -> Iterator[Found]:
        areas = None if packs is None else {*packs, *((_GENERAL,) if general else ())}
        with self._open() as index:
            for passage in index.passages(language=self.language, packs=areas):
                yield _passage(passage, None)

    def _open(self) -> DocsIndex:
        index = DocsIndex.open(self.index)
        editions = index.editions if self.language is not None else {}
        if self.language is not None and self.language not in editions:
            index.close()
            there = " and ".join(editions) or "no edition"
            raise SettingsError(
                f"the documentation index holds {there}, not {self.language}; {HOW_TO_BUILD} "
                f"with a checkout of that edition"
            )
        return index


def _chosen(
    references: References, packs: Sequence[str] | str | None, enabled: Sequence[str] | None
) -> tuple[str, ...] | None:
    """Return *packs* as far as they are *enabled*; None means all.

    Raises:
        SettingsError: One of *packs* does not exist.
    """
    if packs is None:
        return None if enabled is None else tuple(enabled)
    names = (packs,) if isinstance(packs, str) else tuple(dict.fromkeys(packs))
    if unknown := [name for name in names if name not in references.packs]:
        raise SettingsError(
            f"there is no pack {', '.join(map(repr, unknown))}; "
            f"packs are {', '.join(references.packs)}"
        )
    return tuple(name for name in names if enabled is None or name in enabled)


def _cards(references: References, packs: Sequence[str] | None) -> Iterator[Found]:
    for method in references.methods():
        if packs is None or method.pack in packs:
            yield _card(method, None)


def _card(method: Method, score: float | None) -> Found:
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
    return _scored(method.id, card.text, method.id, score, metadata)


def _passage(passage: Passage, score: float | None) -> Found:
    """Return a passage marked as data; the vendor's text cannot close the mark."""
    title, heading, body = (
        _MARK.sub(r"\\u003c", neutralise(text))
        for text in (passage.title, passage.heading, passage.text)
    )
    where = " > ".join(part for part in (title, heading) if part)
    text = f'<vendor-docs of="{passage.address}">\n{where}\n\n{body}\n</vendor-docs>'
    page = f"{passage.language}/{passage.path}"
    metadata: dict[str, Any] = {
        "method": passage.method,
        "pack": passage.pack,
        "path": passage.path,
        "address": passage.address,
        "language": passage.language,
        "title": title,
        "heading": heading,
        "code": passage.code,
        "tokens": tokens.count(text),
        "source": passage.address,
    }
    return _scored(f"{page}#{passage.place}", text, page, score, metadata)


def _scored(
    key: str, text: str, parent: str, score: float | None, metadata: dict[str, Any]
) -> Found:
    if score is not None:
        metadata["score"] = round(score, 4)
    return Found(id=key, text=text, parent=parent, score=score, metadata=metadata)
