"""Typed tools chosen as an agent goes, for ``FunctionAgent(tool_retriever=...)``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from llama_index.core.objects import ObjectRetriever
from llama_index.core.tools import BaseTool

from bitrix24_agent.tools.build import FIND, GATEWAY
from llama_index.tools.bitrix24.calls import step_context, store_lock
from llama_index.tools.bitrix24.tool import Bitrix24Tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.model import ToolResult, ToolSpec
    from bitrix24_agent.runtime.bridge import Bridge

ACTIVE = "b24_tools"
ASKED = "b24_asked"


class Bitrix24ToolRetriever(ObjectRetriever[BaseTool]):
    """Returns the gateway tools and the typed tools that fit the conversation so far.

    An agent asks it with the user's message before every model call and with the *tool's name*
    before every tool call, so a name is answered from what is loaded and never by search. The
    loaded names are kept in ``ctx.store`` and only ever appended; ``b24_find`` loads what it finds.
    """

    def __init__(self, bridge: Bridge, *, per_request: int = 5, limit: int = 40) -> None:
        # The base class wants an index and a mapping; nothing of it is used.
        self._bridge = bridge
        self._per_request = per_request
        self._limit = limit
        self._made: dict[str, BaseTool] = {}

    def retrieve(self, str_or_query_bundle: Any) -> list[BaseTool]:
        """Return gateway tools and what fits this one request."""
        return self._tools(self._search(_text(str_or_query_bundle)))

    async def aretrieve(self, str_or_query_bundle: Any) -> list[BaseTool]:
        """Return gateway tools and everything loaded in this conversation."""
        query = _text(str_or_query_bundle)
        ctx = step_context()
        if ctx is None:
            return self._tools(await asyncio.to_thread(self._search, query))
        async with store_lock():
            active = list(await ctx.store.get(ACTIVE, default=None) or [])
            asked = list(await ctx.store.get(ASKED, default=None) or [])
            if query and query not in self._bridge.specs and query not in asked:
                found = await asyncio.to_thread(self._search, query)
                active = self._added(active, found)
                await ctx.store.set(ACTIVE, active)
                await ctx.store.set(ASKED, [*asked, query])
        return self._tools(active)

    async def load(self, query: str) -> None:
        """Load what fits *query* into the running conversation."""
        ctx = step_context()
        if ctx is None:
            return
        found = await asyncio.to_thread(self._search, query)
        async with store_lock():
            active = list(await ctx.store.get(ACTIVE, default=None) or [])
            await ctx.store.set(ACTIVE, self._added(active, found))

    def _search(self, query: str) -> list[str]:
        return self._bridge.fitting(query, limit=self._per_request)

    def _added(self, active: list[str], found: list[str]) -> list[str]:
        return (active + [name for name in found if name not in active])[: self._limit]

    def _tools(self, names: list[str]) -> list[BaseTool]:
        return [self._tool(name) for name in (*GATEWAY, *names) if name in self._bridge.specs]

    def _tool(self, name: str) -> BaseTool:
        if name not in self._made:
            spec = self._bridge.specs[name]
            self._made[name] = (
                _FindTool(self._bridge, spec, self)
                if name == FIND
                else Bitrix24Tool(self._bridge, spec)
            )
        return self._made[name]


class _FindTool(Bitrix24Tool):
    """``b24_find`` that also loads the tools of what it found."""

    def __init__(self, bridge: Bridge, spec: ToolSpec, retriever: Bitrix24ToolRetriever) -> None:
        super().__init__(bridge, spec)
        self._retriever = retriever

    async def _after(self, arguments: Mapping[str, Any], result: ToolResult) -> None:
        request = arguments.get("request")
        if not result.is_error and isinstance(request, str):
            await self._retriever.load(request)


def _text(query: Any) -> str:
    return str(getattr(query, "query_str", query))
