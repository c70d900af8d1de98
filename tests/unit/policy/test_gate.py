"""The gate: one answer per call, and nothing a caller writes changes the rules."""

from __future__ import annotations

import pytest

from bitrix24_agent.errors import SettingsError
from bitrix24_agent.model import Call, Decision, Plan, Risk, Verdict
from bitrix24_agent.policy.canonical import canonical
from bitrix24_agent.policy.gate import judge
from bitrix24_agent.policy.rules import Policy, approve_up_to, matching

ALL = frozenset({"core", "comms", "content", "platform", "automation", "collab", "commerce"})


def verdict(catalog, name, params=None, *, packs=ALL, **policy):
    call = canonical(name, params, catalog=catalog, allow_unlisted=True)
    return judge(call, policy=Policy(**policy), catalog=catalog, packs=packs)


def outcome(*args, **options):
    found = verdict(*args, **options)
    return found.action, found.rule


def test_reads_go_and_writes_ask_by_default(catalog):
    assert verdict(catalog, "crm.deal.list") == Verdict(
        action="allow",
        risk=Risk.READ,
        rule="per_risk:read",
        reason="crm.deal.list is a read method",
    )
    assert outcome(catalog, "crm.deal.add", {"fields": {}}) == ("confirm", "per_risk:write")
    assert outcome(catalog, "crm.deal.delete", {"id": 1}) == ("confirm", "per_risk:destructive")


def test_read_only_denies_every_write_and_every_read_that_is_none(catalog):
    assert outcome(catalog, "crm.deal.list", read_only=True) == ("allow", "per_risk:read")
    assert outcome(catalog, "crm.deal.add", read_only=True) == ("deny", "read_only")
    assert outcome(catalog, "event.offline.get", read_only=True) == ("deny", "read_only")
    assert outcome(catalog, "crm.deal.add", read_only=True, auto_approve=("*",)) == (
        "deny",
        "read_only",
    )


def test_a_pack_that_is_not_enabled_is_denied(catalog):
    found = verdict(catalog, "im.message.add", packs=frozenset({"core"}))
    assert (found.action, found.rule) == ("deny", "pack:comms")
    assert found.reason == "im.message.add is in the pack comms; enabled are core"
    assert "enabled are none" in verdict(catalog, "crm.deal.list", packs=frozenset()).reason


def test_allow_narrows_and_deny_beats_it(catalog):
    rules = {"allow": ("crm.deal.*",), "deny": ("*.delete",)}
    assert outcome(catalog, "crm.deal.list", **rules) == ("allow", "per_risk:read")
    assert outcome(catalog, "user.current", **rules) == ("deny", "allow")
    assert outcome(catalog, "crm.deal.delete", **rules) == ("deny", "deny:*.delete")


def test_a_method_allowed_by_its_full_name_needs_no_pack(catalog):
    core = frozenset({"core"})
    assert outcome(catalog, "im.message.add", packs=core, allow=("IM.message.add",))[0] == "confirm"
    assert outcome(catalog, "im.message.add", packs=core, allow=("im.message.*",)) == (
        "deny",
        "pack:comms",
    )
    assert outcome(
        catalog, "im.message.add", packs=core, allow=("im.message.add",), deny=("im.*",)
    ) == ("deny", "deny:im.*")


def test_patterns_see_the_canonical_name_only(catalog):
    for spelling in (
        "CRM.DEAL.DELETE",
        "crm%2Edeal%2Edelete",
        "ｃｒｍ.deal.delete",
        "crm.deal.delete.json",
    ):
        assert outcome(catalog, spelling, {"id": 1}, deny=("crm.deal.delete",)) == (
            "deny",
            "deny:crm.deal.delete",
        )


def test_a_pattern_can_name_one_version(catalog):
    assert matching(("tasks.task.get@3",), "tasks.task.get", 3) == "tasks.task.get@3"
    assert matching(("tasks.task.get@3",), "tasks.task.get", 2) is None
    assert matching(("crm.*.list", "*.get"), "crm.deal.get", 2) == "*.get"
    assert matching(("crm.deal",), "crm.deal.get", 2) is None
    assert matching(("crm.deal.ge.",), "crm.deal.get", 2) is None


