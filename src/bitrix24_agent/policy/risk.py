"""The worst thing a call can do with its arguments; never less than the catalogue says.

Each rule names what a parameter makes worse and the vendor page that says so. A value that another
command of the batch will fill in (``$result[...]``) counts as the worst it could be.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bitrix24_agent.model import Risk
from bitrix24_agent.policy.credentials import folded
from bitrix24_agent.policy.validate import hidden_references
from bitrix24_agent.policy.values import has_reference, is_false, walk
from bitrix24_agent.policy.worse import made_worse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bitrix24_agent.model import Call, Json
    from bitrix24_agent.policy.port import Catalog

Judged = tuple[Risk, str]
_NOTHING: Judged = (Risk.READ, "")


def assess(call: Call, catalog: Catalog) -> Judged:
    """Return the risk of *call* with the reason: for a batch that of its worst command.

    An unknown method, and a batch without readable commands, are destructive.
    """
    if call.is_batch:
        worst = _NOTHING
        for key, inner in call.commands.items():
            risk, reason = assess(inner, catalog)
            if risk > worst[0] or not worst[1]:
                worst = (risk, f"{key}: {inner.method}: {reason}")
        return worst if call.commands else (Risk.DESTRUCTIVE, "a batch without readable commands")
    method = catalog.lookup(call.method, call.version)
    if method is None:
        return Risk.DESTRUCTIVE, "not a documented method"
    own: Judged = (method.risk, f"{method.name} is a {method.risk} method")
    if method.risk is Risk.DESTRUCTIVE:
        return own
    hidden = hidden_references(method, call.params) if method.risk is Risk.WRITE else []
    if hidden:
        return Risk.DESTRUCTIVE, f"{hidden[0]} is hidden in a reference: it could change anything"
    return max((own, *_raised(method.name.lower(), method.risk, call.params)), key=lambda j: j[0])


def _raised(name: str, risk: Risk, params: Mapping[str, Json]) -> Iterator[Judged]:
    """Yield what the arguments add to the method's own risk."""
    last = name.rpartition(".")[2]
    for pattern, rule in _BY_METHOD:
        if pattern.fullmatch(name):
            yield rule(params)
    if risk is Risk.READ:
        return
    worse = made_worse(name, params)
    if worse is not None:
        yield Risk.DESTRUCTIVE, worse
    yield _flags(params)
    if last == "set":
        yield _empty_set(params)
    if last in ("update", "edit", "save", "modify"):
        yield _emptied_files(params)


# --- rules for some methods -----------------------------------------------------------------------


def _offline_queue(params: Mapping[str, Json]) -> Judged:
    """Source: api-reference/events/event-offline-get.md."""
    clear = _value(params, "clear", "1")
    if has_reference(clear) or not is_false(clear):
        return Risk.DESTRUCTIVE, "the portal deletes the events it returns unless clear=0"
    return Risk.WRITE, "the events it returns are hidden from other readers until they are settled"


def _bot_events(params: Mapping[str, Json]) -> Judged:
    """Source: api-reference/chat-bots/chat-bots-v2/imbot.v2/events/event-get.md."""
    offset = _value(params, "offset", None)
    if has_reference(offset) or not is_false(offset):
        return (
            Risk.DESTRUCTIVE,
            "offset confirms every event below it; they are not delivered again",
        )
    return _NOTHING


def _employee(params: Mapping[str, Json]) -> Judged:
    """Source: api-reference/user/user-update.md."""
    for path, value in walk(dict(params)):
        words = {folded(step) for step in path}
        if "active" in words and str(value).strip().lower() not in ("y", "true", "1"):
            return Risk.DESTRUCTIVE, "ACTIVE=N dismisses an employee and ends every session"
        if not words.isdisjoint(("groupid", "admin", "isadmin", "usertype")):
            return Risk.DESTRUCTIVE, f"{path[0]} changes what an employee may do"
    return _NOTHING


def _message(params: Mapping[str, Json]) -> Judged:
    """Source: api-reference/chats/messages/im-message-update.md."""
    for path, value in walk(dict(params)):
        inside = "message" in map(folded, path)
        if inside and (value in ([], {}) or _blank(value) or has_reference(value)):
            return Risk.DESTRUCTIVE, "an empty message deletes the message"
    return _NOTHING


def _public_link(params: Mapping[str, Json]) -> Judged:
    """Source: api-reference/disk/file/disk-file-get-external-link.md."""
    status = _value(params, "status", "1")
    if is_false(status) and not has_reference(status):
        return Risk.WRITE, "takes a public link back"
    return Risk.DESTRUCTIVE, "makes a link that anybody on the internet can open"


def _sharing(_params: Mapping[str, Json]) -> Judged:
    return Risk.DESTRUCTIVE, "changes who may see or change the object"


