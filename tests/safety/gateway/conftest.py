from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bitrix24_agent import SyncToolkit
from bitrix24_agent.testing import running_portal


@pytest.fixture
def portal() -> Iterator:
    with running_portal() as running:
        yield running


@pytest.fixture
def make_kit(portal, tmp_path) -> Iterator[Callable[..., SyncToolkit]]:
    made: list[SyncToolkit] = []

    def make(**options) -> SyncToolkit:
        options = {
            "packs": ["core", "comms"],
            "state": f"sqlite:///{tmp_path / 'state.db'}",
            "limits": None,
            **options,
        }
        made.append(SyncToolkit.from_webhook(portal.url, **options))
        return made[-1]

    yield make
    for kit in made:
        kit.close()


@pytest.fixture
def kit(make_kit) -> SyncToolkit:
    return make_kit()
