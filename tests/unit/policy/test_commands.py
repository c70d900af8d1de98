"""A batch in any shape becomes canonical commands, each refused for what a single call would be."""

from __future__ import annotations

import json

import pytest

from bitrix24_agent.errors import ArgumentsError, UnknownMethodError
from bitrix24_agent.model import Call
from bitrix24_agent.policy.canonical import canonical
from bitrix24_agent.policy.commands import MAX_COMMANDS

GET = Call(method="crm.deal.get", version=2, params={"id": "5"})
DELETE = Call(method="crm.deal.delete", version=2, params={"id": "7"})


def batch(catalog, params, **options):
    return canonical("batch", params, catalog=catalog, **options)


@pytest.mark.parametrize(
    "params",
    [
        {"cmd": {"0": "crm.deal.get?id=5", "1": "crm.deal.delete?id=7"}},
        {"CMD": ["crm.deal.get?id=5", "CRM.DEAL.DELETE.json?id=7"]},
        {"cmd": '["crm.deal.get?id=5", "crm.deal.delete?id=7"]'},
        {"cmd": '{"0": "crm.deal.get?id=5", "1": "/crm.deal.delete/?id=7"}'},
        {
            "cmd": [
                {"method": "crm.deal.get", "params": {"id": "5"}},
                ["crm.deal.delete", {"id": "7"}],
            ]
        },
        {
            "cmd": [
                {"METHOD": "crm.deal.get?id=5"},
                {"method": "crm%2Edeal%2Edelete", "params": {"id": "7"}},
            ]
        },
        ["crm.deal.get?id=5", "crm.deal.delete?id=7"],
        json.dumps({"cmd": ["crm.deal.get?id=5", "crm.deal.delete?id=7"]}),
    ],
)
def test_every_shape_gives_the_same_commands(catalog, params):
    call = batch(catalog, params)
    assert call == Call(
        method="batch", version=2, params={"halt": 0}, commands={"0": GET, "1": DELETE}
    )
    assert list(call.commands) == ["0", "1"]


def test_a_query_behind_batch_is_read(catalog):
    call = canonical("batch.json?halt=1&cmd[a]=crm.deal.get%3Fid%3D5", catalog=catalog)
    assert call == Call(method="batch", version=2, params={"halt": 1}, commands={"a": GET})


def test_more_than_fifty_commands_are_fine_here(catalog):
    call = batch(catalog, {"cmd": [f"crm.deal.get?id={i}" for i in range(120)]})
    assert len(call.commands) == 120


def test_a_batch_nobody_could_read_is_refused(catalog):
    fine = batch(catalog, {"cmd": ["user.current"] * MAX_COMMANDS})
    assert len(fine.commands) == MAX_COMMANDS
    with pytest.raises(ArgumentsError, match="holds 2501 commands"):
        batch(catalog, {"cmd": ["user.current"] * (MAX_COMMANDS + 1)})


def test_a_command_without_parameters_may_say_so_in_several_ways(catalog):
    cmd = ["user.current", ["user.current", []], {"method": "user.current", "params": None}]
    assert {c.params == {} for c in batch(catalog, {"cmd": cmd}).commands.values()} == {True}


@pytest.mark.parametrize(
    ("cmd", "reason"),
    [
        (None, "is no list or object"),
        (7, "is no list or object"),
        ([], "holds no commands"),
        ({}, "holds no commands"),
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ('{"a": "user.current", "a": "crm.deal.delete?id=1"}', "given twice"),
        ([7], "is no command"),
        ([["user.current"]], "is no command"),
        ([{"method": 7}], "cmd.0.method: is missing"),
        ([{"params": {}}], "cmd.0.method: is missing"),
        ([{"method": "user.current", "auth": "x"}], "is no part of a command"),
        ([{"method": "user.current", "Method": "crm.deal.delete"}], "already given as method"),
        ([{"method": "crm.deal.get", "params": {"id": 1}, "query": {"id": 2}}], "params and query"),
        ([{"method": "crm.deal.get", "params": "id=1"}], "must be an object"),
        ([["crm.deal.get", {"id": 1, "ID": 2}]], "already given as id"),
        (["crm.deal.get?id=1&ID=2"], "already given as id"),
        ({"a]&cmd[b": "user.current"}, "bracket"),
        ({"a b": "user.current"}, "is not usable"),
        ({"a" * 65: "user.current"}, "is not usable"),
        ({"a": "user.current", "A": "user.current"}, "already given as a"),
        (["batch?cmd[a]=user.current"], "is a batch itself"),
        ([{"method": "BATCH.json", "params": {}}], "is a batch itself"),
        (["%62atch"], "is a batch itself"),
        (
            [{"method": "user.current", "as": "a"}, {"method": "user.current", "as": "a"}],
            "given twice",
        ),
        (["tasks.task.get@3?id=1", "crm.deal.get@2?id=1"], "is v2 in a batch of v3"),
        (["crm.deal.get?id=$result[nobody][ID]"], "does not come before it"),
        ({"a": "crm.deal.get?id=$result[b]", "b": "user.current"}, "does not come before it"),
        ({"a": "crm.deal.get?id=$result[a]"}, "does not come before it"),
        ({"a": "user.current", "b": "crm.deal.get?id=$result[a"}, "does not come before it"),
        (
            {
                "a": "user.current",
                "b": {"method": "crm.deal.list", "params": {"filter": {"x": ["$RESULT [z]"]}}},
            },
            "does not come before it",
        ),
    ],
)
def test_a_batch_that_cannot_be_read_is_refused(catalog, cmd, reason):
    with pytest.raises(ArgumentsError, match=reason) as caught:
        batch(catalog, {"cmd": cmd})
    assert caught.value.problems


