"""LlamaIndex: tools, approvals, retrievers and a restart."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from adapter_agents import DELETE, READ, UPDATE, writes_sent
from llama_agents import QUIET, Script, agent, drive, llm, no, stop, until_asked, yes
from llama_index.core import VectorStoreIndex
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.schema import QueryBundle
from llama_index.core.tools import ToolMetadata
from llama_index.core.workflow import Context
from pydantic import ValidationError

from bitrix24_agent import References, SyncToolkit, Toolkit
from bitrix24_agent.errors import SettingsError
from bitrix24_agent.testing import RunningPortal
from llama_index.tools.bitrix24 import (
    Approval,
    Bitrix24Retriever,
    Bitrix24ToolSpec,
    JsonOnlySerializer,
)

pytestmark = [pytest.mark.anyio, *QUIET]

GATEWAY = ["b24_find", "b24_describe", "b24_call", "b24_more", "b24_execute"]


def tools(kit: SyncToolkit | Toolkit, *names: str) -> list[Any]:
    return list(Bitrix24ToolSpec(kit).to_tool_list(list(names) if names else None))


def title(portal: RunningPortal, deal: int = 1) -> str:
    return str(portal.state.deals.rows[deal]["TITLE"])


# --- the tool spec -------------------------------------------------------------------------


def test_the_default_exposure_is_five_tools(kit: SyncToolkit) -> None:
    spec = Bitrix24ToolSpec(kit)
    assert [t.metadata.name for t in spec.to_tool_list()] == GATEWAY
    assert spec.spec_functions == GATEWAY


def test_an_empty_list_means_no_tool(kit: SyncToolkit) -> None:
    assert Bitrix24ToolSpec(kit).to_tool_list([]) == []


def test_any_tool_of_an_enabled_pack_can_be_named(kit: SyncToolkit) -> None:
    (tool,) = tools(kit, "b24_crm_deal_get")
    assert tool.metadata.description.startswith("crm.deal.get: ")


def test_a_name_that_is_no_tool_is_refused_with_the_nearest(kit: SyncToolkit) -> None:
    with pytest.raises(SettingsError, match="b24_crm_deal_get"):
        Bitrix24ToolSpec(kit).to_tool_list(["b24_crm_deal_gett"])


def test_a_host_may_describe_a_tool_in_its_own_words(kit: SyncToolkit) -> None:
    own = ToolMetadata(name="read_deal", description="Read a deal of ours.")
    (tool,) = Bitrix24ToolSpec(kit).to_tool_list(["b24_crm_deal_get"], {"b24_crm_deal_get": own})
    assert tool.metadata.name == "read_deal"
    assert tool.call(id=1).raw_output == {"ok": True, "handle": None}


async def test_the_async_list_is_the_same(kit: SyncToolkit) -> None:
    made = await Bitrix24ToolSpec(kit).to_tool_list_async()
    assert [t.metadata.name for t in made] == GATEWAY


def test_a_webhook_makes_a_spec_that_shows_no_secret(
    portal: RunningPortal, options: dict[str, Any]
) -> None:
    secret = portal.url.rstrip("/").rsplit("/", 1)[1]
    with Bitrix24ToolSpec.from_webhook(portal.url, **options) as spec:
        assert secret not in repr(spec)
        assert [t for t in spec.to_tool_list() if secret in repr(t)] == []


def test_the_environment_makes_a_spec(
    portal: RunningPortal, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("B24_WEBHOOK_URL", portal.url)
    with Bitrix24ToolSpec.from_env(**options) as spec:
        assert spec.to_tool_list()[2].call(**READ).is_error is False


# --- calling -------------------------------------------------------------------------------


def test_the_output_is_text_with_a_small_json_value(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    output = tools(kit)[2].call(**READ)
    assert title(portal) in output.content
    assert output.raw_output == {"ok": True, "handle": None}
    assert output.raw_input == {"kwargs": READ}
    json.dumps(output.model_dump(mode="json"))


def test_an_empty_list_is_not_an_empty_message(kit: SyncToolkit) -> None:
    nothing = {"method": "crm.deal.list", "params": {"filter": {"ID": 999_999}}}
    assert tools(kit)[2].call(**nothing).content.strip()


def test_positional_arguments_are_taken_in_the_schemas_order(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    (tool,) = tools(kit, "b24_crm_deal_get")
    assert title(portal) in tool(1).content
    assert tool(1, 2, 3).is_error is True


async def test_an_async_toolkit_serves_agents_on_its_loop(
    portal: RunningPortal, options: dict[str, Any]
) -> None:
    async with Toolkit.from_webhook(portal.url, **options) as kit:
        outputs, _ = await drive(agent(tools(kit), [("b24_call", READ)]).run("go"))
    assert [o.is_error for o in outputs] == [False]


async def test_parallel_calls_come_back_each_with_its_own_answer(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    turn = [("b24_call", {"method": "crm.deal.get", "params": {"id": n}}) for n in range(1, 13)]
    outputs, _ = await drive(agent(tools(kit), turn).run("go"))
    assert sorted(o.raw_input["kwargs"]["params"]["id"] for o in outputs) == list(range(1, 13))
    for output in outputs:
        assert title(portal, output.raw_input["kwargs"]["params"]["id"]) in output.content


# --- approvals -----------------------------------------------------------------------------


def workflows(kind: str, made: list[Any], name: str, args: dict[str, Any]) -> Any:
    if kind == "ReActAgent":
        turn = f"Thought: x\nAction: {name}\nAction Input: {json.dumps(args)}"
        return ReActAgent(
            tools=made, llm=llm(Script(turn, "Thought: x\nAnswer: done")), streaming=False
        )
    single = agent(made, [(name, args)])
    if kind == "FunctionAgent":
        return single
    single.name, single.description = "one", "does it"
    return AgentWorkflow(agents=[single])


@pytest.mark.parametrize("kind", ["FunctionAgent", "AgentWorkflow", "ReActAgent"])
async def test_a_yes_sends_the_call_once_in_every_agent(
    portal: RunningPortal, kit: SyncToolkit, kind: str
) -> None:
    before = title(portal)
    made = workflows(kind, tools(kit), "b24_call", UPDATE)
    outputs, (question,) = await drive(made.run("go"))
    (plan,) = kit.plans()
    assert question.plan_id == plan.id
    assert question.tool == "b24_call"
    assert question.risk == "write"
    assert question.changes == [{"path": "fields.TITLE", "before": before, "after": "changed"}]
    assert question.sends["params"] == UPDATE["params"]
    assert question.description.startswith(plan.summary)
    assert [o.is_error for o in outputs] == [False]
    assert title(portal) == "changed"
    assert portal.journal.count("crm.deal.update") == 1
    assert (plan.status, plan.decided_by) == ("executed", "olga")


async def test_a_no_reaches_the_model_and_sends_nothing(
    portal: RunningPortal, kit: SyncToolkit, refs: References
) -> None:
    (output,), _ = await drive(agent(tools(kit), [("b24_call", UPDATE)]).run("go"), no)
    assert output.is_error is True
    assert output.content.startswith("NOT DONE: the user refused it: not today.")
    assert writes_sent(portal, refs) == []


async def test_two_parallel_writes_are_two_questions(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    made = agent(tools(kit), [("b24_call", UPDATE), ("b24_call", DELETE)])
    _, questions = await drive(made.run("go"), lambda e: yes(e) if "update" in e.summary else no(e))
    assert len(questions) == 2
    assert [e.method for e in portal.journal.writes()] == ["crm.deal.update"]


async def test_the_same_call_twice_in_a_turn_is_two_questions(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    add = {"method": "crm.deal.add", "params": {"fields": {"TITLE": "twin"}}}
    made = agent(tools(kit), [("b24_call", add), ("b24_call", add)])
    _, questions = await drive(made.run("go"))
    assert len({q.plan_id for q in questions}) == 2
    assert portal.journal.count("crm.deal.add") == 2


async def test_a_model_that_reuses_call_ids_makes_new_requests(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    add = {"method": "crm.deal.add", "params": {"fields": {"TITLE": "again"}}}
    made = agent(tools(kit), [("b24_call", add, "same")], [("b24_call", add, "same")])
    await drive(made.run("go"))
    assert portal.journal.count("crm.deal.add") == 2


async def test_a_host_can_say_for_whom_the_agent_works(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    made = agent(tools(kit), [("b24_call", UPDATE)])
    ctx: Any = Context(made)
    await ctx.store.set("b24_conversation", "ticket 7")
    await ctx.store.set("b24_actor", "agent of Olga")
    await drive(made.run("go", ctx=ctx))
    (plan,) = kit.plans()
    assert (plan.caller.conversation, plan.caller.actor) == ("ticket 7", "agent of Olga")


async def test_a_waiting_run_survives_a_restart(
    portal: RunningPortal, options: dict[str, Any]
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
        handler.ctx.send_event(Approval(plan_id=question.plan_id, approved=True))
        outputs, _ = await drive(handler)
        memory = await ctx.store.get("memory")
    assert [o.is_error for o in outputs] == [False]
    assert portal.journal.count("crm.deal.update") == 1
    assert [m.role.value for m in memory.get_all()] == ["user", "assistant", "tool", "assistant"]


def test_an_approval_needs_a_real_boolean() -> None:
    with pytest.raises(ValidationError):
        Approval(plan_id="p", approved="yes")


# --- tools chosen as it goes ---------------------------------------------------------------


async def test_a_turn_gets_the_tools_its_request_needs(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    script = Script([("b24_crm_deal_get", {"id": 1})])
    made = FunctionAgent(
        tool_retriever=Bitrix24ToolSpec(kit).tool_retriever(), llm=llm(script), streaming=False
    )
    outputs, _ = await drive(made.run("crm.deal.get"))
    assert script.offered[0][:5] == GATEWAY
    assert "b24_crm_deal_get" in script.offered[0]
    assert script.offered[1] == script.offered[0]
    assert [o.is_error for o in outputs] == [False]


async def test_what_the_model_finds_is_appended(portal: RunningPortal, kit: SyncToolkit) -> None:
    script = Script(
        [("b24_find", {"request": "send a chat message"})], [("b24_crm_lead_delete", {"id": 1})]
    )
    made = FunctionAgent(
        tool_retriever=Bitrix24ToolSpec(kit).tool_retriever(per_request=3),
        llm=llm(script),
        streaming=False,
    )
    outputs, _ = await drive(made.run("crm.deal.get"))
    first, second, _ = script.offered
    assert second[: len(first)] == first
    assert len(second) > len(first)
    assert "not found" in outputs[1].content
    assert portal.journal.writes() == []


async def test_a_second_request_adds_to_what_the_first_loaded(kit: SyncToolkit) -> None:
    script = Script("one", "two")
    made = FunctionAgent(
        tool_retriever=Bitrix24ToolSpec(kit).tool_retriever(), llm=llm(script), streaming=False
    )
    ctx: Any = Context(made, serializer=JsonOnlySerializer())
    await made.run("crm.deal.get", ctx=ctx)
    await made.run("send a chat message", ctx=ctx)
    first, second = script.offered
    assert second[: len(first)] == first
    assert len(second) > len(first)
    memory = await ctx.store.get("memory")
    assert [m.content for m in memory.get_all()] == [
        "crm.deal.get", "one", "send a chat message", "two",
    ]  # fmt: skip


async def test_outside_a_run_the_retriever_remembers_nothing(kit: SyncToolkit) -> None:
    retriever = Bitrix24ToolSpec(kit).tool_retriever()
    names = [t.metadata.name for t in await retriever.aretrieve("crm.deal.get")]
    assert names == [t.metadata.name for t in retriever.retrieve("crm.deal.get")]
    assert [t.metadata.name for t in retriever.retrieve(QueryBundle(""))] == GATEWAY


# --- the retriever -------------------------------------------------------------------------


async def test_a_node_carries_what_a_host_filters_by(refs: References) -> None:
    retriever = Bitrix24Retriever(references=refs, packs=["core"], k=3)
    found = retriever.retrieve("crm.deal.get")
    assert [n.node.node_id for n in found] == [
        n.node.node_id for n in await retriever.aretrieve("crm.deal.get")
    ]
    assert found[0].node.node_id == "crm.deal.get@2"
    assert found[0].score
    assert {n.node.metadata["pack"] for n in found} == {"core"}
    assert set(found[0].node.metadata) >= {
        "method", "version", "pack", "risk", "file", "tokens", "source", "score",
    }  # fmt: skip
    assert len(found) <= 3


def test_a_retriever_refuses_what_cannot_be(refs: References) -> None:
    with pytest.raises(SettingsError, match="there is no pack 'crm'"):
        Bitrix24Retriever(references=refs, packs=["crm"])
    with pytest.raises(SettingsError, match="at least one node"):
        Bitrix24Retriever(references=refs, k=0)


def test_what_nothing_serves_finds_no_node(refs: References) -> None:
    assert Bitrix24Retriever(references=refs).retrieve("qqq zzz xxx") == []


def test_the_cards_load_into_an_index_of_ones_own(refs: References) -> None:
    nodes = list(Bitrix24Retriever(references=refs).nodes(["compliance"]))
    index = VectorStoreIndex(nodes, embed_model=MockEmbedding(embed_dim=4))
    assert len(index.docstore.docs) == len(refs.methods("compliance"))


# --- the serializer ------------------------------------------------------------------------


def test_only_json_comes_out_and_only_known_classes_come_back() -> None:
    serializer = JsonOnlySerializer()
    message = ChatMessage(role="user", content="hi")
    assert serializer.deserialize(serializer.serialize({"m": [message]})) == {"m": [message]}
    foreign = json.dumps({"__is_pydantic": True, "value": {}, "qualified_name": "subprocess.Popen"})
    with pytest.raises(ValueError, match=r"subprocess\.Popen"):
        serializer.deserialize(foreign)
    with pytest.raises(ValueError, match="serialize"):
        serializer.serialize(object())


async def test_many_agents_share_one_toolkit(portal: RunningPortal, kit: SyncToolkit) -> None:
    made = [agent(tools(kit), [("b24_call", READ)]) for _ in range(6)]
    done = await asyncio.gather(*(drive(one.run("go")) for one in made))
    assert [[o.is_error for o in outputs] for outputs, _ in done] == [[False]] * 6
