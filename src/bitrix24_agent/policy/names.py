"""A method name in any spelling -> the text the catalogue is asked for; everything else is refused.

Meaningless differences are mended (case, blanks around it, one ``.json`` or ``.xml``, slashes and a
dot at the ends, percent-encoding of plain letters, full-width letters). Whatever could make a
reader and a portal see two different names is refused: control and zero-width characters, letters
of other alphabets, encoded separators, inner slashes, ``..``, fragments, whole addresses.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

from bitrix24_agent.errors import UnknownMethodError

MAX_NAME = 300
_PLAIN = re.compile(r"[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*")
_SUFFIX = re.compile(r"\.(?:json|xml)$", re.IGNORECASE)
_VERSION = re.compile(r"@([23])$")
_ADDRESS = re.compile(r"://|^\s*(?:https?|ftp|file):|^//|(?:^|/)rest/", re.IGNORECASE)
_DECODINGS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """A name taken apart; ``bare`` is without ``.json``, ``version`` told by ``@3``."""

    name: str
    bare: str
    query: str = ""
    version: int | None = None


def read_name(spelled: object) -> Spelling:
    """Take a method name apart.

    Raises:
        UnknownMethodError: It is no method name; the message never repeats an address, which may
        hold a secret.
    """
    if isinstance(spelled, str) and _PLAIN.fullmatch(spelled) and len(spelled) <= MAX_NAME:
        return Spelling(name=spelled, bare=_SUFFIX.sub("", spelled))
    if not isinstance(spelled, str):
        raise _refused("", f"a method name is text, not {type(spelled).__name__}")
    name, mark, query = spelled.partition("?")
    name, fragment_mark, fragment = name.partition("#")
    if fragment or (fragment_mark and mark):
        raise _refused(spelled, "a method name has no fragment (#...)")
    query, _, fragment = query.partition("#")
    if fragment:
        raise _refused(spelled, "a query string has no fragment (#...)")
    name = _decoded(name, spelled)
    name = name.strip(" \t\r\n")
    if _ADDRESS.search(name):
        raise _refused("", "give the method name alone, like crm.deal.list, not an address")
    if ".." in name:
        raise _refused(spelled, "a method name has no '..'")
    name = name.strip("/")
    version = _VERSION.search(name)
    if version:
        name = name[: version.start()]
    name = name.strip(".").strip("/")
    if len(name) > MAX_NAME or not _PLAIN.fullmatch(name):
        raise _refused(spelled, "a method name holds only letters, digits, dots and _")
    return Spelling(
        name=name,
        bare=_SUFFIX.sub("", name),
        query=query,
        version=int(version[1]) if version else None,
    )


def shown(spelled: str) -> str:
    """Return *spelled* safe to repeat: nothing after ``?``, nothing of an address."""
    if _ADDRESS.search(spelled):
        return "an address"
    kept = re.sub(r"[^A-Za-z0-9_./@-]", "�", spelled[:400].split("?")[0][:80])
    return repr(kept)


def _decoded(name: str, spelled: str) -> str:
    """Return *name* decoded and in plain letters; no separator may appear by decoding."""
    if len(name) > MAX_NAME * 12:
        raise _refused(spelled, "a method name is not that long")
    for _ in range(_DECODINGS):
        if "%" not in name:
            break
        name = unquote(name, errors="strict") if _decodable(name) else name + "\ufffd"
    name = unicodedata.normalize("NFKC", name)
    if any(mark in name for mark in "?#%&="):
        raise _refused(spelled, "an encoded ?, #, & or % does not belong in a method name")
    return name


def _decodable(name: str) -> bool:
    try:
        unquote(name, errors="strict")
    except UnicodeDecodeError:
        return False
    return True


def _refused(spelled: str, reason: str) -> UnknownMethodError:
    what = f"{shown(spelled)} is no method name: " if spelled else ""
    return UnknownMethodError(what + reason, name=spelled[:80] if _safe(spelled) else "")


def _safe(spelled: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9_./ -]{1,80}", spelled)) and not _ADDRESS.search(spelled)
