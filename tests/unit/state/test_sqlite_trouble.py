"""A state file that is locked, damaged, read-only, full or missing gives one clear line."""

from __future__ import annotations

import sqlite3
import stat
import sys

import pytest
from sqlalchemy import event, insert, select

from bitrix24_agent.errors import SettingsError, StateError
from bitrix24_agent.state.store import open_store
from bitrix24_agent.state.tables import idempotency

pytestmark = pytest.mark.anyio


def put(key: str, answer: str = ""):
    row = {"key": key, "digest": "d", "status": "claimed", "claimed_at": 1.0, "answer": answer}
    return lambda connection: connection.execute(insert(idempotency), row) and None


def keys(connection) -> list[str]:
    return list(connection.execute(select(idempotency.c.key)).scalars())


async def failure(awaitable) -> str:
    with pytest.raises(StateError) as caught:
        await awaitable
    assert caught.value.__cause__ is None
    return str(caught.value)


def pragma(store, statement: str) -> None:
    """Give every new connection of *store* one more pragma, and let go of those it has."""
    opened = store._opened()
    event.listen(opened._engine, "connect", lambda connection, _: connection.execute(statement))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("state.db", "is no database address"),
        ("", "is no database address"),
        ("mysql://root@localhost/x", "cannot live in 'mysql'"),
        ("sqlite+aiosqlite:///x.db", "cannot live in 'sqlite.aiosqlite'"),
        ("postgresql+asyncpg://localhost/x", "cannot live in"),
    ],
)
def test_an_address_that_is_no_store_is_refused_with_those_that_are(url, reason):
    with pytest.raises(SettingsError, match=reason) as caught:
        open_store(url)
    assert "sqlite:///path/to/state.db" in str(caught.value)


def test_a_missing_postgresql_driver_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match=r"bitrix24-agent\[postgres\]"):
        open_store("postgresql://localhost/x")


def test_a_store_never_shows_its_password():
    store = open_store("postgresql://agent:s3cr3t@localhost/x")
    assert repr(store) == "SqlStore('postgresql+psycopg://agent:***@localhost/x')"


async def test_a_postgresql_nobody_listens_at_is_a_state_error_without_the_password():
    store = open_store("postgresql://agent:s3cr3t@127.0.0.1:1/x", busy_timeout_s=2)
    message = await failure(store.read(keys))
    assert message.startswith("state store postgresql+psycopg://agent:***@127.0.0.1:1/x: ")
    await store.close()


async def test_opening_touches_nothing(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/state.db")
    assert list(tmp_path.iterdir()) == []
    await store.close()
    assert list(tmp_path.iterdir()) == []


async def test_a_new_file_is_readable_by_its_owner_only(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/state.db")
    await store.transact(put("a"))
    modes = {p.name: stat.filemode(p.stat().st_mode) for p in tmp_path.iterdir()}
    assert set(modes.values()) == {"-rw-------"}
    await store.close()


async def test_a_missing_folder_is_named(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/nowhere/state.db")
    assert await failure(store.transact(put("a"))) == (
        f"state file {tmp_path}/nowhere/state.db: its folder {tmp_path}/nowhere does not exist; "
        "create it or name another file"
    )
    (tmp_path / "nowhere").mkdir()
    await store.transact(put("a"))
    assert await store.read(keys) == ["a"]
    await store.close()


async def test_a_folder_in_place_of_the_file_is_refused(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}")
    assert "it cannot be opened" in await failure(store.read(keys))
    await store.close()


async def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "state.db"
    path.write_text("a letter to my mother\n" * 100)
    before = path.read_bytes()
    store = open_store(f"sqlite:///{path}")
    assert "it is no SQLite database" in await failure(store.transact(put("a")))
    assert "it is no SQLite database" in await failure(store.read(keys))
    await store.close()
    assert path.read_bytes() == before


async def test_a_damaged_file_is_told_and_survives(tmp_path):
    path = tmp_path / "state.db"
    store = open_store(f"sqlite:///{path}")
    for i in range(50):
        await store.transact(put(f"k{i}", "x" * 3000))
    await store.close()
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = b"\xff" * (len(damaged) - 4096)
    path.write_bytes(damaged)
    store = open_store(f"sqlite:///{path}")
    assert "it is damaged" in await failure(store.transact(put("new")))
    await store.close()


async def test_a_locked_file_stops_writes_and_not_reads(tmp_path):
    path = tmp_path / "state.db"
    store = open_store(f"sqlite:///{path}", busy_timeout_s=0.05)
    await store.transact(put("a"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "another process has been writing to it for too long" in await failure(
        store.transact(put("b"), durable=True)
    )
    assert await store.read(keys) == ["a"]
    other.execute("ROLLBACK")
    other.close()
    await store.transact(put("b"))
    assert sorted(await store.read(keys)) == ["a", "b"]
    await store.close()


async def test_a_file_that_is_locked_while_it_is_first_opened_is_waited_for_and_then_told(tmp_path):
    path = tmp_path / "state.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE x (y)")
    other.execute("BEGIN EXCLUSIVE")
    store = open_store(f"sqlite:///{path}", busy_timeout_s=0.1)
    assert "another process has been writing" in await failure(store.transact(put("a")))
    other.execute("COMMIT")
    other.close()
    await store.transact(put("a"))
    await store.close()


async def test_a_read_only_file_can_still_be_read(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/state.db")
    await store.transact(put("a"))
    await store.close()
    pragma(store, "PRAGMA query_only=ON")
    assert await store.read(keys) == ["a"]
    assert "it cannot be written" in await failure(store.transact(put("b")))
    assert await store.read(keys) == ["a"]
    await store.close()


async def test_a_full_disk_loses_nothing(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/state.db")
    await store.transact(put("a"))
    await store.close()
    pragma(store, "PRAGMA max_page_count=60")
    await store.read(keys)
    assert "the disk is full" in await failure(store.transact(put("b", "x" * 500_000)))
    assert await store.read(keys) == ["a"]
    await store.transact(put("c"))
    assert sorted(await store.read(keys)) == ["a", "c"]
    await store.close()


async def test_memory_keeps_its_rows_after_an_error():
    store = open_store("sqlite://")
    await store.transact(put("a"))
    await failure(store.transact(lambda c: c.exec_driver_sql("SELECT nonsense")))
    await failure(store.read(lambda c: c.exec_driver_sql("SELECT nonsense")))
    assert await store.read(keys) == ["a"]
    await store.close()


async def test_commits_wait_for_the_disk_only_when_asked(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/state.db")

    def level(connection) -> int:
        return connection.exec_driver_sql("PRAGMA synchronous").scalar()

    levels = [await store.transact(level, durable=d) for d in (False, True, True, False)]
    assert levels == [1, 2, 2, 1]  # NORMAL, FULL
    assert await store.read(lambda c: c.exec_driver_sql("PRAGMA journal_mode").scalar()) == "wal"
    await store.close()
