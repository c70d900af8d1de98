from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24_agent.errors import ArgumentsError
from bitrix24_agent.model import Call
from bitrix24_agent.protocol import text
from bitrix24_agent.protocol.request import body_of, command


def php(query: str) -> dict[str, Any]:
    """Read a query as PHP does: brackets nest, ``[]`` appends, 0..n-1 keys are a list."""
    root: dict[str, Any] = {}
    for pair in filter(None, query.split("&")):
        key, _, value = pair.partition("=")
        head, *rest = key.replace("]", "").split("[")
        path = [unquote_plus(part) for part in (head, *rest)]
        node = root
        for part in path[:-1]:
            node = node.setdefault(part or str(len(node)), {})
        node[path[-1] or str(len(node))] = unquote_plus(value)
    return {key: as_list(value) for key, value in root.items()}


def as_list(value: Any) -> Any:
    if isinstance(value, dict):
        value = {key: as_list(inner) for key, inner in value.items()}
        if list(value) == [str(place) for place in range(len(value))]:
            return list(value.values())
    return value


def meant(value: Any) -> Any:
    """What a single JSON call means, in the only terms a query has: text and arrays."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if value is None:
        return ""
    if isinstance(value, dict):
        return as_list({k: meant(v) for k, v in value.items()}) if value else [""]
    if isinstance(value, list):
        return [meant(inner) for inner in value] if value else [""]
    return repr(value) if isinstance(value, float) else str(value)


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]"), min_size=1)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(
        NAMES.filter(lambda n: n.lower() not in {"filter", "select", "order", "sort", "params"}),
        VALUES,
        max_size=4,
    )
)
def test_a_batch_command_means_what_the_same_call_means_alone(params: dict[str, Any]) -> None:
    name, _, query = command("crm.deal.update", params).partition("?")
    assert name == "crm.deal.update"
    assert php(query) == {key: meant(value) for key, value in params.items() if value is not None}


def test_empty_options_of_a_list_are_left_out_and_empty_values_are_sent() -> None:
    params = {"select": [], "filter": {}, "order": {}, "id": 5, "items": [], "start": None}
    assert command("crm.deal.list", params) == "crm.deal.list?id=5&items[]="


def test_positional_methods_keep_every_place() -> None:
    params = {"ORDER": [], "FILTER": None, "TASKID": 3}
    assert command("task.commentitem.getlist", params) == (
        "task.commentitem.getlist?ORDER[]=&FILTER=&TASKID=3"
    )


def test_a_reference_and_special_characters_survive_the_query() -> None:
    line = command("crm.deal.get", {"id": "$result[new][ID]", "note": "a&b=c d+e%26"})
    assert php(line.partition("?")[2]) == {"id": "$result[new][ID]", "note": "a&b=c d+e%26"}


def test_a_call_without_parameters_is_its_name() -> None:
    assert command("user.current", {}) == "user.current"


def test_bodies_of_single_calls_and_batches() -> None:
    call = Call(method="crm.deal.list", params={"filter": {">ID": 5}})
    assert body_of(call, {}) == b'{"filter":{">ID":5}}'
    assert json.loads(body_of(call, {"auth": "t"})) == {"filter": {">ID": 5}, "auth": "t"}
    batch = Call(method="batch", params={"halt": True}, commands={"a": call})
    assert json.loads(body_of(batch, {"auth": "t"})) == {
        "halt": 1,
        "cmd": {"a": "crm.deal.list?filter[%3EID]=5"},
        "auth": "t",
    }


def test_a_v3_batch_is_an_array_and_with_a_token_an_object() -> None:
    inner = Call(method="tasks.task.get", version=3, params={"id": 7})
    batch = Call(method="batch", version=3, commands={"0": inner, "task": inner})
    first = {"method": "tasks.task.get", "query": {"id": 7}}
    second = {**first, "as": "task"}
    assert json.loads(body_of(batch, {})) == [first, second]
    assert json.loads(body_of(batch, {"auth": "t"})) == {"0": first, "1": second, "auth": "t"}


@pytest.mark.parametrize(
    ("commands", "what"),
    [
        ({}, "at least one command"),
        ({str(n): Call(method="m") for n in range(51)}, "51 commands"),
        ({"a": Call(method="batch")}, "cannot hold a batch"),
        ({"a": Call(method="m", version=3)}, "cannot run in a version 2 batch"),
    ],
)
def test_a_batch_that_no_request_can_carry_is_refused(commands: dict[str, Call], what: str) -> None:
    with pytest.raises(ArgumentsError, match=what) as caught:
        body_of(Call(method="batch", commands=commands), {})
    assert caught.value.problems


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"fields": {"A": float("nan")}}, "fields.A"),
        ({"fields": [1, {"B": float("inf")}]}, "fields[1].B"),
        ({"fields": {"C": {1, 2}}}, "fields.C"),
        ({"fields": {"D": b"x"}}, "fields.D"),
        ({"fields": {7: "x"}}, "fields.7"),
    ],
)
def test_what_is_no_json_is_refused_with_its_path(value: dict[str, Any], path: str) -> None:
    for encode in (lambda: text.dumps(value), lambda: command("m", value)):
        with pytest.raises(ArgumentsError) as caught:
            encode()
        assert [problem.path for problem in caught.value.problems] == [path]


@given(VALUES)
def test_json_goes_out_and_comes_back(value: Any) -> None:
    assert text.loads(text.dumps(value)) == value


@pytest.mark.parametrize("without_orjson", [False, True])
def test_what_php_writes_is_read_and_large_values_are_written(
    monkeypatch: pytest.MonkeyPatch, without_orjson: bool
) -> None:
    if without_orjson:
        monkeypatch.setattr(text, "orjson", None)
    assert text.loads(b'\xef\xbb\xbf{"a":1}') == {"a": 1}
    assert text.loads(b'{"a":"\\ud83d"}') == {"a": "\ud83d"}
    assert text.dumps({"n": 2**70}) == b'{"n":1180591620717411303424}'
    assert text.loads(text.dumps({"s": "\ud83d"})) == {"s": "\ud83d"}
    for broken in (b"", b"<html>", b"{", b"[" * 100_000):
        with pytest.raises(ValueError):
            text.loads(broken)
