"""Plans, keys, journal and handles behave the same in every store."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from bitrix24_agent.errors import IdempotencyError, PlanError, PlanStale
from bitrix24_agent.model import Call, Caller, FieldChange, Plan, Risk
from bitrix24_agent.state.handles import Handles
from bitrix24_agent.state.idempotency import Claim, Idempotency
from bitrix24_agent.state.journal import Journal
from bitrix24_agent.state.plans import Plans

pytestmark = pytest.mark.anyio

CALL = Call(method="crm.deal.update", params={"id": 5, "fields": {"TITLE": "New"}})
BATCH = Call(method="batch", params={"halt": 0}, commands={"b": CALL, "a": Call(method="x.y")})
ME = Caller(actor="ann", conversation="c1", key="k1")
DIFF = (FieldChange(path="fields.TITLE", before="Old", after="New"),)


@pytest.fixture
def plans(store, clock):
    return Plans(store, clock)


def propose(
    plans, call=CALL, *, digest="d1", caller=ME, ttl_s=900.0, **more
) -> asyncio.Future[Plan]:
    return plans.propose(
        call,
        digest=digest,
        risk=Risk.WRITE,
        summary="s",
        diff=DIFF,
        caller=caller,
        ttl_s=ttl_s,
        **more,
    )


def same(_call: Call) -> str:
    return "d1"


async def approved(plans, **more) -> Plan:
    plan = await propose(plans, **more)
    return await plans.decide(plan.id, approved=True, by="boss")


async def refusal(plans, plan_id, **more) -> str:
    with pytest.raises(PlanError) as caught:
        await plans.claim(plan_id, **{"digest_of": same, **more})
    return str(caught.value)


async def test_a_plan_keeps_everything_it_was_given(plans, clock):
    plan = await propose(plans, BATCH, note="n")
    assert plan == Plan(
        id=plan.id,
        call=BATCH,
        digest="d1",
        risk=Risk.WRITE,
        summary="s",
        diff=DIFF,
        note="n",
        created_at=clock.now,
        expires_at=clock.now + 900,
        status="pending",
        caller=ME,
    )
    assert list(plan.call.commands) == ["b", "a"]
    assert await plans.get(plan.id) == plan


POSITIONAL = Call(
    method="task.checklistitem.moveafteritem", params={"TASKID": 1, "ITEMID": 2, "AFTERITEMID": 3}
)


@pytest.mark.parametrize(
    "call", [POSITIONAL, Call(method="batch", commands={"b": POSITIONAL, "a": CALL})]
)
async def test_a_stored_call_keeps_the_order_of_its_parameters(plans, store, clock, call):
    plan = await propose(plans, call)
    journal = Journal(store, clock)
    await journal.record(3, call, summary="s")
    for kept in ((await plans.get(plan.id)).call, (await journal.get(3)).call):
        inner = kept.commands["b"] if kept.commands else kept
        assert kept == call
        assert list(inner.params) == ["TASKID", "ITEMID", "AFTERITEMID"]


async def test_code_that_runs_again_gets_the_plan_it_already_has(plans):
    first = await propose(plans)
    assert await propose(plans) == first
    await plans.decide(first.id, approved=True, by="boss")
    assert (await propose(plans)).id == first.id


async def test_a_live_plan_is_found_by_its_call_and_its_caller(plans, clock):
    assert await plans.live("d1", ME) is None
    plan = await propose(plans, ttl_s=60)
    assert await plans.live("d1", ME) == plan
    assert await plans.live("d2", ME) is None
    assert await plans.live("d1", Caller(conversation="c1", key="k2")) is None
    assert await plans.live("d1", Caller(conversation="c2", key="k1")) is None
    clock.now += 60
    assert await plans.live("d1", ME) is None


async def test_equal_calls_of_others_get_plans_of_their_own(plans):
    ids = {
        (await propose(plans, caller=caller, digest=digest)).id
        for digest in ("d1", "d2")
        for caller in (
            ME,
            Caller(conversation="c2", key="k1"),
            Caller(conversation="c1", key="k2"),
            Caller(conversation="c1"),
            None,
        )
    }
    assert len(ids) == 10


async def test_a_plan_that_is_no_longer_alive_is_not_given_again(plans, clock):
    first = await propose(plans, ttl_s=10)
    clock.now += 10
    second = await propose(plans)
    await plans.decide(second.id, approved=False, by="boss")
    assert len({first.id, second.id, (await propose(plans)).id}) == 3


async def test_an_approved_plan_is_claimed_exactly_once(plans):
    plan = await approved(plans)
    taken = await asyncio.gather(
        *(plans.claim(plan.id, digest_of=same) for _ in range(10)), return_exceptions=True
    )
    won = [t for t in taken if isinstance(t, Plan)]
    assert [(t.id, t.call, t.status, t.decided_by) for t in won] == [
        (plan.id, CALL, "executing", "boss")
    ]
    assert {type(t) for t in taken if not isinstance(t, Plan)} == {PlanError}
    await plans.finish(plan.id, ok=True)
    assert (await plans.get(plan.id)).status == "executed"
    assert "used already" in await refusal(plans, plan.id)


async def test_a_failed_plan_is_used_up_too(plans):
    plan = await approved(plans)
    await plans.claim(plan.id, digest_of=same)
    assert "being executed" in await refusal(plans, plan.id)
    await plans.finish(plan.id, ok=False)
    assert "it may have run: read back" in await refusal(plans, plan.id)


async def test_nothing_runs_without_a_persons_yes(plans):
    plan = await propose(plans)
    assert "waits for a person's approval" in await refusal(plans, plan.id)
    await plans.finish(plan.id, ok=True)  # a plan nobody claimed cannot be finished
    assert (await plans.get(plan.id)).status == "pending"


async def test_the_hosts_approver_approves_and_takes_in_one_step(plans):
    plan = await propose(plans)
    taken = await plans.claim(plan.id, digest_of=same, approved_by="approver")
    assert (taken.status, taken.decided_by) == ("executing", "approver")


async def test_an_unknown_plan_is_refused(plans):
    assert "there is no plan 'nope'" in await refusal(plans, "nope")
    with pytest.raises(PlanError, match="there is no plan"):
        await plans.get("nope")
    with pytest.raises(PlanError, match="there is no plan"):
        await plans.decide("nope", approved=True, by="boss")


async def test_a_plan_expires_even_after_its_approval(plans, clock):
    plan = await approved(plans, ttl_s=60)
    clock.now += 60
    assert "expired" in await refusal(plans, plan.id)
    assert (await plans.get(plan.id)).status == "expired"
    late = await propose(plans, digest="d2", ttl_s=60)
    clock.now += 61
    with pytest.raises(PlanError, match="expired"):
        await plans.decide(late.id, approved=True, by="boss")


async def test_a_plan_of_another_portal_or_catalogue_is_refused_and_stays_unused(plans):
    plan = await approved(plans)
    assert "another portal" in await refusal(plans, plan.id, digest_of=lambda _call: "other")
    assert (await plans.claim(plan.id, digest_of=same)).status == "executing"


async def test_an_edited_plan_is_refused(plans, store):
    def digest_of(call: Call) -> str:
        return "d1" if call == CALL else "edited"

    plan = await approved(plans)
    edited = text("UPDATE plans SET call = replace(call, :old, :new)")
    await store.transact(lambda c: c.execute(edited, {"old": "New", "new": "Evil"}) and None)
    assert "was altered" in await refusal(plans, plan.id, digest_of=digest_of)


async def test_a_plan_is_void_once_its_object_changed(plans):
    plan = await approved(plans, before_hash="h1")
    with pytest.raises(PlanStale, match="changed after the plan was made"):
        await plans.claim(plan.id, digest_of=same, before_hash="h2")
    assert "expired" in await refusal(plans, plan.id, before_hash="h1")


@pytest.mark.parametrize(
    ("stored", "now"), [("h1", {"before_hash": "h1"}), ("h1", {}), (None, {"before_hash": "h2"})]
)
async def test_an_unchanged_object_is_no_obstacle(plans, stored, now):
    plan = await approved(plans, before_hash=stored)
    assert (await plans.claim(plan.id, digest_of=same, **now)).status == "executing"


async def test_an_object_that_is_gone_is_a_change(plans):
    plan = await approved(plans, before_hash="h1")
    with pytest.raises(PlanStale):
        await plans.claim(plan.id, digest_of=same, before_hash=None)


async def test_a_decision_is_final(plans):
    plan = await approved(plans)
    with pytest.raises(PlanError, match="approved already by boss"):
        await plans.decide(plan.id, approved=False, by="other")
    other = await propose(plans, digest="d2")
    await plans.decide(other.id, approved=False, by="boss", reason="too early")
    with pytest.raises(PlanError, match="refused by boss"):
        await plans.decide(other.id, approved=True, by="other")
    assert "refused by boss" in await refusal(plans, other.id)


async def test_a_refusal_is_remembered_for_its_conversation(plans):
    plan = await propose(plans)
    await plans.decide(plan.id, approved=False, by="boss", reason="too early")
    assert await plans.refused("d1", "c1") == "refused by boss: too early"
    assert await plans.refused("d2", "c1") is None
    assert await plans.refused("d1", "c2") is None
    assert await plans.refused("d1", None) is None
    again = await propose(plans)
    await plans.decide(again.id, approved=False, by="someone")
    assert await plans.refused("d1", "c1") == "refused by boss: too early"


async def test_a_refusal_covers_the_same_call_written_differently(plans):
    plan = await propose(plans)
    await plans.decide(plan.id, approved=False, by="boss")
    text_ids = Call(method="crm.deal.update", params={"fields": {"TITLE": "New"}, "id": "5"})
    other = Call(method="crm.deal.update", params={"id": 6, "fields": {"TITLE": "New"}})
    wrapped = Call(method="batch", params={"halt": 1}, commands={"x": text_ids})
    beside = Call(method="batch", params={"halt": 0}, commands={"x": other, "y": text_ids})
    for again in (CALL, text_ids, wrapped, beside):
        assert await plans.refused("d9", "c1", again) == "refused by boss"
        assert await plans.refused("d9", "c2", again) is None
        assert await plans.refused("d9", None, again) is None
    assert await plans.refused("d9", "c1", other) is None


async def test_an_id_that_is_none_of_ours_is_unknown(plans):
    for odd in ("\ud800", "ж"):
        with pytest.raises(PlanError, match="there is no plan"):
            await plans.get(odd)


async def test_a_refusal_without_a_conversation_is_not_remembered(plans):
    plan = await propose(plans, caller=None)
    await plans.decide(plan.id, approved=False, by="boss")
    assert await plans.refused("d1", None) is None


async def test_plans_are_listed_newest_first_and_by_status(plans, clock):
    made = []
    for digest in ("d1", "d2", "d3", "d4"):
        made.append((await propose(plans, digest=digest, ttl_s=100)).id)
        clock.now += 10
    await plans.decide(made[0], approved=True, by="boss")
    await plans.decide(made[1], approved=False, by="boss")
    assert [p.id for p in await plans.list()] == made[::-1]
    assert [p.id for p in await plans.list("approved")] == [made[0]]
    assert [p.id for p in await plans.list("refused")] == [made[1]]
    assert [p.id for p in await plans.list("pending")] == [made[3], made[2]]
    assert [p.id for p in await plans.list("pending", limit=1)] == [made[3]]
    clock.now += 85
    assert [p.id for p in await plans.list("pending")] == [made[3]]
    assert {p.id for p in await plans.list("expired")} == {made[0], made[2]}


# --- idempotency ----------------------------------------------------------------------------------


@pytest.fixture
def keys(store, clock):
    return Idempotency(store, clock, max_answer_bytes=200)


async def test_a_key_is_first_once_and_then_replays_the_answer(keys, clock):
    since = clock.now
    assert await keys.claim("k", "d1") == Claim(kind="first", since=since)
    await keys.settle("k", "done", {"result": 7, "ü": None})
    clock.now += 5
    assert await keys.claim("k", "d1") == Claim(
        kind="replay", answer={"result": 7, "ü": None}, since=since
    )


async def test_looking_at_a_key_does_not_take_it(keys):
    assert await keys.peek("k", "d1") is None
    assert (await keys.claim("k", "d1")).kind == "first"
    assert (await keys.peek("k", "d1")).kind == "in_doubt"
    await keys.settle("k", "done", 7)
    assert (await keys.peek("k", "d1")).answer == 7
    with pytest.raises(IdempotencyError):
        await keys.peek("k", "d2")
    assert await keys.peek("other", "d2") is None


async def test_a_key_belongs_to_one_call(keys):
    await keys.claim("k", "d1")
    for _ in range(2):
        with pytest.raises(IdempotencyError, match="already used for another call"):
            await keys.claim("k", "d2")
        await keys.settle("k", "done", 1)


async def test_a_key_found_in_progress_is_in_doubt(keys, clock):
    await keys.claim("k", "d1")
    assert await keys.claim("k", "d1") == Claim(kind="in_doubt", since=clock.now)


@pytest.mark.parametrize("outcome", ["unknown", "partial"])
async def test_an_unclear_end_stays_in_doubt(keys, outcome):
    await keys.claim("k", "d1")
    await keys.settle("k", outcome, {"lost": 1})
    assert (await keys.claim("k", "d1")).kind == "in_doubt"


async def test_work_read_back_later_settles_what_was_in_doubt(keys):
    await keys.claim("k", "d1")
    await keys.settle("k", "unknown")
    await keys.settle("k", "done", 7)
    assert (await keys.claim("k", "d1")).answer == 7


@pytest.mark.parametrize("outcome", ["not_sent", "refused"])
async def test_work_that_never_happened_frees_the_key(keys, outcome):
    await keys.claim("k", "d1")
    await keys.settle("k", outcome)
    assert (await keys.claim("k", "d2")).kind == "first"


async def test_what_was_done_cannot_be_undone_by_a_late_report(keys):
    await keys.claim("k", "d1")
    await keys.settle("k", "done", 7)
    await keys.settle("k", "refused")
    await keys.settle("k", "unknown")
    assert (await keys.claim("k", "d1")).answer == 7


async def test_one_of_many_equal_requests_is_first(keys):
    claims = await asyncio.gather(*(keys.claim("k", "d1") for _ in range(20)))
    assert sorted(c.kind for c in claims) == ["first"] + ["in_doubt"] * 19


async def test_an_answer_too_large_to_keep_is_replayed_as_not_kept(keys, clock):
    await keys.claim("k", "d1")
    await keys.settle("k", "done", "x" * 300)
    assert await keys.claim("k", "d1") == Claim(
        kind="replay", answer=None, kept=False, since=clock.now
    )


async def test_old_settled_keys_are_forgotten_and_doubts_are_not(keys, clock):
    for key in ("old", "doubt"):
        await keys.claim(key, "d1")
    await keys.settle("old", "done", 1)
    clock.now += 100
    await keys.claim("new", "d1")
    await keys.settle("new", "done", 1)
    assert await keys.forget(older_than_s=50) == 1
    kinds = [(await keys.claim(key, "d1")).kind for key in ("old", "doubt", "new")]
    assert kinds == ["first", "in_doubt", "replay"]


# --- journal and handles --------------------------------------------------------------------------


async def test_a_write_is_taken_back_at_most_once(store, clock):
    journal = Journal(store, clock)
    await journal.record(7, BATCH, summary="delete it again")
    undo = await journal.get(7)
    assert (undo.audit_id, undo.call, undo.summary, undo.status) == (
        7,
        BATCH,
        "delete it again",
        "open",
    )
    planned = await journal.mark(7, "planned", plan_id="p1")
    assert (planned.status, planned.plan_id) == ("planned", "p1")
    assert (await journal.mark(7, "done")).plan_id == "p1"
    with pytest.raises(PlanError, match="was undone already"):
        await journal.mark(7, "planned", plan_id="p2")


async def test_what_has_no_reverse_cannot_be_undone(store, clock):
    journal = Journal(store, clock)
    for attempt in (journal.get(1), journal.mark(1, "planned")):
        with pytest.raises(PlanError, match="cannot be undone"):
            await attempt


async def test_the_journal_is_listed_newest_first(store, clock):
    journal = Journal(store, clock)
    for number in (1, 2, 3):
        await journal.record(number, CALL, summary="")
    assert [u.audit_id for u in await journal.list(limit=2)] == [3, 2]


async def test_a_handle_belongs_to_one_conversation_and_ends(store, clock):
    handles = Handles(store, clock, ttl_s=60)
    handle = await handles.keep([{"ID": 1}], conversation="c1")
    assert await handles.take(handle, conversation="c1") == [{"ID": 1}]
    assert await handles.take(handle, conversation="c2") is None
    assert await handles.take(handle, conversation=None) is None
    assert await handles.take("nope", conversation="c1") is None
    clock.now += 60
    assert await handles.take(handle, conversation="c1") is None
    other = await handles.keep(1, conversation=None)
    assert await handles.take(other, conversation=None) == 1
    assert await store.read(lambda c: c.execute(text("SELECT count(*) FROM handles")).scalar()) == 1
