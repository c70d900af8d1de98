"""Audit rows in the state store: appended, chained, never changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import column, insert, select, table, update

from bitrix24_agent.audit.record import (
    COLUMNS,
    FIRST,
    Entry,
    Link,
    Verifier,
    columns_of,
    encode,
    seal,
)
from bitrix24_agent.model import canonical_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from bitrix24_agent.audit.record import Kind
    from bitrix24_agent.ports import Clock, Store

# Described here, not imported: the schema lives in ``state``, which this layer does not know.
_AUDIT = table(
    "audit",
    *(column(name) for name in ("seq", "at", "kind", "ref", *COLUMNS, "data", "prev", "hash")),
)
_HEAD = table("audit_head", column("id"), column("seq"), column("hash"))
_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last link of the chain; with a copy kept elsewhere a rewritten database is noticed."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a walk over the chain found.

    Attributes:
        ok: Nothing is wrong.
        rows: Rows that are in order.
        problem: The first thing that is wrong, or None.
        head: The last row that is in order.
        open: Calls that began and nobody said how they ended: running now, or in doubt after a
        crash.
    """

    ok: bool
    rows: int
    problem: str | None
    head: Head
    open: tuple[int, ...] = ()


class StoreSink:
    """``ports.AuditSink`` over a ``ports.Store``.

    Args:
        store: Where the rows go.
        clock: Time of the rows.
        known: Secrets to mask wherever they stand, asked for with every row because tokens change.
        key: Makes the chain an HMAC; without it the chain shows edits by anyone who does not
        rebuild it.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        known: Callable[[], Iterable[str]] = tuple,
        key: bytes | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._known = known
        self._key = key

    async def begin(self, row: Mapping[str, object]) -> int:
        """Append the row of a call before it is sent, on disk when this returns; return its number.

        Raises:
            StateError: It cannot be written: the call must not be sent.
        """
        return await self._append("begin", row, durable=True)

    async def finish(self, audit_id: int, row: Mapping[str, object]) -> None:
        """Append how the call ended that *audit_id* began."""
        await self._append("finish", row, ref=audit_id)

    async def refuse(self, row: Mapping[str, object]) -> int:
        """Append a call that was stopped and never sent; return its number."""
        return await self._append("refusal", row)

    async def entries(
        self,
        *,
        limit: int = 50,
        before: int | None = None,
        since: float | None = None,
        until: float | None = None,
        **equal: str | None,
    ) -> list[Entry]:
        """Return audited calls, newest first.

        *equal* filters by ``method``, ``risk``, ``verdict``, ``outcome``, ``actor``,
        ``conversation``, ``plan_id``; ``before`` is a row number to go on from.
        """
        unknown = set(equal) - set(COLUMNS)
        if unknown:
            raise TypeError(f"audit rows are not filtered by {', '.join(sorted(unknown))}")
        query = select(_AUDIT).where(_AUDIT.c.kind != "finish").order_by(_AUDIT.c.seq.desc())
        if before is not None:
            query = query.where(_AUDIT.c.seq < before)
        if since is not None:
            query = query.where(_AUDIT.c.at >= since)
        if until is not None:
            query = query.where(_AUDIT.c.at < until)
        for name, wanted in equal.items():
            if wanted is None:
                continue
            if name == "outcome":
                ended = select(_AUDIT.c.ref).where(
                    _AUDIT.c.kind == "finish", _AUDIT.c.outcome == wanted
                )
                query = query.where((_AUDIT.c.outcome == wanted) | _AUDIT.c.seq.in_(ended))
            else:
                query = query.where(_AUDIT.c[name] == str(wanted))

        def work(connection: Connection) -> list[Entry]:
            rows = connection.execute(query.limit(limit)).mappings().all()
            ends = _ends(connection, [r["seq"] for r in rows])
            return [_entry(r, ends.get(r["seq"])) for r in rows]

        return await self._store.read(work)

    async def export(self) -> AsyncIterator[str]:
        """Yield every row as one line of JSON, oldest first, with its place in the chain."""
        async for link in self._links():
            yield canonical_json(
                {
                    "seq": link.seq,
                    "at": link.at,
                    "kind": link.kind,
                    "ref": link.ref,
                    "data": json.loads(link.data),
                    "prev": link.prev,
                    "hash": link.hash,
                }
            )

    async def verify(self, *, expected: Head | None = None) -> Report:
        """Walk the whole chain; finds edits, deletions, insertions, reordering and a cut-off end.

        *expected* is a head noted earlier and kept elsewhere: the chain must still contain it.
        """
        verifier = Verifier(self._key)
        waiting: set[int] = set()
        seen = expected is None or expected.seq == 0
        async for link in self._links():
            if not verifier.feed(link):
                break
            if link.kind == "begin":
                waiting.add(link.seq)
            elif link.ref is not None:
                waiting.discard(link.ref)
            if expected is not None and link.seq == expected.seq:
                seen = link.hash == expected.hash
                if not seen:
                    verifier.problem = (
                        f"row {link.seq} is not the one noted elsewhere: the chain was rebuilt"
                    )
                    break
        problem = verifier.problem
        head = await self.head()
        if problem is None and (head.seq, head.hash) != (verifier.seq, verifier.hash):
            problem = f"rows after {verifier.seq} are missing: the last one was {head.seq}"
        if problem is None and not seen:
            problem = "the chain ends before the row noted elsewhere"
        return Report(
            ok=problem is None,
            rows=verifier.seq,
            problem=problem,
            head=Head(seq=verifier.seq, hash=verifier.hash),
            open=tuple(sorted(waiting)),
        )

    async def head(self) -> Head:
        """Return the last link as the store notes it beside the rows."""
        return await self._store.read(_head)

    # --- inside -----------------------------------------------------------------------------------

    async def _append(
        self,
        kind: Kind,
        row: Mapping[str, object],
        *,
        ref: int | None = None,
        durable: bool = False,
    ) -> int:
        data = encode(row, self._known())
        at = float(self._clock.time())

        def work(connection: Connection) -> int:
            head = _head(connection)
            seq = head.seq + 1
            sealed = seal(
                seq=seq, at=at, kind=kind, ref=ref, data=data, prev=head.hash, key=self._key
            )
            connection.execute(
                _INSERT,
                {
                    "seq": seq,
                    "at": at,
                    "kind": kind,
                    "ref": ref,
                    **columns_of(data),
                    "data": data,
                    "prev": head.hash,
                    "hash": sealed,
                },
            )
            if head.seq:
                connection.execute(_MOVE_HEAD, {"seq": seq, "hash": sealed})
            else:
                connection.execute(_FIRST_HEAD, {"id": 1, "seq": seq, "hash": sealed})
            return seq

        return await self._store.transact(work, durable=durable)

    async def _links(self) -> AsyncIterator[Link]:
        last = 0
        while True:
            page = await self._store.read(_page(last))
            for row in page:
                yield _link(row)
            if len(page) < _PAGE:
                return
            last = page[-1]["seq"]


_INSERT = insert(_AUDIT)
_FIRST_HEAD = insert(_HEAD)
_MOVE_HEAD = update(_HEAD).where(_HEAD.c.id == 1)
_READ_HEAD = select(_HEAD.c.seq, _HEAD.c.hash).where(_HEAD.c.id == 1)


def _head(connection: Connection) -> Head:
    row = connection.execute(_READ_HEAD).first()
    return Head(seq=0, hash=FIRST) if row is None else Head(seq=row[0], hash=row[1])


def _page(after: int) -> Callable[[Connection], Sequence[RowMapping]]:
    query = select(_AUDIT).where(_AUDIT.c.seq > after).order_by(_AUDIT.c.seq).limit(_PAGE)
    return lambda connection: connection.execute(query).mappings().all()


def _link(row: RowMapping) -> Link:
    return Link(
        seq=row["seq"],
        at=row["at"],
        kind=row["kind"],
        ref=row["ref"],
        data=row["data"],
        prev=row["prev"],
        hash=row["hash"],
        columns={name: row[name] for name in COLUMNS},
    )


def _ends(connection: Connection, begun: Sequence[int]) -> dict[int, RowMapping]:
    if not begun:
        return {}
    query = select(_AUDIT).where(_AUDIT.c.kind == "finish", _AUDIT.c.ref.in_(begun))
    return {row["ref"]: row for row in connection.execute(query.order_by(_AUDIT.c.seq)).mappings()}


def _entry(row: RowMapping, end: RowMapping | None) -> Entry:
    data: dict[str, Any] = json.loads(row["data"])
    if end is not None:
        data |= json.loads(end["data"])
    return Entry(
        id=row["seq"],
        at=row["at"],
        kind="refusal" if row["kind"] == "refusal" else "call",
        **{name: row[name] for name in COLUMNS if name != "outcome"},
        outcome=end["outcome"] if end is not None else row["outcome"],
        duration_s=round(end["at"] - row["at"], 6) if end is not None else None,
        data=data,
    )
