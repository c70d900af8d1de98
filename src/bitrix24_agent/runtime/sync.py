"""The blocking face: the same names as ``Toolkit``, run on one background event loop."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from bitrix24_agent.errors import SetupError
from bitrix24_agent.runtime.toolkit import Toolkit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from types import TracebackType

    from bitrix24_agent.audit.record import Entry
    from bitrix24_agent.audit.sinks import Report
    from bitrix24_agent.model import (
        Answer,
        Caller,
        Card,
        Finding,
        Json,
        Plan,
        PlanStatus,
        Risk,
        Row,
        ToolResult,
        ToolSpec,
    )
    from bitrix24_agent.retrieval.references import References

T = TypeVar("T")


class _Loop:
    """One background event loop, started at the first use and so after any fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._exit: Callable[..., object] | None = None
        self._portal: BlockingPortal | None = None

    def portal(self) -> BlockingPortal:
        with self._lock:
            if self._portal is None or self._pid != os.getpid():
                manager = start_blocking_portal(name="bitrix24-agent")
                self._portal = manager.__enter__()
                self._exit = manager.__exit__
                self._pid = os.getpid()
            return self._portal

    def run(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        return self.portal().call(work, *args)

    def stop(self, last: Callable[[], Awaitable[None]]) -> None:
        """Run *last* on the loop and end it; a loop that never started here has nothing to end."""
        with self._lock:
            portal, leave = self._portal, self._exit
            self._portal = self._exit = None
        if portal is not None and leave is not None and self._pid == os.getpid():
            try:
                portal.call(last)
            finally:
                leave(None, None, None)


def _leave(loop: _Loop, last: Callable[[], Awaitable[None]]) -> None:
    """End *loop* for a toolkit that nobody closed."""
    # At the end of the interpreter worker threads are gone already; the process ends anyway.
    with contextlib.suppress(RuntimeError):
        loop.stop(last)


class SyncToolkit:
    """The toolkit for blocking code; works in scripts, threads and under a running loop.

    Everything runs on one background event loop that starts with the first call. A call from a
    coroutine blocks that coroutine's loop while it waits: use :class:`Toolkit` there.
    """

    def __init__(self, toolkit: Toolkit) -> None:
        self._kit = toolkit
        self._loop = _Loop()
        self._closed = False
        # Also for those who never close it: connections end with the object or the interpreter.
        self._finalizer = weakref.finalize(self, _leave, self._loop, toolkit.close)

    def __repr__(self) -> str:
        return f"Sync{self._kit!r}"

    @classmethod
    def from_webhook(cls, url: str, **options: Any) -> Self:
        """See :meth:`Toolkit.from_webhook`."""
        return cls(Toolkit.from_webhook(url, **options))

    @classmethod
    def from_oauth(cls, **options: Any) -> Self:
        """See :meth:`Toolkit.from_oauth`."""
        return cls(Toolkit.from_oauth(**options))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **options: Any) -> Self:
        """See :meth:`Toolkit.from_env`."""
        return cls(Toolkit.from_env(environ, **options))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and the background loop; calling it twice is fine."""
        if self._closed:
            return
        self._closed = True
        self._finalizer.detach()
        self._loop.stop(self._kit.close)

    def _run(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        if self._closed:
            raise SetupError("this toolkit is closed; make a new one")
        return self._loop.run(work, *args)

    def submit(self, work: Callable[[Toolkit], Awaitable[T]]) -> Future[T]:
        """Start ``work(toolkit)`` on the background loop; for callers that wait on their own loop.

        Cancelling the future cancels the work.
        """
        if self._closed:
            raise SetupError("this toolkit is closed; make a new one")
        return self._loop.portal().start_task_soon(work, self._kit)

    @property
    def asynchronous(self) -> Toolkit:
        """The async face of the same toolkit, for the background loop only."""
        return self._kit

    # --- knowledge: no input or output, so no loop ------------------------------------------------

    @property
    def references(self) -> References:
        """The catalogue behind the tools."""
        return self._kit.references

    @property
    def packs(self) -> tuple[str, ...]:
        """Names of the enabled packs."""
        return self._kit.packs

    def tools(self, expose: str = "gateway") -> list[ToolSpec]:
        """See :meth:`Toolkit.tools`."""
        return self._kit.tools(expose)

    def find(
        self,
        request: str,
        *,
        limit: int = 5,
        packs: Sequence[str] | None = None,
        seen: Iterable[str] = (),
    ) -> Card:
        """See :meth:`Toolkit.find`."""
        return self._kit.find(request, limit=limit, packs=packs, seen=seen)

    def search(
        self, request: str, *, limit: int = 5, packs: Sequence[str] | None = None
    ) -> Finding:
        """See :meth:`Toolkit.search`."""
        return self._kit.search(request, limit=limit, packs=packs)

    def describe(self, method: str, version: int | None = None, *, full: bool = False) -> Card:
        """See :meth:`Toolkit.describe`."""
        return self._kit.describe(method, version, full=full)

    def risk(
        self, method: str, params: Mapping[str, Json] | None = None, *, version: int | None = None
    ) -> Risk:
        """See :meth:`Toolkit.risk`."""
        return self._kit.risk(method, params, version=version)

    def cost(self, what: str = "gateway") -> int:
        """See :meth:`Toolkit.cost`."""
        return self._kit.cost(what)

    # --- calls ------------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        params: Mapping[str, Json] | None = None,
        *,
        version: int | None = None,
        caller: Caller | None = None,
        deadline_s: float | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """See :meth:`Toolkit.call`."""

        async def work() -> Answer:
            return await self._kit.call(
                method,
                params,
                version=version,
                caller=caller,
                deadline_s=deadline_s,
                timeout_s=timeout_s,
            )

        return self._run(work)

    def list_all(
        self,
        method: str,
        params: Mapping[str, Json] | None = None,
        *,
        version: int | None = None,
        max_rows: int | None = None,
        on_progress: Callable[[int, int | None], None] | None = None,
    ) -> Iterator[Row]:
        """See :meth:`Toolkit.list_all`; rows come as they arrive, a page at a time."""
        pages = self._kit.list_pages(
            method, params, version=version, max_rows=max_rows, on_progress=on_progress
        )

        async def step() -> list[Row] | None:
            return await anext(pages, None)

        try:
            while (page := self._run(step)) is not None:
                yield from page
        finally:
            if not self._closed:
                self._run(pages.aclose)

    def get_many(
        self,
        method: str,
        ids: Iterable[int | str],
        params: Mapping[str, Json] | None = None,
        *,
        version: int | None = None,
    ) -> dict[int | str, Row]:
        """See :meth:`Toolkit.get_many`."""

        async def work() -> dict[int | str, Row]:
            return await self._kit.get_many(method, ids, params, version=version)

        return self._run(work)

    def batch(
        self,
        commands: Mapping[str, tuple[str, Mapping[str, Json]]],
        *,
        halt: bool = False,
        caller: Caller | None = None,
    ) -> Answer:
        """See :meth:`Toolkit.batch`."""

        async def work() -> Answer:
            return await self._kit.batch(commands, halt=halt, caller=caller)

        return self._run(work)

    def run_tool(
        self,
        name: str,
        arguments: Mapping[str, Json] | None = None,
        *,
        caller: Caller | None = None,
        raise_confirmation: bool = False,
    ) -> ToolResult:
        """See :meth:`Toolkit.run_tool`."""

        async def work() -> ToolResult:
            return await self._kit.run_tool(
                name, arguments, caller=caller, raise_confirmation=raise_confirmation
            )

        return self._run(work)

    # --- the host's side --------------------------------------------------------------------------

    def plans(self, status: PlanStatus | None = None, *, key: str | None = None) -> list[Plan]:
        """See :meth:`Toolkit.plans`."""

        async def work() -> list[Plan]:
            return await self._kit.plans(status, key=key)

        return self._run(work)

    def plan(self, plan_id: str) -> Plan:
        """See :meth:`Toolkit.plan`."""
        return self._run(self._kit.plan, plan_id)

    def approve(self, plan_id: str, *, by: str) -> Plan:
        """See :meth:`Toolkit.approve`."""

        async def work() -> Plan:
            return await self._kit.approve(plan_id, by=by)

        return self._run(work)

    def refuse(self, plan_id: str, *, by: str, reason: str = "") -> Plan:
        """See :meth:`Toolkit.refuse`."""

        async def work() -> Plan:
            return await self._kit.refuse(plan_id, by=by, reason=reason)

        return self._run(work)

    def execute(self, plan_id: str, *, caller: Caller | None = None) -> Answer:
        """See :meth:`Toolkit.execute`."""

        async def work() -> Answer:
            return await self._kit.execute(plan_id, caller=caller)

        return self._run(work)

    def undo(self, audit_id: int, *, caller: Caller | None = None) -> Plan:
        """See :meth:`Toolkit.undo`."""

        async def work() -> Plan:
            return await self._kit.undo(audit_id, caller=caller)

        return self._run(work)

    def verify_audit(self) -> Report:
        """See :meth:`Toolkit.verify_audit`."""
        return self._run(self._kit.verify_audit)

    def mask(self, value: Any) -> Any:
        """See :meth:`Toolkit.mask`."""
        return self._kit.mask(value)

    def hide(self, value: Any) -> Any:
        """See :meth:`Toolkit.hide`."""
        return self._kit.hide(value)

    def audit(self, **filters: Any) -> list[Entry]:
        """See :meth:`Toolkit.audit`."""

        async def work() -> list[Entry]:
            return await self._kit.audit(**filters)

        return self._run(work)
