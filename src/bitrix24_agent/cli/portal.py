"""``bitrix24-agent portal``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.cli.output import Exit
from bitrix24_agent.errors import SettingsError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

EXAMPLE = "bitrix24-agent portal --port 8024"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--port", type=int, default=8024, help="port on 127.0.0.1 (default 8024)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the made-up company")
    parser.add_argument("--deals", type=int, default=120, help="number of deals (default 120)")
    parser.add_argument(
        "--limits", action="store_true", help="refuse like the cloud does: 50 requests, 2 a second"
    )


def run(args: argparse.Namespace) -> int:
    """Serve the emulator until it is interrupted."""
    problem = ""
    try:
        from bitrix24_agent.emulator.portal import serve
    except ImportError as error:
        problem = str(error)
    if problem:
        raise SettingsError(
            f"the emulator needs its extra: pip install 'bitrix24-agent[emulator]' ({problem})"
        )
    problem = ""
    try:
        _serve(serve, args)
    except (OSError, OverflowError) as error:
        problem = getattr(error, "strerror", None) or str(error)
    if problem:
        raise SettingsError(f"port {args.port} cannot be used ({problem}); choose another --port")
    return Exit.DONE


def _serve(serve: Callable[..., None], args: argparse.Namespace) -> None:
    serve(
        host="127.0.0.1",
        port=args.port,
        seed=args.seed,
        deals=args.deals,
        limits=True if args.limits else None,
        on_ready=_ready,
    )


def _ready(url: str) -> None:
    print(f"a made-up company's portal, on this machine only (Ctrl+C ends it):\n\n  {url}\n")
    print(f"  export B24_WEBHOOK_URL='{url}'", flush=True)
