"""Where the portal is told to call, and whether the developer allowed that host.

Two rules. What the portal will call with data of its own (handlers, webhooks, everything in the
methods that register them) goes to allowed hosts only. What it merely fetches or connects to (a
picture, a recording, a mail server) may be anywhere public, never inside a private network. Links
that people click are neither.

Addresses are read strictly. Browsers, PHP and Python disagree on odd ones (user names, backslashes,
blanks, numbers in unusual bases), so an odd address is refused, never interpreted.
"""

from __future__ import annotations

import ipaddress
import json
import re
import unicodedata
from typing import TYPE_CHECKING

from bitrix24_agent.policy.credentials import folded
from bitrix24_agent.policy.values import has_reference, is_reference, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bitrix24_agent.model import Json

_ADDRESS = re.compile(
    r"https?://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?"
    r"(?:[/?#][^\s\\]*)?",
    re.IGNORECASE,
)
_URL_LIKE = re.compile(
    r"//|\\\\|^(?:https?|ftps?|file|data|javascript|wss?):|^[a-z][a-z0-9+.-]*:[/\\]|^www\.|%2f%2f|%5c",
    re.IGNORECASE,
)
_HANDLER = re.compile(r"handler|webhook|callback|hookurl|postback|notifyurl|notificationurl")
_URLISH = re.compile(r"ur[li]|iframe|endpoint|^event(?!type|id|name|token|$)")
_ONLY_ADDRESS = re.compile(r"(?:handler|hook|hookurl|callbackurl)$")
_FAMILIES = re.compile(
    r"event\.bind|placement\.bind|imbot\..*|im\.app\..*|bizproc\.(?:robot|activity)\..*"
    r"|userfieldtype\..*|messageservice\.sender\..*|biconnector\.connector\..*|mailservice\..*"
    r"|sale\.(?:paysystem|delivery|cashbox)\.handler\..*|ai\.engine\.register"
    r"|imconnector\.register|landing\.repo(?:widget)?\.(?:bind|register)"
)
_FETCHED = re.compile(
    r"^ur[li]|ur[li]s?$|picture|image|photo|avatar|thumbnail|logo|icon|^files?$|^file(?:content|path)$"
)
_URL_NAME = re.compile(r"^ur[li]|ur[li]s?$")
_CONNECTED = re.compile(r"^(?:smtp|imap|pop3?|mail|sip|proxy)?(?:server|hostname)$|proxy$")
_OF_PEOPLE = re.compile(r"uf_|property_?\d", re.IGNORECASE)
"""A portal's own fields: their values are shown to people, nothing is called or fetched."""

_SCHEME = re.compile(r"\s*(?:(?P<scheme>[a-z][a-z0-9+.-]*):)?[/\\]{2}", re.IGNORECASE)
_BARE = re.compile(r"\[.*\]|\d+(?:\.\d+){3}|(?:.*\.)?localhost")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[^\s/?#\\@:\[\]%]+)(?::\d{1,5})?", re.IGNORECASE)
_TAKES_BACK = re.compile(r".*\.(?:unbind|unregister|delete|list|get)")
_NOT_PUBLIC = re.compile(
    r"localhost|.*\.(?:localhost|local|localdomain|internal|intranet|lan|home|corp|private|test"
    r"|invalid|example|home\.arpa|nip\.io|sslip\.io|xip\.io|localtest\.me|lvh\.me|vcap\.me|lacolhost\.com)"
)
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|\d+)", re.IGNORECASE)


def refused_callback(
    method: str, params: Mapping[str, Json], allowed: tuple[str, ...]
) -> tuple[str, str] | None:
    """Return path and reason of the first address the portal may not be told to call, or None.

    In the methods that register handlers a value another command fills in may only be an id.
    """
    name = method.lower()
    if _TAKES_BACK.fullmatch(name):
        return None
    family = _FAMILIES.fullmatch(name) is not None
    if family:
        for steps, value in walk(dict(params)):
            if has_reference(value) and not folded(_last(steps)).endswith("id"):
                return ".".join(steps), "its value is not known before the batch runs"
    for path, value in _callbacks(params, family=family):
        reason = refusal(value, allowed)
        if reason:
            return path, reason
    return None


def refused_fetch(params: Mapping[str, Json], allowed: tuple[str, ...]) -> tuple[str, str] | None:
    """Return path and reason of the first private address the portal would fetch, or None.

    For changing calls; connecting (a mail or telephony server) counts as fetching.
    """
    for path, names, value in _texts(dict(params), (), ()):
        last = next((n for n in reversed(names) if not n.isdigit() and n != "value"), "")
        if _personal(path):
            continue
        if _CONNECTED.search(last):
            reason = _fetch_refusal(value if "//" in value else f"//{value.strip()}", allowed)
        elif _FETCHED.search(last) and not _clicked(names):
            if has_reference(value) and not _URL_NAME.search(last):
                continue  # a file that another command made
            reason = _fetch_refusal(value, allowed)
        else:
            continue
        if reason:
            return ".".join(path), reason
    return None


