"""Which request a key stands for and what came of it: one key never does the work twice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import bindparam, delete, insert, select, update

from bitrix24_agent.errors import IdempotencyError
from bitrix24_agent.model import canonical_json
from bitrix24_agent.state.tables import idempotency

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

    from bitrix24_agent.errors import Outcome
    from bitrix24_agent.model import Json
    from bitrix24_agent.ports import Clock, Store

MAX_ANSWER_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a key means now.

    Attributes:
        kind: ``first``: do the work, then settle. ``replay``: it was done, *answer* says what came
            of it. ``in_doubt``: somebody began and never said how it ended.
        answer: What was kept of the answer; None when there was none or it was too large to keep.
        kept: Whether *answer* is the whole of it.
        since: When the key was first used, Unix seconds.
    """

    kind: Literal["first", "replay", "in_doubt"]
    answer: Json = None
    kept: bool = True
    since: float = 0.0


_INSERT = insert(idempotency)
_FIND = select(idempotency).where(idempotency.c.key == bindparam("wanted"))


class Idempotency:
    """The keys of one state store."""

    def __init__(
        self, store: Store, clock: Clock, *, max_answer_bytes: int = MAX_ANSWER_BYTES
    ) -> None:
        self._store = store
        self._clock = clock
        self._max_answer_bytes = max_answer_bytes

    async def claim(self, key: str, digest: str) -> Claim:
        """Take *key* for the call *digest*, or learn what became of it.

        Raises:
            IdempotencyError: The key was used for another call.
        """
        now = self._clock.time()

        def work(connection: Connection) -> Claim:
            row = connection.execute(_FIND, {"wanted": key}).mappings().first()
            if row is None:
                connection.execute(
                    _INSERT,
                    {"key": key, "digest": digest, "status": "claimed", "claimed_at": now},
                )
                return Claim(kind="first", since=now)
            return _known(row, digest)

        return await self._store.transact(work, durable=True)

    async def peek(self, key: str, digest: str) -> Claim | None:
        """Return what became of *key* without taking it; None when nobody used it.

        Raises:
            IdempotencyError: The key was used for another call.
        """

        def work(connection: Connection) -> Claim | None:
            row = (
                connection.execute(select(idempotency).where(idempotency.c.key == key))
                .mappings()
                .first()
            )
            return None if row is None else _known(row, digest)

        return await self._store.read(work)

    async def settle(
        self, key: str, outcome: Outcome | Literal["done"], answer: Json = None
    ) -> None:
        """Say how the claimed work ended.

        ``done`` keeps the answer for a replay, cut to nothing when it is too large. ``not_sent``
        and ``refused`` free the key: nothing happened. ``partial`` and ``unknown`` leave it in
        doubt for good.
        """
        if outcome in ("not_sent", "refused"):

            def free(connection: Connection) -> None:
                connection.execute(
                    delete(idempotency).where(
                        idempotency.c.key == key, idempotency.c.status == "claimed"
                    )
                )

            await self._store.transact(free)
            return
        kept: str | None = canonical_json(answer)
        if kept is not None and len(kept.encode("utf-8", "surrogatepass")) > self._max_answer_bytes:
            kept = None
        values = {
            "status": "done" if outcome == "done" else "unknown",
            "answer": kept if outcome == "done" else None,
            "settled_at": self._clock.time(),
        }

        def settle(connection: Connection) -> None:
            connection.execute(
                update(idempotency)
                .where(idempotency.c.key == key, idempotency.c.status != "done")
                .values(**values)
            )

        await self._store.transact(settle)  # forgotten, it is in doubt: the safe side

    async def forget(self, *, older_than_s: float) -> int:
        """Delete settled keys older than that; return how many. Keys in doubt are kept."""
        limit = self._clock.time() - older_than_s

        def work(connection: Connection) -> int:
            found = connection.execute(
                delete(idempotency).where(
                    idempotency.c.status == "done", idempotency.c.settled_at < limit
                )
            )
            return found.rowcount

        return await self._store.transact(work)


def _known(row: RowMapping, digest: str) -> Claim:
    if row["digest"] != digest:
        raise IdempotencyError(
            "this idempotency key was already used for another call; use a new key",
            code="IDEMPOTENCY_KEY_REUSED",
            next_step="fix_arguments",
        )
    if row["status"] != "done":
        return Claim(kind="in_doubt", since=row["claimed_at"])
    answer = row["answer"]
    return Claim(
        kind="replay",
        answer=json.loads(answer) if answer is not None else None,
        kept=answer is not None,
        since=row["claimed_at"],
    )
