"""A family of methods over one table: rows in, rows out, described once instead of per method.

The fields are lines of the format of ``fields``; a kind says which of the two spellings a family
uses: ``camelCase`` with numbers as numbers, or ``UPPER_CASE`` with text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import filters
from bitrix24_agent.emulator.fields import BadValue
from bitrix24_agent.emulator.query import Condition, Group, page
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, as_map, as_names, method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.emulator.fields import Field, FieldSet
    from bitrix24_agent.emulator.query import Page
    from bitrix24_agent.emulator.store import Table
    from bitrix24_agent.model import Json, Row

Guard = Callable[[Visit], None]
"""Refuses who may not call a method."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of object: where it is kept, which fields it has, how answers spell them."""

    table: str
    fields: FieldSet
    camel: bool = True

    def rows(self, visit: Visit) -> Table:
        """Return the table."""
        return visit.world.table(self.table)

    def field(self, name: str) -> Field | None:
        """Return the field a caller means, in this family's spelling."""
        return self.fields.by_item.get(name) if self.camel else self.fields.by_name.get(name)

    def find(self, visit: Visit, key: Json) -> Row | None:
        """Return the row with that id."""
        return self.rows(visit).get(as_int(key, 0))

    def need(self, visit: Visit, key: Json, refusal: Refusal) -> Row:
        """Return the row with that id.

        Raises:
            Refusal: *refusal*, when there is none.
        """
        found = self.find(visit, key)
        if found is None:
            raise refusal
        return found

    def shown(self, row: Row, select: list[str] | None = None) -> Row:
        """Return *row* as answers write it; *select* leaves fields out."""
        wanted = None if select is None or "*" in select else set(select)
        found: Row = {}
        for field in self.fields.fields:
            name = field.item if self.camel else field.name
            if wanted is None or name in wanted:
                value = row.get(field.name)
                found[name] = field.item_value(value) if self.camel else field.classic_value(value)
        return found

    def page(
        self, visit: Visit, *, inside: Mapping[str, Json] | None = None, given: Json = None
    ) -> Page:
        """Return one page of the rows that fit ``filter`` (or *given*) and equal *inside*."""
        asked = visit.param("filter") if given is None else given
        where = filters.group_of(as_map(asked, "filter"), self.field, strict=False)
        own = tuple(Condition(field=key, op="=", value=one) for key, one in (inside or {}).items())
        order = filters.order_of(as_map(visit.param("order"), "order"), self.field, strict=False)
        start = visit.start()
        return page(self.rows(visit), Group(parts=(*own, where)), order, start=start)

    def reply(self, visit: Visit, found: Page, wrap: str = "") -> Reply:
        """Return a page as an answer, the rows under *wrap* where the family has such a key."""
        select = as_names(visit.param("select"))
        rows = [self.shown(row, select) for row in found.rows]
        return Reply(result={wrap: rows} if wrap else rows, total=found.total, next=found.next)

    def values(self, given: Mapping[str, Json]) -> Row:
        """Return what of *given* may be stored, under the names of the table.

        Raises:
            BadValue: A value does not fit its field.
        """
        found: Row = {}
        for name, value in given.items():
            field = self.field(str(name))
            if field is not None and not field.read_only:
                found[field.name] = field.parse(value)
        return found


def sent(visit: Visit, name: str = "fields") -> dict[str, Json]:
    """Return a required object parameter.

    Raises:
        Refusal: It is missing, or no object.
    """
    given = visit.need(name)
    if not isinstance(given, dict) or not given:
        if given in ({}, []):
            raise Refusal("100", f"Could not find value for parameter {{{name}}}")
        text = f"Invalid value {{stringValue}} to match with parameter {{{name}}}."
        raise Refusal("100", f"{text} Should be value of type array.")
    return given


def store(visit: Visit, kind: Kind, given: Mapping[str, Json], more: Mapping[str, Json]) -> Row:
    """Store a new row of *kind* and return it.

    Raises:
        Refusal: A value does not fit its field.
    """
    table = kind.rows(visit)
    return table.rows[table.add({**parsed(kind, given), **more})]


def parsed(kind: Kind, given: Mapping[str, Json]) -> Row:
    """Return *given* as it is kept.

    Raises:
        Refusal: A value does not fit its field.
    """
    try:
        return kind.values(given)
    except BadValue as problem:
        raise Refusal(0, str(problem)) from None


def lacking(given: Mapping[str, Json], *names: str) -> list[str]:
    """Return the names that are missing or empty in *given*."""
    return [name for name in names if given.get(name) in (None, "", [], {})]


def admin_only(code: str | int, text: str = "Access Denied", status: int = 400) -> Guard:
    """Return a guard that lets administrators through."""

    def guard(visit: Visit) -> None:
        if not visit.is_admin:
            raise Refusal(code, text, status)

    return guard


def everybody(_visit: Visit) -> None:
    """Guard of a method that any user may call."""


def file_list(
    name: str,
    kind: Kind,
    *,
    scope: str,
    wrap: str = "",
    guard: Guard = everybody,
    inside: Mapping[str, Json] | None = None,
    application: bool = False,
) -> None:
    """File a method that lists rows by ``filter``, ``order``, ``select`` and ``start``."""

    @method(name, scope=scope, application=application)
    def run(visit: Visit) -> Json:
        guard(visit)
        return kind.reply(visit, kind.page(visit, inside=inside), wrap)


def file_get(
    name: str,
    kind: Kind,
    *,
    scope: str,
    wrap: str = "",
    missing: tuple[str | int, str],
    guard: Guard = everybody,
    key: str = "id",
) -> None:
    """File a method that answers one row by its id."""

    @method(name, scope=scope)
    def run(visit: Visit) -> Json:
        guard(visit)
        row = kind.need(visit, visit.need(key), Refusal(*missing))
        found = kind.shown(row)
        return {wrap: found} if wrap else found
