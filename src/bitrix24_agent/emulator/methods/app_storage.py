"""An application's own storages on the portal.

Source: api-reference/entity/**/*.md @ 5988ed13
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import filters, moments
from bitrix24_agent.emulator.family import Kind
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.query import Condition, Group, page
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, as_map, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

ITEM = Kind(
    table="storage_items",
    camel=False,
    fields=parse_fields("""
ID               | integer  | ro | | ID
TIMESTAMP_X      | datetime | ro | | Changed on
MODIFIED_BY      | integer  | ro | | Changed by
DATE_CREATE      | datetime | ro | | Created on
CREATED_BY       | integer  | ro | | Created by
ACTIVE           | char     |    | | Active
SORT             | integer  |    | | Order
NAME             | string   |    | | Name
CODE             | string   |    | | Code
SECTION          | integer  |    | | Section
"""),
)
_LONGEST = 13
_RIGHTS = {"R": 1, "W": 2, "X": 3}
_TYPES = ("S", "N", "F")


def _code(visit: Visit) -> str:
    code = re.sub(r"[^A-Za-z0-9_]", "", str(visit.param("ENTITY") or ""))
    if not code:
        raise Refusal("ERROR_ARGUMENT", "Argument 'ENTITY' is null or empty")
    if len(code) > _LONGEST:
        text = f"Entity code is too long. Max length is {_LONGEST} characters."
        raise Refusal("ERROR_ARGUMENT", text)
    return code


def _own(visit: Visit) -> list[Row]:
    return visit.world.table("storages_of_apps").where(OWNER=visit.credential.id)


def _storage(visit: Visit, right: str) -> Row:
    code = _code(visit)
    row = next((one for one in _own(visit) if one["ENTITY"] == code), None)
    if row is None:
        raise Refusal("ERROR_ENTITY_NOT_FOUND", "Entity not found")
    access = row["ACCESS"]
    held = max(_RIGHTS.get(str(access.get(one)), 0) for one in ("AU", f"U{visit.user_id}", "G2"))
    if held < _RIGHTS[right] and not visit.is_admin:
        raise Refusal("ACCESS_DENIED", "Access denied!", 403)
    return row


def _shown(row: Row) -> Row:
    return {
        "ID": str(row["ID"]),
        "IBLOCK_TYPE_ID": "rest_entity",
        "ENTITY": row["ENTITY"],
        "NAME": row["NAME"],
    }


@method("entity.get", scope="entity", application=True)
def storage_get(visit: Visit) -> Json:
    """One storage, or all of the application's."""
    if "entity" not in visit.lower:
        return [_shown(row) for row in _own(visit)]
    return _shown(_storage(visit, "R"))


@method("entity.add", scope="entity", writes=True, application=True)
def storage_add(visit: Visit) -> Json:
    """A new storage; its maker manages it."""
    code = _code(visit)
    if any(row["ENTITY"] == code for row in _own(visit)):
        raise Refusal("ERROR_ENTITY_ALREADY_EXISTS", "Entity already exists")
    name = visit.param("NAME")
    if not name:
        raise Refusal("ERROR_ARGUMENT", "Argument 'NAME' is null or empty")
    given = visit.param("ACCESS")
    access = {str(key): str(one) for key, one in given.items()} if isinstance(given, dict) else {}
    visit.world.table("storages_of_apps").add(
        {
            "OWNER": visit.credential.id,
            "ENTITY": code,
            "NAME": str(name),
            "ACCESS": {**access, f"U{visit.user_id}": "X"},
            "PROPERTIES": {},
        }
    )
    return True


@method("entity.item.property.add", scope="entity", writes=True, application=True)
def property_add(visit: Visit) -> Json:
    """A property: text S, number N, file F."""
    storage = _storage(visit, "X")
    code = str(visit.param("PROPERTY") or "")
    if not code:
        raise Refusal("ERROR_ARGUMENT", "Argument 'PROPERTY' is null or empty")
    if code[0].isdigit():
        raise Refusal("ERROR_CORE", "Property code cannot start with a digit")
    kind = str(visit.param("TYPE") or "S")
    if kind == "L":
        raise Refusal("ERROR_UNSUPPORTED_PROPERTY_TYPE", "Invalid property type")
    if kind not in _TYPES:
        raise Refusal("ERROR_ARGUMENT", "Wrong entity item property type")
    if code in storage["PROPERTIES"]:
        raise Refusal("ERROR_PROPERTY_ALREADY_EXISTS", "Property already exists")
    properties = {**storage["PROPERTIES"], code: kind}
    visit.world.table("storages_of_apps").update(storage["ID"], {"PROPERTIES": properties})
    return True


@method("entity.item.add", scope="entity", writes=True, application=True)
def item_add(visit: Visit) -> Json:
    """A new item; the answer is its id."""
    storage = _storage(visit, "W")
    given = visit.param("PROPERTY_VALUES")
    values: Row = {}
    for code, value in (given if isinstance(given, dict) else {}).items():
        kind = storage["PROPERTIES"].get(code)
        if kind == "N" and not re.fullmatch(r"-?\d+(\.\d+)?", str(value)):
            raise Refusal("ERROR_ARGUMENT", f"Property {code} expects a number")
        if kind is not None:
            values[code] = str(value)
    now = visit.world.now()
    return ITEM.rows(visit).add(
        {
            "STORAGE": storage["ID"],
            "NAME": str(visit.param("NAME") or ""),
            "ACTIVE": "Y",
            "SORT": 500,
            "SECTION": as_int(visit.param("SECTION"), 0) or None,
            "DATE_CREATE": now,
            "TIMESTAMP_X": now,
            "CREATED_BY": visit.user_id,
            "MODIFIED_BY": visit.user_id,
            "VALUES": values,
        }
    )


@method("entity.item.get", scope="entity", application=True)
def item_get(visit: Visit) -> Reply:
    """Items of a storage."""
    storage = _storage(visit, "R")
    where = filters.group_of(as_map(visit.param("FILTER"), "FILTER"), ITEM.field, strict=False)
    inside = Condition(field="STORAGE", op="=", value=storage["ID"])
    order = filters.order_of(as_map(visit.param("SORT"), "SORT"), ITEM.field, strict=False)
    found = page(ITEM.rows(visit), Group(parts=(inside, where)), order, start=visit.start())
    rows = []
    for row in found.rows:
        shown = ITEM.shown(row) | {"ENTITY": storage["ENTITY"], "PREVIEW_TEXT": None}
        shown |= {"DATE_ACTIVE_FROM": "", "DATE_ACTIVE_TO": "", "DETAIL_TEXT": None}
        shown["TIMESTAMP_X"] = moments.iso(row["TIMESTAMP_X"])
        if storage["PROPERTIES"]:
            names = storage["PROPERTIES"]
            shown["PROPERTY_VALUES"] = {name: row["VALUES"].get(name) for name in names}
        rows.append(shown)
    return Reply(result=rows, total=found.total, next=found.next)
