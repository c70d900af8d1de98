"""Secrets go, however they are spelt; ordinary text stays."""

from __future__ import annotations

import base64
import json
import logging
import re
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bitrix24_agent.audit.redact import (
    MaskingFilter,
    is_secret_name,
    langsmith_rules,
    mask,
    mask_known,
)

CODE = "jh3dc5r3hmmxi2ex"
TOKEN = "6061e72600631fcd00005a4b00000001f0f107f4b5c6d7e8f90123456789abcdef0123"
SECRET = "hQ7nG4fDxz8bM2vLkP9sTqWcYe5uRj1a"

PLANTED = [
    # webhook addresses
    (f"https://acme.bitrix24.com/rest/1/{CODE}/crm.deal.list.json?x=1", CODE),
    (f"https://acme.bitrix24.com/rest/1/{CODE}", CODE),
    (f"https://acme.bitrix24.com/rest/api/17/{CODE}/tasks.task.get", CODE),
    (f"HTTPS://ACME.BITRIX24.COM/REST/1/{CODE.upper()}/", CODE.upper()),
    (f"https://acme.bitrix24.com//rest//1//{CODE}//profile", CODE),
    (f'{{"url": "https:\\/\\/acme.bitrix24.com\\/rest\\/1\\/{CODE}\\/"}}', CODE),
    (f"https:\\u002f\\u002fx\\u002frest\\u002f1\\u002f{CODE}\\u002f", CODE),
    (quote(f"https://acme.bitrix24.com/rest/1/{CODE}/", safe=""), CODE),
    (quote(quote(f"https://acme.bitrix24.com/rest/1/{CODE}/", safe=""), safe=""), CODE),
    (f"&#x2F;rest&#x2F;1&#x2F;{CODE}&#x2F;", CODE),
    (f"&#47;rest&#47;1&#47;{CODE}&#47;", CODE),
    (f"GET /rest/1/{CODE}/user.current.json HTTP/1.1", CODE),
    (f"rest/1/{CODE}", CODE),
    (f"see (https://acme.bitrix24.com/rest/1/{CODE}).", CODE),
    ("https://acme.bitrix24.com/rest/1/onlylettershere/profile", "onlylettershere"),
    ("https://acme.bitrix24.com/rest/1/ab1cd/profile", "ab1cd"),
    # tokens in forms, queries, JSON, XML, Python, YAML
    (
        f"grant_type=refresh_token&client_id=app.1&client_secret={SECRET}&refresh_token={TOKEN}",
        SECRET,
    ),
    (f"https://oauth.bitrix.info/oauth/token/?client_secret={SECRET}", SECRET),
    (
        "https://oauth.bitrix.info/oauth/token/?grant_type=authorization_code&client_id=a&code=abcd1234",
        "abcd1234",
    ),
    (f"auth={TOKEN}&x=1", TOKEN),
    ("https://acme.bitrix24.com/rest/profile?auth=short1", "short1"),
    (
        f"https://acme.bitrix24.com/rest/download.json?auth={TOKEN}&token=disk%7CaWQ9OTAx",
        "aWQ9OTAx",
    ),
    (f"https:\\/\\/x\\/rest\\/download.json?auth={TOKEN}\\u0026token=disk%7CaWQ9OTAx", "aWQ9OTAx"),
    ("<a href='/rest/download.json?sessid=0&amp;token=diskaWQ9OTAx'>", "diskaWQ9OTAx"),
    (f"auth%5Baccess_token%5D%3D{TOKEN}%26auth%5Bdomain%5D%3Dacme", TOKEN),
    (f"auth[access_token]={TOKEN}&auth[refresh_token]={SECRET}&auth[domain]=acme", SECRET),
    (f'{{"access_token": "{TOKEN}", "expires_in": 3600}}', TOKEN),
    ('{"access_token":"x1"}', "x1"),
    (f'{{\\"client_secret\\": \\"{SECRET}\\"}}', SECRET),
    (json.dumps(json.dumps(json.dumps({"application_token": SECRET}))), SECRET),
    (f"{{'refresh_token': '{SECRET}'}}", SECRET),
    (f"Settings(access_token='{SECRET}', portal='acme')", SECRET),
    (f"client_secret: {SECRET}", SECRET),
    (f"B24_CLIENT_SECRET={SECRET}", SECRET),
    (f"export B24_WEBHOOK_CODE={CODE}", CODE),
    (f"AUTH_ID={TOKEN}&REFRESH_ID={SECRET}", SECRET),
    (f"<access_token>{TOKEN}</access_token>", TOKEN),
    (f"applicationToken = {SECRET}", SECRET),
    (f"('auth', '{TOKEN}')", TOKEN),
    (f"the token is {TOKEN}.", TOKEN),
    # headers and addresses with a password
    (f"Authorization: Bearer {TOKEN}", TOKEN),
    (f'{{"Authorization": "Bearer {SECRET}"}}', SECRET),
    ("authorization: basic dTpw", "dTpw"),
    (f"(b'Authorization', b'Bearer {SECRET}')", SECRET),
    (f"curl -H 'X-Api-Key: {SECRET}'", SECRET),
    ("Cookie: PHPSESSID=abcdefgh12345; BITRIX_SM_UIDH=zyxwvuts98765", "zyxwvuts98765"),
    ("postgresql+psycopg://agent:hunter2@db.acme.com/state", "hunter2"),
]

