"""``bitrix24-agent audit``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bitrix24_agent.cli.connect import options
from bitrix24_agent.cli.host import desk
from bitrix24_agent.cli.output import Exit, json_line, print_json, print_table

if TYPE_CHECKING:
    import argparse

    from bitrix24_agent.audit.record import Entry
    from bitrix24_agent.audit.sinks import Report

EXAMPLE = "bitrix24-agent audit --risk destructive --limit 20"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--method", help="only this method, like crm.deal.update@2")
    parser.add_argument("--risk", choices=("read", "write", "destructive"), help="only this risk")
    parser.add_argument("--limit", type=int, default=50, help="newest rows to show (default 50)")
    parser.add_argument("--jsonl", action="store_true", help="export as JSON lines")
    parser.add_argument("--verify", action="store_true", help="check that no row was changed")
    options(parser, portal=False)


def run(args: argparse.Namespace) -> int:
    """List, export or verify the audit log."""
    with desk(args) as host:
        if args.verify:
            return _verify(host.verify_audit(), as_json=args.json)
        entries = host.audit(method=args.method, risk=args.risk, limit=args.limit)
        rows = [entry.plain() for entry in entries]
        if args.jsonl:
            for row in rows:
                print(json_line(row))
        elif args.json:
            print_json(rows)
        elif not rows:
            print("no audited call fits")
        else:
            print_table(
                [_cells(entry) for entry in entries],
                ("row", "when (UTC)", "outcome", "risk", "who", "plan", "method"),
            )
    return Exit.DONE


def _verify(report: Report, *, as_json: bool) -> int:
    if as_json:
        print_json({"ok": report.ok, "rows": report.rows, "problem": report.problem})
    else:
        print(f"{report.rows} rows, chain intact" if report.ok else f"BROKEN: {report.problem}")
    return Exit.DONE if report.ok else Exit.STATE


def _cells(entry: Entry) -> tuple[object, ...]:
    when = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    outcome = entry.outcome or ("stopped" if entry.kind == "refusal" else "open")
    who = entry.actor or ""
    return (entry.id, when, outcome, entry.risk or "", who, entry.plan_id or "", entry.method or "")
