"""The Python blocks of every page in docs/ run in order, as a reader would run them."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from bitrix24_agent import SyncToolkit
from bitrix24_agent.testing import running_portal

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LIMITS_PAGE = """# Limits

## Requests a second

A portal takes two requests a second on most plans, and the counter of requests holds fifty.
"""


def blocks(page):
    """The Python blocks of a page with the lines they start at."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, found.start()) + 2, found[2])
        for found in FENCE.finditer(text)
        if found[1] == "python"
    ]


@pytest.fixture
def portal(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("B24_", "OPENAI_")) or name == "MODEL":
            monkeypatch.delenv(name)
    with running_portal(deals=60) as running:
        monkeypatch.setenv("B24_WEBHOOK_URL", running.url)
        monkeypatch.setenv("B24_STATE", f"sqlite:///{tmp_path / 'state.db'}")
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(ROOT / "examples"))
        yield running


def run_page(page, **names):
    """Run a page's blocks one after another in one namespace, and return it."""
    space = {"__name__": page, **names}

    async def run():
        for line, code in blocks(page):
            tree = compile(
                "\n" * (line - 1) + code,
                str(DOCS / page),
                "exec",
                flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
                dont_inherit=True,
            )
            done = eval(tree, space)
            if inspect.isawaitable(done):
                await done

    asyncio.run(run())
    return space


def written(portal):
    return [entry.method for entry in portal.journal.writes()]


def test_every_page_with_python_blocks_has_a_test_here():
    source = Path(__file__).read_text(encoding="utf-8")
    with_blocks = [page for page in PAGES if blocks(page)]
    assert "langchain.md" in with_blocks
    for page in with_blocks:
        assert f'("{page}"' in source, page


def test_links_between_pages_and_examples_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", (DOCS / page).read_text(encoding="utf-8")):
            assert target.startswith("https://") or (DOCS / target).exists(), (page, target)


def test_the_page_on_langchain(portal, capsys):
    from _scripted import langchain_model

    space = run_page("langchain.md", model=langchain_model())
    out = capsys.readouterr().out
    assert "fields.probability" in out
    assert written(portal) == ["crm.item.update"] * 2
    by = [entry.data["approved_by"] for entry in audit(portal) if entry.outcome == "done"]
    assert by == ["approve_up_to(write)", "olga"]
    assert "b24_crm_item_list" in out
    assert space["state"]["__interrupt__"]


# LlamaIndex's own code under the newest pydantic; nothing of ours can avoid it.
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
@pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning")
def test_the_page_on_llama_index(portal, capsys):
    from _scripted import llama_index_llm

    run_page("llama-index.md", llm=llama_index_llm())
    out = capsys.readouterr().out
    assert "fields.probability" in out
    assert written(portal) == ["crm.item.update"] * 2
    assert re.search(r"NOT DONE: the user refused it: not today", out)
    told = [(entry.verdict, entry.outcome) for entry in audit(portal) if entry.risk != "read"]
    assert told == [("confirm", "done"), ("deny", None), ("confirm", "done")]


def test_the_page_on_retrieval(portal, tmp_path, capsys):
    from _scripted import toy_embedding
    from langchain_core.embeddings import Embeddings

    class Words(Embeddings):
        def embed_documents(self, texts):
            return toy_embedding(texts)

        def embed_query(self, text):
            return toy_embedding([text])[0]

    (tmp_path / "b24restdocs" / "api-reference").mkdir(parents=True)
    (tmp_path / "b24restdocs" / "api-reference" / "index.md").write_text(
        "# Methods\n\nAll of them."
    )
    (tmp_path / "b24restdocs" / "limits.md").write_text(LIMITS_PAGE)
    run_page("rag.md", embedding=Words())
    out = capsys.readouterr().out
    assert out.count("crm.timeline.comment.add") >= 3
    assert "limits" in out
    assert "Limits https://apidocs.bitrix24.com/limits.html" in out
    assert portal.requests == []


def test_the_page_on_the_client(portal, capsys):
    space = run_page("client.md")
    out = capsys.readouterr().out
    assert "[1, 2, 3]" in out
    assert "crm.deal.add" in out
    assert written(portal) == ["crm.item.update", "crm.item.update", "crm.timeline.comment.add"]
    assert portal.state.deals.rows[2]["TITLE"] == "Even larger order"
    assert portal.journal.count("crm.item.get") >= 1
    assert space["both"].failures == {}
    assert space["plan"].diff[0].after == "Larger order"


def test_the_page_on_guardrails(portal):
    assert run_page("guardrails.md")["Policy"].__name__ == "Policy"


@pytest.mark.slow
def test_the_page_on_testing(portal, tmp_path):
    (tmp_path / "test_page.py").write_text("\n\n".join(code for _, code in blocks("testing.md")))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_page.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout


# --- the numbers in the tables --------------------------------------------------------------------


def table(page):
    """The rows of a page's tables: first cell -> the other cells."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"
    ]
    return {row[0]: row[1:] for row in rows}


def number(cell):
    return int(cell.replace(",", ""))


@pytest.mark.parametrize("page", ["langchain.md", "llama-index.md"])
@pytest.mark.parametrize(
    ("row", "packs", "expose"),
    [
        ("gateway (default)", ["core"], "gateway"),
        ("shortlist, pack `core`", ["core"], "shortlist"),
        ("shortlist, packs `core` and `comms`", ["core", "comms"], "shortlist"),
        ("shortlist, all packs", "all", "shortlist"),
        ("all, all packs", "all", "all"),
    ],
)
def test_the_costs_of_exposures_are_the_measured_ones(page, row, packs, expose, refs, tmp_path):
    tools, tokens, *_ = table(page)[row]
    with offline(packs, refs, tmp_path) as kit:
        assert number(tools) == pytest.approx(len(kit.tools(expose)), rel=0.1)
        assert number(tokens) == pytest.approx(kit.cost(expose), rel=0.1)


def test_the_costs_of_retrieval_are_the_measured_ones(refs, tmp_path):
    from langchain_bitrix24 import Bitrix24Retriever

    told = table("rag.md")
    core = [d.metadata["tokens"] for d in Bitrix24Retriever(packs=["core"]).documents()]
    every = [d.metadata["tokens"] for d in Bitrix24Retriever().documents()]
    per_document = number(told["a document or node (one method card)"][0])
    assert per_document == pytest.approx(statistics.median(every), rel=0.15)
    of_core = number(told["the cards of all methods of `core`, once, to embed"][0])
    assert of_core == pytest.approx(sum(core), rel=0.15)
    assert number(told["the cards of all methods, once, to embed"][0]) == pytest.approx(
        sum(every), rel=0.15
    )
    with offline("all", refs, tmp_path) as kit:
        found = statistics.median(kit.find(request).tokens for request in REQUESTS)
    answer = number(told["answer of `b24_find`: five hits, one with its card"][0])
    assert answer == pytest.approx(found, rel=0.2)


REQUESTS = [
    "move a deal to another stage",
    "create a task for John",
    "send a chat message",
    "list users",
    "upload a file to the drive",
    "comment on a deal",
    "start a workflow",
    "add a product to a deal",
    "find a company by phone",
    "schedule a meeting",
    "who is absent",
    "log time on a task",
]


def offline(packs, refs, tmp_path):
    """A toolkit whose portal nobody asks."""
    state = f"sqlite:///{tmp_path / 'offline.db'}"
    url = "http://127.0.0.1:9/rest/1/never/"
    return SyncToolkit.from_webhook(url, packs=packs, references=refs, state=state)


def audit(portal):
    with SyncToolkit.from_env() as kit:
        return kit.audit()
