"""crm.item.*: one set of methods for every type of CRM object, smart processes included.

Source: api-reference/crm/universal/crm-item-*.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import crm, filters
from bitrix24_agent.emulator.fields import BadValue
from bitrix24_agent.emulator.methods.crm_classic import described
from bitrix24_agent.emulator.query import page
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, as_names, is_yes, method

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bitrix24_agent.emulator.crm import Kind
    from bitrix24_agent.emulator.fields import Field
    from bitrix24_agent.model import Json, Row

# Fields whose UPPER_CASE spelling in crm.item.* differs from the classic one.
_UPPER_NAMES = {
    "DATE_CREATE": "CREATED_TIME",
    "DATE_MODIFY": "UPDATED_TIME",
    "CREATED_BY_ID": "CREATED_BY",
    "MODIFY_BY_ID": "UPDATED_BY",
}


def kind_asked(visit: Visit) -> Kind:
    """Return the kind behind ``entityTypeId``.

    Raises:
        Refusal: It is missing or no such type exists.
    """
    found = crm.kind_of(visit.world, as_int(visit.need("entityTypeId"), 0))
    if found is None:
        raise Refusal("NOT_FOUND", "Smart process not found")
    return found


def _field_of(kind: Kind) -> Callable[[str], Field | None]:
    def find(name: str) -> Field | None:
        return kind.fields.by_item.get(name)

    return find


def _object(value: Json, name: str) -> Mapping[str, Json]:
    if value is None or value == "" or value == []:
        return {}
    if isinstance(value, list):
        return {str(n): one for n, one in enumerate(value)}
    if not isinstance(value, dict):
        raise Refusal(
            "100",
            f"Invalid value {{{value}}} to match with parameter {{{name}}}. "
            "Should be value of type array.",
        )
    return value


@method("crm.item.list", scope="crm")
def item_list(visit: Visit) -> Reply:
    """Rows of one type; filter and order are strict about fields."""
    kind = kind_asked(visit)
    field_of = _field_of(kind)
    found = page(
        crm.table(visit.world, kind),
        filters.group_of(_object(visit.param("filter"), "filter"), field_of, strict=True),
        filters.order_of(_object(visit.param("order"), "order"), field_of, strict=True),
        start=visit.start(),
    )
    names = as_names(visit.param("select"))
    render = crm.item_renderer(kind, names, original_names=_original(visit))
    items = []
    for row in found.rows:
        shown = render(row)
        shown.pop("entityTypeId", None)
        items.append(shown)
    total = 0 if found.total is None else found.total
    return Reply(result={"items": items}, total=total, next=found.next)


@method("crm.item.get", scope="crm")
def item_get(visit: Visit) -> Json:
    """One object with every field."""
    kind = kind_asked(visit)
    return _shown(visit, kind, _row(visit, kind))


@method("crm.item.add", scope="crm", writes=True)
def item_add(visit: Visit) -> Json:
    """A new object; the answer is the whole of it."""
    kind = kind_asked(visit)
    values = _values(visit, kind, _object(visit.need("fields"), "fields"), row=None)
    if kind.entity_type_id > 4 and "CATEGORY_ID" not in values:
        values["CATEGORY_ID"] = _default_category(visit, kind)
    key = crm.create(visit.world, kind, values, visit.user_id)
    return _shown(visit, kind, crm.table(visit.world, kind).rows[key])


@method("crm.item.update", scope="crm", writes=True)
def item_update(visit: Visit) -> Json:
    """Changed fields; the answer is the whole object."""
    kind = kind_asked(visit)
    row = _row(visit, kind)
    values = _values(visit, kind, _object(visit.param("fields"), "fields"), row=row)
    return _shown(visit, kind, crm.change(visit.world, kind, row["ID"], values, visit.user_id))


@method("crm.item.delete", scope="crm", writes=True)
def item_delete(visit: Visit) -> Json:
    """Gone; the answer is an empty list."""
    kind = kind_asked(visit)
    row = _row(visit, kind)
    if not visit.is_admin and row.get("ASSIGNED_BY_ID") != visit.user_id:
        raise Refusal("ACCESS_DENIED", "Access denied")
    crm.remove(visit.world, kind, row["ID"])
    return []


@method("crm.item.fields", scope="crm")
def item_fields(visit: Visit) -> Json:
    """Descriptions of the fields by their crm.item.* names."""
    kind = kind_asked(visit)
    fields: Row = {}
    for field in kind.fields.universal:
        shown = described(field)
        shown["type"] = "boolean" if field.type == "char" else field.type
        shown["title"] = field.title
        shown["upperName"] = _UPPER_NAMES.get(field.name, field.name)
        fields[field.item] = shown
    return {"fields": fields}


def _original(visit: Visit) -> bool:
    return is_yes(visit.param("useOriginalUfNames"))


def _row(visit: Visit, kind: Kind) -> Row:
    row = crm.table(visit.world, kind).get(as_int(visit.need("id"), 0))
    if row is None:
        raise Refusal("NOT_FOUND", "Element not found")
    return row


def _shown(visit: Visit, kind: Kind, row: Row) -> Json:
    return {"item": crm.item_renderer(kind, None, original_names=_original(visit))(row)}


def _default_category(visit: Visit, kind: Kind) -> int:
    rows = visit.world.categories.where(entityTypeId=kind.entity_type_id)
    return int(rows[0]["ID"]) if rows else 0


def _values(
    visit: Visit, kind: Kind, given: Mapping[str, Json], *, row: Row | None
) -> dict[str, Json]:
    values: dict[str, Json] = {}
    for name, value in given.items():
        if name in ("fm", "FM") and kind.entity_type_id in (1, 3, 4):
            values["FM"] = _multifields(list((row or {}).get("FM", ())), value)
            continue
        field = kind.fields.by_item.get(str(name))
        if field is None or field.read_only:
            continue
        if field.multiple and value is not None and not isinstance(value, list | dict):
            raise Refusal(
                "100",
                f"Expected iterable value for multiple field, but got {_php_type(value)} instead",
            )
        if isinstance(value, dict) and field.multiple:
            value = list(value.values())
        try:
            values[field.name] = field.parse(value)
        except BadValue:
            raise _bad(field) from None
    _check(visit, kind, values, row)
    return values


def _check(visit: Visit, kind: Kind, values: Mapping[str, Json], row: Row | None) -> None:
    by_name = kind.fields.by_name
    category = values.get("CATEGORY_ID", (row or {}).get("CATEGORY_ID"))
    if values.get("CATEGORY_ID") is not None:
        known = visit.world.categories.get(values["CATEGORY_ID"])
        if known is None or known["entityTypeId"] != kind.entity_type_id:
            raise _bad(by_name["CATEGORY_ID"])
    if category is None:
        category = _default_category(visit, kind)
    stage = values.get(kind.stage_field or "")
    if stage and kind.stage_field and crm.stage(visit.world, kind, int(category), stage) is None:
        raise _bad(by_name[kind.stage_field])
    currency = values.get("CURRENCY_ID")
    if currency and not visit.world.currencies.keys_where(CURRENCY=currency):
        raise _bad(by_name["CURRENCY_ID"])
    for name in ("ASSIGNED_BY_ID",):
        if values.get(name) and visit.world.user(values[name]) is None:
            raise _bad(by_name[name])


def _bad(field: Field) -> Refusal:
    return Refusal("CRM_FIELD_ERROR_VALUE_NOT_VALID", f'Invalid value for field "{field.title}"')


def _multifields(entries: list[Row], given: Json) -> list[Row]:
    """Apply ``fm``: a list or ``n0``... adds, a number changes, an empty value deletes.

    An entry without ``typeId`` changes nothing, without an error.

    Source: tutorials/crm/how-to-edit-crm-objects/how-to-change-email-or-phone.md @ 5988ed13
    """
    found = [dict(entry) for entry in entries]
    pairs = enumerate(given) if isinstance(given, list) else _object(given, "fm").items()
    for key, one in pairs:
        if not isinstance(one, dict) or not one.get("typeId"):
            continue
        number = as_int(one.get("id"), 0) or (int(key) if str(key).isdigit() else 0)
        value = one.get("value")
        known = next((entry for entry in found if entry["ID"] == number), None)
        if isinstance(given, list) and "id" not in one:
            known = None
        if known is None:
            if value:
                kind = str(one["typeId"]).upper()
                found.append(crm.multifield_entry(kind, value, one.get("valueType")))
        elif not value:
            found.remove(known)
        else:
            known["VALUE"] = str(value)
            known["VALUE_TYPE"] = str(one.get("valueType") or known["VALUE_TYPE"]).upper()
    return found


def _php_type(value: Json) -> str:
    names = {str: "string", int: "integer", float: "double", bool: "boolean"}
    return names.get(type(value), "NULL")
