"""Every code block of the README runs, against the emulator, as a new user would run it."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bitrix24_agent.testing import running_portal

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"(?:<!-- name: ([\w-]+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)
BLOCKS = [(name or "", language, code) for name, language, code in FENCE.findall(README)]
UPDATE = {
    "method": "crm.deal.update",
    "params": {"id": 2, "fields": {"STAGE_ID": "EXECUTING"}},
}


@pytest.fixture
def portal(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("B24_"):
            monkeypatch.delenv(name)
    with running_portal() as running:
        monkeypatch.setenv("B24_WEBHOOK_URL", running.url)
        monkeypatch.setenv("B24_STATE", f"sqlite:///{tmp_path / 'state.db'}")
        yield running


def block(name: str) -> str:
    (code,) = [code for found, _, code in BLOCKS if found == name]
    return code


def test_every_block_is_covered_by_a_test_here():
    assert [(name, language) for name, language, _ in BLOCKS] == [
        ("", "bash"),
        ("transcript", "text"),
        ("", "bash"),
        ("", "bash"),
        ("langchain", "python"),
        ("llama-index", "python"),
        ("core", "python"),
    ]


def test_the_two_commands_exist():
    assert re.findall(r"^make (\w+)", BLOCKS[0][2], re.MULTILINE) == ["demo", "test"]
    for target in ("demo", "test"):
        done = subprocess.run(
            ["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_the_extras_named_in_the_install_line_exist():
    from importlib.metadata import metadata

    extras = metadata("bitrix24-agent").get_all("Provides-Extra")
    for name in re.findall(r"\[([\w-]+)\]", BLOCKS[2][2]):
        assert name in extras


def test_the_shell_block_talks_to_a_portal(portal):
    script = re.sub(r"'https://[^']*'", portal.url, BLOCKS[3][2])
    assert portal.url in script
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok   ") == 5
    assert '"TITLE"' in done.stdout


def test_the_block_without_a_framework_runs(portal, capsys):
    exec(compile(block("core"), "README core", "exec"), {})
    out = capsys.readouterr().out
    assert "crm.item.update" in out
    assert "STAGE_ID" in out
    assert portal.state.deals.rows[2]["STAGE_ID"] == "EXECUTING"
    assert portal.journal.count("crm.deal.update") == 1


def test_the_langchain_block_stops_at_the_write_and_goes_on_after_a_yes(portal, capsys):
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage, ToolMessage
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langgraph.types import Command

    class Scripted(BaseChatModel):
        @property
        def _llm_type(self):
            return "scripted"

        def bind_tools(self, tools, **_):
            return self

        def _generate(self, messages, stop=None, run_manager=None, **_):
            if isinstance(messages[-1], ToolMessage):
                said = AIMessage(content="Done.")
            else:
                call = {"name": "b24_call", "args": UPDATE, "id": "c1", "type": "tool_call"}
                said = AIMessage(content="", tool_calls=[call])
            return ChatResult(generations=[ChatGeneration(message=said)])

    space = {"model": Scripted()}
    exec(compile(block("langchain"), "README langchain", "exec"), space)
    assert "STAGE_ID" in capsys.readouterr().out
    assert portal.journal.writes() == []
    resume = Command(resume={"decisions": [{"type": "approve"}]})
    space["agent"].invoke(resume, space["config"])
    assert portal.state.deals.rows[2]["STAGE_ID"] == "EXECUTING"
    assert portal.journal.count("crm.deal.update") == 1


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
@pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning")
def test_the_llama_index_block_asks_and_writes_after_a_yes(portal, capsys):
    from llama_index.core.base.llms.types import ToolCallBlock
    from llama_index.core.llms import ChatMessage
    from llama_index.core.llms.mock import MockFunctionCallingLLM

    def say(messages, **_):
        if any(message.role == "tool" for message in messages):
            return ChatMessage(role="assistant", content="Done.")
        ask = ToolCallBlock(tool_call_id="c1", tool_name="b24_call", tool_kwargs=UPDATE)
        return ChatMessage(role="assistant", blocks=[ask])

    code = compile(block("llama-index"), "README", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    space = {"llm": MockFunctionCallingLLM(response_generator=say, is_chat_model=True)}

    async def run():
        result = eval(code, space)
        if inspect.isawaitable(result):
            await result

    asyncio.run(run())
    assert "Done." in capsys.readouterr().out
    assert portal.state.deals.rows[2]["STAGE_ID"] == "EXECUTING"
    assert portal.journal.count("crm.deal.update") == 1


def test_the_transcript_is_what_the_demo_prints(portal, monkeypatch, capsys):
    from bitrix24_agent.cli import main

    monkeypatch.delenv("B24_WEBHOOK_URL")
    monkeypatch.setenv("COLUMNS", "96")
    assert main(["demo", "--yes", "--framework", "langchain"]) == 0
    printed = _plain(capsys.readouterr().out)
    shown = [line for line in _plain(block("transcript")).split("\n") if line.strip(" …")]
    missing = [line for line in shown if line not in printed]
    assert missing == []


def _plain(text: str) -> str:
    """Without what changes from run to run: plan ids and times."""
    text = re.sub(r"\b[0-9a-f]{10}\b", "PLAN", text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME", text)
