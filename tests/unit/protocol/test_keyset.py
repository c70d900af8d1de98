from __future__ import annotations

from typing import Any

import pytest

from bitrix24_agent.model import Call
from bitrix24_agent.protocol.keyset import EVERYTHING, KEYSETS, LIST_OF, is_id, keyset_for
from bitrix24_agent.protocol.names import option, put


@pytest.mark.parametrize(
    ("method", "params", "sign"),
    [
        ("crm.deal.list", {}, 1),
        ("CRM.Deal.LIST", {"ORDER": {"id": "desc"}}, -1),
        ("crm.deal.list", {"order": {"ID": "ASC"}, "filter": {">ID": "7", "STAGE_ID": "NEW"}}, 1),
        ("user.get", {"SORT": "ID", "ORDER": "DESC"}, -1),
        ("user.get", {"FILTER": {"ACTIVE": True}}, 1),
        ("tasks.task.list", {"order": {"ID": "asc"}}, 1),
    ],
)
def test_lists_in_the_order_of_ids_are_walked_by_id(
    method: str, params: dict[str, Any], sign: int
) -> None:
    found = keyset_for(Call(method=method, params=params))
    assert found == (KEYSETS[method.lower()], sign)


@pytest.mark.parametrize(
    ("method", "params", "version"),
    [
        ("crm.status.list", {}, 2),
        ("tasks.task.list", {}, 3),
        ("crm.deal.list", {"order": {"TITLE": "ASC"}}, 2),
        ("crm.deal.list", {"order": {"TITLE": "ASC", "ID": "ASC"}}, 2),
        ("crm.deal.list", {"order": {"ID": "sideways"}}, 2),
        ("crm.deal.list", {"order": "ID"}, 2),
        ("crm.deal.list", {"filter": [1]}, 2),
        ("crm.deal.list", {"filter": {">ID": "seven"}}, 2),
        ("crm.deal.list", {"filter": {"<=id": True}}, 2),
        ("user.get", {"sort": "NAME"}, 2),
        ("user.get", {"sort": "ID", "order": "?"}, 2),
    ],
)
def test_any_other_list_is_paged_by_offsets(
    method: str, params: dict[str, Any], version: int
) -> None:
    assert keyset_for(Call(method=method, version=version, params=params)) is None


def test_the_tables_agree_with_each_other() -> None:
    assert set(LIST_OF.values()) <= set(KEYSETS)
    assert set(EVERYTHING) <= set(KEYSETS)
    assert all(name == name.lower() for name in [*KEYSETS, *LIST_OF, *LIST_OF.values()])


def test_names_are_found_in_any_case_and_keep_their_spelling() -> None:
    params = {"FILTER": {"a": 1}}
    assert option(params, "filter") == {"a": 1}
    assert put(params, "filter", 2) == {"FILTER": 2}
    assert put(params, "order", 2) == {"FILTER": {"a": 1}, "order": 2}


def test_ids_are_whole_numbers_or_the_text_of_one() -> None:
    assert [is_id(value) for value in (5, "5", "-5", True, "x", 5.0, None, "٥")] == [
        True, True, True, False, False, False, False, False,
    ]  # fmt: skip
