"""The control API under ``/__emulator__/``, a path no portal has; it answers on loopback only."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from bitrix24_agent.emulator.faults import fault_from
from bitrix24_agent.emulator.limiter import RateLimit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from bitrix24_agent.emulator.portal import Portal
    from bitrix24_agent.model import Json

PREFIX = "/__emulator__"


def control_routes(portal: Portal) -> list[Route]:
    """Return the routes: reset, faults, journal, requests, limits, stats."""

    def route(name: str, verbs: Iterable[str], act: Callable[[Portal, str, Json], Json]) -> Route:
        async def endpoint(request: Request) -> Response:
            if not _is_local(request):
                return JSONResponse({"error": "loopback only"}, 403)
            raw = await request.body()
            try:
                body = json.loads(raw) if raw else {}
                return JSONResponse(act(portal, request.method, body))
            except (TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 400)

        handler: Callable[[Request], Awaitable[Response]] = endpoint
        return Route(f"{PREFIX}/{name}", handler, methods=list(verbs))

    return [
        route("reset", ["POST"], _reset),
        route("faults", ["GET", "POST", "DELETE"], _faults),
        route("journal", ["GET"], _journal),
        route("requests", ["GET"], _requests),
        route("limits", ["POST"], _limits),
        route("stats", ["GET"], _stats),
    ]


def _is_local(request: Request) -> bool:
    if request.client is None:
        return True
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return request.client.host in ("localhost", "testclient")


def _reset(portal: Portal, _verb: str, _body: Json) -> Json:
    portal.reset()
    return {"ok": True}


def _faults(portal: Portal, verb: str, body: Json) -> Json:
    if verb == "DELETE":
        portal.faults.clear()
    elif verb == "POST":
        fault = fault_from(body)
        options: dict[str, Json] = {"when": fault.when, "times": fault.times, "skip": fault.skip}
        options |= {"probability": fault.probability, "seed": fault.seed, "seconds": fault.seconds}
        options |= {"version": fault.version, "location": fault.location}
        portal.faults.add(fault.method, fault.kind, **options)
    return {"faults": portal.faults.described()}


def _journal(portal: Portal, _verb: str, _body: Json) -> Json:
    return {
        "executed": [
            {
                "number": entry.number,
                "request": entry.request,
                "method": entry.method,
                "version": entry.version,
                "params": entry.params,
                "user": entry.user_id,
                "command": entry.command,
                "at": entry.at,
                "outcome": entry.outcome,
                "code": entry.code,
            }
            for entry in portal.journal.executed
        ]
    }


def _requests(portal: Portal, _verb: str, _body: Json) -> Json:
    return {
        "requests": [
            {
                "number": entry.number,
                "verb": entry.verb,
                "method": entry.method,
                "version": entry.version,
                "status": entry.status,
                "code": entry.code,
                "fault": entry.fault,
                "at": entry.at,
            }
            for entry in portal.journal.requests
        ]
    }


def _limits(portal: Portal, _verb: str, body: Json) -> Json:
    if "capacity" in body:
        portal.bucket.limit = RateLimit.of((body["capacity"], body.get("per_second", 2)))
    if "level" in body:
        portal.bucket.fill(body["level"])
    if "operating_limit" in body:
        portal.operating.limit = body["operating_limit"]
    return {"level": portal.bucket.level}


def _stats(portal: Portal, _verb: str, _body: Json) -> Json:
    return {
        "requests": len(portal.journal.requests),
        "executed": dict(portal.journal.counts),
        "level": portal.bucket.level,
        "rows": {
            "deals": len(portal.world.deals),
            "contacts": len(portal.world.contacts),
            "companies": len(portal.world.companies),
            "tasks": len(portal.world.tasks),
        },
    }
