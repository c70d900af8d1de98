"""REST 3.0 on the wire: envelope, errors, filters, pages, idempotency key, batch."""

from __future__ import annotations

import json

import pytest
from dirty_equals import IsInt, IsPartialDict, IsStr


def tasks(wire, **params):
    status, body = wire.v3("tasks.task.list", {"select": ["id"], **params})
    assert status == 200, body
    return [item["id"] for item in body["result"]["items"]]


def new_task(**more):
    return {"fields": {"title": "Call", "creatorId": 1, "responsibleId": 2, **more}}


def test_an_answer_has_result_and_a_time_block_with_a_whole_start(wire):
    status, body = wire.v3("tasks.task.list", {"pagination": {"limit": 2}})
    assert status == 200
    assert body == {
        "result": {"items": [{"id": 31}, {"id": 32}]},
        "time": IsPartialDict(start=IsInt, operating_reset_at=IsInt),
    }


def test_without_parameters_a_get_is_enough(wire):
    status, body = wire.v3("tasks.task.list", verb="GET")
    assert status == 200
    assert len(body["result"]["items"]) == 40


def test_query_parameters_are_not_read(wire):
    assert wire.v3_refusal("tasks.task.get?id=31") == (
        400,
        "VALIDATION_REQUESTVALIDATIONEXCEPTION",
    )


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b'{"id": 31', "application/json"), (b"id=31", "application/x-www-form-urlencoded")],
)
def test_only_json_bodies_are_understood(wire, body, content_type):
    url = wire.portal.url.replace("/rest/", "/rest/api/", 1) + "tasks.task.get"
    status, raw = wire.send(url, body=body, headers={"Content-Type": content_type})
    assert status == 400
    assert json.loads(raw)["error"]["code"] == "BITRIX_REST_V3_EXCEPTION_INVALIDJSONEXCEPTION"


def test_a_missing_or_mistyped_id_is_a_validation_error(wire):
    status, body = wire.v3("tasks.task.get", {})
    assert (status, body["error"]["validation"]) == (
        400,
        [{"message": "Required field `id` is missing", "field": "id"}],
    )
    _, body = wire.v3("tasks.task.get", {"id": "31"})
    assert body["error"]["validation"] == [
        {"message": "Field `id` requires data type `int` for this request", "field": "id"}
    ]


def test_an_unknown_object_answers_400(wire):
    assert wire.v3("tasks.task.get", {"id": 9999}) == (
        400,
        {
            "error": {
                "code": "BITRIX_REST_V3_EXCEPTION_ENTITYNOTFOUNDEXCEPTION",
                "message": "Record with ID = `9999` not found",
            }
        },
    )


def test_an_unknown_method_and_a_v2_only_method_are_not_found(wire):
    assert wire.v3_refusal("tasks.task.nothing") == (404, "METHODNOTFOUNDEXCEPTION")
    assert wire.v3_refusal("user.admin") == (404, "METHODNOTFOUNDEXCEPTION")


def test_a_v3_only_method_is_unknown_at_the_v2_address(wire):
    assert wire.refusal("tasks.task.field.list") == (404, "ERROR_METHOD_NOT_FOUND")


