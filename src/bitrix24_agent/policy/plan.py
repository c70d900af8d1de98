"""A plan's pure parts: what it is bound to, and which read shows the object before."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bitrix24_agent.model import Call, Risk, canonical_json
from bitrix24_agent.policy.credentials import folded
from bitrix24_agent.policy.values import has_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bitrix24_agent.model import Json, Method
    from bitrix24_agent.params import Param
    from bitrix24_agent.policy.port import Catalog

_VOLATILE = frozenset({
    "lastactivitydate", "lastactivitytime", "lastactivityby", "isonline", "lastlogin",
    "timestampx", "vieweddate", "favorite", "ismuted", "newcommentscount",
    "servicecommentscount", "commentscount", "action", "downloadurl", "urlmachine",
    "downloadmachine", "url", "urldownload", "detailurl", "counters", "activitydate",
})  # fmt: skip
"""What changes by being looked at, or by other people's presence: not a change of the object."""

_WRAPPERS = ("item", "task", "element", "product", "order", "message", "0")


# --- what a plan is bound to ----------------------------------------------------------------------


def digest(call: Call, *, portal: str, credential_id: str, references_digest: str) -> str:
    """Return what an approval is bound to: this call, portal, credential and references."""
    bound = {
        "portal": portal,
        "credential": credential_id,
        "references": references_digest,
        "call": call.plain(),
    }
    return hashlib.sha256(canonical_json(bound).encode("utf-8", "surrogatepass")).hexdigest()


def fingerprint(before: Mapping[str, Json] | None) -> str | None:
    """Return a digest of the object a plan was made for; None when it was not read.

    What changes by being read (view dates, signed links, presence) does not count.
    """
    if before is None:
        return None
    return hashlib.sha256(
        canonical_json(_steady(before)).encode("utf-8", "surrogatepass")
    ).hexdigest()


def approval_token(key: bytes, plan_digest: str, plan_id: str) -> str:
    """Return the proof that the holder of *key* approved exactly this plan."""
    if not key:
        raise ValueError("the approver key is empty")
    message = f"bitrix24-agent approve\n{plan_id}\n{plan_digest}".encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def is_approval(key: bytes, plan_digest: str, plan_id: str, token: str) -> bool:
    """Whether *token* is the proof for this plan; takes the same time for every wrong one."""
    if not key or not token.isascii():
        return False
    return hmac.compare_digest(approval_token(key, plan_digest, plan_id), token.strip().lower())


# --- which read shows it --------------------------------------------------------------------------


def item_of(result: object) -> Mapping[str, Json] | None:
    """Return the object in a ``*.get`` result, wherever the method keeps it, or None."""
    if isinstance(result, list):
        return item_of(result[0]) if len(result) == 1 else None
    if not isinstance(result, Mapping) or not result:
        return None
    for name in _WRAPPERS:
        inner = result.get(name) if len(result) <= 2 else None
        if isinstance(inner, Mapping):
            return inner
        if isinstance(inner, list) and len(inner) == 1:
            return item_of(inner)
    return result


_CHANGES = {"update", "delete", "edit", "remove", "save", "modify", "rename", "move", "markdeleted"}
_READS = ("get", "item")
_TARGET_NAMES = (
    "id", "taskid", "entityid", "itemid", "elementid", "messageid", "dealid", "ownerid", "userid",
    "chatid", "dialogid",
)  # fmt: skip


def before_call(call: Call, catalog: Catalog) -> Call | None:
    """Return the read that shows what *call* is about to change or delete, if there is one.

    ``X.update`` and ``X.delete`` are shown by ``X.get`` when the catalogue has it and it takes the
    same address (id, and ``entityTypeId`` and the like where it needs them). For a batch: a batch
    of these reads under the same keys; commands that depend on another command cannot be read
    beforehand.
    """
    if call.is_batch:
        reads = {
            key: read
            for key, inner in call.commands.items()
            if (read := before_call(inner, catalog)) is not None and not _linked(read)
        }
        if not reads:
            return None
        params = {"halt": 0} if call.version == 2 else {}
        return Call(method="batch", version=call.version, params=params, commands=reads)
    stem, _, verb = call.method.rpartition(".")
    if verb.lower() not in _CHANGES or not stem:
        return None
    reader = _reader(stem, call.version, catalog)
    if reader is None:
        return None
    arguments = _address(call, reader)
    if arguments is None or _linked(
        candidate := Call(method=reader.name, version=reader.version, params=arguments)
    ):
        return None
    return candidate


def _reader(stem: str, version: int, catalog: Catalog) -> Method | None:
    for verb in _READS:
        method = catalog.lookup(f"{stem}.{verb}", version)
        if method is not None and method.risk is Risk.READ:
            return method
    return None


def _address(call: Call, reader: Method) -> dict[str, Json] | None:
    """The arguments that make *reader* show the object of *call*, if they are all known.

    ``id`` and ``<entity>Id`` mean the same object; any other id is another object.
    """
    given = {
        folded(name): value
        for name, value in call.params.items()
        if not isinstance(value, dict | list)
    }
    own = ("id", folded(call.method.split(".")[-2]) + "id")
    target = next((given[word] for word in own if word in given), None)
    top = [param for param in reader.params if param.top_level]
    wanted: dict[str, Json] = {}
    for param in top:
        word = folded(param.name)
        if word in given:
            wanted[param.name] = given[word]
        elif param.required and not param.group:
            if word not in own or target is None:
                return None
            wanted[param.name] = target
    if not _identifies(wanted, top, own):
        filters = [param.name for param in top if folded(param.name) == "filter"]
        if target is None or not filters:
            return None
        wanted[filters[0]] = {"ID" if reader.version == 2 else "id": target}
    if reader.version == 3 and "select" in {param.name for param in top}:
        wanted["select"] = list(dict.fromkeys(["id", *_set_fields(call)]))
    return wanted


def _identifies(wanted: Mapping[str, Json], top: Sequence[Param], own: tuple[str, ...]) -> bool:
    """Whether the arguments name one object: by its own id, or by a required one."""
    words = {folded(name) for name in wanted}
    required = {folded(param.name) for param in top if param.required}
    return any(
        word in own or (word in required and word.endswith("id") and word not in _TYPES)
        for word in words
    )


_TYPES = frozenset({"entitytypeid", "ownertypeid", "iblockid", "iblocktypeid"})


# --- small things ---------------------------------------------------------------------------------


def _set_fields(call: Call) -> Iterator[str]:
    """Yield the names of the fields the call sets; ids only say which object."""
    for name, value in call.params.items():
        if folded(name) in ("fields", "data") and isinstance(value, dict):
            yield from value
        elif folded(name) not in ADDRESSING:
            yield name


ADDRESSING = frozenset({*_TARGET_NAMES, "entitytypeid", "authconnector", "start", "ownertypeid"})
"""Folded names that say which object a call is about; what it gets has other names."""


def _steady(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {n: _steady(v) for n, v in value.items() if folded(n) not in _VOLATILE}
    if isinstance(value, list):
        return [_steady(v) for v in value]
    return value


def _linked(call: Call) -> bool:
    return has_reference(dict(call.params))
