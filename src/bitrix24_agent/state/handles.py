"""The rest of answers too large for a model, kept a while for the conversation that asked."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from bitrix24_agent.model import canonical_json
from bitrix24_agent.state.tables import handles

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bitrix24_agent.model import Json
    from bitrix24_agent.ports import Clock, Store

TTL_S = 3600.0


class Handles:
    """Kept remainders of one state store."""

    def __init__(self, store: Store, clock: Clock, *, ttl_s: float = TTL_S) -> None:
        self._store = store
        self._clock = clock
        self._ttl_s = ttl_s

    async def keep(self, data: Json, *, conversation: str | None) -> str:
        """Keep *data* and return its handle; expired ones are dropped on the way."""
        now = self._clock.time()
        row = {
            "id": secrets.token_urlsafe(9),
            "conversation": conversation or "",
            "data": canonical_json(data),
            "created_at": now,
            "expires_at": now + self._ttl_s,
        }

        def work(connection: Connection) -> None:
            connection.execute(delete(handles).where(handles.c.expires_at <= now))
            connection.execute(insert(handles), row)

        await self._store.transact(work)
        return str(row["id"])

    async def take(self, handle: str, *, conversation: str | None) -> Json | None:
        """Return what *handle* stands for; None when expired or of another conversation."""
        now = self._clock.time()

        def work(connection: Connection) -> str | None:
            return connection.execute(
                select(handles.c.data).where(
                    handles.c.id == handle,
                    handles.c.conversation == (conversation or ""),
                    handles.c.expires_at > now,
                )
            ).scalar()

        found = await self._store.read(work)
        return None if found is None else json.loads(found)
