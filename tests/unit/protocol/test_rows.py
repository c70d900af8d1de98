from __future__ import annotations

from typing import Any

import pytest

from bitrix24_agent.protocol.rows import rows_in

R = [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    ("method", "result", "counted"),
    [
        ("crm.deal.list", R, True),
        ("crm.item.list", {"items": R}, True),
        ("crm.category.list", {"categories": R}, True),
        ("crm.orderentity.list", {"orderEntity": R}, True),
        ("crm.activity.badge.list", {"badges": R}, False),
        ("tasks.task.list", {"tasks": R}, True),
        ("tasks.task.history.list", {"list": R}, False),
        ("catalog.documentcontractor.list", {"documentContractor": R}, True),
        ("booking.v1.resource.list", {"resource": R}, False),
        ("im.recent.list", {"items": R, "hasMore": False}, False),
        ("im.dialog.messages.get", {"messages": R, "users": [{"id": 9}], "files": []}, False),
        ("im.notify.get", {"notifications": R, "total_count": 2, "users": [{"id": 9}]}, False),
        ("im.search.user.list", {"1": R[0], "2": R[1]}, True),
        ("documentgenerator.template.list", {"templates": {"1": R[0], "2": R[1]}}, True),
        ("event.offline.get", {"process_id": "x", "events": R}, False),
        ("imbot.v2.Event.get", {"events": R, "nextOffset": 5, "hasMore": False}, False),
        ("user.get", R, True),
        ("TASKS.TASK.LIST", {"tasks": R}, True),
        ("main.eventlog.tail", {"items": R}, False),
        ("x.y.list", {"one": R, "two": []}, True),
        ("im.search.list", {"1": R[0], "2": R[1]}, False),
    ],
)
def test_rows_are_where_the_family_keeps_them(method: str, result: Any, counted: bool) -> None:
    assert rows_in(result, method, counted=counted) == R


@pytest.mark.parametrize(
    ("method", "result"),
    [
        ("crm.deal.get", {"ID": "1", "PHONE": [{"ID": "5"}]}),
        ("crm.item.get", {"item": {"id": 1, "contacts": [{"id": 2}]}}),
        ("tasks.task.add", {"task": {"id": "1"}}),
        ("crm.deal.fields", {"ID": {"type": "int"}}),
        ("scope", ["crm", "task"]),
        ("crm.deal.add", 5),
        ("crm.item.batchImport", {"items": R}),
        ("app.info", {"ID": 1, "install": {"x": 1}}),
    ],
)
def test_what_is_one_object_has_no_rows(method: str, result: Any) -> None:
    assert rows_in(result, method) == []


def test_the_catalogue_says_where_rows_are_when_the_answer_does_not() -> None:
    result = {"a": R, "b": [{"x": 1}]}
    assert rows_in(result, "x.y.list", at="result.a[]") == R
    assert rows_in({"deep": {"rows": R}}, "x.y.list", at="result.deep.rows[]") == R
    assert rows_in({"t": {"5": R[0]}}, "x.y.list", at="result.t{}") == [R[0]]
    assert rows_in({"a": 5}, "x.y.list", at="result.a[]") == []
