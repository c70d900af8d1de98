"""Files up and down. Links that carry a credential are fetched as they are and shown to nobody.

Sources: api-reference/files/how-to-upload-files.md, settings/how-to-call-rest-api/
general-principles.md @ 5988ed13
"""

from __future__ import annotations

import asyncio
import base64
import mimetypes
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from bitrix24_agent.client.transport import is_loopback
from bitrix24_agent.errors import (
    AccessError,
    ArgumentsError,
    OutcomeUnknownError,
    PortalError,
    Problem,
)
from bitrix24_agent.model import Call
from bitrix24_agent.protocol import response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from bitrix24_agent.client.auth import Auth
    from bitrix24_agent.model import Answer

MAX_INLINE = 20 * 1024 * 1024
"""Bytes of a file that is sent inside a call; base64 adds a third, and all of it is in memory."""

MAX_BYTES = 2 * 1024 * 1024 * 1024
"""Bytes of one file. Source: api-reference/files/index.md @ 5988ed13 (POST body in the cloud)"""

CHUNK = 256 * 1024

_BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 bitrix24-agent/0.1"
_NAME = re.compile(r"[\x00-\x1f/\\]")
_DISPOSITION = re.compile(
    r"filename\*=(?:UTF-8|utf-8)''(?P<coded>[^;]+)|filename=\"?(?P<plain>[^\";]+)"
)


