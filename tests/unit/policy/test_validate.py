"""Arguments are checked before anything is sent, as strictly as the portal does."""

from __future__ import annotations

import pytest

from bitrix24_agent.model import Call, Risk
from bitrix24_agent.params import Param
from bitrix24_agent.policy import validate
from bitrix24_agent.policy.canonical import canonical
from bitrix24_agent.policy.validate import MAX_PROBLEMS, check_arguments, check_call


@pytest.fixture
def method(make_method):
    return make_method


def problems(method, params):
    return [str(p) for p in check_arguments(method, params)[1]]


def test_names_take_the_catalogues_spelling(method):
    m = method("user.x", Risk.READ, Param(path="FILTER", type="object", open=True))
    assert check_arguments(m, {"filter": {"ID": 1}}) == ({"FILTER": {"ID": 1}}, [])


def test_every_problem_is_told_at_once(method):
    m = method(
        "crm.x.add",
        Risk.WRITE,
        Param(path="id", type="integer", required=True),
        Param(path="fields", type="object", required=True),
        Param(path="mode", type="string", enum=("fast", "slow")),
        Param(path="select", type="string[]"),
    )
    assert problems(m, {"fields": "x", "mode": "fsat", "slect": [], "select": 7}) == [
        "fields: must be object, not the text 'x'",
        "mode: must be one of fast, slow, not 'fsat' (did you mean fast?)",
        "slect: is no parameter of crm.x.add (did you mean select?)",
        "select: must be string list, not a number",
        "id: is required (integer)",
    ]


def test_problems_are_capped(method):
    m = method("crm.x.list")
    assert len(problems(m, {f"n{i}": 1 for i in range(100)})) == MAX_PROBLEMS


def test_two_spellings_of_one_parameter_are_a_problem(method):
    m = method("crm.x.get", Risk.READ, Param(path="id", type="integer"))
    assert problems(m, {"id": 1, "ID": 2}) == ["ID: was already given as id"]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("integer", [1, "1", " -5 ", 2.0, "", None], [1.5, "x", True, [1], {"a": 1}]),
        ("number", [1, 1.5, "1.5", "+2", ""], ["1,5", "x", False, []]),
        ("boolean", [True, "Y", "n", "true", 0, "1", ""], ["yes", 2, 1.5, []]),
        ("string", ["x", 5, 1.5, True], [[], {}]),
        ("object", [{}, {"a": 1}, []], ["x", 1, [1]]),
        ("array", [[], [1], {"0": 1}], ["x", 1]),
        ("integer[]", [[1, "2"], []], [["x"], 5]),
        ("integer|integer[]", [5, [5], "5"], ["x"]),
        ("any", [1, "x", [], {}, None], []),
        ("unheard-of", [1, "x"], []),
    ],
)
def test_v2_takes_what_the_portal_takes(method, kind, good, bad):
    m = method("crm.x.get", Risk.READ, Param(path="p", type=kind))
    assert [v for v in good if problems(m, {"p": v})] == []
    assert [v for v in bad if not problems(m, {"p": v})] == []


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("integer", [1, 2.0], ["1", "", True]),
        ("number", [1, 1.5], ["1.5"]),
        ("boolean", [True, False], ["Y", 1, 0]),
        ("string", ["x"], [5]),
        ("object", [{}], [[]]),
        ("array", [[]], [{}]),
    ],
)
def test_v3_takes_json_types_only(method, kind, good, bad):
    m = method("tasks.x.get", Risk.READ, Param(path="p", type=kind), version=3)
    assert [v for v in good if problems(m, {"p": v})] == []
    assert [v for v in bad if not problems(m, {"p": v})] == []


def test_v3_says_how_to_send_a_number(method):
    m = method("tasks.x.get", Risk.READ, Param(path="id", type="integer"), version=3)
    assert problems(m, {"id": "7"}) == [
        "id: must be integer, not the text '7' (REST 3.0 takes JSON numbers, without quotes)"
    ]


