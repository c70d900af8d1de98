"""Where the portal is told to call, and whether the developer allowed that host.

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
from bitrix24_agent.policy.values import has_reference

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
_URLISH = re.compile(r"ur[li]|iframe|endpoint|^event(?!type|id|name|token|$)|link$")
_ONLY_ADDRESS = re.compile(r"(?:handler|hook|hookurl|callbackurl)$")
_FAMILIES = re.compile(
    r"event\.bind|placement\.bind|imbot\..*|im\.app\..*|bizproc\.(?:robot|activity)\..*"
    r"|userfieldtype\..*|messageservice\.sender\..*|biconnector\.connector\..*|mailservice\..*"
    r"|sale\.(?:paysystem|delivery|cashbox)\.handler\..*|ai\.engine\.register"
    r"|imconnector\.register|landing\.repo(?:widget)?\.(?:bind|register)"
)
_TAKES_BACK = re.compile(r".*\.(?:unbind|unregister|delete|list|get)")
_NOT_PUBLIC = re.compile(
    r"localhost|.*\.(?:localhost|local|localdomain|internal|intranet|lan|home|corp|private|test"
    r"|invalid|example|home\.arpa|nip\.io|sslip\.io|xip\.io|localtest\.me|lvh\.me|vcap\.me|lacolhost\.com)"
)
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|\d+)", re.IGNORECASE)


def refused_callback(
    method: str, params: Mapping[str, Json], allowed: tuple[str, ...]
) -> tuple[str, str] | None:
    """Return path and reason of the first address the portal may not be told to call, or None."""
    name = method.lower()
    if _TAKES_BACK.fullmatch(name):
        return None
    family = _FAMILIES.fullmatch(name) is not None
    for path, value in _callbacks(params, family=family):
        reason = refusal(value, allowed)
        if reason:
            return path, reason
    return None


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
        told = any(map(_HANDLER.search, names)) or (family and _URLISH.search(last))
        only_address = family and _ONLY_ADDRESS.search(last) is not None
        if told and (only_address or _looks_like_address(value) or has_reference(value)):
            yield ".".join(path), value


def _texts(
    value: Json, path: tuple[str, ...], names: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], str]]:
    if isinstance(value, dict):
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
