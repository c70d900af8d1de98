"""Make a toolkit from a command's options and the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from bitrix24_agent.policy.rules import Policy
    from bitrix24_agent.runtime.sync import SyncToolkit


def options(parser: argparse.ArgumentParser, *, portal: bool = True) -> None:
    """Add the options that every command with a portal or a state database has."""
    if portal:
        parser.add_argument(
            "--url", help="webhook address; default $B24_WEBHOOK_URL (keep it out of your history)"
        )
        parser.add_argument(
            "--packs", help="enabled packs, comma-separated, or 'all'; default $B24_PACKS or core"
        )
    parser.add_argument("--state", help="state database; default $B24_STATE or one per user")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def toolkit(args: argparse.Namespace, policy: Policy | None = None) -> SyncToolkit:
    """Return the toolkit that *args* and the environment describe."""
    from bitrix24_agent.runtime.sync import SyncToolkit

    environ = dict(os.environ)
    if getattr(args, "url", None):
        environ["B24_WEBHOOK_URL"] = args.url
    if getattr(args, "packs", None):
        environ["B24_PACKS"] = args.packs
    if args.state:
        environ["B24_STATE"] = state_url(args.state)
    return SyncToolkit.from_env(environ, policy=policy)


def state_url(given: str) -> str:
    """Return a database address for *given*, which may be a plain file name."""
    return given if "://" in given else f"sqlite:///{given}"