def test_true_becomes_y_where_the_page_says_so(method):
    m = method(
        "im.x.add",
        Risk.WRITE,
        Param(path="SYSTEM", type="string", enum=("Y", "N")),
        Param(path="PREVIEW", type="boolean", format="Y/N"),
        Param(path="other", type="boolean"),
    )
    params = {"SYSTEM": True, "PREVIEW": False, "other": True}
    assert check_arguments(m, params) == ({"SYSTEM": "Y", "PREVIEW": "N", "other": True}, [])


def test_enums_bind_only_where_they_are_closed(method):
    m = method(
        "crm.x.add",
        Risk.WRITE,
        Param(path="closed", type="string", enum=("Work", "Home")),
        Param(path="listed", type="string", enum=("A",), source="crm.status.list"),
        Param(path="typed", type="string", enum=("A",), ref="crm_status"),
        Param(path="open", type="string", enum=("A",), open=True),
        Param(path="number", type="integer", enum=("1", "2")),
    )
    assert (
        problems(m, {"closed": "WORK", "listed": "Z", "typed": "Z", "open": "Z", "number": 9}) == []
    )
    assert problems(m, {"closed": "Nowhere"}) == [
        "closed: must be one of Work, Home, not 'Nowhere'"
    ]


def test_null_counts_as_missing_only_where_a_value_is_required(method):
    m = method("x.get", Risk.READ, Param(path="a", type="integer", required=True), Param(path="b"))
    assert problems(m, {"a": None, "b": None}) == ["a: is required, null was given"]


def test_a_reference_to_another_command_is_any_type(method):
    m = method("x.get", Risk.READ, Param(path="id", type="integer", required=True))
    assert problems(m, {"id": "$result[a][ID]"}) == []
    assert problems(m, {"id": {"$ref": "a.item.id"}}) == []


def test_common_parameters_are_known_everywhere(method):
    read, write = method("x.list"), method("x.add", Risk.WRITE)
    assert problems(read, {"start": 50, "auth": "x"}) == []  # the gate refuses auth by its own rule
    assert problems(write, {"START": -1, "auth_connector": "k"}) == []
    assert problems(read, {"auth_connector": "k"}) == [
        "auth_connector: is no parameter of x.list (it takes none)"
    ]


def test_custom_fields_may_stand_at_the_top_where_there_is_no_fields(method):
    flat = method("user.get", Risk.READ, Param(path="sort", type="string"))
    deep = method("crm.x.add", Risk.WRITE, Param(path="fields", type="object", open=True))
    assert problems(flat, {"UF_DEPARTMENT": 1}) == []
    assert problems(deep, {"UF_X": 1}) == ["UF_X: is no parameter of crm.x.add (it takes fields)"]


def test_a_field_given_beside_fields_is_sent_to_its_place(method):
    m = method(
        "crm.x.add",
        Risk.WRITE,
        Param(path="fields", type="object"),
        Param(path="fields.STAGE_ID", type="string"),
    )
    assert problems(m, {"stageId": "WON", "fields": {}}) == [
        "stageId: is no parameter of crm.x.add (it belongs into fields)"
    ]


def test_another_spelling_of_a_long_name_is_recognised(method):
    m = method("x.y", Risk.READ, Param(path="a_b", type="string"))
    assert problems(m, {"ab": 1}) == ["ab: is no parameter of x.y (did you mean a_b?)"]


# --- inside objects -------------------------------------------------------------------------------


