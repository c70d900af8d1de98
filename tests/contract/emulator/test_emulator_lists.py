"""Pages, filters, orders and selections of v2 lists."""

from __future__ import annotations

import pytest


def test_a_page_has_fifty_rows_a_total_and_the_next_offset(wire):
    _, body = wire.call("crm.deal.list", {"select": ["ID"]})
    assert (len(body["result"]), body["total"], body["next"]) == (50, 130, 50)


def test_the_last_page_has_no_next(wire):
    _, body = wire.call("crm.deal.list", {"select": ["ID"], "start": 100})
    assert (len(body["result"]), body["total"]) == (30, 130)
    assert "next" not in body


def test_pages_together_are_the_whole_list_once(wire):
    seen, start = [], 0
    while start is not None:
        _, body = wire.call("crm.deal.list", {"order": {"OPPORTUNITY": "DESC"}, "start": start})
        seen += [row["ID"] for row in body["result"]]
        start = body.get("next")
    assert sorted(map(int, seen)) == list(range(1, 131))


def test_start_minus_one_does_not_count(wire):
    _, body = wire.call(
        "crm.deal.list", {"filter": {">ID": 60}, "order": {"ID": "ASC"}, "start": -1}
    )
    assert body["total"] == 0
    assert "next" not in body
    assert [int(row["ID"]) for row in body["result"]] == list(range(61, 111))


def test_crm_item_lists_keep_rows_under_items(wire):
    _, body = wire.call("crm.item.list", {"entityTypeId": 2, "select": ["id", "title"]})
    assert set(body["result"]) == {"items"}
    assert set(body["result"]["items"][0]) == {"id", "title"}
    assert (body["total"], body["next"]) == (130, 50)


def deals(portal, test):
    return {str(key) for key, row in portal.state.deals.rows.items() if test(row)}


FILTERS = [
    ({"STAGE_ID": "WON"}, lambda r: r["STAGE_ID"] == "WON"),
    ({"=STAGE_ID": "won"}, lambda r: r["STAGE_ID"] == "WON"),
    ({"STAGE_ID": ["WON", "LOSE"]}, lambda r: r["STAGE_ID"] in ("WON", "LOSE")),
    ({"@STAGE_ID": ["WON", "LOSE"]}, lambda r: r["STAGE_ID"] in ("WON", "LOSE")),
    ({"!@STAGE_ID": ["WON", "LOSE"]}, lambda r: r["STAGE_ID"] not in ("WON", "LOSE")),
    ({"!STAGE_ID": "WON"}, lambda r: r["STAGE_ID"] != "WON"),
    ({"!=STAGE_ID": "WON"}, lambda r: r["STAGE_ID"] != "WON"),
    ({">OPPORTUNITY": 20000}, lambda r: r["OPPORTUNITY"] > 20000),
    ({">=OPPORTUNITY": "20000"}, lambda r: r["OPPORTUNITY"] >= 20000),
    ({"<OPPORTUNITY": 2000}, lambda r: r["OPPORTUNITY"] < 2000),
    ({"<=ID": 7}, lambda r: r["ID"] <= 7),
    ({">ID": 5, "<ID": 9, "@ID": [1, 6, 8, 9]}, lambda r: r["ID"] in (6, 8)),
    ({"%TITLE": "pump"}, lambda r: "pump" in r["TITLE"].lower()),
    ({"!%TITLE": "pump"}, lambda r: "pump" not in r["TITLE"].lower()),
    ({"=%TITLE": "Alder%"}, lambda r: r["TITLE"].startswith("Alder")),
    ({"%=TITLE": "%training"}, lambda r: r["TITLE"].endswith("training")),
    ({"!=%TITLE": "Alder%"}, lambda r: not r["TITLE"].startswith("Alder")),
    ({"CATEGORY_ID": 1, "CLOSED": "N"}, lambda r: r["CATEGORY_ID"] == 1 and r["CLOSED"] == "N"),
    ({"LEAD_ID": ""}, lambda r: True),
    ({"!LEAD_ID": ""}, lambda r: False),
    ({"UNKNOWN_FIELD": 1}, lambda r: True),
    ({"title": "nothing like it"}, lambda r: False),
]


@pytest.mark.parametrize(
    ("given", "test"), FILTERS, ids=lambda v: str(v) if isinstance(v, dict) else ""
)
def test_classic_filters_find_what_their_prefix_says(wire, given, test):
    seen, start = set(), 0
    while start is not None:
        _, body = wire.call("crm.deal.list", {"filter": given, "select": ["ID"], "start": start})
        seen |= {row["ID"] for row in body["result"]}
        start = body.get("next")
    assert seen == deals(wire.portal, test)


