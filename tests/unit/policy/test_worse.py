from __future__ import annotations

import pytest

from bitrix24_agent.model import Call, Risk
from bitrix24_agent.policy.risk import assess
from bitrix24_agent.policy.worse import TABLE

CASES = [
    ("sonet_group.update", {"GROUP_ID": 1, "OWNER_ID": 2}, {"GROUP_ID": 1, "NAME": "x"}),
    ("tasks.flow.Flow.update", {"flowData": {"id": 1, "ownerId": 2}}, {"flowData": {"id": 1}}),
    ("imbot.v2.Bot.update", {"fields": {"botToken": "x"}}, {"fields": {"code": "x"}}),
    ("crm.deal.update", {"id": 1, "fields": {"CONTACT_IDS": [1]}}, {"id": 1, "fields": {"A": 1}}),
    ("crm.item.update", {"id": 1, "fields": {"contactIds": []}}, {"id": 1, "fields": {"a": 1}}),
    ("note.document.update", {"id": 1, "overwrite": True}, {"id": 1, "overwrite": False}),
    (
        "sale.delivery.request.update",
        {"REQUEST_ID": 1, "FINALIZE": "Y"},
        {"REQUEST_ID": 1, "FINALIZE": "N"},
    ),
    ("log.blogpost.update", {"POST_ID": 1, "DEST": ["UA"]}, {"POST_ID": 1, "POST_TITLE": "x"}),
    ("documentgenerator.template.update", {"fields": {"users": []}}, {"fields": {"name": "x"}}),
    ("landing.site.updateFolder", {"fields": {"ACTIVE": "N"}}, {"fields": {"TITLE": "x"}}),
    ("landing.syspage.set", {"id": 1, "type": "404"}, {"id": 1, "type": "404", "lid": 5}),
    (
        "calendar.event.update",
        {"id": 1, "is_meeting": "Y"},
        {"id": 1, "is_meeting": "Y", "attendees": [1, 2]},
    ),
    ("calendar.event.update", {"id": 1, "attendees": []}, {"id": 1, "attendees": [2]}),
    ("user.update", {"ID": 1, "EMAIL": "a@b.example"}, {"ID": 1, "UF_DEPARTMENT": [1]}),
    ("department.update", {"ID": 1, "UF_HEAD": 5}, {"ID": 1, "NAME": "x"}),
    ("department.update", {"ID": 1, "PARENT": 5}, {"ID": 1, "SORT": 5}),
    ("imconnector.activate", {"ACTIVE": 0}, {"ACTIVE": "1"}),
    ("imopenlines.config.update", {"PARAMS": {"ACTIVE": "N"}}, {"PARAMS": {"ACTIVE": "Y"}}),
    ("sonet_group.update", {"CLOSED": "Y"}, {"CLOSED": "N"}),
    ("sonet_group.update", {"VISIBLE": "Y"}, {"VISIBLE": "N"}),
    ("sonet_group.update", {"OPENED": True}, {"OPENED": False}),
    ("voximplant.sip.update", {"SERVER": "sip.example.com"}, {"TITLE": "x"}),
    ("sale.order.update", {"fields": {"canceled": "Y"}}, {"fields": {"canceled": "N"}}),
    ("landing.site.update", {"fields": {"ACTIVE": "N"}}, {"fields": {"TITLE": "x"}}),
    ("log.blogpost.share", {"DEST": ["U1", "UA"]}, {"DEST": ["SG69"]}),
    ("crm.contact.update", {"fields": {"PHONE": []}}, {"fields": {"PHONE": [{"VALUE": "1"}]}}),
    ("crm.company.update", {"fields": {"EMAIL": ""}}, {"fields": {"EMAIL": [{"VALUE": "a@b.c"}]}}),
    ("crm.lead.update", {"fields": {"PHONE": []}}, {"fields": {"TITLE": "x"}}),
    (
        "tasks.task.update",
        {"fields": {"UF_TASK_WEBDAV_FILES": ["n1"]}},
        {"fields": {"TITLE": "x"}},
    ),
]


@pytest.mark.parametrize(
    ("name", "bad", "fine"), CASES, ids=[f"{i}-{c[0]}" for i, c in enumerate(CASES)]
)
def test_the_argument_makes_the_call_destructive_and_nothing_else_does(refs, name, bad, fine):
    method = refs.method(name)
    own = method.risk
    assert assess(_call(method, bad), refs)[0] is Risk.DESTRUCTIVE
    assert assess(_call(method, fine), refs)[0] is own
    assert own is Risk.WRITE


REFERENCES = [
    ("imconnector.activate", {"ACTIVE": "$result[a]"}),
    ("log.blogpost.share", {"DEST": ["$result[a]"]}),
    ("log.blogpost.update", {"DEST": {"$refArray": "a.items"}}),
    ("crm.contact.update", {"fields": {"PHONE": [{"VALUE": "$result[a]"}]}}),
    ("crm.contact.update", {"fields": {"PHONE": "$result[a]"}}),
    ("sale.order.update", {"fields": {"canceled": {"$ref": "a.b"}}}),
    ("crm.item.update", {"fields": {"ufFiles": "$result[a]"}}),
    ("crm.item.update", {"fields": "$result[a]"}),
]


@pytest.mark.parametrize(("name", "params"), REFERENCES, ids=range(len(REFERENCES)))
def test_a_value_from_another_command_is_the_worst_it_could_be(refs, name, params):
    assert assess(_call(refs.method(name), params), refs)[0] is Risk.DESTRUCTIVE


def test_a_value_from_another_command_counts_as_a_yes(refs):
    method = refs.method("note.document.update")
    call = _call(method, {"id": 1, "overwrite": "$result[a]"})
    assert assess(call, refs)[0] is Risk.DESTRUCTIVE


def test_every_rule_fits_a_documented_method_and_its_page(refs):
    pages = {m.page for m in refs.methods()}
    for rule in TABLE:
        assert any(rule.methods.fullmatch(m.name.lower()) for m in refs.methods())
        assert rule.source in pages


def _call(method, params):
    return Call(method=method.name, version=method.version, params=params)
