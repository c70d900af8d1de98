"""The portal for other people's tests: start, stop, isolation, a missing extra."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

import bitrix24_agent.testing as testing
from bitrix24_agent.emulator.documented import is_documented
from bitrix24_agent.testing import portal_fixture, running_portal, running_portal_async


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)["result"]


def test_a_portal_answers_while_the_block_lasts_and_leaves_nothing_behind():
    before = threading.active_count()
    with running_portal(deals=1) as portal:
        assert portal.url == f"http://127.0.0.1:{portal.port}/rest/1/{portal.portal.code}/"
        assert get(portal.url + "user.admin") is True
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", portal.port), timeout=1)


def test_the_port_is_freed_even_with_a_slow_request_in_flight():
    with ThreadPoolExecutor() as pool:
        with running_portal(deals=1) as portal:
            portal.faults.add("user.admin", "slow", seconds=30)
            waiting = pool.submit(get, portal.url + "user.admin")
            while not portal.requests:
                time.sleep(0.005)
        with pytest.raises(OSError):
            waiting.result(timeout=5)


def test_two_portals_share_nothing():
    with running_portal(deals=1) as one, running_portal(deals=2) as two:
        one.faults.add("*", "lost", times=None)
        one.state.deals.update(1, {"TITLE": "mine"})
        assert get(two.url + "user.admin") is True
        assert two.state.deals.rows[1]["TITLE"] != "mine"
        assert one.requests == []
        assert len(two.state.deals) == 2


@pytest.mark.anyio
async def test_it_runs_beside_a_running_event_loop():
    import anyio.to_thread

    async with running_portal_async(deals=1) as portal:
        assert await anyio.to_thread.run_sync(get, portal.url + "user.admin") is True


def test_the_portal_is_an_asgi_application_of_its_own():
    from starlette.testclient import TestClient

    from bitrix24_agent.emulator.portal import Portal

    portal = Portal(deals=1)
    client = TestClient(portal)
    answer = client.post(portal.webhook_path() + "user.admin")
    assert answer.json()["result"] is True
    portal.faults.add("user.admin", "lost")
    with pytest.raises(ConnectionAbortedError):
        client.post(portal.webhook_path() + "user.admin")


portal = pytest.fixture(portal_fixture(deals=3))


def test_a_fixture_is_made_in_one_line(portal):
    assert len(portal.state.deals) == 3


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(testing, "find_spec", lambda name: None if name == "uvicorn" else object())
    with (
        pytest.raises(
            ImportError, match=r"needs uvicorn: pip install 'bitrix24-agent\[emulator\]'"
        ),
        running_portal(),
    ):
        pass


def test_a_taken_port_is_an_ordinary_error():
    with (
        running_portal(deals=1) as portal,
        pytest.raises(OSError, match="in use"),
        running_portal(port=portal.port),
    ):
        pass


def test_served_in_the_foreground_it_tells_its_address_and_ends_when_told():
    code = (
        "from bitrix24_agent.emulator.portal import serve\n"
        "serve(port=0, deals=1, on_ready=lambda url: print(url, flush=True))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert get(url + "user.admin") is True
        process.terminate()
        assert process.wait(timeout=10) == -signal.SIGTERM
    finally:
        process.kill()
        process.communicate()


def test_many_clients_at_once_are_all_served():
    with running_portal(deals=1) as portal, ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: get(portal.url + "server.time")[:4], range(200)))
        assert len(found) == 200
        assert portal.journal.count("server.time") == 200


def test_the_documentation_decides_what_exists():
    assert is_documented("crm.deal.add", 2)
    assert is_documented("tasks.task.add", 3)
    assert not is_documented("crm.deal.add", 3)
    assert not is_documented("crm.no.such", 2)


def test_a_big_list_is_quick_to_make_and_consistent():
    from bitrix24_agent.emulator.portal import Portal

    deals = Portal(deals=5000).state.deals
    assert deals.ids == list(range(1, 5001))
    assert {row["STAGE_SEMANTIC_ID"] for row in deals} == {"P", "S", "F"}
    assert all((row["CLOSED"] == "Y") == (row["STAGE_SEMANTIC_ID"] != "P") for row in deals)
