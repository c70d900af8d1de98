"""A plan is bound to one exact call, and the matching read shows its object."""

from __future__ import annotations

import pytest

from bitrix24_agent.model import Call
from bitrix24_agent.policy.canonical import canonical
from bitrix24_agent.policy.plan import (
    approval_token,
    before_call,
    digest,
    fingerprint,
    is_approval,
    item_of,
)
from bitrix24_agent.policy.undo import reverse

WHERE = {"portal": "acme.bitrix24.com", "credential_id": "webhook:1", "references_digest": "r1"}
UPDATE = Call(
    method="crm.deal.update", params={"id": 5, "fields": {"TITLE": "New", "STAGE_ID": "WON"}}
)


def test_a_digest_is_the_same_whatever_the_order_of_names():
    other = Call(
        method="crm.deal.update", params={"fields": {"STAGE_ID": "WON", "TITLE": "New"}, "id": 5}
    )
    assert digest(UPDATE, **WHERE) == digest(other, **WHERE)
    assert len(digest(UPDATE, **WHERE)) == 64


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (UPDATE, {**WHERE, "portal": "other.bitrix24.com"}),
        (UPDATE, {**WHERE, "credential_id": "webhook:2"}),
        (UPDATE, {**WHERE, "references_digest": "r2"}),
        (UPDATE.with_params(id=6), WHERE),
        (UPDATE.with_params(id="5"), WHERE),
        (Call(method="crm.deal.update", version=3, params=UPDATE.params), WHERE),
        (Call(method="crm.lead.update", params=UPDATE.params), WHERE),
        (Call(method="batch", commands={"a": UPDATE}), WHERE),
    ],
)
def test_any_difference_changes_the_digest(call, where):
    assert digest(call, **where) != digest(UPDATE, **WHERE)


def test_the_order_of_commands_and_their_keys_count():
    a, b = Call(method="x.a"), Call(method="x.b")
    batches = [
        Call(method="batch", commands={"1": a, "2": b}),
        Call(method="batch", commands={"2": b, "1": a}),
        Call(method="batch", commands={"2": a, "1": b}),
    ]
    assert len({digest(call, **WHERE) for call in batches}) == 3


def test_an_approval_fits_one_plan_and_one_key():
    token = approval_token(b"key", "d1", "p1")
    assert is_approval(b"key", "d1", "p1", f" {token.upper()}\n")
    wrong = [(b"other", "d1", "p1"), (b"key", "d2", "p1"), (b"key", "d1", "p2"), (b"", "d1", "p1")]
    assert not any(is_approval(*parts, token) for parts in wrong)
    assert not is_approval(b"key", "d1", "p1", "")
    assert not is_approval(b"key", "d1", "p1", "é" + token)
    with pytest.raises(ValueError, match="empty"):
        approval_token(b"", "d1", "p1")


def test_a_fingerprint_ignores_what_changes_by_looking():
    before = {
        "ID": "5",
        "TITLE": "Old",
        "files": [{"id": 1, "downloadUrl": "a?token=1"}],
        "viewedDate": "1",
    }
    again = {
        "ID": "5",
        "TITLE": "Old",
        "files": [{"id": 1, "downloadUrl": "a?token=2"}],
        "viewedDate": "2",
    }
    assert fingerprint(before) == fingerprint(again)
    assert fingerprint(before) != fingerprint({**before, "TITLE": "Newer"})
    assert fingerprint(None) is None


# --- which read shows it --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "item"),
    [
        ({"item": {"id": 1}}, {"id": 1}),
        ({"task": {"id": 1}, "time": 1}, {"id": 1}),
        ({"ID": "1", "TITLE": "x"}, {"ID": "1", "TITLE": "x"}),
        ({"0": {"ID": "1"}}, {"ID": "1"}),
        ([{"ID": "1"}], {"ID": "1"}),
        ({"0": [{"ID": "1"}]}, {"ID": "1"}),
        ([{"ID": "1"}, {"ID": "2"}], None),
        ([], None),
        ({}, None),
        (True, None),
        (None, None),
        ({"item": 5, "x": 1}, {"item": 5, "x": 1}),
    ],
)
def test_the_object_is_found_wherever_the_method_keeps_it(result, item):
    assert item_of(result) == item


