"""A portal to measure against, in its own process: envelope, batch, paging, leaky bucket, OAuth.

    python -m client.stub            prints its port; ends when its standard input closes

Methods: crm.deal.list, crm.deal.get, crm.deal.add and batch, by webhook or access token.
Control, for the benchmark alone: POST /__config (new data and settings, see ``SETTINGS``), POST
/__zero (counters and bucket as at the start), GET /__stats, GET /__truth.

A page costs ``list_ms``, and ``count_ms`` more where the total is counted (``start`` other than
-1). Commands of a batch cost their sum, requests overlap. The bucket is the documented one: one
more a request, ``leak`` less once a second, and a request that finds it full gets 503.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from client.deals import Deals, Refused, dumps, loads

SETTINGS: dict[str, Any] = {
    "deals": 10_000,
    "gap": 0.2,  # chance that the next id is left out
    "seed": 7,
    "list_ms": 20.0,
    "count_ms": 0.0,
    "offset_us": 0.0,  # for each row that a page skips
    "get_ms": 2.0,
    "write_ms": 2.0,
    "limiter": False,
    "bucket": 50,
    "leak": 2,
    "bucket_start": 0,
    "lose": 0,  # so many answers to crm.deal.add are lost, after it ran
    "tokens": None,  # {"access": ..., "refresh": ...}: what is valid; turns tokens on
    "token_ms": 0.0,
}
_PATH = re.compile(r"/rest/(?:(\d+)/([^/]+)/)?([^/]+?)(?:\.json)?/?")
_REFERENCE = re.compile(r"\$result((?:\[[^\]]+\])+)")
Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Portal:
    """Everything the portal knows."""

    def __init__(self) -> None:
        self.configure({})

    def configure(self, settings: dict[str, Any]) -> None:
        """Start again with *settings* over the defaults."""
        self.set = {**SETTINGS, **settings}
        self.deals = Deals(self.set["deals"], self.set["gap"], self.set["seed"])
        self.tokens = dict(self.set["tokens"]) if self.set["tokens"] else None
        self.issued = 1
        self.to_lose = self.set["lose"]
        self.operating: dict[str, float] = {}
        self.zero()

    def zero(self) -> None:
        """Set counters and bucket back."""
        self.stats = {"requests": 0, "e503": 0, "e401": 0, "commands": 0, "refreshes": 0}
        self.level = float(self.set["bucket_start"])
        self.tick = time.monotonic()

    def admits(self) -> bool:
        """Count a request in, or say that the bucket is full."""
        if not self.set["limiter"]:
            return True
        seconds = int(time.monotonic() - self.tick)
        self.level = max(0.0, self.level - seconds * self.set["leak"])
        self.tick += seconds
        if self.level >= self.set["bucket"]:
            return False
        self.level += 1
        return True

    def run(self, method: str, params: dict[str, Any]) -> Ran:
        """Run one method."""
        low = {key.lower(): value for key, value in params.items()}
        if method == "crm.deal.list":
            body, page, following, total, offset = self.deals.page(low)
            cost_ms = self.set["list_ms"]
            if total is not None:
                cost_ms += self.set["count_ms"] + self.set["offset_us"] * offset / 1e3
            return Ran(body, page, cost_ms, following, total)
        if method == "crm.deal.get":
            raw = self.deals.raw.get(int(low.get("id") or 0))
            if raw is None:
                raise Refused("", "Not found")
            return Ran(raw, None, self.set["get_ms"])
        if method == "crm.deal.add":
            number = self.deals.add(low.get("fields") or {})
            return Ran(b"%d" % number, number, self.set["write_ms"])
        raise Refused("ERROR_METHOD_NOT_FOUND", "Method not found!", 404)

    def refresh(self, params: dict[str, Any]) -> tuple[int, bytes]:
        """Answer a request for new tokens; the refresh token is replaced as well."""
        self.stats["refreshes"] += 1
        if self.tokens is None or params.get("refresh_token") != self.tokens["refresh"]:
            return 400, dumps({"error": "invalid_grant", "error_description": ""})
        self.issued += 1
        self.tokens = {"access": f"a{self.issued}", "refresh": f"r{self.issued}"}
        answer = {
            "access_token": self.tokens["access"],
            "refresh_token": self.tokens["refresh"],
            "expires": int(time.time()) + 3600,
            "expires_in": 3600,
            "scope": "app",
            "domain": "oauth.bitrix.info",
            "server_endpoint": "https://oauth.bitrix.info/rest/",
            "status": "L",
            "client_endpoint": "https://portal.example/rest/",
            "member_id": "m",
            "user_id": 1,
        }
        return 200, dumps(answer)

    def time_of(self, start: float, end: float, method: str = "", cost_ms: float = 0) -> bytes:
        """Return the ``time`` block, with the operating time of *method* so far."""
        operating = 0.0
        if method:
            operating = self.operating[method] = self.operating.get(method, 0.0) + cost_ms / 1e3
        stamp = [
            time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(moment)) for moment in (start, end)
        ]
        block = {
            "start": round(start, 6),
            "finish": round(end, 6),
            "duration": round(end - start, 6),
            "processing": round(end - start, 6),
            "date_start": stamp[0],
            "date_finish": stamp[1],
            "operating_reset_at": int(start) + 600,
            "operating": round(operating, 6),
        }
        return dumps(block)


class Ran:
    """What a method returned: bytes for the wire, a value for references, and its cost."""

    __slots__ = ("body", "cost_ms", "following", "total", "value")

    def __init__(
        self,
        body: bytes,
        value: Any,
        cost_ms: float,
        following: int | None = None,
        total: int | None = None,
    ) -> None:
        self.body, self.value, self.cost_ms = body, value, cost_ms
        self.following, self.total = following, total


# --- batch ---------------------------------------------------------------------------------------


def run_batch(portal: Portal, params: dict[str, Any], start: float) -> tuple[bytes, float]:
    """Run the commands one after another; return the envelope without its end, and their cost."""
    commands = params.get("cmd") or {}
    if isinstance(commands, list):
        commands = {str(place): text for place, text in enumerate(commands)}
    halt = str(params.get("halt") or 0).lower() in ("1", "true")
    parts: dict[str, dict[str, bytes]] = {
        name: {}
        for name in ("result", "result_error", "result_total", "result_next", "result_time")
    }
    values: dict[str, Any] = {}
    cost_ms = 0.0
    for place, (key, text) in enumerate(commands.items()):
        portal.stats["commands"] += 1
        method, _, query = str(text).partition("?")
        try:
            if place >= 50:
                raise Refused("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
            found = parse_qsl(query, keep_blank_values=True)
            given = nested([(name, resolved(value, values)) for name, value in found])
            ran = portal.run(method.strip().lower(), given)
        except Refused as error:
            text = {"error": error.code, "error_description": error.text}
            parts["result_error"][key] = dumps(text)
            if halt:
                break
            continue
        began = start + cost_ms / 1e3
        cost_ms += ran.cost_ms
        ended = start + cost_ms / 1e3
        values[key] = ran.value if ran.value is not None else ran.body
        parts["result"][key] = ran.body
        parts["result_time"][key] = portal.time_of(began, ended, method, ran.cost_ms)
        if ran.total is not None:
            parts["result_total"][key] = b"%d" % ran.total
        if ran.following is not None:
            parts["result_next"][key] = b"%d" % ran.following
    inner = b",".join(b'"%s":%s' % (name.encode(), php(part)) for name, part in parts.items())
    return b'{"result":{' + inner + b"}", cost_ms


def php(values: dict[str, bytes]) -> bytes:
    """Encode a PHP array of raw bytes: a list when its keys are 0, 1, 2 and so on."""
    if list(values) == [str(place) for place in range(len(values))]:
        return b"[" + b",".join(values.values()) + b"]"
    return b"{" + b",".join(dumps(key) + b":" + raw for key, raw in values.items()) + b"}"


def nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Return ``filter[>ID]=5`` and the like as nested maps; lists stay maps with number keys."""
    out: dict[str, Any] = {}
    for name, value in pairs:
        head, *path = re.split(r"[\[\]]+", name.rstrip("]"))
        here = out
        for part, follows in zip([head, *path], [*path, None], strict=True):
            key = part or str(len(here))
            if follows is None:
                here[key] = value
            else:
                here = here.setdefault(key, {})
    return out


