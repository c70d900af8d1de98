"""``bitrix24-agent plans``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bitrix24_agent.audit.redact import mask
from bitrix24_agent.cli.connect import options
from bitrix24_agent.cli.host import desk
from bitrix24_agent.cli.output import (
    Exit,
    diff_rows,
    line,
    own,
    print_call,
    print_diff,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    import argparse

    from bitrix24_agent.model import Plan

EXAMPLE = "bitrix24-agent plans --status pending"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("plan", nargs="?", help="show this plan whole")
    parser.add_argument(
        "--status",
        choices=("pending", "approved", "refused", "executing", "executed", "expired", "failed"),
        help="only plans of this status",
    )
    options(parser, portal=False)


def run(args: argparse.Namespace) -> int:
    """List plans, newest first, or show one."""
    with desk(args) as host:
        if args.plan:
            plan = host.plan(args.plan)
            if args.json:
                print_json(facts(plan))
            else:
                show(plan)
            return Exit.DONE
        plans = host.plans(args.status)
        if args.json:
            print_json([facts(plan) for plan in plans])
        elif not plans:
            print("no plans")
        else:
            print_table(
                [(p.id, p.status, str(p.risk), _age(p.created_at), own(p.summary)) for p in plans],
                ("plan", "status", "risk", "age", "what"),
            )
    return Exit.DONE


def show(plan: Plan) -> None:
    """Print one plan for a person who has to judge it."""
    print(f"{plan.id}  {plan.status}  {plan.risk}")
    print(f"  {line(own(plan.summary))}")
    if plan.caller.actor:
        print(f"  asked by {line(plan.caller.actor)}")
    if plan.decided_by:
        print(f"  decided by {line(plan.decided_by)}")
    left = plan.expires_at - time.time()
    if plan.status in ("pending", "approved"):
        print(f"  expires in {max(0, left):.0f} s" if left > 0 else "  expired")
    print("\nbefore -> after:" if plan.diff else "\nno before/after")
    print_diff(plan.diff)
    if plan.note:
        print(f"  ({line(mask(plan.note))})")
    # Last, so that it stands right before the question.
    print("\nexact call:")
    print_call(plan.call)


def facts(plan: Plan) -> dict[str, Any]:
    """Return one plan as JSON-ready facts."""
    return {
        "plan_id": plan.id,
        "status": plan.status,
        "risk": str(plan.risk),
        "summary": own(plan.summary),
        "call": own(plan.call.plain()),
        "diff": diff_rows(plan.diff),
        "note": mask(plan.note),
        "digest": plan.digest,
        "created_at": plan.created_at,
        "expires_at": plan.expires_at,
        "decided_by": plan.decided_by,
        "actor": plan.caller.actor,
    }


def _age(created_at: float) -> str:
    seconds = max(0, time.time() - created_at)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
