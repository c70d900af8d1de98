from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from tests.unit.client.conftest import FakeTransport

from bitrix24_agent.client.oauth import OAuth
from bitrix24_agent.errors import (
    BlockedError,
    CredentialsError,
    OutcomeUnknownError,
    StateError,
)

if TYPE_CHECKING:
    from tests.unit.client.conftest import FakeClock

    from bitrix24_agent.state.store import SqlStore

pytestmark = pytest.mark.anyio


def server(*answers: Any) -> FakeTransport:
    """An OAuth server that answers in turn, then with new pairs."""
    left = list(answers)
    issued = [0]

    def answer(_name: str, _form: Any) -> Any:
        if left:
            return left.pop(0)
        issued[0] += 1
        pair = {"access_token": f"access{issued[0]}", "refresh_token": f"refresh{issued[0]}"}
        return {**pair, "expires_in": 3600}

    return FakeTransport(answer)


def grant(store: Any = None, **options: Any) -> OAuth:
    given: dict[str, Any] = {
        "portal": "x.bitrix24.com",
        "client_id": "app",
        "client_secret": "appsecret",
        "access_token": "access0",
        "refresh_token": "refresh0",
        "store": store,
    }
    return OAuth(**(given | options))


async def renew(auth: OAuth, transport: FakeTransport, clock: FakeClock, used: str) -> Any:
    (done,) = await clock.run(
        auth.renew({"auth": used}, transport=transport, clock=clock, timeout_s=5)
    )
    return done


async def test_tokens_go_to_the_documented_server_by_post(clock: FakeClock) -> None:
    transport, auth = server(), grant()
    assert await auth.credential() == {"auth": "access0"}
    assert await renew(auth, transport, clock, "access0") is True
    assert await auth.credential() == {"auth": "access1"}
    ((url, form, headers),) = transport.requests
    assert url == "https://oauth.bitrix.info/oauth/token/"
    assert parse_qs(form) == {
        "grant_type": ["refresh_token"],
        "client_id": ["app"],
        "client_secret": ["appsecret"],
        "refresh_token": ["refresh0"],
    }
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    other = server()
    await renew(grant(oauth_host="oauth.bitrix24.tech"), other, clock, "access0")
    assert other.requests[0][0] == "https://oauth.bitrix24.tech/oauth/token/"


async def test_everyone_who_waits_gets_the_same_token_or_the_same_error(clock: FakeClock) -> None:
    for answers in ((), ((400, {}, {"error": "invalid_grant"}),)):
        transport, auth = server(*answers), grant()
        await auth.credential()
        done = await clock.run(
            *(
                auth.renew({"auth": "access0"}, transport=transport, clock=clock, timeout_s=5)
                for _ in range(20)
            )
        )
        assert len(transport.requests) == 1
        assert len({id(one) for one in done}) == 1
        again = await renew(auth, transport, clock, "access0")
        assert again is True if not answers else isinstance(again, CredentialsError)
        assert len(transport.requests) == 1


async def test_a_waiter_that_is_cancelled_does_not_stop_the_refresh(clock: FakeClock) -> None:
    transport, auth = server(), grant()
    await auth.credential()
    waiting = asyncio.ensure_future(
        auth.renew({"auth": "access0"}, transport=transport, clock=clock, timeout_s=5)
    )
    await asyncio.sleep(0)
    waiting.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert await auth.credential() == {"auth": "access1"}


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ((400, {}, {"error": "invalid_grant"}), CredentialsError, "INVALID_GRANT"),
        ((200, {}, {"error": "wrong_client"}), CredentialsError, "WRONG_CLIENT"),
        ((401, {}, {"error": "PAYMENT_REQUIRED"}), BlockedError, "PAYMENT_REQUIRED"),
    ],
)
async def test_what_the_server_refuses_is_told_without_a_secret(
    clock: FakeClock, answer: Any, kind: type, code: str
) -> None:
    transport, auth = server(answer), grant()
    await auth.credential()
    error = await renew(auth, transport, clock, "access0")
    assert (type(error), error.code, len(transport.requests)) == (kind, code, 1)
    assert "refresh0" not in repr(error)


