from __future__ import annotations

import math
from typing import Any

import pytest
from tests.unit.protocol.portals import ListPortal

from bitrix24_agent.errors import ArgumentsError, OperationTimeError, PortalError
from bitrix24_agent.model import Answer, Call, Method, MethodDetail, Risk
from bitrix24_agent.params import Param
from bitrix24_agent.protocol.many import get_many

pytestmark = pytest.mark.anyio


async def test_two_thousand_objects_take_at_most_ten_requests() -> None:
    portal = ListPortal(list(range(1, 3000)))
    wanted = list(range(2500, 500, -1))
    found = await get_many(portal.send, Call(method="crm.deal.get"), wanted)
    assert list(found) == wanted
    assert [int(row["ID"]) for row in found.values()] == wanted
    assert len(portal.requests) <= 10


async def test_a_full_bucket_gets_one_small_request_and_one_large_one() -> None:
    portal = ListPortal(list(range(1, 3000)))
    call = Call(method="crm.deal.list")
    found = await get_many(portal.send, call, range(1, 2001), free=lambda: 0.5)
    assert len(found) == 2000
    assert [len(request.commands) for request in portal.requests] == [1, 39]


async def test_ids_that_are_not_there_are_absent_and_doubles_come_once() -> None:
    portal = ListPortal([1, 2, 3], upper=False)
    call = Call(method="crm.item.get", params={"entityTypeId": 2, "id": 0})
    assert await get_many(portal.send, call, ["2", 9, 2]) == {2: {"id": 2}}
    ((request,),) = [list(call.commands.values()) for call in portal.requests]
    assert request == Call(
        method="crm.item.list",
        params={"entityTypeId": 2, "select": ["*"], "filter": {"@id": [2, 9]}, "start": -1},
    )
    assert await get_many(portal.send, call, []) == {}


async def test_a_list_keeps_its_filter_and_selects_the_id() -> None:
    portal = ListPortal([1, 2])
    call = Call(method="crm.deal.list", params={"select": ["TITLE"], "filter": {"STAGE_ID": "N"}})
    await get_many(portal.send, call, [1])
    (inner,) = portal.requests[0].commands.values()
    assert inner.params == {
        "select": ["TITLE", "ID"],
        "filter": {"STAGE_ID": "N", "@ID": [1]},
        "start": -1,
    }


async def test_rows_nobody_asked_for_are_stopped() -> None:
    portal = ListPortal([1, 2])
    portal.spoil = lambda _call, _rows: [{"ID": "7"}]
    with pytest.raises(PortalError) as caught:
        await get_many(portal.send, Call(method="crm.deal.list"), [1])
    assert caught.value.code == "CURSOR_IGNORED"


async def test_a_passing_failure_is_asked_again_and_a_lasting_one_raised() -> None:
    portal = ListPortal(list(range(1, 200)))
    left = [2]

    def fail(call: Call) -> Exception | None:
        if call.is_batch or not left[0]:
            return None
        left[0] -= 1
        return OperationTimeError("later")

    portal.fail = fail
    assert len(await get_many(portal.send, Call(method="crm.deal.list"), range(1, 200))) == 199
    refused = PortalError("no")
    portal.fail = lambda call: None if call.is_batch else refused
    with pytest.raises(PortalError) as caught:
        await get_many(portal.send, Call(method="crm.deal.list"), range(1, 200))
    assert caught.value is refused
    assert portal.in_flight == 0


def method_of(name: str, *params: str) -> Method:
    return Method(
        name=name,
        version=2,
        pack="core",
        risk=Risk.READ,
        scopes=(),
        summary="",
        family="x",
        page="x.md",
        load=lambda _m: MethodDetail(params=tuple(Param(path=p, type="integer") for p in params)),
    )


async def test_a_get_without_a_list_is_read_object_by_object() -> None:
    asked: list[Any] = []

    async def send(call: Call) -> Answer:
        answers, failures = {}, {}
        for key, inner in call.commands.items():
            number = inner.params["taskId"]
            asked.append(dict(inner.params))
            if number == 2:
                failures[key] = PortalError("Not found", code="ERROR_NOT_FOUND")
            else:
                answers[key] = Answer(result={"thing": {"id": number}})
        return Answer(commands=answers, failures=failures)

    method = method_of("x.thing.get", "taskId", "fields")
    found = await get_many(
        send, Call(method="x.thing.get", params={"more": 1}), [1, 2, 3], method=method
    )
    assert found == {1: {"id": 1}, 3: {"id": 3}}
    assert asked == [{"more": 1, "taskId": n} for n in (1, 2, 3)]


@pytest.mark.parametrize(
    "call", [Call(method="x.y.list"), Call(method="tasks.task.get", version=3)]
)
async def test_what_reads_nothing_by_id_is_refused(call: Call) -> None:
    with pytest.raises(ArgumentsError, match="reads neither"):
        await get_many(ListPortal([]).send, call, [1], free=lambda: math.inf)


async def test_a_filter_that_is_no_object_is_refused() -> None:
    call = Call(method="crm.deal.list", params={"filter": [1]})
    with pytest.raises(ArgumentsError, match="filter must be an object"):
        await get_many(ListPortal([1]).send, call, [1])


async def test_tasks_are_read_by_their_list_with_its_own_fields() -> None:
    asked: list[Any] = []

    async def send(call: Call) -> Answer:
        (inner,) = call.commands.values()
        asked.append((inner.method, dict(inner.params)))
        return Answer(commands={"c0": Answer(rows=[{"id": "7"}])})

    assert await get_many(send, Call(method="tasks.task.get"), [7]) == {7: {"id": "7"}}
    assert asked == [("tasks.task.list", {"filter": {"ID": [7]}, "start": -1})]


async def test_one_object_is_found_in_a_list_of_one() -> None:
    async def send(call: Call) -> Answer:
        return Answer(commands={key: Answer(result=[{"ID": "1"}]) for key in call.commands})

    assert await get_many(send, Call(method="x.y.get"), [1]) == {1: {"ID": "1"}}