def _fetch_refusal(address: str, allowed: tuple[str, ...]) -> str | None:
    """Say why the portal may not fetch *address*; None for public ones and for what is none."""
    if has_reference(address):
        return "its address is not known before the batch runs"
    text = unicodedata.normalize("NFKC", "".join(c for c in address if c.isprintable()))
    start = _SCHEME.match(text)
    if start is None:
        return _bare_refusal(text.strip(), allowed)
    if start["scheme"] and start["scheme"].lower() not in ("http", "https", "ftp", "ftps"):
        return f"{start['scheme'].lower()[:20]} addresses are not fetched"
    authority = re.split(r"[/?#]", text[start.end() :], maxsplit=1)[0].strip()
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        return "its host is not plain to read" if authority else None
    return _named_or_public(match["host"], allowed)


def _bare_refusal(text: str, allowed: tuple[str, ...]) -> str | None:
    """An address without ``http://`` counts when its host is written as a number or localhost."""
    match = _AUTHORITY.fullmatch(re.split(r"[/?#]", text[:300], maxsplit=1)[0])
    host = match["host"].lower().rstrip(".") if match else ""
    return _named_or_public(host, allowed) if _BARE.fullmatch(host) else None


def _named_or_public(host: str, allowed: tuple[str, ...]) -> str | None:
    literal = host.startswith("[")
    host = host.lower().strip("[]").rstrip(".")
    if any(host == a.lower().strip("[]").rstrip(".") for a in allowed):
        return None
    plain = host
    if not literal and not host.isascii():
        try:
            plain = host.encode("idna").decode("ascii")
        except UnicodeError:
            return "its host is not plain to read"
    reason = _not_public(plain, literal=literal)
    return f"{host[:80]} {reason}; such a host must be named in callback_hosts" if reason else None


def _personal(path: tuple[str, ...]) -> bool:
    return any(_OF_PEOPLE.match(step) for step in path)


def _clicked(names: tuple[str, ...]) -> bool:
    """Whether a person opens the address: of a button, a chat or a visitor's profile."""
    return names[-2:-1] in (("action",), ("chat",), ("user",))


def _last(steps: tuple[str, ...]) -> str:
    return next((s for s in reversed(steps) if s != "[]" and not s.isdigit()), "")


def refusal(address: str, allowed: tuple[str, ...]) -> str | None:
    """Say why the portal may not be told to call *address*, or None when it may."""
    if has_reference(address):
        return "its address is not known before the batch runs"
    match = _ADDRESS.fullmatch(address.strip(" "))
    if match is None:
        return "it is no plain http(s) address"
    if match["port"] and not 0 < int(match["port"]) < 65536:
        return "its port does not exist"
    host = match["host"].lower().strip("[]").rstrip(".")
    if any(host == a.lower().strip("[]").rstrip(".") for a in allowed):
        return None
    reason = _not_public(host, literal=match["host"].startswith("["))
    if reason:
        return f"{host} {reason}; such a host must be named in callback_hosts"
    if any(_covers(a.lower().rstrip("."), host) for a in allowed):
        return None
    return f"{host} is not among the allowed callback hosts"


def _callbacks(params: Mapping[str, Json], *, family: bool) -> Iterator[tuple[str, str]]:
    """Yield every value that looks like an address under a name that means "call this"."""
    for path, names, value in _texts(dict(params), (), ()):
        last = next((n for n in reversed(names) if not n.isdigit() and n), "")
        if not family and _personal(path):
            continue
        told = any(map(_HANDLER.search, names)) or (family and _URLISH.search(last))
        only_address = family and _ONLY_ADDRESS.search(last) is not None
        if told and (only_address or _looks_like_address(value) or has_reference(value)):
            yield ".".join(path), value


def _texts(
    value: Json, path: tuple[str, ...], names: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], str]]:
    if is_reference(value) and isinstance(value, dict):
        yield path, names, "$result[]"  # v3 writes it as an object; both mean "not known yet"
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, (*path, name), (*names, folded(name)))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, path, names)
    elif isinstance(value, str) and value:
        yield path, names, value
        if value.lstrip()[:1] in ("{", "[") and "/" in value:
            try:
                hidden = json.loads(value)
            except (ValueError, RecursionError):
                return
            yield from _texts(hidden, path, names)


def _looks_like_address(text: str) -> bool:
    """Whether some reader could take *text* for an address; blanks inside do not hide it."""
    plain = unicodedata.normalize("NFKC", text)
    plain = "".join(c for c in plain if c.isprintable() and not c.isspace())
    return _URL_LIKE.search(plain) is not None


def _not_public(host: str, *, literal: bool) -> str | None:
    """Say why *host* is not a public one, or None."""
    if literal:
        try:
            return _private(ipaddress.ip_address(host))
        except ValueError:
            return "is no address"
    labels = host.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        try:
            return _private(ipaddress.ip_address(host))
        except ValueError:
            return "is a number in an unusual form"
    if len(labels) < 2 or _NOT_PUBLIC.fullmatch(host):
        return "is not a public host"
    if not all(labels) or any(len(label) > 63 for label in labels):
        return "is no host name"
    return None


def _private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str | None:
    """Say that an IP address is not public, looking through addresses that carry an IPv4 one."""
    if isinstance(address, ipaddress.IPv6Address):
        carried = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if carried is None and address in _NAT64:
            carried = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if carried is None and int(address) >> 32 == 0:
            carried = ipaddress.IPv4Address(int(address))
        if carried is not None:
            return _private(carried) or "carries another address"
    return None if address.is_global and not address.is_multicast else "is a private address"


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _covers(pattern: str, host: str) -> bool:
    if pattern == "*":
        return True
    return pattern.startswith("*.") and host.endswith(pattern[1:])
