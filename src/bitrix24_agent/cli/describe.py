"""``bitrix24-agent describe``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.cli.output import Exit, print_json
from bitrix24_agent.reference.catalog import Catalog
from bitrix24_agent.tools import cards

if TYPE_CHECKING:
    import argparse

EXAMPLE = "bitrix24-agent describe crm.item.update"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("method", help="method name, in any case")
    parser.add_argument("--api", type=int, choices=(2, 3), help="API version, where both exist")
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema instead")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Print one method's page, card or schema."""
    method = Catalog.load().method(args.method, args.api)
    if args.schema:
        print_json(method.schema())
    elif args.json:
        detail = method.detail
        print_json(
            {
                "method": method.name,
                "version": method.version,
                "pack": method.pack,
                "risk": str(method.risk),
                "risk_reason": detail.risk_reason,
                "scopes": method.scopes,
                "summary": method.summary,
                "replaced_by": method.replaced_by,
                "docs_url": method.docs_url,
                "returns": detail.returns,
                "paging": detail.paging,
                "schema": method.schema(),
            }
        )
    else:
        print(cards.page(method).text.strip())
    return Exit.DONE
