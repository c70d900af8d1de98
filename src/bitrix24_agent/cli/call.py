"""``bitrix24-agent call``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from bitrix24_agent.cli.connect import options, toolkit
from bitrix24_agent.cli.output import Exit, json_line, line, print_json
from bitrix24_agent.errors import ArgumentsError

if TYPE_CHECKING:
    import argparse

    from bitrix24_agent.runtime.sync import SyncToolkit

EXAMPLE = """bitrix24-agent call crm.deal.list --params '{"select":["ID","TITLE"]}'"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("method", help="method name, in any case")
    parser.add_argument(
        "--params", default="{}", help="parameters as a JSON object; '-' reads standard input"
    )
    parser.add_argument("--api", type=int, choices=(2, 3), help="API version, where both exist")
    parser.add_argument("--all", action="store_true", help="read every page of a list")
    parser.add_argument("--max-rows", type=int, help="read pages until there are so many rows")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds to wait (default 30)")
    options(parser)


def run(args: argparse.Namespace) -> int:
    """Call one method and print what came back."""
    params = read_params(args.params)
    if (args.max_rows is not None and args.max_rows < 1) or args.timeout <= 0:
        raise ArgumentsError("--max-rows and --timeout take numbers above zero")
    with toolkit(args) as kit:
        if args.all or args.max_rows is not None:
            return _all(kit, args, params)
        answer = kit.call(args.method, params, version=args.api, timeout_s=args.timeout)
        if args.json:
            print_json(kit.mask(dict(answer.raw) or {"result": answer.result}))
            return Exit.DONE
        shown = answer.rows or answer.result
        print_json(kit.mask(shown))
        if answer.total is not None and answer.rows:
            rest = f"; next page: start={answer.next}" if answer.next is not None else ""
            print(f"{len(answer.rows)} of {answer.total} rows{rest}", file=sys.stderr)
        if answer.note:
            print(line(answer.note), file=sys.stderr)
    return Exit.DONE


def _all(kit: SyncToolkit, args: argparse.Namespace, params: dict[str, Any]) -> int:
    """Print every row as one JSON line."""
    count = 0
    for row in kit.list_all(args.method, params, version=args.api, max_rows=args.max_rows):
        print(json_line(kit.mask(row)))
        count += 1
    print(f"{count} rows", file=sys.stderr)
    return Exit.DONE


def read_params(given: str) -> dict[str, Any]:
    """Return the parameters given as JSON text or on standard input.

    Raises:
        ArgumentsError: It is no JSON object; says where reading stopped.
    """
    text = sys.stdin.read() if given == "-" else given
    problem = ""
    try:
        params = json.loads(text or "{}")
    except ValueError as error:
        problem = str(error)
    if problem:
        raise ArgumentsError(f"--params is no JSON: {problem}")
    if not isinstance(params, dict):
        raise ArgumentsError('--params should be a JSON object like {"id": 1}')
    return params
