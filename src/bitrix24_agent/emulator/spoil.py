"""How each fault looks on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from bitrix24_agent.emulator.wire import to_json

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from bitrix24_agent.emulator.faults import Fault

_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_JSON = "application/json; charset=utf-8"


class Cut(Response):
    """No answer, or half of one: the connection is closed by the portal."""

    def __init__(self, half_of: Response | None) -> None:
        super().__init__()
        self.status_code = half_of.status_code if half_of is not None else 0
        self._half_of = half_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what there is and close the transport under the client."""
        transport = scope.get("b24.transport")
        if transport is None:
            raise ConnectionAbortedError("the emulated portal cut the connection")
        if self._half_of is None:
            transport.abort()
        else:
            body = bytes(self._half_of.body)
            await send(
                {
                    "type": "http.response.start",
                    "status": self._half_of.status_code,
                    "headers": self._half_of.raw_headers,
                }
            )
            half = body[: max(1, len(body) // 2)]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            transport.close()
        while (await receive())["type"] != "http.disconnect":
            continue


def spoiled(fault: Fault, answer: Response | None, method: str) -> Response:
    """Return what goes out instead of *answer* (None when the method never ran)."""
    match fault.kind:
        case "lost":
            return Cut(None)
        case "cut_body":
            whole = answer or Response(to_json({"result": True, "time": {}}), media_type=_JSON)
            return Cut(whole)
        case "bad_gateway":
            return Response(_PAGE.format("502 Bad Gateway"), 502, media_type="text/html")
        case "unavailable":
            return Response(
                _PAGE.format("503 Service Temporarily Unavailable"), 503, media_type="text/html"
            )
        case "redirect":
            return Response(
                _PAGE.format("302 Found"),
                302,
                {"Location": fault.location + (method if fault.location.endswith("/") else "")},
                media_type="text/html",
            )
        case "html":
            return Response(_PAGE.format("Authorization"), 200, media_type="text/html")
        case "wrong_json":
            return Response(b'{"result": {"ID": "1", ', 200, media_type=_JSON)
        case "slow":
            return answer or Response(status_code=204)
        case _:
            refusal = fault.refusal()
            return Response(to_json(refusal.body()), refusal.status, media_type=_JSON)
