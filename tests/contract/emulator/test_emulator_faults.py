"""Every fault as a client sees it, and what the portal says it really did."""

from __future__ import annotations

import http.client
import json

import pytest

from bitrix24_agent.testing import running_portal

ADD = ("crm.deal.add", {"fields": {"TITLE": "Fault"}})


def made(portal):
    return [row["ID"] for row in portal.state.deals if row["TITLE"] == "Fault"]


@pytest.mark.parametrize(("when", "rows"), [("before", 0), ("after", 1)])
def test_a_lost_answer_cuts_the_connection_and_the_journal_knows_whether_it_ran(
    wire, portal, when, rows
):
    portal.faults.add("crm.deal.add", "lost", when=when)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        wire.call(*ADD)
    assert len(made(portal)) == rows
    assert portal.journal.count("crm.deal.add") == rows
    assert [(entry.fault, entry.status) for entry in portal.requests] == [("lost", None)]
    assert wire.call(*ADD)[0] == 200


def test_a_cut_body_ends_in_the_middle_although_the_work_is_done(wire, portal):
    portal.faults.add("crm.deal.add", "cut_body")
    with pytest.raises(http.client.IncompleteRead):
        wire.call(*ADD)
    assert len(made(portal)) == 1


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("internal_error", 500, "INTERNAL_SERVER_ERROR"),
        ("rate_limit", 503, "QUERY_LIMIT_EXCEEDED"),
        ("operation_time", 429, "OPERATION_TIME_LIMIT"),
        ("overload", 503, "OVERLOAD_LIMIT"),
        ("expired_token", 401, "expired_token"),
    ],
)
def test_faults_with_a_code_are_ordinary_error_answers(wire, portal, kind, status, code):
    portal.faults.add("crm.deal.add", kind)
    assert wire.refusal(*ADD) == (status, code)
    assert made(portal) == []


@pytest.mark.parametrize(
    ("kind", "status"), [("bad_gateway", 502), ("unavailable", 503), ("html", 200)]
)
def test_faults_without_a_code_are_web_pages(wire, portal, kind, status):
    portal.faults.add("crm.deal.add", kind)
    got, raw = wire.send(portal.url + "crm.deal.add", body=b"{}")
    assert got == status
    assert raw.startswith(b"<html>")


def test_an_error_may_come_although_the_work_is_done(wire, portal):
    portal.faults.add("crm.deal.add", "internal_error", when="after")
    assert wire.refusal(*ADD) == (500, "INTERNAL_SERVER_ERROR")
    assert len(made(portal)) == 1