@pytest.mark.parametrize(
    "command",
    [
        "crm.deal.destroy",
        "user.current#?x=1",
        "user.current/../crm.deal.delete?id=1",
        "$result[a][0]?id=1",
        "https://evil.example.com/rest/1/x/crm.deal.delete",
        "crm.deal.list%3Fx",
        "crm.deal\u200b.delete?id=1",
    ],
)
def test_a_hidden_command_is_refused_and_named(catalog, command):
    with pytest.raises(UnknownMethodError, match=r"^cmd\.bad: "):
        batch(catalog, {"cmd": {"ok": "user.current", "bad": command}})


def test_problems_inside_a_command_name_the_command(catalog):
    with pytest.raises(ArgumentsError) as caught:
        batch(catalog, {"cmd": {"a": "crm.deal.get?id=1&id=2"}})
    assert [p.path for p in caught.value.problems] == ["cmd.a.name"]


@pytest.mark.parametrize("params", [None, {}, {"halt": 1}])
def test_a_batch_without_commands_is_refused(catalog, params):
    with pytest.raises(ArgumentsError, match="cmd: is missing"):
        batch(catalog, params)


@pytest.mark.parametrize("extra", ["auth", "start", "Auth"])
def test_a_batch_takes_nothing_else(catalog, extra):
    with pytest.raises(ArgumentsError, match="is no parameter of batch"):
        batch(catalog, {"cmd": ["user.current"], extra: 1})


@pytest.mark.parametrize(
    ("halt", "sent"), [(1, 1), ("1", 1), (True, 1), (0, 0), ("N", 0), (None, 0)]
)
def test_halt_is_kept(catalog, halt, sent):
    assert batch(catalog, {"cmd": ["user.current"], "Halt": halt}).params == {"halt": sent}


def test_linked_commands_always_halt(catalog):
    cmd = {"me": "user.current", "deals": "crm.deal.list?filter[ASSIGNED_BY_ID]=$result[me][ID]"}
    call = batch(catalog, {"cmd": cmd, "halt": 0})
    assert call.params == {"halt": 1}
    assert call.commands["deals"].params == {"filter": {"ASSIGNED_BY_ID": "$result[me][ID]"}}


# --- REST 3.0 -------------------------------------------------------------------------------------


def test_a_batch_of_v3_is_told_by_its_shape(catalog):
    call = batch(catalog, [{"method": "tasks.task.get", "query": {"id": 2}, "as": "t"}])
    assert call == Call(
        method="batch",
        version=3,
        commands={"t": Call(method="tasks.task.get", version=3, params={"id": 2})},
    )


def test_a_method_known_in_v3_only_makes_the_batch_v3(catalog):
    assert batch(catalog, ["note.document.get?id=1"]).version == 3
    assert batch(catalog, ["tasks.task.get@3?id=1"]).version == 3
    assert batch(catalog, ["tasks.task.get?id=1"], version=3).version == 3


def test_names_in_both_versions_mean_v2_in_a_v2_batch(catalog):
    call = batch(catalog, ["tasks.task.get?taskId=1", "crm.deal.get?id=1"])
    assert [c.version for c in call.commands.values()] == [2, 2]


def test_versions_do_not_mix_in_a_batch(catalog):
    with pytest.raises(UnknownMethodError, match=r"cmd\.1: .* in v3; it exists in v2"):
        batch(catalog, ["note.document.get?id=1", "crm.deal.get?id=1"])


def test_unlisted_commands_pass_with_the_developers_switch_only(catalog):
    params = {"cmd": {"a": "custom.thing?x=1"}}
    call = batch(catalog, params, allow_unlisted=True)
    assert call.commands == {"a": Call(method="custom.thing", version=2, params={"x": "1"})}
    with pytest.raises(UnknownMethodError):
        batch(catalog, params)
    with pytest.raises(UnknownMethodError):
        batch(catalog, {"cmd": ["crm.deal.get"]}, version=3, allow_unlisted=True)
