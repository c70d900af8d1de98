"""Any spelling of a call becomes one catalogue method with plain parameters, or is refused."""

from __future__ import annotations

import enum
from types import MappingProxyType

import pytest

from bitrix24_agent.errors import ArgumentsError, UnknownMethodError
from bitrix24_agent.model import Call
from bitrix24_agent.policy.canonical import canonical
from bitrix24_agent.policy.values import MAX_BYTES


@pytest.mark.parametrize(
    "spelling",
    [
        "crm.deal.list",
        "CRM.Deal.List",
        "crm.deal.list.json",
        "crm.deal.list.XML",
        "/crm.deal.list/",
        "crm.deal.list.",
        ".crm.deal.list",
        "  crm.deal.list\n",
        "crm%2Edeal%2elist",
        "crm%252Edeal.list",
        "%63rm.deal.list",
        "ｃｒｍ．ｄｅａｌ．ｌｉｓｔ",
        "𝐜𝐫𝐦.deal.list",
        "crm.deal.list?",
        "crm.deal.list#",
        "crm.deal.list@2",
    ],
)
def test_a_harmless_spelling_means_the_catalogue_method(catalog, spelling):
    assert canonical(spelling, catalog=catalog) == Call(method="crm.deal.list", version=2)


@pytest.mark.parametrize(
    "spelling",
    [
        "",
        " ",
        ".",
        "/",
        "crm..deal.list",
        "../crm.deal.list",
        "crm.deal.list/..",
        "crm/deal/list",
        "crm\\deal\\list",
        "crm.deal.list#.delete",
        "crm.deal.list#?id=1",
        "crm.deal.list?id=1#x",
        "crm.deal.list%3Fid=1",
        "crm.deal.list%23",
        "crm.deal.list%00",
        "crm.deal.list\x00",
        "crm.deal\u200b.list",
        "crm.deal\u202e.list",
        "\ufeffcrm.deal.list",
        "сrm.deal.list",  # a Cyrillic letter
        "crm.deal.lıst",  # a dotless i
        "crm.deal.list;crm.deal.delete",
        "crm.deal.list\ncrm.deal.delete",
        "crm deal list",
        "crm.deal.list%25252525252e",
        "crm.deal.list%ff",
        "crm.deal.list.json.json",
        "https://example.bitrix24.com/rest/1/abcdefgh12345678/crm.deal.list",
        "//example.com/crm.deal.list",
        "/rest/crm.deal.list",
        "rest/1/abcdefgh12345678/crm.deal.list",
        "http:crm.deal.list",
        "$result[a][0]",
        "a" * 301,
        "%61" * 4000,
        "crm.deal.list@4",
        "crm.dael.list",
    ],
)
def test_a_spelling_that_could_mean_something_else_is_refused(catalog, spelling):
    with pytest.raises(UnknownMethodError):
        canonical(spelling, catalog=catalog)


@pytest.mark.parametrize("spelling", [None, 7, b"crm.deal.list", ["crm.deal.list"]])
def test_a_name_that_is_no_text_is_refused(catalog, spelling):
    with pytest.raises(UnknownMethodError, match="a method name is text"):
        canonical(spelling, catalog=catalog)


def test_a_refusal_names_the_nearest_methods(catalog):
    with pytest.raises(UnknownMethodError) as caught:
        canonical("crm.deal.lst", catalog=catalog)
    assert caught.value.nearest[0] == "crm.deal.list"
    assert caught.value.name == "crm.deal.lst"
    assert "nearest: crm.deal.list" in caught.value.message


def test_a_refused_address_is_never_repeated(catalog):
    secret = "https://acme.bitrix24.com/rest/1/abcdefgh12345678/crm.deal.list"  # planted
    for spelling in (secret, secret + "#x", f"{secret}?a=1#b", secret.upper(), f"{secret}\u200b"):
        with pytest.raises(UnknownMethodError) as caught:
            canonical(spelling, catalog=catalog)
        assert "abcdefgh12345678" not in (str(caught.value) + caught.value.name).lower()


def test_a_name_of_one_version_says_where_it_exists(catalog):
    with pytest.raises(UnknownMethodError, match="in v3; it exists in v2"):
        canonical("crm.deal.list", version=3, catalog=catalog)


def test_v3_is_preferred_where_both_versions_exist(catalog):
    assert canonical("tasks.task.get", {"id": 5}, catalog=catalog).version == 3
    assert canonical("tasks.task.get", catalog=catalog).version == 3


def test_v2_is_meant_when_only_its_parameters_fit(catalog):
    call = canonical("tasks.task.get", {"taskId": 5}, catalog=catalog)
    assert call == Call(method="tasks.task.get", version=2, params={"taskId": 5})


def test_a_caller_can_choose_the_version(catalog):
    assert canonical("tasks.task.get", version=2, catalog=catalog).version == 2
    assert canonical("tasks.task.get@2", catalog=catalog).version == 2
    assert canonical("tasks.task.get@3", version=3, catalog=catalog).version == 3


def test_contradicting_versions_are_refused(catalog):
    with pytest.raises(ArgumentsError, match="name says version 2, the call says 3"):
        canonical("tasks.task.get@2", version=3, catalog=catalog)


ODD_VERSIONS = [1, 4, True, "2", 2.5, 2.0, 3.0, "²", 10**5000, "9" * 5000]


@pytest.mark.parametrize("version", ODD_VERSIONS, ids=range(len(ODD_VERSIONS)))
def test_a_version_that_does_not_exist_is_refused(catalog, version):
    with pytest.raises(ArgumentsError, match="does not exist"):
        canonical("crm.deal.list", version=version, catalog=catalog)


