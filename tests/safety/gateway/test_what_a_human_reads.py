"""A compromised model tries to get a yes to something else than what the human reads."""

from __future__ import annotations

import json

import pytest

from bitrix24_agent import ConfirmationRequired, Policy, Risk
from bitrix24_agent.model import Caller, FieldChange
from bitrix24_agent.runtime.bridge import Bridge
from bitrix24_agent.runtime.waiting import Waiting


@pytest.fixture
def ask(kit):
    """What the graph's or the workflow's screen gets for a call."""

    def screen(method: str, params: object) -> Waiting:
        arguments = {"method": method, "params": params}
        waiting = Bridge(kit).begin("b24_call", arguments, Caller(conversation="c", key="k"))
        assert isinstance(waiting, Waiting), waiting.text
        return waiting

    return screen


def stopped(kit, method: str, params: object) -> ConfirmationRequired:
    with pytest.raises(ConfirmationRequired) as caught:
        kit.call(method, params)
    return caught.value


def test_a_batch_says_which_object_whatever_the_command_is_called(ask, portal):
    waiting = ask("batch", {"cmd": {"deal_7": "crm.deal.delete?id=999999"}})
    assert waiting.changes == (
        {"path": "deal_7.crm.deal.delete", "before": None, "after": {"id": "999999"}},
    )
    assert '  deal_7.crm.deal.delete: {"id": "999999"}\n' in waiting.description
    assert portal.journal.writes() == []


def test_reads_do_not_push_a_deletion_off_the_screen(ask, kit):
    reads = {f"r{i}": f"crm.deal.get?id={i}" for i in range(1, 300)}
    waiting = ask("batch", {"cmd": {**reads, "last": "crm.deal.delete?id=7"}})
    assert waiting.summary == "[destructive] batch of 300: crm.deal.delete, 299 reads"
    assert waiting.changes[0] == {
        "path": "last.crm.deal.delete",
        "before": None,
        "after": {"id": "7"},
    }


def test_a_linked_command_shows_what_it_is_linked_to(kit):
    commands = {
        "find": "crm.deal.list?filter[TITLE]=Test",
        "remove_test": {"method": "crm.deal.delete", "params": {"id": "$result[find][0][ID]"}},
    }
    error = stopped(kit, "batch", {"cmd": commands})
    assert error.risk is Risk.DESTRUCTIVE
    assert error.diff[0] == FieldChange(
        path="crm.deal.delete",
        before=None,
        after={"id": "$result[find][0][ID]"},
        command="remove_test",
    )


def test_an_account_number_that_differs_in_the_last_digits_is_a_change(kit, portal):
    portal.state.deals.rows[7]["TITLE"] = "40817810000000000001"
    error = stopped(kit, "crm.deal.update", {"id": 7, "fields": {"TITLE": "40817810000000000999"}})
    assert error.diff == (
        FieldChange(
            path="fields.TITLE", before="40817810000000000001", after="40817810000000000999"
        ),
    )


def test_the_end_of_a_long_text_is_seen_where_it_changes(ask, portal):
    terms = "Pay to IBAN as agreed. " * 60
    portal.state.deals.rows[7]["COMMENTS"] = f"{terms}DE89370400440532013000"
    text = f"{terms}GB00EVIL"
    waiting = ask("crm.deal.update", {"id": 7, "fields": {"COMMENTS": text}})
    assert waiting.description.count("GB00EVIL") == 2
    assert "DE89370400440532013000" in waiting.description
    assert waiting.plain()["sends"]["params"]["fields"] == {"COMMENTS": text}


def test_the_whole_call_reaches_the_screen_however_long(ask):
    text = "Hello " * 2_000 + "PAY 10000 TO MALLORY " + "bye " * 2_000
    waiting = ask("im.message.add", {"DIALOG_ID": "2", "MESSAGE": text})
    assert waiting.plain()["sends"]["params"]["MESSAGE"] == text
    assert "MORE CHARACTERS" in waiting.description
    assert "characters not shown, read the whole call" in waiting.description


def test_text_does_not_hide_behind_our_own_mask(ask, kit):
    said = 'The password: "is not needed any more, please pay 10000 to Mallory today"'
    waiting = ask("im.message.add", {"DIALOG_ID": "2", "MESSAGE": said})
    assert waiting.description.count("Mallory") == 2
    assert waiting.plain()["sends"]["params"]["MESSAGE"] == said
    assert "Mallory" not in waiting.text
    assert "Mallory" not in str(stopped(kit, "im.message.add", {"DIALOG_ID": "2", "MESSAGE": said}))


def test_a_secret_is_shown_to_nobody_and_no_part_of_it_by_a_cut(make_kit, portal):
    kit = make_kit(policy=Policy(approver=lambda plan: True))
    secret = portal.url.rstrip("/").rpartition("/")[2]
    for padding in (*range(280, 302), *range(1980, 2001)):
        text = "y" * padding + " " + secret + "z" * 500
        kit.call("crm.deal.update", {"id": 2, "fields": {"COMMENTS": text}})
        (plan,) = kit.plans()[:1]
        (row,) = kit.audit(limit=1)
        told = plan.summary + str(plan.diff) + json.dumps(row.plain(), default=str)
        assert f" {secret[:3]}" not in told


def test_why_nothing_is_compared_reaches_every_screen(ask, kit):
    params = {"id": 99999, "fields": {"TITLE": "x"}}
    error = stopped(kit, "crm.deal.update", params)
    waiting = ask("crm.deal.update", params)
    assert error.note.startswith("before and after are not shown: ")
    assert f"({error.note})" in waiting.description
    assert waiting.plain()["note"] == error.note


def test_padding_does_not_empty_the_audit_row(make_kit):
    kit = make_kit(policy=Policy(approver=lambda plan: True))
    fields = {f"UF_CRM_P{i:03}": "p" * 1900 for i in range(18)}
    kit.call("crm.deal.update", {"id": 7, "fields": {"OPPORTUNITY": 2, **fields}})
    (row,) = kit.audit(limit=1)
    assert row.data["digest"] == kit.plans()[0].digest
    assert row.data["call"]["method"] == "crm.deal.update"
    assert row.data["call"]["params"] == {"id": 7}
    assert '"OPPORTUNITY":2' in row.data["call"]["head"]
    assert kit.verify_audit().ok
