"""Bitrix24 for LlamaIndex agents: a tool spec, retrievers, approval events and a serializer.

Every tool runs through the core's gateway; nothing in this package sends, approves or judges.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llama_index.tools.bitrix24.events import Approval, ApprovalRequired
    from llama_index.tools.bitrix24.retriever import Bitrix24Retriever
    from llama_index.tools.bitrix24.serializer import JsonOnlySerializer
    from llama_index.tools.bitrix24.spec import Bitrix24ToolSpec
    from llama_index.tools.bitrix24.tool_retriever import Bitrix24ToolRetriever

__all__ = [
    "Approval",
    "ApprovalRequired",
    "Bitrix24Retriever",
    "Bitrix24ToolRetriever",
    "Bitrix24ToolSpec",
    "JsonOnlySerializer",
]

# Loaded on first use: `llama_index.core` takes about two seconds and 100 MB.
_LAZY = {
    "Approval": "events",
    "ApprovalRequired": "events",
    "Bitrix24Retriever": "retriever",
    "Bitrix24ToolRetriever": "tool_retriever",
    "Bitrix24ToolSpec": "spec",
    "JsonOnlySerializer": "serializer",
}
_FRAMEWORK = ("llama_index.core", "workflows")


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    missing = None
    try:
        module = import_module(f"{__name__}.{_LAZY[name]}")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(_FRAMEWORK):
            raise
        missing = error.name
    if missing is not None:
        raise ImportError(
            f"{name} needs {missing}: pip install 'bitrix24-agent[llama-index]'", name=missing
        )
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
