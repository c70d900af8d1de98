"""Credentials: incoming webhooks here, OAuth grants of applications in ``oauth``."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlsplit

from bitrix24_agent.client.transport import is_loopback
from bitrix24_agent.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.client.oauth import OAuth as OAuth
    from bitrix24_agent.ports import Clock, Transport

_WEBHOOK = re.compile(
    r"^(?P<root>(?:/[^/]+)*?)/rest/(?:api/)?(?P<user>\d+)/(?P<code>[^/]+)(?:/[^/]*)?/?$"
)
_CODE = re.compile(r"[A-Za-z0-9_.~-]{1,200}")
_EXAMPLE = "https://your-portal.bitrix24.com/rest/1/code/"
_NOTHING: Mapping[str, str] = {}


class Auth(Protocol):
    """One credential of one portal."""

    @property
    def portal(self) -> str:
        """Host, with the port where it is not the usual one."""
        ...

    @property
    def credential_id(self) -> str:
        """A digest that names the credential and gives nothing away."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must appear nowhere."""
        ...

    def address(self, method: str, version: int) -> str:
        """Return where *method* is called; holds a secret."""
        ...

    async def credential(self) -> Mapping[str, str]:
        """Return the fields to add to a body."""
        ...

    async def renew(
        self, used: Mapping[str, str], *, transport: Transport, clock: Clock, timeout_s: float
    ) -> bool:
        """Replace a credential that the portal called expired; say whether another try makes sense.

        Raises:
            CredentialsError: It cannot be replaced; a person must authorize again.
            CallFailedError: The OAuth server could not be asked.
        """
        ...

    def moved(self, host: str) -> None:
        """Use *host* from now on: the portal was renamed."""
        ...


class Address(str):
    """An address with a secret in it; debuggers and tracebacks with locals show no part of it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class WebhookAuth:
    """An incoming webhook: acts as the user who made it, within the scopes given to it."""

    def __init__(self, base_url: str, user_id: int | str, code: str) -> None:
        self._base_url, self._portal = portal_root(base_url)
        if not str(user_id).isdigit():
            raise SettingsError("the webhook's user id must be a number")
        if not _CODE.fullmatch(code):
            raise SettingsError("the webhook's code may hold letters and digits only")
        self._user_id = str(user_id)
        self._code = code
        self._digest = digest(self._portal, self._user_id, code)
        self._prefixes: dict[int, str] = {}
        self._aim()

    @classmethod
    def parse(cls, url: str) -> WebhookAuth:
        """Return the webhook at *url*; a method name at the end is ignored.

        Raises:
            SettingsError: It is no webhook address, or plain http to a foreign host. Never shows
                it.
        """
        root, path = _split(url.strip())
        match = _WEBHOOK.match(path)
        if match is None:
            raise SettingsError(
                f"this is no webhook address; it looks like {_EXAMPLE} "
                "(copy it from the page of the webhook)"
            )
        return cls(root + match["root"], match["user"], match["code"])

    def __repr__(self) -> str:
        return f"WebhookAuth({self._portal!r}, user={self._user_id}, code='***')"

    @property
    def portal(self) -> str:
        """Host, with the port where it is not the usual one."""
        return self._portal

    @property
    def user_id(self) -> str:
        """The user the webhook acts as."""
        return self._user_id

    @property
    def credential_id(self) -> str:
        """A digest that names the credential and gives nothing away."""
        return self._digest

    @property
    def secrets(self) -> tuple[str, ...]:
        """The code."""
        return (self._code,)

    def address(self, method: str, version: int) -> str:
        """Return where *method* is called.

        Source: api-reference/rest-v3.md @ 5988ed13
        """
        return Address(self._prefixes[version] + quote(method, safe=""))

    async def credential(self) -> Mapping[str, str]:
        """Return nothing: the address says it all."""
        return _NOTHING

    async def renew(
        self,
        used: Mapping[str, str],  # noqa: ARG002 -- the protocol's
        *,
        transport: Transport,  # noqa: ARG002
        clock: Clock,  # noqa: ARG002
        timeout_s: float,  # noqa: ARG002
    ) -> bool:
        """Return False: a webhook does not expire."""
        return False

    def moved(self, host: str) -> None:
        """Use *host* from now on."""
        self._base_url = moved_root(self._base_url, host)
        self._portal = host
        self._aim()

    def _aim(self) -> None:
        tail = f"{self._user_id}/{self._code}/"
        self._prefixes = {
            2: f"{self._base_url}/rest/{tail}",
            3: f"{self._base_url}/rest/api/{tail}",
        }


def digest(*parts: str) -> str:
    """Return a short name for a credential, of no use to anyone who has only that."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def portal_root(url: str) -> tuple[str, str]:
    """Return root address (no slash at the end) and host of a portal given as host or address.

    Raises:
        SettingsError: It is neither, or plain http to a host that is not this machine.
    """
    root, path = _split(url.strip() if "://" in url else f"https://{url.strip()}")
    return root + path.rstrip("/"), urlsplit(root).netloc


def moved_root(root: str, host: str) -> str:
    """Return *root* at another *host*, by https unless the host is this machine."""
    parts = urlsplit(root)
    scheme = parts.scheme if is_loopback(urlsplit(f"//{host}").hostname or "") else "https"
    return f"{scheme}://{host}{parts.path}".rstrip("/")


def _split(url: str) -> tuple[str, str]:
    """Return ``scheme://host[:port]`` and the path of *url*; errors never show it."""
    parts, problem = None, ""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, problem = None, None, "the address cannot be read"
    if parts is None or not host or parts.scheme not in ("http", "https"):
        raise SettingsError(f"{problem or 'this is no http(s) address'}; expected {_EXAMPLE}")
    if parts.username or parts.password:
        raise SettingsError("the portal's address must not hold a user name or password")
    if parts.query or parts.fragment:
        raise SettingsError("the portal's address must not hold a query or fragment; cut it off")
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingsError(
            f"plain http to {host} would send the credential unprotected; use https "
            "(http is accepted for this machine only)"
        )
    try:
        name = host.encode("idna").decode() if not host.isascii() else host.lower()
    except UnicodeError:
        raise SettingsError(f"the host name cannot be read; expected {_EXAMPLE}") from None
    if ":" in name:
        name = f"[{name}]"
    usual = {"http": 80, "https": 443}[parts.scheme]
    where = name if port in (None, usual) else f"{name}:{port}"
    return f"{parts.scheme}://{where}", parts.path


def __getattr__(name: str) -> object:
    """Load ``OAuth`` on first use: webhooks need no token store."""
    if name == "OAuth":
        from bitrix24_agent.client.oauth import OAuth

        return OAuth
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
