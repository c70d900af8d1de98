"""``bitrix24-agent undo``: make a plan of the call that takes a write back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.cli.connect import options, toolkit
from bitrix24_agent.cli.output import Exit, print_json
from bitrix24_agent.cli.plans import facts, show

if TYPE_CHECKING:
    import argparse

EXAMPLE = "bitrix24-agent undo 12"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("row", type=int, help="number of the write in the audit log")
    options(parser)


def run(args: argparse.Namespace) -> int:
    """Make the plan; like every write it waits for approval."""
    with toolkit(args) as kit:
        plan = kit.undo(args.row)
        if args.json:
            print_json(facts(plan))
        else:
            show(plan)
            print(f"\n  bitrix24-agent approve {plan.id}\n  bitrix24-agent execute {plan.id}")
    return Exit.CONFIRM
