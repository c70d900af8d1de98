"""Bitrix24 for LangChain agents: tools, a retriever, a middleware and callbacks.

Every tool runs through the core's gateway; nothing in this package sends, approves or judges.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_bitrix24.callbacks import Bitrix24CallbackHandler, Bitrix24GuardHandler
    from langchain_bitrix24.middleware import Bitrix24Middleware
    from langchain_bitrix24.retriever import Bitrix24Retriever
    from langchain_bitrix24.toolkit import Bitrix24Toolkit

__all__ = [
    "Bitrix24CallbackHandler",
    "Bitrix24GuardHandler",
    "Bitrix24Middleware",
    "Bitrix24Retriever",
    "Bitrix24Toolkit",
]

# Loaded on first use: the middleware needs `langchain` (1.7 s), the others only `langchain-core`.
_LAZY = {
    "Bitrix24CallbackHandler": "callbacks",
    "Bitrix24GuardHandler": "callbacks",
    "Bitrix24Middleware": "middleware",
    "Bitrix24Retriever": "retriever",
    "Bitrix24Toolkit": "toolkit",
}
_FRAMEWORK = ("langchain", "langchain_core", "langgraph")


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
            f"{name} needs {missing}: pip install 'bitrix24-agent[langchain]'", name=missing
        )
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
