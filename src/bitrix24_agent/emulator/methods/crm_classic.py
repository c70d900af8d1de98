"""crm.lead, crm.deal, crm.contact, crm.company: list, get, add, update, delete, fields.

Source: api-reference/crm/{leads,deals,contacts,companies}/*.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import crm, filters
from bitrix24_agent.emulator.fields import BadValue
from bitrix24_agent.emulator.query import page
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, as_map, as_names, is_yes, method

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bitrix24_agent.emulator.crm import Kind
    from bitrix24_agent.emulator.fields import Field
    from bitrix24_agent.model import Json, Row


def _list(visit: Visit, kind: Kind) -> Reply:
    order = as_map(visit.param("order"), "order")
    given = as_map(visit.param("filter"), "filter")
    field_of = _field_of(kind)
    where = filters.group_of(given, field_of, strict=False)
    found = page(
        crm.table(visit.world, kind),
        where,
        filters.order_of(order, field_of, strict=False),
        start=visit.start(),
    )
    render = crm.classic_renderer(kind, as_names(visit.param("select")))
    return Reply(
        result=[render(row) for row in found.rows],
        total=0 if found.total is None else found.total,
        next=found.next,
    )


def _field_of(kind: Kind) -> Callable[[str], Field | None]:
    return lambda name: kind.fields.by_name.get(name.upper())


def _row(visit: Visit, kind: Kind) -> Row:
    key = as_int(visit.param("id"), 0)
    if key <= 0:
        raise Refusal("", "ID is not defined or invalid.")
    row = crm.table(visit.world, kind).get(key)
    if row is None:
        raise Refusal("", "Not found")
    return row


def _get(visit: Visit, kind: Kind) -> Json:
    row = _row(visit, kind)
    return crm.classic_renderer(kind, ["*", "UF_*", *crm.MULTIFIELDS])(row)


def _add(visit: Visit, kind: Kind) -> Json:
    values = values_of(visit, kind, as_map(visit.param("fields"), "fields"), row=None)
    as_map(visit.param("params"), "params")
    if kind.code == "company" and not values.get("TITLE"):
        raise Refusal("", 'Required field "Company name" is missing.')
    if kind.code == "contact" and not (values.get("NAME") or values.get("LAST_NAME")):
        raise Refusal("", 'Required fields "First name" and "Last name" are missing.')
    return crm.create(visit.world, kind, values, visit.user_id)


def _update(visit: Visit, kind: Kind) -> Json:
    row = _row(visit, kind)
    fields = visit.param("fields")
    if fields is not None and not isinstance(fields, dict | list):
        raise Refusal("", "Parameter 'fields' must be array.")
    as_map(visit.param("params"), "params")
    values = values_of(visit, kind, as_map(fields, "fields"), row=row)
    crm.change(visit.world, kind, row["ID"], values, visit.user_id)
    return True


def _delete(visit: Visit, kind: Kind) -> Json:
    row = _row(visit, kind)
    if not visit.is_admin and row.get("ASSIGNED_BY_ID") != visit.user_id:
        raise Refusal("", "Access denied.")
    crm.remove(visit.world, kind, row["ID"])
    return True


def _fields(_visit: Visit, kind: Kind) -> Json:
    return {field.name: described(field) for field in kind.fields.classic}


def described(field: Field) -> Row:
    """Return the description of one field as ``*.fields`` gives it."""
    shown: Row = {
        "type": field.type,
        "isRequired": field.required,
        "isReadOnly": field.read_only,
        "isImmutable": field.immutable,
        "isMultiple": field.multiple,
        "isDynamic": field.dynamic,
    }
    if field.deprecated:
        shown["isDeprecated"] = True
    if field.status_type:
        shown["statusType"] = field.status_type
    if field.dynamic:
        shown |= {"listLabel": field.title, "formLabel": field.title, "filterLabel": field.title}
    shown["title"] = field.name if field.dynamic else field.title
    return shown


def values_of(
    visit: Visit, kind: Kind, given: Mapping[str, Json], *, row: Row | None
) -> dict[str, Json]:
    """Return what may be written of *given*; unknown and read-only fields are dropped.

    Raises:
        Refusal: A currency, a stage or the type of a value is wrong.
    """
    values: dict[str, Json] = {}
    entries = list((row or {}).get("FM", ()))
    touched = False
    for raw_name, value in given.items():
        name = str(raw_name).upper()
        field = kind.fields.by_name.get(name)
        if field is None or not field.classic or field.read_only:
            continue
        if row is not None and field.immutable:
            continue
        if field.type == "crm_multifield":
            entries = _merged(entries, name, value)
            touched = True
            continue
        try:
            values[name] = field.parse(value)
        except BadValue:
            raise Refusal("", f'Invalid value for the "{field.title}" field') from None
    if touched:
        values["FM"] = entries
    _check(visit, kind, values, row)
    return values


def _merged(entries: list[Row], name: str, given: Json) -> list[Row]:
    """Apply a multifield: with ID it changes or deletes, without ID it always adds."""
    found = [dict(entry) for entry in entries]
    for one in given if isinstance(given, list) else as_map(given, name).values():
        if not isinstance(one, dict):
            one = {"VALUE": one}
        low = {str(key).upper(): value for key, value in one.items()}
        key, value = as_int(low.get("ID"), 0), low.get("VALUE")
        if not key:
            if value:
                found.append(crm.multifield_entry(name, value, low.get("VALUE_TYPE")))
            continue
        gone = is_yes(low.get("DELETE")) or ("VALUE" in low and not value)
        found = [entry for entry in found if not (gone and entry["ID"] == key)]
        for entry in found:
            if entry["ID"] == key:
                entry["VALUE"] = str(value) if value else entry["VALUE"]
                entry["VALUE_TYPE"] = str(low.get("VALUE_TYPE") or entry["VALUE_TYPE"]).upper()
    return found


def _check(visit: Visit, kind: Kind, values: Mapping[str, Json], row: Row | None) -> None:
    currency = values.get("CURRENCY_ID")
    if currency and not visit.world.currencies.keys_where(CURRENCY=currency):
        raise Refusal("", 'Invalid value for the "Currency" field')
    stage = values.get(kind.stage_field or "")
    if stage and kind.stage_field:
        category = values.get("CATEGORY_ID", (row or {}).get("CATEGORY_ID")) or 0
        if crm.stage(visit.world, kind, int(category), stage) is None:
            raise Refusal("", 'Invalid value for the "Stage" field')


def _file(kind: Kind) -> None:
    name = f"crm.{kind.code}"
    for verb, run, writes in (
        ("list", _list, False),
        ("get", _get, False),
        ("add", _add, True),
        ("update", _update, True),
        ("delete", _delete, True),
        ("fields", _fields, False),
    ):
        method(f"{name}.{verb}", scope="crm", writes=writes)(
            lambda visit, run=run: run(visit, kind)  # type: ignore[misc]
        )


for _kind in crm.PLAIN.values():
    _file(_kind)
