"""Filters, order and pages over a table: v2 prefixes, nested AND/OR groups, 50 rows a page."""

from __future__ import annotations

import operator
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bitrix24_agent.emulator.store import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bitrix24_agent.emulator.store import Table
    from bitrix24_agent.model import Json, Row

PAGE = 50

# Longest first, so that ">=" is not read as ">".
PREFIXES = ("!=%", "!%=", "!@", "!%", "!=", "=%", "%=", ">=", "<=", "=", "!", ">", "<", "@", "%")
OPERATORS = {
    "": "=",
    "=": "=",
    "!": "!=",
    "!=": "!=",
    ">": ">",
    ">=": ">=",
    "<": "<",
    "<=": "<=",
    "@": "in",
    "!@": "not in",
    "%": "like",
    "!%": "not like",
    "=%": "pattern",
    "%=": "pattern",
    "!=%": "not pattern",
    "!%=": "not pattern",
}
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One test of one field; ``value`` is of the field's own type, a list for in and between."""

    field: str
    op: str
    value: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Conditions and groups joined by ``AND`` or ``OR``."""

    parts: tuple[Condition | Group, ...] = ()
    any_of: bool = False
    negative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows of one page; ``total`` is None when nobody counted, ``next`` when nothing follows."""

    rows: list[Row] = field(default_factory=list)
    total: int | None = None
    next: int | None = None


def split_prefix(key: str) -> tuple[str, str]:
    """Return (operator, field name) of a v2 filter key such as ``>=ID``."""
    for prefix in PREFIXES:
        if key.startswith(prefix):
            return OPERATORS[prefix], key[len(prefix) :]
    return "=", key


def test_of(table: Table, part: Condition | Group) -> Callable[[Row], bool]:
    """Return a function that says whether a row fits."""
    if isinstance(part, Group):
        tests = [test_of(table, inner) for inner in part.parts]
        combined = _any(tests) if part.any_of else _all(tests)
        return (lambda row: not combined(row)) if part.negative else combined
    return _test(table, part)


def _all(tests: Sequence[Callable[[Row], bool]]) -> Callable[[Row], bool]:
    if len(tests) == 1:
        return tests[0]
    return lambda row: all(test(row) for test in tests)


def _any(tests: Sequence[Callable[[Row], bool]]) -> Callable[[Row], bool]:
    return lambda row: any(test(row) for test in tests)


def _test(table: Table, condition: Condition) -> Callable[[Row], bool]:
    name, default, op = condition.field, table.defaults.get(condition.field), condition.op
    if op in ("=", "in", "!=", "not in"):
        wanted = condition.value if isinstance(condition.value, list) else [condition.value]
        keys = {fold(one) for one in wanted}
        if keys & {None, "", False}:
            keys |= {None, "", False}  # an empty value finds the empty and the missing alike
        hit = _membership(name, default, keys)
        return hit if op in ("=", "in") else lambda row: not hit(row)
    if op in _ORDERED:
        compare, bound = _ORDERED[op], fold(condition.value)

        def ordered(row: Row) -> bool:
            value = fold(row.get(name, default))
            try:
                return value is not None and compare(value, bound)
            except TypeError:
                return False

        return ordered
    if op == "between":
        low, high = (fold(one) for one in condition.value)

        def between(row: Row) -> bool:
            value = fold(row.get(name, default))
            try:
                return value is not None and bool(low <= value <= high)
            except TypeError:
                return False

        return between
    pattern = _pattern(str(condition.value), whole="pattern" in op)

    def like(row: Row) -> bool:
        value = row.get(name, default)
        return value is not None and pattern.search(str(value)) is not None

    return (lambda row: not like(row)) if op.startswith("not") else like


def _membership(name: str, default: Json, keys: set[Any]) -> Callable[[Row], bool]:
    def hit(row: Row) -> bool:
        value = row.get(name, default)
        if isinstance(value, list):
            return any(fold(one) in keys for one in value) if value else None in keys
        return fold(value) in keys

    return hit


