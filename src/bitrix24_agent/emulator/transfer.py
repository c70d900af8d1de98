"""Signed addresses for files: ``upload.json`` takes one, ``download.json`` gives one.

Source: api-reference/files/how-to-upload-files.md,
api-reference/disk/folder/disk-folder-upload-file.md,
settings/how-to-call-rest-api/general-principles.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from bitrix24_agent.emulator.journal import Executed, Received
from bitrix24_agent.emulator.methods.disk import download_token, save, shown
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.wire import multipart, to_json

if TYPE_CHECKING:
    from starlette.requests import Request

    from bitrix24_agent.emulator.portal import Portal
    from bitrix24_agent.model import Json

_JSON = "application/json; charset=utf-8"
_GONE = Response("<html><body>404 Not Found</body></html>", 404, media_type="text/html")


def routes(portal: Portal) -> list[Route]:
    """Return the routes of file transfer; they stand before the methods of the same folder."""

    async def upload(request: Request) -> Response:
        body = await request.body()
        number = _received(portal, request, "upload", body)
        token = request.query_params.get("token", "").removeprefix("disk|")
        known = portal.world.uploads.pop(token, None)
        if known is None:
            refusal = Refusal("ERROR_ARGUMENT", "Invalid upload token", 403)
            return Response(to_json(refusal.body()), refusal.status, media_type=_JSON)
        parts = multipart(body, request.headers.get("content-type", ""))
        file = next((part for part in parts if part[0] == "file" and part[1]), None)
        if file is None:
            refusal = Refusal("ERROR_COULD_NOT_SAVE_FILE", "Could not save file")
            return Response(to_json(refusal.body()), refusal.status, media_type=_JSON)
        try:
            row = save(portal.world, known, str(file[1]), file[2])
        except Refusal as refusal:
            return Response(to_json(refusal.body()), refusal.status, media_type=_JSON)
        base = f"{request.url.scheme}://{request.url.netloc}"
        result = shown(row, base, fresh=True)
        _executed(portal, number, "disk.folder.uploadfile", known.user_id, result)
        started = portal.clock()
        answer = {"result": result, "time": portal.kernel.time_block(started)}
        return Response(to_json(answer), media_type=_JSON)

    async def download(request: Request) -> Response:
        _received(portal, request, "download", b"")
        token = request.query_params.get("token", "").removeprefix("disk|")
        key = int(token.partition("-")[0]) if token.partition("-")[0].isdigit() else 0
        content = portal.world.contents.get(key)
        # Without a usual User-Agent real portals answer a web server's 404.
        if content is None or token != download_token(key) or not request.headers.get("user-agent"):
            return _GONE
        name = portal.world.disk_objects.rows[key]["NAME"]
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, 200, headers, media_type="application/octet-stream")

    return [
        Route("/rest/upload.json", upload, methods=["POST"]),
        Route("/rest/download.json", download, methods=["GET"]),
    ]


def _received(portal: Portal, request: Request, name: str, body: bytes) -> int:
    entry = Received(
        number=0,
        at=portal.clock(),
        verb=request.method,
        path=request.url.path,
        query=request.url.query,
        method=name,
        version=2,
        headers=dict(request.headers),
        body=body,
        status=200,
    )
    return portal.journal.receive(entry).number


def _executed(portal: Portal, request: int, name: str, user_id: int, result: Json) -> None:
    portal.journal.execute(
        Executed(
            number=0,
            request=request,
            at=portal.clock(),
            method=name,
            version=2,
            params={},
            user_id=user_id,
            writes=True,
            result=result,
        )
    )