def resolved(text: str, values: dict[str, Any]) -> str:
    """Return *text* with every ``$result[...]`` replaced; by nothing where it leads nowhere."""
    if "$result" not in text:
        return text

    def found(match: re.Match[str]) -> str:
        here: Any = values
        for part in re.findall(r"\[([^\]]+)\]", match[1]):
            if isinstance(here, bytes):
                here = loads(here)
            try:
                here = here[part] if isinstance(here, dict) else here[int(part)]
            except (KeyError, IndexError, ValueError, TypeError):
                return ""
        return str(here)

    return _REFERENCE.sub(found, text)


# --- HTTP ----------------------------------------------------------------------------------------


class App:
    """The portal as an ASGI application, without a framework: its cost is in every number."""

    def __init__(self) -> None:
        self.portal = Portal()

    async def __call__(self, scope: Scope, receive: Callable[[], Any], send: Send) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        path = scope["path"]
        if path.startswith("/__"):
            await _reply(send, 200, self._control(path, body))
            return
        params = _params(scope, body)
        if path.rstrip("/") == "/oauth/token":
            await asyncio.sleep(self.portal.set["token_ms"] / 1e3)
            await _reply(send, *self.portal.refresh(params))
            return
        match = _PATH.fullmatch(path)
        if match is None:
            await _reply(send, 404, b"{}")
            return
        try:
            answer = await self._rest(match, params)
        except Refused as error:
            problem = {"error": error.code, "error_description": error.text}
            await _reply(send, error.status, dumps(problem))
            return
        if self.portal.to_lose and match[3].lower() == "crm.deal.add":
            self.portal.to_lose -= 1
            await _lose(send, answer)
            return
        await _reply(send, 200, answer)

    def _control(self, path: str, body: bytes) -> bytes:
        portal = self.portal
        if path == "/__config":
            portal.configure(loads(body or b"{}"))
        elif path == "/__zero":
            portal.zero()
        elif path == "/__stats":
            return dumps({**portal.stats, "now": len(portal.deals.ids)})
        elif path == "/__truth":
            return dumps(portal.deals.at_start)
        return b"{}"

    async def _rest(self, match: re.Match[str], params: dict[str, Any]) -> bytes:
        portal = self.portal
        portal.stats["requests"] += 1
        if not portal.admits():
            portal.stats["e503"] += 1
            raise Refused("QUERY_LIMIT_EXCEEDED", "Too many requests", 503)
        known = portal.tokens is None or match[2] or params.get("auth") == portal.tokens["access"]
        if not known:
            portal.stats["e401"] += 1
            raise Refused("expired_token", "The access token provided has expired.", 401)
        start, method = time.time(), match[3].lower()
        if method == "batch":
            out, cost_ms = run_batch(portal, params, start)
            await _spend(cost_ms)
            return out + b',"time":' + portal.time_of(start, time.time()) + b"}"
        ran = portal.run(method, params)
        await _spend(ran.cost_ms)
        out = b'{"result":' + ran.body
        if ran.following is not None:
            out += b',"next":%d' % ran.following
        if ran.total is not None:
            out += b',"total":%d' % ran.total
        block = portal.time_of(start, time.time(), method, ran.cost_ms)
        return out + b',"time":' + block + b"}"


