"""Portal codes -> errors. Codes are an open set: an unlisted one is judged by its HTTP status.

Pages are those of the vendor's documentation at commit 5988ed13; ``py`` and ``js`` are its Python
and JavaScript SDKs, for what the documentation does not say.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_agent.errors import (
    AccessError,
    BlockedError,
    CredentialsError,
    OperationTimeError,
    OutcomeUnknownError,
    PortalError,
    RateLimitError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.errors import CallFailedError, NextStep

SYSTEM = "_includes/system-errors.md"
V3 = "api-reference/rest-v3.md"
OAUTH = "settings/oauth/error-codes.md"
SDK_PY = "py: b24pysdk/errors/__init__.py"
V3_PREFIX = "BITRIX_REST_V3_EXCEPTION_"

MAX_MESSAGE = 600
RATE_WAIT_S = 1.0
"""The counter falls once a second (limits.md), so an earlier retry cannot help."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a code means: the class to raise, a next step of its own, and where that is written."""

    kind: type[PortalError | OutcomeUnknownError]
    source: str
    next_step: NextStep | None = None


RULES: Mapping[str, Rule] = {
    # wait
    "QUERY_LIMIT_EXCEEDED": Rule(RateLimitError, "limits.md"),
    "OPERATION_TIME_LIMIT": Rule(OperationTimeError, "limits.md"),
    # it may have run
    "INTERNAL_SERVER_ERROR": Rule(OutcomeUnknownError, SYSTEM),
    "ERROR_UNEXPECTED_ANSWER": Rule(OutcomeUnknownError, SYSTEM),
    # the credential
    "EXPIRED_TOKEN": Rule(CredentialsError, SYSTEM),
    "INVALID_TOKEN": Rule(
        CredentialsError, "settings/cloud-and-on-premise/on-premise/custom-auth-provider.md"
    ),
    "NO_AUTH_FOUND": Rule(CredentialsError, SYSTEM),
    "INVALID_CREDENTIALS": Rule(CredentialsError, SYSTEM),
    "AUTHORIZATION_ERROR": Rule(CredentialsError, SDK_PY),
    "APPLICATION_NOT_FOUND": Rule(CredentialsError, SDK_PY),
    "ERROR_OAUTH": Rule(CredentialsError, SDK_PY),
    "NOT_INSTALLED": Rule(CredentialsError, SDK_PY),
    "INVALID_GRANT": Rule(CredentialsError, OAUTH),
    "INVALID_CLIENT": Rule(CredentialsError, OAUTH),
    "WRONG_CLIENT": Rule(CredentialsError, "py: b24pysdk/errors/oauth.py"),
    # rights
    "INSUFFICIENT_SCOPE": Rule(AccessError, SYSTEM),
    "INVALID_SCOPE": Rule(AccessError, OAUTH),
    "USER_ACCESS_ERROR": Rule(AccessError, SYSTEM),
    "ACCESS_DENIED": Rule(AccessError, SYSTEM),
    "ACCESSEXCEPTION": Rule(AccessError, "api-reference/common/settings/app-option-get.md"),
    "WRONG_AUTH_TYPE": Rule(AccessError, "api-reference/events/event-bind.md"),
    "ALLOWED_ONLY_INTRANET_USER": Rule(AccessError, "api-reference/crm/universal/crm-item-list.md"),
    "METHOD_CONFIRM_DENIED": Rule(AccessError, "api-reference/scopes/confirmation.md"),
    "NO_ACCESS": Rule(AccessError, SYSTEM),
    V3_PREFIX + "ACCESSDENIEDEXCEPTION": Rule(AccessError, V3),
    V3_PREFIX + "INSUFFICIENTSCOPEEXCEPTION": Rule(AccessError, V3),
    # a person must act
    "OVERLOAD_LIMIT": Rule(BlockedError, SYSTEM),
    "METHOD_CONFIRM_WAITING": Rule(BlockedError, "api-reference/scopes/confirmation.md"),
    "PORTAL_DELETED": Rule(BlockedError, SYSTEM),
    "PAYMENT_REQUIRED": Rule(BlockedError, SDK_PY),
    # another call
    "ERROR_METHOD_NOT_FOUND": Rule(PortalError, V3, "choose_other"),
    "METHOD_NOT_FOUND": Rule(
        PortalError, "settings/cloud-and-on-premise/on-premise/custom-methods.md", "choose_other"
    ),
    V3_PREFIX + "METHODNOTFOUNDEXCEPTION": Rule(
        PortalError, "js: docs/content/docs/2.working-with-the-rest-api/6.errors.md", "choose_other"
    ),
    "ERROR_BATCH_METHOD_NOT_ALLOWED": Rule(PortalError, SYSTEM, "choose_other"),
    "ERROR_MANIFEST_IS_NOT_AVAILABLE": Rule(PortalError, SYSTEM, "stop"),
    # the arguments
    "INVALID_REQUEST": Rule(PortalError, SYSTEM, "fix_arguments"),
    "ERROR_BATCH_LENGTH_EXCEEDED": Rule(PortalError, SYSTEM, "fix_arguments"),
    V3_PREFIX + "IDEMPOTENCYKEYREUSEDEXCEPTION": Rule(PortalError, V3, "stop"),
}
"""Codes with a class or a next step of their own; upper case, as both occur on the wire."""