def test_the_scope_of_v3_tasks_is_not_the_one_of_v2(wire, portal):
    url = portal.webhook(1, scopes=["task"])
    assert wire.v3_refusal("tasks.task.list", url=url) == (403, "INSUFFICIENTSCOPEEXCEPTION")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([["id", ">", 68]], [69, 70]),
        ([["id", ">=", 69]], [69, 70]),
        ([["id", "<", 33]], [31, 32]),
        ([["id", "<=", 32]], [31, 32]),
        ([["id", 40]], [40]),
        ([["id", "=", 40]], [40]),
        ([["id", [40, 42]]], [40, 42]),
        ([["id", "in", [40, 42]]], [40, 42]),
        ([["id", "between", [40, 42]]], [40, 41, 42]),
        ([["id", "<", 34], ["id", "!=", 32]], [31, 33]),
        ([{"logic": "or", "conditions": [["id", 31], ["id", 33]]}], [31, 33]),
        (
            [
                {"logic": "or", "conditions": [["id", 31], ["id", 33]], "negative": True},
                ["id", "<", 35],
            ],
            [32, 34],
        ),
        ([], None),
    ],
)
def test_filters_with_the_eight_operators(wire, given, expected):
    found = tasks(wire, filter=given)
    assert found == (expected if expected is not None else list(range(31, 71)))


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"filter": {">id": 3}}, "UNKNOWNFILTEROPERATOREXCEPTION"),
        ({"filter": [["id", "%", 3]]}, "UNKNOWNFILTEROPERATOREXCEPTION"),
        ({"filter": "id"}, "INVALIDFILTEREXCEPTION"),
        ({"filter": [["id"]]}, "INVALIDFILTEREXCEPTION"),
        ({"filter": [["id", "between", [1]]]}, "INVALIDFILTEREXCEPTION"),
        ({"filter": [["id", "=", "x"]]}, "INVALIDFILTEREXCEPTION"),
        ({"filter": [["title", "Call"]]}, "VALIDATION_REQUESTVALIDATIONEXCEPTION"),
        ({"filter": [["nope", 1]]}, "UNKNOWNDTOPROPERTYEXCEPTION"),
        ({"order": [["id", "ASC"]]}, "INVALIDORDEREXCEPTION"),
        ({"order": {"id": "UP"}}, "INVALIDORDEREXCEPTION"),
        ({"order": {"description": "ASC"}}, "INVALIDORDEREXCEPTION"),
        ({"pagination": {"limit": "abc"}}, "INVALIDPAGINATIONEXCEPTION"),
        ({"pagination": {"limit": 0}}, "INVALIDPAGINATIONEXCEPTION"),
        ({"pagination": 3}, "INVALIDPAGINATIONEXCEPTION"),
        ({"select": "id"}, "INVALIDSELECTEXCEPTION"),
        ({"select": [1]}, "INVALIDSELECTEXCEPTION"),
        ({"select": ["responsible.salary"]}, "UNKNOWNDTOPROPERTYEXCEPTION"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_own_code(wire, params, code):
    assert wire.v3_refusal("tasks.task.list", params) == (400, code)


def test_order_and_pages(wire):
    assert tasks(wire, order={"id": "DESC"}, pagination={"limit": 3}) == [70, 69, 68]
    assert tasks(wire, pagination={"page": 2, "limit": 3}) == [34, 35, 36]
    assert tasks(wire, pagination={"offset": 38, "limit": 50}) == [69, 70]


def test_select_nests_related_objects_and_drops_unknown_own_fields(wire):
    _, body = wire.v3(
        "tasks.task.get", {"id": 31, "select": ["id", "nonsense", "responsible.name"]}
    )
    assert body["result"]["item"] == {"id": 31, "responsible": {"name": IsStr(min_length=3)}}


def test_adding_gives_numbers_words_and_booleans(wire):
    deadline = "2027-04-01T18:00:00+03:00"
    status, body = wire.v3("tasks.task.add", new_task(deadline=deadline, crmItemIds=["D_1"]))
    assert status == 200
    assert body["result"]["item"] == IsPartialDict(
        id=71,
        title="Call",
        status="pending",
        priority="average",
        needsControl=False,
        deadline=deadline,
        crmItemIds=["D_1"],
        creatorId=1,
        parentId=None,
    )


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"title": "Call"}, "VALIDATION_DTOVALIDATIONEXCEPTION", "creatorId"),
        (
            {"title": "Call", "creatorId": 1, "responsibleId": 999},
            "VALIDATION_DTOVALIDATIONEXCEPTION",
            "responsibleId",
        ),
        (
            {"title": "Call", "creatorId": 1, "responsibleId": "2"},
            "VALIDATION_REQUESTVALIDATIONEXCEPTION",
            "responsibleId",
        ),
        (
            {"title": "Call", "creatorId": 1, "responsibleId": 2, "deadline": "soon"},
            "VALIDATION_REQUESTVALIDATIONEXCEPTION",
            "deadline",
        ),
        (
            {"title": "Call", "creatorId": 1, "responsibleId": 2, "status": "urgent"},
            "VALIDATION_REQUESTVALIDATIONEXCEPTION",
            "status",
        ),
        (
            {"title": "Call", "creatorId": 1, "responsibleId": 2, "auditors": 3},
            "VALIDATION_REQUESTVALIDATIONEXCEPTION",
            "auditors",
        ),
    ],
)
def test_a_bad_field_is_named(wire, portal, fields, code, field):
    status, body = wire.v3("tasks.task.add", {"fields": fields})
    assert status == 400
    assert body["error"]["code"].endswith(code)
    assert body["error"]["validation"][0]["field"] == field
    assert portal.journal.count("tasks.task.add") == 0


