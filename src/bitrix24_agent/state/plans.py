"""Stored plans: proposed once, decided by a person, executed at most once.

Nothing here asks who may approve; that is the host's business. What is kept here is that a plan is
executed as it was frozen, once, before it expires, and only while its digest still fits.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from bitrix24_agent.errors import PlanError, PlanStale
from bitrix24_agent.model import Call, Caller, FieldChange, Plan, Risk, canonical_json
from bitrix24_agent.policy.asked import fingerprints, own_fingerprint
from bitrix24_agent.state.tables import plans, refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, RowMapping

    from bitrix24_agent.model import PlanStatus
    from bitrix24_agent.ports import Clock, Store

_LIVE = ("pending", "approved")
_NOTHING_RAN = "nothing ran"
_ANY: Any = object()


class Plans:
    """The plans of one state store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def propose(
        self,
        call: Call,
        *,
        digest: str,
        risk: Risk,
        summary: str,
        diff: Sequence[FieldChange] = (),
        note: str = "",
        caller: Caller | None = None,
        ttl_s: float,
        before_hash: str | None = None,
    ) -> Plan:
        """Store a frozen call and return its plan.

        The same call by the same conversation under the same key gets the plan it already has, as
        long as that is alive and unused: graph frameworks run their code again when they resume.
        """
        caller = caller or Caller()
        now = self._clock.time()
        plan_id = secrets.token_hex(5)
        row = {
            "id": plan_id,
            "digest": digest,
            # Not in sorted order: some methods read their parameters by position.
            "call": json.dumps(call.plain(), ensure_ascii=False, separators=(",", ":")),
            "risk": int(risk),
            "summary": summary,
            "diff": canonical_json([[c.path, c.before, c.after, c.command] for c in diff]),
            "note": note,
            "before_hash": before_hash,
            "created_at": now,
            "expires_at": now + ttl_s,
            "status": "pending",
            "reason": "",
            "actor": caller.actor,
            "conversation": caller.conversation,
            "key": caller.key,
        }

        def work(connection: Connection) -> Plan:
            live = _live(connection, digest, caller, now)
            if live is not None:
                return live
            connection.execute(insert(plans), row)
            return _one(connection, plan_id, now)

        return await self._store.transact(work)

    async def live(self, digest: str, caller: Caller) -> Plan | None:
        """Return the plan that :meth:`propose` would return again, or None when it would be new."""
        now = self._clock.time()
        return await self._store.read(lambda connection: _live(connection, digest, caller, now))

    async def get(self, plan_id: str) -> Plan:
        """Return one plan.

        Raises:
            PlanError: There is none with this id.
        """
        now = self._clock.time()
        return await self._store.read(lambda connection: _one(connection, plan_id, now))

    async def list(
        self, status: PlanStatus | None = None, *, key: str | None = None, limit: int = 100
    ) -> list[Plan]:
        """Return the newest plans, newest first; one past its time counts as expired.

        Only those made under the caller's *key* when it is given.
        """
        now = self._clock.time()
        query = select(plans).order_by(plans.c.created_at.desc(), plans.c.id)
        if key is not None:
            query = query.where(plans.c.key == key)
        if status == "expired":
            query = query.where(
                (plans.c.status == "expired")
                | (plans.c.status.in_(_LIVE) & (plans.c.expires_at <= now))
            )
        elif status in _LIVE:
            query = query.where(plans.c.status == status, plans.c.expires_at > now)
        elif status is not None:
            query = query.where(plans.c.status == status)

        def work(connection: Connection) -> Sequence[RowMapping]:
            return connection.execute(query.limit(limit)).mappings().all()

        return [_plan(row, now) for row in await self._store.read(work)]

    async def decide(self, plan_id: str, *, approved: bool, by: str, reason: str = "") -> Plan:
        """Record a person's yes or no to a pending plan; a no is remembered for its conversation.

        Raises:
            PlanError: The plan is unknown, expired, or was decided already.
        """
        now = self._clock.time()

        def work(connection: Connection) -> Plan:
            plan = _one(connection, plan_id, now)
            if plan.status != "pending":
                raise PlanError(
                    f"plan {plan_id} is {_already(plan)}; make a new one", code="PLAN_DECIDED"
                )
            status = "approved" if approved else "refused"
            connection.execute(
                update(plans)
                .where(plans.c.id == plan_id, plans.c.status == "pending")
                .values(status=status, decided_by=by, decided_at=now, reason=reason)
            )
            if not approved:
                _remember_refusal(connection, plan, by, reason, now)
            return _one(connection, plan_id, now)

        return await self._store.transact(work, durable=True)

    async def claim(
        self,
        plan_id: str,
        *,
        digest_of: Callable[[Call], str],
        before_hash: str | None = _ANY,
        approved_by: str | None = None,
    ) -> Plan:
        """Take an approved plan for execution; only one caller ever gets it.

        Args:
            plan_id: The plan.
            digest_of: Computes the digest of the stored call as things are now (portal, credential,
            references).
            before_hash: Fingerprint of the object as it is now; leave it out when there was none to
            compare.
            approved_by: The host's approver said yes just now: a pending plan is approved and taken
            in one step.

        Raises:
            PlanStale: The object changed since the plan was made; the plan is void.
            PlanError: Unknown, expired, used, altered, refused, not approved, or made for another
            portal.
        """
        now = self._clock.time()

        def work(connection: Connection) -> Plan | PlanError:
            row = _row(connection, plan_id)
            plan = _plan(row, now)
            if plan.status not in _LIVE:
                return _spent(plan, row["reason"])
            if plan.status == "pending" and approved_by is None:
                return PlanError(
                    f"plan {plan_id} waits for a person's approval", code="PLAN_PENDING"
                )
            if digest_of(plan.call) != plan.digest:
                return PlanError(
                    f"plan {plan_id} was made for another portal, credential or catalogue, "
                    "or was altered; make a new one",
                    code="PLAN_ALTERED",
                )
            if before_hash is not _ANY and row["before_hash"] not in (None, before_hash):
                _set(connection, plan_id, status="expired")
                return PlanStale(
                    f"the object of plan {plan_id} changed after the plan was made; make a new one",
                    code="PLAN_STALE",
                )
            taken = {"status": "executing"}
            if plan.status == "pending":
                taken |= {"decided_by": approved_by, "decided_at": now}  # type: ignore[dict-item]
            _set(connection, plan_id, **taken)
            return _one(connection, plan_id, now)

        found = await self._store.transact(work, durable=True)
        if isinstance(found, PlanError):
            raise found
        return found

    async def finish(self, plan_id: str, *, ok: bool, nothing_ran: bool = False) -> None:
        """Record how the execution of a claimed plan ended; it can never be claimed again."""
        values = {"status": "executed" if ok else "failed"}
        if nothing_ran:
            values["reason"] = _NOTHING_RAN

        def work(connection: Connection) -> None:
            connection.execute(
                update(plans)
                .where(plans.c.id == plan_id, plans.c.status == "executing")
                .values(**values)
            )

        await self._store.transact(work)

    async def refused(
        self, digest: str, conversation: str | None, call: Call | None = None
    ) -> str | None:
        """Return why this call was refused in this conversation, or None when it was not.

        With *call* a no also covers the same request written differently: numbers as text, or
        wrapped in a batch.
        """
        if conversation is None:
            return None

        digests = (digest, *(fingerprints(call) if call is not None else ()))

        def work(connection: Connection) -> str | None:
            row = connection.execute(
                select(refusals.c.refused_by, refusals.c.reason)
                .where(refusals.c.conversation == conversation, refusals.c.digest.in_(digests))
                .order_by(refusals.c.at)
                .limit(1)
            ).first()
            if row is None:
                return None
            return f"refused by {row[0]}" + (f": {row[1]}" if row[1] else "")

        return await self._store.read(work)


