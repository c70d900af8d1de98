"""The method references in a LlamaIndex vector index, our own retriever, and both together.

    python examples/rag_llama_index.py "how do I move a deal to another stage?"
    python examples/rag_llama_index.py --index docs.db      # passages of the documentation, too

The index comes from a checkout of yours: bitrix24-agent docs index DIR --index docs.db. No portal
and no model is needed. The embedding here only knows words: put yours in its place.
"""

from __future__ import annotations

import argparse

from _scripted import toy_embedding
from llama_index.core import VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding

from bitrix24_agent import References
from bitrix24_agent.retrieval.hybrid import Reorder
from llama_index.tools.bitrix24 import Bitrix24Retriever

QUESTION = "how do I move a deal to another stage?"
PACKS = ["core"]


class Words(BaseEmbedding):
    """A toy embedding; any LlamaIndex embedding fits here."""

    def _get_text_embedding(self, text: str) -> list[float]:
        return toy_embedding([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return toy_embedding([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def main() -> None:
    """Retrieve in three ways."""
    parser = argparse.ArgumentParser(description="Retrieve in three ways.")
    parser.add_argument("question", nargs="*", default=[QUESTION])
    parser.add_argument("--index", help="a documentation index, to look there, too")
    args = parser.parse_args()
    question = " ".join(args.question)
    embedding = Words()

    retriever = Bitrix24Retriever(packs=PACKS, k=5)
    index = VectorStoreIndex(list(retriever.nodes()), embed_model=embedding)
    nodes = index.as_retriever(similarity_top_k=5).retrieve(question)
    show("vector index", [node.metadata["method"] for node in nodes])

    found = retriever.retrieve(question)
    show("retriever", [node.metadata["method"] for node in found])

    finding = References.load().find(question, limit=5, packs=PACKS)
    reordered = Reorder(embedding.get_text_embedding_batch)(finding)  # adds and removes no hit
    show("re-ordered", [hit.method.name for hit in reordered.hits])

    if args.index:
        passages = Bitrix24Retriever(source="docs", index=args.index, k=3).retrieve(question)
        show("documentation", [node.metadata["source"] for node in passages])
        found += passages

    print(f"context: {sum(node.metadata['tokens'] for node in found)} tokens")
    print("\n".join(f"source: {node.metadata['source']}" for node in found))


def show(way: str, methods: list[str]) -> None:
    """Print what one way found."""
    print(f"{way}: {', '.join(methods) or 'nothing'}")


if __name__ == "__main__":
    main()