async def _spend(cost_ms: float) -> None:
    if cost_ms:
        await asyncio.sleep(cost_ms / 1e3)


def _params(scope: Scope, body: bytes) -> dict[str, Any]:
    query = scope["query_string"].decode()
    params = nested(parse_qsl(query, keep_blank_values=True)) if query else {}
    if body[:1] == b"{":
        params |= loads(body)
    elif body and body[:1] != b"[":
        params |= nested(parse_qsl(body.decode(), keep_blank_values=True))
    return params


async def _reply(send: Send, status: int, body: bytes, cut: int | None = None) -> None:
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body[:cut], "more_body": cut is not None})


async def _lose(send: Send, body: bytes) -> None:
    """Break the connection without a byte, or (a server that hides it) in the middle."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
        return
    await _reply(send, 200, body, cut=len(body) // 2)
    raise ConnectionAbortedError


def main() -> None:
    """Listen on a free port, say which, and serve."""
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(
        App(), log_level="critical", access_log=False, lifespan="off", timeout_keep_alive=60
    )
    run: Callable[[Any], None] = asyncio.run
    with contextlib.suppress(ImportError):
        import uvloop

        run = uvloop.run
    print(listener.getsockname()[1], config.http, run.__module__, flush=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    run(uvicorn.Server(config).serve(sockets=[listener]))


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
