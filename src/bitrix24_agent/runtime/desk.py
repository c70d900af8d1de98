"""The approver's desk: plans and the audit log of one state database, without a portal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from bitrix24_agent.audit.sinks import StoreSink
from bitrix24_agent.client.clock import SystemClock
from bitrix24_agent.state.approvers import Approvers
from bitrix24_agent.state.plans import Plans
from bitrix24_agent.state.store import open_store

if TYPE_CHECKING:
    from types import TracebackType

    from bitrix24_agent.audit.record import Entry
    from bitrix24_agent.audit.sinks import Report
    from bitrix24_agent.model import Plan, PlanStatus


class Desk:
    """Reads and decides plans; holds no credential and cannot send anything."""

    def __init__(self, state: str) -> None:
        clock = SystemClock()
        self._store = open_store(state)
        self._plans = Plans(self._store, clock)
        self._audit = StoreSink(self._store, clock)
        self.approvers = Approvers(self._store, clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._store.close()

    async def plans(self, status: PlanStatus | None = None) -> list[Plan]:
        """Return the stored plans, newest first."""
        return await self._plans.list(status)

    async def plan(self, plan_id: str) -> Plan:
        """Return one plan; PlanError when there is none."""
        return await self._plans.get(plan_id)

    async def decide(self, plan_id: str, *, approved: bool, by: str, reason: str = "") -> Plan:
        """Approve or refuse a plan in the name of *by*; PlanError when it cannot be decided."""
        plan = await self._plans.decide(plan_id, approved=approved, by=by, reason=reason)
        if not approved:
            row = {
                "method": plan.call.id,
                "digest": plan.digest,
                "call": plan.call.plain(),
                "risk": str(plan.risk),
                "verdict": "deny",
                "rule": "refused by a human",
                "plan_id": plan.id,
                "refused_by": by,
                **{"actor": by, "conversation": plan.caller.conversation},
            }
            await self._audit.refuse(row)
        return plan

    async def audit(self, **filters: Any) -> list[Entry]:
        """Return audited calls, newest first; filters are those of ``Toolkit.audit``."""
        return await self._audit.entries(**filters)

    async def verify_audit(self) -> Report:
        """Walk the audit chain and tell the first row that was changed, if any."""
        return await self._audit.verify()
