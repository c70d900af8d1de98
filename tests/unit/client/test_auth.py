from __future__ import annotations

import pytest

from bitrix24_agent.client.auth import WebhookAuth, moved_root, portal_root
from bitrix24_agent.client.oauth import OAuth
from bitrix24_agent.errors import SettingsError

GOOD = [
    ("https://x.bitrix24.com/rest/1/abc123/", "https://x.bitrix24.com/rest/1/abc123/m"),
    ("https://x.bitrix24.com/rest/1/abc123", "https://x.bitrix24.com/rest/1/abc123/m"),
    (
        "  https://X.Bitrix24.com/rest/1/abc123/profile.json ",
        "https://x.bitrix24.com/rest/1/abc123/m",
    ),
    ("https://x.bitrix24.com/rest/api/1/abc123/", "https://x.bitrix24.com/rest/1/abc123/m"),
    ("https://x.bitrix24.com:443/rest/1/abc123/", "https://x.bitrix24.com/rest/1/abc123/m"),
    ("https://x.org:8443/site/rest/17/abc123/", "https://x.org:8443/site/rest/17/abc123/m"),
    ("http://127.0.0.1:8024/rest/1/tok/", "http://127.0.0.1:8024/rest/1/tok/m"),
    ("http://localhost/rest/1/tok/", "http://localhost/rest/1/tok/m"),
    ("http://[::1]:80/rest/1/tok/", "http://[::1]/rest/1/tok/m"),
    ("https://пример.рф/rest/1/tok/", "https://xn--e1afmkfd.xn--p1ai/rest/1/tok/m"),
]


@pytest.mark.parametrize(("url", "address"), GOOD)
def test_a_webhook_address_is_understood(url: str, address: str) -> None:
    auth = WebhookAuth.parse(url)
    assert auth.address("m", 2) == address
    assert auth.address("m", 3) == address.replace("/rest/", "/rest/api/")


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "no http"),
        ("s3cr3t", "no http"),
        ("https://x.bitrix24.com/", "no webhook address"),
        ("https://x.bitrix24.com/rest/s3cr3t/", "no webhook address"),
        ("https://x.bitrix24.com/rest/one/s3cr3t/", "no webhook address"),
        ("https://x.bitrix24.com/rest/1/s3c%20r3t/", "letters and digits"),
        ("http://x.bitrix24.com/rest/1/s3cr3t/", "plain http"),
        ("http://10.0.0.1/rest/1/s3cr3t/", "plain http"),
        ("ftp://x.bitrix24.com/rest/1/s3cr3t/", "no http"),
        ("https://u:p@x.bitrix24.com/rest/1/s3cr3t/", "user name"),
        ("https://x.bitrix24.com/rest/1/s3cr3t/?a=1", "query"),
        ("https://x.bitrix24.com/rest/1/s3cr3t/#x", "fragment"),
        ("https://[x/rest/1/s3cr3t/", "cannot be read"),
        ("https://x.com:99999/rest/1/s3cr3t/", "cannot be read"),
        ("https:///rest/1/s3cr3t/", "no http"),
    ],
)
def test_what_is_no_webhook_address_is_told_without_showing_it(url: str, what: str) -> None:
    with pytest.raises(SettingsError, match=what) as caught:
        WebhookAuth.parse(url)
    assert "s3cr3t" not in f"{caught.value!r}"


def test_a_credential_has_a_name_that_gives_nothing_away() -> None:
    one, two = (WebhookAuth.parse(f"https://x.com/rest/1/{code}/") for code in ("abc", "abd"))
    assert one.credential_id != two.credential_id
    assert WebhookAuth("https://x.com", 1, "abc").credential_id == one.credential_id
    assert "abc" not in f"{one!r}{one.credential_id}"
    assert one.secrets == ("abc",)
    assert (one.portal, one.user_id) == ("x.com", "1")


def test_a_renamed_portal_keeps_path_and_credential() -> None:
    auth = WebhookAuth.parse("https://old.com/site/rest/1/abc/")
    name = auth.credential_id
    auth.moved("new.com")
    assert auth.address("m", 2) == "https://new.com/site/rest/1/abc/m"
    assert (auth.portal, auth.credential_id) == ("new.com", name)
    assert moved_root("http://127.0.0.1:80", "evil.example") == "https://evil.example"


def test_odd_method_names_cannot_leave_their_place() -> None:
    auth = WebhookAuth.parse("https://x.com/rest/1/abc/")
    assert auth.address("../../a?b#c", 2) == "https://x.com/rest/1/abc/..%2F..%2Fa%3Fb%23c"


def test_parts_of_a_webhook_are_checked() -> None:
    for user, code in (("x", "abc"), (1, "a/b"), (1, "")):
        with pytest.raises(SettingsError):
            WebhookAuth("https://x.com", user, code)


def test_a_portal_is_a_host_or_an_address() -> None:
    assert portal_root("x.bitrix24.com") == ("https://x.bitrix24.com", "x.bitrix24.com")
    assert portal_root("https://x.com/") == ("https://x.com", "x.com")
    with pytest.raises(SettingsError):
        portal_root("http://x.com")


def test_oauth_needs_something_to_work_with() -> None:
    with pytest.raises(SettingsError, match="access token or a refresh token"):
        OAuth(portal="x.com", client_id="a", client_secret="b")
    with pytest.raises(SettingsError, match="id and secret"):
        OAuth(portal="x.com", client_id="", client_secret="", refresh_token="r")
    auth = OAuth(portal="x.com", client_id="a", client_secret="s1", access_token="t1")
    assert repr(auth) == "OAuth('x.com', client_id='a', tokens='***')"
    assert set(auth.secrets) == {"s1", "t1"}
    assert auth.address("m", 2) == "https://x.com/rest/m"
    assert auth.address("m", 3) == "https://x.com/rest/api/m"
