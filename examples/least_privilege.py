"""Give an agent no more than its job needs: methods, risk and scopes.

    python examples/least_privilege.py                             # what to grant
    B24_WEBHOOK_URL=... python examples/least_privilege.py         # and what this webhook has

The policy is the fence here, the webhook's scopes are the fence at the portal; make both small.
The same from the command line: ``bitrix24-agent scopes --methods ...`` and ``doctor``.
"""

from __future__ import annotations

import os

from bitrix24_agent import NotAllowedError, Policy, References, Risk, SyncToolkit
from bitrix24_agent.policy.scopes import needed_scopes

# An agent that reads deals and tasks, and may write comments in the timeline after a yes.
METHODS = (
    "crm.item.list",
    "crm.item.get",
    "crm.timeline.comment.add",
    "tasks.task.list",
    "user.get",
)
POLICY = Policy(allow=METHODS, per_risk={Risk.DESTRUCTIVE: "deny"})


def main() -> None:
    """Print the scopes to grant; with a portal, compare and show what is refused."""
    refs = References.load()
    needed = needed_scopes([refs.method(name) for name in METHODS])
    for scope, methods in needed.scopes.items():
        print(f"grant {scope}: {', '.join(methods)}")
    for name in needed.administrator_only:
        print(f"{name} needs an administrator")
    if not os.environ.get("B24_WEBHOOK_URL"):
        return
    with SyncToolkit.from_env(policy=Policy(allow=("scope",))) as kit:
        missing, unused = needed.compare(kit.call("scope").result)
    print(f"missing: {', '.join(missing) or 'nothing'}")
    print(f"granted and not needed: {', '.join(unused) or 'nothing'}")
    with SyncToolkit.from_env(policy=POLICY) as kit:
        for name, params in (
            ("crm.deal.delete", {"id": 1}),
            ("im.message.add", {"DIALOG_ID": "1", "MESSAGE": "Hello"}),
        ):
            try:
                kit.call(name, params)
            except NotAllowedError as error:
                print(f"refused before anything was sent: {error.message}")


if __name__ == "__main__":
    main()
