"""Universal lists: the lists, their fields and their elements.

Source: api-reference/lists/{lists/lists-get,fields/lists-field-get,elements/lists-element-add,
elements/lists-element-get}.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator.family import Kind
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, as_map, as_names, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

LIST = Kind(
    table="lists",
    camel=False,
    fields=parse_fields("""
ID              | integer  | ro | | ID
TIMESTAMP_X     | datetime | ro | | Changed on
IBLOCK_TYPE_ID  | string   | ro | | Kind
LID             | string   | ro | | Site
CODE            | string   |    | | Code
NAME            | string   |    | | Name
ACTIVE          | char     |    | | Active
SORT            | integer  |    | | Order
DESCRIPTION     | string   |    | | Description
BIZPROC         | char     |    | | Workflows
SOCNET_GROUP_ID | integer  | ro | | Group
"""),
)
ELEMENT = Kind(
    table="list_elements",
    camel=False,
    fields=parse_fields("""
ID                | integer  | ro | | ID
NAME              | string   |    | | Name
IBLOCK_SECTION_ID | integer  |    | | Section
CREATED_BY        | integer  | ro | | Created by
CODE              | string   |    | | Code
DATE_CREATE       | datetime | ro | | Created on
"""),
)
_BASE = ("ID", "NAME", "IBLOCK_SECTION_ID", "CREATED_BY", "CODE")


def _required(visit: Visit, *names: str) -> None:
    for name in names:
        if visit.param(name) in (None, "", [], {}):
            text = f"Required parameter `{name}` is missing"
            raise Refusal("ERROR_REQUIRED_PARAMETERS_MISSING", text)


@method("lists.get", scope="lists")
def lists_get(visit: Visit) -> Reply:
    """Lists of one kind."""
    _required(visit, "IBLOCK_TYPE_ID")
    inside: Row = {"IBLOCK_TYPE_ID": str(visit.param("IBLOCK_TYPE_ID"))}
    if visit.param("IBLOCK_ID") not in (None, ""):
        inside["ID"] = as_int(visit.param("IBLOCK_ID"), 0)
    if visit.param("IBLOCK_CODE"):
        inside["CODE"] = str(visit.param("IBLOCK_CODE"))
    return LIST.reply(visit, LIST.page(visit, inside=inside, given={}))


def _list(visit: Visit) -> Row:
    _required(visit, "IBLOCK_TYPE_ID")
    if visit.param("IBLOCK_CODE") and not visit.param("IBLOCK_ID"):
        found = LIST.rows(visit).where(CODE=str(visit.param("IBLOCK_CODE")))
        row = found[0] if found else None
    else:
        _required(visit, "IBLOCK_ID")
        row = LIST.find(visit, visit.param("IBLOCK_ID"))
    if row is None or row["IBLOCK_TYPE_ID"] != str(visit.param("IBLOCK_TYPE_ID")):
        raise Refusal("ERROR_IBLOCK_NOT_FOUND", "Iblock not found")
    return row


@method("lists.field.get", scope="lists")
def fields_get(visit: Visit) -> Json:
    """Fields of a list under their ids, or one of them under its type."""
    row = _list(visit)
    wanted = visit.param("FIELD_ID")
    found: dict[str, Json] = {}
    for one in visit.world.table("list_fields").where(LIST_ID=row["ID"]):
        if wanted in (None, "", one["FIELD_ID"]):
            found[one["TYPE"] if wanted else one["FIELD_ID"]] = _field(one)
    return found or []


def _field(row: Row) -> Row:
    own = row["FIELD_ID"].startswith("PROPERTY_")
    return {
        "FIELD_ID": row["FIELD_ID"],
        "SORT": row["SORT"],
        "NAME": row["NAME"],
        "IS_REQUIRED": row["REQUIRED"],
        "MULTIPLE": row["MULTIPLE"],
        "DEFAULT_VALUE": None,
        "TYPE": row["TYPE"],
        "PROPERTY_TYPE": row["TYPE"][:1] if own else False,
        "PROPERTY_USER_TYPE": False,
        "CODE": row["CODE"],
        "ID": row["FIELD_ID"].removeprefix("PROPERTY_") if own else "",
        "SETTINGS": {"SHOW_ADD_FORM": "Y", "SHOW_EDIT_FORM": "Y"},
    }


@method("lists.element.add", scope="lists", writes=True)
def element_add(visit: Visit) -> Json:
    """A new element; its code is unique in the list."""
    row = _list(visit)
    _required(visit, "ELEMENT_CODE", "FIELDS")
    code = str(visit.param("ELEMENT_CODE"))
    table = ELEMENT.rows(visit)
    if table.keys_where(LIST_ID=row["ID"], CODE=code):
        raise Refusal("ERROR_ELEMENT_ALREADY_EXISTS", "Element already exists")
    given = as_map(visit.param("FIELDS"), "FIELDS")
    values: Row = {}
    for field in visit.world.table("list_fields").where(LIST_ID=row["ID"]):
        value = given.get(field["FIELD_ID"])
        if value in (None, "", [], {}):
            if field["REQUIRED"] == "Y":
                text = f'The field "{field["NAME"]}" is required.'
                raise Refusal("ERROR_ADD_ELEMENT", text)
            continue
        if field["FIELD_ID"].startswith("PROPERTY_"):
            values[field["FIELD_ID"]] = _property(visit, value)
        elif field["FIELD_ID"] == "NAME":
            values["NAME"] = str(value)
    return table.add(
        {
            **values,
            "LIST_ID": row["ID"],
            "CODE": code,
            "CREATED_BY": visit.user_id,
            "DATE_CREATE": visit.world.now(),
            "IBLOCK_SECTION_ID": as_int(visit.param("IBLOCK_SECTION_ID"), 0) or None,
        }
    )


def _property(visit: Visit, value: Json) -> Row:
    """Return values under the numbers the portal gives them."""
    single = list(value.values()) if isinstance(value, dict) else value
    many = single if isinstance(single, list) else [single]
    return {str(3700 + visit.world.number("list value")): str(one) for one in many}


@method("lists.element.get", scope="lists")
def element_get(visit: Visit) -> Reply:
    """Elements of a list with their properties."""
    row = _list(visit)
    inside: Row = {"LIST_ID": row["ID"]}
    if visit.param("ELEMENT_ID") not in (None, ""):
        inside["ID"] = as_int(visit.param("ELEMENT_ID"), 0)
    if visit.param("ELEMENT_CODE"):
        inside["CODE"] = str(visit.param("ELEMENT_CODE"))
    page = ELEMENT.page(visit, inside=inside)
    select = as_names(visit.param("select"))
    rows = []
    for one in page.rows:
        shown = ELEMENT.shown(one, select or list(_BASE))
        for name, value in one.items():
            if name.startswith("PROPERTY_") and (select is None or name in select):
                shown[name] = dict(value)
        rows.append(shown)
    return Reply(result=rows, total=page.total, next=page.next)
