"""The undo journal: for a write that can be taken back, the call that does it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import insert, select, update

from bitrix24_agent.errors import PlanError
from bitrix24_agent.model import Call
from bitrix24_agent.state.tables import journal

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

    from bitrix24_agent.ports import Clock, Store

UndoStatus = Literal["open", "planned", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """The reverse of one audited write; ``plan_id`` once a plan was made of it."""

    audit_id: int
    call: Call
    summary: str
    status: UndoStatus
    plan_id: str | None
    created_at: float


class Journal:
    """The undo journal of one state store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def record(self, audit_id: int, call: Call, *, summary: str) -> None:
        """Keep the call that takes back the write *audit_id*."""
        row = {
            "audit_id": audit_id,
            # Not in sorted order: some methods read their parameters by position.
            "call": json.dumps(call.plain(), ensure_ascii=False, separators=(",", ":")),
            "summary": summary,
            "status": "open",
            "created_at": self._clock.time(),
        }

        def work(connection: Connection) -> None:
            connection.execute(insert(journal), row)

        await self._store.transact(work)

    async def get(self, audit_id: int) -> Undo:
        """Return how to take back the write *audit_id*.

        Raises:
            PlanError: It cannot be undone.
        """
        return await self._store.read(lambda connection: _one(connection, audit_id))

    async def mark(self, audit_id: int, status: UndoStatus, *, plan_id: str | None = None) -> Undo:
        """Say that a plan was made of it, or that it was executed.

        Raises:
            PlanError: It cannot be undone, or was undone already.
        """

        def work(connection: Connection) -> Undo:
            if _one(connection, audit_id).status == "done":
                raise PlanError(f"audit row {audit_id} was undone already", code="UNDO_DONE")
            values = {"status": status} | ({"plan_id": plan_id} if plan_id else {})
            connection.execute(
                update(journal).where(journal.c.audit_id == audit_id).values(**values)
            )
            return _one(connection, audit_id)

        return await self._store.transact(work)

    async def list(self, *, limit: int = 100) -> list[Undo]:
        """Return what can be undone, newest first."""

        def work(connection: Connection) -> list[Undo]:
            query = select(journal).order_by(journal.c.audit_id.desc()).limit(limit)
            return [_undo(row) for row in connection.execute(query).mappings()]

        return await self._store.read(work)


def _one(connection: Connection, audit_id: int) -> Undo:
    row = (
        connection.execute(select(journal).where(journal.c.audit_id == audit_id)).mappings().first()
    )
    if row is None:
        raise PlanError(
            f"audit row {audit_id} cannot be undone: no reverse call is known", code="UNDO_UNKNOWN"
        )
    return _undo(row)


def _undo(row: RowMapping) -> Undo:
    return Undo(
        audit_id=row["audit_id"],
        call=Call.from_plain(json.loads(row["call"])),
        summary=row["summary"],
        status=row["status"],
        plan_id=row["plan_id"],
        created_at=row["created_at"],
    )
