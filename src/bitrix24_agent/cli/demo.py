"""``bitrix24-agent demo``: an agent does a real job on a portal and stops before each write."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import textwrap
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitrix24_agent import tokens
from bitrix24_agent.cli.output import Exit
from bitrix24_agent.errors import SettingsError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from bitrix24_agent.runtime.sync import SyncToolkit

EXAMPLE = "bitrix24-agent demo --yes"

# The core imports no framework: the adapters are looked up by name, and only here.
FRAMEWORKS = {
    "langchain": ("LangChain", "langchain_bitrix24.demo"),
    "llama-index": ("LlamaIndex", "llama_index.tools.bitrix24.demo"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--yes", action="store_true", help="approve by itself, and say so")
    parser.add_argument(
        "--model", help="use a real chat model, provider:name, instead of the scripted one"
    )
    parser.add_argument(
        "--framework", choices=sorted(FRAMEWORKS), help="only this framework (default: both)"
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="with $B24_WEBHOOK_URL, allow writes on that portal (still asks before each)",
    )
    parser.add_argument("--json", action="store_true", help="print errors as JSON")


@dataclass(slots=True)
class Screen:
    """Prints a transcript a person can follow, and counts what the model reads."""

    width: int
    colour: bool
    spent: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def say(self, kind: str, text: str) -> None:
        """Print one step: user, think, tool_call, tool_result, ask, approved, refused, answer."""
        if kind in ("tool_call", "tool_result", "user", "answer"):
            self.spent += tokens.count(text)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        label, style = _LABELS.get(kind, (kind, ""))
        shown = text if kind != "tool_result" else _cut(text, 700)
        body: list[str] = []
        for line in shown.strip().split("\n"):
            body += textwrap.wrap(line, self.width - 12) or [""]
        for number, line in enumerate(body):
            head = f"{label:>10}" if number == 0 else " " * 10
            print(f"{self._paint(head, style)}  {line}")

    def title(self, text: str) -> None:
        """Print a heading."""
        print(
            f"\n{self._paint('━━ ' + text + ' ', '1')}{'━' * max(0, self.width - len(text) - 4)}\n"
        )

    def _paint(self, text: str, style: str) -> str:
        return f"\033[{style}m{text}\033[0m" if self.colour and style else text


_LABELS = {
    "user": ("user", "1;36"),
    "think": ("agent", "2"),
    "tool_call": ("calls", "34"),
    "tool_result": ("gets", "2"),
    "ask": ("STOP", "1;33"),
    "approved": ("approved", "1;32"),
    "refused": ("refused", "1;31"),
    "answer": ("answer", "1;36"),
    "note": ("note", "2"),
    "audit": ("audit", "35"),
}


def run(args: argparse.Namespace) -> int:
    """Let an agent do the job through each framework."""
    screen = Screen(
        width=max(60, min(110, shutil.get_terminal_size((100, 24)).columns)),
        colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ,
    )
    names = [args.framework] if args.framework else list(FRAMEWORKS)
    own = bool(os.environ.get("B24_WEBHOOK_URL"))
    approve = _approver(screen, by_itself=args.yes, own_portal=own)
    with ExitStack() as stack:
        url, requests = _portal(screen, stack)
        state = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "demo.db"
        for name in names:
            title, module = FRAMEWORKS[name]
            screen.title(title)
            _job(
                screen,
                _demo_of(name, module),
                url,
                f"sqlite:///{state}",
                args,
                approve,
                requests,
            )
    return Exit.DONE


def _job(
    screen: Screen,
    run_demo: Callable[..., Any],
    url: str,
    state: str,
    args: argparse.Namespace,
    approve: Callable[[Any], bool],
    requests: Callable[[], int],
) -> None:
    from bitrix24_agent import Limits, Policy, SyncToolkit

    own = bool(os.environ.get("B24_WEBHOOK_URL"))
    policy = Policy(read_only=own and not args.write)
    before, spent = requests(), screen.spent
    with SyncToolkit.from_webhook(
        url,
        packs=["core", "comms"],
        policy=policy,
        state=state,
        limits=Limits() if own else None,
    ) as kit:
        newest = kit.audit(limit=1)
        seen = newest[0].id if newest else 0
        run_demo(kit, model=args.model, approve=approve, say=screen.say)
        _audit(screen, kit, seen)
        sent = requests() - before
        cost = kit.cost()
        print()
        screen.say(
            "note",
            f"{sent} requests to the portal; the tools cost {cost} tokens a turn, calls and "
            f"answers {screen.spent - spent} tokens in all (registering every method of the "
            f"enabled packs: about {kit.cost('all'):,} tokens a turn)",
        )


def _audit(screen: Screen, kit: SyncToolkit, seen: int) -> None:
    print()
    for entry in reversed(kit.audit(limit=50)):
        if entry.id <= seen:
            continue
        by = entry.data.get("approved_by")
        outcome = entry.outcome or ("stopped" if entry.kind == "refusal" else "open")
        screen.say(
            "audit",
            f"row {entry.id}: {entry.method} {entry.risk} {outcome}"
            + (f", plan {entry.plan_id}" if entry.plan_id else "")
            + (f" approved by {by}" if by else ""),
        )
    report = kit.verify_audit()
    screen.say("audit", f"{report.rows} rows, chain {'intact' if report.ok else 'BROKEN'}")


def _portal(screen: Screen, stack: ExitStack) -> tuple[str, Callable[[], int]]:
    """Return the portal's address and a counter of the requests it received."""
    own = os.environ.get("B24_WEBHOOK_URL")
    if own:
        screen.say("note", "using the portal of $B24_WEBHOOK_URL; requests are not counted there")
        return own, lambda: 0
    problem = ""
    try:
        from bitrix24_agent.testing import running_portal
    except ImportError as error:
        problem = str(error)
    if problem:
        raise SettingsError(f"the demo needs the emulator: {problem}")
    portal = stack.enter_context(running_portal())
    screen.say("note", f"a made-up company's portal runs on {portal.base_url} (this machine only)")
    return portal.url, lambda: len(portal.requests)


def _approver(screen: Screen, *, by_itself: bool, own_portal: bool) -> Callable[[Any], bool]:
    """Return what asks a person; on the emulator it may say yes by itself, and says so."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    asking = terminal and (own_portal or not by_itself)

    def approve(_stop: Any) -> bool:
        if not asking and own_portal:
            screen.say("note", "refused: this is your own portal and there is no terminal to ask")
            return False
        if not asking:
            why = "--yes was given" if by_itself else "there is no terminal to ask"
            screen.say("note", f"approving by itself, because {why}")
            return True
        while True:
            said = input("            approve? [y/n] ").strip().lower()
            if said in ("y", "yes", "n", "no"):
                return said.startswith("y")

    return approve


def _demo_of(name: str, module: str) -> Callable[..., Any]:
    problem = ""
    try:
        found: Callable[..., Any] = import_module(module).run_demo
    except ImportError as error:
        problem = str(error)
    else:
        return found
    raise SettingsError(f"the demo needs 'bitrix24-agent[{name},emulator]' ({problem})")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"
