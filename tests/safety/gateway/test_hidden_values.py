"""A reference to another command hides a value: nothing that nobody saw gets past the rules."""

from __future__ import annotations

import pytest

from bitrix24_agent import B24Error, ConfirmationRequired, Policy, Risk, approve_up_to
from bitrix24_agent.model import Caller

READ = "user.option.get?option=evil"
WHOLE = [
    ("imbot.update", {"BOT_ID": 1, "FIELDS": "$result[a]"}),
    ("bizproc.robot.update", {"CODE": "x", "FIELDS": "$result[a]"}),
    ("crm.company.update", {"id": 1, "fields": "$result[a]"}),
    ("sonet_group.update", {"GROUP_ID": 1, "OWNER_ID": "$result[a][x]"}),
    ("tasks.flow.Flow.update", {"flowData": "$result[a]"}),
    ("imbot.v2.Bot.update", {"botId": 1, "fields": "$result[a]"}),
    ("messageservice.sender.update", {"CODE": "x", "HANDLER": "$result[a]"}),
    ("crm.contact.update", {"id": 1, "fields": {"PHONE": "$result[a]"}}),
    ("crm.contact.update", {"id": 1, "fields": {"PHONE": [{"ID": 1, "VALUE": "$result[a][e]"}]}}),
    ("crm.contact.update", {"id": 1, "fields": {"PHONE": ["$result[a][e]"]}}),
    ("crm.timeline.comment.update", {"id": 1, "fields": "$result[a]"}),
    ("sale.paysystem.handler.update", {"ID": 1, "FIELDS": "$result[a]"}),
    ("biconnector.connector.update", {"id": 1, "fields": "$result[a]"}),
    ("tasks.task.update", {"taskId": 1, "fields": {"UF_TASK_WEBDAV_FILES": "$result[a]"}}),
    ("imconnector.activate", {"CONNECTOR": "x", "LINE": 1, "ACTIVE": "$result[a]"}),
    ("user.update", {"ID": 2, "ACTIVE": "$result[a]"}),
]


@pytest.fixture
def trusting(make_kit):
    """A kit whose host says yes to every write and to nothing destructive."""
    return make_kit(packs="all", policy=Policy(approver=approve_up_to(Risk.WRITE)))


@pytest.mark.parametrize(
    ("method", "params"), WHOLE, ids=[f"{m}-{i}" for i, (m, _) in enumerate(WHOLE)]
)
def test_what_a_reference_hides_does_not_arrive(trusting, portal, method, params):
    command = {"method": method, "params": params}
    with pytest.raises(B24Error):
        trusting.call("batch", {"cmd": {"a": READ, "b": command}})
    assert [r for r in portal.requests if method in r.body.decode()] == []


@pytest.mark.parametrize(
    "query",
    [
        {"id": 1, "fields": {"$ref": "a.item"}},
        {"id": 1, "fields": {"$refArray": "a.items"}},
        {"id": 1, "fields": {"$REF": "a.item"}},
    ],
)
def test_an_object_by_reference_does_not_arrive_in_v3_either(trusting, portal, query):
    commands = [
        {"method": "tasks.task.get", "query": {"id": 1}, "as": "a"},
        {"method": "tasks.task.update", "query": query},
    ]
    with pytest.raises(B24Error):
        trusting.call("batch", {"cmd": commands}, version=3)
    assert portal.requests == []


def test_single_values_by_reference_still_go(trusting, portal):
    command = {
        "method": "crm.deal.update",
        "params": {"id": "$result[a][0][ID]", "fields": {"TITLE": "$result[a][0][TITLE]"}},
    }
    trusting.call("batch", {"cmd": {"a": "crm.deal.list", "b": command}})
    assert [c.method for c in portal.journal.writes()] == ["crm.deal.update"]


def test_a_refusal_covers_the_same_call_in_other_clothes(make_kit, portal):
    kit = make_kit()
    caller = Caller(conversation="c")
    with pytest.raises(ConfirmationRequired) as caught:
        kit.call("crm.deal.delete", {"id": 9}, caller=caller)
    kit.refuse(caught.value.plan_id, by="ann")
    for name, params in (
        ("crm.deal.delete", {"id": 9}),
        ("crm.deal.delete", {"ID": " +09 "}),
        ("crm.deal.delete", {"id": "9"}),
        ("batch", {"cmd": {"x": "crm.deal.delete?id=9"}}),
        ("batch", {"halt": 1, "cmd": {"x": "crm.deal.delete?id=9", "y": "user.current"}}),
    ):
        with pytest.raises(B24Error) as stopped:
            kit.call(name, params, caller=caller)
        assert (stopped.value.code, kit.plans("pending")) == ("NOT_ALLOWED", [])
    with pytest.raises(ConfirmationRequired):
        kit.call("crm.deal.delete", {"id": 10}, caller=caller)
    assert portal.journal.writes() == []
