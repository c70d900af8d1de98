"""The whole Bitrix24 REST API for agents, behind guardrails no agent can open."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from bitrix24_agent.errors import (
    ArgumentsError,
    B24Error,
    CallFailedError,
    ConfirmationRequired,
    NotAllowedError,
    OutcomeUnknownError,
    PlanError,
    UnknownMethodError,
)
from bitrix24_agent.model import Answer, Caller, Decision, Plan, Risk, ToolResult, ToolSpec

if TYPE_CHECKING:
    from bitrix24_agent.audit.redact import mask
    from bitrix24_agent.client.limits import Limits
    from bitrix24_agent.policy.rules import Policy, approve_up_to
    from bitrix24_agent.retrieval.references import References
    from bitrix24_agent.runtime.sync import SyncToolkit
    from bitrix24_agent.runtime.toolkit import Toolkit

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "ArgumentsError",
    "B24Error",
    "CallFailedError",
    "Caller",
    "ConfirmationRequired",
    "Decision",
    "Limits",
    "NotAllowedError",
    "OutcomeUnknownError",
    "Plan",
    "PlanError",
    "Policy",
    "References",
    "Risk",
    "SyncToolkit",
    "ToolResult",
    "ToolSpec",
    "Toolkit",
    "UnknownMethodError",
    "approve_up_to",
    "mask",
]

# Loaded on first use: importing this package imports no httpx, no SQLAlchemy and no framework.
_LAZY = {
    "Limits": "bitrix24_agent.client.limits",
    "Policy": "bitrix24_agent.policy.rules",
    "References": "bitrix24_agent.retrieval.references",
    "SyncToolkit": "bitrix24_agent.runtime.sync",
    "Toolkit": "bitrix24_agent.runtime.toolkit",
    "approve_up_to": "bitrix24_agent.policy.rules",
    "mask": "bitrix24_agent.audit.redact",
}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        value = getattr(import_module(_LAZY[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