HARMLESS = [
    "",
    "Deal 17 moved to WON.",
    "the rest of the tasks, 12 of them, are done",
    "take the rest/lunch break at 12/30/2026",
    "https://apidocs.bitrix24.com/api-reference/rest-v3.html",
    "https://acme.bitrix24.com/rest/crm.deal.list.json",
    "https://acme.bitrix24.com/rest/api/tasks.task.get",
    "/rest/1/crm.deal.list",
    "/rest/1/catalog.productPropertySection.set",
    "/rest/2024/march/",
    "the access_token is expired, refresh it",
    "access_token: expired",
    "expired_token: The access token provided has expired.",
    "pass access_token=<your token> or client_secret={secret} or auth=$TOKEN",
    "access_token=None refresh_token=null",
    "client_secret is required; refresh_token must be a string",
    "auth: required for this method",
    "auth_type=1&auth_connector=my_key",
    '{"auth": "none", "auth_type": "5"}',
    "set AUTH_MODE=oauth",
    "token=short",
    "authorization code flow",
    "Authorization: required",
    "the bearer of this letter",
    "basic authentication-required",
    "password reset requested by Ann",
    "api_key must be set",
    "mail ann@acme.com or bob:x at acme",
    "https://acme.bitrix24.com/company/personal/user/7/",
    "sha256 6aeb6f5005bd866ed1dcdee1fee008df6418c83376b2e82ad0c42db3ec6f6909",
    "sha1 f897f54aab08a1bd1f3c0a5d7e8fb1dcb6dd1ac1",
    "f0f107f4b5c6d7e8f90123456789abcd",
    "order no. 4111-1111 signed by Basic Chemicals 2024",
    "process_id f1cbf2c4a6f0d7f4c0c9f4a8f5a7c3d1 settled",
    "12:30:45 user=ann status=ok took=12ms",
    "select[]=ID&filter[>ID]=5&start=50",
    "Скидка 10% для постоянных клиентов",
    "the signature on page 3 is missing",
    "COLOR_TOKEN=red max_tokens: 4096",
]


@pytest.mark.parametrize(("text", "secret"), PLANTED, ids=range(len(PLANTED)))
def test_a_planted_secret_does_not_survive(text, secret):
    masked = mask(text)
    assert secret not in masked
    assert "***" in masked


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_text_stays_readable(text):
    assert mask(text) == text


def test_what_surrounds_a_secret_stays():
    assert mask(f"https://acme.bitrix24.com/rest/1/{CODE}/crm.deal.list.json?start=50") == (
        "https://acme.bitrix24.com/rest/1/***/crm.deal.list.json?start=50"
    )
    assert (
        mask(f"auth[access_token]={TOKEN}&auth[domain]=acme")
        == "auth[access_token]=***&auth[domain]=acme"
    )
    assert mask(f"access_token%3D{TOKEN}%26x%3D1") == "access_token%3D***%26x%3D1"


