from __future__ import annotations

import math
import random
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.protocol.portals import ListPortal

from bitrix24_agent.errors import (
    ArgumentsError,
    OperationTimeError,
    OutcomeUnknownError,
    PortalError,
)
from bitrix24_agent.model import Answer, Call, Method, MethodDetail, Risk
from bitrix24_agent.protocol.flows import list_pages

pytestmark = pytest.mark.anyio

DEALS = Call(method="crm.deal.list")
ITEMS = Call(method="crm.item.list", params={"entityTypeId": 2})


async def ids_of(portal: ListPortal, call: Call, **options: Any) -> list[int]:
    found: list[int] = []
    async for page in list_pages(portal.send, call, **options):
        assert page
        found += [int(row[portal.key]) for row in page]
    return found


def gappy(count: int, seed: int = 1, gap: float = 0.2) -> list[int]:
    chance = random.Random(seed)
    ids, at = [], 0
    for _ in range(count):
        at += 1
        while chance.random() < gap:
            at += 1
        ids.append(at)
    return ids


@settings(max_examples=60, deadline=None)
@given(
    ids=st.one_of(
        st.sets(st.integers(1, 400), max_size=300),
        st.sets(st.integers(1, 10**7), max_size=200),
        st.builds(
            lambda low, high: set(range(5, 5 + low)) | set(range(10**6, 10**6 + high)),
            st.integers(0, 300),
            st.integers(0, 300),
        ),
    ),
    seed=st.integers(0, 5),
    free=st.sampled_from([math.inf, 40.0, 5.0, -1.0]),
    down=st.booleans(),
    upper=st.booleans(),
    unresolved=st.sampled_from(["", "text"]),
    page=st.sampled_from([50, 20]),
)
def test_every_row_comes_once_and_in_order(
    ids: set[int],
    seed: int,
    free: float,
    down: bool,
    upper: bool,
    unresolved: str,
    page: int,
) -> None:
    portal = ListPortal(sorted(ids), upper=upper, seed=seed, page=page)
    portal.unresolved = unresolved
    call = DEALS if upper else ITEMS
    if down:
        call = call.with_params(order={portal.key: "DESC"})

    async def run() -> list[int]:
        return await ids_of(portal, call, free=lambda: free)

    assert anyio.run(run) == sorted(ids, reverse=down)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), free=st.sampled_from([math.inf, 5.0, -1.0]))
def test_rows_that_come_and_go_meanwhile_neither_hide_nor_repeat_the_others(
    seed: int, free: float
) -> None:
    ids = gappy(1500, seed)
    portal = ListPortal(ids, seed=seed)
    chance = random.Random(seed)
    gone: set[int] = set()

    def change(_count: int) -> None:
        if chance.random() < 0.5 and portal.ids:
            victim = chance.choice(portal.ids)
            portal.ids.remove(victim)
            gone.add(victim)
        if chance.random() < 0.5:
            portal.ids.append(portal.ids[-1] + 1)

    portal.before_page = change

    async def run() -> list[int]:
        return await ids_of(portal, DEALS, free=lambda: free)

    found = anyio.run(run)
    assert found == sorted(set(found))
    assert set(ids) - gone <= set(found)


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 2500, 2501])
async def test_few_requests_when_they_are_dear(count: int) -> None:
    portal = ListPortal(list(range(1, count + 1)))
    assert await ids_of(portal, DEALS, free=lambda: -1) == portal.ids
    assert len(portal.requests) <= 1 + math.ceil(max(0, count - 50) / 2450) + (count > 2500)


async def test_a_full_bucket_costs_hardly_more_requests_than_pages_need() -> None:
    portal = ListPortal(gappy(20_000))
    assert len(await ids_of(portal, DEALS, free=lambda: -1)) == 20_000
    assert len(portal.requests) <= 11
    assert portal.most_in_flight <= 4


async def test_nothing_is_counted_after_the_first_page() -> None:
    portal = ListPortal(gappy(3000))
    await ids_of(portal, DEALS)
    starts = [inner.params["start"] for call in portal.requests for inner in call.commands.values()]
    assert starts.count(0) == 1
    assert set(starts) == {0, -1}