def test_wrong_json_looks_like_json_only(wire, portal):
    portal.faults.add("crm.deal.add", "wrong_json")
    status, raw = wire.send(
        portal.url + "crm.deal.add",
        body=json.dumps(ADD[1]).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert (status, wire.headers["content-type"]) == (200, "application/json; charset=utf-8")
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(raw)
    assert len(made(portal)) == 1


def test_a_renamed_portal_redirects(wire, portal):
    portal.faults.add("*", "redirect", location="http://new.example/rest/1/x/crm.deal.add")
    status, raw = wire.send(portal.url + "crm.deal.add", body=b"{}")
    assert (status, wire.headers["location"]) == (302, "http://new.example/rest/1/x/crm.deal.add")
    assert raw.startswith(b"<html>")
    assert made(portal) == []


def test_a_redirect_to_a_folder_names_the_method(wire, portal):
    portal.faults.add("crm.deal.add", "redirect", location="http://new.example/rest/1/x/")
    wire.send(portal.url + "crm.deal.add", body=b"{}")
    assert wire.headers["location"] == "http://new.example/rest/1/x/crm.deal.add"


def test_what_concerns_the_connection_leaves_the_commands_of_a_batch_alone(wire, portal):
    for kind in ("lost", "html", "rate_limit", "expired_token"):
        portal.faults.add("crm.deal.add", kind, times=None)
    _, body = wire.call("batch", {"cmd": {"a": "crm.deal.add?fields[TITLE]=Fault"}})
    assert set(body["result"]["result"]) == {"a"}
    assert len(made(portal)) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_command_may_fail_before_or_after_its_work(wire, portal, when):
    portal.faults.add("crm.deal.add", "internal_error", when=when)
    _, body = wire.call("batch", {"cmd": {"a": "crm.deal.add?fields[TITLE]=Fault"}})
    assert body["result"]["result_error"]["a"]["error"] == "INTERNAL_SERVER_ERROR"
    assert len(made(portal)) == (when == "after")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_slow_answer_comes_in_the_end(wire, portal, when):
    portal.faults.add("crm.deal.add", "slow", seconds=0.05, when=when)
    status, body = wire.call(*ADD)
    assert status == 200
    assert made(portal) == [body["result"]]


def test_times_and_skip_count_matching_calls_only(wire, portal):
    portal.faults.add("crm.deal.*", "internal_error", times=2, skip=1)
    statuses = []
    for _ in range(4):
        wire.call("user.admin")
        statuses.append(wire.call("crm.deal.get", {"id": 1})[0])
    assert statuses == [200, 500, 500, 200]


def test_probability_follows_the_seed(portal, wire):
    def run(seed):
        portal.faults.clear()
        portal.faults.add("*", "internal_error", times=None, probability=0.5, seed=seed)
        return [wire.call("user.admin")[0] for _ in range(20)]

    first = run(1)
    assert set(first) == {200, 500}
    assert run(1) == first
    assert run(2) != first


def test_a_fault_may_hit_one_version_only(wire, portal):
    portal.faults.add("tasks.task.list", "internal_error", version=3, times=None)
    assert wire.call("tasks.task.list")[0] == 200
    assert wire.v3("tasks.task.list")[0] == 500


def test_a_fault_on_a_method_hits_it_inside_a_batch(wire, portal):
    portal.faults.add("crm.deal.add", "operation_time")
    cmd = {"a": "crm.deal.add?fields[TITLE]=Fault", "b": "crm.deal.add?fields[TITLE]=Fault"}
    _, body = wire.call("batch", {"cmd": cmd})
    assert set(body["result"]["result"]) == {"b"}
    assert body["result"]["result_error"]["a"]["error"] == "OPERATION_TIME_LIMIT"
    assert len(made(portal)) == 1


def test_a_lost_batch_ran_all_its_commands(wire, portal):
    portal.faults.add("batch", "lost", when="after")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        wire.call("batch", {"cmd": [f"crm.deal.add?fields[TITLE]=Fault&n={n}" for n in range(3)]})
    assert len(made(portal)) == 3


def test_a_lost_v3_write_is_replayed_by_its_key(wire, portal):
    portal.faults.add("tasks.task.add", "lost", when="after")
    task = {"fields": {"title": "Once", "creatorId": 1, "responsibleId": 2}}
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        wire.v3("tasks.task.add", task, key="same")
    status, body = wire.v3("tasks.task.add", task, key="same")
    assert (status, body["result"]["item"]["title"]) == (200, "Once")
    assert wire.headers["idempotent-replayed"] == "true"
    assert len([row for row in portal.state.tasks if row["TITLE"] == "Once"]) == 1


def test_an_unknown_kind_is_refused_when_it_is_set(portal):
    with pytest.raises(ValueError, match="'explode' is no fault; use one of lost, slow"):
        portal.faults.add("*", "explode")
    with pytest.raises(ValueError, match="neither before nor after"):
        portal.faults.add("*", "lost", when="during")


def test_faults_can_be_set_from_the_start_and_survive_a_reset(wired):
    from bitrix24_agent.emulator.faults import Fault

    with running_portal(deals=1, faults=[Fault(method="user.admin", kind="overload")]) as portal:
        wire = wired(portal)
        assert wire.refusal("user.admin") == (503, "OVERLOAD_LIMIT")
        assert wire.result("user.admin") is True
        portal.reset()
        assert wire.refusal("user.admin") == (503, "OVERLOAD_LIMIT")


# --- limits ---------------------------------------------------------------------------------------


@pytest.fixture
def clock():
    return [1_790_000_000.0]


def test_the_bucket_refuses_above_its_capacity_and_leaks(wired, clock):
    with running_portal(deals=1, limits=(3, 2), clock=lambda: clock[0]) as portal:
        wire = wired(portal)
        statuses = [wire.call("user.admin")[0] for _ in range(5)]
        assert statuses == [200, 200, 200, 503, 503]
        assert wire.refusal("user.admin") == (503, "QUERY_LIMIT_EXCEEDED")
        clock[0] += 1.0
        assert [wire.call("user.admin")[0] for _ in range(3)] == [200, 200, 503]
        assert portal.journal.count("user.admin") == 5


def test_a_bucket_can_start_full(wired, clock):
    with running_portal(deals=1, limits=True, clock=lambda: clock[0]) as portal:
        portal.portal.bucket.fill(50)
        assert wired(portal).refusal("user.admin") == (503, "QUERY_LIMIT_EXCEEDED")
        clock[0] += 0.5
        assert wired(portal).call("user.admin")[0] == 200


def test_operating_time_blocks_one_method_of_one_credential(wired, clock):
    with running_portal(deals=1, operating_limit=10, clock=lambda: clock[0]) as portal:
        wire = wired(portal)
        portal.portal.operating.cost["crm.deal.list"] = 6
        _, first = wire.call("crm.deal.list")
        clock[0] += 65
        _, second = wire.call("crm.deal.list")  # crosses the limit and still finishes
        assert (first["time"]["operating"], second["time"]["operating"]) == (6, 12)
        assert second["time"]["operating_reset_at"] == 1_790_000_000 + 600
        assert wire.refusal("crm.deal.list") == (429, "OPERATION_TIME_LIMIT")
        assert wire.call("crm.deal.get", {"id": 1})[0] == 200
        assert wire.call("crm.deal.list", url=portal.webhook(2))[0] == 200
        _, body = wire.call("batch", {"cmd": {"a": "crm.deal.list"}})
        assert body["result"]["result_error"]["a"]["error"] == "OPERATION_TIME_LIMIT"
        assert body["time"]["operating"] == 0
        clock[0] = 1_790_000_000 + 600
        status, body = wire.call("crm.deal.list")
        assert (status, body["time"]["operating"]) == (200, 12)


# --- control --------------------------------------------------------------------------------------


def control(wire, name, body=None, verb="POST"):
    raw = json.dumps(body).encode() if body is not None else None
    status, answer = wire.send(
        f"{wire.portal.base_url}/__emulator__/{name}",
        verb=verb,
        body=raw,
        headers={"Content-Type": "application/json"},
    )
    return status, json.loads(answer)


def test_the_control_api_sets_faults_and_reads_the_journal(wire, portal):
    status, body = control(wire, "faults", {"method": "user.admin", "kind": "lost"})
    assert (status, len(body["faults"])) == (200, 1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        wire.call("user.admin")
    assert control(wire, "faults", verb="GET")[1]["faults"][0]["struck"] == 1
    assert control(wire, "faults", verb="DELETE")[1] == {"faults": []}
    wire.call("user.admin")
    executed = control(wire, "journal", verb="GET")[1]["executed"]
    assert [(entry["method"], entry["user"], entry["outcome"]) for entry in executed] == [
        ("user.admin", 1, "ok")
    ]
    assert [entry["fault"] for entry in control(wire, "requests", verb="GET")[1]["requests"]] == [
        "lost",
        None,
    ]
    assert control(wire, "stats", verb="GET")[1]["executed"] == {"user.admin": 1}
    assert control(wire, "limits", {"capacity": 1, "level": 1})[1]["level"] == 1
    assert wire.refusal("user.admin") == (503, "QUERY_LIMIT_EXCEEDED")
    assert control(wire, "reset")[1] == {"ok": True}
    assert portal.requests == []


def test_a_wrong_fault_is_refused_over_the_wire(wire):
    status, body = control(wire, "faults", {"method": "x", "kind": "explode"})
    assert status == 400
    assert "is no fault" in body["error"]
    assert control(wire, "faults", {"kind": "lost"})[0] == 400
