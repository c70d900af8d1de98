from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bitrix24_agent import References, SyncToolkit
from bitrix24_agent.testing import RunningPortal, running_portal

# The scripted models of the contract tests.
sys.path.append(str(Path(__file__).parents[2] / "contract" / "adapters"))


@pytest.fixture(scope="session")
def one_portal() -> Iterator[RunningPortal]:
    with running_portal(deals=20) as running:
        yield running


@pytest.fixture
def portal(one_portal: RunningPortal) -> RunningPortal:
    one_portal.reset()
    return one_portal


@pytest.fixture
def options(tmp_path: Path, refs: References) -> dict[str, Any]:
    return {
        "packs": ["core", "comms"],
        "state": f"sqlite:///{tmp_path}/state.db",
        "limits": None,
        "references": refs,
    }


@pytest.fixture
def kit(portal: RunningPortal, options: dict[str, Any]) -> Iterator[SyncToolkit]:
    with SyncToolkit.from_webhook(portal.url, **options) as made:
        yield made


@pytest.fixture
def sent(portal: RunningPortal, refs: References) -> Callable[[], list[str]]:
    """Every request on the wire that could have changed something."""
    from adapter_agents import writes_sent

    return lambda: writes_sent(portal, refs)
