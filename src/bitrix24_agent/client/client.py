"""The client: one call, one request, and what must surround it so that nothing runs twice."""

from __future__ import annotations

import contextlib
import hashlib
import re
from typing import TYPE_CHECKING, TypeVar, cast
from uuid import uuid4

from bitrix24_agent.client import files
from bitrix24_agent.client.clock import SystemClock
from bitrix24_agent.client.limiter import Limiter
from bitrix24_agent.client.retry import Repeat
from bitrix24_agent.client.transport import HttpTransport
from bitrix24_agent.errors import (
    B24Error,
    CallFailedError,
    CredentialsError,
    NotSentError,
    OperationTimeError,
    OutcomeUnknownError,
    PortalError,
    RateLimitError,
)
from bitrix24_agent.model import Answer, Call, Risk
from bitrix24_agent.protocol import flows, many, response
from bitrix24_agent.protocol.batch import run_batch
from bitrix24_agent.protocol.request import body_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, MutableMapping
    from pathlib import Path

    from bitrix24_agent.client.auth import Auth
    from bitrix24_agent.client.limiter import Grant
    from bitrix24_agent.client.limits import Limits
    from bitrix24_agent.model import Json, Method, Row
    from bitrix24_agent.ports import Clock, Store, Transport
    from bitrix24_agent.protocol.flows import Progress, Send

E = TypeVar("E", bound=B24Error)

USER_AGENT = "bitrix24-agent/0.1.0"
_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": USER_AGENT,
}
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_EXPIRED = frozenset({"EXPIRED_TOKEN", "INVALID_TOKEN"})


