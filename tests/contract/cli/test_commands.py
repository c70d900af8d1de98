"""The command line as scripts and people use it: output, exit codes, one clear line an error."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bitrix24_agent.cli import main
from bitrix24_agent.cli.app import COMMANDS
from bitrix24_agent.cli.output import Exit, fail, own
from bitrix24_agent.errors import PortalError
from bitrix24_agent.testing import running_portal


@pytest.fixture
def portal():
    with running_portal() as running:
        yield running


@pytest.fixture
def run(portal, tmp_path, monkeypatch, capsys):
    for name in list(os.environ):
        if name.startswith("B24_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("B24_WEBHOOK_URL", portal.url)
    monkeypatch.setenv("B24_STATE", f"sqlite:///{tmp_path / 'state.db'}")

    def go(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return go


def plan_of(output: str) -> str:
    return re.search(r"approve ([0-9a-f]+)", output).group(1)


UPDATE = ("call", "crm.deal.update", "--params", '{"id": 2, "fields": {"TITLE": "Renamed"}}')


def test_a_read_prints_its_rows_as_json(run):
    code, out, err = run("call", "crm.deal.list", "--params", '{"select":["ID","TITLE"]}')
    rows = json.loads(out)
    assert code == 0
    assert len(rows) == 50
    assert set(rows[0]) == {"ID", "TITLE"}
    assert "50 of 120 rows; next page: start=50" in err


def test_every_page_can_be_streamed_as_json_lines(run):
    code, out, _ = run("call", "crm.deal.list", "--params", '{"select":["ID"]}', "--all")
    assert code == 0
    assert len([json.loads(line) for line in out.splitlines()]) == 120


def test_parameters_come_from_standard_input(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"id": 2}'))
    code, out, _ = run("call", "crm.deal.get", "--params", "-")
    assert code == 0
    assert json.loads(out)["ID"] == "2"


def test_a_write_stops_with_exit_code_3_and_says_how_to_go_on(run, portal):
    code, out, _ = run(*UPDATE)
    assert code == 3
    assert "NOT DONE" in out
    assert '-> "Renamed"' in out
    assert plan_of(out)
    assert portal.journal.writes() == []


def test_approving_needs_a_terminal_or_the_key(run, portal, monkeypatch):
    plan = plan_of(run(*UPDATE)[1])
    code, _, err = run("approve", plan)
    assert code == 4
    assert "needs a terminal" in err
    monkeypatch.setenv("B24_APPROVER_KEY", "made-up-by-the-agent")
    code, _, err = run("approve", plan)
    assert code == 4
    assert "no approver key is registered" in err
    assert run("execute", plan)[0] == 4
    assert portal.journal.writes() == []


def test_a_human_at_a_terminal_approves_and_the_plan_runs_once(run, portal, tmp_path):
    plan = plan_of(run(*UPDATE)[1])
    shown = at_terminal(["approve", plan, "--by", "ann"], b"y\n")
    assert '-> "Renamed"' in shown
    assert f"plan {plan} is approved" in shown
    code, out, _ = run("execute", plan)
    assert (code, json.loads(out)["result"]) == (0, True)
    assert run("execute", plan)[0] == 4
    assert portal.state.deals.rows[2]["TITLE"] == "Renamed"
    assert portal.journal.count("crm.deal.update") == 1


def test_anything_but_yes_at_the_terminal_decides_nothing(run, portal):
    plan = plan_of(run(*UPDATE)[1])
    assert "still pending" in at_terminal(["approve", plan], b"maybe\n")
    assert json.loads(run("plans", plan, "--json")[1])["status"] == "pending"


def test_the_registered_key_approves_without_a_terminal(run, portal, monkeypatch):
    plan = plan_of(run(*UPDATE)[1])
    key = "a-long-approver-key-1"
    at_terminal(["approve", "--register-key"], f"{key}\n{key}\n".encode())
    monkeypatch.setenv("B24_APPROVER_KEY", "another-long-wrong-key")
    code, _, err = run("approve", plan)
    assert code == 4
    assert "not the registered approver key" in err
    monkeypatch.setenv("B24_APPROVER_KEY", key)
    assert run("approve", plan, "--by", "bot")[0] == 0
    assert run("execute", plan)[0] == 0


def test_a_plan_can_be_refused_without_a_terminal(run):
    plan = plan_of(run(*UPDATE)[1])
    assert run("approve", plan, "--refuse", "--reason", "wrong")[0] == 0
    assert run("execute", plan)[0] == 4
    assert "refused" in run("plans")[1]


def test_plans_and_audit_are_listed_shown_and_verified(run):
    assert "no plans" in run("plans")[1]
    assert "no audited call fits" in run("audit")[1]
    plan = plan_of(run(*UPDATE)[1])
    assert plan in run("plans", "--status", "pending")[1]
    assert "exact call" in run("plans", plan)[1]
    at_terminal(["approve", plan], b"y\n")
    run("execute", plan)
    assert "crm.deal.update@2" in run("audit")[1]
    assert "chain intact" in run("audit", "--verify")[1]
    rows = [json.loads(line) for line in run("audit", "--jsonl")[1].splitlines()]
    assert rows[0]["plan_id"] == plan


def test_packs_and_descriptions_need_no_portal(run):
    code, out, _ = run("packs")
    assert code == 0
    assert "core" in out
    assert "Shortlist" in run("packs", "core")[1]
    assert "entityTypeId" in run("describe", "CRM.item.update")[1]
    schema = json.loads(run("describe", "crm.item.update", "--schema")[1])
    assert schema["required"] == ["entityTypeId", "id", "fields"]


def test_doctor_checks_every_part(run):
    code, out, _ = run("doctor")
    assert code == 0, out
    assert [line[:3] for line in out.splitlines()] == ["ok "] * 5


def test_a_read_only_doctor_says_what_is_missing(run, monkeypatch):
    monkeypatch.delenv("B24_WEBHOOK_URL")
    code, out, _ = run("doctor")
    assert code == 1
    assert "BAD  settings: no portal is set" in out


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("call", "crm.deal.lst"), 4, "nearest: crm.deal.list"),
        (("call", "im.message.add", "--params", "{}", "--packs", "comms"), 2, "DIALOG_ID"),
        (("call", "im.dialog.get", "--params", '{"DIALOG_ID":"1"}'), 4, "pack comms"),
        (("call", "crm.deal.get", "--params", '{"idd": 1}'), 2, "did you mean id"),
        (("call", "crm.deal.get", "--params", "{"), 2, "--params is no JSON"),
        (("call", "crm.deal.get", "--params", "[1]"), 2, "should be a JSON object"),
        (("call", "crm.deal.get", "--params", '{"id": 999999}'), 1, "Not found"),
        (("packs", "sales"), 2, "there is no pack 'sales'"),
        (("describe", "crm.nothing"), 4, "not a documented"),
        (("execute", "nope"), 4, "there is no plan"),
        (("plans", "nope"), 4, "there is no plan"),
        (("approve",), 2, "name the plan"),
        (("nonsense",), 2, "invalid choice"),
        ((), 2, "COMMAND"),
        (("call", "crm.deal.get", "--url", "ftp://x"), 2, "/rest/1/code/"),
        (("call", "crm.deal.get", "--url", "http://a.example/rest/1/abc/"), 2, "https"),
        (("call", "crm.deal.get", "--packs", "sales"), 2, "there is no pack 'sales'"),
        (("call", "crm.deal.get", "--state", "mysql://x"), 2, "sqlite:///"),
        (("references", "check", "--references", "/nowhere"), 2, "index.md"),
        (("references", "compile", "--docs", "/nowhere"), 2, "/nowhere"),
    ],
)
def test_bad_input_gives_one_clear_line_and_the_right_exit_code(run, words, code, expected):
    got, out, err = run(*words)
    assert expected in err + out
    assert got == code
    assert "Traceback" not in err


def test_errors_come_as_json_when_asked(run):
    code, out, _ = run("call", "crm.deal.lst", "--json")
    error = json.loads(out)["error"]
    assert (code, error["type"], error["outcome"]) == (4, "UnknownMethodError", "not_sent")


def test_a_waiting_write_comes_as_json_when_asked(run):
    code, out, _ = run(*UPDATE, "--json")
    error = json.loads(out)["error"]
    assert (code, error["code"]) == (3, "CONFIRMATION_REQUIRED")
    assert error["diff"][0]["after"] == "Renamed"


def test_a_fresh_machine_gets_its_state_folder(run, portal, monkeypatch, tmp_path):
    monkeypatch.delenv("B24_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "fresh" / "state"))
    assert "no plans" in run("plans")[1]
    plan = plan_of(run(*UPDATE)[1])
    assert plan in run("plans")[1]
    folder = tmp_path / "fresh" / "state" / "bitrix24-agent"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "state.db").stat().st_mode & 0o777 == 0o600


def test_a_folder_somebody_named_is_not_made_up(run, tmp_path):
    code, _, err = run("plans", "--state", str(tmp_path / "typo" / "state.db"))
    assert code == 6
    assert "does not exist" in err
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("words", [(), ("--yes",)])
def test_the_demo_never_approves_by_itself_on_somebodys_own_portal(run, portal, words):
    code, out, _ = run("demo", "--write", "--framework", "langchain", *words)
    assert code == 0
    assert "there is no terminal to ask" in out
    assert portal.journal.writes() == []


def test_paging_through_one_thing_is_refused(run, portal):
    code, _, err = run("call", "crm.deal.get", "--params", '{"id": 2}', "--all")
    assert code == 2
    assert "returns no list" in err
    assert portal.requests == []


@pytest.mark.parametrize(("option", "value"), [("--max-rows", "0"), ("--timeout", "-1")])
def test_numbers_that_make_no_sense_are_refused(run, portal, option, value):
    code, _, err = run("call", "crm.deal.list", option, value)
    assert code == 2
    assert "above zero" in err
    assert portal.requests == []


def test_a_port_in_use_says_what_to_do(run, portal):
    code, _, err = run("portal", "--port", str(portal.port))
    assert code == 2
    assert "choose another --port" in err
    assert run("portal", "--port", "99999")[0] == 2


def test_the_audit_table_names_its_columns(run, portal):
    plan = plan_of(run(*UPDATE)[1])
    run("approve", plan, "--refuse")
    header, row = run("audit")[1].splitlines()[:2]
    assert header.split() == ["row", "when", "(UTC)", "outcome", "risk", "who", "plan", "method"]
    assert plan in row
    (entry,) = json.loads(run("audit", "--json")[1])
    assert "approved_by" not in entry
    assert entry["refused_by"]


def test_a_plan_the_portal_refused_may_be_planned_again(run, portal):
    bad = ("call", "crm.deal.update", "--params", '{"id": 2, "fields": {"STAGE_ID": "NOPE"}}')
    plan = plan_of(run(*bad)[1])
    at_terminal(["approve", plan], b"y\n")
    assert run("execute", plan)[0] == 1
    assert "nothing was changed, make a new one" in run("execute", plan)[2]


def test_a_portal_that_does_not_answer_is_told(run):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code, _, err = run("call", "user.current", "--url", f"http://127.0.0.1:{port}/rest/1/abc/")
    assert code == 1
    assert "127.0.0.1" in err
    assert "abc" not in err


@pytest.mark.parametrize(("kind", "expected"), [("html", "JSON"), ("wrong_json", "JSON")])
def test_an_answer_that_is_no_json_is_told(run, portal, kind, expected):
    portal.faults.add("user.current", kind, times=None)
    code, _, err = run("call", "user.current")
    assert code in (1, 5)
    assert expected in err


def test_a_state_file_that_is_none_stops_writes_with_its_own_exit_code(run, tmp_path, portal):
    broken = tmp_path / "broken.db"
    broken.write_text("this is no database, not at all " * 200)
    code, _, err = run(*UPDATE, "--state", str(broken))
    assert code == 6
    assert "broken.db" in err
    assert portal.journal.writes() == []


def test_no_secret_is_printed_by_any_command(run, portal):
    secret = portal.url.rstrip("/").rsplit("/", 1)[1]
    for words in (("doctor",), ("call", "crm.deal.lst"), UPDATE, ("plans",), ("audit",)):
        _, out, err = run(*words)
        assert secret not in out + err


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(capsys, command):
    assert main([command, "--help"]) == 0
    assert "example:\n  bitrix24-agent" in capsys.readouterr().out


def test_help_is_quick_to_import_nothing_heavy():
    script = (
        "import sys; from bitrix24_agent.cli import main; main(['--help']);"
        "heavy = {'httpx', 'sqlalchemy', 'langchain_core', 'llama_index', 'pydantic'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f]")
EVIL = 'ok\n\nexact call:\n{"method": "crm.deal.get"}\n\x1b]0;\x9b2J\u202egnp.exe'


@pytest.fixture
def hostile(run, portal):
    """A plan whose portal values, new values and names all try to steer a terminal."""
    portal.state.deals.rows[2]["TITLE"] = "Honest\x1b[8m\u202e\nplan approved"
    fields = {"TITLE": EVIL, "UF_\x9b2J\u202egnp: 1 -> 2": "y"}
    params = json.dumps({"id": 2, "fields": fields})
    code, out, _ = run("call", "crm.deal.update", "--params", params)
    assert code == 3
    return plan_of(out), out, fields


def test_nothing_the_model_or_the_portal_wrote_steers_a_terminal(hostile, run):
    plan, out, fields = hostile
    shown = at_terminal(["approve", plan], b"n\n")
    texts = [
        out,
        shown,
        *(run(*words)[1] for words in (["plans"], ["plans", plan], ["audit"])),
        *(run(*words)[1] for words in (["plans", "--json"], ["plans", plan, "--json"])),
    ]
    assert [STEERING.findall(text) for text in texts] == [[]] * 7
    assert len(re.findall("^exact call:", shown, re.MULTILINE)) == 1
    assert 'fields.TITLE: "Honest\\u001b[8m\\u202e\\nplan approved" -> "ok\\n' in shown
    assert json.loads(run("plans", plan, "--json")[1])["call"]["params"]["fields"] == fields


def test_the_exact_call_stands_in_ascii_right_before_the_question(hostile):
    plan, _, fields = hostile
    shown = at_terminal(["approve", plan], b"n\n")
    call = shown.rpartition("\nexact call:\n")[2].partition("\n\napprove exactly this call?")[0]
    assert call.isascii()
    assert json.loads(call)["params"] == {"id": 2, "fields": fields}


def test_an_error_of_the_portal_cannot_print_a_line_of_its_own(capsys):
    error = PortalError("no\nplan x is approved\x1b[2J\x9b\u202e", code="X")
    assert fail(error, as_json=False) == Exit.FAILED
    assert capsys.readouterr().err == (
        "bitrix24-agent: no\n  plan x is approved\\u001b[2J\\u009b\\u202e\n"
    )
    fail(error, as_json=True)
    out = capsys.readouterr().out
    assert STEERING.findall(out) == []
    assert json.loads(out)["error"]["message"] == "no\nplan x is approved\x1b[2J\x9b\u202e"


def test_a_line_that_counts_what_is_not_shown_is_no_field(run):
    fields = {f"UF_CRM_{n}": "x" for n in range(130)}
    _, out, _ = run("call", "crm.deal.update", "--params", json.dumps({"id": 2, "fields": fields}))
    assert "\n  ... AND 31 MORE FIELDS, read the whole call\n" in out
    shown = at_terminal(["approve", plan_of(out)], b"n\n")
    assert [name for name in fields if f'"{name}": "x"' not in shown] == []


def test_a_setting_that_cannot_be_read_does_not_hide_the_plan(run, monkeypatch):
    _, out, _ = run(*UPDATE)
    monkeypatch.setenv("B24_AUTH_MODE", "nonsense")
    assert own({"a": 1}) == {"a": 1}
    assert plan_of(out)


def test_text_that_looks_like_a_secret_does_not_hide_what_is_sent(run):
    said = 'The password: "is not needed any more, please pay 10000 to Mallory today"'
    params = json.dumps({"id": 2, "fields": {"COMMENTS": said}})
    _, out, _ = run("call", "crm.deal.update", "--params", params)
    plan = plan_of(out)
    assert "Mallory" in out
    assert at_terminal(["approve", plan], b"n\n").count("Mallory") == 2
    told = json.loads(run("plans", plan, "--json")[1])
    assert told["call"]["params"]["fields"] == {"COMMENTS": said}
    assert told["diff"][0]["after"] == said
    refused = json.loads(run("call", "crm.deal.update", "--params", params, "--json")[1])
    assert refused["error"]["diff"][0]["after"] == said


def test_our_own_secret_is_shown_nowhere(run, portal):
    secret = portal.url.rstrip("/").rpartition("/")[2]
    params = json.dumps({"id": 2, "fields": {"TITLE": f"x {secret}", "COMMENTS": portal.url}})
    _, out, _ = run("call", "crm.deal.update", "--params", params)
    shown = at_terminal(["approve", plan_of(out)], b"n\n")
    texts = [out, shown, run("plans", "--json")[1], run("audit", "--json")[1]]
    assert [text for text in texts if secret in text] == []


def test_a_missing_comparison_is_told_with_its_reason(run):
    call = ("call", "crm.deal.update", "--params", '{"id": 99999, "fields": {"TITLE": "x"}}')
    _, out, _ = run(*call)
    assert "(before and after are not shown: " in out
    assert "(before and after are not shown: " in at_terminal(["approve", plan_of(out)], b"n\n")
    note = json.loads(run(*call, "--json")[1])["error"]["note"]
    assert note.startswith("before and after are not shown: ")


def at_terminal(words: list[str], typed: bytes) -> str:
    """Run a command in a real pseudo-terminal and return what it printed."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bitrix24_agent.cli", *words],
        stdin=child,
        stdout=child,
        stderr=child,
        cwd=Path(__file__).parent,
        start_new_session=True,
    )
    os.close(child)
    shown = b""
    lines = typed.splitlines(keepends=True)
    try:
        while True:
            try:
                piece = os.read(parent, 4096)
            except OSError:
                break
            if not piece:
                break
            shown += piece
            if lines and shown.endswith((b"[y/N] ", b"characters): ", b"again: ")):
                os.write(parent, lines.pop(0))
                shown += b"|"  # this prompt is answered
        process.wait(timeout=30)
    finally:
        os.close(parent)
        if process.poll() is None:
            process.kill()
            process.wait()
    return shown.decode().replace("\r\n", "\n")
