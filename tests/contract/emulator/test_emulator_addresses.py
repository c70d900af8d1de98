"""Addresses, encodings, credentials and the envelope, as the fact sheet tells them."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from dirty_equals import IsFloat, IsInt, IsStr

TIME = {
    "start": IsFloat,
    "finish": IsFloat,
    "duration": IsFloat,
    "processing": IsFloat,
    "date_start": IsStr(regex=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+03:00"),
    "date_finish": IsStr,
    "operating_reset_at": IsInt,
    "operating": IsFloat | IsInt,
}


def test_an_answer_carries_result_and_time_and_nothing_else(wire):
    assert wire.call("user.admin") == (200, {"result": True, "time": TIME})
    assert wire.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("spelling", ["user.admin", "user.admin.json", "USER.ADMIN", "user.admin/"])
def test_suffix_case_and_trailing_slash_do_not_matter(wire, spelling):
    assert wire.result(spelling) is True


def test_the_xml_suffix_answers_xml(wire):
    status, body = wire.send(wire.portal.url + "crm.deal.get.xml?id=1", verb="GET")
    assert status == 200
    assert wire.headers["content-type"] == "text/xml; charset=utf-8"
    assert b"<response><result><ID>1</ID>" in body


def test_an_error_in_xml_names_code_and_description(wire):
    status, body = wire.send(wire.portal.url + "no.such.xml", verb="GET")
    assert status == 404
    assert body.decode().endswith(
        "<response><error>ERROR_METHOD_NOT_FOUND</error>"
        "<error_description>Method not found!</error_description></response>"
    )


def test_v2_reads_the_query_string_of_a_get(wire):
    query = "select[]=ID&select[]=TITLE&filter[%3E%3DID]=3&filter[%3CID]=5&order[ID]=DESC"
    _, body = wire.send(f"{wire.portal.url}crm.deal.list?{query}", verb="GET")
    assert [row["ID"] for row in json.loads(body)["result"]] == ["4", "3"]


def test_v2_reads_form_bodies_with_php_brackets(wire):
    body = (
        "fields[TITLE]="
        + quote("A & B = C")
        + "&fields[UF_CRM_1700000002][]=x&fields[UF_CRM_1700000002][]=y"
    )
    status, raw = wire.send(
        wire.portal.url + "crm.deal.add",
        body=body.encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert status == 200
    row = wire.portal.state.deals.rows[json.loads(raw)["result"]]
    assert row["TITLE"] == "A & B = C"
    assert row["UF_CRM_1700000002"] == ["x", "y"]


def test_v2_reads_multipart_bodies(wire):
    body = b'--b\r\nContent-Disposition: form-data; name="fields[TITLE]"\r\n\r\nParts\r\n--b--\r\n'
    _, raw = wire.send(
        wire.portal.url + "crm.deal.add",
        body=body,
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert wire.portal.state.deals.rows[json.loads(raw)["result"]]["TITLE"] == "Parts"


def test_a_json_body_wins_over_the_query_string(wire):
    assert wire.result("crm.deal.get?id=2", {"id": 3})["ID"] == "3"


def test_unreadable_json_counts_as_no_parameters(wire):
    _, raw = wire.send(
        wire.portal.url + "crm.deal.get",
        body=b'{"id": 1',
        headers={"Content-Type": "application/json"},
    )
    assert json.loads(raw) == {"error": "", "error_description": "ID is not defined or invalid."}


def test_a_wrong_webhook_code_is_refused_before_anything_runs(wire, portal):
    url = f"{portal.base_url}/rest/1/wrongcode/"
    assert wire.refusal("crm.deal.delete", {"id": 1}, url=url) == (401, "INVALID_CREDENTIALS")
    assert portal.executed == []
    assert [entry.method for entry in portal.requests] == ["crm.deal.delete"]


def test_a_webhook_of_another_user_acts_as_that_user(wire, portal):
    assert wire.result("user.current", url=portal.webhook(3))["ID"] == "3"
    assert wire.result("user.admin", url=portal.webhook(3)) is False


def test_a_dismissed_user_cannot_act(wire, portal):
    assert wire.refusal("user.current", url=portal.webhook(12)) == (401, "authorization_error")


def test_a_missing_scope_is_refused(wire, portal):
    url = portal.webhook(1, scopes=["task"])
    assert wire.refusal("crm.deal.list", url=url) == (403, "insufficient_scope")
    assert wire.result("server.time", url=url)
    assert portal.journal.count("crm.*") == 0


def test_a_removed_webhook_stops_working(wire, portal):
    url = portal.url
    code = url.rstrip("/").rpartition("/")[2]
    portal.access.remove_webhook(1, code)
    assert wire.refusal("user.admin", url=url) == (401, "INVALID_CREDENTIALS")


def test_an_access_token_is_an_ordinary_parameter_of_the_oauth_address(wire, portal):
    token = portal.access.add_token("secret-token", 3, scopes=["user"])
    url = portal.base_url + "/rest/"
    assert wire.result("user.current", {"auth": token}, url=url)["ID"] == "3"
    assert portal.executed[-1].params == {}
    assert wire.refusal("user.current", {"auth": "other"}, url=url) == (401, "invalid_token")
    assert wire.refusal("user.current", {}, url=url) == (401, "NO_AUTH_FOUND")


def test_an_expired_token_is_told_apart_from_an_unknown_one(wire, portal):
    portal.access.add_token("old", 1, expires_in=-1)
    url = portal.base_url + "/rest/"
    assert wire.refusal("user.current", {"auth": "old"}, url=url) == (401, "expired_token")


def test_an_unknown_method_is_not_found(wire):
    assert wire.call("crm.offer.list") == (
        404,
        {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"},
    )


def test_a_documented_method_that_is_not_played_says_so(wire, monkeypatch):
    monkeypatch.setattr(
        "bitrix24_agent.emulator.kernel.is_documented",
        lambda name, _: name == "bizproc.activity.list",
    )
    assert wire.refusal("bizproc.activity.list") == (501, "ERROR_EMULATOR_NOT_IMPLEMENTED")
    assert wire.refusal("bizproc.task.lost") == (404, "ERROR_METHOD_NOT_FOUND")


def test_a_path_that_is_no_rest_address_is_a_web_page(wire, portal):
    status, body = wire.send(portal.base_url + "/company/personal/", verb="GET")
    assert status == 404
    assert not body.startswith(b"{")


def test_every_request_is_in_the_journal_with_its_answer(wire, portal):
    wire.call("crm.deal.get", {"id": 1})
    wire.call("crm.deal.get", {"id": 99999})
    seen = [(entry.verb, entry.method, entry.version, entry.status) for entry in portal.requests]
    assert seen == [("POST", "crm.deal.get", 2, 200), ("POST", "crm.deal.get", 2, 400)]
    assert [(entry.outcome, entry.code) for entry in portal.executed] == [
        ("ok", None),
        ("refused", ""),
    ]


def test_reset_goes_back_to_the_seeded_company(wire, portal):
    before = wire.result("crm.deal.get", {"id": 1})
    wire.result("crm.deal.update", {"id": 1, "fields": {"TITLE": "x"}})
    portal.faults.add("*", "lost", times=None)
    portal.reset()
    assert wire.result("crm.deal.get", {"id": 1}) == before
    assert len(portal.requests) == 1


def test_the_same_seed_gives_the_same_company_and_another_seed_another(wired):
    from bitrix24_agent.emulator.portal import Portal

    def titles(seed):
        return [row["TITLE"] for row in Portal(seed=seed, deals=20).state.deals]

    assert titles(1) == titles(1)
    assert titles(1) != titles(2)
