"""Some methods read their parameters by position: what arrives first is the first, name or not.

Source: api-reference/tasks/checklist-item/index.md. So names leave in the order of the page,
whatever a model, a stored plan, a key used twice or the undo journal made of it.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest

from bitrix24_agent import ConfirmationRequired, Policy
from bitrix24_agent.model import Caller

IN_ORDER = {"TASKID": 13, "ITEMID": 21, "AFTERITEMID": 19}
METHOD = "task.checklistitem.moveafteritem"
ORDERS = [
    ["TASKID", "ITEMID", "AFTERITEMID"],
    ["AFTERITEMID", "ITEMID", "TASKID"],
    ["itemid", "AFTERITEMID", "taskId"],
]


def written(order: list[str]) -> dict[str, int]:
    return {name: IN_ORDER[name.upper()] for name in order}


@pytest.fixture
def open_kit(make_kit):
    return make_kit(packs="all", policy=Policy(approver=lambda _plan: True))


@pytest.mark.parametrize("order", ORDERS)
def test_a_plan_sends_its_parameters_in_the_documented_order(make_kit, portal, order):
    kit = make_kit(packs="all")
    with pytest.raises(ConfirmationRequired) as caught:
        kit.call(METHOD, written(order))
    kit.approve(caught.value.plan_id, by="ann")
    kit.run_tool("b24_execute", {"plan_id": caught.value.plan_id})
    assert list(json.loads(portal.requests[-1].body).items()) == list(IN_ORDER.items())


@pytest.mark.parametrize("order", ORDERS)
def test_a_batch_sends_every_command_in_the_documented_order(open_kit, portal, order):
    query = "&".join(f"{name}={value}" for name, value in written(order).items())
    open_kit.run_tool(
        "b24_call",
        {"method": "batch", "params": {"cmd": {"a": f"{METHOD}?{query}", "b": "user.current"}}},
    )
    sent = json.loads(portal.requests[-1].body)["cmd"]["a"]
    assert parse_qsl(sent.partition("?")[2]) == [(n, str(v)) for n, v in IN_ORDER.items()]


def test_unknown_names_come_last_in_the_order_given(open_kit, portal):
    open_kit.call("crm.deal.list", {"start": 50, "order": {"ID": "ASC"}, "select": ["ID"]})
    assert list(json.loads(portal.requests[-1].body)) == ["select", "order", "start"]


def test_a_key_used_again_in_another_order_is_the_same_call(open_kit, portal):
    caller = Caller(actor="ann", conversation="c", key="k")
    task = next(iter(portal.state.tasks.rows))
    fields = {"TITLE": "milk"}
    first = open_kit.call(
        "task.checklistitem.add", {"FIELDS": fields, "TASKID": task}, caller=caller
    )
    sent = len(portal.requests)
    again = open_kit.call(
        "task.checklistitem.add", {"TASKID": task, "FIELDS": fields}, caller=caller
    )
    assert (again.result, len(portal.requests)) == (first.result, sent)
    assert list(json.loads(portal.requests[-1].body)) == ["TASKID", "FIELDS"]


def test_undo_sends_its_parameters_in_the_documented_order(open_kit, portal):
    task = next(iter(portal.state.tasks.rows))
    added = open_kit.call("task.checklistitem.add", {"FIELDS": {"TITLE": "milk"}, "TASKID": task})
    (entry,) = open_kit.audit(limit=1)
    plan = open_kit.undo(entry.id)
    open_kit.approve(plan.id, by="ann")
    open_kit.run_tool("b24_execute", {"plan_id": plan.id})
    assert list(json.loads(portal.requests[-1].body).items()) == [
        ("TASKID", task),
        ("ITEMID", added.result),
    ]
