"""Measure the retriever on labelled requests: recall, packs, refusals, tokens and time.

    python benchmarks/retrieval.py [requests.jsonl ...] [--json] [--misses]

A row of the file: {"id", "lang", "request", "kind": call | trouble | none | compound,
"expect": [[method@version, ...any of], ...one list per part], "packs": [...], "topic": null}.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

from bitrix24_agent.retrieval.references import References
from bitrix24_agent.tools.cards import answer, card

HERE = Path(__file__).resolve().parents[1] / "tests" / "retrieval"
DEV = (HERE / "requests-dev.jsonl", HERE / "requests-dev2.jsonl")
HOLDOUT = (HERE / "requests-holdout.jsonl",)


def load(path: Path) -> list[dict]:
    """Return the labelled requests of one file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def judge(row: dict, refs: References) -> dict:
    """Ask for one request and say what came out right."""
    started = time.perf_counter()
    finding = refs.find(row["request"])
    spent = time.perf_counter() - started
    found = [hit.method.id for hit in finding.hits]
    places = [
        min((found.index(name) for name in part if name in found), default=99)
        for part in row["expect"]
    ]
    result = {
        "row": row,
        "found": found,
        "ms": spent * 1000,
        "empty": finding.empty,
        "pack": bool(set(finding.packs[:2]) & set(row["packs"])),
        "topic": finding.topic == row["topic"],
        "tokens": None,
    }
    for k in (1, 5, 10):
        result[f"recall@{k}"] = bool(places) and (
            min(places) < 1 if k == 1 else all(place < k for place in places)
        )
    if row["kind"] == "call":
        result["tokens"] = _tokens(row, found, finding, refs)
    return result


def _tokens(row: dict, found: list[str], finding, refs: References) -> int:
    """What it costs until the typed card of a right method is on the table."""
    told = answer(finding)
    if found and found[0] in row["expect"][0]:
        return told.tokens
    right = next((n for n in found if n in row["expect"][0]), row["expect"][0][0])
    name, _, version = right.partition("@")
    method = refs.lookup(name, int(version))
    return told.tokens + (card(method).tokens if method else 200)


def summary(results: list[dict]) -> dict:
    """Return the rates of *results* as numbers from 0 to 1."""
    calls = [r for r in results if r["row"]["kind"] in ("call", "compound")]
    trouble = [r for r in results if r["row"]["kind"] == "trouble"]
    none = [r for r in results if r["row"]["kind"] == "none"]
    tokens = [r["tokens"] for r in results if r["tokens"] is not None]
    out: dict = {"requests": len(results)}
    if calls:
        for key in ("recall@1", "recall@5", "recall@10", "pack"):
            out[key] = _rate(r[key] for r in calls)
        out["wrong refusals"] = _rate(r["empty"] for r in calls)
    if trouble:
        out["topic"] = _rate(r["topic"] for r in trouble)
        out["trouble pack"] = _rate(r["pack"] for r in trouble)
    if none:
        out["none recognised"] = _rate(r["empty"] for r in none)
    if tokens:
        out["tokens to the card, median"] = statistics.median(tokens)
    return out


def _rate(flags) -> float:
    values = list(flags)
    return round(sum(values) / len(values), 3)


def measure(*paths: Path) -> tuple[dict, list[dict]]:
    """Return the whole report on the files together, and every single result."""
    refs = References.load()
    started = time.perf_counter()
    refs.find("list deals")
    first = (time.perf_counter() - started) * 1000
    results = [judge(row, refs) for path in paths for row in load(path)]
    by: dict[str, dict[str, list[dict]]] = {
        "language": defaultdict(list),
        "pack": defaultdict(list),
    }
    for result in results:
        by["language"][result["row"]["lang"]].append(result)
        for pack in result["row"]["packs"][:1] or ["(none)"]:
            by["pack"][pack].append(result)
    times = sorted(r["ms"] for r in results)
    report = {
        "all": summary(results),
        "time": {
            "first find, ms": round(first, 1),
            "next find, median ms": round(statistics.median(times), 2),
            "next find, 95 % ms": round(times[int(len(times) * 0.95)], 2),
        },
        "language": {k: summary(v) for k, v in sorted(by["language"].items())},
        "pack": {k: summary(v) for k, v in sorted(by["pack"].items())},
    }
    return report, results


def main() -> int:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--misses", action="store_true", help="list what went wrong")
    options = parser.parse_args()
    if options.misses and any(file.name == HOLDOUT[0].name for file in options.files):
        parser.error("the misses of the hold-out are not for looking at")
    sets = [options.files] if options.files else [DEV, HOLDOUT]
    for files in sets:
        report, results = measure(*files)
        if options.json:
            print(json.dumps(report, indent=1, ensure_ascii=False))
            continue
        print(f"== {', '.join(file.name for file in files)} ==")
        _print(report)
        if options.misses and files != HOLDOUT:
            _print_misses(results)
    return 0


def _print(report: dict) -> None:
    for part in ("all", "time"):
        print(part)
        for key, value in report[part].items():
            print(f"  {key:28} {value}")
    for part in ("language", "pack"):
        print(f"\n{part:15}      n     r@1    r@5   r@10   pack")
        for name, row in report[part].items():
            cells = (row.get(key, "") for key in ("recall@1", "recall@5", "recall@10", "pack"))
            print(f"{name:15} {row['requests']:6} " + " ".join(f"{cell:>6}" for cell in cells))
    print()


def _print_misses(results: list[dict]) -> None:
    for result in results:
        row = result["row"]
        right = {
            "trouble": result["topic"],
            "none": result["empty"],
        }.get(row["kind"], result["recall@5"])
        if not right:
            print(row["lang"], row["kind"], row["request"], row["expect"], result["found"][:3])


if __name__ == "__main__":
    sys.exit(main())
