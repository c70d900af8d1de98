"""``bitrix24-agent find``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.cli.output import Exit, print_json
from bitrix24_agent.retrieval.references import References
from bitrix24_agent.tools import cards

if TYPE_CHECKING:
    import argparse

EXAMPLE = 'bitrix24-agent find "move a deal to won"'


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("request", nargs="+", help="what should be done, in your own words")
    parser.add_argument("--limit", type=int, default=5, help="methods to show (default 5)")
    parser.add_argument("--packs", help="only these packs, comma-separated")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Print the methods that fit; exit 1 when nothing does."""
    refs = References.load()
    packs = [p.strip() for p in args.packs.split(",")] if args.packs else None
    finding = refs.find(" ".join(args.request), limit=max(1, args.limit), packs=packs)
    if args.json:
        print_json(
            {
                "packs": list(finding.packs),
                "topic": finding.topic,
                "hits": [
                    {
                        "method": hit.method.name,
                        "version": hit.method.version,
                        "score": round(hit.score, 3),
                        "pack": hit.method.pack,
                        "risk": str(hit.method.risk),
                        "summary": hit.method.summary,
                    }
                    for hit in finding.hits
                ],
            }
        )
    else:
        print(cards.answer(finding).text.strip())
    return Exit.FAILED if finding.empty else Exit.DONE
