"""Every Python block of the adapters' READMEs runs, in order, as a new user would run it."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from adapter_agents import ScriptedModel, call, says
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from llama_agents import QUIET
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms.mock import MockFunctionCallingLLM

from bitrix24_agent import References
from bitrix24_agent.retrieval.docs.index import default_index
from bitrix24_agent.retrieval.docs.search import DocsIndex
from bitrix24_agent.testing import RunningPortal

pytestmark = QUIET

ROOT = Path(__file__).resolve().parents[3]
LANGCHAIN = ROOT / "integrations" / "langchain_bitrix24" / "README.md"
LLAMA_INDEX = ROOT / "integrations" / "llama_index" / "tools" / "bitrix24" / "README.md"
FENCE = re.compile(r"(?:<!-- name: ([\w-]+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)


class Page:
    """A README whose blocks share one namespace, as in a notebook."""

    def __init__(self, path: Path, **given: Any) -> None:
        blocks = FENCE.findall(path.read_text(encoding="utf-8"))
        self.shell = [code.strip() for _, language, code in blocks if language == "bash"]
        self.python = {name: code for name, language, code in blocks if language == "python"}
        self.languages = {language for _, language, _ in blocks}
        self.space: dict[str, Any] = dict(given)

    async def run(self, *names: str) -> None:
        for name in names:
            code = compile(
                self.python[name], f"README {name}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            )
            done = eval(code, self.space)
            if inspect.isawaitable(done):
                await done


@pytest.fixture
def portal(
    one_portal: RunningPortal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, refs: References
) -> RunningPortal:
    """The emulator in the environment of a user who has also indexed the documentation."""
    one_portal.reset()
    for name in list(os.environ):
        if name.startswith("B24_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("B24_WEBHOOK_URL", one_portal.url)
    monkeypatch.setenv("B24_STATE", f"sqlite:///{tmp_path / 'state.db'}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    methods = {m.page: (m.name, m.pack) for m in refs.methods()}
    DocsIndex.build(ROOT / "tests" / "fixtures" / "docs", default_index(), methods=methods)
    return one_portal


def wanted(request: str) -> dict[str, Any]:
    """The call the scripted models make for what a README asks."""
    (number,) = re.findall(r"deal (\d)", request)
    if renamed := re.search(r"Rename deal \d to (.+)", request):
        fields = {"TITLE": renamed[1]}
        return {"method": "crm.deal.update", "params": {"id": int(number), "fields": fields}}
    return {"method": "crm.deal.get", "params": {"id": int(number)}}


def title(portal: RunningPortal, deal: int) -> str:
    return str(portal.state.deals.rows[deal]["TITLE"])


# --- LangChain -----------------------------------------------------------------------------


def _langchain_turn(messages: list[BaseMessage]) -> AIMessage:
    last = messages[-1]
    if isinstance(last, HumanMessage):
        return says(call("b24_call", wanted(last.text)))
    return says(text=f"Read: {last.text}")


@pytest.fixture
def langchain(portal: RunningPortal) -> Iterator[Page]:
    page = Page(
        LANGCHAIN,
        model=ScriptedModel(script=[_langchain_turn]),
        embeddings=DeterministicFakeEmbedding(size=8),
    )
    yield page
    if "toolkit" in page.space:
        page.space["toolkit"].close()


LANGCHAIN_BLOCKS = [
    "credentials", "instantiation", "directly", "tool-call", "agent", "pause", "resume",
    "middleware", "retriever", "docs", "docs-tool", "store", "sync", "callbacks",
]  # fmt: skip


def test_the_langchain_page_runs_from_top_to_bottom(
    langchain: Page, portal: RunningPortal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(langchain.python) == LANGCHAIN_BLOCKS
    before = title(portal, 2)

    asyncio.run(langchain.run("credentials", "instantiation", "directly", "tool-call"))
    space, out = langchain.space, capsys.readouterr().out
    assert "['b24_find', 'b24_describe', 'b24_call', 'b24_more', 'b24_execute']" in out
    assert '<portal-data of="crm.deal.get, empty fields left out">\n{"ID":"2",' in out
    assert "success {'ok': True, 'handle': None}" in out

    asyncio.run(langchain.run("agent", "pause"))
    out = capsys.readouterr().out
    assert before in out
    assert '-> "Spring order"\n' in out
    assert 'Sends crm.deal.update {"id": 2, "fields": {"TITLE": "Spring order"}}\n' in out
    assert portal.journal.writes() == []

    asyncio.run(langchain.run("resume"))
    assert title(portal, 2) == "Spring order"
    assert portal.journal.count("crm.deal.update") == 1
    (entry,) = [e for e in space["toolkit"].kit.audit() if e.method == "crm.deal.update@2"]
    assert (entry.actor, entry.data["approved_by"]) == ("sales agent", "ann")
    capsys.readouterr()

    asyncio.run(langchain.run("middleware", "retriever", "docs", "docs-tool"))
    out = capsys.readouterr().out
    assert "crm.item.update" in out
    assert "https://apidocs.bitrix24.com/api-reference/crm/deals/crm-deal-add.html" in out
    assert "</vendor-docs>" in out
    assert "crm.deal.add" in space["tool"].invoke({"query": "add a deal"})

    asyncio.run(langchain.run("store"))
    assert len(space["store"].store) == len(list(space["retriever"].documents()))
    assert len(space["found"]) == 3
    asyncio.run(langchain.run("sync"))
    passages = len(list(space["docs"].documents()))
    assert passages > 0
    assert space["done"] == {
        "num_added": passages, "num_updated": 0, "num_skipped": 0, "num_deleted": 0,
    }  # fmt: skip

    asyncio.run(langchain.run("callbacks"))
    assert "b24_call crm.deal.get True" in capsys.readouterr().out


def test_an_agent_with_the_middleware_of_the_langchain_page_does_the_job(
    langchain: Page, portal: RunningPortal
) -> None:
    asyncio.run(langchain.run("credentials", "instantiation", "agent", "middleware"))
    config = {"configurable": {"thread_id": "2"}}
    asked = {"messages": [("user", "What is deal 3 called?")]}
    state = langchain.space["agent"].invoke(asked, config)
    assert title(portal, 3) in state["messages"][-1].text


# --- LlamaIndex ----------------------------------------------------------------------------


def _llama_turn(messages: list[ChatMessage], **_: Any) -> ChatMessage:
    last = messages[-1]
    if last.role == "user":
        block = ToolCallBlock(
            tool_call_id=f"c{len(messages)}",
            tool_name="b24_call",
            tool_kwargs=wanted(last.content or ""),
        )
        return ChatMessage(role="assistant", blocks=[block])
    return ChatMessage(role="assistant", content=f"Read: {last.content}")


@pytest.fixture
def llama_index(portal: RunningPortal) -> Iterator[Page]:
    page = Page(
        LLAMA_INDEX,
        llm=MockFunctionCallingLLM(response_generator=_llama_turn, is_chat_model=True),
        embed_model=MockEmbedding(embed_dim=4),
    )
    yield page
    if "spec" in page.space:
        page.space["spec"].close()


LLAMA_INDEX_BLOCKS = [
    "credentials", "instantiation", "directly", "tool-call", "agent", "turns", "approve",
    "restart", "tool-retriever", "retriever", "docs", "store",
]  # fmt: skip


@pytest.mark.anyio
async def test_the_llama_index_page_runs_from_top_to_bottom(
    llama_index: Page, portal: RunningPortal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(llama_index.python) == LLAMA_INDEX_BLOCKS
    space = llama_index.space

    await llama_index.run("credentials", "instantiation", "directly", "tool-call")
    out = capsys.readouterr().out
    assert "['b24_find', 'b24_describe', 'b24_call', 'b24_more', 'b24_execute']" in out
    assert '<portal-data of="crm.deal.get, empty fields left out">\n{"ID":"2",' in out
    assert "False {'ok': True, 'handle': None}" in out

    before = title(portal, 2)
    await llama_index.run("agent", "turns")
    out = capsys.readouterr().out
    assert before in out
    assert out.endswith("2\n")

    await llama_index.run("approve")
    out = capsys.readouterr().out
    assert f'"{before}" -> "Spring order"\n' in out
    assert 'Sends crm.deal.update {"id": 2, "fields": {"TITLE": "Spring order"}}\n' in out
    assert title(portal, 2) == "Spring order"
    (plan,) = space["spec"].kit.plans()
    assert (plan.decided_by, plan.caller.actor) == ("ann", "sales agent")
    assert plan.caller.conversation == "ticket 7"

    await llama_index.run("restart")
    assert title(portal, 3) == "Summer order"
    assert portal.journal.count("crm.deal.update") == 2
    capsys.readouterr()

    await llama_index.run("tool-retriever", "retriever", "docs")
    out = capsys.readouterr().out
    assert "Spring order" in out
    assert "crm.item.update" in out
    assert "https://apidocs.bitrix24.com/api-reference/crm/deals/crm-deal-add.html" in out
    assert "</vendor-docs>" in out

    await llama_index.run("store")
    ids = {node.node_id for node in space["docs"].nodes()}
    assert set(space["index"].docstore.docs) == ids
    assert len(space["found"]) == 3


# --- both ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [LANGCHAIN, LLAMA_INDEX])
def test_a_page_has_the_sections_users_look_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", re.sub(FENCE, "", text), re.MULTILINE)
    expected = [
        "Setup", "Credentials", "Instantiation", "Invocation", "Directly", "As a tool call",
        "Within an agent", "Approvals", "Retriever", "Known limits",
    ]  # fmt: skip
    assert [h for h in headings if h in expected] == expected


@pytest.mark.parametrize("path", [LANGCHAIN, LLAMA_INDEX])
def test_every_block_is_run_or_is_one_of_the_shell_lines_known_here(path: Path) -> None:
    page = Page(path)
    extra = "langchain" if path == LANGCHAIN else "llama-index"
    assert page.languages == {"bash", "python"}
    assert "" not in page.python
    assert page.shell == [
        f"pip install 'bitrix24-agent[{extra}]'",
        "bitrix24-agent docs index ../b24restdocs",
    ]


@pytest.mark.parametrize("path", [LANGCHAIN, LLAMA_INDEX])
def test_the_index_command_of_a_page_exists(
    path: Path, portal: RunningPortal, capsys: pytest.CaptureFixture[str]
) -> None:
    from bitrix24_agent.cli import main

    command = Page(path).shell[-1].split()[1:-1]
    assert main([*command, str(ROOT / "tests" / "fixtures" / "docs")]) == 0
    assert "pages (en)" in capsys.readouterr().out
