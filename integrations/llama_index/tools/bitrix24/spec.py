"""The tool spec a LlamaIndex user holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from llama_index.core.tools.tool_spec.base import BaseToolSpec

from bitrix24_agent.runtime.bridge import Bridge
from bitrix24_agent.runtime.sync import SyncToolkit
from llama_index.tools.bitrix24.tool import Bitrix24Tool
from llama_index.tools.bitrix24.tool_retriever import Bitrix24ToolRetriever

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from llama_index.core.tools import FunctionTool, ToolMetadata

    from bitrix24_agent.policy.rules import Policy
    from bitrix24_agent.runtime.toolkit import Toolkit

Expose = Literal["gateway", "shortlist", "all"]


class Bitrix24ToolSpec(BaseToolSpec):
    """Bitrix24 as LlamaIndex tools.

        spec = Bitrix24ToolSpec.from_webhook(url, packs=["core"])
        handler = FunctionAgent(tools=spec.to_tool_list(), llm=llm).run("...")
        async for event in handler.stream_events():
            if isinstance(event, ApprovalRequired):
                handler.ctx.send_event(Approval(plan_id=event.plan_id, approved=True, by="olga"))

    In ``ctx.store`` the host may say which conversation this is (``b24_conversation``) and for
    whom the agent works (``b24_actor``); both end up in the audit.

    ``gateway`` exposes five tools that reach every method for at most 350 tokens; ``shortlist``
    adds typed tools for the usual methods of the enabled packs; ``all`` is for tests and
    inspection, not for a model. Typed tools chosen as the agent goes: ``tool_retriever()``.
    """

    def __init__(self, kit: SyncToolkit | Toolkit, *, expose: Expose = "gateway") -> None:
        self._bridge = Bridge(kit)
        self.expose = expose
        self.spec_functions = [spec.name for spec in self._bridge.tools(expose)]

    def __repr__(self) -> str:
        return f"Bitrix24ToolSpec({self._bridge.kit!r}, expose={self.expose!r})"

    @classmethod
    def from_webhook(
        cls,
        url: str,
        *,
        packs: Sequence[str] | str | None = None,
        policy: Policy | None = None,
        expose: Expose = "gateway",
        **options: Any,
    ) -> Self:
        """Return a spec for an incoming webhook; *options* as in ``SyncToolkit.from_webhook``.

        Raises:
            SettingsError: *url* is no webhook address, or a pack does not exist.
        """
        if packs is not None:
            options["packs"] = packs
        return cls(SyncToolkit.from_webhook(url, policy=policy, **options), expose=expose)

    @classmethod
    def from_env(cls, *, expose: Expose = "gateway", **options: Any) -> Self:
        """Return a spec from the ``B24_*`` variables; *options* win over them.

        Raises:
            SettingsError: No credential is set, or the variables contradict each other.
        """
        return cls(SyncToolkit.from_env(**options), expose=expose)

    @property
    def kit(self) -> SyncToolkit | Toolkit:
        """The toolkit behind the tools, for the host: plans, approvals, audit."""
        return self._bridge.kit

    def to_tool_list(
        self,
        spec_functions: Sequence[Any] | None = None,
        func_to_metadata_mapping: dict[str, ToolMetadata] | None = None,
    ) -> list[FunctionTool]:
        """Return the exposed tools, or those named: any tool of an enabled pack; [] means none.

        Raises:
            SettingsError: A name is no tool of the enabled packs.
        """
        metadata = func_to_metadata_mapping or {}
        names = self.spec_functions if spec_functions is None else list(spec_functions)
        return [
            Bitrix24Tool(self._bridge, spec, metadata.get(spec.name))
            for spec in self._bridge.named(names)
        ]

    def tool_retriever(self, *, per_request: int = 5, limit: int = 40) -> Bitrix24ToolRetriever:
        """Return what ``FunctionAgent(tool_retriever=...)`` takes: gateway tools plus what fits.

        Args:
            per_request: Typed tools added for one request.
            limit: Typed tools in all; further requests add none.
        """
        return Bitrix24ToolRetriever(self._bridge, per_request=per_request, limit=limit)

    def close(self) -> None:
        """Close the toolkit behind it when it is a blocking one; an async one is its owner's."""
        if isinstance(self._bridge.kit, SyncToolkit):
            self._bridge.kit.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
