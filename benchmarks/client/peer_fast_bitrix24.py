"""fast_bitrix24 (asyncio, aiohttp), as its documentation shows it."""

from __future__ import annotations

import asyncio

import aiohttp
from fast_bitrix24 import BitrixAsync

from client.clients import Place, Work

PATIENCE_S = 12.0
"""How long calls that should take a second may hang before they are given up."""


def client(place: Place) -> BitrixAsync:
    if not place.oauth:
        return BitrixAsync(place.webhook, verbose=False)
    tokens = {"access": "a0", "refresh": "r1"}
    first = [True]

    async def token() -> str:
        if first:  # what the application had stored: it has expired meanwhile
            first.clear()
            return tokens["access"]
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh"]}
        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            session.post(f"{place.base}/oauth/token/", data=form) as answer,
        ):
            fresh = await answer.json()
        tokens.update(access=fresh["access_token"], refresh=fresh["refresh_token"])
        return tokens["access"]

    return BitrixAsync(f"{place.base}/rest/", token_func=token, verbose=False)


def rows_kept(place: Place) -> Work:
    b24 = client(place)

    async def work() -> list:
        return await b24.get_all("crm.deal.list")

    return work


rows_uncounted = rows_kept


def by_id(place: Place) -> Work:
    b24 = client(place)

    async def work() -> list:
        return list((await b24.get_by_ID("crm.deal.get", place.ids)).values())

    return work


def calls(place: Place) -> Work:
    b24 = client(place)

    async def work() -> int:
        tasks = [
            asyncio.ensure_future(b24.call("crm.deal.get", {"ID": 1}, raw=True))
            for _ in range(place.calls)
        ]
        done, late = await asyncio.wait(tasks, timeout=PATIENCE_S if place.oauth else None)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return sum(task.exception() is None for task in done)

    return work


def write(place: Place) -> Work:
    b24 = client(place)

    async def work() -> str:
        try:
            await b24.call("crm.deal.add", {"fields": {"TITLE": "bench"}}, raw=True)
        except Exception as error:
            return f"told: {type(error).__name__}"
        return "done"

    return work
