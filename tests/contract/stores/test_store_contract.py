"""What every store promises: transactions alone among writers, snapshots, clear errors."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest
from sqlalchemy import Column, Integer, Table, insert, select, text, update

from bitrix24_agent.errors import StateError
from bitrix24_agent.state import migrations
from bitrix24_agent.state.store import open_store
from bitrix24_agent.state.tables import audit_head, idempotency, metadata

pytestmark = pytest.mark.anyio


def put(key: str, **more):
    row = {"key": key, "digest": "d", "status": "claimed", "claimed_at": 1.0, **more}
    return lambda connection: connection.execute(insert(idempotency), row) and None


def keys(connection) -> list[str]:
    return list(connection.execute(select(idempotency.c.key).order_by(idempotency.c.key)).scalars())


async def test_what_was_committed_is_read(store):
    await store.transact(put("a"))
    await store.transact(put("b"), durable=True)
    assert await store.read(keys) == ["a", "b"]


async def test_a_transaction_returns_what_its_work_returns(store):
    assert await store.transact(lambda _connection: 7) == 7
    assert await store.read(lambda _connection: "x") == "x"


async def test_an_error_rolls_the_whole_transaction_back(store):
    def work(connection):
        put("a")(connection)
        raise LookupError("changed my mind")

    with pytest.raises(LookupError, match="changed my mind"):
        await store.transact(work)
    assert await store.read(keys) == []
    await store.transact(put("b"))
    assert await store.read(keys) == ["b"]


async def test_a_broken_rule_of_the_schema_is_a_state_error_without_values(store):
    await store.transact(put("a", answer="s3cr3t-answer"))
    with pytest.raises(StateError) as caught:
        await store.transact(put("a", answer="s3cr3t-answer"))
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None
    await store.transact(put("b"))
    assert await store.read(keys) == ["a", "b"]


async def test_writers_are_alone_however_many_tasks_write(store):
    await store.transact(lambda c: c.execute(insert(audit_head), {"id": 1, "seq": 0, "hash": ""}))

    def bump(connection):
        seen = connection.execute(select(audit_head.c.seq)).scalar_one()
        connection.execute(update(audit_head).values(seq=seen + 1))

    await asyncio.gather(*(store.transact(bump) for _ in range(100)))
    assert await store.read(lambda c: c.execute(select(audit_head.c.seq)).scalar_one()) == 100


async def test_two_stores_on_one_database_are_alone_too(shared_url):
    one, two = open_store(shared_url), open_store(shared_url)
    await one.transact(lambda c: c.execute(insert(audit_head), {"id": 1, "seq": 0, "hash": ""}))

    def bump(connection):
        seen = connection.execute(select(audit_head.c.seq)).scalar_one()
        connection.execute(update(audit_head).values(seq=seen + 1))

    await asyncio.gather(*(s.transact(bump) for s in (one, two) for _ in range(40)))
    assert await two.read(lambda c: c.execute(select(audit_head.c.seq)).scalar_one()) == 80
    await one.close()
    await two.close()


async def test_reads_see_one_snapshot_while_others_write(shared_url):
    store = open_store(shared_url)
    await store.transact(put("a"))
    reading, written = threading.Event(), threading.Event()

    def slow_read(connection):
        first = keys(connection)
        reading.set()
        assert written.wait(5)
        return first, keys(connection)

    read = asyncio.ensure_future(store.read(slow_read))
    await asyncio.to_thread(reading.wait, 5)
    await store.transact(put("b"))
    written.set()
    assert await read == (["a"], ["a"])
    assert await store.read(keys) == ["a", "b"]
    await store.close()


async def test_a_closed_store_opens_again(shared_url):
    store = open_store(shared_url)
    await store.transact(put("a"))
    await store.close()
    await store.close()
    assert await store.read(keys) == ["a"]
    await store.close()


WRITER = """
import asyncio, sys
from bitrix24_agent.state.store import open_store
from bitrix24_agent.state.tables import idempotency
from sqlalchemy import insert
async def main():
    store = open_store(sys.argv[1])
    for i in range(25):
        row = {"key": f"{sys.argv[2]}-{i}", "digest": "d", "status": "claimed", "claimed_at": 1.0}
        await store.transact(lambda c: c.execute(insert(idempotency), row) and None)
    await store.close()
