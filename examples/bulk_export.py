"""Write every row of a list method to a CSV file, a page in memory at a time.

    export B24_WEBHOOK_URL='http://127.0.0.1:8024/rest/1/.../'
    python examples/bulk_export.py deals.csv
    python examples/bulk_export.py users.csv --method user.get --params '{"ACTIVE": true}'

``list_all`` reads concurrently within the portal's limit, keeps the order, and misses no row when
others are added or deleted meanwhile.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

from bitrix24_agent import Policy, SyncToolkit

DEALS = {"entityTypeId": 2, "select": ["id", "title", "stageId", "opportunity", "assignedById"]}


def main() -> None:
    """Export; nothing but reads is possible with this policy."""
    parser = argparse.ArgumentParser(description="Export a list method to CSV.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--method", default="crm.item.list")
    parser.add_argument("--params", type=json.loads, default=DEALS)
    args = parser.parse_args()
    with SyncToolkit.from_env(packs="all", policy=Policy(read_only=True)) as kit:
        rows = kit.list_all(args.method, args.params, on_progress=progress)
        first = next(rows, None)
        if first is None:
            raise SystemExit("no rows")
        with args.file.open("w", newline="", encoding="utf-8") as file:
            out = csv.DictWriter(file, list(first), extrasaction="ignore")
            out.writeheader()
            out.writerow({name: cell(value) for name, value in first.items()})
            out.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    print(f"\nwritten: {args.file}", file=sys.stderr)


def progress(done: int, total: int | None) -> None:
    """Tell how far it is; the total is unknown for some methods."""
    print(f"\r{done} of {total or '?'} rows", end="", file=sys.stderr, flush=True)


def cell(value: Any) -> Any:
    """Return a value as one cell; a text that a spreadsheet would run as a formula is quoted."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value


if __name__ == "__main__":
    main()
