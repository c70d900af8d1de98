"""``bitrix24-agent approve``: a person says yes or no to one plan."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

from bitrix24_agent.cli.connect import options
from bitrix24_agent.cli.host import Host, desk
from bitrix24_agent.cli.output import Exit, print_json
from bitrix24_agent.cli.plans import facts, show
from bitrix24_agent.errors import NotAllowedError, PlanError, SettingsError
from bitrix24_agent.settings import Settings

if TYPE_CHECKING:
    import argparse

EXAMPLE = "bitrix24-agent approve 4f2a91c07d"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("plan", nargs="?", help="id of a pending plan")
    parser.add_argument("--refuse", action="store_true", help="say no instead")
    parser.add_argument("--reason", default="", help="why, for the record")
    parser.add_argument("--by", help="who decides (default: your user name)")
    parser.add_argument(
        "--register-key",
        action="store_true",
        help="at a terminal, once: set the key that approves without a terminal",
    )
    options(parser, portal=False)


def run(args: argparse.Namespace) -> int:
    """Show the plan and ask at the terminal; without one, check the approver key."""
    with desk(args) as host:
        if args.register_key:
            return _register(host)
        if not args.plan:
            raise SettingsError("name the plan to approve; `bitrix24-agent plans` lists them")
        plan = host.plan(args.plan)
        if plan.status != "pending":
            raise PlanError(f"plan {plan.id} is {plan.status}; only a pending plan is decided")
        approved = not args.refuse
        if _at_terminal():
            show(plan)
            verb = "approve" if approved else "refuse"
            said = input(f"\n{verb} exactly this call? [y/N] ").strip().lower()
            if said not in ("y", "yes"):
                print(f"still pending; to refuse it: bitrix24-agent approve --refuse {plan.id}")
                return Exit.STOPPED
        elif approved:
            _check_key(host)
        decided = host.decide(
            plan.id, approved=approved, by=args.by or getpass.getuser(), reason=args.reason
        )
        if args.json:
            print_json(facts(decided))
        else:
            print(f"plan {decided.id} is {decided.status}")
            if approved:
                print(f"run it with: bitrix24-agent execute {decided.id}")
    return Exit.DONE


def _check_key(host: Host) -> None:
    """Let only the holder of the approver key through."""
    key = Settings.from_env().approver_key
    if key is None:
        raise NotAllowedError(
            "approving needs a terminal, or the approver key in $B24_APPROVER_KEY",
            rule="approver key",
        )
    host.check_key(key.get_secret_value())


def _register(host: Host) -> int:
    if not _at_terminal():
        raise NotAllowedError("the approver key is set at a terminal", rule="approver key")
    first = getpass.getpass("new approver key (at least 16 characters): ")
    if first != getpass.getpass("the same again: "):
        raise SettingsError("the two keys differ; nothing was changed")
    host.register_key(first)
    print("approver key registered; keep it out of the agent's environment")
    return Exit.DONE


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
