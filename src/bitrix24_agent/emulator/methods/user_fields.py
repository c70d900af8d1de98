"""Custom fields of smart processes and other objects.

Source: api-reference/crm/universal/userfieldconfig/*.md @ 5988ed13
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from bitrix24_agent.emulator.family import Kind, sent
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

FIELD = Kind(
    table="user_fields",
    fields=parse_fields("""
ID            | integer | ro | id           | ID
ENTITY_ID     | string  | im | entityId     | Object
FIELD_NAME    | string  | im | fieldName    | Code
USER_TYPE_ID  | string  | im | userTypeId   | Type
XML_ID        | string  |    | xmlId        | External code
SORT          | integer |    | sort         | Order
MULTIPLE      | char    |    | multiple     | Several values
MANDATORY     | char    |    | mandatory    | Required
SHOW_FILTER   | char    |    | showFilter   | In filters
SHOW_IN_LIST  | char    |    | showInList   | In lists
EDIT_IN_LIST  | char    |    | editInList   | Edited in lists
IS_SEARCHABLE | char    |    | isSearchable | Searched
"""),
)
TYPES = {
    "string": "String", "integer": "Integer", "double": "Number", "boolean": "Yes/No",
    "date": "Date", "datetime": "Date with time", "enumeration": "List", "money": "Money",
    "url": "Link", "address": "Address", "file": "File", "employee": "Linked to employee",
    "crm": "Linked to CRM entities", "crm_status": "Linked to CRM directories",
    "iblock_section": "Linked to information block sections",
    "iblock_element": "Linked to information block elements",
}  # fmt: skip
_SCOPES = "userfieldconfig"
_LONGEST = 50


def _module(visit: Visit) -> str:
    module = str(visit.need("moduleId"))
    if not visit.credential.allows((module,)):
        raise Refusal("", f"The current method required more scopes. ({module})")
    return module


@method("userfieldconfig.getTypes", scope=_SCOPES)
def get_types(visit: Visit) -> Json:
    """Types under their codes as keys."""
    _module(visit)
    return {
        "types": {code: {"userTypeId": code, "description": text} for code, text in TYPES.items()}
    }


def _shown(row: Row, *, whole: bool) -> Row:
    found = FIELD.shown(row)
    found["id"], found["sort"] = str(row["ID"]), str(row["SORT"])
    languages = sorted(row["LABELS"]) or ["en"]
    found["settings"] = dict(row["SETTINGS"]) or []
    found["languageId"] = {one: one for one in languages}
    found["editFormLabel"] = dict(row["LABELS"]) or {"en": None}
    for name in ("listColumnLabel", "listFilterLabel", "errorMessage", "helpMessage"):
        found[name] = dict.fromkeys(languages) if whole else None
    if whole and row["USER_TYPE_ID"] == "enumeration":
        found["enum"] = [dict(one) for one in row["ENUM"]]
    return found


@method("userfieldconfig.list", scope=_SCOPES)
def field_list(visit: Visit) -> Reply:
    """Fields of a module without their values."""
    module = _module(visit)
    page = FIELD.page(visit, inside={"MODULE_ID": module})
    rows = [_shown(row, whole=False) for row in page.rows]
    return Reply(result={"fields": rows}, total=page.total, next=page.next)


@method("userfieldconfig.add", scope=_SCOPES, writes=True)
def field_add(visit: Visit) -> Json:
    """A new field; its code begins with ``UF_`` and the object."""
    module = _module(visit)
    if not visit.is_admin:
        raise Refusal("", "Access denied")
    given = sent(visit, "field")
    entity, name = str(given.get("entityId") or ""), str(given.get("fieldName") or "")
    kind = str(given.get("userTypeId") or "")
    if not entity or not kind:
        raise Refusal("", "Required fields: entityId, userTypeId")
    if kind not in TYPES:
        raise Refusal("", f"User type {kind} not found")
    if not re.fullmatch(r"[A-Z0-9_]+", name) or not name.startswith(f"UF_{entity}_"):
        raise Refusal("", f"Field name should start with UF_{entity}_")
    table = FIELD.rows(visit)
    if len(name) > _LONGEST or table.keys_where(FIELD_NAME=name):
        raise Refusal("", f"Field {name} already exists or its code is too long")
    labels = given.get("editFormLabel")
    if isinstance(labels, str):
        labels = {"en": labels}
    settings = given.get("settings")
    flags = {"multiple": "N", "mandatory": "N", "showFilter": "N", "showInList": "Y"}
    flags |= {"editInList": "Y", "isSearchable": "N"}
    chosen = {one: given.get(one, plain) for one, plain in flags.items()}
    values = FIELD.values({**chosen, "xmlId": _plain(given.get("xmlId"))})
    key = table.add(
        {
            **values,
            "MODULE_ID": module,
            "ENTITY_ID": entity,
            "FIELD_NAME": name,
            "USER_TYPE_ID": kind,
            "SORT": as_int(given.get("sort"), 100),
            "LABELS": {str(k): str(v) for k, v in labels.items()}
            if isinstance(labels, dict)
            else {},
            "SETTINGS": settings if isinstance(settings, dict) else {},
            "ENUM": [],
        }
    )
    table.update(key, {"ENUM": _options(visit, key, given.get("enum"))})
    return {"field": _shown(table.rows[key], whole=True)}


def _plain(value: Json) -> Json:
    return None if isinstance(value, dict | list) else value


def _options(visit: Visit, key: int, given: Json) -> list[Row]:
    found = []
    for number, one in enumerate(given if isinstance(given, list) else ()):
        if not isinstance(one, dict) or one.get("value") in (None, ""):
            continue
        text = str(one["value"])
        own = hashlib.md5(f"{key} {text}".encode(), usedforsecurity=False).hexdigest()
        found.append(
            {
                "id": str(3300 + visit.world.number("enum")),
                "userFieldId": str(key),
                "value": text,
                "def": "Y" if one.get("def") == "Y" else "N",
                "sort": str(as_int(one.get("sort"), (number + 1) * 100)),
                "xmlId": str(one.get("xmlId") or own),
            }
        )
    return found


@method("userfieldconfig.get", scope=_SCOPES)
def field_get(visit: Visit) -> Json:
    """One field with its values; nothing when there is none."""
    module = _module(visit)
    row = FIELD.find(visit, visit.need("id"))
    if row is None or row["MODULE_ID"] != module:
        return None
    return {"field": _shown(row, whole=True)}
