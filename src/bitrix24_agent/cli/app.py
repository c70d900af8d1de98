"""The commands and their exit codes; a command's module is imported only when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from bitrix24_agent import __version__
from bitrix24_agent.cli.output import EXIT_CODES, Exit, fail
from bitrix24_agent.errors import B24Error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

COMMANDS = {
    "demo": "an agent does a real job on a local portal and stops before each write",
    "portal": "run the portal emulator on this machine",
    "packs": "list the packs, or show one pack's catalogue",
    "find": "find the method for a job, in any of seven languages",
    "describe": "show a method's parameters, risk and links",
    "call": "call a method; a write stops for approval",
    "plans": "list stored plans, or show one with its before and after",
    "approve": "approve or refuse a plan",
    "execute": "run an approved plan, once",
    "audit": "list, export or verify the audit log",
    "undo": "make a plan that takes an audited write back",
    "scopes": "the smallest set of scopes to grant",
    "references": "compile the references from the documentation, or check them",
    "docs": "index and search your own checkout of the documentation",
    "doctor": "check settings, references, state and portal",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(Exit.USAGE, f"bitrix24-agent: {message} (see {self.prog} --help)\n")


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Return the parser with every command listed and *command* complete."""
    parser = _Parser(
        prog="bitrix24-agent",
        description="Bitrix24 for agents: find methods, call them, and keep writes behind a yes.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"bitrix24-agent {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, text in COMMANDS.items():
        sub = subparsers.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == command:
            module = _module(name)
            sub.epilog = f"example:\n  {module.EXAMPLE}"
            module.arguments(sub)
    return parser


def _module(name: str) -> ModuleType:
    return import_module(f"bitrix24_agent.cli.{name}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = next((word for word in arguments if not word.startswith("-")), None)
    parser = build_parser(command if command in COMMANDS else None)
    try:
        args = parser.parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    if args.command is None:
        parser.print_help()
        return Exit.USAGE
    try:
        code = _module(args.command).run(args)
        sys.stdout.flush()
    except B24Error as error:
        return fail(error, as_json=getattr(args, "json", False))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) went away; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except Exception as error:  # noqa: BLE001 -- the outermost edge: one line, never a traceback
        return fail(error, as_json=getattr(args, "json", False))
    return int(code)
