"""A local Bitrix24 portal over real HTTP: addresses, credentials, limits, faults, answers."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from bitrix24_agent.emulator import methods, oauth, transfer, v3
from bitrix24_agent.emulator.access import ALL_SCOPES, Access
from bitrix24_agent.emulator.batch import run_batch
from bitrix24_agent.emulator.control import control_routes
from bitrix24_agent.emulator.data.seed import fill
from bitrix24_agent.emulator.faults import Fault, Faults
from bitrix24_agent.emulator.journal import Journal, Received
from bitrix24_agent.emulator.kernel import Kernel, Origin
from bitrix24_agent.emulator.limiter import Bucket, OperatingTime, RateLimit
from bitrix24_agent.emulator.refusal import Refusal, RefusalV3
from bitrix24_agent.emulator.spoil import spoiled
from bitrix24_agent.emulator.wire import body_parameters, query_parameters, to_json, to_xml
from bitrix24_agent.emulator.world import World

try:
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route
except ImportError as error:  # pragma: no cover -- depends on what is installed
    raise ImportError(
        "the portal emulator needs starlette and uvicorn: pip install 'bitrix24-agent[emulator]'"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from bitrix24_agent.emulator.access import Credential
    from bitrix24_agent.model import Json

ADMIN = 1

_ADDRESS = re.compile(
    r"(?P<v3>api/)?(?:(?P<user>\d+)/(?P<code>[A-Za-z0-9_-]+)/)?(?P<method>[^/]*?)"
    r"(?P<suffix>\.json|\.xml)?/?"
)
_JSON = "application/json; charset=utf-8"


class Portal:
    """One emulated portal; an ASGI application with its state open to tests.

    Attributes:
        world: The data; also ``state``.
        journal: What was received and what was really executed.
        faults: The switches.
        bucket: The request counter; ``bucket.limit`` is None when nothing is refused.
        oauth: Applications and their tokens; the token server answers at ``/oauth/token/``.
        operating: Operating time by method; ``operating.limit`` is None when it is not checked.
        latency: Seconds every answer takes at least.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        deals: int = 120,
        limits: Any = None,
        operating_limit: float | None = None,
        latency: float = 0.0,
        faults: Iterable[Fault] = (),
        scopes: Iterable[str] = ALL_SCOPES,
        code: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._seed, self._deals = seed, deals
        self._first_faults = tuple(faults)
        self._scopes, self._code = tuple(scopes), code
        self._limit, self._operating_limit = RateLimit.of(limits), operating_limit
        self.clock = clock
        self.latency = latency
        self.base_url = ""
        self.journal = Journal()
        methods.load()
        self._app = Starlette(
            routes=[
                *control_routes(self),
                *transfer.routes(self),
                *oauth.routes(self),
                Route("/rest/{path:path}", self._rest, methods=["GET", "POST"]),
            ]
        )
        self._begin()

    def _begin(self) -> None:
        self.world = World(self.clock)
        fill(self.world, seed=self._seed, deals=self._deals)
        self.access = Access(self.clock)
        self.code = self.access.add_webhook(ADMIN, code=self._code, scopes=self._scopes)
        self.oauth = oauth.OAuth(access=self.access, clock=self.clock)
        self.faults = Faults(replace(fault, struck=0) for fault in self._first_faults)
        self.bucket = Bucket(self._limit, self.clock)
        self.operating = OperatingTime(self._operating_limit, self.clock)
        self.keys = v3.IdempotencyKeys(self.clock)
        self.journal.clear()
        self.kernel = Kernel(
            world=self.world,
            access=self.access,
            journal=self.journal,
            faults=self.faults,
            operating=self.operating,
        )

    @property
    def state(self) -> World:
        """The data of the portal: ``state.deals.rows[7]``."""
        return self.world

    def reset(self) -> None:
        """Go back to the start: data, journal, faults, limits and credentials."""
        self._begin()

    def webhook_path(self, user_id: int = ADMIN, *, scopes: Iterable[str] | None = None) -> str:
        """Return the path of a webhook of *user_id*, letting it in if need be."""
        if user_id == ADMIN and scopes is None:
            return f"/rest/{ADMIN}/{self.code}/"
        code = self.access.add_webhook(user_id, scopes=scopes or self._scopes)
        return f"/rest/{user_id}/{code}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; the transport is kept at hand for faults that cut it."""
        if scope["type"] == "http":
            scope["b24.transport"] = getattr(getattr(send, "__self__", None), "transport", None)
        await self._app(scope, receive, send)

    # --- one request ----------------------------------------------------------------------------

    async def _rest(self, request: Request) -> Response:
        body = await request.body()
        path = request.path_params["path"]
        address = _ADDRESS.fullmatch(path)
        entry = self.journal.receive(
            Received(
                number=0,
                at=self.clock(),
                verb=request.method,
                path=request.url.path,
                query=request.url.query,
                method=unquote(address["method"]) if address else "",
                version=3 if address and address["v3"] else 2,
                headers=dict(request.headers),
                body=body,
            )
        )
        if address is None:
            entry.status = 404
            return Response("<html><body>404 Not Found</body></html>", 404, media_type="text/html")
        found = address
        return await self.guarded(entry, lambda: self._answer(request, found, entry))

    async def guarded(self, entry: Received, answer: Callable[[], Response]) -> Response:
        """Return what goes out for *entry*: *answer*, later or spoilt if a switch says so."""
        if self.latency:
            await asyncio.sleep(self.latency)
        fault = self.faults.strike(entry.method, entry.version)
        if fault is not None:
            entry.fault = fault.kind
            if fault.kind == "slow" and fault.when == "before":
                await asyncio.sleep(fault.seconds)
                fault = None
        if fault is not None and fault.when == "before":
            response = spoiled(fault, None, entry.method)
        else:
            response = answer()
            if fault is not None and fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            elif fault is not None:
                response = spoiled(fault, response, entry.method)
        entry.status = response.status_code or None
        return response

    def _answer(self, request: Request, address: re.Match[str], entry: Received) -> Response:
        headers: dict[str, str] = {}
        try:
            self.bucket.enter()
            if entry.version == 3:
                status, answer, headers = self._version_3(request, address, entry)
            else:
                status, answer = self._version_2(request, address, entry)
        except (Refusal, RefusalV3) as refusal:
            entry.code = str(refusal.code)
            status, answer = refusal.status, refusal.body()
        if address["suffix"] == ".xml" and entry.version == 2:
            return Response(
                to_xml(answer), status, {"Content-Type": "text/xml; charset=utf-8", **headers}
            )
        return Response(to_json(answer), status, {"Content-Type": _JSON, **headers})

    def _credential(self, address: re.Match[str], params: Mapping[str, Json]) -> Credential:
        if address["user"]:
            return self.access.of_webhook(int(address["user"]), address["code"])
        return self.access.of_token(params.get("auth"))

    def _version_2(
        self, request: Request, address: re.Match[str], entry: Received
    ) -> tuple[int, dict[str, Json]]:
        started = self.clock()
        query = query_parameters(entry.query)
        decoded = body_parameters(entry.body, entry.headers.get("content-type", ""))
        params: dict[str, Json] | list[Json]
        params = {**query, **decoded} if isinstance(decoded, dict) else decoded
        entry.params = params
        credential = self._credential(address, params if isinstance(params, dict) else query)
        if not address["user"] and isinstance(params, dict):
            params = {key: value for key, value in params.items() if key != "auth"}
        origin = Origin(
            credential=credential, request=entry.number, base_url=self.reached_at(request)
        )
        if entry.method.lower() == "batch":
            found = run_batch(self.kernel, params if isinstance(params, dict) else {}, origin)
            return 200, {"result": found, "time": self.kernel.time_block(started)}
        reply, spent = self.kernel.execute(entry.method, 2, params, origin)
        answer: dict[str, Json] = {"result": reply.result}
        if reply.next is not None:
            answer["next"] = reply.next
        if reply.total is not None:
            answer["total"] = reply.total
        answer["time"] = spent
        return 200, answer

    def _version_3(
        self, request: Request, address: re.Match[str], entry: Received
    ) -> tuple[int, dict[str, Json], dict[str, str]]:
        params = v3.body_of(entry.verb, entry.body, entry.headers.get("content-type", ""))
        entry.params = params
        credential = self._credential(address, params if isinstance(params, dict) else {})
        if not address["user"] and isinstance(params, dict):
            params = {key: value for key, value in params.items() if key != "auth"}
        origin = Origin(
            credential=credential, request=entry.number, base_url=self.reached_at(request)
        )
        key = entry.headers.get("idempotency-key")
        answer, headers = v3.call(self.kernel, self.keys, entry.method, params, key, origin)
        return 200, answer, headers

    def reached_at(self, request: Request) -> str:
        """Return the address the caller used, for links in answers."""
        host = request.headers.get("host")
        return f"{request.scope['scheme']}://{host}" if host else self.base_url


