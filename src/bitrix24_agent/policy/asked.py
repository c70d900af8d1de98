"""What a human's no covers: the same request in other clothes is the same request."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from bitrix24_agent.model import canonical_json

if TYPE_CHECKING:
    from bitrix24_agent.model import Call, Json

_NUMBER = re.compile(r"\s*[+-]?\d{1,40}(?:\.\d{1,40})?\s*", re.ASCII)


def fingerprints(call: Call) -> tuple[str, ...]:
    """Return what *call* asks for, whatever it is dressed in; a batch asks for its commands too.

    Numbers and numbers written as text are equal, the order of names does not count, and a batch
    of one command is that command.
    """
    if not call.is_batch:
        return (_one(call),)
    inner = tuple(fp for command in call.commands.values() for fp in fingerprints(command))
    return tuple(dict.fromkeys((own_fingerprint(call), *inner)))


def own_fingerprint(call: Call) -> str:
    """Return the fingerprint of *call* as a whole: what a no to it is remembered by."""
    if call.is_batch and len(call.commands) == 1:
        return own_fingerprint(next(iter(call.commands.values())))
    return _one(call)


def _one(call: Call) -> str:
    params = {} if call.is_batch else _alike(dict(call.params))
    plain = replace(call, params=params, commands={}).plain()
    plain["commands"] = [own_fingerprint(inner) for inner in call.commands.values()]
    return hashlib.sha256(f"asked\n{canonical_json(plain)}".encode()).hexdigest()


def _alike(value: Json) -> Json:
    """Write every number the same way; nothing else that differs is made equal."""
    if isinstance(value, dict):
        return {name: _alike(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_alike(inner) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        value = str(value)
    if not _NUMBER.fullmatch(value):
        return value
    number = f"{Decimal(value.strip()):f}"
    return number.rstrip("0").rstrip(".") if "." in number else number
