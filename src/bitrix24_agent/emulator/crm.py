"""What a CRM object is and how it changes, under the classic and the universal methods alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments
from bitrix24_agent.emulator.data import crm_fields
from bitrix24_agent.emulator.fields import Field, item_name_of_user_field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bitrix24_agent.emulator.fields import FieldSet
    from bitrix24_agent.emulator.store import Table
    from bitrix24_agent.emulator.world import World
    from bitrix24_agent.model import Json, Row

MULTIFIELDS = ("PHONE", "EMAIL", "WEB", "IM")
BINDINGS = {"L": 1, "D": 2, "C": 3, "CO": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A type of CRM object: its number, its names, its fields, where its stage is."""

    entity_type_id: int
    code: str
    title: str
    fields: FieldSet
    stage_field: str | None = None
    semantic_field: str | None = None
    money: bool = False

    def stage_list(self, category_id: int) -> str:
        """Return the status list that holds the stages of a pipeline."""
        if self.entity_type_id == 1:
            return "STATUS"
        if self.entity_type_id == 2:
            return f"DEAL_STAGE_{category_id}" if category_id else "DEAL_STAGE"
        return f"DYNAMIC_{self.entity_type_id}_STAGE_{category_id}"


# Custom fields every fresh portal of the emulator has: kind -> (name, type, multiple, title).
_CUSTOM: dict[int, tuple[tuple[str, str, bool, str], ...]] = {
    1: (("UF_CRM_1700000101", "string", False, "Interested in"),),
    2: (
        ("UF_CRM_1700000001", "string", False, "Contract number"),
        ("UF_CRM_1700000002", "string", True, "Delivery addresses"),
        ("UF_CRM_1700000003", "boolean", False, "Signed"),
    ),
    3: (("UF_CRM_1700000201", "date", False, "Last visit"),),
    4: (("UF_CRM_1700000301", "string", False, "Tax number"),),
}


def _custom(entity_type_id: int) -> list[Field]:
    return [
        Field(
            name=name,
            item=item_name_of_user_field(name),
            type=kind,
            title=title,
            multiple=multiple,
            dynamic=True,
        )
        for name, kind, multiple, title in _CUSTOM.get(entity_type_id, ())
    ]


def _plain_kinds() -> dict[int, Kind]:
    return {
        1: Kind(
            entity_type_id=1,
            code="lead",
            title="Lead",
            fields=crm_fields.lead_fields().plus(_custom(1)),
            stage_field="STATUS_ID",
            semantic_field="STATUS_SEMANTIC_ID",
            money=True,
        ),
        2: Kind(
            entity_type_id=2,
            code="deal",
            title="Deal",
            fields=crm_fields.deal_fields().plus(_custom(2)),
            stage_field="STAGE_ID",
            semantic_field="STAGE_SEMANTIC_ID",
            money=True,
        ),
        3: Kind(
            entity_type_id=3,
            code="contact",
            title="Contact",
            fields=crm_fields.contact_fields().plus(_custom(3)),
        ),
        4: Kind(
            entity_type_id=4,
            code="company",
            title="Company",
            fields=crm_fields.company_fields().plus(_custom(4)),
        ),
    }


PLAIN = _plain_kinds()


def kind_of(world: World, entity_type_id: int) -> Kind | None:
    """Return the kind with that number, smart processes of this portal included."""
    if entity_type_id in PLAIN:
        return PLAIN[entity_type_id]
    found = world.types.keys_where(entityTypeId=entity_type_id)
    if not found:
        return None
    return Kind(
        entity_type_id=entity_type_id,
        code=f"DYNAMIC_{entity_type_id}",
        title=str(world.types.rows[found[0]]["title"]),
        fields=crm_fields.smart_fields(),
        stage_field="STAGE_ID",
        money=True,
    )


