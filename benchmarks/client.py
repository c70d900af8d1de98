"""Our client against its peers on a stub portal: seconds, memory, requests, refusals, ratios.

    python benchmarks/client.py [--quick] [--save] [--only TEXT] [--repeat N]

Every run is a process of its own and every case goes round the clients in turn; the table shows
medians. The peers come from the package index into an environment of their own
(``.cache/bench-venv``, made when missing); without them ours run alone. Nothing is asserted:
machines differ, ratios travel.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from client.cases import CASES, MODULES, OURS, OVERHEAD, PEERS, YARDSTICK, Case, cell
from client.clients import control
from client.places import HERE, Task, peers, run, stub_portal

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
ENOUGH_S = {OURS: 40.0}
"""How long one client may take over one case; after that it is not repeated."""
ENOUGH_FOR_OTHERS_S = 10.0
TIMEOUT_S = 240.0
Row = list[str]


def measured(case: Case, base: str, pythons: dict[str, str], repeat: int, quick: bool) -> Row:
    """Run one case for everyone and return its line of the table."""
    taking_part = [
        name
        for name in case.clients
        if name in pythons and _has(name, case.job) and not (quick and name in case.slow)
    ]
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in taking_part}
    spent = dict.fromkeys(taking_part, 0.0)
    for _ in range(repeat):
        for name in taking_part:
            if runs[name] and spent[name] > ENOUGH_S.get(name, ENOUGH_FOR_OTHERS_S):
                continue
            task = Task(
                python=pythons[name],
                module=MODULES[name],
                job=case.job,
                settings=case.settings,
                place={**case.place, "calls": case.calls},
                ids=case.ids,
                processes=case.processes,
            )
            started = time.perf_counter()
            runs[name].append(run(base, task, timeout_s=TIMEOUT_S))
            spent[name] += time.perf_counter() - started
            print(f"  {case.name}: {name} {_brief(runs[name][-1])}", file=sys.stderr, flush=True)
    ours = runs.get(OURS)
    cells = [cell(case, runs.get(n, []), None if n == OURS else ours) for n in MODULES]
    return [case.name, case.asked, *cells]


def _has(name: str, job: str) -> bool:
    text = (HERE / "client" / f"{MODULES[name]}.py").read_text(encoding="utf-8")
    return f"def {job}(" in text or f"\n{job} = " in text


def _brief(out: dict[str, Any]) -> str:
    shown = ("s", "cpu_s", "mb", "requests", "e503", "result", "missing", "twice", "error")
    return " ".join(f"{k}={_short(out[k])}" for k in shown if out.get(k) not in (None, ""))


def _short(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)[:100]


def overhead(base: str) -> list[Row]:
    """Return the lines about the gateway's own cost."""
    control(base, "/__config", {"deals": 10, "get_ms": 0})
    command = [sys.executable, "-m", "client.overhead", base]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode:
        return [["gateway over bare httpx", "", f"fails: {done.stderr.strip()[-120:]}"]]
    ms = json.loads(done.stdout)
    bare = ms["bare"]
    return [
        [
            what,
            asked,
            f"{ms[road] - bare:+.2f} ms [{ms[road] / bare:.2f}x]",
            f"{bare:.2f} ms a call",
        ]
        for what, asked, road in OVERHEAD
    ]


def table(rows: list[Row], versions: dict[str, str]) -> str:
    """Return *rows* as a Markdown table with even columns."""
    heads = ["", "asked of us", *(f"{name} {versions.get(name, '')}".strip() for name in MODULES)]
    lines = [heads, *(row + ["-"] * (len(heads) - len(row)) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads))]
    out = []
    for line in lines:
        cells = [text.ljust(width) for text, width in zip(line, widths, strict=True)]
        out.append(f"| {' | '.join(cells)} |")
    out.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(out)


def machine() -> str:
    """Return cores, operating system and Python."""
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        system = f"{platform.system()} {platform.release()}"
    load = f", load {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {system}, "
        f"Python {platform.python_version()}{load}"
    )


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out what takes long")
    parser.add_argument("--save", action="store_true", help="write the table to RESULTS.md")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases with TEXT in the name")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each (3)")
    options = parser.parse_args()
    where = machine()
    found = peers(tuple(PEERS))
    pythons = {OURS: sys.executable, YARDSTICK: sys.executable}
    pythons |= {name: found.python for name in PEERS if name in found.versions}
    server = found.python if "uvicorn" in found.versions else sys.executable
    rows: list[Row] = []
    with stub_portal(server) as (base, runs_on):
        for case in CASES:
            if options.only in case.name and not (options.quick and OURS in case.slow):
                rows.append(measured(case, base, pythons, options.repeat, options.quick))
        if options.only in OVERHEAD[0][0]:
            rows += overhead(base)
    today = datetime.datetime.now(datetime.UTC).date()
    told = [
        f"{today:%Y-%m-%d}; {where}; stub portal on uvicorn ({runs_on}).",
        f"Medians of up to {options.repeat} runs, each in a process of its own; [n x] is n times "
        "our number. MB: the most a process held above what it held after set-up.",
    ]
    if found.problem:
        told.append(f"Not measured: {found.problem}.")
    text = "\n\n".join(["\n".join(told), table(rows, dict(found.versions))])
    print(text)
    if options.save:
        RESULTS.write_text(f"{_HEAD}\n{text}\n\n{_NOTES}", encoding="utf-8")
        print(f"\nsaved to {RESULTS.name}")
    return 0


_HEAD = """# The client against its peers

Written by `python benchmarks/client.py --save`; run it to compare on your machine.
"""

_NOTES = """- The stub portal (`benchmarks/client/stub.py`) runs on loopback: a page costs it
  20 ms, a single read 2 ms, commands of a batch run one after another, requests overlap. Deals are
  about 1 kB each, a fifth of the ids is missing. "Bucket full": the counter starts at 50 of 50 and
  falls 2 a second.
- Ours is the public `Toolkit` with default limits and a SQLite state file (its tables are made
  before), guardrails and all.
- "By hand, paced" is httpx code written for each case alone: about the least Python can do.
- b24pysdk knows https only; it is pointed at plain http so that nobody pays for TLS.
- A lost answer: the portal creates the record, then cuts the connection. One record and an error
  that says so is right; two records is the mistake, and silence would be another.
- Gateway overhead: a single `crm.deal.get` in bursts of 40 with the standard plan's bucket, beside
  the same call by bare `httpx.AsyncClient`.
"""


if __name__ == "__main__":
    sys.exit(main())
