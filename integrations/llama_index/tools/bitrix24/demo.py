"""A LlamaIndex agent that does a real job and stops before each write: the ``demo`` command."""

from __future__ import annotations

import asyncio
import json
import uuid
from importlib import import_module
from typing import TYPE_CHECKING, Any

from llama_index.core.agent.workflow import (
    AgentOutput,
    FunctionAgent,
    ToolCall,
    ToolCallResult,
)
from llama_index.core.base.llms.types import ChatMessage, MessageRole, ToolCallBlock
from llama_index.core.llms.mock import MockFunctionCallingLLM

from bitrix24_agent.demo import SYSTEM, Seen, Step, next_step, pick_request
from bitrix24_agent.errors import SettingsError
from llama_index.tools.bitrix24.events import Approval, ApprovalRequired
from llama_index.tools.bitrix24.spec import Bitrix24ToolSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bitrix24_agent.runtime.sync import SyncToolkit

# Provider -> (package to install, module, class).
PROVIDERS = {
    "anthropic": ("llama-index-llms-anthropic", "llama_index.llms.anthropic", "Anthropic"),
    "google": ("llama-index-llms-google-genai", "llama_index.llms.google_genai", "GoogleGenAI"),
    "mistralai": ("llama-index-llms-mistralai", "llama_index.llms.mistralai", "MistralAI"),
    "ollama": ("llama-index-llms-ollama", "llama_index.llms.ollama", "Ollama"),
    "openai": ("llama-index-llms-openai", "llama_index.llms.openai", "OpenAI"),
}


def run_demo(
    kit: SyncToolkit,
    *,
    model: str | None = None,
    approve: Callable[[Any], bool],
    say: Callable[[str, str], None],
) -> None:
    """Let an agent find a deal, change it and tell a colleague, asking before each write.

    Args:
        kit: A toolkit with the packs ``core`` and ``comms``.
        model: ``provider:name`` for a real chat model; a scripted one plays the part otherwise.
        approve: Gets the approval request (plan_id, risk, summary, changes, expires_at).
        say: Gets each step: user, think, tool_call, tool_result, ask, approved, refused, answer.

    Raises:
        SettingsError: The portal has no deal to work on, or the model cannot be made.
    """
    request = pick_request(kit, newest=True)
    say("user", request)
    asyncio.run(_run(kit, request, _model(model), approve, say))


async def _run(
    kit: SyncToolkit,
    request: str,
    llm: Any,
    approve: Callable[[Any], bool],
    say: Callable[[str, str], None],
) -> None:
    agent = FunctionAgent(
        tools=[*Bitrix24ToolSpec(kit).to_tool_list()],
        llm=llm,
        system_prompt=SYSTEM,
        streaming=False,
    )
    handler = agent.run(request, max_iterations=40)
    told: set[str] = set()  # a step that waited for a person runs again from its top
    async for event in handler.stream_events():
        if isinstance(event, ApprovalRequired):
            said = _decided(event, approve, say)
            handler.ctx.send_event(said)
        elif isinstance(event, ToolCallResult):
            say("tool_result", event.tool_output.content)
        elif isinstance(event, AgentOutput) and event.tool_calls and event.response.content:
            say("think", event.response.content)
        elif type(event) is ToolCall and event.tool_id not in told:
            told.add(event.tool_id)
            shown = json.dumps(event.tool_kwargs, ensure_ascii=False)
            say("tool_call", f"{event.tool_name} {shown}")
    say("answer", str(await handler))


def _decided(
    event: ApprovalRequired, approve: Callable[[Any], bool], say: Callable[[str, str], None]
) -> Approval:
    say("ask", event.description)
    approved = approve(event.model_dump()) is True
    say("approved" if approved else "refused", f"plan {event.plan_id}")
    return Approval(plan_id=event.plan_id, approved=approved, by="demo user")


def _model(name: str | None) -> Any:
    if name is None:
        return MockFunctionCallingLLM(response_generator=_scripted, is_chat_model=True)
    provider, _, model = name.partition(":")
    if provider not in PROVIDERS or not model:
        raise SettingsError(f"{name!r} is no model; use provider:name with {', '.join(PROVIDERS)}")
    package, module, cls = PROVIDERS[provider]
    problem = ""
    try:
        return getattr(import_module(module), cls)(model=model)
    except ImportError:
        problem = f"it needs a package of its own: pip install {package}"
    except Exception as error:  # noqa: BLE001 -- the adapter's edge: providers raise what they like
        problem = f"{type(error).__name__}: {error}"
    raise SettingsError(f"the chat model {name!r} cannot be used: {problem}")


def _scripted(messages: Sequence[ChatMessage], **kwargs: Any) -> ChatMessage:
    """Play the model's part: decide from what the tools returned."""
    del kwargs
    request = next((m.content or "" for m in messages if m.role == MessageRole.USER), "")
    return _spoken(next_step(request, _seen(messages)))


def _spoken(step: Step) -> ChatMessage:
    if not step.tool:
        return ChatMessage(role=MessageRole.ASSISTANT, content=step.answer)
    message = ChatMessage(role=MessageRole.ASSISTANT, content=step.thought)
    message.blocks.append(
        ToolCallBlock(
            tool_call_id=f"call_{uuid.uuid4().hex[:12]}", tool_name=step.tool, tool_kwargs=step.args
        )
    )
    return message


def _seen(messages: Sequence[ChatMessage]) -> list[Seen]:
    calls: dict[Any, ToolCallBlock] = {}
    seen = []
    for message in messages:
        calls |= {b.tool_call_id: b for b in message.blocks if isinstance(b, ToolCallBlock)}
        key = message.additional_kwargs.get("tool_call_id")
        if message.role == MessageRole.TOOL and key in calls:
            kwargs = calls[key].tool_kwargs
            args = json.loads(kwargs) if isinstance(kwargs, str) else dict(kwargs)
            text = message.content or ""
            seen.append(
                Seen(
                    tool=calls[key].tool_name,
                    args=args,
                    text=text,
                    ok=not text.startswith("FAILED"),
                )
            )
    return seen
