"""Walking a list by id: ranges of ids at once, chained pages within a range.

A range is as wide as should fill its pages, judged by how dense ids were so far; what does not fit
is asked for again. Within a batch each page starts behind the last id of the page before it
(``$result[...]``), so no page is half empty. What a reference past the end of a short page becomes
is not documented: pages behind a short one are not looked at, and a lower bound keeps them small.

Source: settings/performance/huge-data.md @ 5988ed13; the chain: py: b24pysdk call_list_fast.py
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any

from bitrix24_agent.model import Call
from bitrix24_agent.protocol.names import option, pick, put, without
from bitrix24_agent.protocol.walk import (
    COMMANDS,
    PAGE,
    SCARCE,
    Pace,
    Part,
    Request,
    Stretch,
    ignored,
    incomplete,
    put_back,
    rows_ahead,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.model import Answer, Json, Row
    from bitrix24_agent.protocol.keyset import Keyset


class IdWalk:
    """A walk by id, upwards or (*sign* -1) downwards; inside, positions grow either way."""

    def __init__(
        self,
        call: Call,
        keyset: Keyset,
        *,
        sign: int = 1,
        max_rows: int | None = None,
        most: int = COMMANDS,
    ) -> None:
        self.total: int | None = None
        self._call = call
        self._keyset = keyset
        self._sign = sign
        self._max_rows = max_rows
        self._over, self._under = (">", "<") if sign > 0 else ("<", ">")
        self._params = without(call.params, "start", "order", "sort")
        self._filter: dict[str, Any] = dict(option(call.params, "filter") or {})
        self._from = self._own_bound(self._over)
        self._to = self._own_bound(self._under)
        if self._to is not None:
            self._to -= 1
        self._select_id()
        self._stretches: deque[Stretch] = deque()
        self._pace = Pace(most)
        self._page = PAGE
        self._density = 1.0
        self._read = 0
        self._taken = 0
        self._last: int | None = None
        self._end = 0
        self._exact = True

    # --- asking ----------------------------------------------------------------------------------

    def first(self) -> Call:
        """Ask for the first page, counted, and for the last id."""
        page = self._list(low=self._from, high=self._to, start=0)
        if self._max_rows is not None and self._max_rows <= PAGE:
            return page
        edge = self._list(low=self._from, high=self._to, start=-1, backwards=True)
        edge = edge.with_all(put(edge.params, "select", [self._keyset.field]))
        return Call(method="batch", params={"halt": 0}, commands={"first": page, "edge": edge})

    def begin(self, answer: Answer) -> None:
        """Take the first page and the last id."""
        edge: Answer | None = None
        for error in answer.failures.values():
            raise error
        if answer.commands:
            answer, edge = answer.commands["first"], answer.commands["edge"]
        rows = self._checked(answer.rows, self._from, self._to)
        self.total = answer.total
        if answer.next is not None and answer.next == len(rows):
            self._page = answer.next
        self._read = len(rows)
        self._stretches.append(Stretch(0, 0, 0, rows, "done"))
        more = answer.next is not None or (answer.total is None and len(rows) >= PAGE)
        if not (more and rows and edge is not None and edge.rows):
            return
        low, high = self._position(rows[-1]), self._position(edge.rows[0])
        if high < low:
            raise ignored(self._call.method, f"{self._keyset.field} is not what it sorts by")
        self._end = high
        if low < high:
            self._plan(low, high, first=self._position(rows[0]))

    def resume(self, mark: Mapping[str, Json]) -> None:
        """Go on behind *mark*."""
        self.total = mark["total"]
        self._read = self._taken = mark["rows"]
        self._exact = False  # rows that went meanwhile cannot be told from rows that were missed
        self._end = mark["until"] * self._sign
        if mark["after"] is not None:
            self._last = mark["after"] * self._sign
            if self._last < self._end:
                self._plan(self._last, self._end)

    def _plan(self, low: int, high: int, first: int | None = None) -> None:
        """Set out from *low* to *high*; ids are as dense as the total says, or as they were."""
        self._end = high
        span = high - low
        left: float = max(1, span if self.total is None else self.total - self._read)
        if self.total is None and first is not None:
            left = max(1.0, span * self._read / max(1, low - first + 1))
        self._density = min(1.0, left / span)
        self._stretches.append(Stretch(low, high, left))

    def next_request(self, free: float) -> Request | None:
        """Return the next batch: what is left over from earlier ranges, then a new range."""
        todo = [stretch for stretch in self._stretches if stretch.state == "todo"]
        if not todo:
            return None
        expected = self._expected(todo)
        if self._max_rows is not None:
            asked = sum(s.expected for s in self._stretches if s.state == "asked")
            wanted = self._max_rows - self._read - asked
            if wanted <= 0 and asked:
                return None
            expected = min(expected, max(1.0, wanted))
        asking = any(stretch.state == "asked" for stretch in self._stretches)
        if asking and self._stretches[0].state == "todo":
            # what all the others wait for goes now, and ahead of them while requests are plenty
            short = [stretch for stretch in todo if stretch.expected <= self._page]
            if free >= 2 and short and short[0] is self._stretches[0]:
                todo = short
        elif asking and expected < 2 * self._page and free < SCARCE:
            return None  # not worth a request of its own: something else will come back
        budget = self._pace.pages(expected / self._page, free)
        parts: list[Part] = []
        calls: dict[str, Call] = {}
        for stretch in todo:
            if budget < 1:
                break
            count = self._fit(stretch, budget, expected)
            parts.append(self._chain(stretch, count, calls))
            budget -= count
        call = Call(method="batch", params={"halt": 0}, commands=calls)
        return Request(call=call, parts=tuple(parts))

    def _expected(self, todo: list[Stretch]) -> float:
        """Return how many rows *todo* may hold, after making it fit the total."""
        expected = sum(stretch.expected for stretch in todo)
        if self.total is None:
            return expected
        asked = sum(s.expected for s in self._stretches if s.state == "asked")
        left = max(1.0, self.total - self._read - asked)
        if expected > left:
            for stretch in todo:
                stretch.expected *= left / expected
        return min(expected, left)

    def _fit(self, stretch: Stretch, budget: int, wanted: float) -> int:
        """Cut *stretch* to what *budget* pages should hold; return how many pages it needs."""
        span = stretch.high - stretch.low
        own = stretch.expected / span
        density = min(1.0, max(0.5 * own + 0.5 * self._density, 1e-9))
        rows = (0.995 * budget - 0.5) * self._page
        if self._max_rows is not None:
            rows = min(rows, wanted)
        # ids are whole numbers: so many of them cannot hold more rows than the pages do
        width = max(math.ceil(rows / density), math.ceil(rows))
        if width < span:
            cut = stretch.low + width
            rest = Stretch(cut, stretch.high, stretch.expected * (stretch.high - cut) / span)
            self._stretches.insert(self._stretches.index(stretch) + 1, rest)
            stretch.high, stretch.expected = cut, width * density
        likely = math.ceil(stretch.expected / self._page + 0.5)
        most = math.ceil((stretch.high - stretch.low) / self._page)
        return max(1, min(budget, likely, most))

    def _chain(self, stretch: Stretch, count: int, calls: dict[str, Call]) -> Part:
        """Add *count* commands to *calls*, each starting where the one before it ended."""
        stretch.state = "asked"
        inside = f"[{self._keyset.rows_at}]" if self._keyset.rows_at else ""
        keys: list[str] = []
        for _ in range(count):
            low: int | str = stretch.low
            if keys:
                low = f"$result[{keys[-1]}]{inside}[{self._page - 1}][{self._keyset.row_key}]"
            keys.append(f"c{len(calls)}")
            calls[keys[-1]] = self._list(
                low=low, high=stretch.high, start=-1, floor=stretch.low + 1
            )
        return Part(stretch=stretch, keys=tuple(keys))

    # --- answers ---------------------------------------------------------------------------------

    def settle(self, request: Request, answer: Answer) -> None:
        """Take the answer to a batch; a range that was not read to its end is put back."""
        self._pace.learn(answer, len(request.call.commands))
        for part in request.parts:
            self._settle(part, answer)

    def _settle(self, part: Part, answer: Answer) -> None:
        stretch = part.stretch
        low, ended = stretch.low, False
        found: list[Row] = []
        for key in part.keys:
            if key in answer.failures:
                if not found:
                    put_back(stretch, answer.failures[key])
                    return
                break  # asked again with the rest
            rows = self._checked(answer.commands[key].rows, low, stretch.high)
            found.extend(rows)
            low = self._position(rows[-1]) if rows else low
            if len(rows) < self._page or low >= stretch.high:
                ended = True
                break
        self._read += len(found)
        reached = stretch.high if ended else low
        here = min(1.0, max(len(found), 0.2) / max(1, reached - stretch.low))
        self._density = 0.6 * self._density + 0.4 * here
        stretch.rows, stretch.state = found, "done"
        if not ended:
            more = here * (stretch.high - low)
            if self.total is not None:
                more = min(more, self.total - self._read)
            rest = Stretch(low, stretch.high, max(1.0, more))
            self._stretches.insert(self._stretches.index(stretch) + 1, rest)

    def take(self) -> list[Row] | None:
        """Return the next rows in order, or None until they are there."""
        while self._stretches and self._stretches[0].state == "done":
            stretch = self._stretches.popleft()
            stretch.state, rows = "taken", stretch.rows
            if rows:
                self._taken += len(rows)
                self._last = self._position(rows[-1])
                return rows
        return None

    def ahead(self) -> float:
        """Return about how many rows are asked for or wait for an earlier stretch."""
        return rows_ahead(self._stretches)

    def count_again(self) -> Call | None:
        """Ask for a count when fewer rows came than the portal promised at first."""
        if not self._exact or self._max_rows is not None or self.total is None:
            return None
        if self._read >= self.total or self._last is None:
            return None
        call = self._list(low=self._from, high=self._end or self._last, start=0)
        return call.with_all(put(call.params, "select", [self._keyset.field]))

    def check(self, answer: Answer) -> None:
        """Raise when rows were missed and not just deleted meanwhile."""
        now = answer.total if answer.total is not None else len(answer.rows)
        missed = min(now, self.total or 0) - self._read
        # rows may begin to fit a filter behind our back; ids alone cannot
        name = self._keyset.field.upper()
        by_id = all(key.lstrip("<>=!@").upper() == name for key in self._filter)
        if missed > (0 if by_id else max(PAGE, now // 100)):
            raise incomplete(self._call.method, self._read, now)

    def mark(self) -> Mapping[str, Json]:
        """Return the id behind which to go on."""
        last = None if self._last is None else self._last * self._sign
        end = self._end if self._end or self._last is None else self._last
        return {"after": last, "until": end * self._sign, "rows": self._taken, "total": self.total}

    def _checked(self, rows: list[Row], low: int | None, high: int | None) -> list[Row]:
        """Return *rows* if the portal kept to the range and order asked for; raise otherwise."""
        key, sign, last = self._keyset.row_key, self._sign, low
        method = self._call.method
        for row in rows:
            try:
                here = int(row[key]) * sign
            except (KeyError, TypeError, ValueError):
                raise ignored(method, f"a row has no usable {key}") from None
            if last is not None and here <= last:
                raise ignored(method, f"{key} {here * sign} came behind {last * sign}")
            last = here
        if rows and high is not None and last is not None and last > high:
            raise ignored(method, f"{key} {last * sign} is past {high * sign}")
        return rows

    # --- inside ----------------------------------------------------------------------------------

    def _list(
        self,
        *,
        low: int | str | None,
        high: int | None,
        start: int,
        backwards: bool = False,
        floor: int | None = None,
    ) -> Call:
        """Return the list call for positions behind *low* (or a reference) up to *high*."""
        name = self._keyset.field
        strict = (f">{name}".upper(), f"<{name}".upper())
        conditions = {k: v for k, v in self._filter.items() if k.upper() not in strict}
        if low is not None:
            conditions[f"{self._over}{name}"] = low * self._sign if isinstance(low, int) else low
        if floor is not None and isinstance(low, str):
            self._tighten(conditions, f"{self._over}={name}", floor, 1)
        if high is not None:
            self._tighten(conditions, f"{self._under}={name}", high, -1)
        params = put(self._params, "filter", conditions) if conditions else dict(self._params)
        way = "ASC" if (self._sign > 0) is not backwards else "DESC"
        if self._keyset.sorts == "sort":
            params |= {"sort": name, "order": way}
        else:
            params["order"] = {name: way}
        params["start"] = start
        return self._call.with_all(params)

    def _tighten(self, conditions: dict[str, Any], key: str, bound: int, side: int) -> None:
        """Set an inclusive bound unless the caller's own is narrower."""
        name, own = pick(conditions, key)
        if own is None or (bound - int(own) * self._sign) * side > 0:
            conditions[name or key] = bound * self._sign

    def _own_bound(self, operator: str) -> int | None:
        own = option(self._filter, f"{operator}{self._keyset.field}")
        return None if own is None else int(own) * self._sign

    def _select_id(self) -> None:
        """Make sure that rows carry their id."""
        name, chosen = pick(self._params, "select")
        if not isinstance(chosen, list) or not chosen:
            return
        known = {str(value).upper() for value in chosen}
        if not known & {"*", self._keyset.field.upper()}:
            self._params = {**self._params, name or "select": [*chosen, self._keyset.field]}

    def _position(self, row: Row) -> int:
        return int(row[self._keyset.row_key]) * self._sign
