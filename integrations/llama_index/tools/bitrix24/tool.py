"""One LlamaIndex tool a ToolSpec: every way to call it leads through the same gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.tools import FunctionTool, ToolMetadata, ToolOutput

from bitrix24_agent.model import Caller, ToolResult
from llama_index.tools.bitrix24.calls import origin
from llama_index.tools.bitrix24.events import Approval, ApprovalRequired
from llama_index.tools.bitrix24.metadata import SpecMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llama_index.core.workflow import Context

    from bitrix24_agent.model import ToolSpec
    from bitrix24_agent.runtime.bridge import Bridge
    from bitrix24_agent.runtime.waiting import Waiting

_MISMATCH = (
    "NOT DONE: the approval that arrived is for another plan, so nothing was sent. "
    "Plan {plan} still waits. Tell the user."
)


class Bitrix24Tool(FunctionTool):
    """A FunctionTool whose every entry point is the gateway.

    These are ``call``, ``acall``, ``fn``, ``async_fn`` and ``real_fn`` (which code agents take).
    The blocking ways cannot wait for a human: a write then stays a stored plan and the text says
    so. It takes no callback: one that fails after the body would make a done write look failed.
    """

    def __init__(
        self, bridge: Bridge, spec: ToolSpec, metadata: ToolMetadata | None = None
    ) -> None:
        async def async_fn(*args: Any, **kwargs: Any) -> str:
            return (await self.acall(*args, **kwargs)).content

        def fn(*args: Any, **kwargs: Any) -> str:
            return self.call(*args, **kwargs).content

        super().__init__(fn=fn, async_fn=async_fn, metadata=metadata or SpecMetadata(spec))
        self._real_fn = async_fn
        self._bridge = bridge
        self._spec = spec

    @property
    def spec(self) -> ToolSpec:
        """The tool in no framework's terms."""
        return self._spec

    def call(self, /, *args: Any, **kwargs: Any) -> ToolOutput:
        """Run the tool and block; a write that needs approval is stored and not sent."""
        arguments = self._arguments(args, kwargs)
        begun = self._bridge.begin(self._spec.name, arguments, Caller())
        if not isinstance(begun, ToolResult):
            begun = ToolResult(text=begun.text)
        return self._output(arguments, begun)

    async def acall(self, /, *args: Any, **kwargs: Any) -> ToolOutput:
        """Run the tool; inside a workflow step a write pauses the run until a human answered."""
        arguments = self._arguments(args, kwargs)
        came = await origin(self._spec.name, arguments)
        begun = await self._bridge.abegin(self._spec.name, arguments, came.caller)
        if not isinstance(begun, ToolResult):
            if came.ctx is None:
                begun = ToolResult(text=begun.text)
            else:
                # Pauses by raising, so no `try` around it; the step replays from its top.
                begun = await self._decided(came.ctx, begun, came.caller)
        await self._after(arguments, begun)
        return self._output(arguments, begun)

    async def _decided(self, ctx: Context[Any], waiting: Waiting, caller: Caller) -> ToolResult:
        answer = await ctx.wait_for_event(
            Approval,
            waiter_event=ApprovalRequired(
                tool=self._spec.name, description=waiting.description, **waiting.plain()
            ),
            requirements={"plan_id": waiting.plan_id},
            timeout=None,
        )
        # After a restart any Approval resolves the wait: look again before believing it.
        if answer.plan_id != waiting.plan_id:
            return ToolResult(text=_MISMATCH.format(plan=waiting.plan_id), is_error=True)
        return await self._bridge.asettle(
            waiting.plan_id,
            caller,
            approved=answer.approved is True,
            by=answer.by,
            reason=answer.reason,
        )

    async def _after(self, arguments: Mapping[str, Any], result: ToolResult) -> None:
        """Do nothing; a hook for the find tool of the tool retriever."""

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments by name; what the host has preset wins over what the model wrote."""
        names = list(self._spec.parameters["properties"]) if args else []
        named = dict(zip(names, args, strict=False))
        named |= {f"argument_{n}": value for n, value in enumerate(args[len(names) :], 1)}
        return {**named, **kwargs, **self.partial_params}

    def _output(self, arguments: Mapping[str, Any], result: ToolResult) -> ToolOutput:
        return ToolOutput(
            tool_name=self.metadata.get_name(),
            content=result.text or "(empty)",
            raw_input={"kwargs": self._bridge.mask(dict(arguments))},
            raw_output={"ok": not result.is_error, "handle": result.handle},
            is_error=result.is_error,
        )