def test_per_risk_decides_what_asks(catalog):
    rules = {"per_risk": {Risk.WRITE: "allow", Risk.DESTRUCTIVE: "deny"}}
    assert outcome(catalog, "crm.deal.add", **rules) == ("allow", "per_risk:write")
    assert outcome(catalog, "crm.deal.delete", **rules) == ("deny", "per_risk:destructive")
    assert outcome(catalog, "crm.deal.list", **rules) == ("allow", "per_risk:read")
    assert outcome(catalog, "crm.deal.list", per_risk={Risk.READ: "confirm"}) == (
        "confirm",
        "per_risk:read",
    )


def test_auto_approval_spares_the_question_for_named_methods(catalog):
    rules = {"auto_approve": ("crm.deal.*",)}
    assert outcome(catalog, "crm.deal.update", {"id": 1, "fields": {}}, **rules) == (
        "allow",
        "auto_approve:crm.deal.*",
    )
    assert outcome(catalog, "user.update", {"ID": 1}, **rules) == ("confirm", "per_risk:write")


def test_auto_approval_by_a_group_never_covers_destruction(catalog):
    assert (
        outcome(catalog, "crm.deal.delete", {"id": 1}, auto_approve=("crm.deal.*",))[0] == "confirm"
    )
    assert outcome(catalog, "crm.deal.delete", {"id": 1}, auto_approve=("crm.deal.delete",)) == (
        "allow",
        "auto_approve:crm.deal.delete",
    )


def test_auto_approval_does_not_cover_arguments_that_make_it_worse(catalog):
    assert outcome(
        catalog, "user.update", {"ID": 1, "ACTIVE": "N"}, auto_approve=("user.update",)
    ) == (
        "confirm",
        "per_risk:destructive",
    )


def test_unlisted_methods_need_the_developers_switch_and_count_as_destructive(catalog):
    assert outcome(catalog, "custom.thing") == ("deny", "unlisted")
    found = verdict(catalog, "custom.thing", allow_unlisted=True, auto_approve=("custom.thing",))
    assert (found.action, found.risk) == ("confirm", Risk.DESTRUCTIVE)
    assert outcome(catalog, "custom.thing", allow_unlisted=True, allow=("crm.*",)) == (
        "deny",
        "allow",
    )
    assert outcome(catalog, "custom.thing", {"token": "x"}, allow_unlisted=True) == (
        "deny",
        "credentials",
    )


# --- credentials ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"auth": "x"},
        {"AUTH": "x"},
        {"au.th": "x"},
        {" auth": "x"},
        {"access_token": "x"},
        {"access.token": "x"},
        {"filter": {"access_token": "x"}},
        {"filter": [{"a": {"clientSecret": "x"}}]},
        {"refresh_token": "x"},
        {"application_token": "x"},
        {"sessid": "x"},
        {"token": "x"},
    ],
)
def test_parameters_that_carry_credentials_are_denied(catalog, params):
    assert outcome(catalog, "crm.deal.list", params) == ("deny", "credentials")


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("crm.deal.list", {"filter": {"auth": 1, "token": 2}}),
        ("crm.deal.list", {"filter": [1, "auth", {"authId": 1}]}),
        ("event.bind", {"event": "X", "auth_type": 1, "auth_connector": "k"}),
        ("imbot.v2.Bot.update", {"token": "its own word"}),
    ],
)
def test_words_of_ordinary_data_are_no_credentials(catalog, name, params):
    assert outcome(catalog, name, params)[1] != "credentials"


# --- callbacks ------------------------------------------------------------------------------------


def bind(catalog, handler, hosts=("*",), method="event.bind", field="handler"):
    return outcome(catalog, method, {"event": "X", field: handler}, callback_hosts=hosts)[0]