def serve(
    host: str = "127.0.0.1",
    port: int = 8024,
    *,
    seed: int = 1,
    deals: int = 120,
    limits: Any = None,
    operating_limit: float | None = None,
    latency: float = 0.0,
    faults: Iterable[Fault] = (),
    code: str | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a portal until the process is told to stop (Ctrl+C or SIGTERM).

    Args:
        host: Address to listen on; keep it a loopback address.
        port: Port, 0 for any free one.
        seed: Same seed, same data.
        deals: How many deals the company has.
        limits: None, True (50 and 2 a second), a pair, or an object with ``capacity`` and
            ``per_second``.
        operating_limit: Seconds of operating time a method may use in ten minutes.
        latency: Seconds every answer takes at least.
        faults: Switches set from the start.
        code: Code of the administrator's webhook.
        on_ready: Called once with the webhook address when the portal listens.
    """
    from bitrix24_agent.emulator.server import PortalServer, listen

    portal = Portal(
        seed=seed,
        deals=deals,
        limits=limits,
        operating_limit=operating_limit,
        latency=latency,
        faults=faults,
        code=code,
    )
    socket = listen(host, port)
    portal.base_url = f"http://{host}:{socket.getsockname()[1]}"
    server = PortalServer(portal)
    if on_ready is not None:
        on_ready(portal.base_url + portal.webhook_path())
    server.run(sockets=[socket])