def test_masking_twice_changes_nothing():
    for text, _ in PLANTED:
        assert mask(mask(text)) == mask(text)


def test_nested_values_are_masked_by_name_and_by_content():
    value = {
        "event": "ONAPPINSTALL",
        "auth": {
            "access_token": TOKEN,
            "domain": "acme",
            "expires_in": 3600,
            "application_token": SECRET,
        },
        "AUTH": TOKEN,
        "token": "diskaWQ9",
        "rows": [
            {"DOWNLOAD_URL": f"https://x/rest/download.json?auth={TOKEN}&token=abcdefgh"},
            5,
            None,
        ],
        "headers": [("Authorization", f"Bearer {SECRET}")],
        "PASSWORD": ["a", {"b": 1}, "", None, True, 7],
        "userPassword": "x",
        f"key {SECRET} access_token={SECRET}": {1: 2},
        "body": f"client_secret={SECRET}".encode(),
        "set": {"x"},
    }
    assert mask(value) == {
        "event": "ONAPPINSTALL",
        "auth": {
            "access_token": "***",
            "domain": "acme",
            "expires_in": 3600,
            "application_token": "***",
        },
        "AUTH": "***",
        "token": "***",
        "rows": [{"DOWNLOAD_URL": "https://x/rest/download.json?auth=***&token=***"}, 5, None],
        "headers": [("Authorization", "Bearer ***")],
        "PASSWORD": ["***", {"b": 1}, "", None, True, "***"],
        "userPassword": "***",
        f"key {SECRET} access_token=***": {1: 2},
        "body": b"client_secret=***",
        "set": ["x"],
    }


def test_a_value_nested_too_deep_or_in_itself_is_cut():
    loop: list = []
    loop.append(loop)
    assert "***" in json.dumps(mask(loop))


def test_objects_are_masked_only_when_their_text_holds_a_secret():
    class Url:
        def __init__(self, text: str) -> None:
            self.text = text

        def __str__(self) -> str:
            return self.text

    harmless = Url("https://acme.bitrix24.com/")
    assert mask(harmless) is harmless
    assert mask(Url(f"https://x/rest/1/{CODE}/")) == "https://x/rest/1/***/"


def test_an_exception_is_masked_with_its_chain():
    try:
        try:
            raise ValueError(f"POST https://x/rest/1/{CODE}/profile")
        except ValueError as error:
            raise RuntimeError("call failed") from error
    except RuntimeError as caught:
        masked = mask({"error": caught})["error"]
    assert CODE not in masked
    assert "RuntimeError: call failed" in masked


@pytest.mark.parametrize(
    "spelt",
    [
        lambda s: s,
        lambda s: quote(s, safe=""),
        lambda s: quote(quote(s, safe=""), safe=""),
        lambda s: "".join(f"%{b:02x}" for b in s.encode()),
        lambda s: "".join(f"%25{b:02X}" for b in s.encode()),
        lambda s: json.dumps(s)[1:-1],
        lambda s: s.replace("/", "\\/"),
        lambda s: base64.b64encode(s.encode()).decode(),
        lambda s: s.encode().hex(),
    ],
)
@pytest.mark.parametrize("secret", ["hunter2", "pässwört!", "a/b+c d=&", CODE])
def test_a_known_secret_is_masked_in_every_encoding(spelt, secret):
    text = f"before {spelt(secret)} after"
    assert mask(text, known=[secret]) == "before *** after"


def test_the_code_of_a_known_webhook_address_is_known_too():
    assert mask("code abc-def", known=["https://acme.bitrix24.com/rest/1/abc-def/"]) == "code ***"


def test_known_values_too_short_to_be_secrets_do_not_shred_text():
    assert mask("1 deal of 12", known=["1", "", "abc"]) == "1 deal of 12"


