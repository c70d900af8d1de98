"""Method cards or the user's own documentation as documents, searched or loaded elsewhere."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import Field, PrivateAttr

from bitrix24_agent.runtime.documents import Found, Library, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from langchain_core.callbacks import (
        AsyncCallbackManagerForRetrieverRun,
        CallbackManagerForRetrieverRun,
    )

    from bitrix24_agent.retrieval.references import References
    from bitrix24_agent.runtime.sync import SyncToolkit
    from bitrix24_agent.runtime.toolkit import Toolkit


class Bitrix24Retriever(BaseRetriever):
    """Finds Bitrix24 methods, or passages of the documentation; an empty list: nothing fits.

    With ``source="references"`` each document is a typed method card with the metadata ``method``,
    ``version``, ``pack``, ``risk``, ``file``, ``tokens``, ``source`` (the vendor's page) and
    ``replaced_by``. With ``source="docs"`` each is a passage of the index that ``bitrix24-agent
    docs index DIR`` built, with ``method``, ``pack``, ``path``, ``address``, ``language``,
    ``title``, ``heading``, ``code``, ``tokens`` and ``source`` (the address); its text is marked as
    the vendor's. What was searched has a ``score``. Both understand requests in seven languages.

    Args:
        source: ``references`` (shipped with the package) or ``docs`` (an index of your own).
        kit: Look only in the packs of this toolkit; of the documentation also in pages that are
            about no method.
        references: Other references than the packaged ones.
        k: Documents to return.
        packs: Look only in these packs.
        index: The documentation's index; by default the one ``docs index`` builds.
        language: Only this edition of the documentation, ``en`` or ``ru``.

    Raises:
        SettingsError: A pack or edition does not exist, or the choices contradict each other.
        ReferencesError: The index is missing or of another version; says how to build it.
    """

    source: Source = "references"
    k: int = Field(default=5, ge=1)
    packs: tuple[str, ...] | None = None
    language: str | None = None
    _library: Library = PrivateAttr()

    def __init__(
        self,
        *,
        source: Source = "references",
        kit: SyncToolkit | Toolkit | None = None,
        references: References | None = None,
        k: int = 5,
        packs: Sequence[str] | str | None = None,
        index: str | Path | None = None,
        language: str | None = None,
        **fields: Any,
    ) -> None:
        library = Library(
            source, kit=kit, references=references, packs=packs, index=index, language=language
        )
        fields |= {"source": source, "k": k, "packs": library.packs, "language": language}
        super().__init__(**fields)
        self._library = library

    def documents(self, packs: Sequence[str] | str | None = None) -> Iterator[Document]:
        """Return an iterator over every card or passage, for a vector store of your own.

        Ids stay the same from release to release and from index to index, so that adding again
        updates in place. Cards and pages are read as the iterator goes.

        Args:
            packs: Only these packs; other packs than the retriever's own are left out.

        Raises:
            SettingsError: One of *packs* does not exist.
        """
        return (_document(found) for found in self._library.everything(packs))

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun | None = None,
        k: int | None = None,
    ) -> list[Document]:
        del run_manager
        found = self._library.search(query, limit=self.k if k is None else k)
        return [_document(one) for one in found]

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun | None = None,
        k: int | None = None,
    ) -> list[Document]:
        del run_manager
        return await asyncio.to_thread(self._get_relevant_documents, query, k=k)


def _document(found: Found) -> Document:
    return Document(id=found.id, page_content=found.text, metadata=found.metadata)