def test_dates_compare_as_moments(wire, portal):
    middle = sorted(row["DATE_CREATE"] for row in portal.state.deals)[65]
    from bitrix24_agent.emulator import moments

    _, body = wire.call("crm.deal.list", {"filter": {">=DATE_CREATE": moments.iso(middle)}})
    assert body["total"] == len(deals(portal, lambda r: r["DATE_CREATE"] >= middle))


def test_nested_groups_join_by_or(wire, portal):
    given = {
        "categoryId": 0,
        "0": {"logic": "OR", "0": {"stageId": "WON"}, "1": {">opportunity": 30000}},
    }
    _, body = wire.call("crm.item.list", {"entityTypeId": 2, "filter": given})
    expected = deals(
        portal,
        lambda r: r["CATEGORY_ID"] == 0 and (r["STAGE_ID"] == "WON" or r["OPPORTUNITY"] > 30000),
    )
    assert body["total"] == len(expected)
    assert 0 < len(expected) < 130


def test_groups_may_come_as_a_list(wire, portal):
    given = {"0": [{"logic": "OR", "0": {"id": 1}, "1": {"id": 2}}]}
    rows = wire.result("crm.item.list", {"entityTypeId": 2, "filter": given, "select": ["id"]})
    assert rows == {"items": [{"id": 1}, {"id": 2}]}


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"filter": {"nope": 1}}, "Invalid filter: field 'nope' is not allowed in filter"),
        ({"filter": {"id": "abc"}}, "Invalid filter: field 'id' has invalid value"),
        ({"order": {"nope": "ASC"}}, "Invalid order: field 'nope' is not allowed in order"),
        (
            {"order": {"id": "UP"}},
            "Invalid order: allowed sort directions are `ASC, DESC`. But got 'UP' for field 'id'",
        ),
    ],
)
def test_crm_item_list_refuses_what_it_does_not_know(wire, params, text):
    assert wire.call("crm.item.list", {"entityTypeId": 2, **params}) == (
        400,
        {"error": "INVALID_ARG_VALUE", "error_description": text},
    )


@pytest.mark.parametrize("name", ["filter", "order"])
def test_a_classic_list_wants_objects(wire, name):
    assert wire.call("crm.deal.list", {name: "x"}) == (
        400,
        {"error": "", "error_description": f"Parameter '{name}' must be array."},
    )


def test_order_by_several_fields(wire, portal):
    order = {"STAGE_ID": "ASC", "OPPORTUNITY": "DESC"}
    _, body = wire.call("crm.deal.list", {"order": order, "select": ["STAGE_ID", "OPPORTUNITY"]})
    keys = [(row["STAGE_ID"], -float(row["OPPORTUNITY"])) for row in body["result"]]
    assert keys == sorted(keys)


def test_a_star_selects_no_custom_fields_and_the_mask_does(wire):
    plain = wire.result("crm.deal.list", {"select": ["*"], "filter": {"ID": 1}})[0]
    custom = wire.result("crm.deal.list", {"select": ["ID", "UF_*"], "filter": {"ID": 1}})[0]
    assert not [name for name in plain if name.startswith("UF_")]
    assert custom == {
        "ID": "1",
        "UF_CRM_1700000001": None,
        "UF_CRM_1700000002": [],
        "UF_CRM_1700000003": None,
    }


def test_a_select_that_is_no_array_selects_nothing_in_particular(wire):
    whole = wire.result("crm.deal.get", {"id": 1})
    for select in ("ID", True, 5, []):
        row = wire.result("crm.deal.list", {"filter": {"ID": 1}, "select": select})[0]
        assert row == {name: value for name, value in whole.items() if not name.startswith("UF_")}


def test_multifields_come_only_when_selected(wire):
    plain = wire.result("crm.contact.list", {"filter": {"ID": 1}})[0]
    asked = wire.result("crm.contact.list", {"filter": {"ID": 1}, "select": ["ID", "PHONE"]})[0]
    assert "PHONE" not in plain
    assert set(asked) == {"ID", "PHONE"}
    assert asked["PHONE"][0]["TYPE_ID"] == "PHONE"


def test_a_contact_is_found_by_phone(wire):
    phone = wire.result("crm.contact.get", {"id": 5})["PHONE"][0]["VALUE"]
    assert [r["ID"] for r in wire.result("crm.contact.list", {"filter": {"PHONE": phone}})] == ["5"]


def test_a_changed_table_gives_a_changed_list(wire):
    params = {"filter": {"STAGE_ID": "WON"}, "select": ["ID"]}
    _, before = wire.call("crm.deal.list", params)
    wire.result("crm.deal.delete", {"id": before["result"][0]["ID"]})
    _, after = wire.call("crm.deal.list", params)
    assert after["total"] == before["total"] - 1
