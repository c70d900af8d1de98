"""One SQL store behind ``ports.Store``: SQLite on one machine, PostgreSQL over several.

Writers are alone: SQLite by ``BEGIN IMMEDIATE``, PostgreSQL by one advisory lock. That is what
makes a hash chain, a token bucket and "exactly one claims the plan" short, plain code; a
transaction takes well under a millisecond.

Durability: an ordinary commit survives a crash of the process, and a loss of power may undo the
last ones (``synchronous=NORMAL`` in WAL mode, ``synchronous_commit=off``). That is right for
limiters and for the end of a call. With ``durable=True`` the commit waits for the disk: used where
forgetting would let a write run twice or leave no trace (claims of plans and keys, the audit row
before a write).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url, text
from sqlalchemy.pool import StaticPool

from bitrix24_agent.errors import SettingsError, StateError
from bitrix24_agent.settings import default_file
from bitrix24_agent.state import migrations
from bitrix24_agent.state.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL

T = TypeVar("T")

BUSY_TIMEOUT_S = 5.0
READERS = 4
_LOCK = 0x6232_3461  # one advisory lock for all writers of a PostgreSQL database
_ACCEPTED = "use sqlite:///path/to/state.db, sqlite:// (memory) or postgresql://user@host/database"


def open_store(url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> SqlStore:
    """Return the store at *url*; nothing is opened or created before the first use.

    ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``sqlite://`` (memory, this process only)
    or ``postgresql://user@host/database``.

    Raises:
        SettingsError: The address is none of these, or the driver is not installed.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        parsed = None
    if parsed is None:
        raise SettingsError(f"the state address is no database address; {_ACCEPTED}")
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise SettingsError(f"the state cannot live in {parsed.drivername!r}; {_ACCEPTED}")
    try:
        parsed.get_dialect().import_dbapi()
    except ImportError:
        missing = True
    else:
        missing = False
    if missing:
        raise SettingsError(
            "PostgreSQL needs a driver; install it with: pip install 'bitrix24-agent[postgres]'"
        )
    return SqlStore(parsed, busy_timeout_s=busy_timeout_s)


