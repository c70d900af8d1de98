"""Walking a list by offsets: for methods that cannot be walked by id, or another order.

The portal counts for every page, and rows that come or go meanwhile shift the pages: a row seen
twice is left out, and when the count changed the pages are read once more, one after the other
(forwards if rows came, backwards if they went), for what slipped from one page to another. A method
that ignores ``start`` is noticed.

Source: settings/how-to-call-rest-api/list-methods-pecularities.md @ 5988ed13
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from bitrix24_agent.model import Call
from bitrix24_agent.protocol.names import without
from bitrix24_agent.protocol.walk import (
    COMMANDS,
    PAGE,
    Pace,
    Part,
    Request,
    Stretch,
    ignored,
    put_back,
    rows_ahead,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.model import Answer, Json, Row


class OffsetWalk:
    """A walk by ``start``; pages run at once when the portal said how many there are."""

    def __init__(self, call: Call, *, max_rows: int | None = None, most: int = COMMANDS) -> None:
        self.total: int | None = None
        self._call = call
        self._params = without(call.params, "start")
        self._max_rows = max_rows
        self._pace = Pace(most)
        self._page = PAGE
        self._next: int | None = 0
        self._seen: set[str] = set()
        self._first: Row | None = None
        self._stretches: deque[Stretch] = deque()
        self._taken = 0
        self._offset = 0
        self._counts: set[int] = set()
        self._again = False
        self._has_ids = True

    def first(self) -> Call:
        """Ask for the first page."""
        return self._list(0)

    def begin(self, answer: Answer) -> None:
        """Take the first page; ``next`` tells how long pages are."""
        rows = answer.rows
        if answer.next is not None and answer.next > 0:
            self._page = answer.next
        self._first = rows[0] if rows else None
        self.total, self._next = answer.total, answer.next
        self._stretches.append(Stretch(0, self._next or len(rows), 0, rows, "done"))

    def resume(self, mark: Mapping[str, Json]) -> None:
        """Go on at the offset of *mark*."""
        self.total, self._next = mark["total"], mark["start"]
        self._offset, self._taken = mark["start"] or 0, mark["rows"]

    def mark(self) -> Mapping[str, Json]:
        """Return the offset to go on at, or None at the end."""
        left = self._next is not None or bool(self._stretches)
        start = self._offset if left else None
        return {"start": start, "rows": self._taken, "total": self.total}

    def next_request(self, free: float) -> Request | None:
        """Return the next batch of pages; one page at a time while their number is unknown."""
        asked = any(stretch.state == "asked" for stretch in self._stretches)
        self._look_again(asked=asked)
        if self._again and asked:
            return None  # one after the other
        chosen = [stretch for stretch in self._stretches if stretch.state == "todo"]
        budget = self._pace.pages(len(chosen) + self._pages_left(), free)
        chosen = chosen[:budget]
        while len(chosen) < budget and self._next is not None:
            if (asked or chosen) and not self._known(self._next):
                break
            stretch = Stretch(self._next, self._next + self._page, self._page)
            self._stretches.append(stretch)
            chosen.append(stretch)
            self._next += self._page
        if not chosen:
            return None
        calls: dict[str, Call] = {}
        parts: list[Part] = []
        for stretch in chosen:
            stretch.state = "asked"
            key = f"c{len(calls)}"
            calls[key] = self._list(stretch.low)
            parts.append(Part(stretch=stretch, keys=(key,)))
        call = Call(method="batch", params={"halt": 0}, commands=calls)
        return Request(call=call, parts=tuple(parts))

    def _look_again(self, *, asked: bool) -> None:
        """Plan the second reading when the first is over and the list changed under it."""
        if self._again or asked or self._next is not None or self._stretches:
            return
        if not self._counts or self._max_rows is not None or not self._has_ids:
            return
        self._again = True
        starts = list(range(0, max(self._counts), self._page))
        if self.total is not None and self.total < max(self._counts):
            starts.reverse()
        self._stretches.extend(Stretch(start, start + self._page, 0) for start in starts)

    def settle(self, request: Request, answer: Answer) -> None:
        """Take the answer to a batch; the last page says whether the list grew."""
        self._pace.learn(answer, len(request.parts))
        for part in request.parts:
            stretch, (key,) = part.stretch, part.keys
            if key in answer.failures:
                put_back(stretch, answer.failures[key])
                continue
            page = answer.commands[key]
            same = page.rows and page.rows[0] == self._first and not self._counts
            if same and stretch.low > 0 and page.total == self.total:
                raise ignored(self._call.method, f"start={stretch.low} gave the first page again")
            if page.next is not None and page.next <= stretch.low:
                raise ignored(self._call.method, f"next={page.next} behind start={stretch.low}")
            if page.total is not None and page.total != self.total:
                self._counts |= {page.total, self.total or 0}
                self.total = page.total
            stretch.rows, stretch.state = page.rows, "done"
            if self._next is not None and stretch.high >= self._next:
                self._next = page.next

    def take(self) -> list[Row] | None:
        """Return the next rows in order that were not seen before, or None until they are there."""
        while self._stretches and self._stretches[0].state == "done":
            stretch = self._stretches.popleft()
            stretch.state = "taken"
            rows = [row for row in stretch.rows if self._is_new(row)]
            self._offset = max(self._offset, stretch.high)
            self._taken += len(rows)
            if rows:
                return rows
        return None

    def ahead(self) -> float:
        """Return about how many rows are asked for or wait for an earlier stretch."""
        return rows_ahead(self._stretches)

    def count_again(self) -> Call | None:
        """Return None: offsets move with the rows, a count would prove nothing."""
        return None

    def check(self, answer: Answer) -> None:
        """Do nothing; see :meth:`count_again`."""

    def _pages_left(self) -> float:
        if self._next is None:
            return 0.0
        wanted = self.total if self.total is not None else self._next + 1
        if self._max_rows is not None:
            wanted = min(wanted, self._max_rows)
        return max(0, wanted - self._next) / self._page

    def _known(self, start: int) -> bool:
        """Whether a page at *start* is sure to exist and wanted."""
        if self.total is None or start >= self.total:
            return False
        return self._max_rows is None or start < self._max_rows

    def _is_new(self, row: Row) -> bool:
        key = row.get("ID", row.get("id"))
        if key is None:
            self._has_ids = False
            return True
        mark = str(key)
        if mark in self._seen:
            return False
        self._seen.add(mark)
        return True

    def _list(self, start: int) -> Call:
        return self._call.with_all({**self._params, "start": start})