asyncio.run(main())
"""


async def test_processes_starting_at_once_share_an_empty_database(shared_url):
    started = [
        subprocess.Popen([sys.executable, "-c", WRITER, shared_url, name], stderr=subprocess.PIPE)
        for name in ("a", "b", "c")
    ]
    errors = [(await asyncio.to_thread(p.communicate, timeout=50))[1].decode() for p in started]
    assert errors == ["", "", ""]
    store = open_store(shared_url)
    assert len(await store.read(keys)) == 75
    await store.close()


async def test_a_forked_child_uses_its_own_connections(shared_url):
    """The child must neither break the parent's session nor inherit its threads."""
    code = """
import asyncio, os, sys
from bitrix24_agent.state.store import open_store
from bitrix24_agent.state.tables import idempotency
from sqlalchemy import insert, select
store = open_store(sys.argv[1])
def put(key):
    row = {"key": key, "digest": "d", "status": "claimed", "claimed_at": 1.0}
    return lambda c: c.execute(insert(idempotency), row) and None
asyncio.run(store.transact(put("parent")))
pid = os.fork()
if pid == 0:
    asyncio.run(store.transact(put("child")))
    asyncio.run(store.close())
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
asyncio.run(store.transact(put("after")))
print(asyncio.run(store.read(lambda c: sorted(c.execute(select(idempotency.c.key)).scalars()))))
asyncio.run(store.close())
"""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, shared_url],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.stderr, done.stdout) == ("", "['after', 'child', 'parent']\n")


async def test_one_store_serves_several_event_loops(shared_url):
    store = open_store(shared_url)
    await store.transact(put("a"))

    def other_loop() -> None:
        asyncio.run(store.transact(put("b")))

    await asyncio.to_thread(other_loop)
    assert await store.read(keys) == ["a", "b"]
    await store.close()


# --- the schema -----------------------------------------------------------------------------------


async def test_the_steps_make_exactly_the_tables_the_code_knows(store):
    from sqlalchemy import inspect

    def shape(connection):
        found = inspect(connection)
        return {
            name: (
                [(c["name"], c["nullable"]) for c in found.get_columns(name)],
                found.get_pk_constraint(name)["constrained_columns"],
                sorted(i["name"] for i in found.get_indexes(name)),
            )
            for name in metadata.tables
        }

    expected = {
        name: (
            [(c.name, bool(c.nullable)) for c in table.columns],
            [c.name for c in table.primary_key.columns],
            sorted(i.name for i in table.indexes),
        )
        for name, table in metadata.tables.items()
    }
    assert await store.read(shape) == expected


@pytest.mark.parametrize("number", range(1, migrations.LATEST))
async def test_a_database_of_each_older_version_is_brought_up(shared_url, number):
    from sqlalchemy import create_engine

    old = create_engine(shared_url.replace("postgresql:", "postgresql+psycopg:"))
    with old.begin() as connection:
        migrations.migrate(connection, up_to=number)
        connection.execute(
            insert(idempotency), {"key": "old", "digest": "d", "status": "done", "claimed_at": 1.0}
        )
    old.dispose()
    store = open_store(shared_url)
    assert await store.read(keys) == ["old"]
    assert await store.read(migrations.version) == migrations.LATEST
    await store.close()


async def test_migrating_twice_changes_nothing(store):
    await store.transact(migrations.migrate)
    await store.transact(migrations.migrate)
    assert await store.read(migrations.version) == migrations.LATEST


async def test_a_database_of_a_newer_release_is_refused(shared_url):
    store = open_store(shared_url)
    await store.transact(
        lambda c: c.execute(text("INSERT INTO schema_version VALUES (999, 'from the future')"))
    )
    await store.close()
    with pytest.raises(StateError, match="written by a newer bitrix24-agent"):
        await store.read(keys)
    with pytest.raises(StateError, match="written by a newer bitrix24-agent"):
        await store.transact(put("a"))
    await store.close()


async def test_audit_rows_cannot_be_changed_or_deleted(store):
    row = (
        "INSERT INTO audit (seq, at, kind, data, prev, hash) VALUES (1, 1.0, 'begin', '{}', '', '')"
    )
    await store.transact(lambda c: c.execute(text(row)))
    for statement in ("UPDATE audit SET data = 'x'", "DELETE FROM audit"):
        with pytest.raises(StateError, match="append-only"):
            await store.transact(lambda c, s=statement: c.execute(text(s)))
    assert await store.read(lambda c: c.execute(text("SELECT data FROM audit")).scalar()) == "{}"


async def test_a_table_registered_after_the_first_use_is_made_too(store):
    await store.transact(put("a"))
    late = Table("registered_late", metadata, Column("id", Integer, primary_key=True))
    try:
        await store.transact(lambda c: c.execute(insert(late), {"id": 1}) and None)
        assert await store.read(lambda c: c.execute(select(late.c.id)).scalar()) == 1
        assert await store.read(keys) == ["a"]
    finally:
        metadata.remove(late)
