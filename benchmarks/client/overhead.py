"""What the gateway adds to a call: the same one by bare httpx and by a toolkit, in turn.

    python -m client.overhead BASE

A shared limiter is measured as it is used: with the standard plan's bucket, in bursts that fit into
it, each on a state of its own. A bucket too large to matter would lease slots by the dozen and
hide what a slot costs; the dearest road, one transaction for every call, has a line of its own.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

from bitrix24_agent import Limits, References, Toolkit

ROUNDS = 15
WARM = 3
BURST = 40
_PARAMS = {"id": 1}
_ONE_BY_ONE = Limits(capacity=1, per_second=1e6)  # no room to lease, and never a wait
Timed = list[float]


async def burst(kit: Toolkit) -> Timed:
    """Return the milliseconds of each call of a burst, and close *kit*."""
    times: Timed = []
    async with kit:
        for _ in range(WARM):
            await kit.call("crm.deal.get", _PARAMS)
        for _ in range(BURST):
            started = time.perf_counter()
            await kit.call("crm.deal.get", _PARAMS)
            times.append((time.perf_counter() - started) * 1e3)
    return times


async def bare(url: str) -> Timed:
    """The same burst by httpx alone."""
    times: Timed = []
    async with httpx.AsyncClient() as http:
        for _ in range(WARM):
            (await http.post(url, json=_PARAMS)).json()
        for _ in range(BURST):
            started = time.perf_counter()
            (await http.post(url, json=_PARAMS)).json()
            times.append((time.perf_counter() - started) * 1e3)
    return times


async def measure(base: str, folder: Path) -> dict[str, float]:
    """Return the median milliseconds of a call for each road."""
    webhook = f"{base}/rest/1/code/"
    references = References.load()
    found: dict[str, list[Timed]] = {}
    for number in range(ROUNDS):

        def kit(state: str, limits: Limits | None) -> Toolkit:
            return Toolkit.from_webhook(webhook, state=state, limits=limits, references=references)

        files = [f"sqlite:///{folder / f'{number}-{name}.db'}" for name in "ab"]
        roads = {
            "bare": bare(f"{webhook}crm.deal.get"),
            "sqlite": burst(kit(files[0], Limits())),
            "each": burst(kit(files[1], _ONE_BY_ONE)),
            "memory": burst(kit("sqlite://", Limits())),
            "unlimited": burst(kit("sqlite://", None)),
        }
        for name, road in roads.items():
            found.setdefault(name, []).append(await road)
    return {
        name: statistics.median(statistics.fmean(times) for times in rounds)
        for name, rounds in found.items()
    }


def main() -> None:
    """Measure against the stub portal named on the command line."""
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(sys.argv[1], Path(folder)))))


if __name__ == "__main__":
    main()
