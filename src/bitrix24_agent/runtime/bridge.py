"""What both framework adapters need of a toolkit: any thread, any loop, and writes that stop.

An adapter holds a :class:`Bridge`, never a client. It turns a tool call of a framework into
``Toolkit.run_tool`` and a human's answer into ``approve``/``refuse``; it decides nothing.
"""

from __future__ import annotations

import asyncio
import difflib
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from bitrix24_agent.audit.untrusted import neutralise
from bitrix24_agent.errors import B24Error, ConfirmationRequired, SettingsError, SetupError
from bitrix24_agent.model import ToolResult
from bitrix24_agent.runtime.sync import SyncToolkit
from bitrix24_agent.runtime.waiting import Waiting
from bitrix24_agent.tools.build import EXECUTE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from bitrix24_agent.model import Caller, Json, ToolSpec
    from bitrix24_agent.runtime.toolkit import Toolkit

T = TypeVar("T")
MAX_REASON = 200
MAX_REQUEST = 2_000


Begun = ToolResult | Waiting


class Bridge:
    """One toolkit for a framework that calls from any thread or event loop.

    A ``SyncToolkit`` works from everywhere: its work runs on its own background loop. An async
    ``Toolkit`` belongs to the loop that used it first; calls from elsewhere are carried there.
    """

    def __init__(self, kit: Toolkit | SyncToolkit) -> None:
        self.kit = kit
        self._toolkit: Toolkit = kit.asynchronous if isinstance(kit, SyncToolkit) else kit
        self._home: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        return f"Bridge({self.kit!r})"

    # --- knowledge ----------------------------------------------------

    def tools(self, expose: str = "gateway") -> list[ToolSpec]:
        """See ``Toolkit.tools``."""
        return self._toolkit.tools(expose)

    @cached_property
    def specs(self) -> dict[str, ToolSpec]:
        """Every tool of the enabled packs by name; a schema is made when it is needed."""
        return {spec.name: spec for spec in self._toolkit.tools("all")}

    @cached_property
    def _names(self) -> dict[str, str]:
        """Method id -> tool name."""
        return {spec.method.id: name for name, spec in self.specs.items() if spec.method}

    def named(self, names: Iterable[object]) -> list[ToolSpec]:
        """Return the tools of these names.

        Raises:
            SettingsError: A name is no tool of the enabled packs; names the nearest.
        """
        found = []
        for name in names:
            spec = self.specs.get(name) if isinstance(name, str) else None
            if spec is None:
                near = difflib.get_close_matches(str(name), self.specs, n=3)
                hint = f"; near: {', '.join(near)}" if near else ""
                raise SettingsError(f"there is no tool {name!r} in the enabled packs{hint}")
            found.append(spec)
        return found

    def fitting(self, request: str, *, limit: int) -> list[str]:
        """Return the names of the typed tools that fit *request*, best first; perhaps none."""
        if not request.strip():
            return []
        finding = self._toolkit.search(request[:MAX_REQUEST], limit=limit)
        names = [self._names.get(hit.method.id) for hit in finding.hits]
        return [name for name in names if name is not None]

    def mask(self, value: Any) -> Any:
        """Return text or nested data without secrets."""
        return self._toolkit.mask(value)

    # --- calls ----------------------------------------------------

    def begin(self, name: str, arguments: Mapping[str, Json], caller: Caller) -> Begun:
        """Run a tool until it ended or waits for a human; never raises for what went wrong."""
        return self._guarded(lambda kit: _begin(kit, name, arguments, caller))

    async def abegin(self, name: str, arguments: Mapping[str, Json], caller: Caller) -> Begun:
        """Do :meth:`begin` without blocking the caller's loop."""
        return await self._aguarded(lambda kit: _begin(kit, name, arguments, caller))

    def settle(
        self, plan_id: str, caller: Caller, *, approved: bool, by: str, reason: str = ""
    ) -> ToolResult:
        """Record a human's answer to one plan and, after a yes, send its call once."""
        return self._guarded(
            lambda kit: _settle(kit, plan_id, caller, approved=approved, by=by, reason=reason)
        )

    async def asettle(
        self, plan_id: str, caller: Caller, *, approved: bool, by: str, reason: str = ""
    ) -> ToolResult:
        """Do :meth:`settle` without blocking the caller's loop."""
        return await self._aguarded(
            lambda kit: _settle(kit, plan_id, caller, approved=approved, by=by, reason=reason)
        )

    # --- loops ----------------------------------------------------

    def run(self, work: Callable[[Toolkit], Awaitable[T]]) -> T:
        """Run ``work(toolkit)`` where the toolkit lives and wait for it.

        Raises:
            SetupError: An async Toolkit whose loop is not running elsewhere cannot be used so.
        """
        if isinstance(self.kit, SyncToolkit):
            return self.kit.submit(work).result()
        home = self._home
        if home is None or not home.is_running() or home is _running_loop():
            raise SetupError(
                "this is an async Toolkit: use the tools' async face, or give the adapter a "
                "SyncToolkit, which serves both"
            )
        return asyncio.run_coroutine_threadsafe(_awaited(work, self.kit), home).result()

    async def arun(self, work: Callable[[Toolkit], Awaitable[T]]) -> T:
        """Await ``work(toolkit)`` where the toolkit lives, from any loop.

        Raises:
            SetupError: The async Toolkit belongs to a loop that is not running any more.
        """
        if isinstance(self.kit, SyncToolkit):
            return await asyncio.wrap_future(self.kit.submit(work))
        here = asyncio.get_running_loop()
        if self._home is None:
            self._home = here
        if self._home is here:
            return await work(self.kit)
        if not self._home.is_running():
            raise SetupError(
                "this async Toolkit belongs to another event loop, which is not running; give the "
                "adapter a SyncToolkit, which serves every loop"
            )
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(_awaited(work, self.kit), self._home)
        )

    def _guarded(self, work: Callable[[Toolkit], Awaitable[T]]) -> T | ToolResult:
        try:
            return self.run(work)
        except Exception as error:  # noqa: BLE001 -- the adapters' edge: a run must not die of it
            return self._broken(error)

    async def _aguarded(self, work: Callable[[Toolkit], Awaitable[T]]) -> T | ToolResult:
        try:
            return await self.arun(work)
        except Exception as error:  # noqa: BLE001 -- the adapters' edge: a run must not die of it
            return self._broken(error)

    def _broken(self, error: Exception) -> ToolResult:
        known = isinstance(error, B24Error)
        end = "Nothing was sent." if isinstance(error, SetupError) else "It may have been done."
        text = f"FAILED {error if known else type(error).__name__}. {end} Stop and report this."
        return ToolResult(text=str(self.mask(text)), is_error=True, error=error)


