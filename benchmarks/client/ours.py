"""bitrix24-agent, as a user holds it: a toolkit with default limits and a state file."""

from __future__ import annotations

import asyncio

from bitrix24_agent import B24Error, Policy, Risk, Toolkit, approve_up_to
from client.clients import Place, Work


def toolkit(place: Place) -> Toolkit:
    """Return a toolkit for the stub portal; its state file has tables, as after any earlier use."""
    asyncio.run(_used(place))
    return _toolkit(place)


async def _used(place: Place) -> None:
    async with _toolkit(place) as kit:
        await kit.plans()


def _toolkit(place: Place) -> Toolkit:
    policy = Policy(approver=approve_up_to(Risk.WRITE))
    if place.oauth:
        return Toolkit.from_oauth(
            portal=place.base,
            client_id="app",
            client_secret="secret",
            access_token="a0",
            refresh_token="r1",
            oauth_host=place.base,
            state=place.state,
        )
    return Toolkit.from_webhook(place.webhook, state=place.state, policy=policy)


def rows_kept(place: Place) -> Work:
    kit = toolkit(place)

    async def work() -> list:
        rows: list = []
        async with kit:
            async for page in kit.list_pages("crm.deal.list"):
                rows += page
        return rows

    return work


rows_uncounted = rows_kept


def rows_streamed(place: Place) -> Work:
    kit = toolkit(place)

    async def work() -> list[int]:
        async with kit:
            return [int(row["ID"]) async for row in kit.list_all("crm.deal.list")]

    return work


def by_id(place: Place) -> Work:
    kit = toolkit(place)

    async def work() -> list:
        async with kit:
            return list((await kit.get_many("crm.deal.list", place.ids)).values())

    return work


def calls(place: Place) -> Work:
    kit = toolkit(place)

    async def work() -> int:
        async with kit:
            asked = [kit.call("crm.deal.get", {"id": 1}) for _ in range(place.calls)]
            answers = await asyncio.gather(*asked, return_exceptions=True)
        return sum(not isinstance(answer, BaseException) for answer in answers)

    return work


def write(place: Place) -> Work:
    kit = toolkit(place)

    async def work() -> str:
        async with kit:
            try:
                await kit.call("crm.deal.add", {"fields": {"TITLE": "bench"}})
            except B24Error as error:
                return f"told: {error.outcome}"
        return "done"

    return work
