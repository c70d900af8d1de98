"""What a method can do at worst, judged by its name; an unknown verb counts as a write.

The rules never guess downwards: a method is ``read`` only when the verb it starts its last
segment with is known to
read and nothing else in the name says otherwise. Exceptions stand in ``references/overlay/`` with
a reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bitrix24_agent.model import Risk

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_READ_VERBS = {
    "check", "count", "describe", "exists", "fetch", "fields", "find", "get", "getlist", "has",
    "info", "is", "list", "search", "status", "types",
}  # fmt: skip
# Last segments that are things, not verbs, and only ever return them.
_READ_NOUNS = {
    "access", "admin", "current", "documentation", "events", "methods", "name", "openapi",
    "profile", "scope", "time",
}  # fmt: skip
# The same verbs glued to their object in lower case: getbyid, listcontacts, isactionallowed.
_READ_GLUED = re.compile(r"^(?:get|list|find|search|is(?!s))[a-z]+$")
# Constants that the portal only lists.
_READ_THINGS = ("crm.enum.",)
# Words that turn a reading verb into something else: getExternalLink makes the link, checkIn
# checks somebody in.
_NOT_A_READ = {
    "add", "apply", "archive", "assign", "clear", "close", "create", "delete", "external",
    "externallink", "finish", "force", "link", "mark", "modify", "move", "open", "pin", "publish",
    "send", "set", "start", "stop", "token", "update", "upload", "in", "out",
}  # fmt: skip

_DESTRUCTIVE_VERBS = {
    "ban", "block", "clean", "cleanup", "clear", "deactivate", "delete", "demote", "destroy",
    "detach", "disable", "discard", "dismiss", "drop", "empty", "erase", "exclude", "expel",
    "fire", "kick", "kill", "leave", "merge", "modify", "purge", "reinstall", "remove", "replace",
    "reset", "revoke", "rollback", "terminate", "trash", "truncate", "unbind", "unbinding",
    "uninstall", "unlink", "unpublic", "unregister", "unset", "unshare", "wipe",
}  # fmt: skip
_DESTRUCTIVE_GLUED = re.compile(
    r"^(?:delete|remove|unbind|unregister|uninstall|unlink|clear|terminate|truncate|purge|"
    r"unpublic|disable|deactivate)"
    r"|^mark(?:as)?(?:folder)?delete|^setowner|^un(?:set|share)"
)
_SAFE_UNDO = re.compile(r"^mark(?:folder)?undelete", re.IGNORECASE)
_WHOLE_SET = re.compile(
    r"(?:rows|items|contacts|companies|elements|members)\.set$"
    r"|(?:set|fill|update|save)[a-z]*(?:rights|access(?:es|codes)?|permissions)[a-z]*$|"
    r"\.rights(?:\.set)?$"
    r"|forcecommonscope|fillaccesses",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A risk and the rule that gave it."""

    risk: Risk
    rule: str


def judge(name: str) -> Judged:
    """Return the risk of the method *name* by its words alone."""
    segments = name.split(".")
    last = segments[-1]
    words = [w.lower() for w in _WORD.findall(last)] or [last.lower()]
    return (
        _destructive(name, segments, last, words)
        or _read(name, last, words)
        or Judged(risk=Risk.WRITE, rule=f"verb {words[0]} is not known to read")
    )


def _destructive(name: str, segments: list[str], last: str, words: list[str]) -> Judged | None:
    if _WHOLE_SET.search(name):
        return Judged(risk=Risk.DESTRUCTIVE, rule="replaces a whole set or who may do what")
    if _SAFE_UNDO.match(last):
        return None
    if words[0] in _DESTRUCTIVE_VERBS:
        return Judged(risk=Risk.DESTRUCTIVE, rule=f"verb {words[0]}")
    glued = _DESTRUCTIVE_GLUED.match(last.lower())
    if glued:
        return Judged(risk=Risk.DESTRUCTIVE, rule=f"verb {glued[0]}")
    inner = next((s for s in segments[1:-1] if s.lower() in {"delete", "remove", "unbind"}), None)
    if inner:
        return Judged(risk=Risk.DESTRUCTIVE, rule=f"verb {inner.lower()}")
    return None


def _read(name: str, last: str, words: list[str]) -> Judged | None:
    if name.lower().startswith(_READ_THINGS):
        return Judged(risk=Risk.READ, rule="constants")
    if last.lower() in _READ_NOUNS:
        return Judged(risk=Risk.READ, rule=f"ends in {last.lower()}")
    if set(words[1:]) & _NOT_A_READ:
        return None
    if words[0] in _READ_VERBS:
        return Judged(risk=Risk.READ, rule=f"verb {words[0]}")
    if _READ_GLUED.match(last) and not re.search(r"externallink|token$", last):
        return Judged(risk=Risk.READ, rule=f"starts with a reading verb: {last}")
    return None
