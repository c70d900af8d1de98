"""The one gateway: every call is resolved, judged, recorded and only then sent.

Nothing else holds the client. The steps and their order are those of docs/guardrails.md; an
adapter, a callback or a caller cannot skip one.
"""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from anyio import CancelScope

from bitrix24_agent.audit.redact import mask, mask_known
from bitrix24_agent.errors import (
    ArgumentsError,
    B24Error,
    CallFailedError,
    CallStoppedError,
    ConfirmationRequired,
    NotAllowedError,
    OutcomeUnknownError,
    PlanStale,
    StateError,
)
from bitrix24_agent.model import Answer, Call, Caller, Decision, Method, Plan, Risk, Verdict
from bitrix24_agent.policy.canonical import canonical
from bitrix24_agent.policy.gate import judge
from bitrix24_agent.policy.plan import before_call, digest, fingerprint
from bitrix24_agent.policy.risk import assess
from bitrix24_agent.policy.shown import diff, summarise
from bitrix24_agent.policy.undo import reverse
from bitrix24_agent.policy.validate import check_call
from bitrix24_agent.runtime.records import NOTE_READ_BACK, kept, replayed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.audit.sinks import StoreSink
    from bitrix24_agent.client.auth import Auth
    from bitrix24_agent.client.client import Client
    from bitrix24_agent.errors import Outcome
    from bitrix24_agent.model import FieldChange, Json
    from bitrix24_agent.policy.rules import Policy
    from bitrix24_agent.ports import Clock
    from bitrix24_agent.reference.catalog import Catalog
    from bitrix24_agent.state.idempotency import Idempotency
    from bitrix24_agent.state.journal import Journal
    from bitrix24_agent.state.plans import Plans


log = logging.getLogger("bitrix24_agent")

