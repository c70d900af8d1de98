"""Addresses the portal itself opens: anywhere public, never inside a private network."""

from __future__ import annotations

import pytest

from bitrix24_agent.model import Risk
from bitrix24_agent.policy.hosts import refused_callback, refused_fetch

INSIDE = "http://169.254.169.254/latest"
WHERE = [
    {"RECORD_URL": "?"},
    {"URL": "?"},
    {"MESSAGES": [{"message": {"files": [{"url": "?"}]}}]},
    {"MESSAGES": [{"user": {"picture": {"url": "?"}}}]},
    {"picture": "?"},
    {"fields": {"ADDITIONAL_FIELDS": {"METAOG_IMAGE": "?"}}},
    {"fields": {"file": "?"}},
    {"PARAMETERS": {"url": "?"}},
    {"AVATAR": "?"},
]


def put(where, value):
    if isinstance(where, dict):
        return {name: put(inner, value) for name, inner in where.items()}
    return [put(inner, value) for inner in where] if isinstance(where, list) else value


@pytest.mark.parametrize("where", WHERE, ids=range(len(WHERE)))
def test_every_name_the_portal_opens_is_looked_at(where):
    assert refused_fetch(put(where, INSIDE), ()) is not None
    assert refused_fetch(put(where, "https://cdn.example.com/a.png"), ()) is None
    assert refused_fetch(put(where, INSIDE), ("169.254.169.254",)) is None
    assert refused_fetch(put(where, INSIDE), ("*",)) is not None


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/",
        "HTTP://LOCALHOST:8080/x",
        "//10.0.0.1/x",
        "http:\\\\10.0.0.1\\x",
        "ftp://192.168.0.1/x",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://１２７.0.0.1/",
        "http://127。0。0。1/",
        "ht\ttp://127.0.0.1/",
        "http://intranet/",
        "http://db.internal/",
        "http://a.example.com@127.0.0.1/",
        "http://127.0.0.1\\@example.com/",
        "http://%31%32%37.0.0.1/",
        "http://" + "ж" * 80 + ".com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "127.0.0.1:8080/x",
        "localhost/x",
        "[::1]/x",
        "$result[a][url]",
    ],
)
def test_private_and_odd_addresses_are_refused(address):
    path, reason = refused_fetch({"RECORD_URL": address}, ("*",)) or ("", "")
    assert path == "RECORD_URL"
    assert reason


@pytest.mark.parametrize(
    "value",
    [
        "https://example.com/a b.mp3",
        "https://пример.example.com/файл.mp3",
        "http://8.8.8.8/x",
        "/upload/a.png",
        "upload/a.png",
        "data:image/png;base64,AAAA",
        "iVBORw0KGgo//8AAAAA",
        "n123",
        "Y",
        "",
        "10.0",
    ],
)
def test_public_addresses_and_what_is_none_pass(value):
    assert refused_fetch({"RECORD_URL": value, "picture": value}, ()) is None


@pytest.mark.parametrize(
    ("server", "fine"),
    [
        ("imap.example.com", True),
        ("imap.example.com:993", True),
        ("ssl://imap.example.com", False),
        ("127.0.0.1", False),
        ("10.0.0.1:25", False),
        ("localhost", False),
        ("mail", False),
        ("[::1]:25", False),
        ("::1", False),
        ("0x7f000001", False),
        ("a@10.0.0.1", False),
        ("http://10.0.0.1/", False),
        ("$result[a][host]", False),
    ],
)
def test_a_server_the_portal_connects_to_is_a_public_one(server, fine):
    assert (refused_fetch({"SERVER": server}, ()) is None) is fine


@pytest.mark.parametrize(
    "params",
    [
        {"KEYBOARD": [{"TEXT": "Open", "LINK": "http://10.0.0.1/"}]},
        {"LINK": "http://intranet/"},
        {"MESSAGE": "see http://10.0.0.1/"},
        {"fields": {"UF_CRM_URL": "http://intranet/wiki", "WEB": [{"VALUE": "http://10.0.0.1"}]}},
        {"fields": {"PROPERTY_12_URL": "http://intranet/"}},
        {"MESSAGES": [{"chat": {"url": "http://10.0.0.1/"}, "user": {"url": "http://10.0.0.1/"}}]},
        {"layout": {"properties": {"action": {"uri": "http://intranet/x"}}}},
        {"fields": {"FILE": "$result[up][ID]"}},
    ],
)
def test_links_for_people_and_own_fields_are_theirs(params):
    assert refused_fetch(params, ()) is None


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("imbot.v2.chat.message.send", {"fields": {"keyboard": [{"LINK": "https://a.com/"}]}}),
        ("imbot.command.answer", {"MENU": [{"LINK": "https://a.com/"}]}),
        ("mailservice.add", {"LINK": "https://mail.a.com", "SERVER": "imap.a.com"}),
        ("crm.deal.add", {"fields": {"UF_CRM_WEBHOOK_NOTE": "see https://a.com"}}),
    ],
)
def test_links_for_people_are_no_callbacks(method, params):
    assert refused_callback(method, params, ()) is None


@pytest.mark.parametrize(
    ("method", "params", "path"),
    [
        ("imbot.update", {"BOT_ID": 1, "FIELDS": "$result[a]"}, "FIELDS"),
        ("imbot.update", {"FIELDS": {"NAME": "$result[a][x]"}}, "FIELDS.NAME"),
        ("event.bind", {"event": {"$ref": "a.item"}}, "event"),
        ("bizproc.robot.update", {"FIELDS": {"HANDLER": {"$ref": "a.url"}}}, "FIELDS.HANDLER"),
        ("crm.deal.add", {"fields": {"WEBHOOK": {"$ref": "a.url"}}}, "fields.WEBHOOK"),
    ],
)
def test_a_reference_is_no_address_and_hides_none(method, params, path):
    assert (refused_callback(method, params, ("*",)) or ("", ""))[0] == path


def test_an_id_by_reference_is_fine_where_handlers_are_registered():
    params = {"BOT_ID": "$result[new]", "MESSAGE": "hello"}
    assert refused_callback("imbot.message.add", params, ()) is None


def test_the_gate_asks_for_changing_calls_only(catalog):
    from bitrix24_agent.policy.canonical import canonical
    from bitrix24_agent.policy.gate import judge
    from bitrix24_agent.policy.rules import Policy

    def verdict(name, params):
        call = canonical(name, params, catalog=catalog)
        return judge(call, policy=Policy(), catalog=catalog, packs=frozenset({"core"}))

    stopped = verdict("crm.deal.add", {"fields": {"RECORD_URL": INSIDE}})
    assert (stopped.action, stopped.risk, stopped.rule) == ("deny", Risk.WRITE, "callback_hosts")
    assert verdict("crm.deal.list", {"filter": {"RECORD_URL": INSIDE}}).action == "allow"
