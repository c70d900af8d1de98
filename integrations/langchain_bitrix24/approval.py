"""Ask a human through the graph, with the interrupt of LangChain's own approval middleware."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langgraph.types import interrupt

if TYPE_CHECKING:
    from bitrix24_agent.runtime.bridge import Waiting

_PLAIN = (
    "NOT DONE: the answer to the approval request was not understood, so nothing was sent. "
    "Plan {plan} still waits. Tell the user."
)
_EDITED = (
    "NOT DONE: an approval cannot change the call, so nothing was sent. Plan {plan} still waits as "
    "it is. To do something else make another call."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the human said about one plan.

    Attributes:
        approved: True or False; None when the answer decides nothing and the plan goes on waiting.
        text: Reason of a refusal, or what the model reads when nothing was decided.
    """

    approved: bool | None
    text: str = ""


def ask(waiting: Waiting, tool: str, *, alone: bool) -> Answered | None:
    """Pause the graph until a human decides on exactly this plan; None outside a graph.

    The function that calls this runs again from its top on resume, and LangGraph hands answers
    out by position. An answer that names its plan counts for that plan only. One that names none
    counts only where this task can have asked nothing else, and never for an earlier plan of the
    same request that has expired meanwhile.
    """
    passed = 0
    while True:
        request = _request(waiting, tool, alone=alone)
        try:
            said = interrupt(request)
        except (KeyError, RuntimeError):
            return None  # outside a graph: nobody can be asked
        answer = _read(said, waiting.plan_id)
        named = _plan_named(said)
        if named is None:
            if alone and passed >= waiting.earlier:
                return answer
        elif named == waiting.plan_id:
            return answer
        passed += 1


def _request(waiting: Waiting, tool: str, *, alone: bool) -> dict[str, Any]:
    description = waiting.description
    if not alone:
        description += (
            "\nSeveral calls share this step: the answer must carry "
            f'"plan_id": "{waiting.plan_id}" in its decision.'
        )
    return {
        "action_requests": [{"name": tool, "args": waiting.plain(), "description": description}],
        "review_configs": [{"action_name": tool, "allowed_decisions": ["approve", "reject"]}],
    }


def _decision(said: Any) -> dict[str, Any] | None:
    """Return the one decision in an answer (``{"decisions": [d]}`` or ``d``), or None."""
    if isinstance(said, dict) and "decisions" in said:
        found = said["decisions"]
        said = found[0] if isinstance(found, list) and len(found) == 1 else None
    return said if isinstance(said, dict) else None


def _plan_named(said: Any) -> str | None:
    decision = _decision(said) or {}
    named = decision.get("plan_id")
    if named is None and isinstance(said, dict):
        named = said.get("plan_id")
    return None if named is None else str(named)


def _read(said: Any, plan_id: str) -> Answered:
    decision = _decision(said) or {}
    match decision.get("type"):
        case "approve":
            return Answered(approved=True)
        case "reject":
            return Answered(approved=False, text=str(decision.get("message") or ""))
        case "edit":
            return Answered(approved=None, text=_EDITED.format(plan=plan_id))
    return Answered(approved=None, text=_PLAIN.format(plan=plan_id))