async def test_a_server_that_gives_no_token_is_asked_again_and_then_reported(
    clock: FakeClock,
) -> None:
    lost = OutcomeUnknownError("lost refresh0")
    transport, auth = server(lost, (502, {}, b"<html>"), lost), grant()
    await auth.credential()
    error = await renew(auth, transport, clock, "access0")
    assert isinstance(error, OutcomeUnknownError)
    assert str(error) == "lost ***"
    assert len(transport.requests) == 3
    assert await renew(auth, transport, clock, "access0") is True


async def test_an_expired_token_without_a_refresh_token_needs_a_person(clock: FakeClock) -> None:
    transport, auth = server(), grant(refresh_token="", client_secret="")
    await auth.credential()
    error = await renew(auth, transport, clock, "access0")
    assert isinstance(error, CredentialsError)
    assert (error.code, transport.requests) == ("EXPIRED_TOKEN", [])


async def test_processes_share_one_refresh_and_the_rotated_tokens(
    clock: FakeClock, store: SqlStore
) -> None:
    transport = server()
    auths = [grant(store) for _ in range(4)]
    for auth in auths:
        await auth.credential()
    done = await clock.run(
        *(
            auth.renew({"auth": "access0"}, transport=transport, clock=clock, timeout_s=5)
            for auth in auths
            for _ in range(5)
        )
    )
    assert done == [True] * 20
    assert len(transport.requests) == 1
    assert await grant(store).credential() == {"auth": "access1"}
    assert await grant(store, portal="y.bitrix24.com").credential() == {"auth": "access0"}
    assert await grant(store, client_id="other").credential() == {"auth": "access0"}


async def test_a_new_authorization_replaces_what_was_stored(
    clock: FakeClock, store: SqlStore
) -> None:
    auth = grant(store)
    await auth.credential()
    await renew(auth, server((400, {}, {"error": "invalid_grant"})), clock, "access0")
    fresh = grant(store, access_token="new", refresh_token="newrefresh")
    assert await fresh.credential() == {"auth": "new"}
    assert await renew(fresh, server(), clock, "new") is True


async def test_a_process_that_died_while_refreshing_does_not_lock_out_the_others(
    clock: FakeClock, store: SqlStore
) -> None:
    hung = asyncio.Event()

    class Hanging(FakeTransport):
        async def send(self, *_args: Any, **_options: Any) -> Any:
            await hung.wait()

    dead, alive = grant(store), grant(store)
    for auth in (dead, alive):
        await auth.credential()
    transport = Hanging(lambda _n, _f: None)
    first = asyncio.ensure_future(
        dead.renew({"auth": "access0"}, transport=transport, clock=clock, timeout_s=5)
    )
    while not await store.read(lambda c: c.exec_driver_sql(LOCKED).scalar()):
        await asyncio.sleep(0.001)
    start = clock.now
    assert await renew(alive, server(), clock, "access0") is True
    assert 44 <= clock.now - start <= 46
    first.cancel()


LOCKED = "SELECT count(*) FROM tokens WHERE lock_owner IS NOT NULL"


async def test_tokens_the_store_does_not_take_are_kept_and_offered_again(
    clock: FakeClock, store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    class Full:
        def __init__(self) -> None:
            self.full = False

        async def transact(self, work: Any, *, durable: bool = False) -> Any:
            if self.full and durable:
                raise StateError("disk full")
            return await store.transact(work, durable=durable)

    full = Full()
    auth = grant(full)
    await auth.credential()
    full.full = True
    caplog.set_level(logging.WARNING)
    assert await renew(auth, server(), clock, "access0") is True
    assert await auth.credential() == {"auth": "access1"}
    assert await grant(store).credential() == {"auth": "access0"}
    full.full = False
    assert await auth.credential() == {"auth": "access1"}
    assert await grant(store).credential() == {"auth": "access1"}
    assert [record.getMessage() for record in caplog.records] == [
        "refreshed tokens are not stored yet, only this process has them: disk full"
    ]
