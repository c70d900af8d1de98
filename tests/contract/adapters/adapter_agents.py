"""Chat models that play a script, and a portal that keeps count; shared by the adapter tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr

from bitrix24_agent.model import Risk
from bitrix24_agent.testing import RunningPortal

UPDATE = {"method": "crm.deal.update", "params": {"id": 1, "fields": {"TITLE": "changed"}}}
DELETE = {"method": "crm.deal.delete", "params": {"id": 2}}
READ = {"method": "crm.deal.get", "params": {"id": 1}}

_numbers = itertools.count(1)


def call(name: str, args: dict[str, Any], id_: str | None = None) -> dict[str, Any]:
    """A tool call as a chat model writes it."""
    return {"name": name, "args": args, "id": id_ or f"c{next(_numbers)}", "type": "tool_call"}


def says(*calls: dict[str, Any], text: str = "") -> AIMessage:
    """A model's turn with these tool calls."""
    return AIMessage(content=text, tool_calls=list(calls))


Turn = AIMessage | Callable[[list[BaseMessage]], AIMessage]


class ScriptedModel(BaseChatModel):
    """Plays its turns one after another; the last one is repeated."""

    script: list[Any]
    _turn: int = PrivateAttr(0)
    _bound: list[list[str]] = PrivateAttr(default_factory=list)
    _kwargs: list[dict[str, Any]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        named = [t if isinstance(t, dict) else convert_to_openai_tool(t) for t in tools]
        self._bound.append([t["function"]["name"] for t in named])
        self._kwargs.append(kwargs)
        return self

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        turn = self.script[min(self._turn, len(self.script) - 1)]
        self._turn += 1
        message = turn(messages) if callable(turn) else turn.model_copy(deep=True)
        return ChatResult(generations=[ChatGeneration(message=message)])


def model(*turns: Turn) -> ScriptedModel:
    return ScriptedModel(script=[*turns, says(text="done")])


def results(state: dict[str, Any]) -> list[ToolMessage]:
    """The tool messages of a finished run, in order."""
    return [m for m in state["messages"] if isinstance(m, ToolMessage)]


def writes_sent(portal: RunningPortal, references: Any) -> list[str]:
    """Every request that could have changed something, whatever the portal answered."""
    sent = []
    for request in portal.requests:
        method = references.lookup(request.method.removesuffix(".json"), None)
        if request.method.lower().startswith("batch"):
            sent += ["batch"] if portal.journal.writes() else []
        elif method is None or method.risk is not Risk.READ:
            sent.append(request.method)
    return sent