def test_no_callback_is_allowed_unless_its_host_is(catalog):
    url = "https://app.acme.com/hook?x=1"
    assert bind(catalog, url, ()) == "deny"
    assert bind(catalog, url, ("app.acme.com",)) == "confirm"
    assert bind(catalog, url.upper(), ("APP.acme.com.",)) == "confirm"
    assert bind(catalog, url, ("*.acme.com",)) == "confirm"
    assert bind(catalog, url, ("*",)) == "confirm"
    assert bind(catalog, url, ("acme.com", "*.app.acme.com", "*.evil.com")) == "deny"
    assert bind(catalog, "https://evilacme.com/", ("*.acme.com",)) == "deny"


@pytest.mark.parametrize(
    "handler",
    [
        "http://localhost/x",
        "http://LOCALHOST:8080/",
        "http://a.localhost/",
        "http://printer/",
        "http://db.internal/",
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://10.0.0.5/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::127.0.0.1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:8.8.8.8]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://[::1/",
        "http://[1:2]/",
        "http://127.0.0.1.nip.io/",
        "http://user@app.acme.com/",
        "http://app.acme.com@127.0.0.1/",
        "http://app.acme.com\\@127.0.0.1/",
        "http:/127.0.0.1/",
        "http:127.0.0.1",
        "//app.acme.com/x",
        "ftp://app.acme.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "ht\ttp://127.0.0.1/",
        "\x01http://127.0.0.1/",
        "http://app.acme.com:99999/",
        "http://app.acme.com:0/",
        "http://app。acme。com/",
        "http://app.acme.com/a b",
        "http://%31%32%37.0.0.1/",
        "http://a..com/",
        "http://" + "a" * 64 + ".com/",
        "app.acme.com/hook",
        "{{handler}}",
        "$result[a][url]",
    ],
)
def test_hosts_that_are_not_public_and_odd_addresses_are_denied(catalog, handler):
    assert bind(catalog, handler, ("*",)) == "deny"


def test_a_private_host_can_be_named(catalog):
    assert bind(catalog, "http://127.0.0.1:9000/x", ("127.0.0.1",)) == "confirm"
    assert bind(catalog, "http://[::1]/x", ("[::1]",)) == "confirm"
    assert bind(catalog, "http://localhost/x", ("localhost",)) == "confirm"
    assert bind(catalog, "http://127.0.0.2/x", ("127.0.0.1", "*")) == "deny"


def test_public_numbers_are_hosts_too(catalog):
    assert bind(catalog, "http://8.8.8.8/x") == "confirm"
    assert bind(catalog, "http://[2606:4700::1111]/x") == "confirm"


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("imbot.register", {"EVENT_MESSAGE_ADD": "https://evil.com/x"}),
        ("imbot.register", {"EVENT_HANDLER": "https://evil.com/x"}),
        ("imbot.register", {"PROPERTIES": {"webhookUrl": "https://evil.com/x"}}),
        ("imbot.register", {"IFRAME": "//evil.com/x"}),
        ("crm.deal.add", {"fields": {"WEBHOOK": "https://evil.com/x"}}),
        ("crm.deal.add", {"fields": {"callback_url": ["https://evil.com/x"]}}),
        ("crm.deal.add", {"fields": {"handlers": [{"url": "http://evil.com"}]}}),
        ("crm.deal.add", {"fields": {"X": '{"handler": "https://evil.com/x"}'}}),
    ],
)
def test_addresses_under_handler_like_names_are_found_anywhere(catalog, method, params):
    assert outcome(catalog, method, params)[1] == "callback_hosts"


@pytest.mark.parametrize(
    ("method", "params"),
    [
        (
            "crm.deal.add",
            {"fields": {"WEB": [{"VALUE": "https://acme.com"}], "COMMENTS": "see http://x.y/"}},
        ),
        ("crm.deal.add", {"fields": {"HANDLER": "my_handler"}}),
        ("crm.deal.add", {"fields": {"HANDLER": "a note: 12:30"}}),
        ("crm.deal.add", {"fields": {"X": '{"handler": "https://evil.com/x"'}}),
        ("imbot.register", {"CODE": "x", "EVENT_TYPE": "https://x.y/", "COLOR": "https://x.y"}),
        ("event.bind", {"event": "X", "handler": ""}),
        ("event.bind", {"event": "https://x.y/"}),
        ("event.unbind", {"handler": "https://gone.example.org/x"}),
    ],
)
def test_addresses_that_nobody_calls_are_ordinary_data(catalog, method, params):
    assert outcome(catalog, method, params)[0] == "confirm"


