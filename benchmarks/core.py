"""Start-up, tools, retrieval and gateway overhead, as ratios against a baseline in the same run.

    python benchmarks/core.py

Nothing is asserted: machines differ, ratios travel.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from bitrix24_agent import Limits, References, SyncToolkit, Toolkit, tokens
from bitrix24_agent.testing import running_portal
from bitrix24_agent.tools import cards
from bitrix24_agent.tools.build import gateway_tools, method_tools

REPEAT = 9


def process_ms(code: str) -> float:
    """Median wall time of a fresh interpreter running *code*, in milliseconds."""
    times = []
    for _ in range(REPEAT):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        times.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times)


def row(what: str, value: str, budget: str) -> None:
    print(f"{what:<46} {value:>24}   budget {budget}")


def start_up() -> None:
    bare = process_ms("pass")
    ours = process_ms("import bitrix24_agent")
    row(
        "import bitrix24_agent over bare Python",
        f"{ours - bare:.0f} ms ({ours / bare:.1f}x)",
        "60 ms",
    )


def tools() -> None:
    refs = References.load()
    methods = refs.methods()
    gc.collect()
    tracemalloc.start()
    started = time.perf_counter()
    made = method_tools(methods, among=methods)
    elapsed = (time.perf_counter() - started) * 1e3
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    timed = []
    for _ in range(REPEAT):
        started = time.perf_counter()
        method_tools(methods, among=methods)
        timed.append((time.perf_counter() - started) * 1e3)
    row(
        f"{len(made)} tool specs, lazy",
        f"{min(elapsed, statistics.median(timed)):.0f} ms, {peak / 2**20:.1f} MB",
        "40 ms, 5 MB",
    )
    cost = sum(tokens.count(f"{t.name} {t.description} {t.parameters}") for t in gateway_tools())
    row("gateway tools", f"{cost} tokens", "350 tokens")
    sizes = sorted(cards.card(method).tokens for method in methods)
    row(
        "method card, median (largest)",
        f"{sizes[len(sizes) // 2]} ({sizes[-1]}) tokens",
        "200 tokens",
    )


def load() -> None:
    started = time.perf_counter()
    refs = References.load()
    cards.card(refs.method("crm.item.update"))
    elapsed = (time.perf_counter() - started) * 1e3
    row("References.load() and one card", f"{elapsed:.0f} ms", "30 ms")


def find() -> None:
    code = (
        "import time; from bitrix24_agent import References; r = References.load();"
        "t = time.perf_counter(); r.find('move a deal to won');"
        "print((time.perf_counter() - t) * 1e3)"
    )
    first = statistics.median(
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
        for _ in range(5)
    )
    refs = References.load()
    requests = [
        "list deals",
        "добавить задачу",
        "upload a file to Drive",
        "who am I",
        "crm.deal.lst",
    ]
    refs.find(requests[0])
    timed, costs = [], []
    for request in requests * 20:
        started = time.perf_counter()
        finding = refs.find(request, limit=5)
        timed.append((time.perf_counter() - started) * 1e3)
        costs.append(cards.answer(finding).tokens)
    row("find: first / next", f"{first:.0f} / {statistics.median(timed):.2f} ms", "150 / 3 ms")
    row("find answer, median", f"{statistics.median(costs):.0f} tokens", "250 tokens")


async def _calls(kit: Toolkit, count: int) -> float:
    started = time.perf_counter()
    for _ in range(count):
        await kit.call("crm.deal.get", {"id": 2})
    return (time.perf_counter() - started) * 1e3 / count


async def overhead() -> None:
    import httpx

    with running_portal() as portal, tempfile.TemporaryDirectory() as folder:
        async with httpx.AsyncClient() as bare:
            url = portal.url + "crm.deal.get"

            async def raw(count: int) -> float:
                started = time.perf_counter()
                for _ in range(count):
                    (await bare.post(url, json={"id": 2})).json()
                return (time.perf_counter() - started) * 1e3 / count

            limits = Limits(capacity=100_000, per_second=100_000.0)
            async with (
                Toolkit.from_webhook(
                    portal.url, state=f"sqlite:///{Path(folder) / 'a.db'}", limits=limits
                ) as shared,
                Toolkit.from_webhook(portal.url, state="sqlite://", limits=None) as memory,
            ):
                await raw(50), await _calls(shared, 50), await _calls(memory, 50)
                rounds = [
                    (await raw(200), await _calls(shared, 200), await _calls(memory, 200))
                    for _ in range(5)
                ]
    base, with_sqlite, in_memory = (statistics.median(c) for c in zip(*rounds, strict=True))
    row(
        "gateway over bare httpx, SQLite limiter",
        f"{with_sqlite - base:+.2f} ms ({with_sqlite / base:.2f}x)",
        "0.4 ms",
    )
    row(
        "gateway over bare httpx, no limiter",
        f"{in_memory - base:+.2f} ms ({in_memory / base:.2f}x)",
        "0.2 ms",
    )


def main() -> None:
    start_up()
    load()
    tools()
    find()
    asyncio.run(overhead())
    with (
        running_portal() as portal,
        SyncToolkit.from_webhook(portal.url, packs="all", state="sqlite://", limits=None) as kit,
    ):
        row("registering every method of all packs", f"{kit.cost('all'):,} tokens a turn", "-")


if __name__ == "__main__":
    main()
