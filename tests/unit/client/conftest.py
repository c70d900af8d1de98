"""A clock that tests own, and a transport that answers what they say."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from bitrix24_agent.state.store import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from bitrix24_agent.state.store import SqlStore


class FakeClock:
    """Time passes only when everyone sleeps: ``run`` moves it to the next alarm."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.slept: list[float] = []
        self._alarms: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        alarm = asyncio.get_running_loop().create_future()
        heapq.heappush(self._alarms, (self.now + max(0.0, seconds), next(self._count), alarm))
        await alarm

    async def run(self, *work: Any, limit_s: float = 10_000.0) -> list[Any]:
        """Run *work* to its end, moving time as needed; return results and errors."""
        tasks = [asyncio.ensure_future(one) for one in work]
        end = self.now + limit_s
        idle = 0
        while not all(task.done() for task in tasks):
            before = len(self._alarms)
            for _ in range(20):
                await asyncio.sleep(0)
            if all(task.done() for task in tasks):
                break
            if self._alarms and len(self._alarms) == before:
                at, _, alarm = heapq.heappop(self._alarms)
                assert at <= end, "time ran out"
                self.now = max(self.now, at)
                if not alarm.done():
                    alarm.set_result(None)
                idle = 0
            else:
                await asyncio.sleep(0.001)  # a thread (the store) is at work
                idle += 1
                assert idle < 5_000, "nothing happens any more"
        return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class FakeTransport:
    """Answers from a function of method and body; remembers every request."""

    def __init__(self, answer: Callable[[str, Any], Any]) -> None:
        self.answer = answer
        self.requests: list[tuple[str, Any, Mapping[str, str]]] = []
        self.closed = False

    async def send(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        content = body.decode() if b"=" in body[:40] and body[:1] != b"{" else json.loads(body)
        self.requests.append((url, content, headers))
        await asyncio.sleep(0)
        given = self.answer(url.rsplit("/", 1)[-1], content)
        if isinstance(given, BaseException):
            raise given
        if not isinstance(given, tuple):
            given = (200, {}, given)
        status, more, data = given
        return status, more, data if isinstance(data, bytes) else json.dumps(data).encode()

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path}/state.db")
    yield opened
    await opened.close()
