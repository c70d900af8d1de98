"""The approver key of one state database: who may say yes without a terminal.

The key itself is never stored, only a salted scrypt hash of it, set once at a terminal. A process
that does not hold the key, such as an agent's, cannot approve.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from sqlalchemy import Column, Double, Integer, Table, Text, delete, insert, select

from bitrix24_agent.errors import NotAllowedError, SettingsError
from bitrix24_agent.state.tables import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bitrix24_agent.ports import Clock, Store

MIN_KEY = 16

approvers = Table(
    "approvers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("salt", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)
"""At most one row: the hash of the approver key."""


class Approvers:
    """Registers and checks the approver key."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def register(self, key: str) -> None:
        """Make *key* the approver key, instead of any earlier one.

        Raises:
            SettingsError: It is shorter than 16 characters.
        """
        if len(key) < MIN_KEY:
            raise SettingsError(f"the approver key needs at least {MIN_KEY} characters")
        salt = secrets.token_hex(16)
        row = {"id": 1, "salt": salt, "hash": _hash(key, salt), "created_at": self._clock.time()}

        def work(connection: Connection) -> None:
            connection.execute(delete(approvers))
            connection.execute(insert(approvers), row)

        await self._store.transact(work, durable=True)

    async def check(self, key: str) -> None:
        """Return when *key* is the registered approver key.

        Raises:
            NotAllowedError: It is another one, or none was registered.
        """

        def work(connection: Connection) -> tuple[str, str] | None:
            row = connection.execute(select(approvers.c.salt, approvers.c.hash)).first()
            return None if row is None else (row[0], row[1])

        known = await self._store.read(work)
        if known is None:
            raise NotAllowedError(
                "no approver key is registered; run `bitrix24-agent approve --register-key` "
                "at a terminal once",
                rule="approver key",
            )
        if not hmac.compare_digest(_hash(key, known[0]), known[1]):
            raise NotAllowedError(
                "this is not the registered approver key; nothing was approved",
                rule="approver key",
            )


def _hash(key: str, salt: str) -> str:
    return hashlib.scrypt(key.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1, dklen=32).hex()
