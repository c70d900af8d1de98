"""Every known way around a tool in LlamaIndex; each test asks the wire, not the tool."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import llama_index.core.instrumentation as instrumentation
import pytest
from adapter_agents import DELETE, UPDATE
from llama_agents import QUIET, Script, agent, drive, llm, no, stop, until_asked, yes
from llama_index.core.agent.workflow import CodeActAgent, FunctionAgent
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index.core.tools.calling import acall_tool, call_tool
from llama_index.core.workflow import Context, HumanResponseEvent

from bitrix24_agent import Policy, SyncToolkit
from bitrix24_agent.testing import RunningPortal
from llama_index.tools.bitrix24 import Approval, Bitrix24ToolSpec, JsonOnlySerializer

pytestmark = [pytest.mark.anyio, *QUIET]

Sent = Callable[[], list[str]]


def tools(kit: SyncToolkit, *names: str) -> list[Any]:
    return list(Bitrix24ToolSpec(kit).to_tool_list(list(names) if names else None))


async def settle(handler: Any) -> None:
    """Let a run that should be waiting do everything it can do."""
    for _ in range(40):
        await asyncio.sleep(0.01)
    assert not handler.is_done()


# --- arguments -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        {"id": "not a number", "fields": {"TITLE": "x"}},
        {"fields": {"TITLE": "x"}},
        {"id": 1, "fields": {"TITLE": "x"}, "confirm": True},
        {"id": 1, "fields": {"TITLE": "x"}, "approved": True, "plan_id": "p-1"},
        {"id": 1, "fields": {"TITLE": "x"}, "ctx": {"approved": True}},
        {"id": 1, "fields": {"TITLE": "x"}, "caller": "boss", "self": "boss"},
        {"id": 1, "fields": {"TITLE": "x"}, "auth": "stolen"},
        {"id": [1, 2, 3], "fields": "TITLE=x"},
        {},
    ],
)
async def test_wrong_or_extra_arguments_open_nothing(
    kit: SyncToolkit, sent: Sent, args: dict[str, Any]
) -> None:
    (tool,) = tools(kit, "b24_crm_deal_update")
    tool.call(**args)
    await tool.acall(**args)
    handler = agent([tool], [("b24_crm_deal_update", args)]).run("go")
    await drive(handler, no)
    assert sent() == []


async def test_what_the_host_preset_cannot_be_overridden(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    (tool,) = tools(kit, "b24_crm_deal_get")
    tool.partial_params = {"id": 3}
    outputs, _ = await drive(agent([tool], [("b24_crm_deal_get", {"id": 1})]).run("go"))
    assert outputs[0].raw_input == {"kwargs": {"id": 3}}
    assert tool(id=1).raw_input == {"kwargs": {"id": 3}}
    assert {e.params["id"] for e in portal.journal.calls("crm.deal.get")} <= {3, "3"}


# --- every entry point ---------------------------------------------------------------------


async def test_every_entry_point_leads_through_the_gateway(kit: SyncToolkit, sent: Sent) -> None:
    (tool,) = tools(kit, "b24_crm_deal_update")
    params = UPDATE["params"]
    texts = [
        tool(**params).content,
        tool.call(**params).content,
        (await tool.acall(**params)).content,
        tool.fn(**params),
        await tool.async_fn(**params),
        await tool.real_fn(**params),
        call_tool(tool, params).content,
        (await acall_tool(tool, params)).content,
    ]
    assert [str(text)[:12] for text in texts] == ["NOT DONE YET"] * len(texts)
    assert sent() == []


@pytest.mark.parametrize("face", ["call_tool", "acall_tool"])
async def test_a_tool_with_one_argument_that_fails_runs_once(
    portal: RunningPortal, options: dict[str, Any], face: str
) -> None:
    portal.faults.add("crm.deal.delete", "lost", when="after", times=None)
    policy = Policy(approver=lambda _: True)
    with SyncToolkit.from_webhook(portal.url, policy=policy, **options) as kit:
        (tool,) = tools(kit, "b24_crm_deal_delete")
        if face == "call_tool":
            output = call_tool(tool, {"id": 2})
        else:
            output = await acall_tool(tool, {"id": 2})
    assert output.is_error is True
    assert "It may have been done" in output.content
    assert len([r for r in portal.requests if r.method.startswith("crm.deal.delete")]) == 1


async def test_code_an_agent_writes_cannot_write_unasked(
    portal: RunningPortal, kit: SyncToolkit, sent: Sent
) -> None:
    (tool,) = tools(kit, "b24_crm_deal_delete")

    async def execute(code: str) -> str:
        scope: dict[str, Any] = {"b24_crm_deal_delete": tool.real_fn}
        exec(code, scope)
        return str(await scope["main"]())

    code = (
        "async def main():\n"
        "    try:\n        return await b24_crm_deal_delete(id=2)\n"
        "    except Exception as error:\n        return error\n"
    )
    made = CodeActAgent(
        code_execute_fn=execute,
        tools=[tool],
        llm=llm(Script(f"<execute>\n{code}</execute>")),
        streaming=False,
    )
    handler = made.run("go")
    try:
        await asyncio.wait_for(handler, 5)
    finally:
        assert sent() == []


# --- hooks that only watch -----------------------------------------------------------------


class RaisingEvents(BaseEventHandler):
    def handle(self, event: Any, **kwargs: Any) -> None:
        raise PermissionError("blocked")


class RaisingSpans(BaseSpanHandler[Any]):
    def new_span(self, *args: Any, **kwargs: Any) -> None:
        raise PermissionError("blocked")

    def prepare_to_exit_span(self, *args: Any, **kwargs: Any) -> None:
        raise PermissionError("blocked")

    def prepare_to_drop_span(self, *args: Any, **kwargs: Any) -> None:
        raise PermissionError("blocked")


@pytest.fixture
def raising_hooks() -> Iterator[None]:
    root = instrumentation.get_dispatcher()
    events, spans = list(root.event_handlers), list(root.span_handlers)
    root.add_event_handler(RaisingEvents())
    root.add_span_handler(RaisingSpans())
    try:
        yield
    finally:
        root.event_handlers, root.span_handlers = events, spans


async def test_hooks_whose_objection_is_swallowed_are_not_what_protects(
    kit: SyncToolkit, sent: Sent, raising_hooks: None
) -> None:
    handler = agent(tools(kit), [("b24_call", UPDATE)]).run("go")
    await until_asked(handler)
    assert sent() == []
    await stop(handler)


async def test_a_callback_put_on_the_tool_does_not_make_a_done_write_look_failed(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    made = tools(kit)

    async def fails(_: Any) -> None:
        raise PermissionError("blocked")

    for tool in made:
        tool._async_callback = fails
    outputs, _ = await drive(agent(made, [("b24_call", UPDATE)]).run("go"))
    assert [o.is_error for o in outputs] == [False]
    assert portal.journal.count("crm.deal.update") == 1


# --- answers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        HumanResponseEvent(response="yes"),
        HumanResponseEvent(plan_id="another", approved=True),
        Approval(plan_id="another", approved=True),
        Approval(plan_id="", approved=True),
    ],
)
async def test_an_answer_to_something_else_resolves_nothing(
    kit: SyncToolkit, sent: Sent, answer: Any
) -> None:
    handler = agent(tools(kit), [("b24_call", UPDATE)]).run("go")
    await until_asked(handler)
    handler.ctx.send_event(answer)
    await settle(handler)
    assert sent() == []
    await stop(handler)


async def test_one_yes_does_not_serve_two_calls(portal: RunningPortal, kit: SyncToolkit) -> None:
    other = {"method": "crm.deal.delete", "params": {"id": 3}}
    handler = agent(tools(kit), [("b24_call", DELETE), ("b24_call", other)]).run("go")
    seen: list[Any] = []
    async for event in handler.stream_events():
        if type(event).__name__ == "ApprovalRequired":
            seen.append(event)
            if len(seen) == 2:
                break
    first = next(e for e in seen if "id=2" in e.summary)
    for _ in range(2):
        handler.ctx.send_event(Approval(plan_id=first.plan_id, approved=True))
    for _ in range(40):
        await asyncio.sleep(0.01)
    assert [int(e.params["id"]) for e in portal.journal.writes()] == [2]
    await stop(handler)


@pytest.mark.parametrize("right", [True, False])
async def test_after_a_restart_an_answer_for_another_plan_sends_nothing(
    portal: RunningPortal, options: dict[str, Any], sent: Sent, right: bool
) -> None:
    with SyncToolkit.from_webhook(portal.url, **options) as kit:
        handler = agent(tools(kit), [("b24_call", UPDATE)]).run("go")
        question = await until_asked(handler)
        saved = json.dumps(handler.ctx.to_dict(serializer=JsonOnlySerializer()))
        await stop(handler)
    with SyncToolkit.from_webhook(portal.url, **options) as kit:
        made = agent(tools(kit))
        ctx: Any = Context.from_dict(made, json.loads(saved), serializer=JsonOnlySerializer())
        handler = made.run(ctx=ctx)
        plan_id = question.plan_id if right else "another"
        handler.ctx.send_event(Approval(plan_id=plan_id, approved=True))
        (output,), _ = await drive(handler)
    assert output.is_error is not right
    assert portal.journal.count("crm.deal.update") == int(right)
    if not right:
        assert "is for another plan" in output.content
        assert sent() == []


async def test_a_saved_run_that_was_edited_still_asks_for_what_it_does(
    portal: RunningPortal, options: dict[str, Any], sent: Sent
) -> None:
    with SyncToolkit.from_webhook(portal.url, **options) as kit:
        handler = agent(tools(kit), [("b24_call", DELETE)]).run("go")
        question = await until_asked(handler)
        saved = json.dumps(handler.ctx.to_dict(serializer=JsonOnlySerializer()))
        await stop(handler)
    edited = saved.replace('\\"id\\": 2', '\\"id\\": 4')
    assert edited != saved
    with SyncToolkit.from_webhook(portal.url, **options) as kit:
        made = agent(tools(kit))
        ctx: Any = Context.from_dict(made, json.loads(edited), serializer=JsonOnlySerializer())
        handler = made.run(ctx=ctx)
        handler.ctx.send_event(Approval(plan_id=question.plan_id, approved=True))
        asked = await until_asked(handler)
        assert asked.plan_id != question.plan_id
        assert "id=4" in asked.summary
        assert sent() == []
        await stop(handler)


async def test_the_model_cannot_execute_a_plan_nobody_approved(
    kit: SyncToolkit, sent: Sent
) -> None:
    made = {t.metadata.name: t for t in tools(kit)}
    made["b24_call"].call(**UPDATE)
    (plan,) = kit.plans()
    outputs, _ = await drive(
        agent([*made.values()], [("b24_execute", {"plan_id": plan.id})]).run("go"), no
    )
    assert outputs[0].is_error is True
    assert sent() == []


# --- names and repetition ------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["b24_crm_deal_delete", "b24_approve", "B24_CALL", "crm.deal.delete", "handoff"]
)
async def test_an_invented_tool_name_runs_nothing(kit: SyncToolkit, sent: Sent, name: str) -> None:
    spec = Bitrix24ToolSpec(kit)
    turn = [(name, {"id": 1, **DELETE})]
    made = FunctionAgent(
        tool_retriever=spec.tool_retriever(), llm=llm(Script(turn)), streaming=False
    )
    outputs, _ = await drive(made.run("zzz qqq"), no)
    assert "not found" in outputs[0].content
    outputs, _ = await drive(agent(tools(kit), turn).run("zzz qqq"), no)
    assert "not found" in outputs[0].content
    assert sent() == []


async def test_a_step_that_runs_again_keeps_its_plan(kit: SyncToolkit, sent: Sent) -> None:
    handler = agent(tools(kit), [("b24_call", UPDATE)]).run("go")
    question = await until_asked(handler)
    saved = json.dumps(handler.ctx.to_dict(serializer=JsonOnlySerializer()))
    await stop(handler)
    made = agent(tools(kit))
    for _ in range(2):
        ctx: Any = Context.from_dict(made, json.loads(saved), serializer=JsonOnlySerializer())
        handler = made.run(ctx=ctx)
        await asyncio.sleep(0.1)
        await stop(handler)
    assert [plan.id for plan in kit.plans()] == [question.plan_id]
    assert sent() == []


async def test_resuming_one_saved_run_twice_sends_once(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    handler = agent(tools(kit), [("b24_call", UPDATE)]).run("go")
    question = await until_asked(handler)
    saved = json.dumps(handler.ctx.to_dict(serializer=JsonOnlySerializer()))
    await stop(handler)
    made = agent(tools(kit))
    for _ in range(2):
        ctx: Any = Context.from_dict(made, json.loads(saved), serializer=JsonOnlySerializer())
        handler = made.run(ctx=ctx)
        handler.ctx.send_event(yes(question))
        await drive(handler, no)
    assert portal.journal.count("crm.deal.update") == 1
