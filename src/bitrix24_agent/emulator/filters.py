"""v2 filters and orders over a field set: the classic reading forgives, crm.item.* refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bitrix24_agent.emulator.fields import BadValue
from bitrix24_agent.emulator.query import Condition, Group, split_prefix
from bitrix24_agent.emulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.emulator.fields import Field
    from bitrix24_agent.model import Json

Order = tuple[tuple[str, bool], ...]
FieldOf = Callable[[str], "Field | None"]
"""Finds a field by the name a caller uses, or None."""


def group_of(given: Mapping[str, Json] | list[Json], field_of: FieldOf, *, strict: bool) -> Group:
    """Read a filter object; numbered keys hold groups, ``logic`` joins by AND or OR.

    Raises:
        Refusal: *strict* and a field is unknown or a value does not fit; otherwise both are passed
            over.
    """
    entries = given.items() if not isinstance(given, list) else enumerate(given)
    parts: list[Condition | Group] = []
    any_of = False
    for raw_key, value in entries:
        key = str(raw_key)
        if key.lower() == "logic":
            any_of = str(value).upper() == "OR"
        elif isinstance(value, dict | list) and (key.isdigit() or key == ""):
            parts.append(group_of(value, field_of, strict=strict))
        else:
            condition = _condition(key, value, field_of, strict=strict)
            if condition is not None:
                parts.append(condition)
    return Group(parts=tuple(parts), any_of=any_of)


def _condition(key: str, value: Json, field_of: FieldOf, *, strict: bool) -> Condition | None:
    op, name = split_prefix(key)
    field = field_of(name)
    if field is None:
        if strict:
            raise Refusal(
                "INVALID_ARG_VALUE", f"Invalid filter: field '{name}' is not allowed in filter"
            )
        return None
    if op in ("like", "not like", "pattern", "not pattern"):
        return Condition(field=field.name, op=op, value="" if value is None else str(value))
    try:
        found = _value(field, value)
    except BadValue:
        if strict:
            raise Refusal(
                "INVALID_ARG_VALUE", f"Invalid filter: field '{name}' has invalid value"
            ) from None
        found = 0 if not isinstance(value, list) else [0]
    if isinstance(found, list):
        op = {"=": "in", "!=": "not in"}.get(op, op)
        if op not in ("in", "not in"):
            found = found[0] if found else None
    return Condition(field=field.name, op=op, value=found)


def _value(field: Field, value: Json) -> Json:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [_single(field, one) for one in value]
    return _single(field, value)


def _single(field: Field, value: Json) -> Json:
    parsed = field.parse(value)
    return parsed[0] if isinstance(parsed, list) and parsed else None if parsed == [] else parsed


def order_of(given: Mapping[str, Json], field_of: FieldOf, *, strict: bool) -> Order:
    """Read an order object into (field, descending) pairs; the id is the default.

    Raises:
        Refusal: *strict* and a field or a direction is unknown.
    """
    order: list[tuple[str, bool]] = []
    for name, direction in given.items():
        field = field_of(str(name))
        way = str(direction).upper()
        if field is None:
            if strict:
                raise Refusal(
                    "INVALID_ARG_VALUE", f"Invalid order: field '{name}' is not allowed in order"
                )
            continue
        if way not in ("ASC", "DESC") and strict:
            raise Refusal(
                "INVALID_ARG_VALUE",
                "Invalid order: allowed sort directions are `ASC, DESC`. "
                f"But got '{direction}' for field '{name}'",
            )
        order.append((field.name, way == "DESC"))
    return tuple(order) or (("ID", False),)
