"""``bitrix24-agent execute``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.cli.connect import options, toolkit
from bitrix24_agent.cli.output import Exit, print_json

if TYPE_CHECKING:
    import argparse

EXAMPLE = "bitrix24-agent execute 4f2a91c07d"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("plan", help="id of an approved plan")
    options(parser)


def run(args: argparse.Namespace) -> int:
    """Send the plan's call, unchanged and once."""
    with toolkit(args) as kit:
        answer = kit.execute(args.plan)
        print_json(kit.mask({"plan_id": args.plan, "result": answer.result}))
    return Exit.DONE
