"""The audit log is the same in every store: chained, filtered, exported, verified."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import pytest
from sqlalchemy import inspect, text

from bitrix24_agent.audit.record import COLUMNS
from bitrix24_agent.audit.sinks import Head, StoreSink

pytestmark = pytest.mark.anyio

SECRET = "hQ7nG4fDxz8bM2vLkP9sTqWc"
ROW = {
    "method": "crm.deal.update",
    "version": 2,
    "risk": "write",
    "verdict": "confirm",
    "rule": "per_risk:write",
    "actor": "ann",
    "conversation": "c1",
    "plan_id": "p1",
    "params": {"id": 5, "access_token": SECRET},
}


@pytest.fixture
def sink(store, clock):
    return StoreSink(store, clock)


async def tamper(store, *statements: str) -> None:
    """Change the database behind the log's back, as somebody with the file could."""

    def work(connection):
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS audit_no_update")
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS audit_no_delete")
        else:
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS audit_append_only ON audit")
        for statement in statements:
            connection.execute(text(statement))

    await store.transact(work)


async def fill(sink, clock, count: int = 3) -> None:
    for number in range(count):
        audit_id = await sink.begin({**ROW, "n": number})
        clock.now += 0.5
        await sink.finish(audit_id, {"outcome": "done"})


async def test_a_call_is_one_entry_with_its_end(sink, clock):
    audit_id = await sink.begin(ROW)
    begun = clock.now
    clock.now += 0.25
    await sink.finish(audit_id, {"outcome": "done", "rows": 7})
    (entry,) = await sink.entries()
    assert entry.plain() == {
        "id": 1,
        "at": begun,
        "kind": "call",
        "method": "crm.deal.update",
        "version": 2,
        "risk": "write",
        "verdict": "confirm",
        "rule": "per_risk:write",
        "actor": "ann",
        "conversation": "c1",
        "plan_id": "p1",
        "params": {"id": 5, "access_token": "***"},
        "outcome": "done",
        "rows": 7,
        "duration_s": 0.25,
    }


async def test_a_refusal_is_an_entry_of_its_own(sink):
    number = await sink.refuse(
        {"method": "crm.deal.delete", "verdict": "deny", "outcome": "not_sent"}
    )
    (entry,) = await sink.entries()
    assert (entry.id, entry.kind, entry.outcome, entry.duration_s) == (
        number,
        "refusal",
        "not_sent",
        None,
    )


async def test_no_secret_reaches_the_database(store, clock):
    secrets = ["known-one"]
    sink = StoreSink(store, clock, known=lambda: secrets)
    await sink.begin({**ROW, "url": f"https://x/rest/1/{SECRET}/profile", "text": "known-one"})
    secrets.append("known-two")
    await sink.refuse({"text": "known-two"})
    dump = await store.read(lambda c: str(c.execute(text("SELECT * FROM audit")).all()))
    assert [s for s in (SECRET, "known-one", "known-two") if s in dump] == []


async def test_entries_are_filtered_and_paged(sink, clock):
    begun = [await sink.begin({**ROW, "actor": actor}) for actor in ("ann", "bob", "ann", "ann")]
    clock.now += 100
    await sink.finish(begun[0], {"outcome": "done"})
    await sink.finish(begun[2], {"outcome": "unknown"})
    late = await sink.refuse({"actor": "ann", "outcome": "not_sent"})

    async def ids(**filters):
        return [e.id for e in await sink.entries(**filters)]

    assert await ids() == [late, *begun[::-1]]
    assert await ids(actor="ann") == [late, begun[3], begun[2], begun[0]]
    assert await ids(actor="ann", limit=2) == [late, begun[3]]
    assert await ids(actor="ann", before=begun[3]) == [begun[2], begun[0]]
    assert await ids(outcome="unknown") == [begun[2]]
    assert await ids(outcome="not_sent") == [late]
    assert (
        await ids(method="crm.deal.update", risk="write", conversation="c1", outcome=None)
        == begun[::-1]
    )
    assert await ids(plan_id="p2") == []
    assert await ids(since=clock.now) == [late]
    assert await ids(until=clock.now) == begun[::-1]
    with pytest.raises(TypeError, match="not filtered by colour"):
        await sink.entries(colour="red")


