"""An application's OAuth grant: refreshed when the portal says so, once for everyone.

Sources: settings/oauth/index.md, settings/oauth/auto-renewal.md @ 5988ed13. The server also takes a
POST with a form body (js: packages/jssdk/src/oauth/auth.ts), which keeps tokens out of its logs.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from bitrix24_agent.client.auth import digest, moved_root, portal_root
from bitrix24_agent.client.grants import Grant, Grants
from bitrix24_agent.errors import (
    B24Error,
    CallFailedError,
    CredentialsError,
    OutcomeUnknownError,
    PortalError,
    SettingsError,
    StateError,
)
from bitrix24_agent.protocol import text
from bitrix24_agent.protocol.codes import error_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.ports import Clock, Store, Transport

log = logging.getLogger("bitrix24_agent.client")

OAUTH_HOST = "oauth.bitrix.info"
OAUTH_HOSTS = (OAUTH_HOST, "oauth.bitrix24.tech")
"""The documented host, and the one the SDKs call (settings/oauth/index.md; js: oauth/auth.ts)."""

POLL_S = 0.1
"""How often one process looks whether another has finished refreshing."""

TRIES = 3
"""Refreshes that got no answer are tried again with the same token so often."""

SAVES = 5
"""How often a refreshed token that the store did not take is offered again."""

_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


class OAuth:
    """Access and refresh token of one application on one portal.

    Tokens live in the state store and are shared by every thread, task and process that uses it;
    those given here start the row (and replace it when the refresh token is another one).
    """

    def __init__(
        self,
        *,
        portal: str,
        client_id: str,
        client_secret: str,
        access_token: str = "",
        refresh_token: str = "",
        store: Store | None = None,
        oauth_host: str = OAUTH_HOST,
    ) -> None:
        if not access_token and not refresh_token:
            raise SettingsError("OAuth needs an access token or a refresh token")
        if refresh_token and not (client_id and client_secret):
            raise SettingsError("refreshing tokens needs the application's id and secret")
        self._root, self._portal = portal_root(portal)
        self._token_url = portal_root(oauth_host)[0].removesuffix("/oauth/token")
        self._client_id = client_id
        self._client_secret = client_secret
        key = f"{self._portal}|{client_id}"
        first = Grant(
            access_token=access_token,
            refresh_token=refresh_token,
            seed=digest(key, refresh_token or access_token),
        )
        self._digest = digest(key)
        self._grants = Grants(key, first, store)
        self._grant: Grant | None = None
        self._unsaved: Grant | None = None
        self._refreshing: asyncio.Task[Grant] | None = None
        self._old_secrets: tuple[str, ...] = tuple(filter(None, (access_token, refresh_token)))

    def __repr__(self) -> str:
        return f"OAuth({self._portal!r}, client_id={self._client_id!r}, tokens='***')"

    @property
    def portal(self) -> str:
        """Host, with the port where it is not the usual one."""
        return self._portal

    @property
    def credential_id(self) -> str:
        """A digest of portal and application; tokens change, this does not."""
        return self._digest

    @property
    def secrets(self) -> tuple[str, ...]:
        """The application's secret and every token seen so far."""
        return tuple(filter(None, (self._client_secret, *self._old_secrets)))

    def address(self, method: str, version: int) -> str:
        """Return where *method* is called.

        Source: api-reference/rest-v3.md @ 5988ed13
        """
        return f"{self._root}/rest/{'api/' if version == 3 else ''}{quote(method, safe='')}"

    def moved(self, host: str) -> None:
        """Use *host* from now on; the grant stays the same."""
        self._root = moved_root(self._root, host)
        self._portal = host

    async def credential(self) -> Mapping[str, str]:
        """Return the access token as the field of a body."""
        if self._grant is None:
            self._remember(await self._grants.load())
        elif self._unsaved is not None:
            await self._offer_again(self._unsaved)
        return {"auth": self._grant.access_token if self._grant else ""}

    async def renew(
        self, used: Mapping[str, str], *, transport: Transport, clock: Clock, timeout_s: float
    ) -> bool:
        """Refresh the token that was *used*, unless that has happened already.

        Every task that asks meanwhile gets the same token, or the same error.

        Raises:
            CredentialsError: The grant has ended; a person must authorize again.
            CallFailedError: The OAuth server could not be asked.
            StateError: The state store cannot be used.
        """
        old = used.get("auth", "")
        if self._grant is not None and self._grant.access_token != old:
            return True
        task = self._refreshing
        if task is None or task.done():
            task = asyncio.get_running_loop().create_task(
                self._refresh(old, transport, clock, timeout_s)
            )
            task.add_done_callback(_noticed)
            self._refreshing = task
        self._remember(await asyncio.shield(task))
        return True

    async def _offer_again(self, grant: Grant) -> None:
        self._unsaved = None
        try:
            await self._grants.save(grant)
        except StateError:
            self._unsaved = grant

    async def _refresh(
        self, old: str, transport: Transport, clock: Clock, timeout_s: float
    ) -> Grant:
        owner = uuid4().hex
        while (grant := await self._grants.lock(owner, old, clock.time())) is None:
            await clock.sleep(POLL_S)
        if grant.failed is not None:
            raise _ended(*grant.failed)
        if grant.access_token != old:
            return grant  # another process did it
        try:
            fresh = await self._exchange(grant, transport, clock, timeout_s)
        except CredentialsError as error:
            await self._grants.save(replace(grant, failed=(error.code or "", error.message)))
            raise
        except BaseException:
            await self._grants.unlock(owner)
            raise
        self._remember(fresh)  # before the store: what it cannot take is not lost to this process
        await self._save(fresh, clock)
        return fresh

    async def _save(self, grant: Grant, clock: Clock) -> None:
        """Write a refreshed grant; one that the store does not take is offered again later."""
        for attempt in range(1, SAVES + 1):
            try:
                await self._grants.save(grant)
            except StateError as error:
                problem = error.message
            else:
                self._unsaved = None
                return
            if attempt < SAVES:
                await clock.sleep(0.1 * attempt)
        self._unsaved = grant
        log.warning("refreshed tokens are not stored yet, only this process has them: %s", problem)

    async def _exchange(
        self, grant: Grant, transport: Transport, clock: Clock, timeout_s: float
    ) -> Grant:
        """Ask the OAuth server; a lost answer is asked for again with the same token."""
        if not grant.refresh_token:
            raise _ended("EXPIRED_TOKEN", "the access token expired and there is no refresh token")
        form = urlencode(
            {
                "grant_type": "refresh_token",
                "client_id": self._client_id,
                "client_secret": self._client_secret,
                "refresh_token": grant.refresh_token,
            }
        ).encode()
        url = f"{self._token_url}/oauth/token/"
        for attempt in range(1, TRIES + 1):
            try:
                status, _, body = await transport.send(url, form, _FORM, timeout_s=timeout_s)
                answer = _read(status, body)
            except (CallFailedError, B24Error) as error:
                passing = isinstance(error, CallFailedError) and not isinstance(error, PortalError)
                if not passing or attempt == TRIES:
                    raise self._masked(error) from None
            else:
                return replace(
                    grant,
                    access_token=answer["access_token"],
                    refresh_token=answer.get("refresh_token") or grant.refresh_token,
                    generation=grant.generation + 1,
                    expires_at=clock.time() + float(answer.get("expires_in") or 3600),
                )
            await clock.sleep(0.3 * attempt)
        raise AssertionError  # pragma: no cover -- the last attempt returns or raises

    def _remember(self, grant: Grant) -> None:
        self._grant = grant
        new = tuple(t for t in (grant.access_token, grant.refresh_token) if t)
        kept = [t for t in self._old_secrets if t not in new]
        self._old_secrets = (*new, *kept[:20])

    def _masked(self, error: B24Error) -> B24Error:
        message = error.message
        for secret in self.secrets:
            message = message.replace(secret, "***")
        error.args = (message, *error.args[1:])
        return error


def _read(status: int, body: bytes) -> dict[str, Any]:
    """Return the server's answer; some refusals come with HTTP 200."""
    try:
        answer = text.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and "error" in answer:
        raise error_of(
            answer["error"],
            answer.get("error_description"),
            status=status if status >= 400 else None,
            where="the OAuth server",
        )
    if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
        raise OutcomeUnknownError(
            f"the OAuth server gave no token (HTTP {status})", code="OAUTH_UNREADABLE"
        )
    return answer


def _noticed(task: asyncio.Task[Grant]) -> None:
    """Take note of a failure even when every task that waited for it was cancelled."""
    if not task.cancelled():
        task.exception()


def _ended(code: str, message: str) -> CredentialsError:
    return CredentialsError(message or "the grant has ended; authorize again", code=code or None)