def _remember_refusal(connection: Connection, plan: Plan, by: str, reason: str, now: float) -> None:
    conversation = plan.caller.conversation
    if conversation is None:
        return
    digests = (plan.digest, own_fingerprint(plan.call))
    known = connection.execute(
        select(refusals.c.digest).where(
            refusals.c.conversation == conversation, refusals.c.digest.in_(digests)
        )
    ).scalars()
    new = set(digests).difference(known)
    if new:
        connection.execute(
            insert(refusals),
            [
                {
                    "conversation": conversation,
                    "digest": digest,
                    "plan_id": plan.id,
                    "refused_by": by,
                    "reason": reason,
                    "at": now,
                }
                for digest in sorted(new)
            ],
        )


def _live(connection: Connection, digest: str, caller: Caller, now: float) -> Plan | None:
    row = (
        connection.execute(
            select(plans)
            .where(
                plans.c.digest == digest,
                plans.c.conversation.is_not_distinct_from(caller.conversation),
                plans.c.key.is_not_distinct_from(caller.key),
                plans.c.status.in_(_LIVE),
                plans.c.expires_at > now,
            )
            .order_by(plans.c.created_at.desc())
            .limit(1)
        )
        .mappings()
        .first()
    )
    return None if row is None else _plan(row, now)


