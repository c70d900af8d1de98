"""Consents of people, and the event log of the portal.

Source: api-reference/user-consent/*.md, api-reference/event-log/main-eventlog-*.md @ 5988ed13
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import v3
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.query import Condition, Group
from bitrix24_agent.emulator.refusal import Refusal, RefusalV3
from bitrix24_agent.emulator.registry import Visit, as_int, as_map, method

if TYPE_CHECKING:
    from bitrix24_agent.emulator.fields import Field
    from bitrix24_agent.model import Json, Row


@method("userconsent.agreement.list", scope="userconsent")
def agreement_list(visit: Visit) -> Json:
    """Agreements, the latest first."""
    return [
        {
            "ID": str(row["ID"]),
            "NAME": row["NAME"],
            "ACTIVE": row["ACTIVE"],
            "LANGUAGE_ID": row["LANGUAGE_ID"],
        }
        for row in reversed(list(visit.world.table("agreements")))
    ]


def _agreement(visit: Visit, name: str) -> Row:
    given = visit.param(name)
    if given in (None, ""):
        raise Refusal("ERROR_ARGUMENT", "Parameter `Agreement ID` required.")
    row = visit.world.table("agreements").get(as_int(given, 0))
    if row is None:
        raise Refusal("ERROR_ARGUMENT", f"Agreement with id `{given}` not found.")
    return row


@method("userconsent.agreement.text", scope="userconsent")
def agreement_text(visit: Visit) -> Json:
    """The wording, with the given words in their places."""
    row = _agreement(visit, "id")
    words = as_map(visit.param("replace"), "replace")
    button = str(words.get("button_caption") or "I agree")
    inner = words.get("fields")
    company = str((inner if isinstance(inner, dict) else words).get("COMPANY_NAME") or "")
    return {
        "LABEL": row["LABEL"].replace("#BUTTON#", button),
        "TEXT": row["TEXT"].replace("#COMPANY#", company or "the company"),
    }


@method("userconsent.consent.add", scope="userconsent", writes=True)
def consent_add(visit: Visit) -> Json:
    """Proof of a consent; the answer is its id."""
    row = _agreement(visit, "AGREEMENT_ID")
    address = str(visit.param("IP") or "")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise Refusal("ERROR_ARGUMENT", "Wrong IP address") from None
    names = ("URL", "ORIGIN_ID", "ORIGINATOR_ID")
    values = {name: str(visit.param(name) or "") for name in names}
    return visit.world.table("consents").add(
        {
            "AGREEMENT_ID": row["ID"],
            "IP": address,
            "USER_ID": as_int(visit.param("USER_ID"), 0) or None,
            "DATE": visit.world.now(),
            **values,
        }
    )


# --- event log ------------------------------------------------------------------------------------

LOG = parse_fields("""
ID            | integer  | ro | id          | ID
TIMESTAMP_X   | datetime | ro | timestampX  | Moment
SEVERITY      | string   | ro | severity    | Severity
AUDIT_TYPE_ID | string   | ro | auditTypeId | What happened
MODULE_ID     | string   | ro | moduleId    | Module
ITEM_ID       | string   | ro | itemId      | Object
REMOTE_ADDR   | string   | ro | remoteAddr  | Address
USER_AGENT    | string   | ro | userAgent   | Browser
REQUEST_URI   | string   | ro | requestUri  | Page
SITE_ID       | string   | ro | siteId      | Site
USER_ID       | integer  | ro | userId      | Who
GUEST_ID      | integer  | ro | guestId     | Guest
DESCRIPTION   | string   | ro | description | Details
""")
_DTO = "EventLogDto"
# What may be filtered and sorted by. Source: main-eventlog-field-list.md @ 5988ed13
_FILTERED = ("id", "timestampX", "auditTypeId", "userId")
_DESCRIBED = ("name", "type", "title", "description", "filterable", "sortable", "multiple")


def _admin(visit: Visit) -> None:
    if not visit.is_admin:
        raise RefusalV3("ACCESSDENIEDEXCEPTION", "Access denied", status=403)


def _filtered(name: str) -> Field | None:
    return LOG.by_item.get(name) if name in _FILTERED else None


def _shown(row: Row, select: list[str] | None) -> Row:
    for name in select or ():
        if name not in LOG.by_item or not name[:1].islower():
            text = f"Unknown field `{name}` for entity `{_DTO}`"
            raise RefusalV3("UNKNOWNDTOPROPERTYEXCEPTION", text)
    return {
        field.item: field.item_value(row.get(field.name))
        for field in LOG.fields
        if select is None or field.item in select
    }


@method("main.eventlog.field.list", scope="main", version=3)
def log_fields(visit: Visit) -> Json:
    """Descriptions of the fields."""
    _admin(visit)
    select = v3.select_of(visit.params)
    for name in select or ():
        if name not in _DESCRIBED:
            text = f"Unknown field `{name}` for entity `DtoFieldDto`"
            raise RefusalV3("UNKNOWNDTOPROPERTYEXCEPTION", text)
    kinds = {"integer": "int", "datetime": "object"}
    items = [
        {
            "name": field.item,
            "type": kinds.get(field.type, "string"),
            "title": field.item,
            "description": None,
            "filterable": field.item in _FILTERED,
            "sortable": field.item in _FILTERED,
            "multiple": False,
        }
        for field in LOG.fields
    ]
    return {"items": [{k: v for k, v in one.items() if not select or k in select} for one in items]}


@method("main.eventlog.list", scope="main", version=3)
def log_list(visit: Visit) -> Json:
    """Entries of the log."""
    _admin(visit)
    where = v3.filter_of(visit.params.get("filter"), _filtered, _DTO)
    order = v3.order_of(visit.params.get("order"), _filtered)
    window = v3.window_of(visit.params.get("pagination"))
    rows = v3.listed(visit.world.table("event_log"), where, order, window)
    select = v3.select_of(visit.params)
    return {"items": [_shown(row, select) for row in rows]}


@method("main.eventlog.get", scope="main", version=3)
def log_get(visit: Visit) -> Json:
    """One entry in full."""
    _admin(visit)
    key = v3.need_int(visit.params, "id")
    row = visit.world.table("event_log").get(key)
    if row is None:
        raise RefusalV3("ENTITYNOTFOUNDEXCEPTION", f"Entry with ID = `{key}` not found")
    return {"item": _shown(row, v3.select_of(visit.params))}


@method("main.eventlog.tail", scope="main", version=3)
def log_tail(visit: Visit) -> Json:
    """Entries after a cursor, whose field must not be filtered by."""
    _admin(visit)
    cursor = visit.params.get("cursor")
    given = dict(cursor) if isinstance(cursor, dict) else {}
    name = str(given.get("field") or "id")
    asked = visit.params.get("filter")
    if any(isinstance(one, list) and one[:1] == [name] for one in asked or ()):
        text = f"Unable to recognize filter expression `Cursor field {name} cannot be used at"
        raise RefusalV3("INVALIDFILTEREXCEPTION", f"{text} filter.`")
    field = _filtered(name)
    order = v3.order_of({name: given.get("order", "ASC")}, _filtered)
    limit = given.get("limit", 50)
    _, limit = v3.window_of({"limit": limit})
    where = v3.filter_of(asked, _filtered, _DTO)
    value = given.get("value")
    if field is not None and value is not None:
        op = "<" if order[0][1] else ">"
        try:
            bound = field.parse(value)
        except ValueError:
            raise RefusalV3("INVALIDFILTEREXCEPTION", "Unable to recognize the cursor") from None
        where = Group(parts=(where, Condition(field=field.name, op=op, value=bound)))
    rows = v3.listed(visit.world.table("event_log"), where, order, (0, limit))
    select = v3.select_of(visit.params)
    return {"items": [_shown(row, select) for row in rows]}