async def test_sparse_and_clustered_ids_do_not_take_a_request_for_every_gap() -> None:
    ids = [*range(1, 500), *range(9_000_000, 9_002_000), *range(20_000_000, 20_000_500)]
    portal = ListPortal(ids)
    assert await ids_of(portal, DEALS) == ids
    assert len(portal.requests) < 120


async def test_the_callers_own_bounds_are_kept_and_narrowed() -> None:
    portal = ListPortal(list(range(1, 1001)))
    up = DEALS.with_params(filter={">ID": "100", "<=ID": 900, ">=ID": 50})
    assert await ids_of(portal, up) == list(range(101, 901))
    down = DEALS.with_params(filter={">=ID": 100, "<ID": 901}, order={"id": "desc"})
    assert await ids_of(portal, down) == list(range(900, 99, -1))


async def test_rows_carry_their_id_even_when_it_was_not_selected() -> None:
    portal = ListPortal(list(range(1, 200)))
    await ids_of(portal, DEALS.with_params(select=["TITLE"]))
    selects = {
        tuple(inner.params.get("select", ()))
        for call in portal.requests
        for inner in call.commands.values()
    }
    assert selects == {("TITLE", "ID"), ("ID",)}


async def test_a_cap_stops_asking() -> None:
    portal = ListPortal(list(range(1, 10_001)))
    assert await ids_of(portal, DEALS, max_rows=120) == list(range(1, 121))
    assert portal.pages <= 8
    assert await ids_of(portal, DEALS, max_rows=7) == list(range(1, 8))
    assert await ids_of(portal, DEALS, max_rows=0) == []


async def test_progress_is_told_with_the_number_in_all() -> None:
    portal = ListPortal(list(range(1, 301)))
    told: list[tuple[int, int | None]] = []
    await ids_of(portal, DEALS, on_progress=lambda done, total: told.append((done, total)))
    assert told[0] == (50, 300)
    assert told[-1] == (300, 300)
    assert told == sorted(told)


@pytest.mark.parametrize("call", [DEALS, DEALS.with_params(order={"DATE_CREATE": "ASC"})])
async def test_a_checkpoint_goes_on_where_it_stopped(call: Call) -> None:
    portal = ListPortal(gappy(2000))
    checkpoint: dict[str, Any] = {}
    found: list[int] = []
    rounds = 0
    while True:
        rounds += 1
        async for page in list_pages(portal.send, call, checkpoint=checkpoint):
            if rounds < 4 and len(found) > 400 * rounds:
                break  # this page was not worked on: it comes again
            found += [int(row["ID"]) for row in page]
        else:
            break
    assert found == portal.ids
    assert rounds == 4
    assert [page async for page in list_pages(portal.send, call, checkpoint=checkpoint)] == []


async def test_leaving_early_cancels_what_is_under_way() -> None:
    portal = ListPortal(list(range(1, 10_001)))
    pages = list_pages(portal.send, DEALS)
    await anext(pages)
    await anext(pages)
    await pages.aclose()
    assert portal.in_flight == 0


# --- a portal that does not do as asked ----------------------------------------------------------


async def test_a_method_that_ignores_the_cursor_is_stopped() -> None:
    portal = ListPortal(list(range(1, 1001)))
    portal.spoil = lambda _call, rows: [{"ID": str(i)} for i in range(1, 51)] if rows else rows
    with pytest.raises(PortalError) as caught:
        await ids_of(portal, DEALS)
    assert (caught.value.code, caught.value.next_step) == ("CURSOR_IGNORED", "stop")


async def test_rows_without_a_usable_id_are_stopped() -> None:
    portal = ListPortal(list(range(1, 1001)))
    portal.spoil = lambda _call, rows: [{**row, "ID": None} for row in rows]
    with pytest.raises(PortalError, match="no usable ID"):
        await ids_of(portal, DEALS)


async def test_pages_that_come_back_short_are_noticed_at_the_end() -> None:
    portal = ListPortal(list(range(1, 1001)))
    portal.spoil = lambda call, rows: rows[:-1] if call.params["start"] == -1 and rows[5:] else rows
    with pytest.raises(PortalError) as caught:
        await ids_of(portal, DEALS)
    assert caught.value.code == "LIST_INCOMPLETE"


