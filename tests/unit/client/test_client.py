from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.client.conftest import FakeTransport

from bitrix24_agent.client.auth import WebhookAuth
from bitrix24_agent.client.client import Client
from bitrix24_agent.client.limits import STANDARD
from bitrix24_agent.errors import (
    ArgumentsError,
    CredentialsError,
    NotSentError,
    OperationTimeError,
    OutcomeUnknownError,
    PortalError,
)
from bitrix24_agent.model import Call, Method, MethodDetail, Risk

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.client.conftest import FakeClock

pytestmark = pytest.mark.anyio

READ = Call(method="crm.deal.list")
WRITE_3 = Call(method="tasks.task.add", version=3, params={"fields": {"title": "x"}})


def client(clock: FakeClock, answer: Callable[[str, Any], Any], **options: Any) -> Client:
    auth = WebhookAuth.parse("https://x.bitrix24.com/rest/1/c0defortests/")
    given: dict[str, Any] = {"limits": STANDARD, "store": None, "clock": clock}
    return Client(auth=auth, transport=FakeTransport(answer), **(given | options))


def sent(one: Client) -> list[tuple[str, Any, Any]]:
    return one._transport.requests  # type: ignore[attr-defined]


async def test_a_call_is_one_request_with_the_documented_headers(clock: FakeClock) -> None:
    one = client(clock, lambda _m, _b: {"result": [{"ID": "1"}], "total": 1})
    answer = await one.send(READ.with_params(select=["ID"]), risk=Risk.READ)
    assert answer.rows == [{"ID": "1"}]
    ((url, body, headers),) = sent(one)
    assert (url, body) == (
        "https://x.bitrix24.com/rest/1/c0defortests/crm.deal.list",
        {"select": ["ID"]},
    )
    assert headers["Content-Type"] == headers["Accept"] == "application/json"
    assert headers["User-Agent"].startswith("bitrix24-agent/")
    assert "Idempotency-Key" not in headers


@pytest.mark.parametrize(
    ("key", "same"),
    [("order-7", "order-7"), ("два", None), ("x" * 300, None), ("", None), ("a b", None)],
)
async def test_a_v3_write_carries_a_key_the_portal_accepts(
    clock: FakeClock, key: str, same: str | None
) -> None:
    one = client(clock, lambda _m, _b: {"result": {"item": {"id": 1}}})
    for _ in range(2):
        await one.send(WRITE_3, risk=Risk.WRITE, key=key)
    first, second = (headers["Idempotency-Key"] for _, _, headers in sent(one))
    assert first == second == (same or first)
    assert first.isascii()
    assert 1 <= len(first) <= 255


async def test_without_a_key_every_v3_write_gets_its_own_and_reads_get_none(
    clock: FakeClock,
) -> None:
    one = client(clock, lambda _m, _b: {"result": True})
    await one.send(WRITE_3, risk=Risk.WRITE)
    await one.send(WRITE_3, risk=Risk.WRITE)
    await one.send(WRITE_3, risk=Risk.READ)
    keys = [headers.get("Idempotency-Key") for _, _, headers in sent(one)]
    assert keys[2] is None
    assert len(set(keys)) == 3


async def test_what_the_portal_echoes_of_our_secret_is_taken_out(clock: FakeClock) -> None:
    said = {"error": "X", "error_description": "bad webhook c0defortests"}
    inner = {"result": {"result": [], "result_error": {"a": said}}}
    one = client(clock, lambda method, _b: inner if method == "batch" else (400, {}, said))
    with pytest.raises(PortalError) as caught:
        await one.send(READ, risk=Risk.READ)
    assert str(caught.value) == "the portal answered X: bad webhook ***"
    answer = await one.send(Call(method="batch", commands={"a": READ}), risk=Risk.READ)
    assert [str(error) for error in answer.failures.values()] == [str(caught.value)]


async def test_what_cannot_be_encoded_is_not_sent(clock: FakeClock) -> None:
    one = client(clock, lambda _m, _b: {"result": 1})
    with pytest.raises(ArgumentsError):
        await one.send(READ.with_params(x=float("nan")), risk=Risk.READ)
    assert sent(one) == []


async def test_a_webhook_that_was_revoked_is_one_clear_error(clock: FakeClock) -> None:
    said = {"error": "INVALID_CREDENTIALS", "error_description": "Invalid request credentials"}
    one = client(clock, lambda _m, _b: (401, {}, said))
    with pytest.raises(CredentialsError) as caught:
        await one.send(READ, risk=Risk.READ)
    assert (caught.value.next_step, len(sent(one))) == ("ask_human", 1)