@pytest.fixture
def deal(method):
    return method(
        "crm.x.add",
        Risk.WRITE,
        Param(path="fields", type="object", required=True),
        Param(path="fields.TITLE", type="string", required=True),
        Param(path="fields.STAGE_ID", type="string"),
        Param(path="fields.PHONE_1", type="string"),
        Param(path="fields.OPENED", type="string", enum=("Y", "N")),
        Param(path="fields.ROWS", type="array"),
        Param(path="fields.ROWS[].PRICE", type="number", required=True),
        Param(path="fields.BY_KEY", type="object"),
        Param(path="fields.BY_KEY[]", type="integer"),
        Param(path="fields.EXTRA", type="object", open=True),
        Param(path="fields.EXTRA.NAME", type="string"),
        Param(path="fields.OLD", type="string", required=True, example_only=True),
    )


def test_nested_values_are_checked_with_their_paths(deal):
    assert problems(
        deal, {"fields": {"ROWS": [{"PRICE": "x"}, {"NAME": 1}, 5], "OPENED": "maybe"}}
    ) == [
        "fields.ROWS[0].PRICE: must be number, not the text 'x'",
        "fields.ROWS[1].PRICE: is required (number)",
        "fields.OPENED: must be one of Y, N, not 'maybe'",
        "fields.TITLE: is required (string)",
    ]


def test_nested_values_are_mended_too(deal):
    params, found = check_arguments(
        deal, {"fields": {"TITLE": "x", "OPENED": True, "ROWS": {"0": {"PRICE": 1}}}}
    )
    assert (params, found) == (
        {"fields": {"TITLE": "x", "OPENED": "Y", "ROWS": {"0": {"PRICE": 1}}}},
        [],
    )


def test_objects_keyed_by_anything_check_their_values(deal):
    assert problems(deal, {"fields": {"TITLE": "x", "BY_KEY": {"a": 1, "b": "x"}}}) == [
        "fields.BY_KEY.b: must be integer, not the text 'x'"
    ]


def test_a_slip_inside_a_closed_object_is_told(deal):
    assert problems(deal, {"fields": {"TITEL": "x", "TITLE": "y"}}) == []  # too far to be sure
    assert problems(deal, {"fields": {"STAGE_IDD": "x", "TITLE": "y"}}) == [
        "fields.STAGE_IDD: is not known (did you mean STAGE_ID?)"
    ]


@pytest.mark.parametrize(
    "name", ["UF_CRM_1", "stageId", "PHONE_2", ">=STAGE_ID", "SOMETHING_NEW", "=", "!"]
)
def test_names_the_page_does_not_list_are_accepted(deal, name):
    assert problems(deal, {"fields": {"TITLE": "x", name: "y"}}) == []


def test_open_objects_take_anything(deal):
    assert problems(deal, {"fields": {"TITLE": "x", "EXTRA": {"NAMEE": 1}}}) == []


def test_the_other_spelling_satisfies_what_is_required(deal):
    assert problems(deal, {"fields": {"title": "x"}}) == []


def test_a_list_of_objects_checks_each_against_the_same_fields(method):
    m = method(
        "x.add",
        Risk.WRITE,
        Param(path="rows", type="array"),
        Param(path="rows.name", type="string", required=True),
    )
    assert problems(m, {"rows": [{"name": "a"}, {}]}) == ["rows[1].name: is required (string)"]
    assert problems(m, {"rows": ["a", {}]}) == []


def test_a_parent_the_page_does_not_list_is_made(method):
    m = method("x.add", Risk.WRITE, Param(path="a.b[].c", type="integer"))
    assert problems(m, {"a": {"b": [{"c": "x"}], "other": 1}}) == [
        "a.b[0].c: must be integer, not the text 'x'"
    ]


def test_one_of_a_group_is_enough_and_none_is_too_few(method):
    m = method(
        "x.get",
        Risk.READ,
        Param(path="ID", type="integer", group="which"),
        Param(path="CODE", type="string", group="which"),
    )
    assert problems(m, {"code": "a"}) == []
    assert problems(m, {"ID": 1, "CODE": "a"}) == []
    assert problems(m, {}) == ["ID: is required (one of ID, CODE)"]