class FileTransport(Protocol):
    """What a transport must offer beyond ``ports.Transport`` to carry files."""

    async def upload(
        self, url: str, body: AsyncIterator[bytes], headers: Mapping[str, str], *, timeout_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """POST a streamed body."""
        ...

    async def download(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        timeout_s: float,
        start: Callable[[int, Mapping[str, str]], None],
        write: Callable[[bytes], Awaitable[None]],
    ) -> None:
        """GET a streamed body."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """A file that came down: bytes, the name and type the portal gave it."""

    size: int
    name: str | None
    content_type: str


def inline(name: str, data: bytes | Path) -> list[str]:
    """Return a file as methods take it inside a call: ``[name, base64]``.

    Raises:
        ArgumentsError: No usable name, or larger than 20 MB: use an upload address for that.
    """
    _check_name(name)
    size = len(data) if isinstance(data, bytes) else data.stat().st_size
    if size > MAX_INLINE:
        raise _too_large(name, size, MAX_INLINE)
    content = data if isinstance(data, bytes) else data.read_bytes()
    return [name, base64.b64encode(content).decode()]


async def upload(
    transport: FileTransport,
    auth: Auth,
    url: str,
    source: bytes | Path,
    *,
    field: str = "file",
    name: str | None = None,
    timeout_s: float = 300.0,
) -> Answer:
    """Send a file to an upload address (``uploadUrl``) and return what the portal made of it.

    Args:
        transport: Carries it.
        auth: Whose portal it is; the address must lead there.
        url: The address the portal gave.
        source: Bytes, or a file that is streamed.
        field: Form field the portal asked for (``field`` or ``fieldName``).
        name: File name; that of *source* by default.
        timeout_s: Seconds for all of it.

    Raises:
        ArgumentsError: The address leads elsewhere, no file name, too large, no such file.
        OutcomeUnknownError: No readable answer; the file may be there.
        PortalError: The portal refused it.
    """
    _check_link(auth, url)
    name = name or (source.name if isinstance(source, Path) else "")
    _check_name(name)
    size = await asyncio.to_thread(_size_of, source)
    if size > MAX_BYTES:
        raise _too_large(name, size, MAX_BYTES)
    boundary = uuid4().hex
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{quoted}"\r\n'
        f"Content-Type: {kind}\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(head) + size + len(tail)),
        "Accept": "application/json",
        "User-Agent": _BROWSER,
    }

    async def body() -> AsyncIterator[bytes]:
        yield head
        async for piece in _pieces(source):
            yield piece
        yield tail

    status, received, data = await transport.upload(url, body(), headers, timeout_s=timeout_s)
    return response.decode(Call(method="upload"), status, received, data)


async def download(
    transport: FileTransport,
    auth: Auth,
    url: str,
    target: Path | None = None,
    *,
    max_bytes: int = MAX_BYTES,
    timeout_s: float = 300.0,
) -> tuple[Downloaded, bytes]:
    """Fetch a link with a credential inside (``DOWNLOAD_URL``, ``urlMachine``, ...), unchanged.

    With *target* the file is streamed there (complete or not at all) and the bytes are empty.

    Args:
        transport: Carries it.
        auth: Whose portal it is; the link must lead there.
        url: The link the portal gave.
        target: Where to put it, or None to return the bytes.
        max_bytes: Stop when it gets larger.
        timeout_s: Seconds for all of it.

    Raises:
        ArgumentsError: The link leads elsewhere, or the file is larger than *max_bytes*.
        AccessError: The portal gave a page or an error instead of the file.
        OutcomeUnknownError: It did not arrive as a whole.
    """
    _check_link(auth, url)
    headers = {
        "User-Agent": _BROWSER,  # without a usual one the body can be a 404 page of the server
        "Accept": "*/*",
        "Accept-Language": "en",
        "Referer": f"https://{auth.portal}/",
    }
    kept: list[bytes] = []
    seen: dict[str, str] = {}
    size = 0
    part = target.with_name(f".{target.name}.{uuid4().hex[:8]}.part") if target else None
    file = await asyncio.to_thread(part.open, "xb") if part else None

    def start(status: int, received: Mapping[str, str]) -> None:
        seen.update(received)
        if 300 <= status < 400:
            raise response.moved(status, received)
        if status != 200:
            raise AccessError(
                f"the portal gave no file (HTTP {status}); the link may have expired",
                code=f"HTTP_{status}",
                status=status,
            )
        if (length := received.get("content-length", "")).isdigit() and int(length) > max_bytes:
            raise _too_large("the file", int(length), max_bytes)

    async def write(piece: bytes) -> None:
        nonlocal size
        size += len(piece)
        if size > max_bytes:
            raise _too_large("the file", size, max_bytes)
        if file is None:
            kept.append(piece)
        else:
            await asyncio.to_thread(file.write, piece)

    try:
        await transport.download(url, headers, timeout_s=timeout_s, start=start, write=write)
        _check_whole(seen, size, kept)
        if file is not None and part is not None and target is not None:
            await asyncio.to_thread(file.close)
            await asyncio.to_thread(part.replace, target)
    except BaseException:
        if file is not None and part is not None:
            file.close()
            with suppress(OSError):
                part.unlink()
        raise
    found = Downloaded(size=size, name=_file_name(seen), content_type=seen.get("content-type", ""))
    return found, b"".join(kept)


# --- checks --------------------------------------------------------------------------------------


def _check_whole(headers: Mapping[str, str], size: int, kept: list[bytes]) -> None:
    """Raise when what came is not the file: some links answer an error as JSON with HTTP 200."""
    if "content-disposition" in headers:
        return
    if not headers.get("content-type", "").startswith("application/json") or size > 10_000:
        return
    try:
        response.decode(Call(method="download"), 200, {}, b"".join(kept))
    except (PortalError, OutcomeUnknownError) as error:
        raise AccessError(f"the portal gave no file: {error.message}", code=error.code) from None


def _check_link(auth: Auth, url: str) -> None:
    """Raise unless *url* leads to the portal of *auth*, by https or on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise _bad("url", "the link cannot be read") from None
    if parts.netloc.lower() != auth.portal.lower():
        raise _bad("url", f"the link leads to {host or 'no host'}, not to {auth.portal}")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise _bad("url", "the link is not https")


def _check_name(name: str) -> None:
    if not name or _NAME.search(name):
        raise _bad("name", "a file needs a name without slashes and control characters")


def _file_name(headers: Mapping[str, str]) -> str | None:
    """Return the name the portal gave, safe to use as a file name."""
    found = _DISPOSITION.search(headers.get("content-disposition", ""))
    if found is None:
        return None
    name = unquote(found["coded"]) if found["coded"] else found["plain"]
    return _NAME.sub("_", name.strip()).lstrip(".") or None


def _size_of(source: bytes | Path) -> int:
    if isinstance(source, bytes):
        return len(source)
    if not source.is_file():
        raise _bad("source", f"there is no file {source}")
    return source.stat().st_size


async def _pieces(source: bytes | Path) -> AsyncIterator[bytes]:
    if isinstance(source, bytes):
        for at in range(0, len(source), CHUNK):
            yield source[at : at + CHUNK]
        return
    file = await asyncio.to_thread(source.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, CHUNK):
            yield piece
    finally:
        file.close()


def _too_large(name: str, size: int, limit: int) -> ArgumentsError:
    return _bad("file", f"{name} has {size:,} bytes or more; at most {limit:,} are taken here")


def _bad(path: str, message: str) -> ArgumentsError:
    return ArgumentsError(message, problems=[Problem(path=path, message=message)])