def defaults(kind: Kind) -> dict[str, Json]:
    """Return the values a row of this kind has without storing them."""
    found: dict[str, Json] = {"OPENED": "Y"}
    for field in kind.fields.fields:
        if field.multiple and field.type != "crm_multifield":
            found[field.name] = []
    if kind.money:
        found |= {"OPPORTUNITY": 0.0, "IS_MANUAL_OPPORTUNITY": "N", "CURRENCY_ID": "EUR"}
    if kind.entity_type_id == 2:
        found |= {
            "CATEGORY_ID": 0,
            "CLOSED": "N",
            "IS_NEW": "N",
            "IS_RECURRING": "N",
            "IS_RETURN_CUSTOMER": "N",
            "IS_REPEATED_APPROACH": "N",
            "TYPE_ID": "SALE",
            "TAX_VALUE": 0.0,
        }
    if kind.entity_type_id == 1:
        found |= {"IS_RETURN_CUSTOMER": "N"}
    if kind.entity_type_id in (1, 3, 4):
        found |= {"HAS_PHONE": "N", "HAS_EMAIL": "N", "HAS_IMOL": "N", "FM": []}
    if kind.entity_type_id == 3:
        found |= {"TYPE_ID": "CLIENT", "EXPORT": "Y"}
    if kind.entity_type_id == 4:
        found |= {"COMPANY_TYPE": "CUSTOMER", "IS_MY_COMPANY": "N", "REVENUE": 0.0}
    if kind.entity_type_id > 4:
        found |= {"CATEGORY_ID": 0, "TAX_VALUE": 0.0}
    return found


def table(world: World, kind: Kind) -> Table:
    """Return the rows of this kind."""
    found = world.table_of(kind.entity_type_id)
    if found is None:
        raise KeyError(kind.entity_type_id)
    return found


def stages(world: World, kind: Kind, category_id: int) -> list[Row]:
    """Return the stages of a pipeline in their order."""
    rows = world.statuses.where(ENTITY_ID=kind.stage_list(category_id))
    return sorted(rows, key=lambda row: int(row["SORT"]))


def stage(world: World, kind: Kind, category_id: int, status_id: str) -> Row | None:
    """Return one stage of a pipeline, or None."""
    found = world.statuses.where(ENTITY_ID=kind.stage_list(category_id), STATUS_ID=status_id)
    return found[0] if found else None


def create(world: World, kind: Kind, values: Mapping[str, Json], user_id: int) -> int:
    """Store a new object with the portal's own defaults and return its id."""
    rows = table(world, kind)
    now = world.now()
    row: Row = {
        "DATE_CREATE": now,
        "DATE_MODIFY": now,
        "CREATED_BY_ID": user_id,
        "MODIFY_BY_ID": user_id,
        "ASSIGNED_BY_ID": user_id,
        "LAST_ACTIVITY_BY": user_id,
        "LAST_ACTIVITY_TIME": now,
    }
    if "BEGINDATE" in kind.fields.by_name:
        row["BEGINDATE"] = moments.midnight(now)
        row["CLOSEDATE"] = moments.midnight(now) + 7 * 86400
    row.update({key: value for key, value in values.items() if value is not None})
    if kind.entity_type_id == 2 and row.get("LEAD_ID") is None:
        row["IS_NEW"] = "Y"
    _stage_values(world, kind, row, row, user_id, fresh=True)
    _linked(row)
    _reach(world, kind, row)
    key = rows.add(row)
    if "TITLE" in kind.fields.by_name and not row.get("TITLE"):
        rows.update(key, {"TITLE": f"{kind.title} #{key}"})
    _remember_stage(world, kind, rows.rows[key], type_id=1)
    return key


