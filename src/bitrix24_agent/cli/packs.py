"""``bitrix24-agent packs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.cli.output import Exit, print_json, print_table
from bitrix24_agent.reference.catalog import Catalog

if TYPE_CHECKING:
    import argparse

EXAMPLE = "bitrix24-agent packs core"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("pack", nargs="?", help="show this pack's catalogue")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """List the packs, or show one catalogue."""
    refs = Catalog.load()
    if args.pack:
        catalog = refs.catalog(args.pack)
        if args.json:
            print_json(
                [
                    {"method": s.method, "version": s.version, "risk": str(s.risk), "why": s.why}
                    for s in catalog.shortlist
                ]
            )
        else:
            print(catalog.text.strip())
        return Exit.DONE
    rows = [(p.name, p.count, p.title, p.purpose) for p in refs.packs.values()]
    if args.json:
        print_json([dict(zip(("pack", "methods", "title", "for"), r, strict=True)) for r in rows])
    else:
        print_table(
            [(name, count, title) for name, count, title, _ in rows], ("pack", "methods", "for")
        )
    return Exit.DONE
