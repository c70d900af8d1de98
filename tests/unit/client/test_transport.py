"""What a server cannot easily show: connections that are refused, cut, silent or misleading."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from bitrix24_agent.client.transport import HttpTransport, is_loopback
from bitrix24_agent.errors import NotSentError, OutcomeUnknownError
from bitrix24_agent.protocol.turns import Turns, turn_to_read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

pytestmark = pytest.mark.anyio

HEADERS = {"Content-Type": "application/json"}
SECRET = "s3cr3tcode"


@contextlib.asynccontextmanager
async def server(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Serve raw bytes; yields an address with a secret in it."""

    handlers: set[asyncio.Task[None] | None] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.current_task())
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            await answer(reader, writer)
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/rest/1/{SECRET}/crm.deal.add"
    finally:
        listening.close()
        for handler in handlers:
            if handler is not None:
                handler.cancel()
        await asyncio.gather(*filter(None, handlers), return_exceptions=True)


async def fails(url: str, *, timeout_s: float = 5.0, **options: Any) -> Exception:
    transport = HttpTransport(**options)
    with pytest.raises((NotSentError, OutcomeUnknownError)) as caught:
        await transport.send(url, b"{}", HEADERS, timeout_s=timeout_s)
    await transport.close()
    told = "".join(traceback.format_exception(caught.value))
    assert SECRET not in told
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return caught.value


async def read_request(reader: asyncio.StreamReader) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(2)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"this is no HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_an_answer_that_breaks_off_leaves_the_outcome_unknown(said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(said)
        await writer.drain()

    async with server(answer) as url:
        error = await fails(url)
    assert isinstance(error, OutcomeUnknownError)
    assert error.code == "CONNECTION_LOST"


async def test_silence_is_a_timeout_with_an_unknown_outcome() -> None:
    async def answer(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server(answer) as url:
        error = await fails(url, timeout_s=0.2)
    assert isinstance(error, OutcomeUnknownError)
    assert (error.code, error.message) == (
        "TIMEOUT",
        "127.0.0.1 gave no answer within 0.2 s; it may have run",
    )


async def test_an_answer_that_trickles_is_cut_off_in_time() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with server(answer) as url:
        error = await fails(url, timeout_s=0.3)
    assert error.code == "TIMEOUT"  # type: ignore[attr-defined]


async def test_a_port_where_nobody_listens_is_not_sent() -> None:
    async with server(read_request_and_close) as url:
        pass
    error = await fails(url)
    assert isinstance(error, NotSentError)
    assert (error.code, error.next_step) == ("NO_CONNECTION", "wait")


async def read_request_and_close(
    reader: asyncio.StreamReader, _writer: asyncio.StreamWriter
) -> None:
    await read_request(reader)


async def test_a_host_without_tls_is_told_apart_and_not_tried_again() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with server(answer) as url:
        error = await fails(url.replace("http:", "https:"))
    assert isinstance(error, NotSentError)
    assert (error.code, error.next_step) == ("TLS_FAILED", "ask_human")


async def test_a_host_that_does_not_exist_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    async def nowhere(*_args: Any, **_options: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nowhere)
    error = await fails(
        f"https://nowhere.invalid/rest/1/{SECRET}/m", tls=ssl.create_default_context()
    )
    assert isinstance(error, NotSentError)
    assert error.code == "HOST_UNKNOWN"


async def test_connections_are_kept_and_a_new_loop_gets_its_own() -> None:
    connections: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while True:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()

    transport = HttpTransport()
    async with server(answer) as url:
        for _ in range(5):
            assert (await transport.send(url, b"{}", HEADERS, timeout_s=5))[0] == 200
        assert len(connections) == 1

        def elsewhere() -> int:
            async def once() -> int:
                status, _, _ = await transport.send(url, b"{}", HEADERS, timeout_s=5)
                await transport.close()
                return status

            return asyncio.run(once())

        assert await asyncio.to_thread(elsewhere) == 200
        assert (await transport.send(url, b"{}", HEADERS, timeout_s=5))[0] == 200
        await transport.close()


async def test_more_calls_than_connections_all_come_through() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()

    transport = HttpTransport()
    async with server(answer) as url:
        done = await asyncio.gather(
            *(transport.send(url, b"{}", HEADERS, timeout_s=10) for _ in range(200))
        )
        await transport.close()
    assert {status for status, _, _ in done} == {200}


async def test_large_answers_of_one_list_are_read_in_its_order() -> None:
    body = b"x" * 1_000_000

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()

    transport = HttpTransport()
    turns = Turns(at_once=1)
    order: list[int] = []
    async with server(answer) as url:

        async def one(place: int) -> None:
            turn = turns.take(place)
            turn_to_read.set(turn)
            _, _, data = await transport.send(url, b"{}", HEADERS, timeout_s=10)
            assert data == body
            order.append(place)
            turn.over()

        await asyncio.gather(*(asyncio.ensure_future(one(place)) for place in (5, 3, 1, 4, 2)))
        await transport.close()
    assert order == [1, 2, 3, 4, 5]


def test_this_machine_is_told_from_others() -> None:
    here = ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]"]
    there = ["example.com", "10.0.0.1", "0.0.0.0", "localhost.example.com", "::2", ""]
    assert [is_loopback(host) for host in here + there] == [True] * 7 + [False] * 6