_BY_STATUS: Mapping[int, Rule] = {
    400: Rule(PortalError, SYSTEM, "fix_arguments"),
    401: Rule(CredentialsError, SYSTEM),
    402: Rule(BlockedError, SDK_PY),
    403: Rule(AccessError, SYSTEM),
    404: Rule(PortalError, SYSTEM, "fix_arguments"),
    405: Rule(PortalError, SYSTEM, "choose_other"),
    410: Rule(BlockedError, SDK_PY),
    429: Rule(RateLimitError, "limits.md"),
}
_ELSE = Rule(PortalError, SYSTEM, "fix_arguments")
_UNKNOWN = Rule(OutcomeUnknownError, "sdk/b24gosdk/index.md")

_TAG = re.compile(r"<[^<>]{0,200}>")
_BREAK = re.compile(r"(?i)<\s*(?:br|/p|/div|/li)\s*/?\s*>")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]+")
_DENIED = re.compile(
    r"(?i)\b(access denied|no access|not enough rights|insufficient (?:rights|privileges))\b"
)
_PLAN = re.compile(
    r"(?i)available only (?:on|for|in)\b|only on commercial|commercial plans|extended plans"
)


def clean(text: object) -> str:
    """Return a description as one line without markup, of at most 600 characters."""
    if not isinstance(text, str):
        return "" if text is None else str(text)
    if "<" in text or "&" in text:
        text = _TAG.sub(" ", _BREAK.sub("; ", text))
        text = html.unescape(text)
    text = _SPACE.sub(" ", text).strip(" ;")
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def rule_for(code: str, description: str, status: int | None) -> Rule:
    """Return the rule of an upper-case *code*, or what its text and HTTP status suggest."""
    if code in RULES:
        rule = RULES[code]
        if rule.kind is AccessError and _PLAN.search(description):
            return Rule(BlockedError, SYSTEM)  # the plan forbids it, not the user's rights
        return rule
    if code.endswith("_RESTRICTED"):
        return Rule(BlockedError, "api-reference/crm/universal/crm-item-add.md")
    if status is not None and status >= 500:
        return _UNKNOWN
    if _DENIED.search(description):
        return Rule(AccessError, "api-reference/crm/deals/crm-deal-get.md")
    return _ELSE if status is None else _BY_STATUS.get(status, _ELSE)


def error_of(
    code: object, description: object, *, status: int | None = None, where: str = "the portal"
) -> CallFailedError:
    """Return the error for what a portal answered; *where* names who said it.

    Args:
        code: As it came: text, a number, empty or zero.
        description: As it came, markup included.
        status: HTTP status; None inside a batch, where every command shares the outer 200.
        where: Subject of the message.
    """
    name = clean(code).upper()
    text = clean(description)
    rule = rule_for(name, text, status)
    said = f"{name}: {text}" if name and text else name or text or f"HTTP {status}"
    message = f"{where} answered {said}"
    kind = rule.kind
    if issubclass(kind, OutcomeUnknownError):
        return kind(f"{message}; it may have run", code=name or None, next_step=rule.next_step)
    return kind(
        message,
        code=name or None,
        status=status,
        next_step=rule.next_step,
        retry_after=RATE_WAIT_S if kind is RateLimitError else None,
    )
