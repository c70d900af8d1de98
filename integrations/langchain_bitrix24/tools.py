"""One LangChain tool a ToolSpec: both faces, a plain JSON Schema, and no way past the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForToolRun,
    CallbackManagerForToolRun,
)
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool, ToolException
from langgraph.prebuilt import ToolRuntime

from bitrix24_agent.model import ToolResult
from langchain_bitrix24.approval import Answered, ask
from langchain_bitrix24.calls import origin

if TYPE_CHECKING:
    from bitrix24_agent.model import ToolSpec
    from bitrix24_agent.runtime.bridge import Bridge
    from langchain_bitrix24.calls import Origin

Shown = tuple[str, dict[str, Any]]


class Bitrix24Tool(StructuredTool):
    """A StructuredTool that survives any argument name a model can write, ``self`` included."""

    def _run(
        self,
        /,
        *args: Any,
        config: RunnableConfig,
        run_manager: CallbackManagerForToolRun | None = None,
        **kwargs: Any,
    ) -> Any:
        del config, run_manager
        if self.func is None:
            raise ToolException("this tool was taken apart; make a new one from the toolkit")
        return self.func(*args, **kwargs)

    async def _arun(
        self,
        /,
        *args: Any,
        config: RunnableConfig,
        run_manager: AsyncCallbackManagerForToolRun | None = None,
        **kwargs: Any,
    ) -> Any:
        del config, run_manager
        if self.coroutine is None:
            raise ToolException("this tool was taken apart; make a new one from the toolkit")
        return await self.coroutine(*args, **kwargs)


def make_tool(bridge: Bridge, spec: ToolSpec) -> Bitrix24Tool:
    """Return *spec* as a LangChain tool.

    Its text is what the model reads, its artifact a small handle; an error reaches the model as a
    tool message with status ``error`` and never ends the agent's run.
    """

    def func(runtime: Any = None, **arguments: Any) -> Shown:
        arguments, came = _arrived(spec.name, runtime, arguments)
        begun = bridge.begin(spec.name, arguments, came.caller)
        if isinstance(begun, ToolResult):
            return _shown(begun)
        answer = ask(begun, spec.name, alone=came.alone)
        if isinstance(answer, Answered):
            answer = bridge.settle(
                begun.plan_id,
                came.caller,
                approved=answer.approved,
                by=came.approver,
                reason=answer.reason,
            )
        return _shown(answer)

    async def coroutine(runtime: Any = None, **arguments: Any) -> Shown:
        arguments, came = _arrived(spec.name, runtime, arguments)
        begun = await bridge.abegin(spec.name, arguments, came.caller)
        if isinstance(begun, ToolResult):
            return _shown(begun)
        answer = ask(begun, spec.name, alone=came.alone)
        if isinstance(answer, Answered):
            answer = await bridge.asettle(
                begun.plan_id,
                came.caller,
                approved=answer.approved,
                by=came.approver,
                reason=answer.reason,
            )
        return _shown(answer)

    method = spec.method
    metadata: dict[str, Any] = {"b24_risk": str(spec.risk), "b24_method": None}
    if method is not None:
        metadata |= {
            "b24_method": method.name,
            "b24_version": method.version,
            "b24_pack": method.pack,
        }
    return Bitrix24Tool(
        name=spec.name,
        description=spec.description,
        args_schema=spec.parameters,
        func=func,
        coroutine=coroutine,
        response_format="content_and_artifact",
        handle_tool_error=True,
        tags=["bitrix24"],
        metadata=metadata,
    )


def _arrived(name: str, runtime: Any, arguments: dict[str, Any]) -> tuple[dict[str, Any], Origin]:
    came = origin(runtime, name, arguments)
    if runtime is not None and not isinstance(runtime, ToolRuntime):
        arguments = {"runtime": runtime, **arguments}  # the model wrote it: validation says so
    return arguments, came


def _shown(result: ToolResult) -> Shown:
    """Return text and artifact, or raise the masked text; called outside any ``except`` block."""
    if result.is_error:
        raise ToolException(result.text)
    return result.text, {"ok": True, "handle": result.handle}
