"""One suite, every store: a SQLite file, SQLite in memory, PostgreSQL where one listens."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from bitrix24_agent.state.store import SqlStore, open_store

POSTGRES = os.environ.get("B24_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")


class Clock:
    """A clock the test owns."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres_server() -> str:
    psycopg = pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    try:
        psycopg.connect(POSTGRES, connect_timeout=2).close()
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL listens on loopback (set B24_TEST_POSTGRES to name another)")
    return POSTGRES


@pytest.fixture
def postgres_url(postgres_database: str) -> str:
    """The suite's database, emptied."""
    import psycopg

    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return postgres_database


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[str]:
    """A database of this suite's own; databases others use are left alone."""
    import psycopg

    name = f"b24_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield f"{postgres_server.rpartition('/')[0]}/{name}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(
    params=["file", "memory", pytest.param("postgres", marks=pytest.mark.postgres)],
)
def store_url(request: pytest.FixtureRequest, tmp_path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/state.db" if request.param == "file" else "sqlite://"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[SqlStore]:
    opened = open_store(store_url)
    yield opened
    await opened.close()


@pytest.fixture(params=["file", pytest.param("postgres", marks=pytest.mark.postgres)])
def shared_url(request: pytest.FixtureRequest, tmp_path) -> str:
    """A store that several processes can open."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/state.db"