_NO_HALT = frozenset({"0", "False", "false", "N", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The object a write changes, as it was: what a human sees and what must not change.

    Attributes:
        found: What the read returned; for a batch, by command key. None when nothing was read.
        note: Why there is nothing to compare, when there is nothing.
    """

    found: Mapping[str, Json] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What the gateway writes down, all in one state store."""

    plans: Plans
    idempotency: Idempotency
    audit: StoreSink
    journal: Journal


class Gateway:
    """Owns the way to one portal with one credential."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        policy: Policy,
        packs: frozenset[str],
        client: Client,
        auth: Auth,
        records: Records,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._policy = policy
        self._packs = packs
        self._client = client
        self._auth = auth
        self._records = records
        self._clock = clock

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must never be shown, whatever they look like."""
        return self._auth.secrets

    # --- steps 1 to 3: resolve, validate, judge ---------------------------------------------------

    def prepare(
        self, name: str, params: Mapping[str, Json] | None, version: int | None
    ) -> tuple[Call, Verdict]:
        """Return the canonical, validated call and what the rules say about it.

        Raises:
            UnknownMethodError: The name resolves to no documented method.
            ArgumentsError: Lists everything wrong with the parameters at once.
        """
        call = self._resolve(name, params, version)
        verdict = self._judge(call)
        if verdict.action == "deny":
            return call, verdict  # nobody should mend the arguments of what is not allowed
        call, problems = check_call(call, self._catalog)
        if problems:
            raise ArgumentsError(
                f"{call.method}: {len(problems)} problem{'s' if len(problems) > 1 else ''} "
                "with the arguments",
                problems=problems,
            )
        return call, self._judge(call)

    def _resolve(self, name: str, params: Mapping[str, Json] | None, version: int | None) -> Call:
        return canonical(
            name,
            params,
            version=version,
            catalog=self._catalog,
            allow_unlisted=self._policy.allow_unlisted,
        )

    def _judge(self, call: Call) -> Verdict:
        return judge(call, policy=self._policy, catalog=self._catalog, packs=self._packs)

    def risk(
        self, name: str, params: Mapping[str, Json] | None, *, version: int | None = None
    ) -> Risk:
        """Return the worst this very call can do."""
        return assess(self._resolve(name, params, version), self._catalog)[0]

    # --- a call -----------------------------------------------------------------------------------

    async def run(
        self,
        name: str,
        params: Mapping[str, Json] | None,
        *,
        version: int | None,
        caller: Caller,
        deadline_s: float | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Take one call through every step; see ``Toolkit.call`` for what it raises."""
        try:
            call, verdict = self.prepare(name, params, version)
        except CallStoppedError as error:
            await self._refuse_unread(name, error, caller)
            raise
        if verdict.action == "deny":
            await self._refuse(call, verdict, caller)
            raise NotAllowedError(verdict.reason, rule=verdict.rule)
        if verdict.risk is Risk.READ and verdict.action == "allow":
            return await self._transmit(
                call, risk=Risk.READ, deadline_s=deadline_s, timeout_s=timeout_s
            )
        done = await self._done_before(call, caller)
        if done is not None:
            return done
        if verdict.action == "confirm":
            plan = await self._approved(call, verdict, caller)
            return await self.execute(plan.id, caller=caller)
        return await self._write(call, verdict, caller, deadline_s=deadline_s, timeout_s=timeout_s)

    def reader(
        self, name: str, params: Mapping[str, Json] | None, *, version: int | None
    ) -> Reader:
        """Return a reader for flows that send many calls of one reading method.

        Raises:
            NotAllowedError: The method is denied, or is no plain read.
        """
        call, verdict = self.prepare(name, params, version)
        if verdict.action == "deny":
            raise NotAllowedError(verdict.reason, rule=verdict.rule)
        if verdict.action != "allow" or verdict.risk is not Risk.READ or call.is_batch:
            raise NotAllowedError(
                f"{call.method} is no plain read; call it by itself", rule="reads only"
            )
        return Reader(call, self._catalog.lookup(call.method, call.version), self._client)

    # --- step 4: plan and approval ----------------------------------------------------------------

    def _digest(self, call: Call) -> str:
        return digest(
            call,
            portal=self._auth.portal,
            credential_id=self._auth.credential_id,
            references_digest=self._catalog.digest,
        )

    async def propose(self, call: Call, verdict: Verdict, caller: Caller) -> Plan:
        """Return the stored plan of *call*: a new one, or the live one of this very request.

        Raises:
            NotAllowedError: A human already refused this call in this conversation.
        """
        plans = self._records.plans
        call_digest = self._digest(call)
        refused = await plans.refused(call_digest, caller.conversation, call)
        if refused is not None:
            raise NotAllowedError(
                f"{call.method} with these arguments was {refused}; do not ask again",
                rule="refused by a human",
            )
        live = await plans.live(call_digest, caller)
        if live is not None:
            return live
        before = await self._before(call)
        return await plans.propose(
            call,
            digest=call_digest,
            risk=verdict.risk,
            summary=self._summary(call, verdict.risk),
            diff=self._diff(call, before),
            note=before.note,
            caller=caller,
            ttl_s=self._policy.plan_ttl_s,
            before_hash=fingerprint(before.found),
        )

    def _summary(self, call: Call, risk: Risk) -> str:
        method = self._catalog.lookup(call.method, call.version)
        return summarise(call, method, risk, risks=self._risks(call), hide=self._hide)

    def _diff(self, call: Call, before: Before) -> tuple[FieldChange, ...]:
        """Return what *call* changes; of the portal's values whatever looks secret is taken out."""
        return diff(
            before.found,
            call,
            risks=self._risks(call),
            hide=self._hide,
            veil=lambda value: mask(value, self.secrets),
        )

    def _hide(self, value: Json) -> Json:
        """Take out our own secrets only: a human must see everything else that would be sent."""
        return mask_known(value, self.secrets)

    def _risks(self, call: Call) -> dict[str, Risk]:
        return {key: assess(inner, self._catalog)[0] for key, inner in call.commands.items()}

    async def _approved(self, call: Call, verdict: Verdict, caller: Caller) -> Plan:
        """Return an approved plan for *call*, or stop.

        Raises:
            ConfirmationRequired: Nobody is here to say yes; the plan waits.
            NotAllowedError: A human said no, now or earlier in this conversation.
        """
        started = self._clock.time()
        plan = await self.propose(call, verdict, caller)
        if plan.status == "approved":
            return plan
        decision = await self._ask(plan)
        if decision is None:
            raise ConfirmationRequired(
                f"{mask(plan.summary, self.secrets)} waits for approval (plan {plan.id})",
                plan_id=plan.id,
                risk=plan.risk,
                summary=plan.summary,
                diff=plan.diff,
                note=plan.note,
                expires_at=plan.expires_at,
                fresh=plan.created_at > started,
            )
        plan = await self.decide(
            plan.id, approved=decision.approved, by=decision.by, reason=decision.reason
        )
        if plan.status != "approved":
            why = f": {decision.reason}" if decision.reason else ""
            raise NotAllowedError(
                f"{mask(plan.summary, self.secrets)} was refused by {decision.by}{why}",
                rule="refused by a human",
            )
        return plan

    async def _ask(self, plan: Plan) -> Decision | None:
        """Ask the host's approver; None when there is none."""
        approver = self._policy.approver
        if approver is None:
            return None
        said = approver(plan)
        if inspect.isawaitable(said):
            said = await said
        if isinstance(said, Decision):
            return said
        # Only a real True is a yes: a truthy answer such as "no" must not approve anything.
        return Decision(approved=said is True)

    async def decide(self, plan_id: str, *, approved: bool, by: str, reason: str = "") -> Plan:
        """Record what a human said about a plan."""
        plan = await self._records.plans.decide(plan_id, approved=approved, by=by, reason=reason)
        if not approved:
            verdict = Verdict(action="deny", risk=plan.risk, rule="human", reason=reason)
            await self._refuse(plan.call, verdict, replace(plan.caller, actor=by), plan)
        return plan

    async def execute(self, plan_id: str, *, caller: Caller | None = None) -> Answer:
        """Check the approval against the world of this moment, use it up, send.

        See ``Toolkit.execute`` for what it raises.
        """
        plans = self._records.plans
        plan = await plans.get(plan_id)
        verdict = self._judge(plan.call)
        caller = caller or plan.caller
        if verdict.action == "deny":
            await self._refuse(plan.call, verdict, caller, plan)
            raise NotAllowedError(verdict.reason, rule=verdict.rule)
        # A plan nobody approved is not worth a request to the portal; one with a note was made
        # without reading the object, so there is nothing to compare.
        usable = plan.status == "approved" and plan.digest == self._digest(plan.call)
        compare = usable and not plan.note
        before = await self._before(plan.call, again=True) if compare else Before()
        try:
            claimed = await plans.claim(
                plan_id, digest_of=self._digest, before_hash=fingerprint(before.found)
            )
        except PlanStale as error:
            stale = Verdict(action="deny", risk=plan.risk, rule="stale", reason=error.message)
            await self._refuse(plan.call, stale, caller, plan)
            raise
        sender = Caller(
            actor=caller.actor or plan.caller.actor,
            conversation=caller.conversation or plan.caller.conversation,
            key=plan.caller.key or f"plan:{plan.id}",
        )
        ok, nothing_ran = False, False
        try:
            answer = await self._write(claimed.call, verdict, sender, plan=claimed, before=before)
            ok = True
        except B24Error as error:
            nothing_ran = error.outcome in ("not_sent", "refused")
            raise
        finally:
            with CancelScope(shield=True):
                await plans.finish(plan.id, ok=ok, nothing_ran=nothing_ran)
        return answer

    async def _before(self, call: Call, *, again: bool = False) -> Before:
        """Read what *call* is going to change, as far as the catalogue knows how.

        The first time a read that fails leaves the plan without a comparison. *Again*, before the
        call is sent, it must not be taken for a change: the failure itself is raised.
        """
        read = before_call(call, self._catalog)
        if read is None:
            return Before(note="no read shows this object beforehand")
        verdict = self._judge(read)
        if verdict.action != "allow":
            return Before(note=f"before and after are not shown: {verdict.reason}")
        try:
            answer = await self._transmit(read, risk=Risk.READ)
        except CallFailedError as error:
            if again:
                raise
            return Before(note=f"before and after are not shown: {error.message}")
        if read.is_batch:
            found = {key: inner.result for key, inner in answer.commands.items()}
        else:
            found = answer.result if isinstance(answer.result, dict) else {"0": answer.result}
        return Before(found=found)

    # --- steps 5 to 11: record, claim, send, settle -----------------------------------------------

    async def _done_before(self, call: Call, caller: Caller) -> Answer | None:
        """Return the stored answer when this very request was already done.

        Raises:
            OutcomeUnknownError: It was sent and nobody knows how it ended.
        """
        if caller.key is None:
            return None
        claim = await self._records.idempotency.peek(caller.key, self._digest(call))
        if claim is None:
            return None
        if claim.kind == "in_doubt":
            return await self._read_back(call, caller.key)
        return replayed(claim.answer if claim.kept else None)

    async def _read_back(self, call: Call, key: str) -> Answer:
        """Find out whether a call whose answer was lost was done, as far as a read can tell.

        An update was done when its object holds every value it was to set; whether a creation or
        a deletion ran, no read of the catalogue can prove.

        Raises:
            OutcomeUnknownError: It cannot be told; a person should look.
        """
        if not call.is_batch and call.method.lower().endswith(".update"):
            before = await self._before(call)
            if before.found is not None and not self._diff(call, before):
                answer = Answer(result=True, replayed=True, note=NOTE_READ_BACK)
                await self._settle(key, "done", answer)
                return answer
        raise OutcomeUnknownError(
            f"{call.method} was already sent under this key and its answer was lost; "
            "read back before doing it again",
            code="IN_DOUBT",
        )

    async def _write(
        self,
        call: Call,
        verdict: Verdict,
        caller: Caller,
        *,
        plan: Plan | None = None,
        before: Before | None = None,
        deadline_s: float | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        records = self._records
        if caller.key is not None:
            claim = await records.idempotency.claim(caller.key, self._digest(call))
            if claim.kind == "replay":
                return replayed(claim.answer if claim.kept else None)
            if claim.kind == "in_doubt":
                return await self._read_back(call, caller.key)
        try:
            audit_id = await records.audit.begin(self._row(call, verdict, caller, plan))
        except B24Error:
            await self._settle(caller.key, "not_sent", None)
            raise
        started = self._clock.monotonic()
        answer: Answer | None = None
        outcome: Outcome | Literal["done"] = "unknown"
        code = "CANCELLED"
        try:
            answer = await self._transmit(
                call,
                risk=verdict.risk,
                key=caller.key,
                deadline_s=deadline_s,
                timeout_s=timeout_s,
            )
            outcome, code = _outcome_of(answer)
        except B24Error as error:
            outcome, code = error.outcome, error.code or type(error).__name__
            raise
        finally:
            # Also on cancellation: what was sent may have run, and the record must say so.
            with CancelScope(shield=True):
                await self._settle(caller.key, outcome, answer)
                await records.audit.finish(
                    audit_id,
                    {
                        "outcome": outcome,
                        "code": code or None,
                        "duration_s": round(self._clock.monotonic() - started, 6),
                    },
                )
        await self._keep_undo(audit_id, call, before, answer)
        return answer

    async def _transmit(
        self,
        call: Call,
        *,
        risk: Risk,
        key: str | None = None,
        deadline_s: float | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Hand the call to the client; a batch of any size is cut into as many as it needs."""
        if not call.is_batch:
            return await self._client.send(
                call, risk=risk, key=key, deadline_s=deadline_s, timeout_s=timeout_s
            )
        return await self._client.batch(
            call.commands,
            risk=risk,
            halt=str(call.params.get("halt", 0)) not in _NO_HALT,
            deadline_s=deadline_s,
            timeout_s=timeout_s,
        )

    async def _settle(
        self, key: str | None, outcome: Outcome | Literal["done"], answer: Answer | None
    ) -> None:
        if key is not None:
            record = None if answer is None else mask(kept(answer), self.secrets)
            await self._records.idempotency.settle(key, outcome, record)

    async def _keep_undo(
        self, audit_id: int, call: Call, before: Before | None, answer: Answer
    ) -> None:
        """Write down the call that takes this one back, when there is one."""
        back = reverse(
            call,
            before=before.found if before else None,
            new_id=_new_id(answer),
            catalog=self._catalog,
        )
        if back is not None:
            method = self._catalog.lookup(back.method, back.version)
            summary = self._summary(back, method.risk if method else Risk.DESTRUCTIVE)
            await self._records.journal.record(audit_id, back, summary=summary)

    async def undo(self, audit_id: int, *, caller: Caller) -> Plan:
        """Make a plan of the call that takes the write *audit_id* back.

        Raises:
            PlanError: It cannot be undone, or was undone already.
        """
        entry = await self._records.journal.get(audit_id)
        verdict = self._judge(entry.call)
        if verdict.action == "deny":
            raise NotAllowedError(verdict.reason, rule=verdict.rule)
        plan = await self.propose(entry.call, verdict, caller)
        await self._records.journal.mark(audit_id, "planned", plan_id=plan.id)
        return plan

    async def _refuse_unread(self, name: str, error: CallStoppedError, caller: Caller) -> None:
        """Audit a call that was stopped before anybody knew what it is."""
        await self._note_refusal(
            {
                "portal": self._auth.portal,
                "credential": self._auth.credential_id,
                "method": _storable(str(mask(str(name), self.secrets))[:200]),
                "verdict": "deny",
                "rule": error.code,
                "reason": str(mask(error.message, self.secrets))[:500],
                "actor": caller.actor,
                "conversation": caller.conversation,
            }
        )

    async def _refuse(
        self, call: Call, verdict: Verdict, caller: Caller, plan: Plan | None = None
    ) -> None:
        await self._note_refusal(self._row(call, verdict, caller, plan))

    async def _note_refusal(self, row: Mapping[str, object]) -> None:
        """Audit what was stopped; a log that cannot be written must not hide why it was."""
        try:
            await self._records.audit.refuse(row)
        except StateError as error:
            log.warning("a refusal could not be audited: %s", error.message)

    def _row(
        self, call: Call, verdict: Verdict, caller: Caller, plan: Plan | None
    ) -> dict[str, object]:
        return {
            "portal": self._auth.portal,
            "credential": self._auth.credential_id,
            "method": call.id,
            "digest": self._digest(call),
            "call": call.plain(),
            "risk": str(verdict.risk),
            "verdict": verdict.action,
            "rule": verdict.rule,
            "plan_id": plan.id if plan else None,
            **_decision(plan),
            "actor": caller.actor,
            "conversation": caller.conversation,
        }


class Reader:
    """Sends variations of one judged read; anything else is refused."""

    def __init__(self, call: Call, method: Method | None, client: Client) -> None:
        self.call = call
        self.method = method
        self._client = client

    async def send(self, call: Call) -> Answer:
        """Send *call*, which must be the judged method or a batch of it alone."""
        inner = call.commands.values() if call.is_batch else (call,)
        if any(c.id != self.call.id for c in inner):
            raise NotAllowedError(
                f"a flow of {self.call.method} tried another method", rule="reads only"
            )
        return await self._client.send(call, risk=Risk.READ)


def _outcome_of(answer: Answer) -> tuple[Outcome | Literal["done"], str]:
    """Return how a call that came back ended; a batch is as uncertain as its worst command."""
    if not answer.failures:
        return "done", ""
    lost = any(getattr(error, "outcome", "") == "unknown" for error in answer.failures.values())
    return ("unknown", "BATCH_UNKNOWN") if lost else ("partial", "BATCH_PARTIAL")


def _decision(plan: Plan | None) -> dict[str, object]:
    """Return who said yes or no to *plan*, for the audit row."""
    if plan is None or plan.decided_by is None:
        return {}
    return {"refused_by" if plan.status == "refused" else "approved_by": plan.decided_by}


def _new_id(answer: Answer) -> Json:
    """Return the id a creation returned, or None."""
    result = answer.result
    if isinstance(result, dict) and len(result) == 1:
        result = next(iter(result.values()))
    if isinstance(result, dict):
        result = result.get("id", result.get("ID"))
    return result if isinstance(result, int | str) and not isinstance(result, bool) else None


def _storable(text: str) -> str:
    """Return *text* as a database takes it: half a character is written as its number."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
