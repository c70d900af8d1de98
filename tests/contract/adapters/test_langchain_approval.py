"""LangChain: a write pauses the graph, a human decides on one plan, and the call goes out once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from adapter_agents import DELETE, READ, UPDATE, call, model, results, says, writes_sent
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware, ToolRetryMiddleware
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

from bitrix24_agent import References, SyncToolkit
from bitrix24_agent.testing import RunningPortal
from langchain_bitrix24 import Bitrix24Toolkit

ASK: dict[str, Any] = {"messages": [HumanMessage("go")]}
YES = {"decisions": [{"type": "approve"}]}
NO = {"decisions": [{"type": "reject", "message": "not today"}]}


def thread(name: str = "t", **settings: str) -> Any:
    return {"configurable": {"thread_id": name, **settings}}


def agent(kit: SyncToolkit, *turns: Any, saver: Any = None, **options: Any) -> Any:
    tools = Bitrix24Toolkit(kit=kit).get_tools()
    return create_agent(
        model(*turns), tools=tools, checkpointer=saver or InMemorySaver(), **options
    )


def asked(state: dict[str, Any]) -> list[dict[str, Any]]:
    return [one.value["action_requests"][0] for one in state["__interrupt__"]]


def title(portal: RunningPortal, deal: int = 1) -> str:
    return str(portal.state.deals.rows[deal]["TITLE"])


def test_a_read_runs_without_asking(portal: RunningPortal, kit: SyncToolkit) -> None:
    state = agent(kit, says(call("b24_call", READ))).invoke(ASK, thread())
    (message,) = results(state)
    assert message.status == "success"
    assert title(portal) in message.text
    assert message.artifact == {"ok": True, "handle": None}


def test_the_request_has_the_shape_of_the_stock_middleware(
    portal: RunningPortal, kit: SyncToolkit, refs: References
) -> None:
    before = title(portal)
    state = agent(kit, says(call("b24_call", UPDATE))).invoke(ASK, thread())
    (interrupt,) = state["__interrupt__"]
    (plan,) = kit.plans()
    (request,) = interrupt.value["action_requests"]
    assert interrupt.value["review_configs"] == [
        {"action_name": "b24_call", "allowed_decisions": ["approve", "reject"]}
    ]
    assert request["name"] == "b24_call"
    assert request["args"] == {
        "plan_id": plan.id,
        "risk": "write",
        "summary": plan.summary,
        "changes": [{"path": "fields.TITLE", "before": before, "after": "changed"}],
        "sends": {"method": "crm.deal.update", "version": 2, "params": UPDATE["params"]},
        "note": "",
        "expires_at": plan.expires_at,
    }
    assert request["description"].startswith(
        f"{plan.summary}\n"
        f'  fields.TITLE: {json.dumps(before)} -> "changed"\n'
        'Sends crm.deal.update {"id": 1, "fields": {"TITLE": "changed"}}\n'
        f"Plan {plan.id}, void after "
    )
    assert writes_sent(portal, refs) == []


def test_a_yes_sends_the_call_once_and_shows_the_answer(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    made = agent(kit, says(call("b24_call", UPDATE)))
    config = thread(b24_actor="agent of Olga", b24_approver="olga")
    made.invoke(ASK, config)
    state = made.invoke(Command(resume=YES), config)
    (message,) = results(state)
    assert message.status == "success"
    assert message.text.startswith('<portal-data of="crm.deal.update">')
    assert title(portal) == "changed"
    assert portal.journal.count("crm.deal.update") == 1
    (plan,) = kit.plans()
    assert (plan.status, plan.decided_by) == ("executed", "olga")
    assert (plan.caller.actor, plan.caller.conversation) == ("agent of Olga", "t")


def test_a_bare_decision_is_understood_too(portal: RunningPortal, kit: SyncToolkit) -> None:
    made = agent(kit, says(call("b24_call", UPDATE)))
    state = made.invoke(ASK, thread())
    (interrupt,) = state["__interrupt__"]
    made.invoke(Command(resume={interrupt.id: {"type": "approve"}}), thread())
    assert title(portal) == "changed"


def test_a_no_reaches_the_model_with_its_reason_and_is_not_asked_again(
    portal: RunningPortal, kit: SyncToolkit, refs: References
) -> None:
    made = agent(kit, says(call("b24_call", UPDATE)), says(call("b24_call", UPDATE)))
    made.invoke(ASK, thread())
    state = made.invoke(Command(resume=NO), thread())
    first, second = results(state)
    assert first.status == second.status == "error"
    assert first.text.startswith("NOT DONE: the user refused it: not today. Nothing was sent.")
    assert "refused" in second.text
    assert "__interrupt__" not in state
    assert writes_sent(portal, refs) == []


def test_the_same_thread_can_be_resumed_in_another_process(
    portal: RunningPortal, options: dict[str, Any], tmp_path: Path
) -> None:
    first, second = says(call("b24_call", UPDATE, "c-restart")), says(text="done")
    with (
        SqliteSaver.from_conn_string(f"{tmp_path}/graph.db") as saver,
        SyncToolkit.from_webhook(portal.url, **options) as kit,
    ):
        agent(kit, first, saver=saver).invoke(ASK, thread())
    with (
        SqliteSaver.from_conn_string(f"{tmp_path}/graph.db") as saver,
        SyncToolkit.from_webhook(portal.url, **options) as kit,
    ):
        state = agent(kit, second, saver=saver).invoke(Command(resume=YES), thread())
    assert [m.status for m in results(state)] == ["success"]
    assert portal.journal.count("crm.deal.update") == 1


def test_two_writes_in_one_turn_are_two_questions(portal: RunningPortal, kit: SyncToolkit) -> None:
    made = agent(kit, says(call("b24_call", UPDATE), call("b24_call", DELETE)))
    state = made.invoke(ASK, thread())
    answers = {
        one.id: YES if "update" in one.value["action_requests"][0]["description"] else NO
        for one in state["__interrupt__"]
    }
    assert len(answers) == 2
    state = made.invoke(Command(resume=answers), thread())
    assert [m.status for m in results(state)] == ["success", "error"]
    assert [e.method for e in portal.journal.writes()] == ["crm.deal.update"]


def test_reads_beside_a_waiting_write_are_not_lost(portal: RunningPortal, kit: SyncToolkit) -> None:
    made = agent(kit, says(call("b24_call", READ), call("b24_call", UPDATE)))
    made.invoke(ASK, thread())
    state = made.invoke(Command(resume=YES), thread())
    assert [m.status for m in results(state)] == ["success", "success"]
    assert portal.journal.count("crm.deal.update") == 1


@pytest.mark.anyio
async def test_the_async_face_asks_and_sends_the_same_way(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    made = agent(kit, says(call("b24_call", UPDATE)))
    state = await made.ainvoke(ASK, thread())
    assert len(asked(state)) == 1
    state = await made.ainvoke(Command(resume=YES), thread())
    assert [m.status for m in results(state)] == ["success"]
    assert portal.journal.count("crm.deal.update") == 1


@pytest.mark.anyio
async def test_many_parallel_reads_do_not_block_the_agents_loop(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.005)

    calls = [
        call("b24_call", {"method": "crm.deal.get", "params": {"id": n}}) for n in range(1, 17)
    ]
    pulse = asyncio.create_task(beat())
    state = await agent(kit, says(*calls)).ainvoke(ASK, thread())
    pulse.cancel()
    assert [m.status for m in results(state)] == ["success"] * 16
    assert [title(portal, n) in m.text for n, m in enumerate(results(state), 1)] == [True] * 16
    assert beats > 3


def test_an_approval_given_elsewhere_meanwhile_is_honoured(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    made = agent(kit, says(call("b24_call", UPDATE)))
    (request,) = asked(made.invoke(ASK, thread()))
    kit.approve(request["args"]["plan_id"], by="colleague")
    state = made.invoke(Command(resume=YES), thread())
    assert [m.status for m in results(state)] == ["success"]
    assert portal.journal.count("crm.deal.update") == 1


def test_an_object_that_changed_meanwhile_stops_the_write(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    made = agent(kit, says(call("b24_call", UPDATE)))
    made.invoke(ASK, thread())
    portal.state.deals.rows[1]["TITLE"] = "somebody else was here"
    state = made.invoke(Command(resume=YES), thread())
    (message,) = results(state)
    assert message.status == "error"
    assert "PLAN_STALE" in message.text
    assert title(portal) == "somebody else was here"


def test_a_yes_that_comes_after_the_plan_expired_approves_nothing(
    portal: RunningPortal, options: dict[str, Any], refs: References
) -> None:
    from bitrix24_agent import Policy

    class Clock:
        now = 1_800_000_000.0

        def time(self) -> float:
            return self.now

        def monotonic(self) -> float:
            return self.now

        async def sleep(self, seconds: float) -> None:
            self.now += seconds

    clock = Clock()
    policy = Policy()
    with SyncToolkit.from_webhook(portal.url, policy=policy, clock=clock, **options) as kit:
        made = agent(kit, says(call("b24_call", UPDATE)))
        (first,) = asked(made.invoke(ASK, thread()))
        clock.now += policy.plan_ttl_s + 1
        state = made.invoke(Command(resume=YES), thread())
        (second,) = asked(state)
        assert second["args"]["plan_id"] != first["args"]["plan_id"]
        assert writes_sent(portal, refs) == []
        state = made.invoke(Command(resume=YES), thread())
        assert [m.status for m in results(state)] == ["success"]
    assert portal.journal.count("crm.deal.update") == 1


def test_the_stock_approval_middleware_works_on_top(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    made = agent(
        kit,
        says(call("b24_call", UPDATE)),
        middleware=[HumanInTheLoopMiddleware({"b24_call": True})],
    )
    state = made.invoke(ASK, thread())
    assert asked(state)[0]["args"] == UPDATE  # theirs first
    state = made.invoke(Command(resume=YES), thread())
    assert "plan_id" in asked(state)[0]["args"]  # then ours
    state = made.invoke(Command(resume=YES), thread())
    assert [m.status for m in results(state)] == ["success"]
    assert portal.journal.count("crm.deal.update") == 1


def test_the_stock_middleware_asking_per_call_shares_our_step(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    stock = HumanInTheLoopMiddleware({"b24_call": True}, interrupt_mode="per_call")
    made = agent(kit, says(call("b24_call", UPDATE)), middleware=[stock])
    state = made.invoke(ASK, thread())
    state = made.invoke(
        Command(resume={state["__interrupt__"][0].id: {"type": "approve"}}), thread()
    )
    assert portal.journal.writes() == []
    state = made.invoke(
        Command(resume={state["__interrupt__"][0].id: {"type": "approve"}}), thread()
    )
    assert [m.status for m in results(state)] == ["success"]
    assert portal.journal.count("crm.deal.update") == 1


def test_a_retrying_middleware_does_not_write_twice(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    portal.faults.add("crm.deal.add", "lost", when="after")
    add = {"method": "crm.deal.add", "params": {"fields": {"TITLE": "once"}}}
    made = agent(
        kit,
        says(call("b24_call", add)),
        middleware=[ToolRetryMiddleware(max_retries=2, initial_delay=0.0, jitter=False)],
    )
    made.invoke(ASK, thread())
    state = made.invoke(Command(resume=YES), thread())
    (message,) = results(state)
    assert message.status == "error"
    assert "It may have been done" in message.text
    assert portal.journal.count("crm.deal.add") == 1


def shared_step(kit: SyncToolkit, *calls: dict[str, Any]) -> Any:
    """A hand-made graph whose one tools task runs all calls of a turn, as older agents do."""
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda _: {"messages": [says(*calls)]})
    graph.add_node("tools", ToolNode(Bitrix24Toolkit(kit=kit).get_tools()))
    graph.add_edge(START, "model")
    graph.add_edge("model", "tools")
    return graph.compile(checkpointer=InMemorySaver())


def test_in_a_shared_step_an_answer_counts_only_for_the_plan_it_names(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    made = shared_step(kit, call("b24_call", UPDATE), call("b24_call", DELETE))
    state = made.invoke(ASK, thread())
    for _ in range(50):  # answers are handed out by position, so one may be asked again
        if "__interrupt__" not in state:
            break
        (request,) = asked(state)
        kind = "approve" if "update" in request["description"] else "reject"
        decision = {"type": kind, "plan_id": request["args"]["plan_id"]}
        state = made.invoke(Command(resume={"decisions": [decision]}), thread())
    assert [m.status for m in results(state)] == ["success", "error"]
    assert [e.method for e in portal.journal.writes()] == ["crm.deal.update"]


def test_in_a_shared_step_an_answer_that_names_no_plan_approves_nothing(
    portal: RunningPortal, kit: SyncToolkit, refs: References
) -> None:
    made = shared_step(kit, call("b24_call", UPDATE), call("b24_call", DELETE))
    state = made.invoke(ASK, thread())
    assert "must carry" in asked(state)[0]["description"]
    for _ in range(3):
        state = made.invoke(Command(resume=YES), thread())
    assert writes_sent(portal, refs) == []


def test_one_call_in_a_hand_made_graph_needs_no_plan_id(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    made = shared_step(kit, call("b24_call", UPDATE))
    made.invoke(ASK, thread())
    state = made.invoke(Command(resume=YES), thread())
    assert [m.status for m in results(state)] == ["success"]
    assert portal.journal.count("crm.deal.update") == 1


def test_a_reused_tool_call_id_is_another_request(portal: RunningPortal, kit: SyncToolkit) -> None:
    comment = {
        "method": "crm.timeline.comment.add",
        "params": {"fields": {"ENTITY_ID": 1, "ENTITY_TYPE": "deal", "COMMENT": "hello"}},
    }
    made = agent(
        kit, says(call("b24_call", comment, "same")), says(call("b24_call", comment, "same"))
    )
    state = made.invoke(ASK, thread())
    for _ in range(2):
        assert len(asked(state)) == 1
        state = made.invoke(Command(resume=YES), thread())
    assert portal.journal.count("crm.timeline.comment.add") == 2
