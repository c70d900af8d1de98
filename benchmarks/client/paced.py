"""The yardstick: what somebody who knows this portal writes by hand with httpx, for each case anew.

It knows nothing but the case in front of it (no repeats, no OAuth, no shared limits), so what it
needs is about the least a client in Python can need.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import httpx

from client.clients import Place, Work

try:
    import orjson

    loads = orjson.loads
except ImportError:
    loads = json.loads

PAGE = 50
REQUESTS = 40
LIST = "crm.deal.list"
Rows = list[dict[str, Any]]
Call = Callable[[str, dict[str, Any]], Awaitable[Any]]


class Full(Exception):
    """The portal's bucket is full."""


class Paced:
    """One call at a time through the portal's leaky bucket; a 503 corrects the picture."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._level, self._at = 0.0, time.monotonic()
        self._line = asyncio.Lock()

    async def call(self, method: str, params: dict[str, Any]) -> Any:
        while True:
            await self._slot()
            answer = loads((await self._http.post(method, json=params)).content)
            if "error" not in answer:
                return answer
            if answer["error"] != "QUERY_LIMIT_EXCEEDED":
                raise RuntimeError(answer)
            self._level, self._at = 51.0, time.monotonic()

    async def _slot(self) -> None:
        async with self._line:
            while True:
                now = time.monotonic()
                self._level = max(0.0, self._level - (now - self._at) * 2)
                self._at = now
                if self._level + 1 <= 50:
                    self._level += 1
                    return
                await asyncio.sleep((self._level + 1 - 50) / 2)


async def _batches(call: Call, commands: list[str], size: int) -> Rows:
    """Send list commands in batches, all at once; return the rows in order."""

    async def one(part: list[str]) -> list[Rows]:
        cmd = {f"c{place}": text for place, text in enumerate(part)}
        answer = await call("batch", {"halt": 0, "cmd": cmd})
        return list(answer["result"]["result"].values())

    parts = [commands[at : at + size] for at in range(0, len(commands), size)]
    found = await asyncio.gather(*map(one, parts))
    return [row for pages in found for rows in pages for row in rows]


def _command(**params: Any) -> str:
    return f"{LIST}?{urlencode({'order[ID]': 'ASC', **params})}"


def _work(place: Place, run: Callable[[Call], Awaitable[Rows]]) -> Work:
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    http = httpx.AsyncClient(base_url=place.webhook, timeout=120, limits=limits)

    async def work() -> Rows:
        async with http:
            return await run(Paced(http).call)

    return work


def rows_kept(place: Place) -> Work:
    """Count once, then every page by its offset."""

    async def run(call: Call) -> Rows:
        first = await call(LIST, {"order": {"ID": "ASC"}, "start": 0})
        starts = range(PAGE, first["total"], PAGE)
        size = math.ceil(len(starts) / REQUESTS) if place.plenty else 50
        commands = [_command(start=start) for start in starts]
        return first["result"] + await _batches(call, commands, min(50, max(1, size)))

    return _work(place, run)


def rows_uncounted(place: Place) -> Work:
    """Every window of 50 ids: nothing is counted, and gaps cost pages."""

    async def run(call: Call) -> Rows:
        cmd = {
            "low": f"{LIST}?order[ID]=ASC&select[0]=ID&start=-1",
            "high": f"{LIST}?order[ID]=DESC&select[0]=ID&start=-1",
        }
        edges = (await call("batch", {"halt": 0, "cmd": cmd}))["result"]["result"]
        low, high = (int(edges[name][0]["ID"]) for name in ("low", "high"))
        windows = [
            _command(start=-1, **{"filter[>ID]": at, "filter[<=ID]": at + PAGE})
            for at in range(low - 1, high, PAGE)
        ]
        return await _batches(call, windows, 50)

    return _work(place, run)


def by_id(place: Place) -> Work:
    """Pages of 50 ids; 10 requests, or one where requests are short."""

    async def run(call: Call) -> Rows:
        commands = []
        for at in range(0, len(place.ids), PAGE):
            part = enumerate(place.ids[at : at + PAGE])
            commands.append(_command(start=-1, **{f"filter[@ID][{n}]": i for n, i in part}))
        return await _batches(call, commands, math.ceil(len(commands) / 10) if place.plenty else 50)

    return _work(place, run)
