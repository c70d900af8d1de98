"""Every method the portal plays: one call that works and one that does not."""

from __future__ import annotations

from typing import Any

import family_cases
import pytest
from dirty_equals import IsInt, IsList, IsPartialDict, IsStr

from bitrix24_agent.emulator import methods
from bitrix24_agent.emulator.registry import PLAYED, find

methods.load()

PNG = ["a.txt", "aGVsbG8="]
V3_BAD = (400, "VALIDATION_REQUESTVALIDATIONEXCEPTION")
WRONG_ARGUMENTS = (400, "ERROR_CORE")

# method@version -> (good parameters, what the result looks like, bad parameters, (status, code));
# None as bad parameters means there is nothing a caller can get wrong.
Case = tuple[Any, Any, Any, Any]
CASES: dict[str, Case] = {
    # --- system
    "server.time@2": ({}, IsStr(regex=r".*\+03:00"), None, None),
    "scope@2": (
        {},
        IsList("biconnector", "bizproc", "booking", "calendar", length=...),
        None,
        None,
    ),
    "methods@2": (
        {"scope": "log"},
        ["log.blogpost.add", "log.blogpost.get", "log.blogpost.getusers.important"],
        None,
        None,
    ),
    "method.get@2": (
        {"name": "crm.deal.add"},
        {"isExisting": True, "isAvailable": True},
        None,
        None,
    ),
    "feature.get@2": ({"CODE": "rest_auth_connector"}, {"value": "Y"}, {}, (400, "CODE_EMPTY")),
    "app.info@2": ({}, IsPartialDict(LICENSE="eu_basic"), None, None),
    "profile@2": ({}, IsPartialDict(ID="1", ADMIN=True, NAME="Anna"), None, None),
    "user.admin@2": ({}, True, None, None),
    "user.access@2": ({"ACCESS": ["U1"]}, True, {}, (400, "100")),
    # --- people
    "user.current@2": ({}, IsPartialDict(ID="1", ACTIVE=True, UF_DEPARTMENT=[1]), None, None),
    "user.get@2": ({"ID": 3, "select": ["NAME"]}, [{"ID": "3", "NAME": "Olga"}], None, None),
    "user.search@2": (
        {"FILTER": {"FIND": "account petrova"}, "select": ["ID"]},
        [{"ID": "3"}],
        None,
        None,
    ),
    "department.get@2": (
        {"ID": 2},
        [{"ID": "2", "NAME": "Sales", "SORT": 500, "PARENT": "1", "UF_HEAD": "2"}],
        None,
        None,
    ),
    # --- classic CRM
    **{
        f"crm.{kind}.list@2": (
            {"filter": {"ID": 1}, "select": ["ID"]},
            [{"ID": "1"}],
            {"filter": 5},
            (400, ""),
        )
        for kind in ("lead", "deal", "contact", "company")
    },
    **{
        f"crm.{kind}.get@2": ({"id": 1}, IsPartialDict(ID="1"), {"id": 99999}, (400, ""))
        for kind in ("lead", "deal", "contact", "company")
    },
    "crm.lead.add@2": ({"fields": {"TITLE": "x"}}, 19, {"fields": "x"}, (400, "")),
    "crm.deal.add@2": (
        {"fields": {"TITLE": "x"}},
        131,
        {"fields": {"CURRENCY_ID": "XXX"}},
        (400, ""),
    ),
    "crm.contact.add@2": ({"fields": {"NAME": "x"}}, 61, {"fields": {"POST": "x"}}, (400, "")),
    "crm.company.add@2": ({"fields": {"TITLE": "x"}}, 25, {"fields": {}}, (400, "")),
    **{
        f"crm.{kind}.update@2": (
            {"id": 1, "fields": {"COMMENTS": "x"}},
            True,
            {"id": 1, "fields": "x"},
            (400, ""),
        )
        for kind in ("lead", "deal", "contact", "company")
    },
    **{
        f"crm.{kind}.delete@2": ({"id": 1}, True, {"id": "x"}, (400, ""))
        for kind in ("lead", "deal", "contact", "company")
    },
    **{
        f"crm.{kind}.fields@2": (
            {},
            IsPartialDict(
                ID={
                    "type": "integer",
                    "isRequired": False,
                    "isReadOnly": True,
                    "isImmutable": False,
                    "isMultiple": False,
                    "isDynamic": False,
                    "title": "ID",
                }
            ),
            None,
            None,
        )
        for kind in ("lead", "deal", "contact", "company")
    },
    # --- universal CRM
    "crm.item.list@2": (
        {"entityTypeId": 1036, "select": ["id", "stageId"], "filter": {"id": 1}},
        {"items": [{"id": 1, "stageId": "DT1036_5:CLIENT"}]},
        {"entityTypeId": 77},
        (400, "NOT_FOUND"),
    ),
    "crm.item.get@2": (
        {"entityTypeId": 2, "id": 1},
        {"item": IsPartialDict(id=1, entityTypeId=2)},
        {"entityTypeId": 2, "id": 99999},
        (400, "NOT_FOUND"),
    ),
    "crm.item.add@2": (
        {"entityTypeId": 2, "fields": {"title": "x"}},
        {"item": IsPartialDict(id=131, title="x", stageId="NEW", closed="N")},
        {"entityTypeId": 2, "fields": {"stageId": "NOWHERE"}},
        (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID"),
    ),
    "crm.item.update@2": (
        {"entityTypeId": 2, "id": 1, "fields": {"stageId": "WON"}},
        {"item": IsPartialDict(id=1, stageId="WON", stageSemanticId="S", closed="Y")},
        {"entityTypeId": 2, "id": 1, "fields": {"contactIds": 5}},
        (400, "100"),
    ),
    "crm.item.delete@2": (
        {"entityTypeId": 2, "id": 1},
        [],
        {"entityTypeId": 2},
        (400, "100"),
    ),
    "crm.item.fields@2": (
        {"entityTypeId": 2},
        {"fields": IsPartialDict(createdTime=IsPartialDict(upperName="CREATED_TIME"))},
        {},
        (400, "100"),
    ),
    # --- lists of CRM
    "crm.status.list@2": (
        {"filter": {"ENTITY_ID": "DEAL_STAGE", "STATUS_ID": "WON"}},
        [
            IsPartialDict(
                STATUS_ID="WON", SEMANTICS="S", EXTRA={"SEMANTICS": "success", "COLOR": "#7BD500"}
            )
        ],
        {"filter": 5},
        (400, ""),
    ),
    "crm.status.entity.items@2": (
        {"entityId": "DEAL_STAGE_1"},
        IsList({"NAME": "Request", "SORT": 10, "STATUS_ID": "C1:NEW"}, length=...),
        {"entityId": "NO_SUCH"},
        (400, "The parameter entityId is not defined or invalid."),
    ),
    "crm.category.list@2": (
        {"entityTypeId": 2},
        {
            "categories": [
                IsPartialDict(id=0, name="Sales", isDefault="Y"),
                IsPartialDict(id=1, name="Service contracts", isDefault="N"),
            ]
        },
        {"entityTypeId": 1},
        (400, "ENTITY_TYPE_NOT_SUPPORTED"),
    ),
    "crm.type.list@2": (
        {},
        {"types": [IsPartialDict(id=1, title="Equipment", entityTypeId=1036)]},
        {"filter": {"x": 1}},
        (400, "INVALID_ARG_VALUE"),
    ),
    "crm.currency.list@2": (
        {},
        IsList(IsPartialDict(CURRENCY="EUR", BASE="Y", AMOUNT="1.0000"), length=3),
        None,
        None,
    ),
    "crm.stagehistory.list@2": (
        {"entityTypeId": 2, "filter": {"OWNER_ID": 1}, "select": ["STAGE_ID", "TYPE_ID"]},
        {"items": IsList({"ID": 1, "TYPE_ID": 1, "STAGE_ID": "NEW"}, length=...)},
        {"entityTypeId": 3},
        (400, "ENTITY_TYPE_NOT_SUPPORTED"),
    ),
    "crm.duplicate.findbycomm@2": (
        {"type": "EMAIL", "values": ["INFO@alder-dairy.example"]},
        {"COMPANY": [1]},
        {"values": ["x"]},
        (400, "Communication type is not defined"),
    ),
    # --- links
    "crm.deal.contact.items.get@2": (
        {"id": 1},
        [{"CONTACT_ID": 14, "SORT": 10, "ROLE_ID": 0, "IS_PRIMARY": "Y"}],
        {"id": 0},
        (400, ""),
    ),
    "crm.deal.contact.items.set@2": (
        {"id": 1, "items": [{"CONTACT_ID": 2}]},
        True,
        {"id": 1, "items": "x"},
        (400, ""),
    ),
    "crm.deal.contact.items.delete@2": ({"id": 1}, True, {"id": 99999}, (400, "")),
    "crm.deal.productrows.get@2": (
        {"id": 3},
        [IsPartialDict(OWNER_ID="3", OWNER_TYPE="D", QUANTITY=IsInt)],
        {"id": 0},
        (400, ""),
    ),
    "crm.deal.productrows.set@2": (
        {"id": 3, "rows": [{"PRODUCT_ID": 1, "PRICE": 10, "QUANTITY": 2}]},
        True,
        {"id": 99999},
        (400, ""),
    ),
    "crm.item.productrow.list@2": (
        {"filter": {"=ownerType": "D", "=ownerId": 3}},
        {"productRows": [IsPartialDict(ownerId=3, ownerType="D")]},
        {"filter": {"=ownerId": 3}},
        (400, "INVALID_ARG_VALUE"),
    ),
    "crm.item.productrow.set@2": (
        {"ownerType": "D", "ownerId": 3, "productRows": [{"productId": 1, "price": 9.5}]},
        {
            "productRows": [
                IsPartialDict(productName="Centrifugal pump NW-40", price=9.5, quantity=1)
            ]
        },
        {"ownerType": "D", "ownerId": 99999, "productRows": []},
        (400, "OWNER_NOT_FOUND"),
    ),
    # --- timeline
    "crm.activity.list@2": (
        {"filter": {"OWNER_TYPE_ID": 2, "OWNER_ID": 1}, "select": ["ID", "SUBJECT"]},
        [{"ID": "1", "SUBJECT": "Call about the offer"}],
        {"filter": 5},
        (400, ""),
    ),
    "crm.activity.get@2": ({"id": 1}, IsPartialDict(ID="1", TYPE_ID="2"), {"id": 999}, (400, "")),
    "crm.activity.add@2": (
        {
            "fields": {
                "OWNER_TYPE_ID": 2,
                "OWNER_ID": 1,
                "TYPE_ID": 2,
                "SUBJECT": "Call",
                "RESPONSIBLE_ID": 2,
                "COMMUNICATIONS": [{"VALUE": "+49"}],
            }
        },
        31,
        {"fields": {"TYPE_ID": 2}},
        (400, ""),
    ),
    "crm.activity.update@2": (
        {"id": 1, "fields": {"COMPLETED": "Y"}},
        True,
        {"id": 999, "fields": {}},
        (400, ""),
    ),
    "crm.activity.delete@2": ({"id": 1}, True, {}, (400, "")),
    "crm.activity.todo.add@2": (
        {"ownerTypeId": 2, "ownerId": 1, "deadline": "2027-02-03T15:00:00", "title": "Call"},
        {"id": 31},
        {"ownerTypeId": 2, "ownerId": 1, "deadline": "soon"},
        (400, "WRONG_DATETIME_FORMAT"),
    ),
    "crm.timeline.comment.add@2": (
        {"fields": {"ENTITY_TYPE": "deal", "ENTITY_ID": 2, "COMMENT": "x"}},
        16,
        {"fields": {"ENTITY_TYPE": "deal", "ENTITY_ID": 2, "COMMENT": ""}},
        (400, "INVALID_ARG_VALUE"),
    ),
    "crm.timeline.comment.list@2": (
        {"filter": {"ENTITY_TYPE": "deal", "ENTITY_ID": 1}},
        [IsPartialDict(ID="1", ENTITY_ID="1", ENTITY_TYPE="deal")],
        {"filter": {}},
        (400, ""),
    ),
    "crm.timeline.comment.get@2": ({"id": 1}, IsPartialDict(ID="1"), {"id": 999}, (400, "")),
    "crm.timeline.comment.update@2": (
        {"id": 1, "fields": {"COMMENT": "y"}},
        1,
        {"id": 1, "FIELDS": {"COMMENT": "y"}},  # only the lower-case spelling is read
        (400, "100"),
    ),
    "crm.timeline.comment.delete@2": ({"id": 1}, None, {"id": 999}, (400, "NOT_FOUND")),
    # --- tasks
    "tasks.task.list@2": (
        {"filter": {"ID": 31}, "select": ["ID", "TITLE"]},
        {"tasks": [{"id": "31", "title": "Send the contract to Baltic Timber", "group": []}]},
        {"order": {"NOPE": "asc"}},
        (400, "0"),
    ),
    "tasks.task.get@2": (
        {"taskId": 31, "select": ["ID"]},
        {"task": {"id": "31", "group": [], "action": IsPartialDict(edit=True)}},
        {"taskId": "x"},
        (400, "0"),
    ),
    "tasks.task.add@2": (
        {"fields": {"TITLE": "x", "RESPONSIBLE_ID": 2}},
        {"task": IsPartialDict(id="71", title="x", status="2", responsible=IsPartialDict(id="2"))},
        {"fields": {"RESPONSIBLE_ID": 2}},
        (400, "ERROR_CORE"),
    ),
    "tasks.task.update@2": (
        {"taskId": 31, "fields": {"PRIORITY": 2}},
        {"task": IsPartialDict(id="31", priority="2")},
        {"taskId": 31, "fields": {}},
        (400, "100"),
    ),
    "tasks.task.delete@2": ({"taskId": 31}, {"task": True}, {"taskId": 999}, (400, "1048582")),
    "tasks.task.delegate@2": (
        {"taskId": 31, "userId": 7},
        {"task": IsPartialDict(responsibleId="7")},
        {"taskId": 31},
        (400, "100"),
    ),
    "tasks.task.start@2": (
        {"taskId": 40},
        {"task": IsPartialDict(status="3")},
        {"taskId": 999},
        (400, "0"),
    ),
    "tasks.task.pause@2": (
        {"taskId": 41},
        {"task": IsPartialDict(status="2")},
        {"taskId": 40},
        (400, "0"),
    ),
    "tasks.task.complete@2": (
        {"taskId": 40},
        {"task": IsPartialDict(status="5", closedBy="1")},
        {"taskId": 42},
        (400, "0"),
    ),
    "tasks.task.defer@2": (
        {"taskId": 40},
        {"task": IsPartialDict(status="6")},
        {"taskId": 42},
        (400, "0"),
    ),
    "tasks.task.renew@2": (
        {"taskId": 42},
        {"task": IsPartialDict(status="2", closedDate=None)},
        {"taskId": 40},
        (400, "1048582"),
    ),
    "tasks.task.approve@2": (
        {"taskId": 43},
        {"task": IsPartialDict(status="5")},
        {"taskId": 40},
        (400, "0"),
    ),
    "tasks.task.disapprove@2": (
        {"taskId": 43},
        {"task": IsPartialDict(status="2")},
        {"taskId": 40},
        (400, "0"),
    ),
    "task.checklistitem.getlist@2": (
        {"TASKID": 31},
        [IsPartialDict(ID="1", TITLE="Check the drawings"), IsPartialDict(ID="2", IS_COMPLETE="N")],
        {},
        WRONG_ARGUMENTS,
    ),
    "task.checklistitem.add@2": (
        {"TASKID": 31, "FIELDS": {"TITLE": "x"}},
        3,
        {"TASKID": 31, "FIELDS": {}},
        WRONG_ARGUMENTS,
    ),
    "task.checklistitem.complete@2": ([31, 2], True, [31], WRONG_ARGUMENTS),
    "task.checklistitem.renew@2": ([31, 1], True, [31, 99], WRONG_ARGUMENTS),
    "task.commentitem.getlist@2": ([31], [], [31, {}, {}, 5], WRONG_ARGUMENTS),
    "task.commentitem.add@2": (
        [31, {"POST_MESSAGE": "x"}],
        1,
        [{"POST_MESSAGE": "x"}, 31],
        WRONG_ARGUMENTS,
    ),
    "tasks.task.list@3": (
        {"pagination": {"limit": 1}},
        {"items": [{"id": 31}]},
        {"filter": 1},
        (400, "INVALIDFILTEREXCEPTION"),
    ),
    "tasks.task.get@3": ({"id": 31}, {"item": IsPartialDict(id=31, status="pending")}, {}, V3_BAD),
    "tasks.task.add@3": (
        {"fields": {"title": "x", "creatorId": 1, "responsibleId": 2}},
        {"item": IsPartialDict(id=71)},
        {},
        V3_BAD,
    ),
    "tasks.task.update@3": (
        {"id": 31, "fields": {"title": "y"}},
        {"result": True},
        {"id": 31},
        V3_BAD,
    ),
    "tasks.task.delete@3": (
        {"id": 31},
        {"result": True},
        {"id": 999},
        (403, "ACCESSDENIEDEXCEPTION"),
    ),
    "tasks.task.field.list@3": (
        {},
        {"items": IsList(IsPartialDict(name="id", type="int", filterable=True), length=...)},
        None,
        None,
    ),
    # --- chats
    "im.message.add@2": (
        {"DIALOG_ID": "chat11", "MESSAGE": "x"},
        IsInt(gt=3400),
        {"DIALOG_ID": "chat11", "MESSAGE": ""},
        (400, "MESSAGE_EMPTY"),
    ),
    "im.message.update@2": (
        {"MESSAGE_ID": 3401, "MESSAGE": "x"},
        True,
        {"MESSAGE_ID": 3402, "MESSAGE": "x"},
        (403, "CANT_EDIT_MESSAGE"),
    ),
    "im.message.delete@2": ({"MESSAGE_ID": 3401}, True, {}, (400, "MESSAGE_ID_ERROR")),
    "im.dialog.messages.get@2": (
        {"DIALOG_ID": "chat11", "LIMIT": 1},
        IsPartialDict(chat_id=11, messages=[IsPartialDict(id=3410, author_id=4)], files=[]),
        {"DIALOG_ID": "chat11", "LAST_ID": "x"},
        (400, "LAST_ID_STRING"),
    ),
    "im.recent.list@2": (
        {"LIMIT": 1},
        IsPartialDict(items=[IsPartialDict(type="chat")], hasMore=True),
        None,
        None,
    ),
    "im.dialog.get@2": (
        {"DIALOG_ID": "chat11"},
        IsPartialDict(id=11, name="Sales", dialog_id="chat11", user_counter=6),
        {"DIALOG_ID": "chat999"},
        (403, "ACCESS_ERROR"),
    ),
    "im.chat.add@2": ({"TITLE": "x", "USERS": [2]}, 14, None, None),
    "im.chat.get@2": ({"ENTITY_TYPE": "CRM", "ENTITY_ID": "DEAL|1"}, None, None, None),
    "im.chat.user.list@2": ({"CHAT_ID": 12}, [1, 6, 7, 8], {}, (400, "CHAT_ID_EMPTY")),
    "im.chat.user.add@2": (
        {"CHAT_ID": 12, "USERS": [2]},
        True,
        {"CHAT_ID": 99},
        (403, "ACCESS_ERROR"),
    ),
    "im.chat.user.delete@2": (
        {"CHAT_ID": 12, "USER_ID": 6},
        True,
        {"CHAT_ID": 12},
        (400, "USER_ID_EMPTY"),
    ),
    "im.notify.personal.add@2": (
        {"USER_ID": 2, "MESSAGE": "x"},
        1,
        {"USER_ID": 2, "MESSAGE": " "},
        (400, "MESSAGE_EMPTY"),
    ),
    "im.notify.system.add@2": ({"USER_ID": 2, "MESSAGE": "x"}, 1, {}, (400, "USER_ID_EMPTY")),
    # --- the rest
    "disk.storage.getlist@2": (
        {"filter": {"ENTITY_TYPE": "common"}},
        [IsPartialDict(ID="13", NAME="Company drive", ROOT_OBJECT_ID="813")],
        {"filter": 5},
        (400, ""),
    ),
    "disk.storage.getchildren@2": (
        {"id": 13},
        [IsPartialDict(NAME="Price lists", TYPE="folder"), IsPartialDict(NAME="Contracts")],
        {},
        (400, "ERROR_ARGUMENT"),
    ),
    "disk.folder.getchildren@2": (
        {"id": 814},
        [IsPartialDict(NAME="price-list.csv", TYPE="file", PARENT_ID="814")],
        {"id": 99},
        (400, "ERROR_NOT_FOUND"),
    ),
    "disk.folder.get@2": (
        {"id": 814},
        IsPartialDict(ID="814"),
        {"id": 816},
        (400, "ERROR_NOT_FOUND"),
    ),
    "disk.folder.addsubfolder@2": (
        {"id": 814, "data": {"NAME": "2027"}},
        IsPartialDict(ID=817, NAME="2027", REAL_OBJECT_ID=817, DELETED_TYPE=0),
        {"id": 814, "data": {}},
        (400, "ERROR_ARGUMENT"),
    ),
    "disk.folder.uploadfile@2": (
        {"id": 814, "data": {"NAME": "a.txt"}, "fileContent": PNG},
        IsPartialDict(ID=817, NAME="a.txt", SIZE="5", PARENT_ID="814"),
        {"id": 1, "fileContent": PNG},
        (400, "ERROR_NOT_FOUND"),
    ),
    "disk.file.get@2": (
        {"id": 816},
        IsPartialDict(ID="816", NAME="price-list.csv"),
        {"id": 814},
        (400, "ERROR_NOT_FOUND"),
    ),
    "disk.file.delete@2": ({"id": 816}, True, {}, (400, "ERROR_ARGUMENT")),
    "calendar.event.get@2": (
        {"type": "user", "ownerId": 2, "from": "2026-10-01", "to": "2026-10-31"},
        [IsPartialDict(NAME="Sales meeting", DATE_FROM="10/05/2026 11:00:00 am", DT_LENGTH=3600)],
        {"ownerId": 2},
        (400, ""),
    ),
    "calendar.event.add@2": (
        {
            "type": "user",
            "ownerId": 1,
            "name": "x",
            "from": "2026-10-06T10:00:00",
            "to": "2026-10-06T11:00:00",
        },
        4,
        {"type": "user", "ownerId": 1, "from": "2026-10-06", "to": "2026-10-06"},
        (400, ""),
    ),
    "calendar.event.delete@2": ({"id": 1}, True, {}, (400, "")),
    "log.blogpost.add@2": (
        {"POST_MESSAGE": "x"},
        1,
        {"POST_MESSAGE": " "},
        (400, "SONET_CONTROLLER_LIVEFEED_BLOGPOST_ADD_ERROR"),
    ),
    "log.blogpost.get@2": ({}, [], None, None),
    "catalog.product.list@2": (
        {"select": ["id", "iblockId", "name"], "filter": {"iblockId": 23, "id": 1}},
        {"products": [{"id": 1, "iblockId": 23, "name": "Centrifugal pump NW-40"}]},
        {"select": ["id"], "filter": {"iblockId": 23}},
        (400, 0),
    ),
    "catalog.product.get@2": (
        {"id": 1},
        {"product": IsPartialDict(id=1, name="Centrifugal pump NW-40")},
        {"id": 99},
        (400, 200040300000),
    ),
}


CASES |= family_cases.CASES


def test_every_method_the_portal_plays_is_in_the_table():
    methods.load()
    assert {f"{name}@{version}" for name, version in PLAYED} == set(CASES)


def _split(name):
    method, _, version = name.partition("@")
    return method, int(version)


def _prepare(portal, name):
    """Give the tasks of the table a known status, and the newer families what they ask for."""
    if name in family_cases.CASES:
        family_cases.prepare(portal.state)
    for key, status in ((31, 2), (40, 2), (41, 3), (42, 5), (43, 4)):
        portal.state.tasks.update(key, {"STATUS": status, "CLOSED_BY": 0})


def _call(wire, portal, method, version, params):
    """Call as the administrator's webhook, or as an application where only that may."""
    if version == "3":
        return wire.v3(method, params)
    played = find(method, 2)
    if not played.application:
        return wire.call(method, params)
    portal.access.add_token("token", 1)
    url = f"{portal.base_url}/rest/"
    return wire.call(method, {**params, "auth": "token"}, url=url)


@pytest.mark.parametrize(
    "name", sorted(n for n in CASES if (p := find(*_split(n))) is not None and p.application)
)
def test_a_webhook_is_refused_where_only_applications_may_call(wire, name):
    status, body = wire.call(name.partition("@")[0], CASES[name][0])
    assert (status, body["error"]) == (403, "WRONG_AUTH_TYPE")


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_good_call_answers_in_the_documented_shape(wire, portal, name):
    _prepare(portal, name)
    good, expected, _, _ = CASES[name]
    method, _, version = name.partition("@")
    status, body = _call(wire, portal, method, version, good)
    assert status == 200, body
    assert body["result"] == expected
    assert "error" not in body
    assert [(entry.method.lower(), entry.outcome) for entry in portal.executed] == [
        (method.lower(), "ok")
    ]


@pytest.mark.parametrize(
    "name", sorted(name for name, case in CASES.items() if case[2] is not None)
)
def test_a_bad_call_is_refused_with_the_documented_code_and_changes_nothing(wire, portal, name):
    _prepare(portal, name)
    _, _, bad, expected = CASES[name]
    method, _, version = name.partition("@")
    versions = {
        key: table.version for key, table in vars(portal.state).items() if hasattr(table, "version")
    }
    status, body = _call(wire, portal, method, version, bad)
    assert "error" in body, body
    code = body["error"]["code"] if version == "3" else body["error"]
    if version == "3":
        code = code.removeprefix("BITRIX_REST_V3_EXCEPTION_")
    assert (status, code) == expected
    after = {
        key: table.version for key, table in vars(portal.state).items() if hasattr(table, "version")
    }
    assert after == versions
    assert portal.journal.writes() == []


def test_every_method_the_portal_plays_is_documented():
    from bitrix24_agent.emulator.documented import is_documented

    methods.load()
    assert [key for key in sorted(PLAYED) if not is_documented(*key)] == []
