"""Secrets out of text and nested values, ordinary words left in.

A secret is known (the toolkit's own, in any encoding), or stands where only secrets stand: after a
webhook's ``/rest/<user>/``, under a name such as ``access_token``, behind ``Bearer``, in the query
of a signed link. Every pattern reads each character a bounded number of times.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import traceback
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from bitrix24_agent.audit.secrets import MASK, every_pattern, places

if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_KNOWN = 4
_MAX_DEPTH = 64

_LETTERS = re.compile(r"[^a-z0-9]")
_SECRET_NAMES = frozenset({
    "accesstoken", "refreshtoken", "clientsecret", "applicationtoken", "authid", "refreshid",
    "webhookcode", "webhooksecret", "apikey", "bottoken", "password", "passwd", "sessid", "secret",
    "authorization", "cookie", "setcookie", "privatekey", "approverkey", "phpsessid", "xapikey",
})  # fmt: skip
_SECRET_ENDINGS = (
    "accesstoken",
    "refreshtoken",
    "clientsecret",
    "applicationtoken",
    "password",
    "webhookcode",
)


def mask(value: Any, known: Iterable[str] = ()) -> Any:
    """Return *value* with every secret replaced by ``***``: text, bytes, or anything nested.

    *known* are secrets to replace wherever they stand, however encoded. Containers come back as
    dict, list or tuple; numbers and other plain values as they are; an object whose text holds a
    secret becomes masked text.
    """
    return _mask(value, _pattern_of(known), 0)


def mask_known(value: Any, known: Iterable[str]) -> Any:
    """Return JSON-like *value* with only the *known* secrets replaced, however encoded.

    For a human who judges a call: what merely looks like a secret must be seen, or text could
    hide behind the mask.
    """
    pattern = _pattern_of(known)
    return value if pattern is None else _mask_known(value, pattern)


def _pattern_of(known: Iterable[str]) -> re.Pattern[str] | None:
    return _known_pattern(tuple(sorted({k for k in known if k}, key=len, reverse=True)))


def _mask_known(value: Any, known: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return known.sub(MASK, value)
    if isinstance(value, Mapping):
        return {
            _mask_known(name, known): _mask_known(inner, known) for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_mask_known(inner, known) for inner in value]
    return value


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret."""
    word = _LETTERS.sub("", name.lower())
    return word in _SECRET_NAMES or word.endswith(_SECRET_ENDINGS)


def langsmith_rules() -> list[dict[str, Any]]:
    """Return rules for ``langsmith.anonymizer.create_anonymizer``, which misses our secrets."""
    return [{"pattern": pattern, "replace": rf"\g<1>{MASK}"} for pattern in every_pattern()]


class MaskingFilter(logging.Filter):
    """Masks a log record whole: message, traceback and extra fields. Add it to handlers.

    A filter on a logger does not see what child loggers send up; a filter on a handler sees
    everything it writes.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        super().__init__()
        self._known = tuple(known)

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask *record* in place; always lets it through."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # arguments that do not fit the format
            message = f"{record.msg} {record.args!r}"
        record.msg = mask(message, self._known)
        record.args = None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        record.exc_info = None
        for name, value in record.__dict__.items():
            if name not in _PLAIN_FIELDS:
                record.__dict__[name] = mask(value, self._known)
        return True


_PLAIN_FIELDS = frozenset({
    "args", "created", "exc_info", "filename", "funcName", "levelname", "levelno", "lineno",
    "module", "msecs", "msg", "name", "pathname", "process", "processName", "relativeCreated",
    "taskName", "thread", "threadName",
})  # fmt: skip


def _mask(value: Any, known: re.Pattern[str] | None, depth: int) -> Any:
    if isinstance(value, str):
        return _mask_text(value, known)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= _MAX_DEPTH:
        return MASK
    if isinstance(value, Mapping):
        return {
            _mask_text(name, known) if isinstance(name, str) else name: (
                _hide(inner, known, depth + 1)
                if isinstance(name, str) and _holds_secret(name, inner)
                else _mask(inner, known, depth + 1)
            )
            for name, inner in value.items()
        }
    if isinstance(value, list | set | frozenset):
        return [_mask(inner, known, depth + 1) for inner in value]
    if isinstance(value, tuple):
        return tuple(_mask(inner, known, depth + 1) for inner in value)
    if isinstance(value, bytes | bytearray):
        return _mask_text(bytes(value).decode("utf-8", "surrogateescape"), known).encode(
            "utf-8", "surrogateescape"
        )
    text = (
        "".join(traceback.format_exception(value))
        if isinstance(value, BaseException)
        else str(value)
    )
    masked = _mask_text(text, known)
    return value if masked == text else masked


def _holds_secret(name: str, value: Any) -> bool:
    if is_secret_name(name):
        return True
    word = _LETTERS.sub("", name.lower())
    return word in ("auth", "token") and isinstance(value, str) and len(value) >= 8


def _hide(value: Any, known: re.Pattern[str] | None, depth: int) -> Any:
    """Replace everything under a secret name; the shape stays, an empty value stays empty."""
    if value is None or value == "" or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return _mask(value, known, depth)
    if isinstance(value, list | tuple):
        return [_hide(inner, known, depth) for inner in value]
    return MASK


def _mask_text(text: str, known: re.Pattern[str] | None) -> str:
    if known is not None:
        text = known.sub(MASK, text)
    found = places(text)
    if not found:
        return text
    parts: list[str] = []
    last = 0
    for start, end in sorted(found):
        if start >= last:
            parts += (text[last:start], MASK)
        last = max(last, end)
    return "".join((*parts, text[last:]))


@lru_cache(maxsize=64)
def _known_pattern(known: tuple[str, ...]) -> re.Pattern[str] | None:
    """One pattern for all known secrets and for every way they are commonly written."""
    forms: set[str] = set()
    for secret in known:
        for part in (secret, *_inside_address(secret)):
            if len(part) >= MIN_KNOWN:
                forms |= _encodings(part)
    if not forms:
        return None
    return re.compile("|".join(sorted(forms, key=len, reverse=True)))


def _inside_address(secret: str) -> list[str]:
    """The code of a webhook that was given as a whole address."""
    found = re.search(r"/rest/(?:api/)?\d+/([^/?#\s]+)", secret)
    return [found[1]] if found else []


def _encodings(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    plain = {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        quote(quote(secret, safe=""), safe=""),
        json.dumps(secret)[1:-1],
        json.dumps(secret).replace("/", "\\/")[1:-1],
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        raw.hex(),
    }
    forms = {re.escape(form) for form in plain}
    if len(secret) <= 256:  # %61%62: letters encoded although they need not be
        forms.add("".join(f"(?:{re.escape(c)}|{_percent(c)})" for c in secret))
    return forms


def _percent(char: str) -> str:
    """The percent-encoding of one character, in either case and encoded any number of times."""
    return "".join(
        "%(?:25)*" + "".join(f"[{d.lower()}{d.upper()}]" for d in f"{byte:02x}")
        for byte in char.encode("utf-8", "surrogatepass")
    )
