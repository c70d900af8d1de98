"""LlamaIndex models that play a script, and a host that answers approvals."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.llms.mock import MockFunctionCallingLLM

from llama_index.tools.bitrix24 import Approval, ApprovalRequired

# LlamaIndex's own code under the newest pydantic; nothing of ours can avoid it.
QUIET = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
]

_numbers = itertools.count(1)
Decide = Callable[[ApprovalRequired], Approval | None]


class Script:
    """Turns: a text, or a list of (tool, arguments[, id]); the last one is repeated."""

    def __init__(self, *turns: Any) -> None:
        self.turns = [*turns, "done"]
        self.played = 0
        self.offered: list[list[str]] = []

    def __call__(self, messages: Any, **kwargs: Any) -> ChatMessage:
        self.offered.append([tool.metadata.name for tool in kwargs.get("tools") or []])
        turn = self.turns[min(self.played, len(self.turns) - 1)]
        self.played += 1
        if isinstance(turn, str):
            return ChatMessage(role="assistant", content=turn)
        return ChatMessage(
            role="assistant",
            blocks=[
                ToolCallBlock(
                    tool_call_id=rest[0] if rest else f"c{next(_numbers)}",
                    tool_name=name,
                    tool_kwargs=args,
                )
                for name, args, *rest in turn
            ],
        )


def llm(script: Script) -> MockFunctionCallingLLM:
    return MockFunctionCallingLLM(response_generator=script, is_chat_model=True)


def agent(tools: Any, *turns: Any, **options: Any) -> FunctionAgent:
    return FunctionAgent(tools=tools, llm=llm(Script(*turns)), streaming=False, **options)


def yes(event: ApprovalRequired) -> Approval:
    return Approval(plan_id=event.plan_id, approved=True, by="olga")


def no(event: ApprovalRequired) -> Approval:
    return Approval(plan_id=event.plan_id, approved=False, reason="not today")


async def drive(handler: Any, decide: Decide = yes) -> tuple[list[Any], list[ApprovalRequired]]:
    """Answer every question and return the tools' outputs and the questions."""
    outputs: list[Any] = []
    questions: list[ApprovalRequired] = []
    async for event in handler.stream_events():
        if isinstance(event, ApprovalRequired):
            questions.append(event)
            answer = decide(event)
            if answer is not None:
                handler.ctx.send_event(answer)
        elif isinstance(event, ToolCallResult):
            outputs.append(event.tool_output)
    await handler
    return outputs, questions


async def until_asked(handler: Any) -> ApprovalRequired:
    """Run until the first question and leave the run waiting."""
    async for event in handler.stream_events():
        if isinstance(event, ApprovalRequired):
            return event
    raise AssertionError("nobody was asked")


async def stop(handler: Any) -> None:
    """End a run that waits."""
    await handler.cancel_run()
    try:
        await handler
    except Exception:  # a cancelled run ends with its own error
        return
