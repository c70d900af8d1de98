"""Every example runs as its docstring says, and what it did is read from the portal's journal."""

from __future__ import annotations

import ast
import base64
import csv
import io
import itertools
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bitrix24_agent.testing import running_portal

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LIMIT_S = 50
# LlamaIndex's own code under the newest pydantic; nothing of ours can avoid it.
QUIET = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
]


@pytest.fixture
def portal(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("B24_", "OPENAI_")) or name in ("MODEL", "PORT"):
            monkeypatch.delenv(name)
    with running_portal(deals=60) as running:
        monkeypatch.setenv("B24_WEBHOOK_URL", running.url)
        monkeypatch.setenv("B24_STATE", f"sqlite:///{tmp_path / 'state.db'}")
        yield running


@pytest.fixture
def run_here(monkeypatch, capsys):
    """Run an example in this process, where the frameworks are imported already."""

    def run(name, *args, answers=""):
        monkeypatch.syspath_prepend(str(EXAMPLES))
        monkeypatch.setattr(sys, "argv", [name, *args])
        monkeypatch.setattr(sys, "stdin", io.StringIO(answers))
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def run_apart(name, *args, answers="", **environ):
    """Run an example as a process of its own."""
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *map(str, args)],
        input=answers,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def newest_open(portal):
    return max(n for n, deal in portal.state.deals.rows.items() if deal["CLOSED"] == "N")


def probability(portal, deal):
    return int(portal.state.deals.rows[deal]["PROBABILITY"])


AGENTS = [
    "langchain_agent.py",
    "langchain_middleware.py",
    "langchain_shortlist.py",
    pytest.param("llama_index_agent.py", marks=QUIET),
    pytest.param("llama_index_tool_retriever.py", marks=QUIET),
    "plain_loop.py",
]


def test_every_example_has_a_test_here_and_says_what_it_shows_and_how_to_run_it():
    source = Path(__file__).read_text(encoding="utf-8")
    names = sorted(path.name for path in EXAMPLES.glob("*.py") if path.name != "_scripted.py")
    assert len(names) == 12
    for name in names:
        assert f'"{name}"' in source, name
        told = ast.get_docstring(ast.parse((EXAMPLES / name).read_text(encoding="utf-8")))
        assert told, name
        assert f"examples/{name}" in told, name


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_writes_once_after_a_yes(name, portal, run_here):
    deal = newest_open(portal)
    assert probability(portal, deal) != 80
    out = run_here(name, answers="y\n")
    assert "probability" in out
    assert out.rstrip().endswith("Done.")
    assert [(e.method, e.params["id"]) for e in portal.journal.writes()] == [
        ("crm.item.update", deal)
    ]
    assert probability(portal, deal) == 80


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("answers", ["n\n", ""], ids=["no", "nobody there"])
def test_an_agent_writes_nothing_without_a_yes(name, answers, portal, run_here):
    out = run_here(name, answers=answers)
    assert re.search(r"(NOT DONE|FAILED)[^\n]*refused", out), out
    assert portal.journal.writes() == []


def test_the_middleware_offers_typed_tools_that_fit_and_the_model_uses_them(portal, run_here):
    out = run_here("langchain_middleware.py", answers="y\n")
    offered = [line.split(": ")[-1].split(", ") for line in out.splitlines() if "offered" in line]
    assert all(names[:2] == ["b24_find", "b24_describe"] for names in offered)
    assert "b24_crm_item_update" in offered[0]
    assert "b24_crm_item_list" in offered[-1]
    assert all(later[: len(names)] == names for names, later in itertools.pairwise(offered))


@pytest.mark.parametrize("name", [pytest.param("llama_index_tool_retriever.py", marks=QUIET)])
def test_the_tool_retriever_loads_what_the_agent_finds(name, portal, run_here):
    ran = re.findall(r"\bran (b24_\w+)", run_here(name, answers="y\n"))
    assert ran == ["b24_find", "b24_crm_item_list", "b24_crm_item_update"]


def test_the_choices_and_their_costs_are_printed(portal, run_here):
    out = run_here("langchain_shortlist.py", answers="y\n")
    costs = dict(re.findall(r"^(\w+): \d+ tools, about (\d+) tokens", out, re.MULTILINE))
    assert int(costs["gateway"]) <= 350 < int(costs["shortlist"]) < int(costs["all"])


