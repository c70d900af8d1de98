"""Give the model, for each turn, only the typed tools its request needs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, NotRequired

from langchain.agents.middleware import AgentMiddleware, AgentState, ExtendedModelResponse
from langchain.agents.middleware.types import PrivateStateAttr
from langchain.agents.structured_output import AutoStrategy, ToolStrategy
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.types import Command

from bitrix24_agent.runtime.bridge import Bridge
from bitrix24_agent.tools.build import FIND
from bitrix24_agent.tools.names import PREFIX
from langchain_bitrix24.toolkit import Bitrix24Toolkit
from langchain_bitrix24.tools import make_tool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from langchain.agents.middleware import ModelRequest, ModelResponse, ToolCallRequest
    from langchain_core.messages import AnyMessage
    from langchain_core.tools import BaseTool

    from bitrix24_agent.runtime.sync import SyncToolkit
    from bitrix24_agent.runtime.toolkit import Toolkit


def append_new(old: list[str] | None, new: list[str] | None) -> list[str]:
    """Add what is not there yet, at the end: earlier tools keep their place in the prompt."""
    known = list(old or [])
    return known + [name for name in dict.fromkeys(new or []) if name not in known]


class ExposedState(AgentState[Any]):
    """The agent's state with the names of the tools loaded so far; kept in checkpoints."""

    b24_exposed: NotRequired[Annotated[list[str], append_new, PrivateStateAttr]]


class Bitrix24Middleware(AgentMiddleware[ExposedState, Any, Any]):
    """Adds the typed tools that fit the conversation to each model call and runs only those.

    Register no typed Bitrix24 tool with ``create_agent``; the five gateway tools come with this
    middleware. Tools are found by the user's last message and by every ``b24_find`` request since,
    are only ever appended, and are remembered in the checkpoint. Put it before any approval
    middleware.

    Args:
        kit: A toolkit of the core, or a ``Bitrix24Toolkit``.
        per_request: Typed tools added for one request.
        limit: Typed tools in all; further requests add none.
        gateway: Whether to register the gateway tools.
    """

    state_schema = ExposedState

    def __init__(
        self,
        kit: SyncToolkit | Toolkit | Bitrix24Toolkit,
        *,
        per_request: int = 5,
        limit: int = 40,
        gateway: bool = True,
    ) -> None:
        super().__init__()
        self._bridge = Bridge(kit.kit if isinstance(kit, Bitrix24Toolkit) else kit)
        self._per_request = per_request
        self._limit = limit
        self._made: dict[str, BaseTool] = {}
        specs = self._bridge.tools("gateway") if gateway else []
        self.tools = [make_tool(self._bridge, spec) for spec in specs]

    # --- the model's turn ----------------------------------------------------

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ExtendedModelResponse[Any]:
        """Add the tools that fit, and remember them."""
        names, request = self._prepared(request)
        return ExtendedModelResponse(handler(request), Command(update={"b24_exposed": names}))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ExtendedModelResponse[Any]:
        """Do the same without blocking the loop: the first search reads the references."""
        names, request = await asyncio.to_thread(self._prepared, request)
        return ExtendedModelResponse(await handler(request), Command(update={"b24_exposed": names}))

    def _prepared(self, request: ModelRequest[Any]) -> tuple[list[str], ModelRequest[Any]]:
        exposed = self._exposed(request.state)
        for query in _queries(request.messages):
            found = self._bridge.fitting(query, limit=self._per_request)
            exposed = append_new(exposed, found)[: self._limit]
        changes: dict[str, Any] = {"tools": [*request.tools, *map(self._tool, exposed)]}
        if isinstance(request.response_format, AutoStrategy):
            # The automatic choice binds every tool with strict=True: all optional fields become
            # required, and the model invents values for them.
            changes["response_format"] = ToolStrategy(request.response_format.schema)
        return exposed, request.override(**changes)

    def _tool(self, name: str) -> BaseTool:
        if name not in self._made:
            self._made[name] = make_tool(self._bridge, self._bridge.specs[name])
        return self._made[name]

    # --- the tool's turn ----------------------------------------------------

    def wrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]],
    ) -> ToolMessage | Command[Any]:
        """Run a loaded tool; answer in one line to a name that is not loaded."""
        resolved = self._resolved(request)
        return resolved if isinstance(resolved, ToolMessage) else handler(resolved)

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Do the same for async agents."""
        resolved = self._resolved(request)
        return resolved if isinstance(resolved, ToolMessage) else await handler(resolved)

    def _exposed(self, state: Any) -> list[str]:
        """Return the loaded names; a checkpoint may know tools that are not enabled any more."""
        found = state.get("b24_exposed") if isinstance(state, dict) else None
        return [name for name in found or [] if name in self._bridge.specs]

    def _resolved(self, request: ToolCallRequest) -> ToolCallRequest | ToolMessage:
        name = request.tool_call["name"]
        if request.tool is not None or not name.startswith(PREFIX):
            return request
        if name in self._exposed(request.state):
            return request.override(tool=self._tool(name))
        return ToolMessage(
            f"{name[:64]} is not loaded. Nothing was sent. Use {FIND} first.",
            tool_call_id=request.tool_call["id"],
            name=name,
            status="error",
        )


def _queries(messages: Sequence[AnyMessage]) -> list[str]:
    """Return the user's last message and what the model looked for since, in that order."""
    queries: list[str] = []
    for message in reversed(messages):
        if isinstance(message, AIMessage):
            wanted = [
                str(call["args"]["request"])
                for call in message.tool_calls
                if call["name"] == FIND and call["args"].get("request")
            ]
            queries = wanted + queries
        elif isinstance(message, HumanMessage):
            return [message.text, *queries]
    return queries
