"""What CRM objects refer to: status lists, pipelines, types, currencies, stage history, duplicates.

Source: api-reference/crm/status/*.md, .../universal/category/crm-category-list.md,
.../currency/crm-currency-list.md,
.../crm-stage-history-list.md, .../duplicates/crm-duplicate-find-by-comm.md @ 5988ed13
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import crm, filters, moments
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.query import Condition, Group, page
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, as_map, method

if TYPE_CHECKING:
    from bitrix24_agent.emulator.fields import FieldSet
    from bitrix24_agent.model import Json, Row

STATUS = parse_fields("""
ID          | integer | ro | | ID
ENTITY_ID   | string  |    | | List
STATUS_ID   | string  |    | | Code
NAME        | string  |    | | Name
NAME_INIT   | string  | ro | | First name
SORT        | integer |    | | Order
SYSTEM      | char    | ro | | System
CATEGORY_ID | integer |    | | Pipeline
COLOR       | string  |    | | Colour
SEMANTICS   | string  |    | | Group
""")
TYPE = parse_fields("""
ID           | integer | ro | id           | ID
title        | string  |    | title        | Name
entityTypeId | integer |    | entityTypeId | Type
code         | string  |    | code         | Code
""")
HISTORY = parse_fields("""
ID                | integer  | ro | | ID
TYPE_ID           | integer  | ro | | Kind of record
OWNER_ID          | integer  | ro | | Object
CREATED_TIME      | datetime | ro | | Moment
CATEGORY_ID       | integer  | ro | | Pipeline
STAGE_SEMANTIC_ID | string   | ro | | Stage group
STAGE_ID          | string   | ro | | Stage
""")
_GROUPS = {None: "process", "S": "success", "F": "failure"}


@method("crm.status.list", scope="crm")
def status_list(visit: Visit) -> Reply:
    """Entries of status lists, by filter and order; never paged on real portals of this size."""
    field_of = _upper(STATUS)
    order = filters.order_of(as_map(visit.param("order"), "order"), field_of, strict=False)
    where = filters.group_of(as_map(visit.param("filter"), "filter"), field_of, strict=False)
    found = page(visit.world.statuses, where, order, start=max(visit.start(), 0), size=1000)
    rows = [_status(row) for row in found.rows]
    return Reply(result=rows, total=found.total)


def _upper(fields: FieldSet) -> filters.FieldOf:
    return lambda name: fields.by_name.get(name.upper())


def _status(row: Row) -> Row:
    semantics = row["SEMANTICS"]
    shown: Row = {
        "ID": str(row["ID"]),
        "ENTITY_ID": row["ENTITY_ID"],
        "STATUS_ID": row["STATUS_ID"],
        "NAME": row["NAME"],
        "NAME_INIT": row["NAME"] if row["SYSTEM"] == "Y" else "",
        "SORT": str(row["SORT"]),
        "SYSTEM": row["SYSTEM"],
        "CATEGORY_ID": str(row["CATEGORY_ID"]) if row["CATEGORY_ID"] else None,
        "COLOR": row["COLOR"],
        "SEMANTICS": semantics,
    }
    if row["COLOR"]:
        group = "apology" if row["STATUS_ID"].endswith("APOLOGY") else _GROUPS[semantics]
        shown["EXTRA"] = {"SEMANTICS": group, "COLOR": row["COLOR"]}
    return shown


@method("crm.status.entity.items", scope="crm")
def status_entity_items(visit: Visit) -> Json:
    """One list in short."""
    entity = str(visit.param("entityId") or "")
    rows = visit.world.statuses.where(ENTITY_ID=entity) if entity else []
    if not rows:
        raise Refusal(
            "The parameter entityId is not defined or invalid.",
            "The directory ID is not specified or is incorrect.",
        )
    return [
        {"NAME": row["NAME"], "SORT": int(row["SORT"]), "STATUS_ID": row["STATUS_ID"]}
        for row in rows
    ]


@method("crm.category.list", scope="crm")
def category_list(visit: Visit) -> Reply:
    """Pipelines of a type."""
    number = as_int(visit.need("entityTypeId"), 0)
    kind = crm.kind_of(visit.world, number)
    if kind is None:
        raise Refusal("NOT_FOUND", "Smart process not found")
    if number in (1, 3, 4):
        raise Refusal(
            "ENTITY_TYPE_NOT_SUPPORTED", f"Entity type {kind.code.upper()} is not supported"
        )
    rows = [
        {
            "id": row["ID"],
            "name": row["name"],
            "sort": row["sort"],
            "entityTypeId": row["entityTypeId"],
            "isDefault": row["isDefault"],
            "originId": "",
            "originatorId": "",
        }
        for row in visit.world.categories.where(entityTypeId=number)
    ]
    return Reply(result={"categories": rows}, total=len(rows))


_SETTINGS = [
    "isCategoriesEnabled",
    "isStagesEnabled",
    "isBeginCloseDatesEnabled",
    "isClientEnabled",
    "isUseInUserfieldEnabled",
    "isLinkWithProductsEnabled",
    "isMycompanyEnabled",
    "isSourceEnabled",
    "isObserversEnabled",
]


@method("crm.type.list", scope="crm")
def type_list(visit: Visit) -> Reply:
    """Smart processes; CRM administrators only."""
    if not visit.is_admin:
        raise Refusal("ACCESS_DENIED", "Access denied")
    field_of = TYPE.by_item.get
    where = filters.group_of(as_map(visit.param("filter"), "filter"), field_of, strict=True)
    order = filters.order_of(as_map(visit.param("order"), "order"), field_of, strict=True)
    found = page(visit.world.types, where, order, start=visit.start())
    rows = [
        {
            "id": row["ID"],
            "title": row["title"],
            "code": row["code"],
            "createdBy": row["createdBy"],
            "entityTypeId": row["entityTypeId"],
            "customSectionId": None,
            **dict.fromkeys(_SETTINGS, "Y"),
            "createdTime": moments.iso(row["createdTime"]),
            "updatedTime": moments.iso(row["createdTime"]),
            "updatedBy": row["createdBy"],
        }
        for row in found.rows
    ]
    return Reply(result={"types": rows}, total=found.total or 0, next=found.next)


@method("crm.currency.list", scope="crm")
def currency_list(visit: Visit) -> Reply:
    """Currencies; the portal gives no count worth having."""
    rows = [
        {
            "CURRENCY": row["CURRENCY"],
            "AMOUNT_CNT": "1",
            "AMOUNT": f"{row['AMOUNT']:.4f}",
            "SORT": str(row["SORT"]),
            "BASE": row["BASE"],
            "FULL_NAME": row["FULL_NAME"],
            "LID": "en",
            "FORMAT_STRING": "# " + row["CURRENCY"],
            "DEC_POINT": ".",
            "THOUSANDS_SEP": "&nbsp;",
            "DECIMALS": "2",
            "DATE_UPDATE": "2026-01-12T12:28:40+03:00",
        }
        for row in visit.world.currencies
    ]
    return Reply(result=rows, total=0)


@method("crm.stagehistory.list", scope="crm")
def stage_history_list(visit: Visit) -> Reply:
    """Moves between stages."""
    number = as_int(visit.need("entityTypeId"), 0)
    kind = crm.kind_of(visit.world, number)
    if kind is None or kind.stage_field is None:
        raise Refusal("ENTITY_TYPE_NOT_SUPPORTED", f"Entity type `{number}` is not supported")
    field_of = HISTORY.by_name.get
    given = filters.group_of(as_map(visit.param("filter"), "filter"), field_of, strict=True)
    own = Condition(field="ENTITY_TYPE_ID", op="=", value=number)
    order = filters.order_of(as_map(visit.param("order"), "order"), field_of, strict=True)
    found = page(visit.world.stage_history, Group(parts=(own, given)), order, start=visit.start())
    select = visit.param("select")
    wanted = {str(one) for one in select} if isinstance(select, list) and select else None
    rows = [
        {
            field.name: field.item_value(row.get(field.name))
            for field in HISTORY.fields
            if wanted is None or "*" in wanted or field.name in wanted or field.name == "ID"
        }
        for row in found.rows
    ]
    return Reply(result={"items": rows}, total=found.total or 0, next=found.next)


@method("crm.duplicate.findbycomm", scope="crm")
def find_by_comm(visit: Visit) -> Json:
    """Leads, contacts and companies with one of these phones or e-mails."""
    kind, values = visit.param("type"), visit.param("values")
    if not kind:
        raise Refusal("Communication type is not defined", "Parameter 'type' is required.")
    if kind not in ("PHONE", "EMAIL"):
        text = f"Communication type '{kind}' is not supported in current context"
        raise Refusal(text, text)
    if not values:
        raise Refusal("Communication values is not defined", "Parameter 'values' is required.")
    wanted = {_bare(kind, one) for one in (values if isinstance(values, list) else [values])}
    only = str(visit.param("entity_type") or "").upper()
    found: Row = {}
    for name, table in (
        ("LEAD", visit.world.leads),
        ("CONTACT", visit.world.contacts),
        ("COMPANY", visit.world.companies),
    ):
        ids = [row["ID"] for row in table if wanted & {_bare(kind, v) for v in row.get(kind, ())}]
        if ids and only in ("", name):
            found[name] = ids[:20]
    return found or []


def _bare(kind: str, value: Json) -> str:
    text = str(value).strip().lower()
    return re.sub(r"\D", "", text) if kind == "PHONE" else text