async def test_rows_that_began_to_fit_a_filter_meanwhile_are_no_fault() -> None:
    portal = ListPortal(list(range(1, 1001, 2)))
    added = iter([2, 4, 6])

    def change(count: int) -> None:
        if count == 4:
            portal.ids.remove(999)
            portal.ids[:] = sorted([*portal.ids, *added])

    portal.before_page = change
    found = await ids_of(portal, DEALS.with_params(filter={"STAGE_ID": "NEW"}))
    assert found == sorted(set(found))
    assert portal.requests[-1].params["start"] == 0  # it counted again, and was content


@pytest.mark.parametrize("kind", [OperationTimeError, OutcomeUnknownError])
async def test_a_command_that_fails_for_a_passing_reason_is_asked_for_again(kind: type) -> None:
    portal = ListPortal(gappy(3000))
    left = [3]

    def fail(call: Call) -> Exception | None:
        low = str(call.params.get("filter", {}).get(">ID", ""))
        if left[0] and low.isdigit() and int(low) > 700:
            left[0] -= 1
            return kind("later", code="X")
        return None

    portal.fail = fail
    assert await ids_of(portal, DEALS) == portal.ids
    assert left == [0]


@pytest.mark.parametrize("call", [DEALS, DEALS.with_params(order={"TITLE": "ASC"})])
async def test_a_command_that_fails_for_good_stops_the_list(call: Call) -> None:
    portal = ListPortal(gappy(3000))
    refused = PortalError("no", code="NO")
    portal.fail = lambda inner: None if inner.is_batch or portal.pages < 9 else refused
    with pytest.raises(PortalError) as caught:
        await ids_of(portal, call)
    assert caught.value is refused
    assert portal.in_flight == 0


# --- by offsets ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 50, 51, 1234])
@pytest.mark.parametrize("free", [math.inf, -1.0])
async def test_another_order_is_paged_by_offsets(count: int, free: float) -> None:
    portal = ListPortal(list(range(1, count + 1)))
    call = DEALS.with_params(order={"DATE_CREATE": "DESC"}, start=100)
    assert await ids_of(portal, call, free=lambda: free) == portal.ids[::-1]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("grows", [True, False])
async def test_rows_that_shift_the_pages_are_neither_lost_nor_repeated(
    seed: int, grows: bool
) -> None:
    portal = ListPortal(list(range(1, 600)), seed=seed)
    gone: set[int] = set()

    def change(count: int) -> None:
        if count in (3, 5, 9):
            if grows:
                portal.ids.append(portal.ids[-1] + 1)
            else:
                gone.add(portal.ids.pop())

    portal.before_page = change
    found = await ids_of(portal, DEALS.with_params(order={"DATE_CREATE": "DESC"}))
    assert len(found) == len(set(found))
    assert set(range(1, 600)) - gone <= set(found)


async def test_a_method_that_ignores_start_is_stopped() -> None:
    portal = ListPortal(list(range(1, 1001)))
    portal.spoil = lambda _call, _rows: [{"ID": str(i)} for i in range(1, 51)]
    with pytest.raises(PortalError, match="first page again"):
        await ids_of(portal, Call(method="crm.status.list"))


async def test_a_list_that_does_not_say_how_long_it_is_goes_page_by_page() -> None:
    rows = [{"ID": i} for i in range(130)]
    asked: list[int] = []

    async def send(call: Call) -> Answer:
        start = call.params["start"]
        asked.append(start)
        return Answer(rows=rows[start : start + 50], next=start + 50 if start + 50 < 130 else None)

    pages = [page async for page in list_pages(send, Call(method="disk.file.search"))]
    assert ([row for page in pages for row in page], asked) == (rows, [0, 50, 100])