def change(world: World, kind: Kind, key: int, values: Mapping[str, Json], user_id: int) -> Row:
    """Change an object, keep its stage consistent and note who did it."""
    rows = table(world, kind)
    row = rows.rows[key]
    now = world.now()
    changes: Row = {**values, "DATE_MODIFY": now, "MODIFY_BY_ID": user_id}
    merged = {**rows.defaults, **row, **changes}
    before = rows.value(row, kind.stage_field) if kind.stage_field else None
    _linked(changes)
    _stage_values(world, kind, merged, changes, user_id, fresh=False)
    if "FM" in values:
        _reach(world, kind, changes)
    if kind.stage_field and changes.get(kind.stage_field, before) != before:
        changes |= {"MOVED_BY_ID": user_id, "MOVED_TIME": now, "IS_NEW": "N"}
        if kind.entity_type_id != 2:
            changes.pop("IS_NEW")
        rows.update(key, changes)
        final = rows.rows[key].get(kind.semantic_field or "", "P")
        _remember_stage(world, kind, rows.rows[key], type_id=3 if final in ("S", "F") else 2)
    else:
        rows.update(key, changes)
    return rows.rows[key]


def remove(world: World, kind: Kind, key: int) -> None:
    """Delete an object with what hangs on it."""
    table(world, kind).delete(key)
    for name in ("product_rows", "activities", "timeline_comments"):
        hanging: Table = getattr(world, name)
        for other in hanging.keys_where(OWNER_TYPE_ID=kind.entity_type_id, OWNER_ID=key):
            hanging.delete(other)


def _stage_values(
    world: World, kind: Kind, merged: Row, changes: Row, user_id: int, *, fresh: bool
) -> None:
    if kind.stage_field is None:
        return
    category = int(merged.get("CATEGORY_ID") or 0)
    known = stages(world, kind, category)
    wanted = merged.get(kind.stage_field)
    if known and (wanted is None or all(one["STATUS_ID"] != wanted for one in known)):
        wanted = known[0]["STATUS_ID"]
        changes[kind.stage_field] = wanted
    found = next((one for one in known if one["STATUS_ID"] == wanted), None)
    semantic = (found or {}).get("SEMANTICS") or "P"
    if kind.semantic_field:
        changes[kind.semantic_field] = semantic
    if kind.entity_type_id == 2:
        changes["CLOSED"] = "N" if semantic == "P" else "Y"
    if kind.entity_type_id == 1 and semantic != "P" and merged.get("DATE_CLOSED") is None:
        changes["DATE_CLOSED"] = world.now()
    if fresh:
        changes.setdefault("MOVED_BY_ID", user_id)
        changes.setdefault("MOVED_TIME", world.now())


def _linked(row: Row) -> None:
    """Keep the single and the plural link to contacts and companies in step."""
    for one, many in (("CONTACT_ID", "CONTACT_IDS"), ("COMPANY_ID", "COMPANY_IDS")):
        if many in row:
            row[one] = row[many][0] if row[many] else None
        elif one in row and (one == "CONTACT_ID" or "EXPORT" in row):
            row[many] = [row[one]] if row[one] else []


def _reach(world: World, kind: Kind, row: Row) -> None:
    """Derive from the multifields what filters and flags look at."""
    if kind.entity_type_id not in (1, 3, 4) or "FM" not in row:
        return
    for entry in row["FM"]:
        entry.setdefault("ID", 0)
        if not entry["ID"]:
            entry["ID"] = world.number("multifield")
    for name in MULTIFIELDS:
        row[name] = [entry["VALUE"] for entry in row["FM"] if entry["TYPE_ID"] == name]
    row["HAS_PHONE"] = "Y" if row["PHONE"] else "N"
    row["HAS_EMAIL"] = "Y" if row["EMAIL"] else "N"
    row["HAS_IMOL"] = "Y" if any(value.startswith("imol|") for value in row["IM"]) else "N"