def _template(_params: Mapping[str, Json]) -> Judged:
    """Source: api-reference/bizproc/template/bizproc-workflow-template-add.md."""
    return Risk.DESTRUCTIVE, "a workflow template runs actions that cannot be read from the call"


def _comment_files(params: Mapping[str, Json]) -> Judged:
    """Source: api-reference/files/how-to-update-files.md."""
    if any("files" in map(folded, path) for path, _ in walk(dict(params))):
        return Risk.DESTRUCTIVE, "sending FILES drops every file the comment had"
    return _NOTHING


_BY_METHOD: tuple[tuple[re.Pattern[str], Callable[[Mapping[str, Json]], Judged]], ...] = (
    (re.compile(r"event\.offline\.get"), _offline_queue),
    (re.compile(r"im(?:bot)?\.v2\.event\.get"), _bot_events),
    (re.compile(r"user\.(?:update|add)"), _employee),
    (re.compile(r"im(?:bot)?\.(?:.+\.)?message\.update"), _message),
    (re.compile(r".+\.(?:getexternallink|enablepublicurl)"), _public_link),
    (re.compile(r".+\.(?:sharetouser|setrights|setaccesscodes|fillaccesses|rights)"), _sharing),
    (re.compile(r"bizproc\.workflow\.template\.(?:add|update)"), _template),
    (re.compile(r"crm\.timeline\.comment\.update"), _comment_files),
)


# --- rules for every changing method --------------------------------------------------------------

_RIGHTS = frozenset({
    "rights", "permissions", "access", "accesses", "accesscode", "accesscodes", "sharedaccess",
    "issetopenpermissions", "perms", "initiateperms",
})  # fmt: skip
_DELETES = frozenset({"delete", "del", "remove", "removeids", "isdeleted", "deleted"})
_MULTIFIELDS = frozenset({"phone", "email", "web", "im", "link", "fm"})


def _flags(params: Mapping[str, Json]) -> Judged:
    """Rights, delete marks, and contacts of a person that are sent empty, at any depth."""
    for path, value in walk(dict(params)):
        names = [folded(step) for step in path if step != "[]"]
        if not names:
            continue
        last = names[-1]
        if not _RIGHTS.isdisjoint(names):
            return _sharing(params)
        if _marks_deletion(path[-1], names, value):
            return Risk.DESTRUCTIVE, f"{'.'.join(path)} deletes a part of the object"
        may_be_blank = _blank(value) or has_reference(value)
        if last == "value" and may_be_blank and not _MULTIFIELDS.isdisjoint(names[:-1]):
            return (
                Risk.DESTRUCTIVE,
                f"{'.'.join(path)} is empty or not known, which deletes that phone or address",
            )
    return _NOTHING


def _marks_deletion(name: str, names: list[str], value: Json) -> bool:
    """Whether a value marks a part of the object for deletion.

    Source: api-reference/files/how-to-update-files.md,
    api-reference/crm/contacts/crm-contact-update.md.
    """
    if isinstance(value, str) and value.strip().lower() in ("del", "delete"):
        return True
    if (is_false(value) and not has_reference(value)) or value in ([], {}):
        return False
    if names[-1] in _DELETES or name.lower().endswith("_del"):
        return True
    return any(step.endswith("del") and step.startswith("property") for step in names)


def _empty_set(params: Mapping[str, Json]) -> Judged:
    """``*.set`` replaces the whole set: an empty one removes all of it."""
    for path, value in walk(dict(params)):
        if value in ([], {}, "") or value is None:
            return (
                Risk.DESTRUCTIVE,
                f"{'.'.join(path)} is empty, which removes everything in the set",
            )
        if has_reference(value) and not folded(path[-1]).endswith("id"):
            return (
                Risk.DESTRUCTIVE,
                f"{'.'.join(path)} may be empty, which removes everything in the set",
            )
    return _NOTHING


def _emptied_files(params: Mapping[str, Json]) -> Judged:
    """Source: api-reference/files/how-to-update-files.md."""
    for path, value in walk(dict(params)):
        gone = value in ([], {}, "") or has_reference(value)
        if gone and any("files" in folded(step) for step in path):
            return Risk.DESTRUCTIVE, f"{'.'.join(path)} may be empty, which drops the files"
    return _NOTHING


def _value(params: Mapping[str, Json], name: str, default: Json) -> Json:
    return next((v for n, v in params.items() if folded(n) == name), default)


def _blank(value: Json) -> bool:
    """Whether a person would see nothing: blanks and characters without width count as empty."""
    if value is None or value is False:
        return True
    return isinstance(value, str) and not any(
        c.isprintable() and not c.isspace() and c not in _LOOKS_BLANK for c in value
    )


_LOOKS_BLANK = frozenset("\u2800\u3164\u115f\u1160\uffa0")
"""Letters by the tables of Unicode that show nothing: a braille blank and the Hangul fillers."""