def _pattern(text: str, *, whole: bool) -> re.Pattern[str]:
    """Return what SQL's LIKE would match; ``%`` is a wildcard only when *whole*."""
    if not whole:
        return re.compile(re.escape(text), re.IGNORECASE)
    parts = ("".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in text),)
    return re.compile(f"^{parts[0]}$", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class _Plan:
    """What a filter says about ids and indexed values, and what must be tested row by row."""

    keys: list[int]
    rest: list[Condition | Group]


def _plan(table: Table, where: Group) -> _Plan:
    low, high = 0, len(table.ids)
    chosen: set[int] | None = None
    shortest: list[int] | None = None
    indexed: Condition | None = None
    rest: list[Condition | Group] = []
    parts = list(where.parts) if not where.any_of and not where.negative else [where]
    for part in parts:
        if isinstance(part, Condition) and part.field == "ID" and part.op in _ID_BOUNDS:
            if not isinstance(part.value, int):
                rest.append(part)
                continue
            at = _ID_BOUNDS[part.op](table.ids, part.value)
            low, high = (max(low, at), high) if part.op[0] == ">" else (low, min(high, at))
        elif isinstance(part, Condition) and part.field == "ID" and part.op in ("=", "in"):
            wanted = set(part.value if isinstance(part.value, list) else [part.value])
            chosen = wanted if chosen is None else chosen & wanted
        elif isinstance(part, Condition) and part.op == "=" and part.value not in (None, "", False):
            found = table.index(part.field).get(fold(part.value), [])
            if shortest is None or len(found) < len(shortest):
                if indexed is not None:
                    rest.append(indexed)
                shortest, indexed = found, part
            else:
                rest.append(part)
        else:
            rest.append(part)
    if chosen is not None:
        keys = sorted(key for key in chosen if key in table.rows)
        if indexed is not None:
            rest.append(indexed)
    elif shortest is not None:
        keys = shortest
    else:
        return _Plan(table.ids[low:high], rest)
    if low > 0 or high < len(table.ids):
        least = table.ids[low] if low < len(table.ids) else None
        most = table.ids[high - 1] if high > 0 else None
        if least is None or most is None:
            return _Plan([], rest)
        keys = keys[bisect_left(keys, least) : bisect_right(keys, most)]
    return _Plan(keys, rest)


_ID_BOUNDS: dict[str, Callable[[list[int], int], int]] = {
    ">": bisect_right,
    ">=": bisect_left,
    "<": bisect_left,
    "<=": bisect_right,
}


def matching(table: Table, where: Group, order: Iterable[tuple[str, bool]] = ()) -> list[int]:
    """Return the ids that fit, in *order*: (field, descending) pairs, then the id."""
    order = tuple(order)
    question = f"{where!r}{order!r}"
    known = table.recall(question)
    if known is not None:
        return known
    plan = _plan(table, where)
    keys = plan.keys
    if plan.rest:
        test = test_of(table, Group(parts=tuple(plan.rest)))
        keys = [key for key in keys if test(table.rows[key])]
    keys = _sorted(table, keys, order)
    return table.remember(question, keys)


def _sorted(table: Table, keys: list[int], order: tuple[tuple[str, bool], ...]) -> list[int]:
    for name, descending in reversed(order):
        if name == "ID":
            keys = sorted(keys, reverse=descending)
            continue

        def rank(key: int, name: str = name) -> tuple[int, Any]:
            value = fold(table.value(table.rows[key], name))
            if value is None:
                return (0, 0)
            return (2, value) if isinstance(value, str) else (1, value)

        keys = sorted(keys, key=rank, reverse=descending)
    return keys


def page(
    table: Table,
    where: Group,
    order: Iterable[tuple[str, bool]] = (),
    *,
    start: int = 0,
    size: int = PAGE,
) -> Page:
    """Return one page; ``start=-1`` does not count and has no next.

    Source: settings/how-to-call-rest-api/list-methods-pecularities.md,
    settings/performance/huge-data.md @ 5988ed13
    """
    order = tuple(order)
    if start < 0:
        return Page(rows=_first(table, where, order, size), total=None)
    keys = matching(table, where, order)
    total = len(keys)
    rows = [table.rows[key] for key in keys[start : start + size]]
    following = start + size
    return Page(rows=rows, total=total, next=following if following < total else None)


def _first(table: Table, where: Group, order: tuple[tuple[str, bool], ...], size: int) -> list[Row]:
    """Return the first rows only, stopping as soon as the page is full when the order is by id."""
    if order not in ((), (("ID", False),), (("ID", True),)):
        return [table.rows[key] for key in matching(table, where, order)[:size]]
    plan = _plan(table, where)
    keys: Iterable[int] = reversed(plan.keys) if order and order[0][1] else plan.keys
    test = test_of(table, Group(parts=tuple(plan.rest))) if plan.rest else None
    rows: list[Row] = []
    for key in keys:
        row = table.rows[key]
        if test is None or test(row):
            rows.append(row)
            if len(rows) == size:
                break
    return rows
