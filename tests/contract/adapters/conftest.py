from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bitrix24_agent import References, SyncToolkit
from bitrix24_agent.testing import RunningPortal, running_portal

sys.path.append(str(Path(__file__).parent))  # adapter_agents, whatever the import mode


@pytest.fixture(scope="session")
def one_portal() -> Iterator[RunningPortal]:
    with running_portal(deals=40) as running:
        yield running


@pytest.fixture
def portal(one_portal: RunningPortal) -> RunningPortal:
    one_portal.reset()
    return one_portal


@pytest.fixture
def options(tmp_path: Path, refs: References) -> dict[str, Any]:
    """What every toolkit of a test shares, so that a second one is the same after a restart."""
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
