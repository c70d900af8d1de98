"""``bitrix24-agent doctor``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bitrix24_agent.audit.redact import mask
from bitrix24_agent.cli.connect import options, toolkit
from bitrix24_agent.cli.output import Exit, print_json
from bitrix24_agent.errors import B24Error, SettingsError
from bitrix24_agent.policy.rules import Policy
from bitrix24_agent.policy.scopes import needed_scopes
from bitrix24_agent.reference.catalog import Catalog
from bitrix24_agent.settings import Settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from bitrix24_agent.runtime.sync import SyncToolkit

EXAMPLE = "bitrix24-agent doctor"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    options(parser)


def run(args: argparse.Namespace) -> int:
    """Check each part by itself and say what to do about what is wrong."""
    checks: list[dict[str, object]] = []

    def check(name: str, work: Callable[[], str]) -> bool:
        try:
            text, good = work(), True
        except B24Error as error:
            text, good = str(mask(str(error))), False
        checks.append({"check": name, "ok": good, "detail": text})
        return good

    check("references", _references)
    if check("settings", lambda: _settings(args)):
        packs = Settings.from_env(os.environ).packs if not args.packs else _split(args.packs)
        args.packs = "all"  # the checks themselves are methods of the diagnostics pack
        with toolkit(args, Policy(read_only=True)) as kit:
            check("state", lambda: f"{len(kit.plans())} plans, {len(kit.audit())} audit rows")
            check("portal", lambda: _portal(kit))
            check("rights", lambda: _rights(kit, packs))
    if args.json:
        print_json(checks)
    else:
        for row in checks:
            print(f"{'ok ' if row['ok'] else 'BAD'}  {row['check']}: {row['detail']}")
    return Exit.DONE if all(row["ok"] for row in checks) else Exit.FAILED


def _split(packs: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in packs.split(",") if part.strip())


def _references() -> str:
    catalog = Catalog.load()
    return f"{len(catalog.methods())} methods from {catalog.index.source}"


def _settings(args: argparse.Namespace) -> str:
    settings = Settings.from_env(os.environ)
    if settings.webhook_url is None and settings.access_token is None and not args.url:
        raise SettingsError("no portal is set; set B24_WEBHOOK_URL or give --url")
    return f"{settings.mode}, packs {', '.join(settings.packs)}"


def _portal(kit: SyncToolkit) -> str:
    answer = kit.call("server.time")
    return f"answers; its time is {answer.result}"


def _rights(kit: SyncToolkit, packs: tuple[str, ...]) -> str:
    """Compare what was granted with what the enabled packs need."""
    granted = [str(scope) for scope in kit.call("scope").result]
    refs = kit.references
    chosen = list(refs.packs) if packs == ("all",) else packs
    needed = needed_scopes(m for pack in chosen for m in refs.methods(pack))
    missing, unused = needed.compare(granted)
    parts = []
    if missing:
        parts.append(
            "missing scopes "
            + ", ".join(f"{scope} ({count} methods)" for scope, count in missing.items())
        )
    parts.append(
        f"granted but not needed by {', '.join(chosen)}: {', '.join(unused)}"
        if unused
        else "nothing granted in excess"
    )
    if needed.application_only:
        parts.append(f"{len(needed.application_only)} methods refuse a webhook")
    admin = kit.call("user.admin").result is True
    parts.append("the user is an administrator" if admin else "the user is no administrator")
    return "; ".join(parts)