def test_updating_answers_true_and_a_read_only_field_is_refused(wire, portal):
    assert wire.v3("tasks.task.update", {"id": 31, "fields": {"status": "completed"}})[1][
        "result"
    ] == {"result": True}
    assert portal.state.tasks.rows[31]["STATUS"] == 5
    status, body = wire.v3("tasks.task.update", {"id": 31, "fields": {"creatorId": 2}})
    assert (status, body["error"]["validation"][0]["field"]) == (400, "creatorId")


def test_a_user_without_part_in_a_task_is_refused(wire, portal):
    portal.state.tasks.update(31, {"CREATED_BY": 1, "RESPONSIBLE_ID": 2})
    url = portal.webhook(9)
    assert wire.v3_refusal("tasks.task.get", {"id": 31}, url=url) == (403, "ACCESSDENIEDEXCEPTION")
    assert wire.v3_refusal("tasks.task.delete", {"id": 31}, url=url) == (
        403,
        "ACCESSDENIEDEXCEPTION",
    )
    assert 31 in portal.state.tasks


# --- idempotency ----------------------------------------------------------------------------------


def test_the_same_key_and_body_run_once_and_replay_the_answer(wire, portal):
    first = wire.v3("tasks.task.add", new_task(), key="k-1")
    assert wire.headers["idempotency-key"] == "k-1"
    assert "idempotent-replayed" not in wire.headers
    second = wire.v3("tasks.task.add", new_task(), key="k-1")
    assert wire.headers["idempotent-replayed"] == "true"
    assert second == first
    assert portal.journal.count("tasks.task.add") == 1


def test_the_same_key_with_another_body_is_refused(wire, portal):
    wire.v3("tasks.task.add", new_task(), key="k-1")
    assert wire.v3_refusal("tasks.task.add", new_task(title="Other"), key="k-1") == (
        422,
        "IDEMPOTENCYKEYREUSEDEXCEPTION",
    )
    assert portal.journal.count("tasks.task.add") == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
def test_a_key_that_is_none_is_refused(wire, portal, key):
    assert wire.v3_refusal("tasks.task.add", new_task(), key=key) == (
        400,
        "INVALIDIDEMPOTENCYKEYEXCEPTION",
    )
    assert portal.executed == []


def test_a_failed_call_is_not_stored(wire, portal):
    wire.v3("tasks.task.add", new_task(responsibleId=999), key="k-2")
    portal.state.users.add({"ACTIVE": True, "NAME": "New", "LAST_NAME": "One"}, key=999)
    status, _ = wire.v3("tasks.task.add", new_task(responsibleId=999), key="k-2")
    assert status == 200
    assert portal.journal.count("tasks.task.add") == 1


