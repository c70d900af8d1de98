"""The approver's desk for commands: blocking, without a portal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from anyio.from_thread import start_blocking_portal

from bitrix24_agent.cli.connect import state_url
from bitrix24_agent.runtime.desk import Desk
from bitrix24_agent.settings import Settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable, Iterator

    from anyio.from_thread import BlockingPortal

    from bitrix24_agent.audit.record import Entry
    from bitrix24_agent.audit.sinks import Report
    from bitrix24_agent.model import Plan, PlanStatus


T = TypeVar("T")


class Host:
    """Plans, the audit log and the approver key of one state database."""

    def __init__(self, desk: Desk, portal: BlockingPortal) -> None:
        self._desk = desk
        self._portal = portal

    def plans(self, status: PlanStatus | None = None) -> list[Plan]:
        """Return the stored plans, newest first."""
        return self._portal.call(self._desk.plans, status)

    def plan(self, plan_id: str) -> Plan:
        """Return one plan; PlanError when there is none."""
        return self._portal.call(self._desk.plan, plan_id)

    def decide(self, plan_id: str, *, approved: bool, by: str, reason: str) -> Plan:
        """Approve or refuse a plan."""
        return self._call(
            lambda: self._desk.decide(plan_id, approved=approved, by=by, reason=reason)
        )

    def register_key(self, key: str) -> None:
        """Make *key* the approver key."""
        self._portal.call(self._desk.approvers.register, key)

    def check_key(self, key: str) -> None:
        """Return when *key* is the approver key; NotAllowedError otherwise."""
        self._portal.call(self._desk.approvers.check, key)

    def audit(self, **filters: object) -> list[Entry]:
        """Return audited calls, newest first."""
        return self._call(lambda: self._desk.audit(**filters))

    def verify_audit(self) -> Report:
        """Walk the audit chain."""
        return self._portal.call(self._desk.verify_audit)

    def _call(self, work: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            return await work()

        return self._portal.call(run)


@contextmanager
def desk(args: argparse.Namespace) -> Iterator[Host]:
    """Open the desk over the state database that *args* and the environment name."""
    url = state_url(args.state) if args.state else Settings.from_env().state
    with start_blocking_portal() as portal:
        opened = Desk(url)
        with portal.wrap_async_context_manager(opened):
            yield Host(opened, portal)
