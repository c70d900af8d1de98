"""Who asks, as the host's configuration says it: the model's arguments never count here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage
from langchain_core.runnables.config import ensure_config
from langgraph.prebuilt import ToolRuntime

from bitrix24_agent.model import Caller, canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ACTOR = "b24_actor"
APPROVER = "b24_approver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where one tool call comes from.

    Attributes:
        caller: Actor, conversation and idempotency key for the core.
        approver: In whose name an answer to an approval request is recorded.
        alone: Whether this graph task runs this one tool call and nothing else, so that an answer
            that names no plan can only mean this one.
    """

    caller: Caller
    approver: str
    alone: bool


def origin(runtime: object, name: str, arguments: Mapping[str, Any]) -> Origin:
    """Read the origin of a tool call from the graph's runtime and configuration.

    Only a real ``ToolRuntime``, injected by the graph, is believed; the model can write a dict
    called ``runtime`` but not that. The idempotency key is stable over retries and resumes:
    thread, message and tool call id, or the graph task where no runtime is injected.
    """
    real = runtime if isinstance(runtime, ToolRuntime) else None
    config = real.config if real is not None else ensure_config()
    settings: Mapping[str, Any] = config.get("configurable") or {}
    facts: Mapping[str, Any] = config.get("metadata") or {}
    thread = settings.get("thread_id")
    task = settings.get("checkpoint_ns") or facts.get("langgraph_checkpoint_ns")
    actor = settings.get(ACTOR)
    message = _message_of(real)
    parts: list[Any] = []
    if real is not None and real.tool_call_id and (thread or message is not None):
        parts = [thread, message.id if message else None, real.tool_call_id]
    elif task:
        parts = [thread, task, name, canonical_json(arguments)]
    return Origin(
        caller=Caller(
            actor=str(actor) if actor else None,
            conversation=str(thread) if thread else None,
            key=_key(parts) if parts else None,
        ),
        approver=str(settings.get(APPROVER) or actor or "human"),
        alone=real is not None and _alone(facts, message),
    )


def _alone(facts: Mapping[str, Any], message: AIMessage | None) -> bool:
    path = facts.get("langgraph_path") or ()
    if path and path[0] == "__pregel_push":
        return True  # one task a tool call, as create_agent does it
    return message is not None and len(message.tool_calls) == 1


def _message_of(runtime: ToolRuntime[Any, Any] | None) -> AIMessage | None:
    """Return the model's message that asked for this tool call, as far as the state shows it."""
    if runtime is None:
        return None
    state = runtime.state
    messages: Sequence[Any] = state if isinstance(state, list) else _messages(state)
    for message in reversed(messages):
        if isinstance(message, AIMessage) and any(
            call["id"] == runtime.tool_call_id for call in message.tool_calls
        ):
            return message
    return None


def _messages(state: Any) -> Sequence[Any]:
    found = state.get("messages") if isinstance(state, dict) else getattr(state, "messages", None)
    return found if isinstance(found, list) else ()


def _key(parts: Sequence[Any]) -> str:
    return "lc-" + hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:40]
