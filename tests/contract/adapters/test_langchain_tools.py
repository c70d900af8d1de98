"""LangChain: what the tools, the middleware, the callbacks and the retriever are like to use."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from typing import Any

import pytest
from adapter_agents import READ, UPDATE, ScriptedModel, call, model, results, says, writes_sent
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import BaseTool, ToolException
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel, SecretStr

from bitrix24_agent import References, SyncToolkit, Toolkit
from bitrix24_agent.errors import SettingsError
from bitrix24_agent.testing import RunningPortal
from langchain_bitrix24 import (
    Bitrix24CallbackHandler,
    Bitrix24GuardHandler,
    Bitrix24Middleware,
    Bitrix24Retriever,
    Bitrix24Toolkit,
)
from langchain_bitrix24.callbacks import ToolEvent

THREAD: Any = {"configurable": {"thread_id": "t"}}
GATEWAY = ["b24_find", "b24_describe", "b24_call", "b24_more", "b24_execute"]


def tools_of(kit: SyncToolkit | Toolkit, **options: Any) -> dict[str, BaseTool]:
    return {tool.name: tool for tool in Bitrix24Toolkit(kit=kit, **options).get_tools()}


# --- the toolkit ---------------------------------------------------------------------------


def test_the_default_exposure_is_five_tools(kit: SyncToolkit) -> None:
    assert list(tools_of(kit)) == GATEWAY


def test_a_typed_tool_says_which_method_and_risk_it_is(kit: SyncToolkit) -> None:
    (tool,) = Bitrix24Toolkit(kit=kit).get_tools(["b24_crm_deal_delete"])
    assert tool.metadata == {
        "b24_risk": "destructive",
        "b24_method": "crm.deal.delete",
        "b24_version": 2,
        "b24_pack": "core",
    }
    assert tool.tags == ["bitrix24"]


def test_named_tools_are_returned_and_none_for_an_empty_list(kit: SyncToolkit) -> None:
    toolkit = Bitrix24Toolkit(kit=kit)
    assert [t.name for t in toolkit.get_tools(["b24_user_get", "b24_find"])] == [
        "b24_user_get",
        "b24_find",
    ]
    assert toolkit.get_tools([]) == []
    with pytest.raises(SettingsError, match="b24_crm_deal_get"):
        toolkit.get_tools(["b24_crm_deal_gett"])


def test_an_exposure_that_does_not_exist_is_refused(kit: SyncToolkit) -> None:
    with pytest.raises(ValueError, match="gateway"):
        Bitrix24Toolkit(kit=kit, expose="everything")  # type: ignore[arg-type]


def test_a_webhook_can_be_given_as_a_secret_and_shows_nowhere(
    portal: RunningPortal, options: dict[str, Any]
) -> None:
    secret = portal.url.rstrip("/").rsplit("/", 1)[1]
    with Bitrix24Toolkit.from_webhook(SecretStr(portal.url), **options) as toolkit:
        shown = [repr(toolkit), str(toolkit), toolkit.model_dump_json(), repr(toolkit.kit)]
        shown += [repr(tool) for tool in toolkit.get_tools()]
    assert [text for text in shown if secret in text] == []


def test_a_bad_address_is_a_settings_error(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        Bitrix24Toolkit.from_webhook("https://portal.example/not-a-webhook/", **options)


def test_the_environment_makes_a_toolkit(
    portal: RunningPortal, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("B24_WEBHOOK_URL", portal.url)
    with Bitrix24Toolkit.from_env(**options) as toolkit:
        assert toolkit.get_tools()[2].invoke(READ).startswith("<portal-data")


def test_a_closed_toolkit_says_so_and_sends_nothing(
    portal: RunningPortal, options: dict[str, Any]
) -> None:
    with Bitrix24Toolkit.from_webhook(portal.url, **options) as toolkit:
        tools = toolkit.get_tools()
    said = tools[2].invoke(READ)
    assert said == (
        "FAILED this toolkit is closed; make a new one. Nothing was sent. Stop and report this."
    )
    assert portal.requests == []


def test_an_error_is_a_tool_message_and_does_not_end_the_run(kit: SyncToolkit) -> None:
    wrong = call("b24_call", {"method": "crm.deal.gett", "params": {"id": 1}})
    state = create_agent(model(says(wrong)), tools=[*tools_of(kit).values()]).invoke(
        {"messages": [HumanMessage("go")]}
    )
    (message,) = results(state)
    assert message.status == "error"
    assert "crm.deal.get" in message.text
    assert state["messages"][-1].text == "done"


@pytest.mark.parametrize("name", ["self", "config", "run_manager", "callbacks", "args", "kwargs"])
def test_no_argument_name_a_model_invents_ends_the_run(kit: SyncToolkit, name: str) -> None:
    odd = call("b24_call", {**READ, name: 1})
    state = create_agent(model(says(odd)), tools=[*tools_of(kit).values()]).invoke(
        {"messages": [HumanMessage("go")]}
    )
    assert state["messages"][-1].text == "done"


def test_a_failure_leaves_no_secret_in_the_error_chain(
    kit: SyncToolkit, portal: RunningPortal
) -> None:
    secret = portal.url.rstrip("/").rsplit("/", 1)[1]
    portal.faults.add("crm.deal.get", "lost", times=None)
    tool = tools_of(kit)["b24_call"]
    with pytest.raises(ToolException) as caught:
        tool.func(**READ)  # type: ignore[attr-defined]
    chain = "".join(traceback.format_exception(caught.value))
    assert secret not in chain
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_long_answer_is_read_on_by_its_handle(kit: SyncToolkit) -> None:
    lists = {"method": "crm.deal.list", "params": {"select": ["ID"], "order": {"ID": "ASC"}}}
    tools = tools_of(kit)
    message = tools["b24_call"].invoke(call("b24_call", lists))
    handle = message.artifact["handle"]
    assert f'b24_more(handle="{handle}")' in message.text
    more = tools["b24_more"].invoke({"handle": handle})
    assert "rows 21-40 of 40" in more


# --- loops ---------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_an_async_toolkit_serves_the_async_face(
    portal: RunningPortal, options: dict[str, Any]
) -> None:
    async with Toolkit.from_webhook(portal.url, **options) as kit:
        said = await tools_of(kit)["b24_call"].ainvoke(READ)
    assert said.startswith('<portal-data of="crm.deal.get')


@pytest.mark.anyio
async def test_an_async_toolkit_refuses_the_blocking_face_on_its_own_loop(
    portal: RunningPortal, options: dict[str, Any]
) -> None:
    async with Toolkit.from_webhook(portal.url, **options) as kit:
        said = tools_of(kit)["b24_call"].invoke(READ)
    assert said.startswith("FAILED this is an async Toolkit")
    assert portal.requests == []


@pytest.mark.anyio
async def test_an_async_toolkit_serves_blocking_callers_in_other_threads(
    portal: RunningPortal, options: dict[str, Any]
) -> None:
    async with Toolkit.from_webhook(portal.url, **options) as kit:
        tool = tools_of(kit)["b24_call"]
        await tool.ainvoke(READ)  # from here on the toolkit lives on this loop
        said = await asyncio.to_thread(tool.invoke, READ)
    assert said.startswith('<portal-data of="crm.deal.get')


def test_a_blocking_toolkit_serves_one_loop_after_another(kit: SyncToolkit) -> None:
    tool = tools_of(kit)["b24_call"]
    said = [asyncio.run(tool.ainvoke(READ)) for _ in range(3)]
    assert {text[:29] for text in said} == {'<portal-data of="crm.deal.get'}


@pytest.mark.anyio
async def test_a_cancelled_call_is_cancelled_where_it_runs(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    portal.faults.add("crm.deal.get", "slow", seconds=5)
    task = asyncio.create_task(tools_of(kit)["b24_call"].ainvoke(READ))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# --- the middleware ------------------------------------------------------------------------


def test_a_turn_gets_the_tools_its_request_needs_and_runs_them(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    chat = model(says(call("b24_crm_deal_get", {"id": 1})))
    made = create_agent(chat, middleware=[Bitrix24Middleware(kit, per_request=5)])
    state = made.invoke({"messages": [HumanMessage("crm.deal.get")]})
    first, second = chat._bound
    assert first[:5] == GATEWAY
    assert "b24_crm_deal_get" in first
    assert 5 < len(first) <= 10
    assert second == first
    assert [m.status for m in results(state)] == ["success"]
    assert portal.journal.count("crm.deal.get") == 1


def test_what_the_model_finds_is_appended_and_never_reordered(kit: SyncToolkit) -> None:
    chat = model(says(call("b24_find", {"request": "send a chat message"})))
    made = create_agent(chat, middleware=[Bitrix24Middleware(kit, per_request=3)])
    made.invoke({"messages": [HumanMessage("crm.deal.get")]})
    first, second = chat._bound
    assert second[: len(first)] == first
    assert len(second) > len(first)
    assert len(set(second)) == len(second)


def test_the_number_of_loaded_tools_is_bounded(kit: SyncToolkit) -> None:
    chat = model(
        says(call("b24_find", {"request": "send a chat message"})),
        says(call("b24_find", {"request": "add a contact"})),
    )
    made = create_agent(chat, middleware=[Bitrix24Middleware(kit, per_request=5, limit=6)])
    made.invoke({"messages": [HumanMessage("list deals")]})
    assert max(len(bound) for bound in chat._bound) <= 5 + 6


def test_loaded_tools_survive_a_restart_and_stay_out_of_the_output(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    saver = InMemorySaver()
    first = model(says(text="ok"))
    made = create_agent(first, middleware=[Bitrix24Middleware(kit)], checkpointer=saver)
    state = made.invoke({"messages": [HumanMessage("crm.deal.get")]}, THREAD)
    assert "b24_exposed" not in state
    second = model(says(call("b24_crm_deal_get", {"id": 1})))
    made = create_agent(second, middleware=[Bitrix24Middleware(kit)], checkpointer=saver)
    state = made.invoke({"messages": [HumanMessage("and now?")]}, THREAD)
    assert second._bound[0][: len(first._bound[0])] == first._bound[0]
    assert results(state)[-1].status == "success"


def test_a_tool_that_is_not_loaded_does_not_run(portal: RunningPortal, kit: SyncToolkit) -> None:
    chat = model(says(call("b24_crm_deal_get", {"id": 1})))
    made = create_agent(chat, middleware=[Bitrix24Middleware(kit)])
    state = made.invoke({"messages": [HumanMessage("zzz qqq xxx")]})
    (message,) = results(state)
    assert message.text == ("b24_crm_deal_get is not loaded. Nothing was sent. Use b24_find first.")
    assert portal.requests == []


@pytest.mark.anyio
async def test_the_middleware_works_in_async_agents_and_writes_stop_there(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    chat = model(says(call("b24_crm_deal_update", UPDATE["params"])))
    made = create_agent(chat, middleware=[Bitrix24Middleware(kit)], checkpointer=InMemorySaver())
    state = await made.ainvoke({"messages": [HumanMessage("crm.deal.update")]}, THREAD)
    assert len(state["__interrupt__"]) == 1
    assert portal.journal.writes() == []
    await made.ainvoke(Command(resume={"decisions": [{"type": "approve"}]}), THREAD)
    assert portal.journal.count("crm.deal.update") == 1


def test_a_response_format_does_not_make_every_argument_required(kit: SyncToolkit) -> None:
    class Answer(BaseModel):
        text: str

    chat = ScriptedModel(script=[says(call("Answer", {"text": "hi"}))])
    made = create_agent(chat, middleware=[Bitrix24Middleware(kit)], response_format=Answer)
    state = made.invoke({"messages": [HumanMessage("list deals")]})
    assert state["structured_response"] == Answer(text="hi")
    assert [kwargs.get("strict") for kwargs in chat._kwargs] == [None]


def test_a_toolkit_object_is_taken_too(kit: SyncToolkit) -> None:
    made = Bitrix24Middleware(Bitrix24Toolkit(kit=kit), gateway=False)
    assert list(made.tools) == []


# --- callbacks -----------------------------------------------------------------------------


def test_the_callback_reports_each_call_without_secrets(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    events: list[ToolEvent] = []
    handler = Bitrix24CallbackHandler(events.append)
    turn = says(call("b24_call", READ), call("b24_call", {"method": portal.url}))
    create_agent(model(turn), tools=[*tools_of(kit).values()]).invoke(
        {"messages": [HumanMessage("go")]}, {"callbacks": [handler]}
    )
    secret = portal.url.rstrip("/").rsplit("/", 1)[1]
    seen = sorted((e.tool, e.method == "crm.deal.get", e.ok) for e in events)
    assert seen == [("b24_call", False, False), ("b24_call", True, True)]
    assert secret not in repr(events)


def test_a_pause_for_an_approval_is_no_failed_call(kit: SyncToolkit) -> None:
    events: list[ToolEvent] = []
    made = create_agent(
        model(says(call("b24_call", UPDATE))),
        tools=[*tools_of(kit).values()],
        checkpointer=InMemorySaver(),
    )
    made.invoke(
        {"messages": [HumanMessage("go")]},
        {**THREAD, "callbacks": [Bitrix24CallbackHandler(events.append)]},
    )
    assert events == []


def test_by_default_the_callback_logs_one_line(
    kit: SyncToolkit, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "langchain_bitrix24")
    tools_of(kit)["b24_call"].invoke(READ, {"callbacks": [Bitrix24CallbackHandler()]})
    (line,) = [r.message for r in caplog.records if r.name == "langchain_bitrix24"]
    assert line.startswith("b24_call crm.deal.get risk=destructive ok=True ")


def test_the_guard_callback_can_object_to_more(portal: RunningPortal, kit: SyncToolkit) -> None:
    guard = Bitrix24GuardHandler(
        lambda _name, _facts, args: "no reading" if "get" in json.dumps(args) else None
    )
    with pytest.raises(ToolException, match="refused by the host: no reading"):
        tools_of(kit)["b24_call"].invoke(READ, {"callbacks": [guard]})
    assert portal.requests == []


# --- the retriever -------------------------------------------------------------------------


def test_a_document_carries_what_a_host_filters_by(refs: References) -> None:
    found = Bitrix24Retriever(references=refs, packs=["core"], k=3).invoke("crm.deal.get")
    first = found[0]
    method = refs.method("crm.deal.get")
    assert first.id == "crm.deal.get@2"
    assert first.page_content
    assert {**first.metadata, "score": 0, "tokens": 0} == {
        "method": "crm.deal.get",
        "version": 2,
        "pack": "core",
        "risk": "read",
        "file": f"methods/{method.family}.md",
        "tokens": 0,
        "source": method.docs_url,
        "score": 0,
        **({"replaced_by": method.replaced_by} if method.replaced_by else {}),
    }
    assert {d.metadata["pack"] for d in found} == {"core"}


def test_a_retriever_of_a_toolkit_looks_in_its_packs_only(kit: SyncToolkit) -> None:
    found = Bitrix24Retriever(kit=kit, k=20).invoke("list tasks of a workgroup")
    assert {d.metadata["pack"] for d in found} <= {"core", "comms"}


def test_asking_for_another_pack_does_not_leave_the_toolkits_packs(kit: SyncToolkit) -> None:
    retriever = Bitrix24Retriever(kit=kit, packs=["collab", "core"], k=20)
    assert retriever.packs == ("core",)
    assert Bitrix24Retriever(kit=kit, packs=["collab"]).invoke("create a task") == []


def test_a_pack_that_does_not_exist_is_refused(refs: References) -> None:
    with pytest.raises(SettingsError, match="there is no pack 'crm'"):
        Bitrix24Retriever(references=refs, packs=["crm"])


def test_what_nothing_serves_finds_no_document(refs: References) -> None:
    assert Bitrix24Retriever(references=refs).invoke("qqq zzz xxx") == []


def test_every_method_can_be_loaded_into_a_store_of_ones_own(refs: References) -> None:
    documents = list(Bitrix24Retriever(references=refs).documents(["core"]))
    assert len(documents) == len(refs.methods("core"))
    assert len({d.id for d in documents}) == len(documents)
    json.dumps([d.metadata for d in documents])


def test_a_write_outside_a_graph_waits_in_the_store(
    portal: RunningPortal, kit: SyncToolkit, refs: References
) -> None:
    said = tools_of(kit)["b24_call"].invoke(UPDATE)
    (plan,) = kit.plans()
    assert said.startswith(
        f"NOT DONE YET: {plan.summary} waits for a human's approval. Plan {plan.id}."
    )
    assert writes_sent(portal, refs) == []
    kit.approve(plan.id, by="host")
    done = tools_of(kit)["b24_execute"].invoke({"plan_id": plan.id})
    assert done.startswith('<portal-data of="crm.deal.update">')
    assert portal.journal.count("crm.deal.update") == 1
