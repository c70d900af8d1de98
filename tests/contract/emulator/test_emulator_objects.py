"""What really changes when a method writes: CRM rules, links, multifields, rights, chats, files."""

from __future__ import annotations

import json

import pytest
from dirty_equals import IsInt, IsPartialDict


def test_classic_values_are_text_and_universal_ones_numbers(wire):
    classic = wire.result("crm.deal.get", {"id": 3})
    universal = wire.result("crm.item.get", {"entityTypeId": 2, "id": 3})["item"]
    assert classic == IsPartialDict(ID="3", OPPORTUNITY="15000.00", CATEGORY_ID="0", LEAD_ID=None)
    assert universal == IsPartialDict(
        id=3, opportunity=15000, categoryId=0, leadId=None, entityTypeId=2
    )
    assert classic["BEGINDATE"].endswith("T00:00:00+03:00")
    assert universal["createdTime"] == classic["DATE_CREATE"]


def test_a_new_deal_gets_the_portals_defaults(wire, portal):
    key = wire.result("crm.deal.add", {"fields": {}})
    row = wire.result("crm.deal.get", {"id": key})
    assert row == IsPartialDict(
        TITLE=f"Deal #{key}",
        STAGE_ID="NEW",
        STAGE_SEMANTIC_ID="P",
        CATEGORY_ID="0",
        OPPORTUNITY="0.00",
        CURRENCY_ID="EUR",
        ASSIGNED_BY_ID="1",
        CLOSED="N",
        IS_NEW="Y",
    )


def test_the_first_stage_of_another_pipeline_is_its_own(wire):
    key = wire.result("crm.deal.add", {"fields": {"CATEGORY_ID": 1}})
    assert wire.result("crm.deal.get", {"id": key})["STAGE_ID"] == "C1:NEW"


def test_unknown_and_read_only_fields_are_dropped_without_an_error(wire, portal):
    fields = {"NO_SUCH": 1, "ID": 7, "DATE_CREATE": "2020-01-01", "CATEGORY_ID": 1, "TITLE": "kept"}
    before = dict(portal.state.deals.rows[1])
    assert wire.result("crm.deal.update", {"id": 1, "fields": fields}) is True
    after = portal.state.deals.rows[1]
    assert after["TITLE"] == "kept"
    assert (after["ID"], after["DATE_CREATE"], after["CATEGORY_ID"]) == (
        1,
        before["DATE_CREATE"],
        before["CATEGORY_ID"],
    )


def test_upper_case_parameters_are_read_by_the_classic_methods(wire):
    key = wire.result("crm.deal.add", {"FIELDS": {"TITLE": "upper"}})
    assert wire.result("crm.deal.list", {"FILTER": {"ID": key}, "SELECT": ["TITLE"]}) == [
        {"ID": str(key), "TITLE": "upper"}
    ]


def test_moving_a_deal_closes_it_and_leaves_a_trace(wire, portal):
    deal = wire.result("crm.deal.add", {"fields": {"TITLE": "moved"}})
    wire.result("crm.deal.update", {"id": deal, "fields": {"STAGE_ID": "WON"}})
    assert wire.result("crm.deal.get", {"id": deal}) == IsPartialDict(
        STAGE_SEMANTIC_ID="S", CLOSED="Y", MOVED_BY_ID="1"
    )
    history = wire.result(
        "crm.stagehistory.list", {"entityTypeId": 2, "filter": {"OWNER_ID": deal}}
    )
    assert [(row["TYPE_ID"], row["STAGE_ID"]) for row in history["items"]] == [
        (1, "NEW"),
        (3, "WON"),
    ]


