"""Who asks, as the running workflow says it: the model's arguments never count here."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llama_index.core.workflow import Context

from bitrix24_agent.model import Caller, canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping

CONVERSATION = "b24_conversation"
"""Where the conversation's id lives in ``ctx.store``; a host may set it before the run."""

ACTOR = "b24_actor"
"""Where a host may say in ``ctx.store`` for whom the agent works."""

_locks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
    weakref.WeakKeyDictionary()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a tool call comes from; ``ctx`` is None outside a workflow step."""

    caller: Caller
    ctx: Context[Any] | None = None


def store_lock() -> asyncio.Lock:
    """Return the lock under which this package reads and writes ``ctx.store`` on this loop.

    ``ctx.store.edit_state`` is no alternative: it commits a deep copy, and an agent that holds the
    chat memory meanwhile would write into the old one.
    """
    return _locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())


def step_context() -> Context[Any] | None:
    """Return the context of the running workflow step, or None outside one."""
    try:
        return Context.get_step_context()
    except Exception:  # noqa: BLE001 -- the adapter's edge: every failure means "not in a step"
        return None


async def origin(name: str, arguments: Mapping[str, Any]) -> Origin:
    """Read who asks from the running step.

    The idempotency key is stable over replays and restarts: the conversation's id (kept in the
    context's store), the step's work item, the tool call id, the tool and its arguments.
    """
    ctx = step_context()
    if ctx is None:
        return Origin(caller=Caller())
    try:
        async with store_lock():
            conversation = await ctx.store.get(CONVERSATION, default=None)
            if conversation is None:
                conversation = uuid.uuid4().hex
                await ctx.store.set(CONVERSATION, conversation)
            actor = await ctx.store.get(ACTOR, default=None)
    except Exception:  # noqa: BLE001 -- a typed state has no room for it; no id, no approval here
        return Origin(caller=Caller())
    parts = [conversation, *_work(), name, canonical_json(arguments)]
    key = "li-" + hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:40]
    return Origin(
        caller=Caller(actor=str(actor) if actor else None, conversation=str(conversation), key=key),
        ctx=ctx,
    )


def _work() -> list[str | None]:
    """Return work item and tool call id of the running step, as far as this version tells."""
    try:
        from workflows.runtime.types.results import StepWorkerStateContextVar

        step = StepWorkerStateContextVar.get()
    except (ImportError, LookupError):
        return [None, None]
    item = getattr(step.state, "work_item_id", None)
    tool_id = getattr(step.event, "tool_id", None)
    return [item, tool_id]
