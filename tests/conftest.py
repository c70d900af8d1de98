"""Shared fixtures: the event loop the async tests run on, and the real references."""

from __future__ import annotations

import pytest

from bitrix24_agent import References


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def refs() -> References:
    return References.load()
