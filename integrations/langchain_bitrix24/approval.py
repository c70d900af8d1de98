"""Ask a human through the graph, with the interrupt of LangChain's own approval middleware."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langgraph.errors import GraphInterrupt
from langgraph.types import interrupt

from bitrix24_agent.model import ToolResult

if TYPE_CHECKING:
    from bitrix24_agent.runtime.waiting import Waiting

# Tools of one graph task share LangGraph's counter of answers; two threads must not race for it.
_one_at_a_time = threading.Lock()

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
    """A human's clear answer to one plan."""

    approved: bool
    reason: str = ""


def ask(waiting: Waiting, tool: str, *, alone: bool) -> Answered | ToolResult:
    """Pause the graph until a human decides on exactly this plan.

    A ToolResult means that nothing was decided and the plan goes on waiting: outside a graph, and
    for an answer that is neither a clear yes nor a clear no.

    The function that calls this runs again from its top on resume, and LangGraph hands answers
    out by position. So an answer that names its plan counts for that plan only. One that names
    none counts only where this task can have asked nothing else, only as the latest answer, and
    never for a plan that is younger than it.
    """
    request = _request(waiting, tool, alone=alone)
    said: list[Any] = []
    pause: GraphInterrupt | None = None
    while pause is None:
        try:
            with _one_at_a_time:
                said.append(interrupt(request))
        except GraphInterrupt as error:
            pause = error  # every answer given so far has been heard
        except (KeyError, RuntimeError):
            return ToolResult(text=waiting.text)  # outside a graph: nobody can be asked
    for answer in reversed(said):
        if _plan_named(answer) == waiting.plan_id:
            return _read(answer, waiting.plan_id)
    if alone and not waiting.fresh and len(said) > waiting.earlier:
        latest = said[-1]
        if _plan_named(latest) is None:
            return _read(latest, waiting.plan_id)
    raise pause


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


def _read(said: Any, plan_id: str) -> Answered | ToolResult:
    decision = _decision(said) or {}
    match decision.get("type"):
        case "approve":
            return Answered(approved=True)
        case "reject":
            return Answered(approved=False, reason=str(decision.get("message") or ""))
        case "edit":
            return ToolResult(text=_EDITED.format(plan=plan_id), is_error=True)
    return ToolResult(text=_PLAIN.format(plan=plan_id), is_error=True)
