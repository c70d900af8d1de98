"""The only importer of httpx: one HTTP exchange, files up and down, no address in a log or error.

httpx.AsyncClient is not used: it logs every address at INFO (a webhook's secret sits in the path)
and costs more than the exchange itself once many requests are in flight. Its transports do the
same work without that.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import re
import urllib.request
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpcore  # noqa: F401 -- httpx would load it during the first call, 40 ms of it
import httpx

from bitrix24_agent.errors import CallFailedError, NotSentError, OutcomeUnknownError
from bitrix24_agent.protocol.turns import turn_to_read

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterable, Awaitable, Callable, Mapping

T = TypeVar("T")
Raw = tuple[int, "Mapping[str, str]", bytes]

POOLS = 7
CONNECTIONS = 5
"""Of each pool. A pool's cost grows with its size: 1.2 ms a request at 5, 7.2 ms at 50."""

KEEP_ALIVE_S = 4.0
"""Shorter than a server's own, so that a write is not sent into a connection being closed."""

CONNECT_TIMEOUT_S = 10.0

SMALL = 128 * 1024
"""Bytes up to which an answer that belongs to a list is read without waiting for its turn."""


class HttpTransport:
    """Exchanges over a few small pools of connections; follows no redirect, keeps no cookie.

    Nothing is opened before the first use. Connections belong to the event loop they were opened
    in; a new loop, and so a forked process, gets its own.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, proxy: str | None = None) -> None:
        self._tls = tls
        self._proxy = proxy
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pools] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return "HttpTransport()"

    async def send(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float
    ) -> Raw:
        """POST *body* to *url*; return status, lower-case headers and body.

        Raises:
            NotSentError: No connection was made.
            OutcomeUnknownError: The request may have arrived and no whole answer came back.
        """
        return await self._exchange("POST", url, headers, body, timeout_s, _whole)

    async def upload(
        self, url: str, body: AsyncIterable[bytes], headers: Mapping[str, str], *, timeout_s: float
    ) -> Raw:
        """POST a streamed *body* (*headers* hold its length). Raises what :meth:`send` raises."""
        return await self._exchange("POST", url, headers, body, timeout_s, _whole)

    async def download(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        timeout_s: float,
        start: Callable[[int, Mapping[str, str]], None],
        write: Callable[[bytes], Awaitable[None]],
    ) -> None:
        """GET *url*; call *start* with status and headers, then *write* with each piece.

        What *start* and *write* raise ends the exchange and is passed on.

        Raises:
            NotSentError: No connection was made.
            OutcomeUnknownError: The body did not arrive as a whole.
        """

        async def read(response: httpx.Response) -> None:
            start(response.status_code, dict(response.headers))
            async for piece in response.aiter_bytes():
                await write(piece)

        await self._exchange("GET", url, headers, None, timeout_s, read)

    async def close(self) -> None:
        """Close every connection of this event loop."""
        pools = self._loops.pop(asyncio.get_running_loop(), {})
        for pool in [pool for shard in pools.values() for pool in shard]:
            with contextlib.suppress(httpx.HTTPError, OSError):
                await pool.http.aclose()

    async def _exchange(
        self,
        verb: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes] | None,
        timeout_s: float,
        read: Callable[[httpx.Response], Awaitable[T]],
    ) -> T:
        """Run one exchange on the least busy pool; *timeout_s* covers all of it."""
        sent = _Sent()
        limits = {"connect": min(CONNECT_TIMEOUT_S, timeout_s), "pool": timeout_s}
        request = httpx.Request(
            verb,
            url,
            headers=headers,
            content=body,
            extensions={
                "timeout": {**limits, "read": timeout_s, "write": timeout_s},
                "trace": sent.trace,
            },
        )
        host = request.url.host
        problem: CallFailedError
        pool = self._pool(request.url.scheme, host)
        pool.busy += 1
        try:
            async with asyncio.timeout(timeout_s):
                response = await pool.http.handle_async_request(request)
                try:
                    return await read(response)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            problem = _timed_out(host, timeout_s, sent=sent.started)
        except (httpx.TransportError, httpx.DecodingError, OSError) as error:
            problem = _broken(host, error, sent=sent.started)
        finally:
            pool.busy -= 1
        raise problem from None

    def _pool(self, scheme: str, host: str) -> _Pool:
        loop = asyncio.get_running_loop()
        known = self._loops.get(loop)
        if known is None:
            known = self._loops[loop] = {}
            _hush()
        shard = known.get((scheme, host))
        if shard is None:
            shard = known[(scheme, host)] = []
        best: _Pool | None = None
        for pool in shard:
            if pool.busy < CONNECTIONS:
                return pool
            if best is None or pool.busy < best.busy:
                best = pool
        if best is None or len(shard) < POOLS:
            best = self._new_pool(scheme, host)
            shard.append(best)
        return best

    def _new_pool(self, scheme: str, host: str) -> _Pool:
        proxy = self._proxy or _proxy_of(scheme, host)
        # A context costs 30 ms of reading certificates: made once, and never for plain http.
        tls: ssl.SSLContext | bool = False
        if scheme == "https" or proxy:
            tls = self._tls = self._tls or httpx.create_ssl_context()
        limits = httpx.Limits(
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_S,
        )
        return _Pool(httpx.AsyncHTTPTransport(verify=tls, proxy=proxy, limits=limits))


class _Pool:
    """One small pool and how many exchanges it carries."""

    __slots__ = ("busy", "http")

    def __init__(self, http: httpx.AsyncHTTPTransport) -> None:
        self.http = http
        self.busy = 0


_Pools = dict[tuple[str, str], list[_Pool]]


class _Sent:
    """Whether a byte of the request may have left: what the outcome of a failure hangs on."""

    __slots__ = ("started",)

    def __init__(self) -> None:
        self.started = False

    async def trace(self, event: str, _info: Mapping[str, object]) -> None:
        if event.endswith("send_request_headers.started"):
            self.started = True


async def _whole(response: httpx.Response) -> Raw:
    """Read a body; a large one that belongs to a list in its turn."""
    turn = turn_to_read.get()
    if turn is None:
        return response.status_code, response.headers, await response.aread()
    pieces: list[bytes] = []
    size = 0
    async for piece in response.aiter_bytes():
        pieces.append(piece)
        size += len(piece)
        if turn is not None and size > SMALL:
            await turn.wait()
            turn = None
    return response.status_code, response.headers, b"".join(pieces)


# --- failures ------------------------------------------------------------------------------------


def _timed_out(host: str, timeout_s: float, *, sent: bool) -> CallFailedError:
    if sent:
        return OutcomeUnknownError(
            f"{host} gave no answer within {timeout_s:g} s; it may have run", code="TIMEOUT"
        )
    return NotSentError(f"no connection to {host} within {timeout_s:g} s", code="CONNECT_TIMEOUT")


def _broken(host: str, error: Exception, *, sent: bool) -> CallFailedError:
    if sent:
        return OutcomeUnknownError(
            f"the connection to {host} broke before the whole answer came; it may have run",
            code="CONNECTION_LOST",
        )
    reason = str(error)
    if "CERTIFICATE" in reason or "SSL" in reason or "TLS" in reason:
        return NotSentError(
            f"no secure connection to {host}: {_tls_reason(reason)}",
            code="TLS_FAILED",
            next_step="ask_human",
        )
    if re.search(r"getaddrinfo|[Nn]ame or service|nodename|name resolution|No address", reason):
        return NotSentError(f"there is no host {host}", code="HOST_UNKNOWN")
    return NotSentError(f"no connection to {host}: connection refused or cut", code="NO_CONNECTION")


def _tls_reason(reason: str) -> str:
    found = re.search(r"(certificate verify failed: [^(]+|wrong version number)", reason)
    return found[1].strip() if found else "the TLS handshake failed"


# --- surroundings --------------------------------------------------------------------------------


def _proxy_of(scheme: str, host: str) -> str | None:
    """Return the machine's proxy for *host*, as httpx.AsyncClient would use it."""
    if is_loopback(host):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def is_loopback(host: str) -> bool:
    """Return whether *host* is this machine; plain http is accepted for nothing else."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def host_of(url: str) -> str | None:
    """Return the host of an http or https address, or None when it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.hostname if parts.scheme in ("http", "https") else None


class _NoAddresses(logging.Filter):
    """Takes addresses with credentials out of httpcore's debug lines (Location has one)."""

    _ADDRESS = re.compile(r"(?i)/rest/[^\s'\"]*|auth=[^\s&'\"]*")

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record, without addresses."""
        line = record.getMessage()
        if "/rest/" in line or "auth=" in line:
            record.msg, record.args = self._ADDRESS.sub("/rest/***", line), ()
        return True


_FILTER = _NoAddresses()


def _hush() -> None:
    """Filter httpcore's two loggers that see headers; doing it twice changes nothing."""
    for name in ("httpcore.http11", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_FILTER)
