"""Method cards or the user's own documentation as nodes, searched or loaded elsewhere."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeRelationship, NodeWithScore, RelatedNodeInfo, TextNode

from bitrix24_agent.errors import SettingsError
from bitrix24_agent.runtime.documents import Found, Library, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from llama_index.core.schema import QueryBundle

    from bitrix24_agent.retrieval.references import References
    from bitrix24_agent.runtime.sync import SyncToolkit
    from bitrix24_agent.runtime.toolkit import Toolkit


class Bitrix24Retriever(BaseRetriever):
    """Finds Bitrix24 methods, or passages of the documentation; an empty list: nothing fits.

    With ``source="references"`` each node is a typed method card with the metadata ``method``,
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
        k: Nodes to return.
        packs: Look only in these packs.
        index: The documentation's index; by default the one ``docs index`` builds.
        language: Only this edition of the documentation, ``en`` or ``ru``.

    Raises:
        SettingsError: A pack or edition does not exist, *k* is below 1, or the choices contradict
            each other.
        ReferencesError: The index is missing or of another version; says how to build it.
    """

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
    ) -> None:
        super().__init__()
        if k < 1:
            raise SettingsError(f"k is {k}; a retriever returns at least one node")
        self._library = Library(
            source, kit=kit, references=references, packs=packs, index=index, language=language
        )
        self.k = k

    @property
    def packs(self) -> tuple[str, ...] | None:
        """Packs it looks in; None means all."""
        return self._library.packs

    def nodes(self, packs: Sequence[str] | str | None = None) -> Iterator[TextNode]:
        """Return an iterator over every card or passage, for a vector store of your own.

        Ids stay the same from release to release and from index to index, so that inserting again
        updates in place; a node's source (``ref_doc_id``) is its method or page. Cards and pages
        are read as the iterator goes.

        Args:
            packs: Only these packs; other packs than the retriever's own are left out.

        Raises:
            SettingsError: One of *packs* does not exist.
        """
        return (_node(found) for found in self._library.everything(packs))

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._library.search(query_bundle.query_str, limit=self.k)
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
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=found.parent)},
    )
