"""Where OAuth tokens live: a row in the state store, so that one refresh serves every process.

A refresh replaces the refresh token too, so two at once would lose one. The row is locked (by a
lease, as its holder may die) for the time of the request to the OAuth server; who finds it locked
waits and reads again. A refusal that no retry can mend is written down, so that everyone gets the
same error and nobody asks again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from bitrix24_agent.state.tables_client import tokens

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bitrix24_agent.ports import Store

LEASE_S = 45.0
"""How long one refresh may take before another process may try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The tokens of one application on one portal.

    Attributes:
        seed: Digest of the refresh token the developer gave; a new one replaces the row.
        generation: Grows with every refresh.
        failed: Code and text of a refusal that ended the grant, or None.
    """

    access_token: str
    refresh_token: str
    seed: str = ""
    generation: int = 0
    expires_at: float | None = None
    failed: tuple[str, str] | None = None

    def __repr__(self) -> str:
        return f"Grant(generation={self.generation}, failed={self.failed}, tokens='***')"


class Grants:
    """One row, in the state store or (without one) in this process alone."""

    def __init__(self, key: str, first: Grant, store: Store | None) -> None:
        self._key = key
        self._first = first
        self._store = store
        self._memory = first
        self._owner: str | None = None
        self._until = 0.0

    async def load(self) -> Grant:
        """Return the grant; the developer's own starts the row, or replaces it when it is new."""
        if self._store is None:
            return self._memory

        def work(connection: Connection) -> Grant:
            return self._row(connection) or self._start(connection)

        return await self._store.transact(work)

    async def lock(self, owner: str, used: str, now: float) -> Grant | None:
        """Take the right to refresh: return the grant to refresh, or None while another holds it.

        A grant whose access token is not *used* (any more) comes back as it is, without a lock; so
        does one that has failed.
        """
        if self._store is None:
            if self._memory.access_token == used and self._memory.failed is None:
                if self._owner not in (None, owner) and self._until > now:
                    return None
                self._owner, self._until = owner, now + LEASE_S
            return self._memory

        def work(connection: Connection) -> Grant | None:
            grant = self._row(connection) or self._start(connection)
            if grant.access_token != used or grant.failed is not None:
                return grant
            held = connection.execute(
                select(tokens.c.lock_owner, tokens.c.lock_until).where(tokens.c.key == self._key)
            ).one()
            if held.lock_owner not in (None, owner) and (held.lock_until or 0.0) > now:
                return None
            self._put(connection, lock_owner=owner, lock_until=now + LEASE_S)
            return grant

        return await self._store.transact(work)

    async def save(self, grant: Grant) -> None:
        """Write a refreshed (or failed) grant and free the lock, whoever holds it now."""
        if self._store is None:
            self._memory, self._owner = grant, None
            return

        def work(connection: Connection) -> None:
            stored = self._row(connection)
            if stored is not None and stored.generation > grant.generation:
                return  # a later refresh is there already
            code, text = grant.failed or (None, None)
            self._put(
                connection,
                access_token=grant.access_token,
                refresh_token=grant.refresh_token,
                expires_at=grant.expires_at,
                generation=grant.generation,
                failed_code=code,
                failed_text=text,
                lock_owner=None,
                lock_until=None,
            )

        await self._store.transact(work, durable=True)

    async def unlock(self, owner: str) -> None:
        """Free the lock: nothing came of the refresh, another may try."""
        if self._store is None:
            self._owner = None
            return

        def work(connection: Connection) -> None:
            mine = (tokens.c.key == self._key) & (tokens.c.lock_owner == owner)
            connection.execute(update(tokens).where(mine).values(lock_owner=None, lock_until=None))

        await self._store.transact(work)

    def _row(self, connection: Connection) -> Grant | None:
        row = connection.execute(select(tokens).where(tokens.c.key == self._key)).one_or_none()
        if row is None or row.seed != self._first.seed:
            return None
        failed = (row.failed_code, row.failed_text or "") if row.failed_code else None
        return Grant(
            access_token=row.access_token,
            refresh_token=row.refresh_token,
            seed=row.seed,
            generation=row.generation,
            expires_at=row.expires_at,
            failed=failed,
        )

    def _start(self, connection: Connection) -> Grant:
        values = {
            "seed": self._first.seed,
            "access_token": self._first.access_token,
            "refresh_token": self._first.refresh_token,
            "expires_at": self._first.expires_at,
            "generation": 0,
            "lock_owner": None,
            "lock_until": None,
            "failed_code": None,
            "failed_text": None,
        }
        if self._put(connection, **values) == 0:
            connection.execute(insert(tokens).values(key=self._key, **values))
        return replace(self._first, generation=0)

    def _put(self, connection: Connection, **values: object) -> int:
        changed = connection.execute(
            update(tokens).where(tokens.c.key == self._key).values(**values)
        )
        return changed.rowcount