def test_the_plain_loop_talks_to_an_openai_compatible_server(portal, monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from _scripted import openai_message

    asked = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self):
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, self.headers["Authorization"], sent["model"]))
            message = openai_message(sent["messages"], sent["tools"])
            body = json.dumps({"choices": [{"message": message}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = run_apart(
            "plain_loop.py",
            answers="y\n",
            MODEL="small",
            OPENAI_API_KEY="key",
            OPENAI_BASE_URL=f"http://127.0.0.1:{server.server_port}/v1",
        )
        server.shutdown()
    assert done.returncode == 0, done.stderr
    assert asked == [("/v1/chat/completions", "Bearer key", "small")] * 4
    assert portal.journal.count("crm.item.update") == 1


@pytest.mark.parametrize("arguments", ["{", "[1]", "null", '"x"'])
def test_the_plain_loop_survives_arguments_that_are_no_object(portal, monkeypatch, arguments):
    from bitrix24_agent import SyncToolkit

    monkeypatch.syspath_prepend(str(EXAMPLES))
    run = runpy.run_path(str(EXAMPLES / "plain_loop.py"))["run"]
    call = {"id": "c1", "function": {"name": "b24_call", "arguments": arguments}}
    with SyncToolkit.from_env() as kit:
        assert run(kit, call, "conversation").startswith("FAILED")
    assert portal.requests == []


# --- approvals in another process -----------------------------------------------------------------


@pytest.fixture
def page(portal, monkeypatch):
    """The page's process, without the portal's credential; gives its address."""
    environ = {**os.environ, "PORT": "0", "APPROVER_PASSWORD": "correct horse"}
    del environ["B24_WEBHOOK_URL"]
    command = [sys.executable, str(EXAMPLES / "approvals_in_a_web_app.py"), "page"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def visit(url, form=None, *, password="correct horse"):
    """Return status and text of the page; redirects are followed."""
    request = urllib.request.Request(url, data=form and urllib.parse.urlencode(form).encode())
    given = base64.b64encode(f"olga:{password}".encode()).decode()
    request.add_header("Authorization", f"Basic {given}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def waiting_agent(portal):
    """Start the agent's process and wait until it has asked."""
    command = [sys.executable, str(EXAMPLES / "approvals_in_a_web_app.py"), "agent"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    asked = process.stdout.readline()
    assert asked.startswith("NOT DONE YET"), asked
    return process


def hidden(text, name):
    return re.search(rf"name={name} value=([\w-]+)", text)[1]


@pytest.mark.parametrize(("said", "writes"), [("approve", 1), ("refuse", 0)])
def test_a_person_decides_in_the_page_what_the_agent_may_write(portal, page, said, writes):
    process = waiting_agent(portal)
    try:
        assert visit(page, password="guess")[0] == 401
        status, text = visit(page)
        assert status == 200
        assert "fields.probability" in text
        plan = {"plan": hidden(text, "plan"), "said": said}
        assert visit(page, {**plan, "key": "forged"})[0] == 403
        form = {**plan, "key": hidden(text, "key")}
        assert visit(page, {**form, "said": "maybe"})[0] == 400
        assert portal.journal.writes() == []
        assert "Nothing waits" in visit(page, form)[1]
        assert visit(page, form)[0] == 409
        out, err = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, err
    assert portal.journal.count("crm.item.update") == writes
    assert out.startswith('<portal-data of="crm.item.update' if writes else "FAILED")


def test_the_page_escapes_what_strangers_wrote(portal, page):
    from bitrix24_agent import ConfirmationRequired, SyncToolkit

    portal.state.deals.update(1, {"TITLE": "<script>alert(1)</script>\x1b[2J"})
    with SyncToolkit.from_env() as kit, pytest.raises(ConfirmationRequired):
        kit.call("crm.deal.update", {"id": 1, "fields": {"TITLE": "<b>new"}})
    text = visit(page)[1]
    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert "<b>" not in text
    assert "\x1b" not in text


def test_the_web_app_says_how_it_is_started(portal):
    done = run_apart("approvals_in_a_web_app.py")
    assert done.returncode == 1
    assert "APPROVER_PASSWORD" in done.stderr


# --- documents, rows, scopes, tests ---------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["rag_langchain.py", pytest.param("rag_llama_index.py", marks=QUIET)]
)
def test_retrieval_finds_the_method_and_its_page(name, portal, run_here):
    out = run_here(name)
    found = dict(re.findall(r"^([\w -]+): (.+)$", out, re.MULTILINE))
    methods = found["retriever"].split(", ")
    assert "crm.item.update" in methods
    assert sorted(found["re-ordered"].split(", ")) == sorted(methods)
    assert len(found["vector store" if "langchain" in name else "vector index"].split(", ")) == 5
    assert "source: https://apidocs.bitrix24.com/" in out
    assert portal.requests == []


@pytest.mark.parametrize(
    "name", ["rag_langchain.py", pytest.param("rag_llama_index.py", marks=QUIET)]
)
def test_retrieval_says_when_nothing_fits(name, portal, run_here):
    assert "retriever: nothing" in run_here(name, "book a flight to Lisbon")


@pytest.mark.parametrize(
    "name", ["rag_langchain.py", pytest.param("rag_llama_index.py", marks=QUIET)]
)
def test_retrieval_reads_a_documentation_index_too(name, portal, run_here, tmp_path):
    from bitrix24_agent.retrieval.docs.search import DocsIndex

    (tmp_path / "docs" / "api-reference").mkdir(parents=True)
    (tmp_path / "docs" / "api-reference" / "stages.md").write_text(
        "# Stages of a Deal\n\nA deal moves to another stage when its field STAGE_ID changes.\n"
    )
    DocsIndex.build(tmp_path / "docs", tmp_path / "docs.db")
    out = run_here(name, "--index", str(tmp_path / "docs.db"))
    page = "https://apidocs.bitrix24.com/api-reference/stages.html"
    assert f"documentation: {page}" in out
    assert f"source: {page}" in out


def test_an_export_has_every_row_in_order_and_sends_nothing_but_reads(portal, tmp_path):
    portal.state.deals.update(3, {"TITLE": "=HYPERLINK(1)"})
    done = run_apart("bulk_export.py", tmp_path / "deals.csv")
    assert done.returncode == 0, done.stderr
    assert "60 of 60 rows" in done.stderr
    with (tmp_path / "deals.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["id"]) for row in rows] == sorted(portal.state.deals.rows)
    assert rows[2]["title"] == "'=HYPERLINK(1)"
    assert rows[0]["title"] == portal.state.deals.rows[1]["TITLE"]
    assert {e.method for e in portal.journal.calls()} == {"crm.item.list"}


def test_an_export_of_a_writing_method_is_refused(portal, tmp_path):
    done = run_apart(
        "bulk_export.py", tmp_path / "x.csv", "--method", "crm.deal.delete", "--params", '{"id":1}'
    )
    assert done.returncode != 0
    assert not (tmp_path / "x.csv").exists()
    assert portal.requests == []


def test_the_scopes_to_grant_are_told_without_a_portal(portal, monkeypatch):
    monkeypatch.delenv("B24_WEBHOOK_URL")
    done = run_apart("least_privilege.py")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^grant (\w+)", done.stdout, re.MULTILINE) == ["crm", "tasks", "user_brief"]
    assert portal.requests == []


def test_the_scopes_of_a_webhook_are_compared_and_other_methods_refused(portal, monkeypatch):
    monkeypatch.setenv("B24_WEBHOOK_URL", portal.webhook(1, scopes=["crm", "im"]))
    done = run_apart("least_privilege.py")
    assert done.returncode == 0, done.stderr
    assert "missing: tasks, user_brief" in done.stdout
    assert "granted and not needed: im" in done.stdout
    assert done.stdout.count("refused before anything was sent") == 2
    assert [e.method for e in portal.journal.calls()] == ["scope"]


@pytest.mark.slow
def test_the_tests_of_an_agent_run_outside_this_repository(portal, tmp_path):
    shutil.copy(EXAMPLES / "test_my_agent.py", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_agent.py"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
