"""The two events of an approval: the tool asks, the host answers."""

from __future__ import annotations

from typing import Any

from llama_index.core.workflow import HumanResponseEvent, InputRequiredEvent
from pydantic import Field, StrictBool


class ApprovalRequired(InputRequiredEvent):
    """A write waits: show it to a human and answer with :class:`Approval` for the same plan.

    Attributes:
        plan_id: The stored plan.
        tool: Tool the model called.
        risk: ``write`` or ``destructive``.
        summary: One line.
        changes: ``path``, ``before`` and ``after`` of the fields that change.
        sends: The exact call, whole: ``method``, ``version``, ``params`` (a batch: ``commands``).
        note: Why there is no ``before``, when there is none.
        expires_at: Unix seconds after which the plan is void.
        description: All of it as text.
    """

    plan_id: str
    tool: str
    risk: str
    summary: str
    changes: list[dict[str, Any]] = Field(default_factory=list)
    sends: dict[str, Any] = Field(default_factory=dict)
    note: str = ""
    expires_at: float
    description: str


class Approval(HumanResponseEvent):
    """A human's answer to one plan; sent by the host with ``handler.ctx.send_event``.

    Attributes:
        plan_id: The plan it is about; an answer for another plan approves nothing.
        approved: A real boolean; ``"yes"`` is refused.
        by: In whose name it is recorded.
        reason: Why not.
    """

    plan_id: str
    approved: StrictBool
    by: str = "human"
    reason: str = ""
