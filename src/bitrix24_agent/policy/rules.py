"""What the developer allows. Nothing here can be set by an argument of a call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from bitrix24_agent.errors import SettingsError
from bitrix24_agent.model import Decision, Risk

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_agent.model import Plan
    from bitrix24_agent.ports import Approver

Action = Literal["allow", "confirm", "deny"]

PLAN_TTL_S = 900.0
_PATTERN = re.compile(r"!?[A-Za-z0-9_.*-]+(?:@[23])?")
_DEFAULT: Mapping[Risk, Action] = {
    Risk.READ: "allow",
    Risk.WRITE: "confirm",
    Risk.DESTRUCTIVE: "confirm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The developer's rules; every rule narrows, and ``deny`` beats everything.

    Patterns name methods of the catalogue: ``crm.deal.*``, ``*.list``, ``tasks.task.add@3`` (one
    version). Case does not matter. A pattern is compared with the canonical name only, never with
    what a caller wrote.

    Attributes:
        read_only: Nothing but reads, whatever else is allowed.
        packs: The packs whose methods may be called; None leaves the choice to the toolkit.
        allow: When given, only methods that fit one of these. A method named in full is allowed
        outside the packs.
        deny: Methods that are never called.
        approver: Says yes or no to a plan at once; without one a plan waits for a human.
        auto_approve: Methods that need no yes. It does not cover a call whose arguments make it
            worse than its method, and a destructive method only when it is named in full.
        callback_hosts: Hosts the portal may be told to call: ``app.example.com``,
            ``*.example.com``, or ``*`` for any public host. Loopback and private addresses must be
            named one by one.
        allow_unlisted: Pass on methods the catalogue does not know, as destructive ones.
        per_risk: What happens to a call of each risk: ``allow``, ``confirm`` or ``deny``.
        plan_ttl_s: How long a plan waits for its yes, in seconds.
    """

    read_only: bool = False
    packs: tuple[str, ...] | None = None
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    approver: Approver | None = None
    auto_approve: tuple[str, ...] = ()
    callback_hosts: tuple[str, ...] = ()
    allow_unlisted: bool = False
    per_risk: Mapping[Risk, Action] = field(default_factory=lambda: dict(_DEFAULT))
    plan_ttl_s: float = PLAN_TTL_S

    def __post_init__(self) -> None:
        for name in ("allow", "deny", "auto_approve", "callback_hosts", "packs"):
            given = getattr(self, name)
            if given is None and name == "packs":
                continue
            if isinstance(given, str):  # one pattern, or the packs "all" and "core"
                given = (given,)
            try:
                given = tuple(given)
            except TypeError:
                given = (None,)
            if not all(isinstance(item, str) and item.strip() for item in given):
                raise SettingsError(f"Policy({name}=...) takes a list of texts")
            object.__setattr__(self, name, given)
        for name in ("allow", "deny", "auto_approve"):
            for pattern in getattr(self, name):
                if not _PATTERN.fullmatch(pattern) or pattern.startswith("!"):
                    raise SettingsError(
                        f"Policy({name}=...): {pattern!r} is no pattern; "
                        "write crm.deal.*, *.list or a full name"
                    )
        for name in ("read_only", "allow_unlisted"):
            if not isinstance(getattr(self, name), bool):
                raise SettingsError(f"Policy({name}=...) takes True or False")
        if self.approver is not None and not callable(self.approver):
            raise SettingsError("Policy(approver=...) takes a function of one plan")
        if not self.plan_ttl_s > 0:
            raise SettingsError("Policy(plan_ttl_s=...) takes seconds above zero")
        object.__setattr__(self, "per_risk", _actions(self.per_risk))

    def action_for(self, risk: Risk) -> Action:
        """Return what happens to a call of this risk."""
        return self.per_risk[risk]


def _actions(given: Mapping[Risk, Action]) -> Mapping[Risk, Action]:
    known = dict(_DEFAULT)
    for risk, action in given.items():
        known_risk: object = risk
        if not isinstance(known_risk, Risk) or action not in ("allow", "confirm", "deny"):
            raise SettingsError(
                "Policy(per_risk=...) maps a Risk to 'allow', 'confirm' or 'deny', "
                f"not {risk!r} to {action!r}"
            )
        known[risk] = action
    return known


def approve_up_to(risk: Risk) -> Callable[[Plan], Decision]:
    """Return an approver for trusted automation: yes to plans up to *risk*, no to worse ones."""
    limit = Risk(risk)

    def approver(plan: Plan) -> Decision:
        if plan.risk <= limit:
            return Decision(approved=True, by=f"approve_up_to({limit})")
        return Decision(
            approved=False,
            by=f"approve_up_to({limit})",
            reason=f"the call is {plan.risk}; only calls up to {limit} are approved here",
        )

    return approver


def matching(patterns: tuple[str, ...], name: str, version: int) -> str | None:
    """Return the first of *patterns* that fits the canonical method *name*, or None."""
    for pattern in patterns:
        if _compiled(pattern)(name.lower(), version):
            return pattern
    return None


def is_full_name(pattern: str) -> bool:
    """Whether a pattern names one method rather than a group."""
    return "*" not in pattern


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Callable[[str, int], bool]:
    text, _, only = pattern.lower().partition("@")
    pieces = ".*".join(re.escape(piece) for piece in re.split(r"\*+", text))
    fits = re.compile(pieces).fullmatch
    wanted = int(only) if only else None
    return lambda name, version: wanted in (None, version) and fits(name) is not None
