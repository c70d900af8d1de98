"""The leaky bucket as a value, and as a row that processes share through the state store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import delete, insert, select, text, update

from bitrix24_agent.state.tables_client import buckets, rests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

    from bitrix24_agent.ports import Clock, Store

LEASE = 8
"""Slots taken at once while the shared bucket is less than half full."""

SURE_S = 20.0
"""How long an answer confirms the level."""

TRYING_S = 0.25
"""How long one process tries an unconfirmed bucket out before another may as well."""

SKEW_S = 30.0
"""A bucket stamped further ahead than this has another machine's wrong clock on it."""


@dataclass(slots=True)
class Bucket:
    """A counter that grows by one a request and falls evenly; ``at`` is when ``level`` was true."""

    room: float
    leak: float
    level: float = 0.0
    at: float = 0.0

    def settle(self, now: float) -> None:
        """Let the counter fall until *now*; while a clock is a little behind, nothing falls."""
        if now >= self.at:
            self.level = max(0.0, self.level - (now - self.at) * self.leak)
            self.at = now
        elif self.at - now > SKEW_S:
            self.level = max(self.level, self.room)  # a clock was put right: assume the worst
            self.at = now

    def wait_s(self, count: int = 1) -> float:
        """Return seconds until *count* more fit."""
        return max(0.0, (self.level + count - self.room) / self.leak)

    def refused(self) -> None:
        """Learn that it is full: the next request fits after the portal's next step."""
        self.level = max(self.level, self.room + self.leak - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What a reservation got.

    Attributes:
        wait_s: Seconds until the slot comes.
        taken: Slots taken; 0 when it was too far away, or another process is trying the bucket out.
        hold: Whether to ask again shortly, for that reason.
        sure: Somebody's answers confirm the level.
        level: The level now.
        rests: Methods at rest, when asked for.
    """

    wait_s: float
    taken: int
    hold: bool
    sure: bool
    level: float
    rests: Mapping[str, float] | None


class SharedBucket:
    """One portal's bucket in the state store; every method is one transaction."""

    def __init__(
        self, store: Store, clock: Clock, *, portal: str, credential: str, room: float, leak: float
    ) -> None:
        self._store = store
        self._clock = clock
        self._portal = portal
        self._credential = credential
        self._room = room
        self._leak = leak
        self._me = uuid4().hex

    async def reserve(self, limit_s: float | None, *, sure: bool, sync: bool) -> Slot:
        """Take the next slot, or several while there is plenty.

        Args:
            limit_s: Nothing is taken when the slot is further away.
            sure: This process's answers confirm the level; then the others need not try it out.
            sync: Read the methods at rest as well.
        """

        def work(connection: Connection) -> Slot:
            bucket, row = self._load(connection)
            marks: dict[str, object] = {}
            known = row is not None and row.sure > bucket.at
            hold = False
            if sure and (row is None or row.sure < bucket.at + SURE_S / 2):
                marks["sure"] = bucket.at + SURE_S
            elif not sure and not known:
                if row is not None and row.trying_by not in (None, self._me):
                    hold = (row.trying_until or 0.0) > bucket.at
                marks |= {"trying_by": self._me, "trying_until": bucket.at + TRYING_S}
            wait_s = bucket.wait_s()
            plenty = (sure or known) and bucket.level + LEASE < bucket.room / 2
            taken = LEASE if plenty else 1
            if hold or (limit_s is not None and wait_s > limit_s):
                taken = 0
            else:
                bucket.level += taken
                self._save(connection, bucket, **marks)
            return Slot(
                wait_s=wait_s,
                taken=taken,
                hold=hold,
                sure=sure or known,
                level=bucket.level,
                rests=self._load_rests(connection) if sync else None,
            )

        return await self._store.transact(work)

    async def refused(self) -> float:
        """Learn that the portal's counter is full; return the level."""

        def work(connection: Connection) -> float:
            bucket, _ = self._load(connection)
            bucket.refused()
            self._save(connection, bucket, sure=bucket.at + SURE_S)
            return bucket.level

        return await self._store.transact(work)

    async def give_back(self) -> None:
        """Return one slot that was not used."""

        def work(connection: Connection) -> None:
            bucket, _ = self._load(connection)
            bucket.level = max(0.0, bucket.level - 1)
            self._save(connection, bucket)

        await self._store.transact(work)

    async def put_to_rest(self, method: str, until: float) -> None:
        """Tell the others that *method* rests until Unix seconds *until*."""

        def work(connection: Connection) -> None:
            mine = rests.c.credential == self._credential
            old = (rests.c.method == method) | (rests.c.until < self._clock.time())
            connection.execute(delete(rests).where(mine & old))
            row = {"credential": self._credential, "method": method, "until": until}
            connection.execute(insert(rests).values(row))

        await self._store.transact(work)

    def _load(self, connection: Connection) -> tuple[Bucket, Row[Any] | None]:
        now = self._now(connection)
        row = connection.execute(select(buckets).where(buckets.c.key == self._portal)).one_or_none()
        bucket = Bucket(room=self._room, leak=self._leak, at=now)
        if row is not None:
            bucket.level, bucket.at = row.level, row.updated
            bucket.settle(now)
        return bucket, row

    def _save(self, connection: Connection, bucket: Bucket, **marks: object) -> None:
        values = {"level": bucket.level, "updated": bucket.at, **marks}
        mine = buckets.c.key == self._portal
        if connection.execute(update(buckets).where(mine).values(values)).rowcount == 0:
            new = {"key": self._portal, "sure": 0.0, **values}
            connection.execute(insert(buckets).values(new))

    def _load_rests(self, connection: Connection) -> dict[str, float]:
        mine = (rests.c.credential == self._credential) & (rests.c.until > self._clock.time())
        rows = connection.execute(select(rests.c.method, rests.c.until).where(mine))
        return {row.method: row.until for row in rows}

    def _now(self, connection: Connection) -> float:
        """Return the time all sharers agree on: the database's own where it has one."""
        if connection.dialect.name == "postgresql":
            stamp = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())"))
            return float(stamp.scalar_one())
        return self._clock.time()