async def test_a_method_that_used_up_its_time_rests_and_others_go_on(clock: FakeClock) -> None:
    reset = clock.now + 500

    def answer(method: str, _body: Any) -> Any:
        if method == "crm.deal.list" and len(sent(one)) > 1:
            return (429, {}, {"error": "OPERATION_TIME_LIMIT"})
        return {"result": [], "time": {"operating": 481, "operating_reset_at": reset}}

    one = client(clock, answer)
    await one.send(READ, risk=Risk.READ)
    for _ in range(3):
        with pytest.raises(OperationTimeError) as caught:
            await one.send(READ, risk=Risk.READ)
        assert caught.value.retry_after == 500
    assert len(sent(one)) == 2
    await one.send(Call(method="user.get"), risk=Risk.READ)
    with pytest.raises(OperationTimeError):
        await one.send(Call(method="batch", commands={"a": READ}), risk=Risk.READ)
    assert len(sent(one)) == 3


async def test_a_command_that_used_up_its_time_puts_its_method_to_rest(clock: FakeClock) -> None:
    failed = {"result": {"result": [], "result_error": {"a": {"error": "OPERATION_TIME_LIMIT"}}}}
    one = client(clock, lambda _m, _b: failed)
    answer = await one.send(Call(method="batch", commands={"a": READ}), risk=Risk.READ)
    assert answer.failures["a"].retry_after == 60
    assert one.limiter.resting_s("crm.deal.list") == 60


async def test_the_catalogue_helps_to_find_rows(clock: FakeClock) -> None:
    method = Method(
        name="x.y", version=2, pack="core", risk=Risk.READ, scopes=(), summary="", family="x",
        page="x.md", load=lambda _m: MethodDetail(returns="result.odd[]"),
    )  # fmt: skip
    body = {"result": {"odd": [{"A": 1}], "even": [{"B": 2}]}}
    one = client(clock, lambda _m, _b: body, methods=lambda _n, _v: method)
    assert (await one.send(Call(method="x.y"), risk=Risk.READ)).rows == [{"A": 1}]


async def test_the_deadline_covers_the_wait_in_the_queue(clock: FakeClock) -> None:
    one = client(clock, lambda _m, _b: {"result": 1})
    await clock.run(*(one.send(READ, risk=Risk.READ) for _ in range(48)))
    (error,) = await clock.run(one.send(READ, risk=Risk.READ, deadline_s=0.2))
    assert isinstance(error, NotSentError)
    assert (error.code, len(sent(one))) == ("DEADLINE", 48)


async def test_a_call_that_was_cancelled_in_flight_leaves_nothing_behind(clock: FakeClock) -> None:
    gate = asyncio.Event()

    class Slow(FakeTransport):
        async def send(self, *args: Any, **options: Any) -> Any:
            await gate.wait()
            return await super().send(*args, **options)

    auth = WebhookAuth.parse("https://x.bitrix24.com/rest/1/c0defortests/")
    slow = Slow(lambda _m, _b: {"result": 1})
    one = Client(auth=auth, limits=STANDARD, store=None, transport=slow, clock=clock)
    first = asyncio.ensure_future(one.send(READ, risk=Risk.READ))
    second = asyncio.ensure_future(one.send(READ, risk=Risk.READ))
    for _ in range(5):
        await asyncio.sleep(0)
    first.cancel()
    gate.set()
    assert (await second).result == 1
    assert first.cancelled()


async def test_closing_closes_the_transport(clock: FakeClock) -> None:
    one = client(clock, lambda _m, _b: {"result": 1})
    await one.close()
    assert one._transport.closed  # type: ignore[attr-defined]
    assert "c0defortests" not in repr(one)


async def test_a_read_is_repeated_and_a_write_is_not(clock: FakeClock) -> None:
    lost = OutcomeUnknownError("lost")
    answers = [lost, {"result": 1}]
    one = client(clock, lambda _m, _b: answers.pop(0))
    (answer,) = await clock.run(one.send(READ, risk=Risk.READ))
    assert answer.result == 1
    answers[:] = [lost, {"result": 1}]
    (error,) = await clock.run(one.send(READ, risk=Risk.DESTRUCTIVE))
    assert error is lost


def test_importing_the_client_opens_and_starts_nothing() -> None:
    code = (
        "import threading, asyncio, os, json\n"
        "before = set(os.listdir('/proc/self/fd'))\n"
        "import bitrix24_agent.client.client\n"
        "import logging\n"
        "print(json.dumps([threading.active_count(),"
        " logging.getLogger('httpcore.http11').filters == [],"
        " len(set(os.listdir('/proc/self/fd')) - before)]))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert json.loads(shown.stdout) == [1, True, 0]