def test_a_catalogue_that_lost_a_version_finds_nothing(catalog):
    class Torn:
        def lookup(self, name, version=None):
            return None

        def versions(self, name):
            return (2, 3)

        def nearest(self, name):
            return []

    with pytest.raises(UnknownMethodError):
        canonical("a.b", catalog=Torn())


def test_an_unlisted_name_passes_only_with_the_developers_switch(catalog):
    call = canonical("Custom.method.JSON", {"a": 1}, catalog=catalog, allow_unlisted=True)
    assert call == Call(method="Custom.method", version=2, params={"a": 1})
    with pytest.raises(UnknownMethodError):
        canonical("custom.method", catalog=catalog)
    with pytest.raises(UnknownMethodError):
        canonical("cus\u200btom.method", catalog=catalog, allow_unlisted=True)
    with pytest.raises(UnknownMethodError):  # it is listed, in the other version
        canonical("crm.deal.list", version=3, catalog=catalog, allow_unlisted=True)


# --- parameters -----------------------------------------------------------------------------------


def test_parameters_in_a_query_string_join_the_others(catalog):
    call = canonical(
        "crm.deal.list?filter[>ID]=5&select[]=ID&select[]=A%26B&order[ID]=ASC",
        {"start": 50},
        catalog=catalog,
    )
    assert call.params == {
        "start": 50,
        "filter": {">ID": "5"},
        "select": ["ID", "A&B"],
        "order": {"ID": "ASC"},
    }


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("id=1&id=2", None),
        ("id=1&ID=2", None),
        ("id=1", {"ID": 2}),
        ("filter=1&filter[ID]=2", None),
        ("filter[ID]=2&filter=1", None),
        ("filter[ID=2", None),
        ("filter]ID[=2", None),
        ("=2", None),
        ("id=%", None),
        ("id=%zz", None),
        ("id=%ff", None),
        ("id=%00", None),
        ("filter" + "[a]" * 40 + "=1", None),
    ],
)
def test_an_ambiguous_or_broken_query_is_refused(catalog, query, params):
    with pytest.raises(ArgumentsError):
        canonical(f"crm.deal.list?{query}", params, catalog=catalog)


def test_a_query_larger_than_the_limit_is_refused(catalog):
    with pytest.raises(ArgumentsError, match="larger than 4 MB"):
        canonical("crm.deal.list?a=" + "b" * MAX_BYTES, catalog=catalog)


def test_the_call_keeps_a_private_copy(catalog):
    given = {"filter": {"ID": [1, 2]}}
    call = canonical("crm.deal.list", given, catalog=catalog)
    given["filter"]["ID"].append(3)
    assert call.params == {"filter": {"ID": [1, 2]}}


def test_parameters_may_come_as_json_text(catalog):
    call = canonical("crm.deal.get", '{"id": 5}', catalog=catalog)
    assert call.params == {"id": 5}


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Half(float):
    pass


def test_relatives_of_plain_values_become_plain(catalog):
    given = MappingProxyType({"filter": {"a": (1, Colour.RED), "b": Level.HIGH, "c": Half(0.5)}})
    call = canonical("crm.deal.list", given, catalog=catalog)
    assert call.params == {"filter": {"a": [1, "red"], "b": 3, "c": 0.5}}
    assert [type(v) for v in call.params["filter"].values()] == [list, int, float]
    assert type(call.params["filter"]["a"][1]) is str


def looped() -> dict:
    loop: dict = {}
    loop["a"] = loop
    return loop


def nested(depth: int) -> dict:
    value: dict = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"cmd": 1, "CMD": 2}, "was already given as cmd"),
        ({1: 2}, "is no text"),
        ({"filter": {None: 1}}, "is no text"),
        ({"a": float("nan")}, "is no JSON number"),
        ({"a": float("inf")}, "is no JSON number"),
        ({"a": Half("-inf")}, "is no JSON number"),
        ({"a": "x\0y"}, "NUL"),
        ({"a\0": 1}, "control character"),
        ({"filter[ID]": 1}, "bracket"),
        ({"a": "\ud800"}, "half a character"),
        ({"a": nested(40)}, "deeper than 32"),
        (looped(), "holds itself"),
        ({"a": [[[]] * 3] * 3, "b": {1, 2}}, "a set cannot be sent"),
        ({"a": b"x"}, "a bytes cannot be sent"),
        ({"a": object()}, "a object cannot be sent"),
        ({"a": 10**5000}, "no portal can hold"),
        ({"a": -(2**128)}, "no portal can hold"),
        ({"a": "x" * (MAX_BYTES + 1)}, "larger than 4 MB"),
        ({"a": "é" * (MAX_BYTES // 2 + 1)}, "larger than 4 MB"),
        ([], "must be an object"),
        (7, "must be an object"),
        ("[1]", "must be an object"),
        ("{", "is no JSON"),
        ('{"a": NaN}', "NaN is no JSON"),
        ('{"a": 1, "a": 2}', "a name is given twice"),
        ("[" * 100_000, "deeper than 32"),
        (" " * (MAX_BYTES + 1), "larger than 4 MB"),
    ],
)
def test_parameters_that_cannot_be_sent_are_refused(catalog, params, reason):
    with pytest.raises(ArgumentsError, match=reason) as caught:
        canonical("crm.deal.list", params, catalog=catalog)
    assert caught.value.problems


def test_a_depth_of_32_is_still_fine(catalog):
    assert canonical("crm.deal.list", {"filter": nested(30)}, catalog=catalog).params