def test_a_stage_of_another_pipeline_is_refused(wire):
    assert wire.refusal("crm.deal.update", {"id": 3, "fields": {"STAGE_ID": "C1:NEW"}}) == (400, "")
    assert wire.refusal(
        "crm.item.update", {"entityTypeId": 2, "id": 3, "fields": {"stageId": "C1:NEW"}}
    ) == (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")


def test_values_of_a_wrong_type_are_refused(wire):
    assert wire.call("crm.deal.update", {"id": 1, "fields": {"OPPORTUNITY": "much"}}) == (
        400,
        {"error": "", "error_description": 'Invalid value for the "Amount" field'},
    )
    assert wire.refusal(
        "crm.item.update", {"entityTypeId": 2, "id": 1, "fields": {"opportunity": "much"}}
    ) == (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")


def test_custom_fields_have_two_spellings(wire):
    key = wire.result(
        "crm.item.add",
        {"entityTypeId": 2, "fields": {"title": "x", "ufCrm_1700000001": "A-17"}},
    )["item"]["id"]
    assert wire.result("crm.deal.get", {"id": key})["UF_CRM_1700000001"] == "A-17"
    original = wire.result(
        "crm.item.get", {"entityTypeId": 2, "id": key, "useOriginalUfNames": "Y"}
    )["item"]
    assert original["UF_CRM_1700000001"] == "A-17"


def test_a_multifield_without_id_is_added_with_id_changed_and_empty_removed(wire):
    first = wire.result("crm.contact.get", {"id": 1})["PHONE"][0]
    update = lambda *rows: wire.result("crm.contact.update", {"id": 1, "fields": {"PHONE": rows}})  # noqa: E731
    update({"VALUE": "+1", "VALUE_TYPE": "MOBILE"})
    update({"ID": first["ID"], "VALUE": "+2"})
    phones = wire.result("crm.contact.get", {"id": 1})["PHONE"]
    assert [(one["VALUE"], one["VALUE_TYPE"]) for one in phones] == [
        ("+2", "WORK"),
        ("+1", "MOBILE"),
    ]
    update({"ID": first["ID"], "DELETE": "Y"}, {"ID": phones[1]["ID"], "VALUE": ""})
    row = wire.result("crm.contact.get", {"id": 1})
    assert "PHONE" not in row
    assert row["HAS_PHONE"] == "N"


def test_fm_needs_a_type_and_changes_by_number(wire):
    item = wire.result("crm.item.get", {"entityTypeId": 3, "id": 1})["item"]
    phone = next(one for one in item["fm"] if one["typeId"] == "PHONE")
    update = lambda fm: wire.result(  # noqa: E731
        "crm.item.update", {"entityTypeId": 3, "id": 1, "fields": {"fm": fm}}
    )["item"]["fm"]
    assert update({"n0": {"value": "+9", "valueType": "WORK"}}) == item["fm"]
    added = update({"n0": {"typeId": "PHONE", "value": "+9", "valueType": "HOME"}})
    assert added[-1] == {"id": IsInt, "typeId": "PHONE", "value": "+9", "valueType": "HOME"}
    gone = update({str(phone["id"]): {"typeId": "PHONE", "value": ""}})
    assert phone["id"] not in [one["id"] for one in gone]


def test_contacts_of_a_deal_follow_in_both_spellings(wire):
    wire.result("crm.deal.update", {"id": 1, "fields": {"CONTACT_IDS": [5, 6]}})
    links = wire.result("crm.deal.contact.items.get", {"id": 1})
    assert [(one["CONTACT_ID"], one["IS_PRIMARY"]) for one in links] == [(5, "Y"), (6, "N")]
    assert wire.result("crm.deal.get", {"id": 1})["CONTACT_ID"] == "5"
    wire.result(
        "crm.deal.contact.items.set",
        {"id": 1, "items": [{"CONTACT_ID": 7}, {"CONTACT_ID": 8, "IS_PRIMARY": "Y"}]},
    )
    item = wire.result("crm.item.get", {"entityTypeId": 2, "id": 1})["item"]
    assert (item["contactId"], item["contactIds"]) == (8, [8, 7])
    wire.result("crm.deal.contact.items.delete", {"id": 1})
    assert wire.result("crm.deal.contact.items.get", {"id": 1}) == []


def test_product_rows_replace_each_other_and_set_the_amount(wire):
    rows = [{"PRODUCT_ID": 1, "PRICE": 100, "QUANTITY": 3}, {"PRODUCT_NAME": "Own", "PRICE": 50}]
    wire.result("crm.deal.productrows.set", {"id": 2, "rows": rows})
    found = wire.result("crm.deal.productrows.get", {"id": 2})
    assert [(one["PRODUCT_NAME"], one["PRICE"], one["QUANTITY"]) for one in found] == [
        ("Centrifugal pump NW-40", 100, 3),
        ("Own", 50, 1),
    ]
    assert wire.result("crm.deal.get", {"id": 2})["OPPORTUNITY"] == "350.00"
    wire.result("crm.deal.productrows.set", {"id": 2, "rows": []})
    assert wire.result("crm.deal.productrows.get", {"id": 2}) == []


def test_an_amount_entered_by_hand_stays(wire):
    wire.result(
        "crm.deal.update", {"id": 2, "fields": {"IS_MANUAL_OPPORTUNITY": "Y", "OPPORTUNITY": 7}}
    )
    wire.result("crm.deal.productrows.set", {"id": 2, "rows": [{"PRICE": 100}]})
    assert wire.result("crm.deal.get", {"id": 2})["OPPORTUNITY"] == "7.00"


def test_deleting_a_deal_takes_what_hangs_on_it(wire, portal):
    wire.result("crm.deal.delete", {"id": 3})
    assert wire.refusal("crm.deal.get", {"id": 3}) == (400, "")
    for table in (
        portal.state.product_rows,
        portal.state.activities,
        portal.state.timeline_comments,
    ):
        assert table.where(OWNER_TYPE_ID=2, OWNER_ID=3) == []


def test_an_employee_deletes_only_his_own(wire, portal):
    portal.state.deals.update(1, {"ASSIGNED_BY_ID": 2})
    portal.state.deals.update(2, {"ASSIGNED_BY_ID": 3})
    url = portal.webhook(3)
    assert wire.call("crm.deal.delete", {"id": 1}, url=url) == (
        400,
        {"error": "", "error_description": "Access denied."},
    )
    assert wire.refusal("crm.item.delete", {"entityTypeId": 2, "id": 1}, url=url) == (
        400,
        "ACCESS_DENIED",
    )
    assert wire.result("crm.deal.delete", {"id": 2}, url=url) is True
    assert wire.refusal("crm.type.list", url=url) == (400, "ACCESS_DENIED")


def test_tasks_are_seen_by_those_who_take_part(wire, portal):
    portal.state.tasks.update(31, {"CREATED_BY": 1, "RESPONSIBLE_ID": 2, "AUDITORS": [9]})
    url = portal.webhook(9)
    assert [one["id"] for one in wire.result("tasks.task.list", url=url)["tasks"]] == ["31"]
    assert wire.refusal("tasks.task.update", {"taskId": 31, "fields": {"TITLE": "x"}}, url=url) == (
        400,
        "0",
    )
    assert wire.refusal("tasks.task.delete", {"taskId": 31}, url=portal.webhook(2)) == (
        400,
        "1048582",
    )


def test_a_task_under_control_waits_for_its_creator(wire, portal):
    portal.state.tasks.update(
        40, {"CREATED_BY": 1, "RESPONSIBLE_ID": 2, "STATUS": 2, "TASK_CONTROL": "Y"}
    )
    done = wire.result("tasks.task.complete", {"taskId": 40}, url=portal.webhook(2))
    assert done["task"]["status"] == "4"
    assert wire.result("tasks.task.approve", {"taskId": 40})["task"]["status"] == "5"


def test_empty_maps_of_a_task_are_lists(wire, portal):
    portal.state.tasks.update(31, {"AUDITORS": [9]})
    task = wire.result("tasks.task.get", {"taskId": 31})["task"]
    assert task["group"] == []
    assert task["accomplicesData"] == []
    assert task["auditorsData"] == {"9": IsPartialDict(id="9", name="Julia Baker")}
    assert task["auditors"] == ["9"]


def test_both_versions_of_a_task_tell_the_same(wire):
    old = wire.result("tasks.task.get", {"taskId": 31})["task"]
    _, body = wire.v3("tasks.task.get", {"id": 31})
    new = body["result"]["item"]
    assert (new["id"], new["title"]) == (int(old["id"]), old["title"])
    assert (new["creatorId"], new["created"]) == (int(old["createdBy"]), old["createdDate"])
    assert new["checklist"] == [1, 2]


def test_positional_methods_read_by_order_not_by_name(wire):
    assert wire.result("task.checklistitem.add", {"x": 31, "y": {"TITLE": "by order"}}) == 3
    status, body = wire.call("task.checklistitem.add", {"FIELDS": {"TITLE": "x"}, "TASKID": 31})
    assert status == 400
    assert body["error_description"] == (
        "TASKS_ERROR_EXCEPTION_#256; Param #0 (taskId) for method ctaskchecklistitem::add() "
        'expected to be of type "integer", but given something else.; 256/TE/WRONG_ARGUMENTS<br>'
    )
    raw = wire.send(wire.portal.url + "task.commentitem.add?0=31&1[POST_MESSAGE]=hi", verb="GET")[1]
    assert json.loads(raw)["result"] == 1


def test_messages_page_backwards_and_forwards(wire):
    def ids(**params):
        found = wire.result("im.dialog.messages.get", {"DIALOG_ID": "chat11", **params})
        return [one["id"] for one in found["messages"]]

    assert ids(LIMIT=3) == [3410, 3409, 3408]
    assert ids(LIMIT=3, LAST_ID=3408) == [3407, 3406, 3405]
    assert ids(LIMIT=2, FIRST_ID=3401) == [3403, 3402]


def test_writing_to_a_person_opens_a_private_dialog_both_see(wire, portal):
    message = wire.result("im.message.add", {"DIALOG_ID": "3", "MESSAGE": "Hello"})
    mine = wire.result("im.dialog.messages.get", {"DIALOG_ID": 3})
    theirs = wire.result("im.dialog.messages.get", {"DIALOG_ID": 1}, url=portal.webhook(3))
    assert [one["id"] for one in mine["messages"]] == [message]
    assert theirs["messages"] == mine["messages"]
    recent = wire.result("im.recent.list", {"SKIP_CHAT": "Y"}, url=portal.webhook(3))
    assert recent["items"] == [IsPartialDict(id=1, type="user", title="Anna Sorokina")]


@pytest.mark.parametrize(
    ("params", "user", "expected"),
    [
        ({"DIALOG_ID": "chat11", "MESSAGE": "x"}, 9, (403, "ACCESS_ERROR")),
        ({"DIALOG_ID": "chat999", "MESSAGE": "x"}, 1, (400, "CHAT_ID")),
        ({"DIALOG_ID": "999", "MESSAGE": "x"}, 1, (400, "USER_NOT_FOUND")),
        ({"DIALOG_ID": "", "MESSAGE": "x"}, 1, (400, "USER_ID_EMPTY")),
        (
            {"DIALOG_ID": "chat12", "MESSAGE": "x", "REPLY_ID": 3401},
            1,
            (400, "REPLY_FROM_OTHER_CHAT_ERROR"),
        ),
    ],
)
def test_messages_that_cannot_be_sent(wire, portal, params, user, expected):
    assert wire.refusal("im.message.add", params, url=portal.webhook(user)) == expected


def test_a_chat_can_be_made_joined_and_left(wire, portal):
    chat = wire.result("im.chat.add", {"TITLE": "Project", "USERS": [2, 12], "MESSAGE": "Welcome"})
    assert wire.result("im.chat.user.list", {"CHAT_ID": chat}) == [1, 2]
    wire.result("im.chat.user.add", {"CHAT_ID": chat, "USERS": [3]})
    assert wire.refusal(
        "im.chat.user.delete", {"CHAT_ID": chat, "USER_ID": 2}, url=portal.webhook(3)
    ) == (403, "ACCESS_ERROR")
    wire.result("im.chat.user.delete", {"CHAT_ID": chat, "USER_ID": 2})
    assert wire.result("im.chat.user.list", {"CHAT_ID": chat}) == [1, 3]
    messages = wire.result("im.dialog.messages.get", {"DIALOG_ID": f"chat{chat}"})["messages"]
    assert [one["text"] for one in messages] == ["Welcome"]


def test_an_empty_message_text_deletes_the_message(wire, portal):
    key = wire.result("im.message.add", {"DIALOG_ID": "chat11", "MESSAGE": "x"})
    assert wire.result("im.message.update", {"MESSAGE_ID": key, "MESSAGE": ""}) is True
    assert key not in portal.state.messages


def test_a_file_goes_up_inline_and_down_by_its_link(wire):
    row = wire.result(
        "disk.folder.uploadfile",
        {"id": 814, "data": {"NAME": "a.txt"}, "fileContent": ["a.txt", "aGVsbG8="]},
    )
    assert wire.send(row["DOWNLOAD_URL"], verb="GET", headers={"User-Agent": "t/1"}) == (
        200,
        b"hello",
    )
    assert wire.send(row["DOWNLOAD_URL"], verb="GET")[0] == 404  # no User-Agent
    status, _ = wire.send(row["DOWNLOAD_URL"] + "x", verb="GET", headers={"User-Agent": "t/1"})
    assert status == 404


def test_a_file_goes_up_in_two_steps(wire, portal):
    step = wire.result("disk.folder.uploadfile", {"id": 814})
    assert step["field"] == "file"
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="b.bin"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\x00\x01\xff\r\n--b--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    status, raw = wire.send(step["uploadUrl"], body=body, headers=headers)
    row = json.loads(raw)["result"]
    assert (status, row["NAME"], row["SIZE"]) == (200, "b.bin", "3")
    assert portal.state.contents[row["ID"]] == b"\x00\x01\xff"
    assert wire.send(step["uploadUrl"], body=body, headers=headers)[0] == 403  # used once


def test_a_name_is_taken_once_unless_a_unique_one_is_asked_for(wire):
    params = {"id": 814, "data": {"NAME": "a.txt"}, "fileContent": ["a.txt", "aGk="]}
    wire.result("disk.folder.uploadfile", params)
    assert wire.refusal("disk.folder.uploadfile", params) == (400, "DISK_OBJ_22000")
    again = wire.result("disk.folder.uploadfile", {**params, "generateUniqueName": True})
    assert again["NAME"] == "a (1).txt"


def test_a_post_of_the_feed_is_read_back(wire):
    key = wire.result("log.blogpost.add", {"POST_MESSAGE": "News", "POST_TITLE": "October"})
    assert wire.result("log.blogpost.get", {"POST_ID": key}) == [
        IsPartialDict(ID=str(key), TITLE="October", DETAIL_TEXT="News", AUTHOR_ID="1")
    ]


def test_smart_process_items_have_their_own_pipeline_and_names(wire):
    item = wire.result("crm.item.add", {"entityTypeId": 1036, "fields": {}})["item"]
    assert item == IsPartialDict(
        title=f"Equipment #{item['id']}", stageId="DT1036_5:NEW", categoryId=5, entityTypeId=1036
    )


def test_user_scopes_show_less(wire, portal):
    brief = wire.result("user.current", url=portal.webhook(1, scopes=["user_brief"]))
    full = wire.result("user.current")
    assert "EMAIL" in full
    assert "EMAIL" not in brief


def test_users_are_filtered_by_activity_and_department(wire):
    active = wire.result("user.get", {"FILTER": {"ACTIVE": True}})
    assert [row["ID"] for row in wire.result("user.get", {"FILTER": {"ACTIVE": False}})] == ["12"]
    assert len(active) == 11
    sales = wire.result("user.get", {"UF_DEPARTMENT": 2, "sort": "ID", "order": "DESC"})
    assert [row["ID"] for row in sales] == ["12", "5", "4", "3", "2"]
    found = wire.result("user.search", {"FILTER": {"UF_DEPARTMENT_NAME": "service"}})
    assert {row["ID"] for row in found} == {"6", "7", "8"}
