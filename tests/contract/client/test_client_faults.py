"""What goes wrong on the wire, for every kind of call: what is told, and what really ran."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from bitrix24_agent.client.auth import WebhookAuth
from bitrix24_agent.client.client import Client
from bitrix24_agent.errors import (
    BlockedError,
    CallFailedError,
    CredentialsError,
    NotSentError,
    OperationTimeError,
    OutcomeUnknownError,
    PortalError,
)
from bitrix24_agent.model import Call, Risk
from bitrix24_agent.testing import running_portal

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_agent.testing import RunningPortal

pytestmark = pytest.mark.anyio

READ = Call(method="crm.deal.get", params={"id": 1})
WRITE = Call(method="crm.deal.add", params={"fields": {"TITLE": "One"}})
WRITE_3 = Call(
    method="tasks.task.add",
    version=3,
    params={"fields": {"title": "One", "creatorId": 1, "responsibleId": 1}},
)
BATCH_READ = Call(method="batch", commands={"a": READ, "b": READ})
BATCH_WRITE = Call(method="batch", commands={"a": WRITE, "b": WRITE})

UNKNOWN = ["lost", "cut_body", "internal_error", "bad_gateway", "unavailable", "html", "wrong_json"]
WHEN = ["before", "after"]


def strike(portal: RunningPortal, call: Call, kind: str, **options: Any) -> None:
    portal.faults.add(call.method, kind, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("kind", [*UNKNOWN, "rate_limit"])
@pytest.mark.parametrize("call", [READ, BATCH_READ], ids=["read", "batch"])
async def test_a_read_is_sent_again(
    portal: RunningPortal, make: Callable[..., Client], call: Call, kind: str, when: str
) -> None:
    strike(portal, call, kind, when=when)
    answer = await make().send(call, risk=Risk.READ)
    inner = answer.commands["b"] if call.is_batch else answer
    assert inner.result["ID"] == "1"
    assert len(portal.requests) == 2


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("kind", UNKNOWN)
@pytest.mark.parametrize("call", [WRITE, BATCH_WRITE], ids=["write", "batch"])
async def test_a_lost_write_is_reported_as_unknown_and_not_repeated(
    portal: RunningPortal, make: Callable[..., Client], call: Call, kind: str, when: str
) -> None:
    strike(portal, call, kind, when=when)
    with pytest.raises(OutcomeUnknownError) as caught:
        await make().send(call, risk=Risk.WRITE)
    assert (caught.value.outcome, caught.value.next_step) == ("unknown", "ask_human")
    assert len(portal.requests) == 1
    ran = 0 if when == "before" else max(1, len(call.commands))
    assert portal.journal.count("crm.deal.add") == ran
    assert len(portal.state.deals.rows) == 320 + ran


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("kind", UNKNOWN)
async def test_a_lost_v3_write_is_not_repeated_either_although_it_carries_a_key(
    portal: RunningPortal, make: Callable[..., Client], kind: str, when: str
) -> None:
    tasks = len(portal.state.tasks.rows)
    strike(portal, WRITE_3, kind, when=when)
    with pytest.raises(OutcomeUnknownError):
        await make().send(WRITE_3, risk=Risk.WRITE, key="order-7")
    ran = 0 if when == "before" else 1
    assert portal.journal.count("tasks.task.add") == ran
    assert len(portal.state.tasks.rows) == tasks + ran
    assert [r.headers.get("idempotency-key") for r in portal.requests] == ["order-7"]


async def test_a_v3_write_refused_unread_is_sent_again_under_the_same_key(
    portal: RunningPortal, make: Callable[..., Client]
) -> None:
    strike(portal, WRITE_3, "rate_limit")
    answer = await make().send(WRITE_3, risk=Risk.WRITE, key="order-7")
    assert answer.result["item"]["title"] == "One"
    keys = [request.headers.get("idempotency-key") for request in portal.requests]
    assert keys == ["order-7", "order-7"]
    assert portal.journal.count("tasks.task.add") == 1


@pytest.mark.parametrize("call", [WRITE, BATCH_WRITE], ids=["write", "batch"])
async def test_a_write_the_portal_refused_unread_is_sent_again(
    portal: RunningPortal, make: Callable[..., Client], call: Call
) -> None:
    strike(portal, call, "rate_limit", times=2)
    await make().send(call, risk=Risk.WRITE)
    assert portal.journal.count("crm.deal.add") == max(1, len(call.commands))
    assert len(portal.requests) == 3


@pytest.mark.parametrize("risk", [Risk.READ, Risk.WRITE])
@pytest.mark.parametrize(
    ("kind", "error", "step"),
    [
        ("overload", BlockedError, "ask_human"),
        ("expired_token", CredentialsError, "ask_human"),
        ("redirect", PortalError, "ask_human"),
        ("operation_time", OperationTimeError, "wait"),
    ],
)
async def test_what_waiting_cannot_mend_is_told_at_once(
    portal: RunningPortal,
    make: Callable[..., Client],
    kind: str,
    error: type[CallFailedError],
    step: str,
    risk: Risk,
) -> None:
    strike(portal, WRITE, kind, times=None)
    with pytest.raises(error) as caught:
        await make().send(WRITE, risk=risk, deadline_s=2)
    assert (caught.value.outcome, caught.value.next_step) == ("refused", step)
    assert len(portal.requests) == 1
    assert portal.journal.writes() == []


@pytest.mark.parametrize("when", WHEN)
async def test_an_answer_later_than_the_caller_waits_is_unknown_for_a_write(when: str) -> None:
    # A portal of its own: it goes on with the call after this test has ended.
    with running_portal(deals=3) as portal:
        one = Client(auth=WebhookAuth.parse(portal.url), limits=None, store=None)
        strike(portal, WRITE, "slow", seconds=1.0, when=when)
        with pytest.raises(OutcomeUnknownError) as caught:
            await one.send(WRITE, risk=Risk.WRITE, timeout_s=0.3)
        await one.close()
        assert caught.value.code == "TIMEOUT"
        assert len(portal.requests) == 1


async def test_a_read_that_always_fails_ends_with_the_last_error(
    portal: RunningPortal, make: Callable[..., Client]
) -> None:
    strike(portal, READ, "bad_gateway", times=None)
    with pytest.raises(OutcomeUnknownError) as caught:
        await make().send(READ, risk=Risk.READ, deadline_s=5)
    assert caught.value.code == "HTTP_502"
    assert 2 <= len(portal.requests) <= 4


async def test_a_deadline_ends_repeating(
    portal: RunningPortal, make: Callable[..., Client]
) -> None:
    strike(portal, READ, "rate_limit", times=None)
    with pytest.raises(CallFailedError):
        await make().send(READ, risk=Risk.READ, deadline_s=0.5)
    assert len(portal.requests) <= 3


async def test_errors_of_commands_come_with_the_results_of_the_others(
    portal: RunningPortal, make: Callable[..., Client]
) -> None:
    missing = READ.with_params(id=999_999)
    commands = {"ok": READ, "0": missing, "1": READ}
    answer = await make().send(Call(method="batch", commands=commands), risk=Risk.READ)
    assert list(answer.commands) == ["ok", "1"]
    assert {key: str(error) for key, error in answer.failures.items()} == {
        "0": "the portal answered Not found"
    }


async def test_a_renamed_portal_is_followed_only_on_request(
    portal: RunningPortal, make: Callable[..., Client]
) -> None:
    strike(portal, WRITE, "redirect", location=f"http://localhost:{portal.port}/rest/1/x/")
    with pytest.raises(PortalError) as caught:
        await make().send(WRITE, risk=Risk.WRITE)
    assert caught.value.code == "PORTAL_MOVED"
    assert f"localhost:{portal.port}" in caught.value.message
    strike(portal, WRITE, "redirect", location=f"http://localhost:{portal.port}/rest/1/x/")
    client = make(follow_rename=True)
    await client.send(WRITE, risk=Risk.WRITE)
    assert portal.journal.count("crm.deal.add") == 1
    assert [request.verb for request in portal.requests] == ["POST"] * 3
    assert portal.requests[-1].headers["host"] == f"localhost:{portal.port}"


async def test_the_secret_is_in_no_log_error_or_repr(
    portal: RunningPortal, make: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    secret = portal.url.rstrip("/").rsplit("/", 1)[-1]
    caplog.set_level(logging.DEBUG)
    client = make()
    shown = [repr(client)]
    for kind in [*UNKNOWN, "redirect", "overload"]:
        strike(portal, WRITE, kind, location=f"{portal.url}")
        try:
            await client.send(WRITE, risk=Risk.WRITE)
        except CallFailedError as error:
            chain: BaseException | None = error
            while chain is not None:
                shown += [repr(chain), str(chain), *traceback.format_exception(chain)]
                chain = chain.__cause__ or chain.__context__
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]
    shown += [f"{vars(record)} {record.getMessage()}" for record in ours]
    assert len(ours) > 20
    assert [line for line in shown if secret in line] == []


async def test_a_portal_that_is_not_there_is_told_and_nothing_was_sent(
    make: Callable[..., Client],
) -> None:
    from bitrix24_agent.client.auth import WebhookAuth

    client = make(auth=WebhookAuth.parse("http://127.0.0.1:9/rest/1/secretcode/"))
    with pytest.raises(NotSentError) as caught:
        await client.send(WRITE, risk=Risk.WRITE, deadline_s=3)
    assert (caught.value.code, caught.value.outcome) == ("NO_CONNECTION", "not_sent")
    assert "secretcode" not in "".join(traceback.format_exception(caught.value))
