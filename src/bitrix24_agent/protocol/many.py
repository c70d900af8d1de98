"""Many objects by id, in as few requests as possible. Every request goes through *send*."""

from __future__ import annotations

import asyncio
import math
import re
from typing import TYPE_CHECKING

from bitrix24_agent.errors import (
    ArgumentsError,
    OperationTimeError,
    OutcomeUnknownError,
    PortalError,
    RateLimitError,
)
from bitrix24_agent.model import Call
from bitrix24_agent.protocol.flows import unlimited
from bitrix24_agent.protocol.keyset import EVERYTHING, KEYSETS, LIST_OF
from bitrix24_agent.protocol.names import option, pick, put, without
from bitrix24_agent.protocol.walk import COMMANDS, PAGE, TRIES, ignored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bitrix24_agent.model import Answer, Json, Method, Row
    from bitrix24_agent.protocol.flows import Send
    from bitrix24_agent.protocol.keyset import Keyset

REQUESTS = 10
"""Requests the pages are spread over while requests are plenty."""

_ALL_FIELDS = ("*", "UF_*")
_ID = re.compile(r"(?i)(?:id|\w+id|\w+_id)")


async def get_many(
    send: Send,
    call: Call,
    ids: Iterable[int | str],
    *,
    method: Method | None = None,
    free: Callable[[], float] = unlimited,
) -> dict[int | str, Row]:
    """Return id -> row, in the order of *ids*; what the portal does not know or show is absent.

    A list method (or a ``get`` whose family has one) is read by pages of 50 ids; any other ``get``
    object by object, in batches.

    Args:
        send: Sends one request.
        call: The method with its other parameters; ids are ours.
        ids: Each one once is enough.
        method: Its catalogue entry.
        free: Requests that may go now.

    Raises:
        ArgumentsError: The method can read neither a list nor an object by id.
        PortalError: CURSOR_IGNORED when rows came that nobody asked for.
        CallFailedError: A request failed for good.
    """
    wanted = {str(value): value for value in ids}
    if not wanted:
        return {}
    texts = list(wanted)
    pages = _Pages.of(call, texts) or _Objects.of(call, texts, method)
    todo = dict(pages.calls)
    found: dict[str, Row] = {}
    for attempt in range(1, TRIES + 1):
        if not todo:
            break
        todo = await _round(send, pages, todo, found, free, last=attempt == TRIES)
    return {original: found[text] for text, original in wanted.items() if text in found}


async def _round(
    send: Send,
    pages: _Pages | _Objects,
    todo: dict[str, Call],
    found: dict[str, Row],
    free: Callable[[], float],
    *,
    last: bool,
) -> dict[str, Call]:
    """Ask for everything in *todo* once; return what failed for a passing reason."""
    again: dict[str, Call] = {}

    def take(answer: Answer) -> None:
        for key, inner in answer.commands.items():
            pages.take(key, inner, found)
        for key, error in answer.failures.items():
            passing = isinstance(error, OperationTimeError | RateLimitError | OutcomeUnknownError)
            if passing and not last:
                again[key] = todo[key]
            elif not pages.absent(error):
                raise error

    rest = list(todo.items())
    if free() <= 1 and len(rest) > 1:
        # Nobody knows how full the portal's bucket is: one small request tells, and decides
        # whether the others should be many and quick or few and full.
        take(await send(_batch(rest[:1])))
        rest = rest[1:]
    tasks = [asyncio.ensure_future(send(_batch(part))) for part in _spread(rest, free())]
    try:
        for task in tasks:
            take(await task)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return again


def _spread(commands: list[tuple[str, Call]], free: float) -> list[list[tuple[str, Call]]]:
    """Cut *commands* into batches: some quick ones, or as few as possible while slots are short."""
    if not commands:
        return []
    count = math.ceil(len(commands) / COMMANDS)
    if free >= 2:
        most = REQUESTS - 1 if math.isinf(free) else min(REQUESTS - 1, int(free))
        count = max(count, min(most, len(commands)))
    size, extra = divmod(len(commands), count)
    parts: list[list[tuple[str, Call]]] = []
    at = 0
    for number in range(count):
        end = at + size + (1 if number < extra else 0)
        parts.append(commands[at:end])
        at = end
    return parts


