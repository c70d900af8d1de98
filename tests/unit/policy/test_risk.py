"""Risk belongs to the call with its arguments, and is never less than the method's own."""

from __future__ import annotations

import pytest

from bitrix24_agent.model import Call, Risk
from bitrix24_agent.policy.canonical import canonical
from bitrix24_agent.policy.risk import assess

READ, WRITE, DESTRUCTIVE = Risk.READ, Risk.WRITE, Risk.DESTRUCTIVE


def risk(catalog, name, params=None, version=None):
    return assess(canonical(name, params, version=version, catalog=catalog), catalog)[0]


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        ("crm.deal.list", {"filter": {"ID": 1}}, READ),
        ("crm.deal.update", {"id": 1, "fields": {"TITLE": ""}}, WRITE),
        ("crm.deal.delete.json", {"id": 1}, DESTRUCTIVE),
        # employees
        ("user.update", {"ID": 1, "ACTIVE": "N"}, DESTRUCTIVE),
        ("user.update", {"ID": 1, "active": False}, DESTRUCTIVE),
        ("user.update", {"ID": 1, "Active": 0}, DESTRUCTIVE),
        ("user.update", {"ID": 1, "fields": {"ACTIVE": "n "}}, DESTRUCTIVE),
        ("user.update", {"ID": 1, "ACTIVE": None}, DESTRUCTIVE),
        ("user.update", {"ID": 1, "ACTIVE": ""}, DESTRUCTIVE),
        ("user.update", {"ID": 1, "ACTIVE": ["N"]}, DESTRUCTIVE),
        ("user.update", {"ID": 1, "ACTIVE": "Y "}, WRITE),
        ("user.update", {"ID": 1, "ACTIVE": "Y"}, WRITE),
        ("user.update", {"ID": 1, "GROUP_ID": [1]}, DESTRUCTIVE),
        ("user.update", {}, WRITE),
        # messages
        ("im.message.update", {"MESSAGE_ID": 1, "MESSAGE": ""}, DESTRUCTIVE),
        ("im.message.update", {"MESSAGE_ID": 1, "message": " \u200b\n"}, DESTRUCTIVE),
        ("im.message.update", {"MESSAGE_ID": 1, "MESSAGE": None}, DESTRUCTIVE),
        ("im.message.update", {"MESSAGE_ID": 1, "MESSAGE": [""]}, DESTRUCTIVE),
        ("im.message.update", {"MESSAGE_ID": 1, "MESSAGE": {}}, DESTRUCTIVE),
        ("im.message.update", {"MESSAGE_ID": 1, "MESSAGE": False}, DESTRUCTIVE),
        ("im.message.update", {"MESSAGE_ID": 1, "MESSAGE": "hi"}, WRITE),
        ("im.message.update", {"MESSAGE_ID": 1}, WRITE),
        ("im.message.add", {"DIALOG_ID": "1", "MESSAGE": ""}, WRITE),
        # the offline queue and the bots' queue
        ("event.offline.get", None, DESTRUCTIVE),
        ("event.offline.get", {"clear": 1}, DESTRUCTIVE),
        ("event.offline.get", {"CLEAR": "Y"}, DESTRUCTIVE),
        ("event.offline.get", {"clear": "$result[a]"}, DESTRUCTIVE),
        ("event.offline.get", {"clear": 0}, WRITE),
        ("event.offline.get", {"clear": "0"}, WRITE),
        ("imbot.v2.Event.get", {"offset": 7}, DESTRUCTIVE),
        ("imbot.v2.Event.get", {"offset": 0}, READ),
        ("imbot.v2.Event.get", None, READ),
        # whole sets
        ("crm.deal.contact.items.set", {"id": 1, "items": []}, DESTRUCTIVE),
        ("crm.deal.contact.items.set", {"id": 1, "items": ""}, DESTRUCTIVE),
        ("crm.deal.contact.items.set", {"id": 1, "items": None}, DESTRUCTIVE),
        ("crm.deal.contact.items.set", {"id": 1, "items": [{"CONTACT_ID": 2}]}, WRITE),
        # phones, files and delete marks
        (
            "crm.contact.update",
            {"id": 1, "fields": {"PHONE": [{"ID": 5, "VALUE": ""}]}},
            DESTRUCTIVE,
        ),
        (
            "crm.contact.update",
            {"id": 1, "fields": {"PHONE": [{"ID": 5, "DELETE": "Y"}]}},
            DESTRUCTIVE,
        ),
        (
            "crm.contact.update",
            {"id": 1, "fields": {"PHONE": [{"ID": 5, "DELETE": "N", "VALUE": "1"}]}},
            WRITE,
        ),
        (
            "crm.contact.update",
            {"id": 1, "fields": {"fm": {"12": {"value": "", "typeId": "PHONE"}}}},
            DESTRUCTIVE,
        ),
        ("crm.contact.update", {"id": 1, "fields": {"UF_X": {"VALUE": ""}}}, WRITE),
        ("lists.element.update", {"FIELDS": {"PROPERTY_7_DEL": {"3": "Y"}}}, DESTRUCTIVE),
        ("lists.element.update", {"FIELDS": {"X_DEL": "Y"}}, DESTRUCTIVE),
        ("lists.element.update", {"FIELDS": {"FILES": {"437": "del"}}}, DESTRUCTIVE),
        ("lists.element.update", {"FIELDS": {"remove": []}}, WRITE),
        ("crm.deal.update", {"id": 1, "fields": {"UF_FILES": []}}, DESTRUCTIVE),
        ("crm.deal.update", {"id": 1, "fields": {"UF_FILES": [1]}}, WRITE),
        ("crm.timeline.comment.update", {"id": 1, "fields": {"FILES": [["a", "b"]]}}, DESTRUCTIVE),
        ("crm.timeline.comment.update", {"id": 1, "fields": {"COMMENT": "x"}}, WRITE),
        # rights and public links
        ("entity.add", {"ACCESS": {"AU": "X"}}, DESTRUCTIVE),
        ("disk.folder.shareToUser", {"id": 1}, DESTRUCTIVE),
        ("disk.file.getExternalLink", {"id": 1}, DESTRUCTIVE),
        ("documentgenerator.document.enablepublicurl", {"id": 1}, DESTRUCTIVE),
        ("documentgenerator.document.enablepublicurl", {"id": 1, "status": 0}, WRITE),
        (
            "documentgenerator.document.enablepublicurl",
            {"id": 1, "status": "$result[a]"},
            DESTRUCTIVE,
        ),
        ("bizproc.workflow.template.add", {"TEMPLATE_DATA": "x"}, DESTRUCTIVE),
    ],
)
def test_arguments_can_make_a_call_worse(catalog, name, params, expected):
    assert risk(catalog, name, params) is expected


