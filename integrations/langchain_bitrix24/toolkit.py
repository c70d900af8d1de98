"""The toolkit a LangChain user holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from langchain_core.tools import BaseTool, BaseToolkit
from pydantic import PrivateAttr, SecretStr

from bitrix24_agent.runtime.bridge import Bridge
from bitrix24_agent.runtime.sync import SyncToolkit
from langchain_bitrix24.tools import make_tool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from bitrix24_agent.policy.rules import Policy
    from bitrix24_agent.runtime.toolkit import Toolkit

Expose = Literal["gateway", "shortlist", "all"]


class Bitrix24Toolkit(BaseToolkit):
    """Bitrix24 as LangChain tools.

        toolkit = Bitrix24Toolkit.from_webhook(url, packs=["core"])
        agent = create_agent(model, tools=toolkit.get_tools(), checkpointer=InMemorySaver())
        state = agent.invoke({"messages": [...]}, config)      # a write: state["__interrupt__"]
        agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), config)

    In ``config["configurable"]`` the host may say for whom the agent works (``b24_actor``) and who
    answers (``b24_approver``); both end up in the audit. A decision may carry the ``plan_id`` it is
    about, and must where several calls share one graph task (a ``ToolNode`` of your own).

    ``gateway`` exposes five tools that reach every method for at most 350 tokens; ``shortlist``
    adds typed tools for the usual methods of the enabled packs; ``all`` is for tests and
    inspection, not for a model. Typed tools chosen for each turn: see ``Bitrix24Middleware``.
    """

    expose: Expose = "gateway"
    _bridge: Bridge = PrivateAttr()

    def __init__(self, *, kit: SyncToolkit | Toolkit, expose: Expose = "gateway") -> None:
        super().__init__(expose=expose)  # type: ignore[call-arg]  # pydantic's own fields
        self._bridge = Bridge(kit)

    @classmethod
    def from_webhook(
        cls,
        url: str | SecretStr,
        *,
        packs: Sequence[str] | str | None = None,
        policy: Policy | None = None,
        expose: Expose = "gateway",
        **options: Any,
    ) -> Self:
        """Return a toolkit for an incoming webhook; *options* as in ``SyncToolkit.from_webhook``.

        Raises:
            SettingsError: *url* is no webhook address, or a pack does not exist.
        """
        if packs is not None:
            options["packs"] = packs
        address = url.get_secret_value() if isinstance(url, SecretStr) else url
        return cls(kit=SyncToolkit.from_webhook(address, policy=policy, **options), expose=expose)

    @classmethod
    def from_env(cls, *, expose: Expose = "gateway", **options: Any) -> Self:
        """Return a toolkit from the ``B24_*`` variables; *options* win over them.

        Raises:
            SettingsError: No credential is set, or the variables contradict each other.
        """
        return cls(kit=SyncToolkit.from_env(**options), expose=expose)

    @property
    def kit(self) -> SyncToolkit | Toolkit:
        """The toolkit behind the tools, for the host: plans, approvals, audit."""
        return self._bridge.kit

    def get_tools(self, names: Sequence[str] | None = None) -> list[BaseTool]:
        """Return the exposed tools, or those named, each with a sync and an async face.

        Args:
            names: Any tools of the enabled packs; [] means none.

        Raises:
            SettingsError: A name is no tool of the enabled packs.
        """
        bridge = self._bridge
        specs = bridge.tools(self.expose) if names is None else bridge.named(names)
        return [make_tool(bridge, spec) for spec in specs]

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
