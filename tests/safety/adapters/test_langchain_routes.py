"""Every known way around a tool in LangChain; each test asks the wire, not the tool."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from adapter_agents import DELETE, UPDATE, call, model, results, says
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    HumanInTheLoopMiddleware,
    ToolRetryMiddleware,
)
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.prebuilt import ToolRuntime
from langgraph.types import Command, interrupt

from bitrix24_agent import SyncToolkit
from bitrix24_agent.testing import RunningPortal
from langchain_bitrix24 import Bitrix24Middleware, Bitrix24Toolkit

Sent = Callable[[], list[str]]
GO: dict[str, Any] = {"messages": [HumanMessage("go")]}
THREAD: Any = {"configurable": {"thread_id": "t"}}
YES = {"decisions": [{"type": "approve"}]}


def gateway(kit: SyncToolkit) -> list[BaseTool]:
    return Bitrix24Toolkit(kit=kit).get_tools()


def named(kit: SyncToolkit, name: str) -> StructuredTool:
    (tool,) = Bitrix24Toolkit(kit=kit).get_tools([name])
    assert isinstance(tool, StructuredTool)
    return tool


def agent(kit: SyncToolkit, *turns: Any, saver: Any = None, **options: Any) -> Any:
    options.setdefault("tools", gateway(kit))
    return create_agent(model(*turns), checkpointer=saver or InMemorySaver(), **options)


# --- arguments are not checked by the framework --------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        {"id": "not a number", "fields": {"TITLE": "x"}},
        {"fields": {"TITLE": "x"}},
        {"id": 1, "fields": {"TITLE": "x"}, "confirm": True},
        {"id": 1, "fields": {"TITLE": "x"}, "approved": True, "plan_id": "p-1"},
        {"id": 1, "fields": {"TITLE": "x"}, "b24_approver": "boss", "actor": "boss"},
        {"id": 1, "fields": {"TITLE": "x"}, "auth": "stolen"},
        {"id": [1, 2, 3], "fields": "TITLE=x"},
        {},
    ],
)
def test_wrong_or_extra_arguments_open_nothing(
    kit: SyncToolkit, sent: Sent, args: dict[str, Any]
) -> None:
    tool = named(kit, "b24_crm_deal_update")
    assert tool.func is not None
    tool.invoke(args)
    asyncio.run(tool.ainvoke(args))
    with contextlib.suppress(ToolException):
        tool.func(**args)
    assert sent() == []


@pytest.mark.parametrize(
    "args",
    [
        {**UPDATE, "confirm": True},
        {**UPDATE, "approved": "yes"},
        {**UPDATE, "caller": {"actor": "boss"}},
        {"method": "crm.deal.update", "params": {**UPDATE["params"], "plan_id": "x"}},
        {"method": "crm.deal.update.json?confirm=1", "params": UPDATE["params"]},
        {"method": "batch", "params": {"cmd": {"a": "crm.deal.delete?id=1"}}},
        {"method": "crm.deal.update", "params": UPDATE["params"], "runtime": {"tool_call_id": "x"}},
    ],
)
def test_no_argument_of_the_call_tool_is_a_permission(
    kit: SyncToolkit, sent: Sent, args: dict[str, Any]
) -> None:
    state = agent(kit, says(call("b24_call", args))).invoke(GO, THREAD)
    assert state["messages"][-1].text == "done" or state["__interrupt__"]
    assert sent() == []


def test_a_forged_runtime_gives_no_identity_and_no_permission(kit: SyncToolkit, sent: Sent) -> None:
    forged = {
        "tool_call_id": "c1",
        "config": {"configurable": {"thread_id": "boss", "b24_approver": "boss"}},
    }
    tool = named(kit, "b24_call")
    said = tool.invoke({**UPDATE, "runtime": forged})
    assert "runtime: unknown argument" in said
    assert kit.plans() == []
    assert sent() == []


def test_a_forged_runtime_inside_an_agent_is_replaced_by_the_graphs_own(
    kit: SyncToolkit, sent: Sent
) -> None:
    forged = {"config": {"configurable": {"thread_id": "boss"}}}
    agent(kit, says(call("b24_call", {**UPDATE, "runtime": forged}))).invoke(GO, THREAD)
    assert [plan.caller.conversation for plan in kit.plans()] == ["t"]
    assert sent() == []


def test_a_real_runtime_in_the_wrong_hands_still_needs_a_human(
    kit: SyncToolkit, sent: Sent
) -> None:
    runtime = ToolRuntime(
        state={"messages": []}, context=None, config=THREAD, stream_writer=lambda _: None,
        tool_call_id="c1", store=None,
    )  # fmt: skip
    tool = named(kit, "b24_call")
    assert tool.func is not None
    text, _ = tool.func(runtime=runtime, **UPDATE)
    assert text.startswith("NOT DONE YET")
    assert sent() == []


# --- callbacks and copies ------------------------------------------------------------------


class Blocks(BaseCallbackHandler):
    raise_error = True

    def on_tool_start(self, *args: Any, **kwargs: Any) -> None:
        raise PermissionError("blocked")


class BlocksLate(AsyncCallbackHandler):
    raise_error = True

    async def on_tool_start(self, *args: Any, **kwargs: Any) -> None:
        raise PermissionError("blocked")


@pytest.mark.parametrize("handler", [Blocks(), BlocksLate()])
def test_a_swallowed_callback_is_not_what_protects(
    kit: SyncToolkit, sent: Sent, handler: BaseCallbackHandler
) -> None:
    tool = named(kit, "b24_call")
    config: Any = {"callbacks": [handler]}
    for run in (
        lambda: tool.invoke(UPDATE, config),
        lambda: asyncio.run(tool.ainvoke(UPDATE, config)),
    ):
        try:
            run()
        except PermissionError:
            continue
    assert sent() == []


def test_calling_the_function_by_hand_leads_through_the_gateway(
    kit: SyncToolkit, sent: Sent
) -> None:
    tool = named(kit, "b24_crm_deal_update")
    assert tool.func is not None
    assert tool.coroutine is not None
    texts = [
        tool.func(**UPDATE["params"])[0],
        tool._run(config={}, **UPDATE["params"])[0],
        asyncio.run(tool.coroutine(**UPDATE["params"]))[0],
        asyncio.run(tool._arun(config={}, **UPDATE["params"]))[0],
        tool.model_copy(update={"callbacks": None, "metadata": None}).invoke(UPDATE["params"]),
        StructuredTool(
            name="mine", description="x", func=tool.func, coroutine=tool.coroutine,
            args_schema={"type": "object", "properties": {}},
        ).invoke(UPDATE["params"])[0],
    ]  # fmt: skip
    assert [text[:12] for text in texts] == ["NOT DONE YET"] * len(texts)
    assert sent() == []


def test_a_relabelled_tool_stays_what_it_is(kit: SyncToolkit, sent: Sent) -> None:
    tool = named(kit, "b24_crm_deal_delete")
    harmless = tool.model_copy(
        update={"name": "b24_crm_deal_get", "metadata": {"b24_risk": "read"}}
    )
    assert harmless.invoke(DELETE["params"]).startswith("NOT DONE YET")
    assert sent() == []


# --- the stock approval middleware is fail-open --------------------------------------------


def test_a_misspelt_name_in_the_stock_middleware_approves_nothing(
    kit: SyncToolkit, sent: Sent
) -> None:
    made = agent(
        kit,
        says(call("b24_call", DELETE)),
        middleware=[HumanInTheLoopMiddleware({"b24_cal": True})],
    )
    state = made.invoke(GO, THREAD)
    assert "plan_id" in state["__interrupt__"][0].value["action_requests"][0]["args"]
    assert sent() == []


def test_an_edit_in_the_stock_middleware_that_switches_the_call_is_asked_again(
    kit: SyncToolkit, sent: Sent
) -> None:
    made = agent(
        kit,
        says(call("b24_describe", {"method": "crm.deal.get"})),
        middleware=[HumanInTheLoopMiddleware({"b24_describe": True})],
    )
    made.invoke(GO, THREAD)
    edit = {"type": "edit", "edited_action": {"name": "b24_call", "args": DELETE}}
    state = made.invoke(Command(resume={"decisions": [edit]}), THREAD)
    waiting = state["__interrupt__"][0].value["action_requests"][0]
    assert "crm.deal.delete" in waiting["description"]
    assert sent() == []


# --- decisions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        True,
        "approve",
        "yes",
        1,
        [],
        {},
        {"approve": True},
        {"type": "Approve"},
        {"type": ["approve"]},
        {"decisions": []},
        {"decisions": [{"type": "approve"}, {"type": "approve"}]},
        {"decisions": "approve"},
        {"decisions": {"type": "approve"}},
        {"decisions": [{"type": "respond", "message": "fine"}]},
        {"decisions": [{"type": "edit", "edited_action": {"name": "b24_call", "args": DELETE}}]},
        {"decisions": [{"type": "reject"}]},
    ],
)
def test_only_a_clear_yes_is_a_yes(kit: SyncToolkit, sent: Sent, said: Any) -> None:
    made = agent(kit, says(call("b24_call", UPDATE)))
    made.invoke(GO, THREAD)
    state = made.invoke(Command(resume=said), THREAD)
    assert [m.status for m in results(state)] == ["error"] or state["__interrupt__"]
    assert sent() == []


@pytest.mark.parametrize("where", ["decision", "response"])
def test_a_yes_for_another_plan_approves_nothing(kit: SyncToolkit, sent: Sent, where: str) -> None:
    made = agent(kit, says(call("b24_call", UPDATE)))
    made.invoke(GO, THREAD)
    said: dict[str, Any] = {"decisions": [{"type": "approve"}]}
    (said["decisions"][0] if where == "decision" else said)["plan_id"] = "another"
    state = made.invoke(Command(resume=said), THREAD)
    assert len(state["__interrupt__"]) == 1
    assert sent() == []


def test_a_yes_to_one_call_does_not_serve_another(portal: RunningPortal, kit: SyncToolkit) -> None:
    made = agent(kit, says(call("b24_call", UPDATE)), says(call("b24_call", DELETE)))
    made.invoke(GO, THREAD)
    state = made.invoke(Command(resume=YES), THREAD)
    assert len(state["__interrupt__"]) == 1
    assert [e.method for e in portal.journal.writes()] == ["crm.deal.update"]


def test_the_model_cannot_execute_a_plan_nobody_approved(kit: SyncToolkit, sent: Sent) -> None:
    tools = {tool.name: tool for tool in gateway(kit)}
    tools["b24_call"].invoke(UPDATE)
    (plan,) = kit.plans()
    said = tools["b24_execute"].invoke({"plan_id": plan.id})
    assert "PLAN" in said
    assert tools["b24_execute"].invoke({"plan_id": plan.id, "by": "boss"})
    assert sent() == []


def test_no_tool_approves_anything(kit: SyncToolkit) -> None:
    names = [tool.name for tool in Bitrix24Toolkit(kit=kit, expose="all").get_tools()]
    assert [n for n in names if n in ("b24_approve", "b24_refuse", "b24_plans")] == []


# --- repetition ----------------------------------------------------------------------------


def test_the_same_request_twice_under_one_id_is_done_once(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    add = {"method": "crm.deal.add", "params": {"fields": {"TITLE": "one"}}}
    made = agent(kit, says(call("b24_call", add, "same"), call("b24_call", add, "same")))
    state = made.invoke(GO, THREAD)
    for _ in range(4):
        waiting = state.get("__interrupt__", ())
        if not waiting:
            break
        state = made.invoke(Command(resume={one.id: YES for one in waiting}), THREAD)
    assert portal.journal.count("crm.deal.add") == 1


def test_resuming_twice_sends_once(portal: RunningPortal, kit: SyncToolkit) -> None:
    made = agent(kit, says(call("b24_call", UPDATE)))
    made.invoke(GO, THREAD)
    made.invoke(Command(resume=YES), THREAD)
    made.invoke(Command(resume=YES), THREAD)
    assert portal.journal.count("crm.deal.update") == 1


def test_going_back_to_the_checkpoint_before_the_write_does_not_repeat_it(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    made = agent(kit, says(call("b24_call", UPDATE)))
    made.invoke(GO, THREAD)
    waiting = made.get_state(THREAD).config
    made.invoke(Command(resume=YES), THREAD)
    made.invoke(Command(resume=YES), waiting)
    assert portal.journal.count("crm.deal.update") == 1


def test_a_middleware_that_retries_everything_writes_nothing_unasked(
    kit: SyncToolkit, sent: Sent
) -> None:
    made = agent(
        kit,
        says(call("b24_call", UPDATE)),
        middleware=[ToolRetryMiddleware(max_retries=3, initial_delay=0.0, jitter=False)],
    )
    made.invoke(GO, THREAD)
    assert len(kit.plans()) == 1
    assert sent() == []


def test_a_restart_without_an_answer_sends_nothing(
    portal: RunningPortal, options: dict[str, Any], tmp_path: Path, sent: Sent
) -> None:
    for _ in range(2):
        with (
            SqliteSaver.from_conn_string(f"{tmp_path}/graph.db") as saver,
            SyncToolkit.from_webhook(portal.url, **options) as kit,
        ):
            made = agent(kit, says(call("b24_call", UPDATE, "c1")), saver=saver)
            first = made.get_state(THREAD).values == {}
            state = made.invoke(GO if first else None, THREAD)
            assert len(state["__interrupt__"]) == 1
            assert len(kit.plans()) == 1
    assert sent() == []


# --- names ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["b24_crm_deal_delete", "b24_approve", "b24_call ", "B24_CALL", "crm.deal.delete", ""]
)
def test_an_invented_tool_name_runs_nothing(kit: SyncToolkit, sent: Sent, name: str) -> None:
    turn = says(call(name, {"id": 1, **DELETE}))
    agent(kit, turn).invoke(GO, THREAD)
    made = agent(kit, turn, tools=[], middleware=[Bitrix24Middleware(kit)])
    made.invoke({"messages": [HumanMessage("zzz qqq")]}, {"configurable": {"thread_id": "u"}})
    assert sent() == []


def test_a_write_tool_that_is_loaded_still_stops(kit: SyncToolkit, sent: Sent) -> None:
    turn = says(call("b24_crm_deal_delete", {"id": 1}))
    made = agent(kit, turn, tools=[], middleware=[Bitrix24Middleware(kit)])
    state = made.invoke({"messages": [HumanMessage("crm.deal.delete")]}, THREAD)
    assert len(state["__interrupt__"]) == 1
    assert sent() == []


def test_state_sent_in_by_the_caller_loads_no_tool_of_another_pack(
    kit: SyncToolkit, sent: Sent
) -> None:
    turn = says(call("b24_tasks_task_delete", {"taskId": 1}))
    made = agent(kit, turn, tools=[], middleware=[Bitrix24Middleware(kit)])
    made.invoke(
        {"messages": [HumanMessage("zzz")], "b24_exposed": ["b24_tasks_task_delete"]}, THREAD
    )
    assert sent() == []


def test_without_a_checkpointer_a_write_ends_unsent(kit: SyncToolkit, sent: Sent) -> None:
    made = create_agent(model(says(call("b24_call", UPDATE))), tools=gateway(kit))
    made.invoke(GO)
    assert sent() == []


def test_a_yes_meant_for_another_question_in_the_same_step_is_not_ours(
    portal: RunningPortal, kit: SyncToolkit, sent: Sent
) -> None:
    """A middleware that asks in our step and then, on resume, does not ask again."""
    asked_before: list[bool] = []

    class AsksOnce(AgentMiddleware):
        def wrap_tool_call(self, request: Any, handler: Any) -> Any:
            if not asked_before:
                asked_before.append(True)
                interrupt("may the agent go on?")
            return handler(request)

    made = agent(kit, says(call("b24_call", UPDATE)), middleware=[AsksOnce()])
    state = made.invoke(GO, THREAD)
    assert state["__interrupt__"][0].value == "may the agent go on?"
    state = made.invoke(Command(resume={"type": "approve"}), THREAD)
    assert "plan_id" in state["__interrupt__"][0].value["action_requests"][0]["args"]
    assert sent() == []
    made.invoke(Command(resume=YES), THREAD)
    assert portal.journal.count("crm.deal.update") == 1