def test_a_key_belongs_to_one_user_and_one_method(wire, portal):
    wire.v3("tasks.task.add", new_task(), key="k-3")
    wire.v3("tasks.task.add", new_task(), key="k-3", url=portal.webhook(2))
    wire.v3("tasks.task.update", {"id": 31, "fields": {"title": "x"}}, key="k-3")
    assert portal.journal.count("tasks.task.add") == 2
    assert portal.journal.count("tasks.task.update") == 1


def test_a_key_is_forgotten_after_a_day(wired):
    from bitrix24_agent.testing import running_portal

    now = [1_790_000_000.0]
    with running_portal(deals=1, clock=lambda: now[0]) as portal:
        wire = wired(portal)
        wire.v3("tasks.task.add", new_task(), key="k-4")
        now[0] += 24 * 3600 - 1
        wire.v3("tasks.task.add", new_task(), key="k-4")
        assert portal.journal.count("tasks.task.add") == 1
        now[0] += 1
        wire.v3("tasks.task.add", new_task(), key="k-4")
        assert portal.journal.count("tasks.task.add") == 2


def test_v2_ignores_the_key(wire, portal):
    for _ in range(2):
        wire.send(
            portal.url + "crm.deal.add",
            body=b'{"fields":{"TITLE":"twice"}}',
            headers={"Content-Type": "application/json", "Idempotency-Key": "k"},
        )
    assert portal.journal.count("crm.deal.add") == 2


def test_reading_needs_no_key_and_stores_none(wire):
    wire.v3("tasks.task.get", {"id": 31}, key="k")
    assert "idempotency-key" not in wire.headers


# --- batch ----------------------------------------------------------------------------------------


def test_a_batch_answers_in_call_order(wire):
    status, body = wire.v3(
        "batch",
        [
            {"method": "tasks.task.get", "query": {"id": 32, "select": ["id"]}},
            {"method": "tasks.task.get", "query": {"id": 31, "select": ["id"]}},
        ],
    )
    assert status == 200
    assert body == {
        "result": [{"item": {"id": 32}}, {"item": {"id": 31}}],
        "time": IsPartialDict(start=IsInt),
    }


def test_later_commands_may_refer_to_earlier_ones(wire, portal):
    status, body = wire.v3(
        "batch",
        [
            {"method": "tasks.task.add", "query": new_task(), "as": "new"},
            {
                "method": "tasks.task.update",
                "query": {"id": {"$ref": "new.item.id"}, "fields": {"title": "Renamed"}},
            },
        ],
    )
    assert (status, body["result"][1]) == (200, {"result": True})
    assert portal.state.tasks.rows[71]["TITLE"] == "Renamed"


def test_lists_of_ids_can_be_collected(wire):
    _, body = wire.v3(
        "batch",
        [
            {"method": "tasks.task.list", "query": {"pagination": {"limit": 2}}, "as": "first"},
            {
                "method": "tasks.task.list",
                "query": {"filter": [["id", "in", {"$refArray": "first.id"}]]},
            },
        ],
    )
    assert body["result"][1] == {"items": [{"id": 31}, {"id": 32}]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"cmd": {"a": "tasks.task.get?id=1"}}, "INVALIDSELECTEXCEPTION"),
        ([], "INVALIDSELECTEXCEPTION"),
        (
            [{"method": "tasks.task.get", "query": {"id": {"$ref": "no.item.id"}}}],
            "INVALIDSELECTEXCEPTION",
        ),
        ([{"method": "tasks.task.get", "query": {"id": 9999}}], "ENTITYNOTFOUNDEXCEPTION"),
        ([{"method": "tasks.task.list"}] * 51, "VALIDATION_REQUESTVALIDATIONEXCEPTION"),
    ],
)
def test_one_bad_command_refuses_the_whole_batch(wire, body, code):
    assert wire.v3_refusal("batch", body) == (400, code)


def test_a_batch_inside_a_batch_is_unknown(wire):
    assert wire.v3_refusal("batch", [{"method": "batch", "query": {}}]) == (
        404,
        "METHODNOTFOUNDEXCEPTION",
    )
