"""``bitrix24-agent docs index|search``: your own checkout of the documentation, searchable."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bitrix24_agent.audit.untrusted import neutralise
from bitrix24_agent.cli.output import Exit, print_json
from bitrix24_agent.retrieval.docs.index import default_index
from bitrix24_agent.retrieval.docs.search import DocsIndex
from bitrix24_agent.retrieval.references import References

if TYPE_CHECKING:
    import argparse

EXAMPLE = "bitrix24-agent docs index ../b24restdocs && bitrix24-agent docs search 'batch limit'"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    indexing = actions.add_parser("index", help="build or refresh the index of a checkout")
    indexing.add_argument("folder", type=Path, help="checkout of the documentation")
    indexing.add_argument("--language", choices=("en", "ru"), help="edition (told from the pages)")
    searching = actions.add_parser("search", help="search the index")
    searching.add_argument("query", nargs="+", help="what to look for")
    searching.add_argument("--limit", type=int, default=5, help="passages to show (default 5)")
    searching.add_argument("--language", choices=("en", "ru"), help="only this edition")
    searching.add_argument("--pack", help="only pages about methods of this pack")
    for action in (indexing, searching):
        action.add_argument("--index", type=Path, help="index file (default: one per user)")
        action.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Build the index, or search it."""
    path = args.index or default_index()
    return _index(args, path) if args.action == "index" else _search(args, path)


def _index(args: argparse.Namespace, path: Path) -> int:
    shown = sys.stderr.isatty() and not args.json

    def progress(done: int, total: int) -> None:
        if shown:
            print(f"\r{done} of {total} pages", end="", file=sys.stderr, flush=True)

    built = DocsIndex.build(
        args.folder,
        path,
        language=args.language,
        methods={m.page: (m.name, m.pack) for m in References.load().methods()},
        progress=progress,
    )
    if shown:
        print("\r\033[K", end="", file=sys.stderr)
    if args.json:
        print_json({**asdict(built), "index": str(path)})
    else:
        print(
            f"{built.pages} pages ({built.language}): {built.added} new, {built.changed} changed, "
            f"{built.removed} gone; {built.passages} passages in {path}"
        )
    return Exit.DONE


def _search(args: argparse.Namespace, path: Path) -> int:
    query = " ".join(args.query)
    # The references understand seven languages; their methods carry the question over.
    prefer = [hit.method.name for hit in References.load().find(query, limit=3).hits]
    with DocsIndex.open(path) as index:
        found = index.search(
            query, max(1, args.limit), language=args.language, pack=args.pack, prefer=prefer
        )
    if args.json:
        print_json([asdict(passage) for passage in found])
    elif not found:
        print("nothing fits")
    else:
        for passage in found:
            method = f" [{passage.method}]" if passage.method else ""
            print(f"{neutralise(passage.title)} › {neutralise(passage.heading)}{method}")
            print(f"{passage.address}\n")
            print("\n".join(f"    {line}" for line in neutralise(passage.text).split("\n")[:12]))
            print()
    return Exit.DONE if found else Exit.FAILED
