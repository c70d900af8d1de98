"""One measured run in a process of its own.

    python -m client.worker MODULE JOB PLACE_AS_JSON

Says ``ready`` when everything is set up, starts at a line on its standard input, prints one line of
JSON: seconds, processor seconds, MB above the start, and what came of the job.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import inspect
import json
import logging
import os
import sys
import threading
import time
import warnings
from typing import Any

from client.clients import Place, control

SAMPLE_S = 0.01


class Memory:
    """The most memory this process held above what it held at the start, where /proc tells."""

    def __enter__(self) -> Memory:
        gc.collect()
        self._start = self._most = _resident()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._most = max(self._most, _resident())

    @property
    def mb(self) -> float | None:
        return round((self._most - self._start) / 2**20, 1) if self._start else None

    def _watch(self) -> None:
        while not self._end.wait(SAMPLE_S):
            self._most = max(self._most, _resident())


def _resident() -> int:
    with contextlib.suppress(OSError), open("/proc/self/statm") as found:
        return int(found.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def run(module: str, job: str, place: Place) -> dict[str, Any]:
    """Measure one job of one client."""
    work = getattr(importlib.import_module(f"client.{module}"), job)(place)
    print("ready", flush=True)
    if sys.stdin.readline() == "":
        raise SystemExit("nobody is waiting for this any more")
    out: dict[str, Any] = {}
    found: Any = None
    with Memory() as memory:
        processor, started = time.process_time(), time.perf_counter()
        try:
            found = asyncio.run(work()) if inspect.iscoroutinefunction(work) else work()
        except Exception as error:
            out["error"] = f"{type(error).__name__}: {error}"[:300]
        out["s"] = time.perf_counter() - started
        out["cpu_s"] = time.process_time() - processor
    out["mb"] = memory.mb
    if isinstance(found, list):
        ids = [int(row["ID"]) if isinstance(row, dict) else row for row in found]
        wanted = set(place.ids or control(place.base, "/__truth"))
        out |= {
            "rows": len(ids),
            "missing": len(wanted - set(ids)),
            "twice": len(ids) - len(set(ids)),
        }
    elif found is not None:
        out["result"] = found
    return out


def main() -> None:
    """Run the job named on the command line."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    module, job, place = sys.argv[1:]
    print(json.dumps(run(module, job, Place(**json.loads(place)))), flush=True)


if __name__ == "__main__":
    main()