def _remember_stage(world: World, kind: Kind, row: Row, *, type_id: int) -> None:
    if kind.stage_field is None:
        return
    world.stage_history.add(
        {
            "TYPE_ID": type_id,
            "OWNER_ID": row["ID"],
            "ENTITY_TYPE_ID": kind.entity_type_id,
            "CREATED_TIME": row.get("MOVED_TIME") or world.now(),
            "CATEGORY_ID": row.get("CATEGORY_ID") or 0,
            "STAGE_SEMANTIC_ID": row.get(kind.semantic_field or "") or "P",
            "STAGE_ID": row.get(kind.stage_field),
        }
    )


def multifield_entry(type_id: str, value: Json, value_type: Json) -> Row:
    """Return a phone, e-mail, site or messenger as it is kept; its number comes later."""
    return {
        "ID": 0,
        "TYPE_ID": type_id,
        "VALUE_TYPE": str(value_type or "WORK").upper(),
        "VALUE": str(value),
    }


def classic_renderer(kind: Kind, select: Iterable[str] | None) -> Callable[[Row], Row]:
    """Return a function that writes a row as the classic methods do; knows ``*`` and ``UF_*``."""
    base = defaults(kind)
    wanted = [name.upper() for name in select] if select is not None else []
    everything = not wanted or "*" in wanted
    chosen = [
        field
        for field in kind.fields.classic
        if field.name == "ID"
        or field.name in wanted
        or (everything and not field.multiple and not field.dynamic)
        or (field.dynamic and "UF_*" in wanted)
    ]
    columns = _columns(
        (field.name, field.name, field.classic_writer(), field.classic_value(base.get(field.name)))
        for field in chosen
        if field.type != "crm_multifield" and field.name not in ("CONTACT_IDS", "COMPANY_IDS")
    )
    multi = [field.name for field in chosen if field.type == "crm_multifield"]

    def render(row: Row) -> Row:
        shown = columns(row)
        for name in multi:
            entries = classic_multifield(row, name)
            if entries:
                shown[name] = entries
        return shown

    return render


_MISSING = object()


def _columns(
    columns: Iterable[tuple[str, str, Callable[[Json], Json] | None, Json]],
) -> Callable[[Row], Row]:
    """Return a function that writes columns: shown name, kept name, writer, shown default."""
    fixed = list(columns)

    def write(row: Row) -> Row:
        shown: Row = {}
        for name, kept, writer, default in fixed:
            value = row.get(kept, _MISSING)
            if value is _MISSING:
                shown[name] = default
            elif writer is None or value is None:
                shown[name] = value
            else:
                shown[name] = writer(value)
        return shown

    return write


def classic_multifield(row: Row, name: str) -> list[Row]:
    """Return the entries of one multifield as the classic methods write them."""
    return [
        {
            "ID": str(entry["ID"]),
            "VALUE_TYPE": entry["VALUE_TYPE"],
            "VALUE": entry["VALUE"],
            "TYPE_ID": entry["TYPE_ID"],
        }
        for entry in row.get("FM", ())
        if entry["TYPE_ID"] == name
    ]


def item_renderer(
    kind: Kind, select: Iterable[str] | None, *, original_names: bool = False
) -> Callable[[Row], Row]:
    """Return a function that writes a row as crm.item.* does."""
    base = defaults(kind)
    wanted = set(select) if select is not None else {"*"}
    everything = "*" in wanted
    columns = _columns(
        (
            field.name if original_names and field.dynamic else field.item,
            field.name,
            field.item_writer(),
            field.item_value(base.get(field.name)),
        )
        for field in kind.fields.universal
        if field.name == "ID" or everything or field.item in wanted or field.name in wanted
    )
    reach = kind.entity_type_id in (1, 3, 4)

    def render(row: Row) -> Row:
        shown = columns(row)
        if everything:
            if reach:
                shown["fm"] = [
                    {
                        "id": entry["ID"],
                        "valueType": entry["VALUE_TYPE"],
                        "value": entry["VALUE"],
                        "typeId": entry["TYPE_ID"],
                    }
                    for entry in row.get("FM", ())
                ]
            shown["entityTypeId"] = kind.entity_type_id
        return shown

    return render