def test_a_required_value_says_where_its_values_come_from(method):
    m = method(
        "x.get", Risk.READ, Param(path="a", type="integer|string", required=True, source="b.list")
    )
    assert problems(m, {}) == ["a: is required (integer or string, values: b.list)"]


def test_a_wrong_type_says_the_format(method):
    m = method("x.get", Risk.READ, Param(path="a", type="string", format="date"))
    assert problems(m, {"a": [1]}) == ["a: must be string (date), not a list"]
    assert problems(m, {"a": {"b": 1}}) == ["a: must be string (date), not an object"]


def test_a_wrong_boolean_is_named_as_one(method):
    m = method("x.get", Risk.READ, Param(path="a", type="integer"))
    assert problems(m, {"a": True}) == ["a: must be integer, not a boolean"]


def test_the_shape_follows_the_catalogue_it_came_from(method):
    first = method("same.name", Risk.READ, Param(path="a", type="integer"))
    second = method("same.name", Risk.READ, Param(path="b", type="integer"))
    assert problems(first, {"a": 1}) == []
    assert problems(second, {"b": 1}) == []
    assert problems(first, {"a": 1}) == []


# --- whole calls ----------------------------------------------------------------------------------


def test_a_call_comes_back_under_the_catalogues_names(catalog):
    call = canonical("user.get", {"filter": {"ID": 1}}, catalog=catalog)
    assert check_call(call, catalog) == (
        Call(method="user.get", version=2, params={"FILTER": {"ID": 1}}),
        [],
    )


def test_problems_of_a_batch_name_the_command(catalog):
    call = canonical("batch", {"cmd": {"a": "crm.deal.get", "b": "user.current"}}, catalog=catalog)
    checked, found = check_call(call, catalog)
    assert [str(p) for p in found] == ["cmd.a.id: is required (integer)"]
    assert list(checked.commands) == ["a", "b"]


def test_an_unlisted_method_has_nothing_to_check_against(catalog):
    call = Call(method="custom.thing", params={"x": 1})
    assert check_call(call, catalog) == (call, [])


# --- order, references, bounds --------------------------------------------------------------------


def test_parameters_come_in_the_order_of_the_page(make_method):
    m = make_method(
        "task.x.move",
        Risk.WRITE,
        Param(path="TASKID", type="integer"),
        Param(path="ITEMID", type="integer"),
        Param(path="FIELDS", type="object", open=True),
        Param(path="FIELDS.A", type="string"),
    )
    given = {"start": 1, "FIELDS": {"B": 1, "A": "x"}, "zz": 1, "itemid": 2, "TaskId": 1}
    found, wrong = check_arguments(m, given)
    assert list(found) == ["TASKID", "ITEMID", "FIELDS", "start", "zz"]
    assert list(found["FIELDS"]) == ["B", "A"]
    assert [p.path for p in wrong] == ["zz"]


def test_two_parameters_that_differ_in_case_are_two(make_method):
    m = make_method(
        "department.x",
        Risk.READ,
        Param(path="sort", type="string"),
        Param(path="SORT", type="integer"),
    )
    assert check_arguments(m, {"sort": "NAME"}) == ({"sort": "NAME"}, [])
    assert check_arguments(m, {"SORT": 5}) == ({"SORT": 5}, [])
    assert problems(m, {"SORT": "NAME"}) == ["SORT: must be integer, not the text 'NAME'"]


@pytest.mark.parametrize("name", ["=iblockId", ">=iblockId", "!@iblockId", "iblock_id"])
def test_an_operator_before_a_required_filter_key_is_that_key(make_method, name):
    m = make_method(
        "catalog.x.list",
        Risk.READ,
        Param(path="filter", type="object", required=True),
        Param(path="filter.iblockId", type="integer", required=True),
        Param(path="fields", type="object"),
        Param(path="fields.iblockId", type="integer", required=True),
    )
    assert problems(m, {"filter": {name: [24]}}) == []
    assert problems(m, {"filter": {"=x": 1}}) == ["filter.iblockId: is required (integer)"]
    assert problems(m, {"filter": {"iblockId": 1}, "fields": {"=iblockId": 1}}) == [
        "fields.iblockId: is required (integer)"
    ]


