"""The v2 batch on the wire."""

from __future__ import annotations

from urllib.parse import quote

import pytest


def batch(wire, cmd, **more):
    status, body = wire.call("batch", {"cmd": cmd, **more})
    assert status == 200
    return body["result"]


def test_sections_are_keyed_by_command(wire):
    found = batch(
        wire, {"me": "user.admin", "deals": "crm.deal.list?select[]=ID&filter[%3C%3DID]=60"}
    )
    assert found["result"]["me"] is True
    assert len(found["result"]["deals"]) == 50
    assert found["result_total"] == {"deals": 60}
    assert found["result_next"] == {"deals": 50}
    assert found["result_error"] == []
    assert set(found["result_time"]) == {"me", "deals"}


def test_sections_of_numbered_commands_are_lists_and_that_per_section(wire):
    found = batch(wire, ["user.admin", "crm.deal.get?id=99999", "server.time"])
    assert isinstance(found["result"], dict)
    assert set(found["result"]) == {"0", "2"}
    assert found["result_error"] == {"1": {"error": "", "error_description": "Not found"}}
    whole = batch(wire, {"0": "user.admin", "1": "user.admin"})
    assert whole["result"] == [True, True]
    assert isinstance(whole["result_time"], list)
    assert whole["result_total"] == []


def test_an_empty_batch_is_all_empty_lists(wire):
    assert batch(wire, {}) == {
        "result": [],
        "result_error": [],
        "result_total": [],
        "result_next": [],
        "result_time": [],
    }


def test_commands_run_in_order_and_see_each_others_results(wire, portal):
    found = batch(
        wire,
        {
            "deal": "crm.deal.add?fields[TITLE]=" + quote("Linked deal"),
            "read": "crm.deal.get?id=$result[deal]",
            "company": "crm.company.get?id=$result[rows][0][COMPANY_ID]",
            "rows": "crm.deal.list?filter[ID]=1",
            "late": "crm.company.get?id=$result[rows][0][COMPANY_ID]",
        },
    )
    assert found["result"]["read"]["TITLE"] == "Linked deal"
    assert found["result"]["late"]["ID"] == str(portal.state.deals.rows[1]["COMPANY_ID"])
    assert found["result_error"]["company"]["error_description"].startswith("ID is not defined")


def test_a_reference_to_a_failed_command_is_sent_on_as_plain_text(wire, portal):
    batch(
        wire,
        {
            "bad": "crm.deal.get?id=99999",
            "note": "crm.deal.add?fields[TITLE]=$result[bad][TITLE]",
        },
    )
    added = portal.journal.calls("crm.deal.add")[0]
    assert added.params == {"fields": {"TITLE": "$result[bad][TITLE]"}}
    assert portal.state.deals.rows[added.result]["TITLE"] == "$result[bad][TITLE]"


def test_halt_stops_at_the_first_error(wire, portal):
    found = batch(
        wire,
        {"a": "user.admin", "b": "crm.deal.get?id=0", "c": "crm.deal.delete?id=1"},
        halt=1,
    )
    assert set(found["result"]) == {"a"}
    assert set(found["result_error"]) == {"b"}
    assert portal.journal.count("crm.deal.delete") == 0


def test_without_halt_the_rest_runs(wire, portal):
    batch(wire, {"b": "crm.deal.get?id=0", "c": "crm.deal.delete?id=1"}, halt=0)
    assert portal.journal.count("crm.deal.delete") == 1


def test_a_whole_array_can_be_referred_to(wire, portal):
    found = batch(
        wire,
        {"me": "user.current", "d": "department.get?ID=$result[me][UF_DEPARTMENT]"},
    )
    assert [row["ID"] for row in found["result"]["d"]] == ["1"]


def test_a_batch_inside_a_batch_and_uploads_are_refused(wire):
    found = batch(wire, {"n": "batch?cmd[a]=user.admin", "u": "disk.folder.uploadfile?id=801"})
    assert found["result_error"] == {
        key: {
            "error": "ERROR_BATCH_METHOD_NOT_ALLOWED",
            "error_description": "Method is not allowed for batch usage",
        }
        for key in ("n", "u")
    }


def test_the_fifty_first_command_is_refused(wire, portal):
    found = batch(wire, {f"c{n}": "server.time" for n in range(52)})
    assert len(found["result"]) == 50
    assert {key: error["error"] for key, error in found["result_error"].items()} == {
        "c50": "ERROR_BATCH_LENGTH_EXCEEDED",
        "c51": "ERROR_BATCH_LENGTH_EXCEEDED",
    }
    assert portal.journal.count("server.time") == 50


def test_a_batch_counts_as_one_request(portal, wire):
    portal.portal.bucket.limit = None
    batch(wire, {f"c{n}": "server.time" for n in range(10)})
    assert len(portal.requests) == 1
    assert len(portal.executed) == 10
    assert {entry.command for entry in portal.executed} == {f"c{n}" for n in range(10)}


@pytest.mark.parametrize("scope", ["task"])
def test_every_command_needs_its_scope(wire, portal, scope):
    _, body = wire.call(
        "batch",
        {"cmd": {"a": "crm.deal.list", "b": "profile"}},
        url=portal.webhook(1, scopes=[scope]),
    )
    assert body["result"]["result_error"]["a"]["error"] == "insufficient_scope"
    assert set(body["result"]["result"]) == {"b"}


def test_a_batch_may_come_in_a_form_encoded_twice(wire, portal):
    inner = "crm.deal.add?fields[TITLE]=" + quote("A & B")
    body = f"halt=0&cmd[x]={quote(inner)}"
    status, _ = wire.send(
        portal.url + "batch",
        body=body.encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert status == 200
    assert portal.journal.calls("crm.deal.add")[0].params == {"fields": {"TITLE": "A & B"}}