def test_a_batch_is_as_bad_as_its_worst_command(catalog):
    call = canonical(
        "batch", ["user.current", "crm.deal.delete?id=1", "crm.deal.get?id=1"], catalog=catalog
    )
    assert assess(call, catalog) == (
        DESTRUCTIVE,
        "1: crm.deal.delete: crm.deal.delete is a destructive method",
    )
    reads = canonical("batch", ["user.current", "crm.deal.get?id=1"], catalog=catalog)
    assert assess(reads, catalog) == (READ, "0: user.current: user.current is a read method")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("user.update?ID=1&ACTIVE=$result[a]", DESTRUCTIVE),
        ("im.message.update?MESSAGE_ID=1&MESSAGE=$result[a]", DESTRUCTIVE),
        ("crm.deal.contact.items.set?id=1&items=$result[a]", DESTRUCTIVE),
        ("crm.deal.contact.items.set?id=1&items[0][ROLE]=$result[a]", DESTRUCTIVE),
        ("crm.deal.contact.items.set?id=1&items[0][CONTACT_ID]=$result[a]", WRITE),
        ("crm.deal.contact.items.set?id=$result[a]&items[0][CONTACT_ID]=1", WRITE),
        ("crm.deal.update?id=$result[a]&fields[TITLE]=x", WRITE),
    ],
)
def test_a_value_from_another_command_counts_as_the_worst_it_could_be(catalog, command, expected):
    call = canonical("batch", {"cmd": {"a": "user.current", "b": command}}, catalog=catalog)
    assert assess(call, catalog)[0] is expected


def test_what_nobody_knows_is_destructive(catalog):
    assert assess(Call(method="custom.thing"), catalog)[0] is DESTRUCTIVE
    assert assess(Call(method="batch"), catalog)[0] is DESTRUCTIVE
    assert assess(Call(method="crm.deal.list", version=3), catalog)[0] is DESTRUCTIVE


def test_no_argument_makes_a_call_milder_than_its_method(catalog):
    for method in catalog.methods.values():
        for params in ({}, {"clear": 0}, {"status": 0}, {"ACTIVE": "Y"}, {"offset": 0}):
            call = Call(method=method.name, version=method.version, params=params)
            assert assess(call, catalog)[0] >= method.risk
