"""``bitrix24-agent scopes``: the smallest set of scopes to grant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.cli.output import Exit, print_json, print_table
from bitrix24_agent.policy.rules import matching
from bitrix24_agent.policy.scopes import needed_scopes
from bitrix24_agent.reference.catalog import Catalog

if TYPE_CHECKING:
    import argparse

    from bitrix24_agent.model import Method

EXAMPLE = "bitrix24-agent scopes --packs core,comms --read-only"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--packs", help="enabled packs, comma-separated, or 'all' (default core)")
    parser.add_argument("--methods", help="only these methods or patterns, comma-separated")
    parser.add_argument("--read-only", action="store_true", help="only methods that read")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Print what a webhook or application must be given, and what will not work with it."""
    needed = needed_scopes(_chosen(args))
    if args.json:
        print_json(
            {
                "scopes": {scope: list(methods) for scope, methods in needed.scopes.items()},
                "application_only": list(needed.application_only),
                "administrator_only": list(needed.administrator_only),
            }
        )
        return Exit.DONE
    print_table(
        [(scope, len(methods), ", ".join(methods[:3])) for scope, methods in needed.scopes.items()],
        ("scope", "methods", "for example"),
    )
    for names, what in (
        (needed.application_only, "refuse a webhook; they need an application (OAuth)"),
        (needed.administrator_only, "need a user who is an administrator"),
    ):
        if names:
            print(
                f"\n{len(names)} methods {what}: {', '.join(names[:6])}"
                f"{', ...' if len(names) > 6 else ''}"
            )
    return Exit.DONE


def _chosen(args: argparse.Namespace) -> list[Method]:
    refs = Catalog.load()
    if args.methods:
        patterns = tuple(p.strip() for p in args.methods.split(",") if p.strip())
        for pattern in patterns:
            if "*" not in pattern:
                refs.method(pattern.partition("@")[0])
        found = [m for m in refs.methods() if matching(patterns, m.name, m.version)]
    else:
        packs = [p.strip() for p in (args.packs or "core").split(",")]
        names = list(refs.packs) if packs == ["all"] else packs
        found = [method for pack in names for method in refs.methods(pack)]
    return [m for m in found if not args.read_only or str(m.risk) == "read"]
