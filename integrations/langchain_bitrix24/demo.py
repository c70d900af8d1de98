"""A LangChain agent that does a real job and stops before each write: the ``demo`` command."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from bitrix24_agent.demo import SYSTEM, Seen, Step, next_step, pick_request
from bitrix24_agent.errors import SettingsError
from langchain_bitrix24.toolkit import Bitrix24Toolkit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.callbacks import CallbackManagerForLLMRun
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig

    from bitrix24_agent.runtime.sync import SyncToolkit

MAX_TURNS = 40


class ScriptedModel(BaseChatModel):
    """A stand-in for a chat model that needs no key: it decides from what the tools returned."""

    @property
    def _llm_type(self) -> str:
        return "bitrix24-demo"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        """Accept any tools: the part it plays knows the gateway tools."""
        del tools, kwargs
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del stop, run_manager, kwargs
        request = next((m.text for m in messages if isinstance(m, HumanMessage)), "")
        message = _spoken(next_step(request, _seen(messages)))
        return ChatResult(generations=[ChatGeneration(message=message)])


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
    request = pick_request(kit, newest=False)
    agent = create_agent(
        _model(model),
        tools=Bitrix24Toolkit(kit=kit).get_tools(),
        system_prompt=SYSTEM,
        checkpointer=InMemorySaver(),
    )
    config: RunnableConfig = {
        "configurable": {"thread_id": uuid.uuid4().hex, "b24_approver": "demo user"}
    }
    say("user", request)
    turn: Any = {"messages": [HumanMessage(request)]}
    for _ in range(MAX_TURNS):
        asked: dict[str, Any] = {}
        for update in agent.stream(turn, config, stream_mode="updates"):
            for node, values in update.items():
                if node == "__interrupt__":
                    asked |= {one.id: one.value["action_requests"][0] for one in values}
                else:
                    _tell((values or {}).get("messages", ()), say)
        if not asked:
            return
        turn = Command(resume={key: _decide(one, approve, say) for key, one in asked.items()})


def _decide(
    action: dict[str, Any], approve: Callable[[Any], bool], say: Callable[[str, str], None]
) -> dict[str, Any]:
    say("ask", action["description"])
    plan_id = action["args"]["plan_id"]
    if approve(action["args"]):
        say("approved", f"plan {plan_id}")
        return {"decisions": [{"type": "approve", "plan_id": plan_id}]}
    say("refused", f"plan {plan_id}")
    return {"decisions": [{"type": "reject", "plan_id": plan_id}]}


def _tell(messages: Sequence[BaseMessage], say: Callable[[str, str], None]) -> None:
    for message in messages:
        if isinstance(message, ToolMessage):
            say("tool_result", message.text)
        elif isinstance(message, AIMessage):
            if message.tool_calls and message.text:
                say("think", message.text)
            for call in message.tool_calls:
                shown = json.dumps(call["args"], ensure_ascii=False)
                say("tool_call", f"{call['name']} {shown}")
            if not message.tool_calls:
                say("answer", message.text)


def _model(name: str | None) -> BaseChatModel:
    if name is None:
        return ScriptedModel()
    problem = ""
    try:
        from langchain.chat_models import init_chat_model

        made: BaseChatModel = init_chat_model(name)
    except Exception as error:  # noqa: BLE001 -- the adapter's edge: providers raise what they like
        problem = f"{type(error).__name__}: {error}"
    else:
        return made
    raise SettingsError(f"the chat model {name!r} cannot be used: {problem}")


def _spoken(step: Step) -> AIMessage:
    if not step.tool:
        return AIMessage(step.answer)
    call = {"name": step.tool, "args": step.args, "id": f"call_{uuid.uuid4().hex[:12]}"}
    return AIMessage(step.thought, tool_calls=[{**call, "type": "tool_call"}])


def _seen(messages: Sequence[BaseMessage]) -> list[Seen]:
    calls: dict[str | None, Any] = {}
    seen = []
    for message in messages:
        if isinstance(message, AIMessage):
            calls |= {call["id"]: call for call in message.tool_calls}
        elif isinstance(message, ToolMessage) and message.tool_call_id in calls:
            call = calls[message.tool_call_id]
            seen.append(
                Seen(
                    tool=call["name"],
                    args=call["args"],
                    text=message.text,
                    ok=message.status != "error",
                )
            )
    return seen