def _set(connection: Connection, plan_id: str, **values: Any) -> None:
    connection.execute(update(plans).where(plans.c.id == plan_id).values(**values))


def _row(connection: Connection, plan_id: str) -> RowMapping:
    if not plan_id.isascii():  # no id of ours; a database may refuse the text altogether
        raise PlanError(f"there is no plan {plan_id!r:.40}", code="PLAN_UNKNOWN")
    row = connection.execute(select(plans).where(plans.c.id == plan_id)).mappings().first()
    if row is None:
        raise PlanError(f"there is no plan {plan_id!r:.40}", code="PLAN_UNKNOWN")
    return row


def _one(connection: Connection, plan_id: str, now: float) -> Plan:
    return _plan(_row(connection, plan_id), now)


def _plan(row: RowMapping, now: float) -> Plan:
    status: PlanStatus = row["status"]
    if status in _LIVE and row["expires_at"] <= now:
        status = "expired"
    return Plan(
        id=row["id"],
        call=Call.from_plain(json.loads(row["call"])),
        digest=row["digest"],
        risk=Risk(row["risk"]),
        summary=row["summary"],
        diff=tuple(
            FieldChange(path=path, before=before, after=after, command=command)
            for path, before, after, command in json.loads(row["diff"])
        ),
        note=row["note"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        status=status,
        decided_by=row["decided_by"],
        caller=Caller(actor=row["actor"], conversation=row["conversation"], key=row["key"]),
    )


def _spent(plan: Plan, reason: str) -> PlanError:
    """Return why a plan that was taken before is not taken again.

    One that did not end well may have run all the same: nobody should plan it again unseen.
    """
    if plan.status == "failed" and reason == _NOTHING_RAN:
        return PlanError(
            f"plan {plan.id} was used already and refused; nothing was changed, make a new one",
            code="PLAN_USED",
        )
    if plan.status in ("failed", "executing"):
        return PlanError(
            f"plan {plan.id} was {_already(plan)}; it may have run: read back what it was to "
            "change before you plan it again",
            code="PLAN_USED",
            outcome="unknown",
        )
    return PlanError(f"plan {plan.id} is {_already(plan)}; make a new one", code="PLAN_USED")


def _already(plan: Plan) -> str:
    by = f" by {plan.decided_by}" if plan.decided_by else ""
    return {
        "pending": "waiting",
        "approved": f"approved already{by}",
        "refused": f"refused{by}",
        "executing": "being executed, or was so when the process ended",
        "executed": "used already",
        "failed": "used already and did not end well",
        "expired": "expired",
    }[plan.status]
