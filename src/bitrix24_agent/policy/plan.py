"""A plan's pure parts: what it is bound to, how it reads, which read shows the object before."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bitrix24_agent.model import Call, FieldChange, Risk, canonical_json
from bitrix24_agent.policy.credentials import folded
from bitrix24_agent.policy.values import has_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bitrix24_agent.model import Json, Method
    from bitrix24_agent.params import Param
    from bitrix24_agent.policy.port import Catalog

MAX_SHOWN = 40
MAX_CHARS = 200
_VOLATILE = frozenset({
    "lastactivitydate", "lastactivitytime", "lastactivityby", "isonline", "lastlogin",
    "timestampx", "vieweddate", "favorite", "ismuted", "newcommentscount",
    "servicecommentscount", "commentscount", "action", "downloadurl", "urlmachine",
    "downloadmachine", "url", "urldownload", "detailurl", "counters", "activitydate",
})  # fmt: skip
"""What changes by being looked at, or by other people's presence: not a change of the object."""

_NAMES = ("TITLE", "title", "NAME", "name", "LAST_NAME", "SUBJECT", "subject")
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


# --- how it reads ---------------------------------------------------------------------------------


def summarise(call: Call, method: Method | None, risk: Risk) -> str:
    """Return the line a human decides by: risk, method, the object, the fields that change."""
    mark = "" if risk is Risk.READ else f"[{risk}] "
    if call.is_batch:
        counted: dict[str, int] = {}
        for inner in call.commands.values():
            counted[inner.method] = counted.get(inner.method, 0) + 1
        names = ", ".join(f"{n} × {name}" if n > 1 else name for name, n in counted.items())
        return _cut(f"{mark}batch of {len(call.commands)}: {names}", 400)
    parts = [f"{mark}{call.method}"]
    if call.version == 3:
        parts[0] += " (v3)"
    targets = [f"{n}={_shown(v)}" for n, v in call.params.items() if not isinstance(v, dict | list)]
    parts += targets[:6]
    inner_names = [name for value in _objects(call.params) for name in value]
    if inner_names:
        parts.append(
            f"sets {', '.join(inner_names[:12])}" + (" …" if len(inner_names) > 12 else "")
        )
    if method is not None and method.summary:
        parts.append(f"— {method.summary}")
    return _cut(" ".join(parts), 400)


def diff(before: Mapping[str, Json] | None, call: Call) -> tuple[FieldChange, ...]:
    """Return what changes, field by field; for a batch *before* holds one object by command key.

    ``before`` is None for a field that did not exist or could not be read, ``after`` is None for
    one that goes.
    """
    if call.is_batch:
        found = before or {}
        return tuple(
            FieldChange(path=c.path, before=c.before, after=c.after, command=key)
            for key, inner in call.commands.items()
            for c in diff(_mapping(found.get(key)), inner)
        )[: MAX_SHOWN * 4]
    item = item_of(before)
    if _is_delete(call.method):
        kept = {n: v for n, v in (item or {}).items() if v not in (None, "", [], {})}
        named = sorted(kept, key=lambda n: (n not in _NAMES, list(kept).index(n)))
        return tuple(
            FieldChange(path=name, before=_brief(kept[name]), after=None)
            for name in named[:MAX_SHOWN]
            if not isinstance(kept[name], dict)
        )
    changes = []
    lookup = {folded(name): value for name, value in (item or {}).items()}
    for path, after in _changed_fields(call):
        was = lookup.get(folded(path.rpartition(".")[2]))
        if item is None or not _same(was, after):
            changes.append(FieldChange(path=path, before=_brief(was), after=_brief(after)))
    return tuple(changes[:MAX_SHOWN])


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


# --- which read shows it --------------------------------------------------------------------------

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
        fields = [path.rpartition(".")[2] for path, _ in _changed_fields(call)]
        wanted["select"] = list(dict.fromkeys(["id", *fields]))
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


def _is_delete(method: str) -> bool:
    return method.rpartition(".")[2].lower() in ("delete", "remove", "markdeleted", "deletetree")


def _changed_fields(call: Call) -> Iterator[tuple[str, Json]]:
    """Yield path and new value of every field the call sets; ids only say which object."""
    for name, value in call.params.items():
        if folded(name) in ("fields", "data") and isinstance(value, dict):
            for inner, new in value.items():
                yield f"{name}.{inner}", new
        elif folded(name) not in _ADDRESSING:
            yield name, value


_ADDRESSING = frozenset(
    {*_TARGET_NAMES, "entitytypeid", "authconnector", "start", "params", "ownertypeid"}
)


def _objects(params: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    for value in params.values():
        if isinstance(value, dict):
            yield value


def _steady(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {n: _steady(v) for n, v in value.items() if folded(n) not in _VOLATILE}
    if isinstance(value, list):
        return [_steady(v) for v in value]
    return value


def _linked(call: Call) -> bool:
    return has_reference(dict(call.params))


def _mapping(value: object) -> Mapping[str, Json] | None:
    return value if isinstance(value, Mapping) else item_of(value)


def _same(before: Json, after: Json) -> bool:
    """Whether the portal calls both equal: numbers come as text, no value as null or ''."""
    empty: tuple[Json, ...] = (None, "", [], {})
    if before in empty and after in empty:
        return True
    if isinstance(before, bool) or isinstance(after, bool):
        return _yes(before) == _yes(after)
    if isinstance(before, str | int | float) and isinstance(after, str | int | float):
        if str(before) == str(after):
            return True
        try:
            return float(before) == float(after)
        except ValueError:
            return False
    return canonical_json(before) == canonical_json(after)


def _yes(value: Json) -> str:
    return {"y": "true", "1": "true", "n": "false", "0": "false"}.get(
        str(value).lower(), str(value).lower()
    )


def _brief(value: Json) -> Json:
    """Cut long texts; small structures stay as they are."""
    if isinstance(value, str):
        return _cut(value, MAX_CHARS)
    if isinstance(value, dict | list):
        text = canonical_json(value)
        return value if len(text) <= MAX_CHARS * 2 else _cut(text, MAX_CHARS)
    return value


def _shown(value: Json) -> str:
    text = _cut(" ".join(str(value).split()), 60)
    return repr(text) if isinstance(value, str) and not text.isalnum() else text


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
