"""The method cards as nodes: for agents that retrieve, and for any vector store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, TextNode

from bitrix24_agent.errors import SettingsError
from bitrix24_agent.runtime.documents import (
    Found,
    chosen_packs,
    method_documents,
    search_methods,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llama_index.core.schema import QueryBundle

    from bitrix24_agent.retrieval.references import References
    from bitrix24_agent.runtime.sync import SyncToolkit
    from bitrix24_agent.runtime.toolkit import Toolkit


class Bitrix24Retriever(BaseRetriever):
    """Finds Bitrix24 methods for a request in any language; an empty list means nothing fits.

    Each node is a typed method card; its metadata has ``method``, ``version``, ``pack``, ``risk``,
    ``file``, ``tokens``, ``score``, ``source`` (the vendor's page) and ``replaced_by``.

    Args:
        kit: Look only in the packs of this toolkit.
        references: Other references than the packaged ones.
        k: Nodes to return.
        packs: Look only in these packs.

    Raises:
        SettingsError: One of *packs* does not exist, or *k* is below 1.
    """

    def __init__(
        self,
        *,
        kit: SyncToolkit | Toolkit | None = None,
        references: References | None = None,
        k: int = 5,
        packs: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        if k < 1:
            raise SettingsError(f"k is {k}; a retriever returns at least one node")
        if references is None:
            from bitrix24_agent import References

            references = kit.references if kit is not None else References.load()
        self._references = references
        self._packs = chosen_packs(references, packs, kit.packs if kit is not None else None)
        self.k = k

    def nodes(self, packs: Sequence[str] | None = None) -> Iterator[TextNode]:
        """Yield every method card, to load into a vector store of your own."""
        chosen = self._packs if packs is None else tuple(packs)
        return (_node(found) for found in method_documents(self._references, chosen))

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = search_methods(
            self._references, query_bundle.query_str, limit=self.k, packs=self._packs
        )
        return [NodeWithScore(node=_node(one), score=one.score) for one in found]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def _node(found: Found) -> TextNode:
    return TextNode(
        id_=found.id,
        text=found.text,
        metadata=found.metadata,
        excluded_llm_metadata_keys=list(found.metadata),
        excluded_embed_metadata_keys=list(found.metadata),
    )
