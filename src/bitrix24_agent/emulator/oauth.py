"""The OAuth server: applications, one-time codes, tokens that expire, refresh tokens that rotate.

Source: settings/oauth/index.md, settings/oauth/auto-renewal.md, settings/oauth/error-codes.md
@ 5988ed13; statuses and ``wrong_client`` with 200 as the vendor's Python library records them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from bitrix24_agent.emulator.access import ALL_SCOPES
from bitrix24_agent.emulator.journal import Executed, Received
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.wire import body_parameters, query_parameters, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from starlette.requests import Request

    from bitrix24_agent.emulator.access import Access
    from bitrix24_agent.emulator.portal import Portal
    from bitrix24_agent.model import Json

METHOD = "oauth.token"  # the name faults and the journal know a token request by
LIFE_S = 3600
REFRESH_LIFE_S = 180 * 24 * 3600
CODE_LIFE_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grant:
    """What a code or a refresh token may be exchanged for, and until when."""

    client_id: str
    user_id: int
    expires_at: float


@dataclass(slots=True, kw_only=True)
class _Application:
    secret: str
    scopes: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class OAuth:
    """The applications installed on a portal and what was issued to them.

    Attributes:
        keep_old: A refresh token works on after it was exchanged; real behaviour is undocumented.
        life_s: Seconds an access token lives.
    """

    access: Access
    clock: Callable[[], float]
    keep_old: bool = False
    life_s: float = LIFE_S
    _applications: dict[str, _Application] = field(default_factory=dict)
    _codes: dict[str, _Grant] = field(default_factory=dict)
    _refresh: dict[str, _Grant] = field(default_factory=dict)
    _live: list[str] = field(default_factory=list)
    _issued: int = 0

    def install(
        self, client_id: str, client_secret: str, *, scopes: Iterable[str] = ALL_SCOPES
    ) -> None:
        """Install an application."""
        self._applications[client_id] = _Application(secret=client_secret, scopes=tuple(scopes))

    def authorize(self, client_id: str, user_id: int = 1) -> str:
        """Return the one-time code a browser would carry back; it lives 30 seconds."""
        code = self._token("code")
        self._codes[code] = _Grant(
            client_id=client_id, user_id=user_id, expires_at=self.clock() + CODE_LIFE_S
        )
        return code

    def tokens(self, client_id: str, user_id: int = 1) -> dict[str, str]:
        """Issue a pair without the flow and return ``access_token`` and ``refresh_token``."""
        access, refresh = self._pair(client_id, user_id)
        return {"access_token": access, "refresh_token": refresh}

    def expire(self) -> None:
        """End the life of every access token issued so far; the refresh tokens stay good."""
        for token in self._live:
            self.access.expire_token(token)
        self._live.clear()

    def exchange(self, params: Mapping[str, Json], base_url: str) -> dict[str, Json]:
        """Answer a token request.

        Raises:
            Refusal: Malformed, a wrong client or secret, a bad or used code or refresh token.
        """
        grant_type = params.get("grant_type")
        application = self._applications.get(str(params.get("client_id")))
        if application is None:
            raise Refusal("wrong_client", "", 200)
        if params.get("client_secret") != application.secret:
            raise Refusal("invalid_client", "", 400)
        name = {"authorization_code": "code", "refresh_token": "refresh_token"}.get(str(grant_type))
        if name is None:
            raise Refusal("invalid_request", "Unsupported grant type", 400)
        if not params.get(name):
            raise Refusal("invalid_request", f'No "{name}" parameter found', 400)
        known = self._codes if name == "code" else self._refresh
        grant = known.get(str(params[name]))
        if (
            grant is None
            or grant.client_id != params["client_id"]
            or grant.expires_at <= self.clock()
        ):
            raise Refusal("invalid_grant", "", 400)
        if name == "code" or not self.keep_old:
            del known[str(params[name])]
        access, refresh = self._pair(grant.client_id, grant.user_id)
        answer: dict[str, Json] = {
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": int(self.life_s),
            "scope": ",".join(application.scopes),
            "domain": base_url.partition("://")[2],
            "client_endpoint": f"{base_url}/rest/",
            "server_endpoint": f"{base_url}/rest/",
            "member_id": hashlib.sha256(b"emulator").hexdigest()[:32],
            "status": "L",
        }
        if name == "refresh_token":
            answer |= {"expires": int(self.clock() + self.life_s), "user_id": grant.user_id}
        return answer

    def _pair(self, client_id: str, user_id: int) -> tuple[str, str]:
        application = self._applications[client_id]
        access, refresh = self._token("access"), self._token("refresh")
        self.access.add_token(access, user_id, scopes=application.scopes, expires_in=self.life_s)
        self._live.append(access)
        self._refresh[refresh] = _Grant(
            client_id=client_id, user_id=user_id, expires_at=self.clock() + REFRESH_LIFE_S
        )
        return access, refresh

    def _token(self, kind: str) -> str:
        self._issued += 1
        return hashlib.sha256(f"{kind} {self._issued}".encode()).hexdigest()[:48]


def routes(portal: Portal) -> list[Route]:
    """Return the route of the token server, reached by GET and by POST."""

    async def token(request: Request) -> Response:
        body = await request.body()
        entry = portal.journal.receive(
            Received(
                number=0,
                at=portal.clock(),
                verb=request.method,
                path=request.url.path,
                query=request.url.query,
                method=METHOD,
                version=2,
                headers=dict(request.headers),
                body=body,
            )
        )
        return await portal.guarded(entry, lambda: _answer(portal, request, entry))

    return [Route("/oauth/token/", token, methods=["GET", "POST"])]


def _answer(portal: Portal, request: Request, entry: Received) -> Response:
    decoded = body_parameters(entry.body, entry.headers.get("content-type", ""))
    params = query_parameters(entry.query) | (decoded if isinstance(decoded, dict) else {})
    executed = Executed(
        number=0,
        request=entry.number,
        at=portal.clock(),
        method=METHOD,
        version=2,
        params={"grant_type": params.get("grant_type")},
        user_id=0,
        writes=True,
    )
    status = 200
    try:
        answer = portal.oauth.exchange(params, portal.reached_at(request))
    except Refusal as refusal:
        status, answer = refusal.status, {"error": refusal.code}
        if refusal.description:
            answer["error_description"] = refusal.description
        executed.outcome, executed.code = "refused", str(refusal.code)
        entry.code = str(refusal.code)
    portal.journal.execute(executed)
    return Response(to_json(answer), status, media_type="application/json")
