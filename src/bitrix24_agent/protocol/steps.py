"""Paging that goes one page after the other: REST 3.0, and v2 methods with a style of their own.

Sources: api-reference/rest-v3.md and the method pages @ 5988ed13. The end of a v3 list is an empty
page: methods cap ``limit`` silently (js: core/actions/v3/_keyset-paginate.ts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from bitrix24_agent.protocol.names import option, put
from bitrix24_agent.protocol.walk import PAGE, ignored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.model import Answer, Call, Json, Row

_BY_OFFSET: Mapping[str, tuple[str, str, int]] = {
    "im.recent.list": ("OFFSET", "LIMIT", 50),
    "im.dialog.users.list": ("OFFSET", "LIMIT", 50),
    "im.department.colleagues.list": ("OFFSET", "LIMIT", 50),
    "im.search.chat.list": ("OFFSET", "LIMIT", 50),
    "im.search.user.list": ("OFFSET", "LIMIT", 50),
    "imopenlines.config.list.get": ("offset", "limit", 50),
}
"""Method -> names of offset and limit, and a limit it accepts."""

_BY_OFFSET_FAMILIES = ("humanresources.hcmlink.", "sign.b2e.")
_BY_PAGE_FAMILIES = ("biconnector.",)


class Steps(Protocol):
    """One page after the other: ask, take, ask again until there is nothing to ask."""

    def ask(self) -> Call | None:
        """Return the next call, or None at the end."""
        ...

    def take(self, answer: Answer) -> list[Row]:
        """Take its answer; return the rows that are new."""
        ...


def steps_for(call: Call) -> Steps | None:
    """Return the style of *call*, or None when it pages by ``start``."""
    name = call.method.lower()
    if call.version == 3:
        if name == "main.eventlog.tail":
            return TailSteps(call)
        if name == "tasks.task.list" and not option(call.params, "order"):
            return IdSteps(call)
        return WindowSteps(call)
    if name in _BY_OFFSET:
        return CounterSteps(call, *_BY_OFFSET[name])
    if name.startswith(_BY_OFFSET_FAMILIES) and name.endswith((".list", ".tail")):
        return CounterSteps(call, "offset", "limit", 100)
    if name.startswith(_BY_PAGE_FAMILIES) and name.endswith(".list"):
        return CounterSteps(call, "page", None, 1)
    return None


class IdSteps:
    """v3 by id: ``filter: [[id, >, last]]``; exact while rows come and go."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._last: int | None = None
        self._over = False

    def ask(self) -> Call | None:
        """Ask for what comes behind the last id."""
        if self._over:
            return None
        conditions = list(option(self._call.params, "filter") or [])
        if self._last is not None:
            conditions.append(["id", ">", self._last])
        params = put(self._call.params, "order", {"id": "ASC"})
        select = option(params, "select")
        if isinstance(select, list) and select and "id" not in select:
            params = put(params, "select", [*select, "id"])
        pagination = {"limit": PAGE, **(option(params, "pagination") or {})}
        pagination = {k: v for k, v in pagination.items() if k == "limit"}
        params = put(params, "pagination", pagination)
        return self._call.with_all(put(params, "filter", conditions) if conditions else params)

    def take(self, answer: Answer) -> list[Row]:
        """Take a page; an empty one is the end."""
        for row in answer.rows:
            here = row.get("id")
            if not isinstance(here, int) or (self._last is not None and here <= self._last):
                raise ignored(self._call.method, f"id {here} came behind {self._last}")
            self._last = here
        self._over = not answer.rows
        return answer.rows


class TailSteps:
    """``main.eventlog.tail``: a cursor of its own."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._cursor: dict[str, Any] = {
            "field": "id",
            "order": "ASC",
            "value": 0,
            "limit": PAGE,
            **(option(call.params, "cursor") or {}),
        }
        self._over = False

    def ask(self) -> Call | None:
        """Ask for what comes behind the cursor."""
        if self._over:
            return None
        return self._call.with_all(put(self._call.params, "cursor", dict(self._cursor)))

    def take(self, answer: Answer) -> list[Row]:
        """Take a page and move the cursor; an empty one is the end."""
        self._over = not answer.rows
        if answer.rows:
            value = answer.rows[-1].get(self._cursor["field"])
            if value is None or value == self._cursor["value"]:
                raise ignored(self._call.method, "the cursor does not move")
            self._cursor["value"] = value
        return answer.rows


class WindowSteps:
    """v3 by ``pagination``, or by the cursor that some methods return."""

    def __init__(self, call: Call) -> None:
        self._call = call
        given = option(call.params, "pagination") or {}
        self._limit = given.get("limit", PAGE) if isinstance(given, dict) else PAGE
        self._offset = 0
        self._cursor: Json = None
        self._first: Row | None = None
        self._over = False

    def ask(self) -> Call | None:
        """Ask for the rows behind those that came."""
        if self._over:
            return None
        pagination: dict[str, Json] = {"limit": self._limit}
        if self._cursor is not None:
            pagination["afterCursor"] = self._cursor
        elif self._offset:
            pagination["offset"] = self._offset
        return self._call.with_all(put(self._call.params, "pagination", pagination))

    def take(self, answer: Answer) -> list[Row]:
        """Take a page; an empty one, or a method that says so, is the end."""
        rows = answer.rows
        result = answer.result if isinstance(answer.result, dict) else {}
        cursor = result.get("nextCursor", result.get("afterCursor"))
        if rows and self._offset and cursor is None and rows[0] == self._first:
            raise ignored(self._call.method, f"offset {self._offset} gave the first page again")
        self._first = rows[0] if rows and not self._offset else self._first
        moved = cursor != self._cursor
        self._offset += len(rows)
        self._cursor = cursor
        stuck = cursor is not None and not moved
        self._over = not rows or stuck or result.get("hasMore") is False
        return rows


class CounterSteps:
    """v2 with ``offset`` and ``limit``, or ``page``; rows of overlapping pages come once."""

    def __init__(self, call: Call, name: str, limit: str | None, size: int) -> None:
        self._call = call
        self._name = name
        self._limit = limit
        self._size = size
        self._at = 0 if limit is not None else 1
        self._seen: set[str] = set()
        self._over = False

    def ask(self) -> Call | None:
        """Ask for the next page."""
        if self._over:
            return None
        params = put(self._call.params, self._name, self._at)
        return self._call.with_all(put(params, self._limit, self._size) if self._limit else params)

    def take(self, answer: Answer) -> list[Row]:
        """Take a page; one with nothing new is the end."""
        fresh = [row for row in answer.rows if self._is_new(row)]
        self._at += self._size
        self._over = not fresh
        return fresh

    def _is_new(self, row: Row) -> bool:
        mark = str(row.get("id", row.get("ID", row)))
        if mark in self._seen:
            return False
        self._seen.add(mark)
        return True
