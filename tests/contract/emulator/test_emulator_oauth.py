"""Token server: codes, refresh, expiry, rotation, and what goes wrong."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlencode

import pytest
from dirty_equals import IsInt, IsStr


@pytest.fixture
def app(portal):
    portal.oauth.install("local.app", "top-secret", scopes=["crm", "user"])
    return portal.oauth


def exchange(wire, verb="POST", **params):
    body = urlencode({"client_id": "local.app", "client_secret": "top-secret", **params})
    url = wire.portal.base_url + "/oauth/token/"
    if verb == "GET":
        status, raw = wire.send(f"{url}?{body}", verb="GET")
    else:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, raw = wire.send(url, body=body.encode(), headers=headers)
    return status, json.loads(raw)


def me(wire, token):
    return wire.call("user.current", {"auth": token}, url=wire.portal.base_url + "/rest/")


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_code_is_exchanged_once(wire, app, verb):
    code = app.authorize("local.app", 3)
    status, body = exchange(wire, verb, grant_type="authorization_code", code=code)
    assert status == 200
    assert body == {
        "access_token": IsStr(min_length=32),
        "refresh_token": IsStr(min_length=32),
        "expires_in": 3600,
        "scope": "crm,user",
        "domain": f"127.0.0.1:{wire.portal.port}",
        "client_endpoint": f"{wire.portal.base_url}/rest/",
        "server_endpoint": f"{wire.portal.base_url}/rest/",
        "member_id": IsStr(min_length=32),
        "status": "L",
    }
    assert me(wire, body["access_token"])[1]["result"]["ID"] == "3"
    assert exchange(wire, grant_type="authorization_code", code=code) == (
        400,
        {"error": "invalid_grant"},
    )


def test_a_refresh_rotates_both_tokens_and_tells_who_and_until_when(wire, app):
    first = app.tokens("local.app", 3)
    app.expire()
    assert me(wire, first["access_token"])[1]["error"] == "expired_token"
    status, second = exchange(
        wire, grant_type="refresh_token", refresh_token=first["refresh_token"]
    )
    assert (status, second["user_id"], second["expires"]) == (200, 3, IsInt)
    assert second["refresh_token"] != first["refresh_token"]
    assert me(wire, second["access_token"])[0] == 200
    assert exchange(wire, grant_type="refresh_token", refresh_token=first["refresh_token"]) == (
        400,
        {"error": "invalid_grant"},
    )


def test_an_old_refresh_token_can_be_let_live(wire, app):
    app.keep_old = True
    token = app.tokens("local.app")["refresh_token"]
    statuses = [
        exchange(wire, grant_type="refresh_token", refresh_token=token)[0] for _ in range(2)
    ]
    assert statuses == [200, 200]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"client_id": "other"}, (200, {"error": "wrong_client"})),
        ({"client_secret": "guess"}, (400, {"error": "invalid_client"})),
        (
            {"grant_type": "refresh_token"},
            (
                400,
                {
                    "error": "invalid_request",
                    "error_description": 'No "refresh_token" parameter found',
                },
            ),
        ),
        (
            {"grant_type": "password"},
            (400, {"error": "invalid_request", "error_description": "Unsupported grant type"}),
        ),
        (
            {"grant_type": "authorization_code", "code": "made-up"},
            (400, {"error": "invalid_grant"}),
        ),
    ],
)
def test_what_the_token_server_refuses(wire, app, params, expected):
    assert exchange(wire, **params) == expected


def test_a_code_lives_thirty_seconds(wired):
    from bitrix24_agent.testing import running_portal

    now = [1_790_000_000.0]
    with running_portal(deals=1, clock=lambda: now[0]) as portal:
        portal.oauth.install("local.app", "top-secret")
        code = portal.oauth.authorize("local.app")
        now[0] += 30
        assert exchange(wired(portal), grant_type="authorization_code", code=code)[0] == 400


def test_a_lost_refresh_has_rotated_the_token_all_the_same(wire, app, portal):
    token = app.tokens("local.app")["refresh_token"]
    portal.faults.add("oauth.token", "lost", when="after")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        exchange(wire, grant_type="refresh_token", refresh_token=token)
    assert exchange(wire, grant_type="refresh_token", refresh_token=token)[0] == 400
    assert portal.journal.count("oauth.token") == 1


def test_scopes_of_an_application_are_those_it_was_installed_with(wire, app):
    token = app.tokens("local.app")["access_token"]
    url = wire.portal.base_url + "/rest/"
    assert wire.refusal("tasks.task.list", {"auth": token}, url=url) == (403, "insufficient_scope")
    assert wire.result("app.info", {"auth": token}, url=url)["STATUS"] == "L"
