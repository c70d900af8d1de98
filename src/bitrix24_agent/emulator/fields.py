"""Fields of an object, described as data: types, flags, both spellings; values in, values out.

A set of fields is written as lines ``NAME | type | flags | itemName | Title``. The type may carry a
status list
(``crm_status:SOURCE``). Flags: ``ro`` read-only, ``im`` immutable, ``req`` required, ``mul``
multiple, ``dep``
deprecated, ``-item`` absent from crm.item.*, ``-old`` absent from the classic methods, ``off``
always null.
An empty item name means the name in camelCase.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bitrix24_agent.model import Json

WHOLE_NUMBERS = frozenset(
    {
        "integer",
        "user",
        "crm_company",
        "crm_contact",
        "crm_lead",
        "crm_deal",
        "crm_quote",
        "crm_category",
        "crm_entity",
        "location",
    }
)


class BadValue(ValueError):  # noqa: N818 -- names the finding
    """A value does not fit the field's type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: how it is called, what it holds, who may write it."""

    name: str
    item: str
    type: str
    title: str
    status_type: str | None = None
    read_only: bool = False
    immutable: bool = False
    required: bool = False
    multiple: bool = False
    deprecated: bool = False
    classic: bool = True
    universal: bool = True
    off: bool = False
    dynamic: bool = False

    def parse(self, value: Json) -> Json:
        """Return *value* as it is kept; empty becomes None.

        Raises:
            BadValue: It cannot be read as this type.
        """
        if self.multiple and self.type != "crm_multifield":
            if value in (None, "", False):
                return []
            return [self._one(item) for item in (value if isinstance(value, list) else [value])]
        return self._one(value)

    def _one(self, value: Json) -> Json:
        if value is None or value == "":
            return None
        kind = self.type
        if isinstance(value, dict | list) and kind not in ("crm_multifield", "file", "any"):
            raise BadValue(f"{self.name}: {kind} expected")
        if kind in WHOLE_NUMBERS:
            return _integer(value)
        if kind == "double":
            return _double(value)
        if kind in ("char", "boolean"):
            return "Y" if value in (True, 1, "1", "Y", "y", "true") else "N"
        if kind in ("date", "datetime"):
            return _moment(value, whole_day=kind == "date")
        if kind == "money":
            return str(value)
        if isinstance(value, dict | list):
            return value
        return _text(value)

    def classic_value(self, value: Json) -> Json:
        """Return a kept value the way the classic methods write it: text."""
        if value is None:
            return [] if self.multiple else None
        if isinstance(value, list):
            return [self.classic_value(item) for item in value] if self.multiple else value
        if self.type in ("date", "datetime"):
            return moments.iso(value)
        if self.type == "double":
            return f"{value:.2f}"
        if isinstance(value, int):
            return str(value)
        return value

    def classic_writer(self) -> Callable[[Json], Json] | None:
        """Return a quick form of :meth:`classic_value` for values that are there; None copies."""
        if self.multiple:
            return self.classic_value
        if self.type in ("date", "datetime"):
            return moments.iso
        if self.type == "double":
            return "{:.2f}".format
        return str if self.type in WHOLE_NUMBERS else None

    def item_writer(self) -> Callable[[Json], Json] | None:
        """Return a quick form of :meth:`item_value` for values that are there; None copies."""
        if self.type in ("date", "datetime", "double"):
            return self.item_value
        return None

    def item_value(self, value: Json) -> Json:
        """Return a kept value the way crm.item.* writes it: numbers stay numbers."""
        if value is None:
            return [] if self.multiple else None
        if self.type in ("date", "datetime"):
            return moments.iso(value)
        if self.type == "double" and value == int(value):
            return int(value)
        return value


def _integer(value: Json) -> int:
    if isinstance(value, bool):
        return int(value)
    try:
        return int(value) if isinstance(value, float) else int(str(value).strip())
    except (ValueError, OverflowError):
        raise BadValue(f"{value!r} is not a whole number") from None


def _double(value: Json) -> float:
    try:
        found = float(str(value).replace(",", ".").strip())
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise BadValue(f"{value!r} is not a number")
    return found


def _moment(value: Json, *, whole_day: bool) -> int:
    found = moments.parse(str(value))
    if found is None:
        raise BadValue(f"{value!r} is not a date")
    return moments.midnight(found) if whole_day else found


def _text(value: Json) -> str:
    if value is True:
        return "1"
    if value is False:
        return ""
    return str(value)


@dataclass(frozen=True, kw_only=True)
class FieldSet:
    """The fields of one kind of object, by both spellings."""

    fields: tuple[Field, ...]

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """UPPER_CASE name -> field."""
        return {field.name: field for field in self.fields}

    @cached_property
    def by_item(self) -> dict[str, Field]:
        """CamelCase name -> field; the UPPER_CASE spelling leads there, too."""
        found = {field.name: field for field in self.fields if field.universal}
        found.update({field.item: field for field in self.fields if field.universal})
        return found

    @cached_property
    def classic(self) -> tuple[Field, ...]:
        """Fields the classic methods know."""
        return tuple(field for field in self.fields if field.classic)

    @cached_property
    def universal(self) -> tuple[Field, ...]:
        """Fields crm.item.* knows."""
        return tuple(field for field in self.fields if field.universal)

    def plus(self, more: Iterable[Field]) -> FieldSet:
        """Return a set with more fields at the end."""
        return FieldSet(fields=(*self.fields, *more))


def parse_fields(text: str) -> FieldSet:
    """Read the line format of this module's description."""
    return FieldSet(fields=tuple(_field(line) for line in text.strip().splitlines()))


def _field(line: str) -> Field:
    name, kind, flags, item, title = (cell.strip() for cell in line.split("|"))
    marks = set(flags.split())
    kind, _, status_type = kind.partition(":")
    return Field(
        name=name,
        item=item or camel(name),
        type=kind,
        title=title or name,
        status_type=status_type or None,
        read_only="ro" in marks or "off" in marks,
        immutable="im" in marks,
        required="req" in marks,
        multiple="mul" in marks,
        deprecated="dep" in marks,
        classic="-old" not in marks,
        universal="-item" not in marks,
        off="off" in marks,
    )


def camel(name: str) -> str:
    """Return ``assignedById`` for ``ASSIGNED_BY_ID``."""
    first, *rest = name.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)


def item_name_of_user_field(name: str) -> str:
    """Return the crm.item.* spelling of a custom field.

    Letters-only endings are camel-cased, digits keep their underscore after ``ufCrm``, mixed ones
    change only the prefix.

    Source: api-reference/crm/universal/index.md @ 5988ed13
    """
    parts = name.split("_")[2:]
    prefix = "ufCrm"
    if parts and parts[0].isdigit() and len(parts) > 1:
        prefix += parts.pop(0)
    rest = "_".join(parts)
    if rest.isdigit() or any(c.isdigit() for c in rest):
        return f"{prefix}_{rest}"
    return prefix + "".join(part.capitalize() for part in parts)
