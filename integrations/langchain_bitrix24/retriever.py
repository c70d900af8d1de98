"""The method cards as documents: for agents that retrieve, and for any vector store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import Field, PrivateAttr

from bitrix24_agent.runtime.documents import (
    Found,
    chosen_packs,
    method_documents,
    search_methods,
)

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
    """Finds Bitrix24 methods for a request in any language; an empty list means nothing fits.

    Each document is a typed method card; its metadata has ``method``, ``version``, ``pack``,
    ``risk``, ``file``, ``tokens``, ``score``, ``source`` (the vendor's page) and ``replaced_by``.

    Args:
        kit: Look only in the packs of this toolkit.
        references: Other references than the packaged ones.
        k: Documents to return.
        packs: Look only in these packs.

    Raises:
        SettingsError: One of *packs* does not exist.
    """

    k: int = Field(default=5, ge=1)
    packs: tuple[str, ...] | None = None
    _references: References = PrivateAttr()

    def __init__(
        self,
        *,
        kit: SyncToolkit | Toolkit | None = None,
        references: References | None = None,
        k: int = 5,
        packs: Sequence[str] | None = None,
        **fields: Any,
    ) -> None:
        if references is None:
            from bitrix24_agent import References

            references = kit.references if kit is not None else References.load()
        enabled = kit.packs if kit is not None else None
        fields |= {"k": k, "packs": chosen_packs(references, packs, enabled)}
        super().__init__(**fields)
        self._references = references

    def documents(self, packs: Sequence[str] | None = None) -> Iterator[Document]:
        """Yield every method card, to load into a vector store of your own."""
        chosen = self.packs if packs is None else tuple(packs)
        return (_document(found) for found in method_documents(self._references, chosen))

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun | None = None,
        k: int | None = None,
    ) -> list[Document]:
        del run_manager
        found = search_methods(
            self._references, query, limit=self.k if k is None else k, packs=self.packs
        )
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