HIDING = (
    Param(path="id", type="integer"),
    Param(path="ids", type="integer[]"),
    Param(path="owner", type="integer|integer[]"),
    Param(path="fields", type="object", open=True),
    Param(path="fields.PHONE", type="object[]"),
    Param(path="rows", type="object[]"),
    Param(path="data", type="any"),
    Param(path="note", type="any"),
)


@pytest.mark.parametrize(
    ("params", "paths"),
    [
        ({"fields": "$result[a]"}, ["fields"]),
        ({"FIELDS": "$result[a]"}, ["FIELDS"]),
        ({"fields": {"$ref": "a.item"}}, ["fields"]),
        ({"fields": {"PHONE": "$result[a]"}}, ["fields.PHONE"]),
        ({"fields": {"PHONE": ["$result[a]"]}}, ["fields.PHONE[0]"]),
        ({"rows": ["$result[a]", {"A": "$result[b]"}]}, ["rows[0]"]),
        ({"ids": "$result[a]"}, ["ids"]),
        ({"data": {"$refArray": "a.items"}}, ["data"]),
        ({"ids": ["$result[a]"]}, []),
        ({"id": "$result[a][ID]", "owner": {"$ref": "a.id"}, "note": "$result[a]"}, []),
        ({"fields": {"TITLE": "$result[a]", "PHONE": [{"VALUE": "$result[a]"}]}}, []),
    ],
)
def test_an_object_or_list_may_not_be_hidden_in_a_reference(make_method, params, paths):
    said = [p.path for p in check_arguments(make_method("x.set", Risk.WRITE, *HIDING), params)[1]]
    assert said == paths
    assert problems(make_method("x.list", Risk.READ, *HIDING), params) == []


def test_a_reference_inside_an_object_does_not_spare_the_rest_of_it(make_method):
    m = make_method(
        "x.update",
        Risk.WRITE,
        Param(path="fields", type="object"),
        Param(path="fields.AMOUNT", type="number"),
        Param(path="fields.TITLE", type="string"),
    )
    assert problems(m, {"fields": {"TITLE": "$result[a]", "AMOUNT": "x"}}) == [
        "fields.AMOUNT: must be number, not the text 'x'"
    ]


def test_names_are_compared_a_bounded_number_of_times(make_method, monkeypatch):
    looked: list[str] = []
    monkeypatch.setattr(validate, "_mistyped", lambda name, known: looked.append(name))
    monkeypatch.setattr(validate, "_near", lambda name, known: looked.append(name) or [])
    m = make_method(
        "x.update",
        Risk.WRITE,
        Param(path="fields", type="object"),
        Param(path="fields.TITLE", type="string"),
    )
    assert problems(m, {"fields": {f"K{i}": 1 for i in range(5_000)}}) == []
    assert len(looked) == validate.MAX_GUESSES
    looked.clear()
    assert len(problems(m, {f"k{i}": 1 for i in range(5_000)})) == MAX_PROBLEMS
    assert len(looked) == MAX_PROBLEMS


def test_the_bounds_are_those_of_the_whole_batch(catalog, monkeypatch):
    looked: list[str] = []
    monkeypatch.setattr(validate, "_near", lambda name, known: looked.append(name) or [])
    inner = Call(method="crm.deal.get", params={"id": 1, "x": 1, "y": 1})
    call = Call(method="batch", commands={f"k{i}": inner for i in range(500)})
    checked, found = check_call(call, catalog)
    assert checked == call
    assert [p.path for p in found[:3]] == ["cmd.k0.x", "cmd.k0.y", "cmd.k1.x"]
    assert (len(found), len(looked)) == (MAX_PROBLEMS, MAX_PROBLEMS)