def test_the_longest_known_secret_goes_first():
    assert mask("abcdefgh", known=["abcd", "abcdefgh"]) == "***"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("access_token", True),
        ("AccessToken", True),
        ("B24_CLIENT_SECRET", True),
        ("SIP_PASSWORD", True),
        ("auth", False),
        ("EVENT_TOKEN", False),
        ("COLOR_TOKEN", False),
        ("ID", False),
    ],
)
def test_names_of_secrets_are_recognised(name, secret):
    assert is_secret_name(name) is secret


def test_the_rules_for_langsmith_are_the_same_rules():
    def anonymise(text: str) -> str:
        for rule in langsmith_rules():
            text = rule["pattern"].sub(rule["replace"], text)
        return text

    assert all(isinstance(rule["pattern"], re.Pattern) for rule in langsmith_rules())
    for text, secret in PLANTED:
        assert secret not in anonymise(text)
    for text in HARMLESS:
        assert anonymise(text) == text


def test_langsmith_itself_takes_the_rules():
    anonymizer = pytest.importorskip("langsmith.anonymizer")
    anonymise = anonymizer.create_anonymizer(langsmith_rules())
    masked = anonymise({"inputs": {"url": f"https://x/rest/1/{CODE}/profile"}})
    assert masked == {"inputs": {"url": "https://x/rest/1/***/profile"}}


# --- logging --------------------------------------------------------------------------------------


@pytest.fixture
def log():
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record) + str(record.__dict__))

    handler = Lines()
    handler.addFilter(MaskingFilter(known=["hunter2"]))
    logger = logging.getLogger("tests.redact")
    logger.propagate = False
    logger.addHandler(handler)
    yield logger, lines
    logger.removeHandler(handler)


def test_a_log_line_is_masked_whole(log):
    logger, lines = log
    logger.warning(
        "HTTP Request: %s %r", "POST", f"https://x/rest/1/{CODE}/profile", stack_info=True
    )
    logger.warning("known %s", "hunter2", extra={"url": f"https://x/rest/1/{CODE}/", "n": 5})
    logger.warning("no format %s access_token=" + SECRET, "a", "b")  # noqa: G003
    try:
        raise ValueError(f"https://x/rest/1/{CODE}/profile")
    except ValueError:
        logger.exception("failed")
    text = "\n".join(lines)
    assert [s for s in (CODE, SECRET, "hunter2") if s in text] == []
    assert "ValueError: https://x/rest/1/***/profile" in text
    assert "HTTP Request: POST 'https://x/rest/1/***/profile'" in text


# --- anything at all ------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(before=st.text(max_size=40), after=st.text(max_size=40), planted=st.sampled_from(PLANTED))
def test_a_secret_does_not_survive_whatever_stands_around_it(before, after, planted):
    text, secret = planted
    assume(secret not in before + after)
    assert secret not in mask(f"{before}\n{text}\n{after}")


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_any_text_is_masked_once_and_for_all(text):
    once = mask(text)
    assert mask(once) == once


@pytest.mark.parametrize(
    "piece",
    [
        *("rest/1/", "access_token", "access_token=", "access_token: ", "a" * 40, "auth=", "://a:"),
        *("Bearer ", "Bearer a", "\\\\\\/", "%25", "<access_token>", "&code=", "sessid", "rest/"),
        *("grant_type=authorization_code", "authorization: ", '"token": "', "İrest/1/"),
    ],
)
def test_a_text_made_to_be_slow_is_masked_within_the_time_limit(piece):
    """A pattern that goes back over the text would need hours for these, not seconds."""
    text = piece * (1_000_000 // len(piece))
    assert len(mask(text)) <= len(text)


def test_only_known_secrets_are_hidden_from_the_one_who_decides():
    secret = "k3y/0fth3w3bh00k"
    value = {
        "password": "hunter22",
        f"n{secret}": ["https://a.example/?token=abcdefgh", (secret, 5, None)],
        "encoded": "k3y%2F0fth3w3bh00k",
    }
    assert mask_known(value, [secret]) == {
        "password": "hunter22",
        "n***": ["https://a.example/?token=abcdefgh", ["***", 5, None]],
        "encoded": "***",
    }
    assert mask_known(value, []) is value