class Client:
    """Sends calls to one portal with one credential.

    Safe for many tasks of one event loop. Opens nothing before the first call.
    """

    def __init__(
        self,
        *,
        auth: Auth,
        limits: Limits | None,
        store: Store | None,
        transport: Transport | None = None,
        timeout_s: float = 30.0,
        clock: Clock | None = None,
        methods: Callable[[str, int], Method | None] | None = None,
        follow_rename: bool = False,
    ) -> None:
        self._auth = auth
        self._clock = clock or SystemClock()
        self._transport = transport or HttpTransport()
        self._timeout_s = timeout_s
        self._methods = methods
        self._follow_rename = follow_rename
        self._seconds: dict[str, float] = {}
        self._limiter = Limiter(
            limits,
            portal=auth.portal,
            credential=auth.credential_id,
            clock=self._clock,
            store=store,
        )

    def __repr__(self) -> str:
        return f"Client({self._auth!r})"

    @property
    def limiter(self) -> Limiter:
        """What paces this client."""
        return self._limiter

    async def close(self) -> None:
        """Close the connections; calls after that open new ones."""
        await self._limiter.close()
        await self._transport.close()

    async def send(
        self,
        call: Call,
        *,
        risk: Risk,
        key: str | None = None,
        deadline_s: float | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Send one call and return what the portal said.

        It is sent again only if that cannot do the work twice. A batch returns the errors of its
        commands in ``failures`` and raises only what concerns it as a whole.

        Args:
            call: What to send; a batch holds at most 50 commands.
            risk: The worst it can do.
            key: Idempotency key of a v3 write; without one, a key of this very call.
            deadline_s: Seconds for everything, waiting for a slot and repeating included.
            timeout_s: Seconds to wait for one answer.

        Raises:
            ArgumentsError: It cannot be encoded; nothing was sent.
            NotSentError: No connection, or the deadline passed in the queue.
            OutcomeUnknownError: Sent, and no readable answer came.
            PortalError: The portal refused.
        """
        headers = _HEADERS
        if call.version == 3 and risk is not Risk.READ and not call.is_batch:
            headers = {**_HEADERS, "Idempotency-Key": _server_key(key)}
        now = self._clock.monotonic()
        deadline = None if deadline_s is None else now + deadline_s
        limit_s = self._timeout_s if timeout_s is None else timeout_s

        async def attempt() -> Answer:
            return await self._attempt(call, headers, deadline, limit_s)

        try:
            return await attempt()
        except CallFailedError as error:
            failed = error
        repeat = Repeat(
            risk=risk,
            paced=self._limiter.paced,
            clock=self._clock,
            deadline=deadline,
        )
        return await repeat.after(failed, attempt)

    # --- many ------------------------------------------------------------------------------------

    def list_pages(
        self,
        call: Call,
        *,
        method: Method | None = None,
        send: Send | None = None,
        max_rows: int | None = None,
        on_progress: Progress | None = None,
        checkpoint: MutableMapping[str, Json] | None = None,
    ) -> AsyncGenerator[list[Row], None]:
        """Yield all rows of a list method in blocks; see :func:`protocol.flows.list_pages`.

        Args:
            call: The list call; ``start`` is ours.
            method: Its catalogue entry.
            send: Sends each request instead of this client (the gateway's road).
            max_rows: Stop after so many rows.
            on_progress: Called with rows so far and rows in all (None while unknown).
            checkpoint: Filled with where to go on; a filled one is gone on from.
        """
        return flows.list_pages(
            send or self._read,
            call,
            method=method,
            max_rows=max_rows,
            on_progress=on_progress,
            checkpoint=checkpoint,
            free=self._limiter.free_for_many,
        )

    async def list_all(
        self,
        call: Call,
        *,
        method: Method | None = None,
        send: Send | None = None,
        max_rows: int | None = None,
        on_progress: Progress | None = None,
        checkpoint: MutableMapping[str, Json] | None = None,
    ) -> AsyncGenerator[Row, None]:
        """Yield all rows of a list method one by one; see :meth:`list_pages`."""
        blocks = self.list_pages(
            call,
            method=method,
            send=send,
            max_rows=max_rows,
            on_progress=on_progress,
            checkpoint=checkpoint,
        )
        async with contextlib.aclosing(blocks):
            async for block in blocks:
                for row in block:
                    yield row

    async def get_many(
        self,
        call: Call,
        ids: Iterable[int | str],
        *,
        method: Method | None = None,
        send: Send | None = None,
    ) -> dict[int | str, Row]:
        """Return id -> row for *ids*; see :func:`protocol.many.get_many`."""
        return await many.get_many(
            send or self._read, call, ids, method=method, free=self._limiter.free_for_many
        )

    async def batch(
        self,
        calls: Mapping[str, Call],
        *,
        risk: Risk,
        halt: bool = False,
        send: Send | None = None,
        deadline_s: float | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Run any number of commands; see :func:`protocol.batch.run_batch`.

        Args:
            calls: Command key -> call, in the order to run.
            risk: The worst of them.
            halt: Stop at the first failure.
            send: Sends each request instead of this client.
            deadline_s: Seconds for each request, waiting included.
            timeout_s: Seconds to wait for one answer.
        """

        async def one(call: Call) -> Answer:
            return await self.send(call, risk=risk, deadline_s=deadline_s, timeout_s=timeout_s)

        return await run_batch(
            send or one, calls, risk=risk, halt=halt, seconds_of=self._seconds.get
        )

    # --- files -----------------------------------------------------------------------------------

    async def upload(
        self,
        url: str,
        source: bytes | Path,
        *,
        field: str = "file",
        name: str | None = None,
        timeout_s: float = 300.0,
    ) -> Answer:
        """Send a file to an upload address of this portal; see :func:`files.upload`."""
        carrier = cast("files.FileTransport", self._transport)
        return await files.upload(
            carrier, self._auth, url, source, field=field, name=name, timeout_s=timeout_s
        )

    async def download(
        self,
        url: str,
        target: Path | None = None,
        *,
        max_bytes: int = files.MAX_BYTES,
        timeout_s: float = 300.0,
    ) -> tuple[files.Downloaded, bytes]:
        """Fetch a link of this portal with a credential inside; see :func:`files.download`."""
        carrier = cast("files.FileTransport", self._transport)
        return await files.download(
            carrier, self._auth, url, target, max_bytes=max_bytes, timeout_s=timeout_s
        )

    async def _read(self, call: Call) -> Answer:
        return await self.send(call, risk=Risk.READ, timeout_s=max(60.0, self._timeout_s))

    # --- one request -----------------------------------------------------------------------------

    async def _attempt(
        self, call: Call, headers: Mapping[str, str], deadline: float | None, timeout_s: float
    ) -> Answer:
        """Send once; a credential that just expired is renewed, a renamed portal followed, once."""
        renewed = followed = False
        while True:
            credential = await self._auth.credential()
            try:
                return await self._exchange(call, credential, headers, deadline, timeout_s)
            except CredentialsError as error:
                if renewed or error.code not in _EXPIRED:
                    raise
                problem: CallFailedError = error
            except _Moved as error:
                if followed or not self._follow_rename or error.host is None:
                    raise error.plain from None
                self._auth.moved(error.host)
                followed = True
                continue
            renewed = True
            if not await self._auth.renew(
                credential, transport=self._transport, clock=self._clock, timeout_s=timeout_s
            ):
                raise problem

    async def _exchange(
        self,
        call: Call,
        credential: Mapping[str, str],
        headers: Mapping[str, str],
        deadline: float | None,
        timeout_s: float,
    ) -> Answer:
        body = body_of(call, credential)
        url = self._auth.address(call.method, call.version)
        limiter = self._limiter
        grant = await limiter.acquire(_methods_of(call), deadline=deadline)
        if deadline is not None:
            left_s = deadline - self._clock.monotonic()
            if left_s <= 0:
                limiter.unused(grant)
                raise NotSentError("the deadline passed before it was sent", code="DEADLINE")
            timeout_s = min(timeout_s, left_s)
        try:
            status, received, data = await self._transport.send(
                url, body, headers, timeout_s=timeout_s
            )
        except NotSentError:
            limiter.unused(grant)
            raise
        except BaseException:
            limiter.unclear(grant)
            raise
        return await self._understand(call, grant, status, received, data)

    async def _understand(
        self,
        call: Call,
        grant: Grant,
        status: int,
        headers: Mapping[str, str],
        data: bytes,
    ) -> Answer:
        """Decode an answer and let the limiter learn from it."""
        limiter = self._limiter
        if 300 <= status < 400:
            limiter.unclear(grant)
            raise _Moved(status, headers)
        try:
            answer = response.decode(call, status, headers, data, rows_at=self._rows_at)
        except RateLimitError as error:
            await limiter.refused(grant)
            raise self._masked(error) from None
        except OperationTimeError as error:
            limiter.confirmed(grant)
            error.retry_after = limiter.used_up(call.method)
            raise self._masked(error) from None
        except OutcomeUnknownError as error:
            limiter.unclear(grant)
            raise self._masked(error) from None
        except PortalError as error:
            limiter.confirmed(grant)
            raise self._masked(error) from None
        limiter.confirmed(grant)
        limiter.learn(call.method, answer.timing)
        if call.commands:
            self._learn_from_commands(call, answer)
        return answer

    def _learn_from_commands(self, call: Call, answer: Answer) -> None:
        for key, inner in answer.commands.items():
            name = call.commands[key].method
            timing = inner.timing
            if timing.operating:
                self._limiter.learn(name, timing)
            if timing.duration is not None:
                before = self._seconds.get(name, timing.duration)
                self._seconds[name] = 0.8 * before + 0.2 * timing.duration
        for key, error in answer.failures.items():
            if isinstance(error, OperationTimeError):
                name = call.commands[key].method
                resting_s = self._limiter.resting_s(name)
                error.retry_after = resting_s or self._limiter.used_up(name)
            if isinstance(error, B24Error):
                self._masked(error)

    def _rows_at(self, call: Call) -> str | None:
        method = self._methods(call.method, call.version) if self._methods is not None else None
        return method.detail.returns if method is not None else None

    def _masked(self, error: E) -> E:
        """Take our secrets out of what the portal said; some portals echo what they were sent."""
        message = error.message
        for secret in self._auth.secrets:
            if secret and secret in message:
                message = message.replace(secret, "***")
                error.args = (message, *error.args[1:])
        return error


class _Moved(Exception):  # noqa: N818 -- a signal inside this module
    """The portal redirects."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(status)
        self.host = response.new_host(headers)
        self.plain = response.moved(status, headers)


def _methods_of(call: Call) -> Iterable[str]:
    """Return what a request is billed for: the commands of a batch, and the batch."""
    if not call.commands:
        return (call.method,)
    return {call.method, *(inner.method for inner in call.commands.values())}


def _server_key(key: str | None) -> str:
    """Return a key the portal accepts: 1 to 255 printable ASCII characters.

    Source: api-reference/rest-v3.md @ 5988ed13
    """
    if key is None:
        return uuid4().hex
    return key if _KEY.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()
