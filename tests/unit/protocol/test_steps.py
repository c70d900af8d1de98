from __future__ import annotations

from typing import Any

import pytest

from bitrix24_agent.errors import PortalError
from bitrix24_agent.model import Answer, Call
from bitrix24_agent.protocol.flows import list_pages

pytestmark = pytest.mark.anyio
ROWS = [{"id": n} for n in range(1, 131)]


class V3:
    """A v3 portal that caps every page at 50, whatever is asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.extra: dict[str, Any] = {}
        self.stuck = False

    async def send(self, call: Call) -> Answer:
        params = dict(call.params)
        self.asked.append(params)
        low = 0
        if "cursor" in params:
            low = params["cursor"]["value"]
        for condition in params.get("filter", ()):
            if condition[:2] == ["id", ">"]:
                low = condition[2]
        rows = [row for row in ROWS if row["id"] > low]
        page = params.get("pagination", {})
        at = 0 if self.stuck else page.get("offset", 0)
        if "afterCursor" in page:
            at = page["afterCursor"]
        rows = rows[at : at + 50]
        more = dict(self.extra)
        if "nextCursor" in more:
            more["nextCursor"] = at + 50 if at + 50 < len(ROWS) else None
        return Answer(result={"items": rows, **more}, rows=rows)


async def all_of(portal: V3, call: Call, **options: Any) -> list[Any]:
    return [row async for page in list_pages(portal.send, call, **options) for row in page]


def v3(name: str, **params: Any) -> Call:
    return Call(method=name, version=3, params=params)


async def test_v3_tasks_are_walked_by_id_to_an_empty_page() -> None:
    portal = V3()
    call = v3("tasks.task.list", select=["title"], pagination={"limit": 1000, "page": 3})
    assert await all_of(portal, call) == ROWS
    assert portal.asked[1] == {
        "select": ["title", "id"],
        "pagination": {"limit": 1000},
        "order": {"id": "ASC"},
        "filter": [["id", ">", 50]],
    }
    assert len(portal.asked) == 4


async def test_v3_lists_go_by_offset_whatever_the_cap() -> None:
    portal = V3()
    assert await all_of(portal, v3("mail.message.list", pagination={"limit": 200})) == ROWS
    assert [a["pagination"].get("offset", 0) for a in portal.asked] == [0, 50, 100, 130]


async def test_v3_lists_with_a_cursor_of_their_own_use_it() -> None:
    portal = V3()
    portal.extra = {"nextCursor": True, "hasMore": True}
    assert await all_of(portal, v3("note.collection.list")) == ROWS
    assert [a["pagination"].get("afterCursor") for a in portal.asked][:3] == [None, 50, 100]


async def test_the_event_log_is_followed_by_its_cursor() -> None:
    portal = V3()
    assert await all_of(portal, v3("main.eventlog.tail", cursor={"limit": 20})) == ROWS
    assert [a["cursor"]["value"] for a in portal.asked] == [0, 50, 100, 130]


@pytest.mark.parametrize("name", ["mail.message.list"])
async def test_a_v3_list_that_does_not_move_is_stopped(name: str) -> None:
    portal = V3()
    portal.stuck = True
    with pytest.raises(PortalError) as caught:
        await all_of(portal, v3(name))
    assert caught.value.code == "CURSOR_IGNORED"


async def test_overlapping_pages_by_counter_come_once_and_a_cap_holds() -> None:
    asked: list[int] = []

    async def send(call: Call) -> Answer:
        at = call.params["OFFSET"]
        asked.append(at)
        return Answer(rows=ROWS[max(0, at - 5) : at + 50])

    call = Call(method="im.recent.list")
    assert [r async for page in list_pages(send, call) for r in page] == ROWS
    assert asked == [0, 50, 100, 150]
    assert [r async for page in list_pages(send, call, max_rows=60) for r in page] == ROWS[:60]


async def test_pages_by_number_start_at_one() -> None:
    asked: list[int] = []

    async def send(call: Call) -> Answer:
        asked.append(call.params["page"])
        at = (call.params["page"] - 1) * 50
        return Answer(rows=ROWS[at : at + 50])

    call = Call(method="biconnector.dataset.list")
    assert [r async for page in list_pages(send, call) for r in page] == ROWS
    assert asked == [1, 2, 3, 4]


async def test_v3_ids_that_do_not_grow_and_a_log_that_does_not_move_are_stopped() -> None:
    async def same(_call: Call) -> Answer:
        return Answer(rows=[{"id": 5}])

    for call in (v3("tasks.task.list"), v3("main.eventlog.tail")):
        with pytest.raises(PortalError) as caught:
            async for _ in list_pages(same, call):
                pass
        assert caught.value.code == "CURSOR_IGNORED"


async def test_families_that_count_rows_are_paged_by_offset_and_limit() -> None:
    asked: list[tuple[int, int]] = []

    async def send(call: Call) -> Answer:
        at = call.params["offset"]
        asked.append((at, call.params["limit"]))
        return Answer(rows=ROWS[at : at + 100])

    call = Call(method="humanresources.hcmlink.job.list")
    assert [r async for page in list_pages(send, call) for r in page] == ROWS
    assert asked == [(0, 100), (100, 100), (200, 100)]