async def _begin(kit: Toolkit, name: str, arguments: Mapping[str, Json], caller: Caller) -> Begun:
    try:
        return await kit.run_tool(name, arguments, caller=caller, raise_confirmation=True)
    except ConfirmationRequired as error:
        stop = error
    earlier = 0
    if caller.key is not None:
        earlier = sum(plan.id != stop.plan_id for plan in await kit.plans(key=caller.key))
    plan = await kit.plan(stop.plan_id)
    return Waiting.of(plan, hide=kit.hide, earlier=earlier, fresh=stop.fresh)


async def _settle(
    kit: Toolkit, plan_id: str, caller: Caller, *, approved: bool, by: str, reason: str
) -> ToolResult:
    try:
        plan = await kit.plan(plan_id)
        if not approved:
            if plan.status != "refused":
                await kit.refuse(plan_id, by=by, reason=reason)
            why = f": {_clean(kit, reason)}" if reason else ""
            return ToolResult(
                text=f"NOT DONE: the user refused it{why}. Nothing was sent. Do not ask again "
                "unless the user wants it.",
                is_error=True,
            )
        if plan.status == "pending":
            await kit.approve(plan_id, by=by)
    except B24Error as error:
        return ToolResult(text=kit.explain(error), is_error=True, error=error)
    return await kit.run_tool(EXECUTE, {"plan_id": plan_id}, caller=caller)


def _clean(kit: Toolkit, value: str) -> str:
    """Return a person's words for the model: no secrets, one line, not too long."""
    text = " ".join(str(kit.mask(neutralise(value))).split())
    return text if len(text) <= MAX_REASON else f"{text[: MAX_REASON - 1]}…"


async def _awaited(work: Callable[[Toolkit], Awaitable[T]], kit: Toolkit) -> T:
    return await work(kit)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
