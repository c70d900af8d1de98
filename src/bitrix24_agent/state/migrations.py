"""How the state store's schema came to be: numbered steps, append-only.

A step is frozen SQL that both databases understand, never made from today's table objects: a file
of any earlier version walks the same road. A step that was released is never edited; a change is a
new step. Tables that other modules register on ``metadata`` and that no step makes are created when
they are missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from bitrix24_agent.errors import StateError
from bitrix24_agent.state import tables_client
from bitrix24_agent.state.tables import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ = tables_client  # imported for the tables it registers

VERSION_TABLE = "schema_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One numbered change: SQL for both databases, then SQL for one of them."""

    number: int
    name: str
    both: tuple[str, ...] = ()
    sqlite: tuple[str, ...] = ()
    postgresql: tuple[str, ...] = ()


_FIRST = (
    """CREATE TABLE plans (
        id TEXT NOT NULL PRIMARY KEY, digest TEXT NOT NULL, call TEXT NOT NULL,
        risk INTEGER NOT NULL, summary TEXT NOT NULL, diff TEXT NOT NULL, note TEXT NOT NULL,
        before_hash TEXT,
        created_at DOUBLE PRECISION NOT NULL, expires_at DOUBLE PRECISION NOT NULL,
        status TEXT NOT NULL, decided_by TEXT, decided_at DOUBLE PRECISION, reason TEXT NOT NULL,
        actor TEXT, conversation TEXT, key TEXT)""",
    "CREATE INDEX plans_digest ON plans (digest)",
    "CREATE INDEX plans_created ON plans (created_at)",
    """CREATE TABLE refusals (
        conversation TEXT NOT NULL, digest TEXT NOT NULL, plan_id TEXT NOT NULL,
        refused_by TEXT NOT NULL,
        reason TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, PRIMARY KEY (conversation, digest))""",
    """CREATE TABLE idempotency (
        key TEXT NOT NULL PRIMARY KEY, digest TEXT NOT NULL, status TEXT NOT NULL, answer TEXT,
        claimed_at DOUBLE PRECISION NOT NULL, settled_at DOUBLE PRECISION)""",
    "CREATE INDEX idempotency_claimed ON idempotency (claimed_at)",
    """CREATE TABLE audit (
        seq BIGINT NOT NULL PRIMARY KEY, at DOUBLE PRECISION NOT NULL, kind TEXT NOT NULL,
        ref BIGINT, method TEXT, risk TEXT, verdict TEXT, outcome TEXT, actor TEXT,
        conversation TEXT, plan_id TEXT,
        data TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL)""",
    "CREATE INDEX audit_at ON audit (at)",
    "CREATE INDEX audit_ref ON audit (ref)",
    "CREATE INDEX audit_method ON audit (method)",
    """CREATE TABLE audit_head (
        id INTEGER NOT NULL PRIMARY KEY, seq BIGINT NOT NULL, hash TEXT NOT NULL)""",
    """CREATE TABLE journal (
        audit_id BIGINT NOT NULL PRIMARY KEY, call TEXT NOT NULL, summary TEXT NOT NULL,
        status TEXT NOT NULL, plan_id TEXT, created_at DOUBLE PRECISION NOT NULL)""",
    """CREATE TABLE handles (
        id TEXT NOT NULL PRIMARY KEY, conversation TEXT NOT NULL, data TEXT NOT NULL,
        created_at DOUBLE PRECISION NOT NULL, expires_at DOUBLE PRECISION NOT NULL)""",
    "CREATE INDEX handles_expires ON handles (expires_at)",
)

STEPS: tuple[Step, ...] = (
    Step(number=1, name="plans, idempotency, audit, journal, handles", both=_FIRST),
    Step(
        number=2,
        name="audit rows are append-only",
        sqlite=(
            """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
               BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END""",
            """CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
               BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END""",
        ),
        postgresql=(
            """CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION 'audit rows are append-only'; END $$""",
            """CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
               FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
        ),
    ),
)
"""Append only. Never edit or reorder a step that was released."""

LATEST = STEPS[-1].number


def version(connection: Connection) -> int:
    """Return the number of the last step this database went through; 0 for an empty one."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return 0
    found = connection.execute(text("SELECT max(number) FROM schema_version")).scalar()
    return int(found or 0)


def is_current(connection: Connection) -> bool:
    """Whether nothing is left to do; changes nothing, so it works on a read-only file.

    Raises:
        StateError: A newer release of this package wrote the database.
    """
    number = version(connection)
    if number > LATEST:
        raise StateError(
            f"the state store has schema {number}, this release knows {LATEST}: it was written "
            "by a newer bitrix24-agent; upgrade this one or give it another state"
        )
    return number == LATEST and not _missing(connection)


def migrate(connection: Connection, *, up_to: int = LATEST) -> None:
    """Bring the database to step *up_to* inside the caller's write transaction."""
    if is_current(connection):
        return
    done = version(connection)
    if done == 0:
        connection.execute(
            text(
                "CREATE TABLE schema_version "
                "(number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL)"
            )
        )
    own = "sqlite" if connection.dialect.name == "sqlite" else "postgresql"
    for step in STEPS:
        if done < step.number <= up_to:
            for statement in (*step.both, *getattr(step, own)):
                connection.exec_driver_sql(statement)
            connection.execute(
                text("INSERT INTO schema_version (number, name) VALUES (:number, :name)"),
                {"number": step.number, "name": step.name},
            )
    if up_to == LATEST:
        metadata.create_all(connection, checkfirst=True)


def _missing(connection: Connection) -> set[str]:
    """Names of registered tables the database does not have."""
    return set(metadata.tables) - set(inspect(connection).get_table_names())
