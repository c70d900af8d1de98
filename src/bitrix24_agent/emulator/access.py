"""Who may come in: webhooks and access tokens, their users and scopes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bitrix24_agent.emulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ALL_SCOPES = (
    "basic",
    "biconnector",
    "bizproc",
    "booking",
    "calendar",
    "catalog",
    "crm",
    "department",
    "disk",
    "entity",
    "humanresources",
    "humanresources.hcmlink",
    "im",
    "imbot",
    "imopenlines",
    "landing",
    "lists",
    "log",
    "mail",
    "main",
    "note",
    "pay_system",
    "placement",
    "sale",
    "salescenter",
    "sign.b2e",
    "socialnetwork",
    "sonet",
    "task",
    "tasks",
    "telephony",
    "timeman",
    "user",
    "userconsent",
    "userfieldconfig",
    "vote",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A webhook or an access token: acts as one user, within scopes."""

    id: str
    user_id: int
    scopes: frozenset[str]
    application: bool = False
    expires_at: float | None = None

    def allows(self, scopes: tuple[str, ...]) -> bool:
        """Return whether one of *scopes* was granted; no scope asked means everybody."""
        return not scopes or any(scope in self.scopes for scope in scopes)


class Access:
    """The credentials a portal knows.

    Source: _includes/system-errors.md @ 5988ed13; a wrong webhook code answers 401 as live portals
    do.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._webhooks: dict[tuple[int, str], Credential] = {}
        self._tokens: dict[str, Credential] = {}

    def add_webhook(
        self, user_id: int, *, code: str | None = None, scopes: Iterable[str] = ALL_SCOPES
    ) -> str:
        """Let a webhook in and return its code, made from user and scopes when none is given."""
        granted = frozenset(scopes)
        if code is None:
            named = f"webhook {user_id} {' '.join(sorted(granted))}"
            code = hashlib.sha256(named.encode()).hexdigest()[:16]
        self._webhooks[user_id, code] = Credential(
            id=f"webhook:{user_id}:{code[:4]}", user_id=user_id, scopes=granted
        )
        return code

    def remove_webhook(self, user_id: int, code: str) -> None:
        """Forget a webhook, as when a person deletes it on the portal."""
        self._webhooks.pop((user_id, code), None)

    def add_token(
        self,
        token: str,
        user_id: int,
        *,
        scopes: Iterable[str] = ALL_SCOPES,
        expires_in: float = 3600,
    ) -> str:
        """Let an application's access token in for *expires_in* seconds and return it."""
        self._tokens[token] = Credential(
            id="application",
            user_id=user_id,
            scopes=frozenset(scopes),
            application=True,
            expires_at=self._clock() + expires_in,
        )
        return token

    def expire_token(self, token: str) -> None:
        """End the life of a token now."""
        if token in self._tokens:
            self._tokens[token] = replace(self._tokens[token], expires_at=self._clock())

    def remove_token(self, token: str) -> None:
        """Forget a token."""
        self._tokens.pop(token, None)

    def of_webhook(self, user_id: int, code: str) -> Credential:
        """Return the credential behind a webhook address.

        Raises:
            Refusal: Unknown user id or code.
        """
        found = self._webhooks.get((user_id, code))
        if found is None:
            raise Refusal("INVALID_CREDENTIALS", "Invalid request credentials", 401)
        return found

    def of_token(self, token: object) -> Credential:
        """Return the credential behind an access token.

        Raises:
            Refusal: None was sent, it is unknown, or its hour is over.
        """
        if not isinstance(token, str) or not token:
            raise Refusal("NO_AUTH_FOUND", "Wrong authorization data", 401)
        found = self._tokens.get(token)
        if found is None:
            raise Refusal("invalid_token", "Unable to get application by token", 401)
        if found.expires_at is not None and self._clock() >= found.expires_at:
            raise Refusal("expired_token", "The access token provided has expired.", 401)
        return found
