"""A client on a portal over real HTTP; the portal is the witness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bitrix24_agent.client.auth import WebhookAuth
from bitrix24_agent.client.client import Client
from bitrix24_agent.testing import RunningPortal, running_portal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


@pytest.fixture(scope="module")
def shared_portal() -> Iterator[RunningPortal]:
    with running_portal(deals=320) as portal:
        yield portal


@pytest.fixture
def portal(shared_portal: RunningPortal) -> RunningPortal:
    shared_portal.reset()
    return shared_portal


@pytest.fixture
async def make(portal: RunningPortal) -> AsyncIterator[Callable[..., Client]]:
    """Return a function that makes clients of the portal; they are closed at the end."""
    made: list[Client] = []

    def client(**options: Any) -> Client:
        given = {"auth": WebhookAuth.parse(portal.url), "limits": None, "store": None}
        made.append(Client(**(given | options)))
        return made[-1]

    yield client
    for one in made:
        await one.close()
