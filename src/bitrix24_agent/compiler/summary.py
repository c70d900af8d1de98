"""A plain one-line summary from a method's name, used until a person has written a better one."""

from __future__ import annotations

import re

MOST = 90

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_VERBS = {
    "add": "Add", "create": "Create", "update": "Change", "delete": "Delete", "get": "Get",
    "list": "List", "fields": "Describe the fields of", "getfields": "Describe the fields of",
    "set": "Set", "register": "Register", "unregister": "Unregister", "bind": "Bind", "unbind":
    "Unbind", "send": "Send", "search": "Search", "count": "Count", "start": "Start", "stop":
    "Stop", "getlist": "List", "types": "List the types of", "remove": "Remove", "move": "Move",
    "copy": "Copy", "share": "Share", "unshare": "Stop sharing",
}  # fmt: skip


def fallback(name: str, version: int, *, twin: bool) -> str:
    """Return a summary made of the words of *name*; *twin*: the other version exists too."""
    segments = name.split(".")
    verb = segments[-1]
    thing = " ".join(_words(s) for s in segments[:-1]) or "portal"
    lead = _VERBS.get(verb.lower())
    text = f"{lead} {thing}" if lead else f"{_words(verb).capitalize()}: {thing}"
    if twin:
        text += f" (REST v{version})"
    return text if len(text) <= MOST else text[: MOST - 1].rstrip() + "…"


def _words(segment: str) -> str:
    return " ".join(w if w.isupper() else w.lower() for w in _WORD.findall(segment))