@pytest.mark.parametrize(
    ("name", "params", "version", "expected"),
    [
        ("crm.deal.update", {"id": 5, "fields": {}}, 2, ("crm.deal.get", 2, {"id": 5})),
        ("crm.deal.delete", {"id": 5}, 2, ("crm.deal.get", 2, {"id": 5})),
        (
            "crm.item.update",
            {"entityTypeId": 2, "id": 5, "fields": {"title": "x"}},
            2,
            ("crm.item.get", 2, {"entityTypeId": 2, "id": 5}),
        ),
        (
            "crm.item.delete",
            {"entityTypeId": 2, "id": 5},
            2,
            ("crm.item.get", 2, {"entityTypeId": 2, "id": 5}),
        ),
        ("tasks.task.update", {"taskId": 5, "fields": {}}, 2, ("tasks.task.get", 2, {"taskId": 5})),
        ("tasks.task.delete", {"taskId": 5}, 2, ("tasks.task.get", 2, {"taskId": 5})),
        (
            "tasks.task.update",
            {"id": 5, "fields": {"title": "x"}},
            3,
            ("tasks.task.get", 3, {"id": 5, "select": ["id", "title"]}),
        ),
        (
            "tasks.task.update",
            {"id": 5, "title": "x"},
            3,
            ("tasks.task.get", 3, {"id": 5, "select": ["id", "title"]}),
        ),
        ("note.document.delete", {"id": 5}, 3, ("note.document.get", 3, {"id": 5})),
        (
            "im.message.update",
            {"MESSAGE_ID": 5, "MESSAGE": "x"},
            2,
            ("im.message.get", 2, {"id": 5}),
        ),
        (
            "task.checklistitem.update",
            {"TASKID": 1, "ITEMID": 2, "fields": {}},
            2,
            ("task.checklistitem.get", 2, {"TASKID": 1, "ITEMID": 2}),
        ),
        ("user.update", {"ID": 7, "NAME": "x"}, 2, ("user.get", 2, {"FILTER": {"ID": 7}})),
    ],
)
def test_a_change_is_shown_by_the_matching_read(catalog, name, params, version, expected):
    call = canonical(name, params, version=version, catalog=catalog)
    method, read_version, arguments = expected
    assert before_call(call, catalog) == Call(method=method, version=read_version, params=arguments)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("crm.deal.add", {"fields": {}}),  # nothing is there yet
        ("crm.deal.list", {}),
        ("crm.contact.update", {"id": 1, "fields": {}}),  # no read in this catalogue
        ("sale.order.update", {"id": 1, "fields": {}}),  # its read is not one
        ("crm.item.update", {"id": 5, "fields": {}}),  # half an address
        ("crm.deal.update", {"id": {"a": 1}, "fields": {}}),
        ("user.update", {"ID": [1], "NAME": "x"}),
        ("user.update", {"NAME": "x"}),
        ("im.message.update", {"chatId": 5, "MESSAGE": "x"}),  # another object's id
        ("department.update", {"ID": 1, "sort": "x"}),  # its read takes no address
    ],
)
def test_what_cannot_be_read_beforehand_says_so(catalog, name, params):
    assert before_call(canonical(name, params, catalog=catalog), catalog) is None


def test_a_method_without_a_family_has_no_read(catalog):
    assert before_call(Call(method="update"), catalog) is None


def test_a_batch_reads_every_command_it_can(catalog):
    cmd = {
        "a": "crm.deal.update?id=5&fields[TITLE]=x",
        "b": "crm.deal.add?fields[TITLE]=x",
        "c": "crm.deal.delete?id=$result[b]",
        "d": "crm.deal.delete?id=9",
    }
    call = canonical("batch", {"cmd": cmd}, catalog=catalog)
    assert before_call(call, catalog) == Call(
        method="batch",
        version=2,
        params={"halt": 0},
        commands={
            "a": Call(method="crm.deal.get", params={"id": "5"}),
            "d": Call(method="crm.deal.get", params={"id": "9"}),
        },
    )
    assert before_call(canonical("batch", ["user.current"], catalog=catalog), catalog) is None
    v3 = canonical("batch", ["note.document.delete?id=1"], catalog=catalog)
    assert before_call(v3, catalog) == Call(
        method="batch",
        version=3,
        commands={"0": Call(method="note.document.get", version=3, params={"id": "1"})},
    )


# --- undo -----------------------------------------------------------------------------------------


def test_an_update_is_undone_by_writing_the_old_values_back(catalog):
    before = {"ID": "5", "TITLE": "Old", "STAGE_ID": None}
    assert reverse(UPDATE, before=before, new_id=None, catalog=catalog) == Call(
        method="crm.deal.update", params={"id": 5, "fields": {"TITLE": "Old", "STAGE_ID": ""}}
    )
    flat = Call(method="user.update", params={"ID": 7, "NAME": "Ann"})
    assert reverse(flat, before={"ID": "7", "NAME": "Anna"}, new_id=None, catalog=catalog) == Call(
        method="user.update", params={"ID": 7, "NAME": "Anna"}
    )


@pytest.mark.parametrize(
    "before",
    [
        None,
        {},
        {"TITLE": "Old"},
        {"TITLE": "Old", "STAGE_ID": ["x"]},
        {"TITLE": {}, "STAGE_ID": "x"},
    ],
)
def test_an_update_with_an_unknown_old_value_is_not_undone(catalog, before):
    assert reverse(UPDATE, before=before, new_id=None, catalog=catalog) is None


def test_an_update_that_changed_nothing_is_not_undone(catalog):
    call = Call(method="crm.deal.update", params={"id": 5, "fields": {}})
    assert reverse(call, before={"ID": "5"}, new_id=None, catalog=catalog) is None


def test_a_creation_is_undone_by_deleting_it(catalog):
    deal = Call(method="crm.deal.add", params={"fields": {"TITLE": "x"}})
    assert reverse(deal, before=None, new_id=9, catalog=catalog) == Call(
        method="crm.deal.delete", params={"id": 9}
    )
    item = Call(method="crm.item.add", params={"entityTypeId": 2, "fields": {}})
    assert reverse(item, before=None, new_id=9, catalog=catalog) == Call(
        method="crm.item.delete", params={"entityTypeId": 2, "id": 9}
    )


@pytest.mark.parametrize(
    ("call", "new_id"),
    [
        (Call(method="crm.deal.add", params={"fields": {}}), None),  # its id is not known
        (Call(method="im.message.add", params={}), 5),  # no such deletion
        (Call(method="crm.item.add", params={"fields": {}}), 5),  # half an address
        (Call(method="crm.deal.delete", params={"id": 5}), None),
        (Call(method="batch", commands={"a": UPDATE}), None),
        (Call(method="update"), None),
    ],
)
def test_what_cannot_be_taken_back_has_no_reverse(catalog, call, new_id):
    assert reverse(call, before=None, new_id=new_id, catalog=catalog) is None