async def test_concurrent_rows_make_one_chain(sink):
    numbers = await asyncio.gather(*(sink.begin({"n": n}) for n in range(50)))
    assert sorted(numbers) == list(range(1, 51))
    assert (await sink.verify()).ok


async def test_an_untouched_chain_verifies_and_names_what_is_open(sink, clock):
    await fill(sink, clock)
    lost = await sink.begin(ROW)
    await sink.refuse(ROW)
    report = await sink.verify()
    assert (report.ok, report.rows, report.problem, report.open) == (True, 8, None, (lost,))
    assert report.head == await sink.head()
    assert (await sink.verify(expected=report.head)).ok


async def test_an_empty_chain_is_in_order(sink):
    report = await sink.verify()
    assert (report.ok, report.rows, report.head.seq) == (True, 0, 0)
    assert [line async for line in sink.export()] == []


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE audit SET data = replace(data, 'ann', 'bob') WHERE seq = 3", "row 3 was edited"),
        ("UPDATE audit SET actor = 'bob' WHERE seq = 3", "row 3 was edited: its columns"),
        ("UPDATE audit SET at = at + 1 WHERE seq = 3", "row 3 was edited"),
        ("UPDATE audit SET kind = 'refusal' WHERE seq = 3", "row 3 was edited"),
        ("DELETE FROM audit WHERE seq = 3", "row 3 is missing (the next one is 4)"),
        ("DELETE FROM audit WHERE seq = 1", "row 1 is missing (the next one is 2)"),
        ("DELETE FROM audit WHERE seq > 4", "rows after 4 are missing: the last one was 6"),
        ("DELETE FROM audit", "rows after 0 are missing: the last one was 6"),
        ("UPDATE audit SET seq = 99 WHERE seq = 3", "row 3 is missing"),
        ("UPDATE audit_head SET seq = 4", "rows after 6 are missing: the last one was 4"),
        ("DELETE FROM audit_head", "rows after 6 are missing: the last one was 0"),
    ],
)
async def test_tampering_is_found(sink, store, clock, statement, problem):
    await fill(sink, clock)
    await tamper(store, statement)
    report = await sink.verify()
    assert not report.ok
    assert report.problem.startswith(problem)


async def test_rows_that_changed_places_are_found(sink, store, clock):
    await fill(sink, clock)
    await tamper(
        store,
        "UPDATE audit SET seq = 99 WHERE seq = 2",
        "UPDATE audit SET seq = 2 WHERE seq = 4",
        "UPDATE audit SET seq = 4 WHERE seq = 99",
    )
    assert (await sink.verify()).problem.startswith("row 2 does not follow row 1")


async def test_a_whole_rebuilt_chain_is_found_by_a_head_kept_elsewhere(sink, store, clock):
    await fill(sink, clock)
    noted = await sink.head()
    await tamper(store, "DELETE FROM audit", "DELETE FROM audit_head")
    assert (await sink.verify()).ok  # nothing in the database can tell
    assert (
        await sink.verify(expected=noted)
    ).problem == "the chain ends before the row noted elsewhere"
    await fill(sink, clock)
    assert (await sink.verify(expected=noted)).problem.startswith(
        "row 6 is not the one noted elsewhere"
    )


async def test_a_key_makes_rebuilding_impossible_without_it(store, clock):
    await fill(StoreSink(store, clock), clock)  # somebody without the key
    report = await StoreSink(store, clock, key=b"auditor").verify()
    assert report.problem == "row 1 was edited"
    assert report.head == Head(seq=0, hash="0" * 64)


async def test_a_long_chain_is_exported_and_verified_in_pages(sink, store, monkeypatch):
    monkeypatch.setattr("bitrix24_agent.audit.sinks._PAGE", 4)
    for n in range(10):
        await sink.refuse({"method": "x.y", "n": n})
    lines = [json.loads(line) async for line in sink.export()]
    assert [line["seq"] for line in lines] == list(range(1, 11))
    assert [line["data"]["n"] for line in lines] == list(range(10))
    assert all(a["hash"] == b["prev"] for a, b in pairwise(lines))
    assert (await sink.verify()).rows == 10


async def test_the_columns_are_those_of_the_schema(store):
    await store.read(lambda c: None)
    names = await store.read(lambda c: {col["name"] for col in inspect(c).get_columns("audit")})
    assert names == {"seq", "at", "kind", "ref", *COLUMNS, "data", "prev", "hash"}
