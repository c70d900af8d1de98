"""Bytes to parameters and back, the way a PHP portal does it; the client shares none of it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bitrix24_agent.model import Json

_BRACKETS = re.compile(r"\[([^\]]*)\]")

MOST_LEVELS = 64  # of nesting; PHP reads no deeper in forms
_ROOT_NAMES = str.maketrans(". ", "__")  # what PHP makes of a variable's name


class NotJson(ValueError):  # noqa: N818 -- names the finding
    """The body claims to be JSON and is not."""


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Json]:
    """Build PHP's array from ``a[b][]=x`` pairs; keys 0..n-1 below the root become lists.

    Source: settings/how-to-call-rest-api/data-encoding.md @ 5988ed13
    """
    root: dict[str, Json] = {}
    for key, value in pairs:
        head, bracket, rest = key.partition("[")
        inside = _BRACKETS.findall(bracket + rest)
        if bracket and not inside:  # never closed: PHP makes it part of the name
            head = f"{head}_{rest}"
        path = [head.translate(_ROOT_NAMES), *inside]
        if len(path) > MOST_LEVELS:  # PHP drops such a variable
            continue
        node = root
        for part, following in zip(path, [*path[1:], None], strict=True):
            name = part if part or node is root else str(_next_index(node))
            if following is None:
                node[name] = value
                break
            inner = node.get(name)
            if not isinstance(inner, dict):
                inner = node[name] = {}
            node = inner
    return {key: _listed(value) for key, value in root.items()}


def _next_index(node: Mapping[str, Json]) -> int:
    return max((int(key) + 1 for key in node if key.isdigit()), default=0)


def _listed(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(item) for key, item in value.items()}
    if inner and list(inner) == [str(n) for n in range(len(inner))]:
        return list(inner.values())
    return inner


def query_parameters(query: str) -> dict[str, Json]:
    """Decode a query string or a form body."""
    return nest(parse_qsl(query, keep_blank_values=True)) if query else {}


def body_parameters(body: bytes, content_type: str) -> dict[str, Json] | list[Json]:
    """Decode a v2 body by its content type; unreadable JSON counts as empty."""
    if not body:
        return {}
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            return json_parameters(body)
        except NotJson:
            return {}
    if kind == "multipart/form-data":
        return nest(
            (name, content.decode("utf-8", "replace"))
            for name, _, content in multipart(body, content_type)
        )
    return query_parameters(body.decode("utf-8", "replace"))


def json_parameters(body: bytes) -> dict[str, Json] | list[Json]:
    """Decode a JSON body whose root is an object or an array.

    Raises:
        NotJson: The body is something else.
    """
    try:
        decoded = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from None
    if not isinstance(decoded, dict | list):
        raise NotJson("the root is neither an object nor an array")
    if body.count(b"[") + body.count(b"{") > MOST_LEVELS and _levels(decoded) > MOST_LEVELS:
        raise NotJson("nested too deeply")
    if b"\\u" in body:
        try:
            to_json(decoded)
        except UnicodeEncodeError:
            raise NotJson("half of a surrogate pair") from None
    return decoded


def _levels(value: Json) -> int:
    levels, layer = 0, [value]
    while layer:
        levels += 1
        layer = [
            inner
            for one in layer
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return levels


def multipart(body: bytes, content_type: str) -> list[tuple[str, str | None, bytes]]:
    """Return (field name, file name or None, content) of each part of a multipart body."""
    from email import message_from_bytes  # late: few portals ever see a multipart body

    message = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    parts: list[tuple[str, str | None, bytes]] = []
    if not message.is_multipart():
        return parts
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            parts.append((name, part.get_filename(), content))
    return parts


def php_array(entries: Mapping[str, Json]) -> Json:
    """Return *entries* as PHP encodes an array: ``[]`` when empty, a list for keys 0, 1, 2...

    Source: settings/how-to-call-rest-api/batch.md @ 5988ed13 and recorded answers
    """
    if list(entries) == [str(n) for n in range(len(entries))]:
        return list(entries.values())
    return dict(entries)


def to_json(value: Json) -> bytes:
    """Encode an answer."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def to_xml(value: Mapping[str, Json]) -> bytes:
    """Encode an answer for the ``.xml`` suffix: one element a key, ``item`` for list entries.

    Source: settings/how-to-call-rest-api/general-principles.md @ 5988ed13
    """
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    return f"{head}<response>{_xml(value)}</response>".encode()


def _xml(value: Json) -> str:
    if isinstance(value, dict):
        return "".join(_element(str(key), item) for key, item in value.items())
    if isinstance(value, list):
        return "".join(_element("item", item) for item in value)
    if value is None or value is False:
        return ""
    return "1" if value is True else escape(str(value))


def _element(key: str, value: Json) -> str:
    tag = "item" if key.isdigit() else re.sub(r"[^\w.-]", "_", key)
    return f"<{tag}>{_xml(value)}</{tag}>"
