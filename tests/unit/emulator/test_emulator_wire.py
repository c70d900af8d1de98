"""Bytes to parameters and back."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24_agent.emulator import wire


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a=1", {"a": "1"}),
        ("a=", {"a": ""}),
        ("a", {"a": ""}),
        ("a=1&a=2", {"a": "2"}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a[0]=x&a[1]=y", {"a": ["x", "y"]}),
        ("a[1]=x", {"a": {"1": "x"}}),
        ("a[5]=x&a[]=y", {"a": {"5": "x", "6": "y"}}),
        (
            "f[PHONE][0][VALUE]=1&f[PHONE][0][VALUE_TYPE]=WORK",
            {"f": {"PHONE": [{"VALUE": "1", "VALUE_TYPE": "WORK"}]}},
        ),
        ("filter[%3EID]=10", {"filter": {">ID": "10"}}),
        ("filter[<=ID]=60", {"filter_<": "ID]=60"}),
        ("a.b=1", {"a_b": "1"}),
        ("t=A%26B", {"t": "A&B"}),
        ("t=a+b", {"t": "a b"}),
        ("0=7&1[TITLE]=x", {"0": "7", "1": {"TITLE": "x"}}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("a" + "[b]" * 64 + "=1&c=2", {"c": "2"}),
        ("", {}),
    ],
)
def test_queries_become_php_arrays(query, expected):
    assert wire.query_parameters(query) == expected


def encode(value, name):
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in encode(v, f"{name}[{k}]")]
    if isinstance(value, list):
        return [p for n, v in enumerate(value) for p in encode(v, f"{name}[{n}]")]
    return [f"{quote(name)}={quote(value, safe='')}"]


KEYS = st.text(alphabet="ABCdef_", min_size=1, max_size=4)
VALUES = st.recursive(
    st.text(alphabet='aZ09 &=+%[]#?;"\u044b\u20ac', max_size=5),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(KEYS, inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=3))
def test_whatever_is_written_with_brackets_is_read_back(params):
    query = "&".join(part for name, value in params.items() for part in encode(value, name))
    assert wire.query_parameters(query) == params


def test_json_roots_may_be_objects_or_arrays_and_nothing_else():
    assert wire.json_parameters(b'[1, {"a": 2}]') == [1, {"a": 2}]
    deep = b'{"a":' * 65 + b"1" + b"}" * 65
    for body in (deep, b'["\\ud800"]', b"1", b'"x"', b"null", b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(wire.NotJson):
            wire.json_parameters(body)


def test_bodies_are_read_by_their_content_type():
    assert wire.body_parameters(b'{"a":1}', "application/json; charset=utf-8") == {"a": 1}
    assert wire.body_parameters(b"a=1", "application/x-www-form-urlencoded") == {"a": "1"}
    assert wire.body_parameters(b'{"a":1}', "") == {'{"a":1}': ""}
    assert wire.body_parameters(b"{", "application/json") == {}
    assert wire.body_parameters(b"", "application/json") == {}


def test_a_multipart_body_that_is_none_has_no_parts():
    assert wire.multipart(b"nothing", "text/plain") == []


def test_php_arrays_are_lists_exactly_when_their_keys_count_from_zero():
    assert wire.php_array({}) == []
    assert wire.php_array({"0": "a", "1": "b"}) == ["a", "b"]
    assert wire.php_array({"0": "a", "2": "b"}) == {"0": "a", "2": "b"}
    assert wire.php_array({"1": "a", "0": "b"}) == {"1": "a", "0": "b"}
    assert wire.php_array({"00": "a"}) == {"00": "a"}


def test_json_is_utf8_without_spaces():
    assert wire.to_json({"a": ["ы", None, True]}) == '{"a":["ы",null,true]}'.encode()
    assert json.loads(wire.to_json({"a": 1.5})) == {"a": 1.5}


def test_xml_escapes_and_names_list_entries_item():
    xml = wire.to_xml({"result": [{"A": "<&>", "B": None, "C": True, "D": False}]}).decode()
    assert xml.endswith(
        "<response><result><item><A>&lt;&amp;&gt;</A><B></B><C>1</C><D></D></item></result></response>"
    )