class SqlStore:
    """The state in one SQL database; safe to share between tasks, threads, loops and forks."""

    def __init__(self, url: URL, *, busy_timeout_s: float) -> None:
        self._url = url
        self._busy_timeout_s = busy_timeout_s
        self._guard = threading.Lock()
        self._open: _Open | None = None
        self._left_behind: list[_Open] = []

    def __repr__(self) -> str:
        return f"SqlStore({self.name!r})"

    @property
    def name(self) -> str:
        """The address without a password; for messages."""
        if self._url.get_backend_name() == "sqlite":
            return self._url.database or ":memory:"
        return self._url.render_as_string(hide_password=True)

    async def transact(self, work: Callable[[Connection], T], *, durable: bool = False) -> T:
        """Run ``work(connection)`` in one write transaction, alone among writers.

        With *durable* the commit has reached the disk when this returns. A caller that is cancelled
        while the work runs does not stop it: it commits or rolls back by itself.

        Raises:
            StateError: The database cannot be opened, is locked for too long, full, read-only or
            corrupt.
        """
        opened = self._opened()
        return await _wait(opened.writing(opened.write, work, durable))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work(connection)`` on one consistent snapshot; same errors."""
        opened = self._opened()
        if not opened.ready:
            await _wait(opened.writing(opened.prepare))
        return await _wait(opened.reading(opened.read, work))

    async def close(self) -> None:
        """Close every connection; the next use opens them again."""
        with self._guard:
            opened, self._open = self._open, None
        if opened is not None and opened.pid == os.getpid():
            await _wait(opened.writing(opened.close))
            opened.stop()

    def _opened(self) -> _Open:
        """Return this process's connections; a forked child never touches its parent's."""
        opened = self._open
        if opened is not None and opened.pid == os.getpid():
            return opened
        if opened is not None:
            # Forked: closing these would end the parent's session. Keep them so that nobody does.
            self._guard = threading.Lock()
        with self._guard:
            if self._open is not None and self._open.pid == os.getpid():
                return self._open
            if self._open is not None:
                self._left_behind.append(self._open)
            self._open = _Open(self._url, name=self.name, busy_timeout_s=self._busy_timeout_s)
            return self._open


async def _wait(future: Future[T]) -> T:
    return await asyncio.wrap_future(future)


class _Open:
    """The connections and threads of one process: one writer, a few readers."""

    def __init__(self, url: URL, *, name: str, busy_timeout_s: float) -> None:
        self.pid = os.getpid()
        self.name = name
        self._prepared = -1
        self._sqlite = url.get_backend_name() == "sqlite"
        self._file = (
            url.database if self._sqlite and url.database not in (None, "", ":memory:") else None
        )
        self._busy_timeout_s = busy_timeout_s
        self._engine = self._make_engine(url)
        self._writer: Connection | None = None
        self._durable = False
        self._writers = ThreadPoolExecutor(1, thread_name_prefix="b24-state-write")
        self._readers = (
            ThreadPoolExecutor(READERS, thread_name_prefix="b24-state-read")
            if self._file or not self._sqlite
            else self._writers  # a database in memory is one connection
        )

    # --- called on the caller's thread ------------------------------------------------------------

    def writing(self, work: Callable[..., T], *args: Any) -> Future[T]:
        """Queue *work* on the only thread that writes."""
        return self._writers.submit(work, *args)

    def reading(self, work: Callable[..., T], *args: Any) -> Future[T]:
        """Queue *work* on a reading thread."""
        return self._readers.submit(work, *args)

    def stop(self) -> None:
        """End the threads once they are idle."""
        self._writers.shutdown(wait=False)
        self._readers.shutdown(wait=False)

    # --- called on our threads --------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether the database has every table registered so far; a later import may add some."""
        return self._prepared == len(metadata.tables)

    def prepare(self) -> None:
        """Make the schema current; one that is stays unwritten, so read-only files can be read."""
        if self.ready:
            return
        known = len(metadata.tables)
        if not self.read(migrations.is_current):
            self._write(migrations.migrate, durable=True)
        self._prepared = known

    def write(self, work: Callable[[Connection], T], durable: bool) -> T:
        """One write transaction."""
        self.prepare()
        return self._write(work, durable=durable)

    def read(self, work: Callable[[Connection], T]) -> T:
        """One read transaction."""
        try:
            if self._readers is self._writers:
                connection = self._writing_connection()
                with connection.begin():
                    return work(connection)
            with self._engine.connect() as connection:
                if not self._sqlite:
                    connection = connection.execution_options(
                        isolation_level="REPEATABLE READ", postgresql_readonly=True
                    )
                with connection.begin():
                    return work(connection)
        except (exc.DBAPIError, exc.TimeoutError, sqlite3.Error, OSError) as error:
            problem = self._explain(error)
        raise problem

    def close(self) -> None:
        """Close every connection of this process."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._engine.dispose()

    def _write(self, work: Callable[[Connection], T], *, durable: bool) -> T:
        try:
            connection = self._begin(durable)
            with connection.get_transaction() or connection.begin():
                return work(connection)
        except (exc.DBAPIError, sqlite3.Error, OSError) as error:
            problem = self._explain(error)
            if not isinstance(error, exc.IntegrityError):  # that was rolled back, all is well
                self._drop()
        raise problem

    def _begin(self, durable: bool) -> Connection:
        """Begin alone among writers; a connection that died while idle is replaced once."""
        for attempt in (1, 2):
            connection = self._writing_connection()
            try:
                if self._sqlite:
                    if durable is not self._durable:
                        level = "FULL" if durable else "NORMAL"
                        _raw(connection).execute(f"PRAGMA synchronous={level}")
                        self._durable = durable
                    connection.begin()
                else:
                    connection.begin()
                    connection.execute(
                        text(
                            "SELECT pg_advisory_xact_lock(:lock), "
                            "set_config('synchronous_commit', :mode, true)"
                        ),
                        {"lock": _LOCK, "mode": "on" if durable else "off"},
                    )
            except (exc.DBAPIError, sqlite3.Error) as error:
                self._drop()
                if attempt == 1 and getattr(error, "connection_invalidated", False):
                    continue
                raise
            return connection
        raise AssertionError  # pragma: no cover -- the second attempt returns or raises

    def _writing_connection(self) -> Connection:
        if self._writer is None:
            self._writer = self._engine.connect().execution_options(b24_writer=True)
            self._durable = False
        return self._writer

    def _drop(self) -> None:
        """Let go of a writing connection that cannot be trusted; one in memory is all there is."""
        if self._readers is self._writers:
            return
        connection, self._writer = self._writer, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _make_engine(self, url: URL) -> Engine:
        options: dict[str, Any] = {
            "hide_parameters": True
        }  # values may be secrets; errors carry none
        if not self._sqlite:
            limit_ms = int(self._busy_timeout_s * 1000)
            options["connect_args"] = {
                "connect_timeout": max(2, int(self._busy_timeout_s)),
                "options": f"-c lock_timeout={limit_ms}",
            }
            return create_engine(
                url, pool_size=READERS + 1, max_overflow=0, pool_pre_ping=True, **options
            )
        options["connect_args"] = {"check_same_thread": False, "timeout": self._busy_timeout_s}
        if self._file is None:
            options["poolclass"] = StaticPool
        else:
            options |= {"pool_size": READERS + 1, "max_overflow": 0}
        engine = create_engine(url, **options)
        event.listen(engine, "do_connect", self._before_connect)
        event.listen(engine, "connect", self._after_connect)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _before_connect(self, *_: Any) -> None:
        """Create the file readable by its owner only: it will hold tokens."""
        if self._file is not None:
            path = Path(self._file)
            if path == default_file():
                # Ours to make; a folder that somebody named and mistyped is not.
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists() and path.parent.is_dir():
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))

    def _after_connect(self, connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        if self._file is not None:
            mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
            if str(mode).lower() != "wal":
                _switch_to_wal(connection, self._busy_timeout_s)
        connection.execute("PRAGMA synchronous=NORMAL")

    def _explain(self, error: Exception) -> StateError:
        """Say what is wrong with which store and what to do; never a statement or a value."""
        original = getattr(error, "orig", None) or error
        if isinstance(original, sqlite3.Error):
            name = getattr(original, "sqlite_errorname", "") or ""
            what = next((v for k, v in _SQLITE_ADVICE.items() if name.startswith(k)), None)
            if what is None:
                what = f"{original}"
            elif name == "SQLITE_CANTOPEN" and self._file is not None:
                folder = Path(self._file).absolute().parent
                if not folder.is_dir():
                    what = f"its folder {folder} does not exist; create it or name another file"
            return StateError(f"state file {self.name}: {what}", code=name or None)
        code = getattr(original, "sqlstate", None)
        reason = str(original).strip().splitlines()
        what = _POSTGRES_ADVICE.get(code or "", reason[0] if reason else type(original).__name__)
        return StateError(f"state store {self.name}: {what}", code=code)


_WAIT = "another process has been writing to it for too long; wait, or end that process"
_SQLITE_ADVICE = {
    "SQLITE_BUSY": _WAIT,
    "SQLITE_LOCKED": _WAIT,
    "SQLITE_READONLY": "it cannot be written; check the rights of the file and of its folder",
    "SQLITE_CANTOPEN": "it cannot be opened; check its path and the rights of file and folder",
    "SQLITE_NOTADB": "it is no SQLite database; move it away or name another file",
    "SQLITE_CORRUPT": "it is damaged; move it away and restore a copy (nothing was written now)",
    "SQLITE_FULL": "the disk is full; free some space, nothing was lost",
    "SQLITE_IOERR": "the disk reports an error; check the disk and free space on it",
}

_POSTGRES_ADVICE = {
    "55P03": "another process has been writing to it for too long; wait, or end that session",
    "53100": "its disk is full; free some space, nothing was lost",
    "25006": "it is read-only (a standby?); name the primary server",
    "3D000": "the database does not exist; create it",
}


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("b24_writer", False)
    _raw(connection).execute("BEGIN IMMEDIATE" if writing else "BEGIN")


def _raw(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection: a pragma or BEGIN through SQLAlchemy costs ten times as much."""
    found = connection.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)  # noqa: S101 -- only called for SQLite
    return found


def _switch_to_wal(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Switch to write-ahead logging; SQLite does not wait for other openers here, so we do."""
    pause = threading.Event()
    for _ in range(max(1, int(timeout_s / 0.05))):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not str(getattr(error, "sqlite_errorname", "")).startswith("SQLITE_BUSY"):
                raise
            pause.wait(0.05)
        else:
            return
    connection.execute("PRAGMA journal_mode=WAL")
