"""Tables, filters, pages and limits as functions of values."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitrix24_agent.emulator.limiter import Bucket, OperatingTime, RateLimit
from bitrix24_agent.emulator.query import Condition, Group, matching, page, split_prefix, test_of
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.store import Table

test_of.__test__ = False  # a function of the package, not a test


def table(*rows, **defaults):
    found = Table("t", defaults=defaults)
    for row in rows:
        found.add(row)
    return found


def where(*parts):
    return Group(parts=tuple(Condition(field=f, op=op, value=v) for f, op, v in parts))


def test_ids_count_up_and_are_never_used_again():
    rows = table({"A": 1}, {"A": 2})
    rows.delete(2)
    assert rows.add({"A": 3}) == 3
    assert rows.ids == [1, 3]
    rows.skip_to(10)
    assert rows.add({}) == 10


def test_an_index_follows_changes():
    rows = table({"A": "x"}, {"A": "y"}, {"A": ["x", "z"]})
    assert rows.keys_where(A="X") == [1, 3]
    rows.update(2, {"A": "x"})
    rows.delete(1)
    rows.add({"A": "x"}, key=1)
    assert rows.keys_where(A="x") == [1, 2, 3]
    rows.update(3, {"A": []})
    assert rows.keys_where(A="x") == [1, 2]


def test_a_default_counts_as_a_value():
    rows = table({}, {"A": "N"}, A="Y")
    assert rows.keys_where(A="Y") == [1]
    assert matching(rows, where(("A", "=", "Y"))) == [1]
    assert matching(rows, where(("A", "!=", "Y"))) == [2]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("ID", ("=", "ID")),
        ("=ID", ("=", "ID")),
        (">=ID", (">=", "ID")),
        ("!@ID", ("not in", "ID")),
        ("!=%ID", ("not pattern", "ID")),
        ("!%=ID", ("not pattern", "ID")),
        ("=%ID", ("pattern", "ID")),
        ("%ID", ("like", "ID")),
        ("!ID", ("!=", "ID")),
    ],
)
def test_prefixes_are_read_longest_first(key, expected):
    assert split_prefix(key) == expected


def test_text_compares_without_case_and_a_percent_sign_is_plain_in_like():
    rows = table({"A": "50% off"}, {"A": "500 off"})
    assert matching(rows, where(("A", "like", "0% O"))) == [1]
    assert matching(rows, where(("A", "pattern", "50_ OFF"))) == [1, 2]
    assert matching(rows, where(("A", "pattern", "50%"))) == [1, 2]


def test_null_is_found_by_empty_values_and_never_by_comparison():
    rows = table({"A": None}, {"A": ""}, {"A": 5}, {})
    assert matching(rows, where(("A", "=", ""))) == [1, 2, 4]
    assert matching(rows, where(("A", "!=", None))) == [3]
    assert matching(rows, where(("A", "<", 9))) == [3]
    assert matching(rows, where(("A", ">", "text"))) == []
    assert matching(rows, where(("A", "between", [1, 9]))) == [3]


OPS = st.sampled_from(["=", "!=", ">", ">=", "<", "<=", "in", "not in"])
FIELDS = st.sampled_from(["ID", "A", "B"])


@st.composite
def conditions(draw):
    field, op = draw(FIELDS), draw(OPS)
    number = st.integers(0, 12)
    value = draw(st.lists(number, min_size=1, max_size=3) if op in ("in", "not in") else number)
    return Condition(field=field, op=op, value=value)


GROUPS = st.recursive(
    conditions(),
    lambda inner: st.builds(
        Group,
        parts=st.lists(inner, min_size=1, max_size=3).map(tuple),
        any_of=st.booleans(),
        negative=st.booleans(),
    ),
    max_leaves=5,
)


@settings(max_examples=150)
@given(
    rows=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12),
    parts=st.lists(GROUPS, max_size=3),
    descending=st.booleans(),
    start=st.integers(-1, 12),
)
def test_the_quick_answer_is_the_slow_answer(rows, parts, descending, start):
    found = table(*({"A": a, "B": b} for a, b in rows))
    group = Group(parts=tuple(parts))
    order = (("A", descending), ("ID", False))
    test = test_of(found, group) if parts else (lambda row: True)
    slow = sorted(
        (row for row in found.rows.values() if test(row)),
        key=lambda row: (-row["A"] if descending else row["A"], row["ID"]),
    )
    got = page(found, group, order, start=start, size=4)
    first = max(start, 0)
    assert got.rows == slow[first : first + 4]
    assert got.total == (None if start < 0 else len(slow))
    assert got.next == (first + 4 if start >= 0 and first + 4 < len(slow) else None)
    by_id = page(found, group, (("ID", descending),), start=-1, size=4)
    expected = sorted((row["ID"] for row in slow), reverse=descending)[:4]
    assert [row["ID"] for row in by_id.rows] == expected


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (False, None),
        (True, RateLimit(capacity=50, per_second=2)),
        ((250, 5), RateLimit(capacity=250, per_second=5)),
        (RateLimit(capacity=3, per_second=1), RateLimit(capacity=3, per_second=1)),
    ],
)
def test_a_limit_may_be_given_in_several_ways(value, expected):
    assert RateLimit.of(value) == expected


def test_a_refused_request_does_not_raise_the_counter():
    clock = Clock()
    bucket = Bucket(RateLimit(capacity=2, per_second=1), clock)
    bucket.enter()
    bucket.enter()
    for _ in range(5):
        with pytest.raises(Refusal):
            bucket.enter()
    clock.now += 1
    bucket.enter()
    assert bucket.level == 2


def test_operating_time_falls_out_slot_by_slot():
    clock = Clock()
    account = OperatingTime(10, clock)
    assert account.charge("w", "m", 4) == (4, 1600)
    clock.now += 120
    assert account.charge("w", "M", 5) == (9, 1600)
    account.check("w", "m")
    account.charge("w", "m", 2)
    with pytest.raises(Refusal) as caught:
        account.check("w", "m")
    assert caught.value.status == 429
    account.check("other", "m")
    account.check("w", "other")
    clock.now = 1600
    assert account.used("w", "m") == (7, 1720)
    account.check("w", "m")