def _batch(commands: list[tuple[str, Call]]) -> Call:
    return Call(method="batch", params={"halt": 0}, commands=dict(commands))


class _Pages:
    """Pages of a list method, 50 ids each."""

    def __init__(self, call: Call, keyset: Keyset, ids: list[str]) -> None:
        self._method = call.method
        self._key = keyset.row_key
        self._ids = frozenset(ids)
        params = without(call.params, "start", "order", "sort")
        conditions = option(params, "filter") or {}
        if not isinstance(conditions, dict):
            raise ArgumentsError(f"{call.method}: filter must be an object")
        self.calls: dict[str, Call] = {}
        for at in range(0, len(ids), PAGE):
            part = [int(text) if text.isdigit() else text for text in ids[at : at + PAGE]]
            page = put(params, "filter", {**conditions, keyset.contains: part})
            self.calls[f"c{at // PAGE}"] = call.with_all({**page, "start": -1})

    @classmethod
    def of(cls, call: Call, ids: list[str]) -> _Pages | None:
        """Return the pages for *call*, or None when it cannot be read that way."""
        if call.version != 2:
            return None
        name = call.method.lower()
        if name in LIST_OF:
            listed = LIST_OF[name]
            params = without(call.params, "id", "taskid")
            if not option(params, "select") and (fields := EVERYTHING.get(listed, _ALL_FIELDS)):
                params = put(params, "select", list(fields))
            call = Call(method=listed, params=params)
            name = listed
        keyset = KEYSETS.get(name)
        if keyset is None:
            return None
        key, chosen = pick(call.params, "select")
        if key and isinstance(chosen, list) and chosen:
            known = {str(value).upper() for value in chosen}
            if not known & {"*", keyset.field.upper()}:
                call = call.with_params(**{key: [*chosen, keyset.field]})
        return cls(call, keyset, ids)

    def take(self, _key: str, answer: Answer, found: dict[str, Row]) -> None:
        """Sort the rows of a page under their ids."""
        for row in answer.rows:
            text = str(row.get(self._key))
            if text not in self._ids:
                raise ignored(self._method, f"{self._key} {text} was not asked for")
            found[text] = row

    @staticmethod
    def absent(_error: Exception) -> bool:
        """Return False: a page without rows is no error."""
        return False


class _Objects:
    """Objects one by one, each a command."""

    def __init__(self, call: Call, name: str, ids: list[str]) -> None:
        params = without(call.params, name)
        self.calls: dict[str, Call] = {}
        self._ids: dict[str, str] = {}
        for at, text in enumerate(ids):
            value: Json = int(text) if text.isdigit() else text
            self.calls[f"c{at}"] = call.with_all({**params, name: value})
            self._ids[f"c{at}"] = text

    @classmethod
    def of(cls, call: Call, ids: list[str], method: Method | None) -> _Objects:
        """Return the commands for *call*."""
        if not call.method.lower().endswith(".get") or call.version != 2:
            raise ArgumentsError(
                f"{call.method} reads neither a list by id nor an object; pass a list method "
                "that filters by id, or a get method"
            )
        names = [p.name for p in method.params if p.top_level] if method is not None else []
        name = next((n for n in names if _ID.fullmatch(n)), None)
        return cls(call, name or pick(call.params, "id")[0] or "id", ids)

    def take(self, key: str, answer: Answer, found: dict[str, Row]) -> None:
        """Keep an object under its id; the single object inside ``result`` is the row."""
        result = answer.result
        if isinstance(result, dict) and len(result) == 1:
            (inner,) = result.values()
            result = inner if isinstance(inner, dict) else result
        if isinstance(result, list) and len(result) == 1:
            result = result[0]
        if isinstance(result, dict) and result:
            found[self._ids[key]] = result

    @staticmethod
    def absent(error: Exception) -> bool:
        """Return whether *error* says that there is no such object."""
        text = f"{getattr(error, 'code', '')} {error}".upper().replace("_", " ")
        return isinstance(error, PortalError) and "NOT FOUND" in text
