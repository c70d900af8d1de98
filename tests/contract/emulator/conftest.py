"""A fresh portal for every test and a caller that speaks plain HTTP, without our client."""

from __future__ import annotations

import http.client
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from bitrix24_agent.testing import RunningPortal, running_portal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


sys.path.append(str(Path(__file__).parent))  # family_cases, whatever the import mode


class Wire:
    """Sends requests to a portal and returns (status, decoded body)."""

    def __init__(self, portal: RunningPortal) -> None:
        self.portal = portal
        self.headers: dict[str, str] = {}
        self.raw = b""

    def send(
        self,
        url: str,
        *,
        verb: str = "POST",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection("127.0.0.1", self.portal.port, timeout=10)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(verb, target, body, headers or {})
            answer = connection.getresponse()
            self.headers = {key.lower(): value for key, value in answer.getheaders()}
            self.raw = answer.read()
            return answer.status, self.raw
        finally:
            connection.close()

    def call(self, method: str, params: Any = None, *, url: str | None = None) -> tuple[int, Any]:
        """Call a v2 method with a JSON body."""
        body = json.dumps(params if params is not None else {}).encode()
        status, raw = self.send(
            (url or self.portal.url) + method,
            body=body,
            headers={"Content-Type": "application/json"},
        )
        return status, json.loads(raw)

    def result(self, method: str, params: Any = None, *, url: str | None = None) -> Any:
        """Call a v2 method that must succeed and return its result."""
        status, body = self.call(method, params, url=url)
        assert status == 200, body
        assert "error" not in body, body
        return body["result"]

    def refusal(
        self, method: str, params: Any = None, *, url: str | None = None
    ) -> tuple[int, Any]:
        """Call a v2 method that must fail and return (status, code)."""
        status, body = self.call(method, params, url=url)
        assert "error" in body, body
        return status, body["error"]

    def v3(
        self,
        method: str,
        params: Any = None,
        *,
        key: str | None = None,
        verb: str = "POST",
        url: str | None = None,
    ) -> tuple[int, Any]:
        """Call a REST 3.0 method."""
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        body = None if verb == "GET" else json.dumps(params if params is not None else {}).encode()
        address = (url or self.portal.url).replace("/rest/", "/rest/api/", 1) + method
        status, raw = self.send(address, verb=verb, body=body, headers=headers)
        return status, json.loads(raw)

    def v3_refusal(self, method: str, params: Any = None, **options: Any) -> tuple[int, str]:
        """Call a v3 method that must fail and return (status, code without the common prefix)."""
        status, body = self.v3(method, params, **options)
        return status, body["error"]["code"].removeprefix("BITRIX_REST_V3_EXCEPTION_")


@pytest.fixture
def portal() -> Iterator[RunningPortal]:
    with running_portal(deals=130) as running:
        yield running


@pytest.fixture
def wire(portal: RunningPortal) -> Wire:
    return Wire(portal)


@pytest.fixture
def wired() -> Callable[[RunningPortal], Wire]:
    return Wire
