"""Where secrets stand in text: in a webhook's path, under a telling name, behind ``Bearer``.

Every rule begins with a literal, its anchor. Text without anchors costs a few substring searches;
where one stands, its patterns are tried at that place only, and each reads a bounded number of
characters. So masking takes time in proportion to the text, whatever the text is.
"""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "***"
SHORTEST = 8
"""No text shorter than this can hold a secret together with what betrays it."""

_SLASH = r"(?:\\*/|\\+u002f|%(?:25)*2f|&#(?:x2f|47);)"
_EQUALS = r"(?:=|%(?:25)*3d|\\+u003d)"
_QUOTE = r"\\*[\"']"
_CLOSE = r"(?:\]|%(?:25)*5d)?"
_NO_VALUE = r"(?![*<{$\[(]|none\b|null\b|true\b|false\b|undefined\b|\.\.\.)"
_FORM_CHAR = r"(?:[^\s&\"'<>;,)\]}\\%]|%(?!(?:25)*(?:26|20|0a|22|27|3b)))"


def _after(*words: str) -> str:
    """One of *words* right before, with or without a separator."""
    return "(?:" + "|".join(f"(?<={word}{sep})" for word in words for sep in ("", "_", "-")) + ")"


_NAME = "|".join((
    _after("access", "refresh", "application", "bot") + "token",
    _after("client", "webhook") + "secret",
    _after("webhook") + "code",
    _after("api", "approver", "private") + "key",
    "(?:(?<=auth)|(?<=refresh))_id",
    "passw(?:or)?d",
    "(?<![a-z])sessid",
))  # fmt: skip
_NAME_ANCHORS = ("token", "secret", "code", "key", "_id", "passw", "sessid")

_NAMED = (
    # "access_token": "...", access_token="...", \"client_secret\": \"...\"
    rf"((?:{_NAME}){_CLOSE}(?:{_QUOTE})?\s{{0,4}}(?:=>|[:=,])\s{{0,4}}{_QUOTE})"
    r"(?!\*)[^\"'\\\r\n]{1,8192}+",
    # access_token=..., auth[refresh_token]=..., also encoded
    rf"((?:{_NAME}){_CLOSE}\s{{0,2}}{_EQUALS}\s{{0,2}}){_NO_VALUE}{_FORM_CHAR}{{1,8192}}+",
    # access_token: 6061e726...
    rf"((?:{_NAME})\s{{0,2}}:\s{{0,2}})(?=[a-z._~+/=-]{{0,200}}\d)[a-z0-9._~+/=|-]{{10,8192}}+",
    # <access_token>...</access_token>
    rf"((?:{_NAME})>)[^<]{{1,8192}}+(?=</)",
)

# ?auth=..., &token=... of signed links, events and the OAuth server
_IN_QUERY = (
    r"((?:(?<=[?&])|(?<=&amp;)|(?<=%26)|(?<=2526)|(?<=%3f)|(?<=253f)|(?<=u0026))"
    rf"(?:auth|token|sign(?:ature)?){_EQUALS})(?!\*)[^\s&\"'<>#\\]{{4,8192}}+"
)

RULES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("rest",),
        (
            # /rest/1/<code>/ and /rest/api/1/<code>/, however the slash is written; no method
            rf"((?:(?<![a-z0-9])|(?<=2f)|(?<=#47;))rest{_SLASH}{{1,4}}+(?:api{_SLASH}{{1,4}}+)?"
            rf"\d{{1,12}}+{_SLASH}{{1,4}}+)"
            r"(?=[a-z_-]{0,64}[0-9]|[a-z0-9_-]{10})[a-z0-9_-]{5,128}+(?!\.[a-z])",
        ),
    ),
    (_NAME_ANCHORS, _NAMED),
    (("token", "sign"), (_IN_QUERY,)),
    (
        ("auth",),
        (
            _IN_QUERY,
            # auth=..., "auth": "..." where the value cannot be a word
            rf"((?<![a-z0-9_])auth(?:{_QUOTE})?\s{{0,4}}(?:{_EQUALS}|[:,])\s{{0,4}}(?:{_QUOTE})?)"
            r"(?=[a-z._|%-]{0,64}[0-9])[a-z0-9._|%-]{12,8192}+",
            rf"(\bauthorization\b(?:{_QUOTE})?\s{{0,4}}[:=,]\s{{0,4}}(?:\\*b?{_QUOTE})?"
            r"(?:bearer|basic|digest|token)\s{1,4})(?!\*)[^\s\"'\\,;]{4,8192}+",
        ),
    ),
    (
        ("grant_type",),
        (
            rf"(grant_type{_EQUALS}authorization_code\b[^\s\"']{{0,400}}?&code{_EQUALS})"
            r"[^\s&\"'<>#\\]{4,512}+",
        ),
    ),
    (
        ("bearer", "basic"),
        (
            r"(\b(?:bearer|basic)\s{1,4})(?=[a-z._~+/=-]{0,200}\d)(?=[^\s]{0,200}[^\s\d])"
            r"[a-z0-9._~+/=-]{14,8192}+",
        ),
    ),
    (
        ("phpsessid", "bitrix_sm_", "x-api-key"),
        (
            r"((?:phpsessid|bitrix_sm_[a-z_]{1,20}|x-api-key)\s{0,2}[=:]\s{0,2})"
            r"(?!\*)[^\s;\"',]{4,4096}+",
        ),
    ),
    # https://user:password@host
    (("://",), (r"(://[^\s/:@\"'<>]{1,128}+:)(?!\*)[^\s/@\"'<>]{1,256}+(?=@)",)),
)
"""Anchors, and the patterns tried where one stands; the secret follows the first group."""

_LONE_TOKEN = r"()(?<![a-zA-Z0-9])[0-9a-fA-F]{70}(?![a-zA-Z0-9])"  # noqa: S105 -- a digest has 64


@lru_cache(maxsize=1)
def patterns() -> tuple[tuple[str, tuple[re.Pattern[str], ...]], ...]:
    """Return each anchor with its compiled patterns; compiled once, when first needed."""
    by_anchor: dict[str, list[re.Pattern[str]]] = {}
    for anchors, sources in RULES:
        for anchor in anchors:
            by_anchor.setdefault(anchor, []).extend(re.compile(s, re.IGNORECASE) for s in sources)
    return tuple((anchor, tuple(found)) for anchor, found in by_anchor.items())


@lru_cache(maxsize=1)
def lone_token() -> re.Pattern[str]:
    """Return the pattern of an access token by itself: 70 hexadecimal digits."""
    return re.compile(_LONE_TOKEN)


def every_pattern() -> tuple[re.Pattern[str], ...]:
    """Return all patterns for tools that search whole texts; the secret follows the first group."""
    sources = dict.fromkeys(source for _, found in RULES for source in found)
    return (*(re.compile(source, re.IGNORECASE) for source in sources), lone_token())


def places(text: str) -> list[tuple[int, int]]:
    """Return where secrets stand in *text*, as start and end; places may overlap."""
    if len(text) < SHORTEST:
        return []
    lower = text.lower()
    if len(lower) != len(text):  # a few letters grow when lowered
        lower = "".join(c.lower() if c.isascii() else c for c in text)
    found: list[tuple[int, int]] = []
    for anchor, tried in patterns():
        at = lower.find(anchor)
        while at >= 0:
            end = at + len(anchor)
            for pattern in tried:
                match = pattern.match(text, at)
                if match is not None:
                    found.append((match.end(1), match.end()))
                    end = match.end()
                    break
            at = lower.find(anchor, end)
    if len(text) >= 70:
        found += [match.span() for match in lone_token().finditer(text)]
    return found
