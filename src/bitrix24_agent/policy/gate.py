"""May this call go? One function, one answer, and the rule that decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.model import Risk, Verdict
from bitrix24_agent.policy.credentials import find_credential
from bitrix24_agent.policy.hosts import refused_callback, refused_fetch
from bitrix24_agent.policy.risk import assess
from bitrix24_agent.policy.rules import Policy, is_full_name, matching

if TYPE_CHECKING:
    from bitrix24_agent.model import Call, Method
    from bitrix24_agent.policy.port import Catalog

_ORDER = {"allow": 0, "confirm": 1, "deny": 2}


def judge(call: Call, *, policy: Policy, catalog: Catalog, packs: frozenset[str]) -> Verdict:
    """Return whether *call* may go, needs a human's yes, or is denied, and by which rule.

    A batch is judged like its worst command, and every command passes every rule. A denial beats
    everything; after that the first rule that fits decides.
    """
    if not call.is_batch:
        return _judge_one(call, policy=policy, catalog=catalog, packs=packs)
    if not call.commands:
        return Verdict(
            action="deny",
            risk=Risk.DESTRUCTIVE,
            rule="batch",
            reason="the batch holds no readable command",
        )
    pattern = matching(policy.deny, "batch", call.version)
    if pattern is not None:
        return Verdict(
            action="deny",
            risk=assess(call, catalog)[0],
            rule=f"deny:{pattern}",
            reason=f"batch is denied by {pattern}",
        )
    verdicts = {
        key: judge(inner, policy=policy, catalog=catalog, packs=packs)
        for key, inner in call.commands.items()
    }
    key, worst = max(verdicts.items(), key=lambda item: (_ORDER[item[1].action], item[1].risk))
    return Verdict(
        action=worst.action,
        risk=max(v.risk for v in verdicts.values()),
        rule=worst.rule,
        reason=f"{key}: {worst.reason}",
    )


def _judge_one(call: Call, *, policy: Policy, catalog: Catalog, packs: frozenset[str]) -> Verdict:
    method = catalog.lookup(call.method, call.version)
    risk, why = assess(call, catalog)
    denial = _denied(call, method, risk, policy=policy, packs=packs)
    if denial is not None:
        rule, reason = denial
        return Verdict(action="deny", risk=risk, rule=rule, reason=reason)
    action = policy.action_for(risk)
    rule = f"per_risk:{risk}"
    if action == "deny":
        return Verdict(
            action="deny", risk=risk, rule=rule, reason=f"{risk} calls are not allowed here; {why}"
        )
    if action == "confirm":
        pattern = _auto_approved(call, method, risk, policy)
        if pattern is not None:
            return Verdict(
                action="allow",
                risk=risk,
                rule=f"auto_approve:{pattern}",
                reason=f"{pattern} needs no yes here; {why}",
            )
    return Verdict(action=action, risk=risk, rule=rule, reason=why)


def _denied(
    call: Call, method: Method | None, risk: Risk, *, policy: Policy, packs: frozenset[str]
) -> tuple[str, str] | None:
    """Return the first rule that forbids the call, and why."""
    name = call.method
    if method is None and not policy.allow_unlisted:
        return (
            "unlisted",
            f"{name} is not a documented method; only the developer can open unlisted ones",
        )
    path = find_credential(call.params, lambda word: _documents(method, word))
    if path is not None:
        return "credentials", f"{path} carries a credential; the toolkit adds its own, leave it out"
    pattern = matching(policy.deny, name, call.version)
    if pattern is not None:
        return f"deny:{pattern}", f"{name} is denied by {pattern}"
    pattern = matching(policy.allow, name, call.version)
    if policy.allow and pattern is None:
        return "allow", f"{name} is not among the allowed methods ({', '.join(policy.allow[:8])})"
    if (
        method is not None
        and method.pack not in packs
        and not (pattern is not None and is_full_name(pattern))
    ):
        enabled = ", ".join(sorted(packs)) or "none"
        return f"pack:{method.pack}", f"{name} is in the pack {method.pack}; enabled are {enabled}"
    if policy.read_only and risk > Risk.READ:
        return "read_only", f"{name} is a {risk} call; only reads are allowed here"
    if risk > Risk.READ:
        fetched = refused_fetch(call.params, policy.callback_hosts)
        if fetched is not None:
            path, reason = fetched
            return (
                "callback_hosts",
                f"{path}: the portal may not be made to open this address: {reason}",
            )
    callback = refused_callback(name, call.params, policy.callback_hosts)
    if callback is not None:
        path, reason = callback
        return (
            "callback_hosts",
            f"{path}: the portal may not be told to call this address: {reason}",
        )
    return None


def _auto_approved(call: Call, method: Method | None, risk: Risk, policy: Policy) -> str | None:
    """Return the pattern that spares the call its yes, or None when it must ask."""
    if method is None or risk > method.risk:
        return None
    usable = policy.auto_approve
    if risk is Risk.DESTRUCTIVE:
        usable = tuple(p for p in usable if is_full_name(p))
    return matching(usable, call.method, call.version)


def _documents(method: Method | None, name: str) -> bool:
    """Whether *name* is the method's own parameter; asked only for names like a credential's."""
    return method is not None and any(
        p.top_level and p.name.lower() == name.lower() for p in method.params
    )
