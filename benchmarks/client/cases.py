"""What is measured, what is asked of us there, and how a cell of the table reads."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OURS = "bitrix24-agent"
YARDSTICK = "by hand, paced"
PEERS = {"fast_bitrix24": "peer_fast_bitrix24", "b24pysdk": "peer_b24pysdk"}
MODULES = {OURS: "ours", YARDSTICK: "paced", **PEERS}

FULL = {"limiter": True, "bucket_start": 50}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One line of the table.

    Attributes:
        name: What is done.
        asked: What it may take us at most.
        job: The clients' function.
        show: What a cell says, in order; the first that is a time makes the ratio.
        settings: Of the stub portal.
        place: What clients are told.
        calls: How many single reads a process makes at once.
        clients: Who takes part; those that have no such job do not anyway.
        slow: Who takes so long that a quick run leaves them out.
    """

    name: str
    asked: str
    job: str
    show: tuple[str, ...] = ("s",)
    settings: Mapping[str, Any] = field(default_factory=dict)
    place: Mapping[str, Any] = field(default_factory=dict)
    ids: int = 0
    processes: int = 1
    calls: int = 20
    clients: tuple[str, ...] = tuple(MODULES)
    slow: tuple[str, ...] = ()


EVERYBODY = tuple(MODULES)
NO_YARDSTICK = (OURS, *PEERS)
_DEAR_COUNT = {"deals": 100_000, "count_ms": 30, "offset_us": 0.2}
_EXPIRED = {"deals": 100, "tokens": {"access": "a1", "refresh": "r1"}, "token_ms": 200}

CASES = (
    Case(name="list 10,000", asked="0.6 s", job="rows_kept"),
    Case(
        name="list 100,000, all kept",
        asked="3.0 s, 200 MB",
        job="rows_kept",
        show=("s", "mb"),
        settings={"deals": 100_000},
        slow=("b24pysdk",),
    ),
    Case(
        name="list 100,000, streamed",
        asked="60 MB",
        job="rows_streamed",
        show=("mb", "s"),
        settings={"deals": 100_000},
        slow=("b24pysdk",),
    ),
    Case(name="2,000 by id", asked="0.2 s, 10 req.", job="by_id", show=("s", "requests"), ids=2000),
    Case(
        name="2,000 by id, bucket full",
        asked="2.5 s",
        job="by_id",
        show=("s", "requests", "e503"),
        settings=FULL,
        place={"plenty": False},
        ids=2000,
        slow=("b24pysdk",),
    ),
    Case(
        name="list 100,000, bucket full",
        asked="22.5 s, 1 x 503",
        job="rows_kept",
        show=("s", "e503"),
        settings={"deals": 100_000, **FULL},
        place={"plenty": False},
        slow=EVERYBODY,
    ),
    Case(
        name="3 processes x 20 calls, bucket full",
        asked="60 of 60, 31 s, 3 x 503",
        job="calls",
        show=("answered", "s", "e503"),
        settings={"deals": 100, **FULL},
        processes=3,
        clients=NO_YARDSTICK,
        slow=EVERYBODY,
    ),
    Case(
        name="list 100,000, counting costs 30 ms a page",
        asked="3.0 s",
        job="rows_uncounted",
        settings=_DEAR_COUNT,
        slow=("b24pysdk",),
    ),
    Case(
        name="answer to a write is lost",
        asked="1 record",
        job="write",
        show=("records", "result"),
        settings={"deals": 100, "lose": 1},
        clients=NO_YARDSTICK,
    ),
    Case(
        name="20 calls with an expired token",
        asked="1 refresh",
        job="calls",
        show=("refreshes", "answered", "s"),
        settings=_EXPIRED,
        place={"oauth": True},
        clients=NO_YARDSTICK,
    ),
    Case(
        name="2 processes x 10 calls, the same",
        asked="1 refresh",
        job="calls",
        show=("refreshes", "answered", "s"),
        settings=_EXPIRED,
        place={"oauth": True},
        processes=2,
        calls=10,
        clients=NO_YARDSTICK,
    ),
)

OVERHEAD = (
    ("gateway over bare httpx, SQLite limiter", "0.4 ms", "sqlite"),
    ("the same, in memory", "0.2 ms", "memory"),
    ("the same, SQLite, each call a transaction", "", "each"),
    ("the same, no limiter", "", "unlimited"),
)


def cell(case: Case, runs: list[dict[str, Any]], ours: list[dict[str, Any]] | None) -> str:
    """Return what *runs* say in the table, with the ratio to *ours* (None: these are ours)."""
    if not runs:
        return "-"
    failed = [run["error"] for run in runs if "error" in run]
    if len(failed) > len(runs) / 2:
        return f"fails: {failed[-1].split(':')[0]} ({_median(runs, 'e503'):.0f} x 503)"
    good = [run for run in runs if "error" not in run]
    text = ", ".join(_part(case, name, good) for name in case.show)
    wrong = [f"{_median(good, n):.0f} {n}" for n in ("missing", "twice") if _median(good, n)]
    text += f" ({', '.join(wrong)})" if wrong else ""
    ratio = _ratio(case, good, ours)
    return f"{text} [{ratio:.1f}x]" if ratio is not None else text


def _part(case: Case, name: str, runs: list[dict[str, Any]]) -> str:
    value = _median(runs, name)
    match name:
        case "s":
            return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
        case "mb":
            return f"{value:.0f} MB" if runs[0].get("mb") is not None else "? MB"
        case "requests":
            return f"{value:.0f} req."
        case "e503":
            return f"{value:.0f} x 503"
        case "answered":
            return f"{_median(runs, 'result'):.0f} of {case.calls * case.processes}"
        case "records":
            return f"{value:.0f} record{'' if value == 1 else 's'}"
        case "refreshes":
            return f"{value:.0f} refresh{'' if value == 1 else 'es'}"
    return str(runs[-1].get(name, ""))


def _median(runs: list[dict[str, Any]], name: str) -> float:
    values = [run[name] for run in runs if isinstance(run.get(name), int | float)]
    return statistics.median(values) if values else 0.0


def _ratio(
    case: Case, runs: list[dict[str, Any]], ours: list[dict[str, Any]] | None
) -> float | None:
    """Return how many times our first shown number this is, where both finished the job."""
    if ours is None or case.show[0] not in ("s", "mb"):
        return None
    base = _median([run for run in ours if "error" not in run], case.show[0])
    return _median(runs, case.show[0]) / base if base else None