async def test_a_method_that_no_batch_takes_is_called_alone() -> None:
    portal = ListPortal(list(range(1, 300)))
    method = Method(
        name="crm.deal.list", version=2, pack="core", risk=Risk.READ, scopes=(), summary="",
        family="crm.deal", page="x.md", load=lambda _m: MethodDetail(batchable=False),
    )  # fmt: skip
    call = DEALS.with_params(order={"TITLE": "ASC"})
    assert await ids_of(portal, call, method=method) == portal.ids
    assert not any(request.is_batch for request in portal.requests)


async def test_a_batch_is_no_list() -> None:
    with pytest.raises(ArgumentsError, match="no list"):
        await anext(list_pages(ListPortal([]).send, Call(method="batch", commands={"a": DEALS})))


async def test_a_first_page_that_fails_for_good_is_the_error_of_the_list() -> None:
    portal = ListPortal(list(range(1, 100)))
    refused = PortalError("no")
    portal.fail = lambda call: None if call.is_batch else refused
    with pytest.raises(PortalError) as caught:
        await ids_of(portal, DEALS)
    assert caught.value is refused


@pytest.mark.parametrize("times", [1, 5])
async def test_a_first_page_that_fails_in_passing_is_asked_for_again(times: int) -> None:
    portal = ListPortal(list(range(1, 100)))
    left = [times]

    def fail(call: Call) -> Exception | None:
        if call.is_batch or not left[0]:
            return None
        left[0] -= 1
        return OutcomeUnknownError("later")

    portal.fail = fail
    if times == 1:
        assert await ids_of(portal, DEALS) == portal.ids
    else:
        with pytest.raises(OutcomeUnknownError):
            await ids_of(portal, DEALS)


async def test_a_portal_that_does_not_count_is_walked_all_the_same() -> None:
    portal = ListPortal(gappy(900))
    counted = portal.list

    def uncounted(call: Call, params: dict[str, Any]) -> Answer:
        answer = counted(call, params)
        return Answer(result=answer.result, rows=answer.rows, timing=answer.timing)

    portal.list = uncounted  # type: ignore[method-assign]
    assert await ids_of(portal, DEALS) == portal.ids


@pytest.mark.parametrize("page", [[9, 8], [7, 7], [10**9]])
async def test_pages_out_of_order_or_out_of_range_are_stopped(page: list[int]) -> None:
    portal = ListPortal(list(range(1, 1001)))
    portal.spoil = lambda call, rows: (
        [{"ID": str(i)} for i in page] if rows and call.params["start"] == -1 else rows
    )
    with pytest.raises(PortalError) as caught:
        await ids_of(portal, DEALS)
    assert caught.value.code == "CURSOR_IGNORED"


async def test_offsets_stop_at_the_cap_and_at_a_next_that_goes_back() -> None:
    portal = ListPortal(list(range(1, 2001)))
    call = DEALS.with_params(order={"TITLE": "ASC"})
    assert await ids_of(portal, call, max_rows=75) == list(range(1, 76))
    assert portal.pages <= 3

    async def backwards(call: Call) -> Answer:
        start = call.params["start"]
        return Answer(rows=[{"ID": start + 1}], next=50)

    with pytest.raises(PortalError, match="next=50 behind"):
        async for _ in list_pages(backwards, Call(method="x.list")):
            pass


async def test_offset_pages_that_fail_in_passing_are_asked_for_again() -> None:
    portal = ListPortal(list(range(1, 500)))
    left = [2]

    def fail(call: Call) -> Exception | None:
        if call.is_batch or not left[0] or call.params["start"] < 100:
            return None
        left[0] -= 1
        return OperationTimeError("later")

    portal.fail = fail
    assert await ids_of(portal, DEALS.with_params(order={"TITLE": "ASC"})) == portal.ids


async def test_rows_without_ids_are_all_given() -> None:
    async def send(call: Call) -> Answer:
        rows = [{"NAME": "same"}] * 50
        return Answer(rows=rows if call.params["start"] else [*rows[:49], {"NAME": "x"}], next=None)

    assert [len(page) async for page in list_pages(send, Call(method="event.get"))] == [50]


async def test_a_line_at_the_limiter_holds_back_more_requests() -> None:
    portal = ListPortal(gappy(10_000))
    assert len(await ids_of(portal, DEALS, free=lambda: -5.0)) == 10_000
    assert portal.most_in_flight == 1