# --- batches --------------------------------------------------------------------------------------


def test_every_command_passes_every_rule(catalog):
    cmd = {"a": "crm.deal.get?id=1", "b": "im.message.add?DIALOG_ID=1", "c": "crm.deal.delete?id=1"}
    found = verdict(catalog, "batch", {"cmd": cmd}, packs=frozenset({"core"}))
    assert found == Verdict(
        action="deny",
        risk=Risk.DESTRUCTIVE,
        rule="pack:comms",
        reason="b: im.message.add is in the pack comms; enabled are core",
    )


def test_a_batch_is_judged_like_its_worst_command(catalog):
    assert outcome(catalog, "batch", ["user.current"]) == ("allow", "per_risk:read")
    assert outcome(catalog, "batch", ["user.current", "crm.deal.update?id=1"]) == (
        "confirm",
        "per_risk:write",
    )
    rules = {"auto_approve": ("crm.deal.update",)}
    assert (
        outcome(catalog, "batch", ["crm.deal.update?id=1", "crm.deal.delete?id=1"], **rules)[0]
        == "confirm"
    )
    assert (
        outcome(catalog, "batch", ["crm.deal.update?id=1", "user.current"], **rules)[0] == "allow"
    )
    assert outcome(catalog, "batch", ["user.current?auth=x"]) == ("deny", "credentials")


def test_batches_can_be_denied_as_such(catalog):
    assert outcome(catalog, "batch", ["user.current"], deny=("batch",)) == ("deny", "deny:batch")
    assert outcome(catalog, "batch", ["user.current"], deny=("*",)) == ("deny", "deny:*")


def test_a_batch_without_commands_is_denied(catalog):
    empty = Call(method="batch", params={"cmd": ["crm.deal.delete?id=1"]})
    found = judge(empty, policy=Policy(), catalog=catalog, packs=ALL)
    assert (found.action, found.risk, found.rule) == ("deny", Risk.DESTRUCTIVE, "batch")


# --- the rules themselves -------------------------------------------------------------------------


def test_lists_and_single_texts_are_accepted():
    policy = Policy(allow=["crm.*"], deny="*.delete", packs=["core"], callback_hosts=["a.com"])
    assert (policy.allow, policy.deny, policy.packs) == (("crm.*",), ("*.delete",), ("core",))
    assert Policy().packs is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"allow": 5},
        {"allow": (5,)},
        {"allow": ("",)},
        {"deny": ("crm deal",)},
        {"deny": ("!crm.*",)},
        {"auto_approve": ("crm.deal.add@4",)},
        {"callback_hosts": (None,)},
        {"read_only": "no"},
        {"allow_unlisted": 1},
        {"approver": True},
        {"plan_ttl_s": 0},
        {"plan_ttl_s": float("nan")},
        {"per_risk": {"write": "allow"}},
        {"per_risk": {Risk.WRITE: "maybe"}},
    ],
)
def test_a_policy_that_says_nothing_clear_is_refused(wrong):
    with pytest.raises(SettingsError, match="Policy"):
        Policy(**wrong)


def test_approve_up_to_says_yes_below_its_limit_and_no_above():
    approver = approve_up_to(Risk.WRITE)

    def plan(risk):
        return Plan(id="p", call=Call(method="x.y"), digest="d", risk=risk, summary="")

    assert approver(plan(Risk.WRITE)) == Decision(approved=True, by="approve_up_to(write)")
    assert approver(plan(Risk.DESTRUCTIVE)) == Decision(
        approved=False,
        by="approve_up_to(write)",
        reason="the call is destructive; only calls up to write are approved here",
    )
    with pytest.raises(ValueError, match="9"):
        approve_up_to(9)
