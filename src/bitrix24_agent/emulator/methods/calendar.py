"""Calendar events.

Source: api-reference/calendar/calendar-event/*.md @ 5988ed13
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, as_int, is_yes, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

_DAY = 86400


def needed(visit: Visit, call: str, name: str, *others: str) -> Json:
    """Return a required parameter under one of its names.

    Raises:
        Refusal: None of them was sent.
    """
    for one in (name, *others):
        found = visit.param(one)
        if found not in (None, ""):
            return found
    raise Refusal("", f'The required parameter "{name}" for the method "{call}" is not set')


@method("calendar.event.get", scope="calendar")
def event_get(visit: Visit) -> Json:
    """Events of one owner between two days."""
    call = "calendar.event.get"
    kind = str(needed(visit, call, "type"))
    owner = as_int(needed(visit, call, "ownerId"), 0)
    first = _moment(visit.param("from"), visit.world.now() - 30 * _DAY)
    last = _moment(visit.param("to"), visit.world.now() + 92 * _DAY)
    if visit.param("to") and len(str(visit.param("to"))) == 10:
        last += _DAY - 1
    sections = visit.param("section")
    wanted = {as_int(one, 0) for one in sections} if isinstance(sections, list) else None
    rows = [
        row
        for row in visit.world.calendar_events.where(CAL_TYPE=kind, OWNER_ID=owner)
        if row["DATE_FROM"] <= last and row["DATE_TO"] >= first
        if wanted is None or row["SECT_ID"] in wanted
    ]
    return [event_row(row) for row in sorted(rows, key=lambda row: int(row["DATE_FROM"]))]


@method("calendar.event.add", scope="calendar", writes=True)
def event_add(visit: Visit) -> Json:
    """A new event; the answer is its id."""
    call = "calendar.event.add"
    kind = str(needed(visit, call, "type"))
    owner = as_int(needed(visit, call, "ownerId"), 0)
    name = needed(visit, call, "name")
    if not isinstance(name, str):
        raise Refusal("", 'Invalid value for the parameter "name"')
    start = _exact(needed(visit, call, "from", "from_ts"))
    end = _exact(needed(visit, call, "to", "to_ts"))
    if start is None or end is None or end < start:
        raise Refusal("", "An error occurred while creating the event")
    if kind == "user" and owner != visit.user_id and not visit.is_admin:
        raise Refusal("", "Access denied")
    section = as_int(visit.param("section"), 0)
    known = visit.world.calendar_sections.where(CAL_TYPE=kind, OWNER_ID=owner)
    if section and all(one["ID"] != section for one in known):
        raise Refusal(
            "",
            "You specified an invalid calendar section ID or the user does not have access to it",
        )
    people = visit.param("attendees")
    return visit.world.calendar_events.add(
        {
            "NAME": name,
            "CAL_TYPE": kind,
            "OWNER_ID": owner,
            "SECT_ID": section or (known[0]["ID"] if known else 0),
            "DATE_FROM": start,
            "DATE_TO": end,
            "SKIP_TIME": "Y" if is_yes(visit.param("skip_time")) else "N",
            "DESCRIPTION": str(visit.param("description") or ""),
            "LOCATION": str(visit.param("location") or ""),
            "CREATED_BY": visit.user_id,
            "ATTENDEES": [as_int(one, 0) for one in people] if isinstance(people, list) else [],
        }
    )


@method("calendar.event.delete", scope="calendar", writes=True)
def event_delete(visit: Visit) -> Json:
    """Gone."""
    key = as_int(visit.param("id"), 0)
    if key <= 0:
        raise Refusal("", "Event id not specified")
    row = visit.world.calendar_events.get(key)
    if row is None or (row["CREATED_BY"] != visit.user_id and not visit.is_admin):
        raise Refusal("", "An error occurred while deleting the event")
    visit.world.calendar_events.delete(key)
    return True


def _exact(value: Json) -> int | None:
    return int(value) if str(value).isdigit() else moments.parse(str(value))


def _moment(value: Json, default: int) -> int:
    found = moments.parse(str(value)) if value else None
    return default if found is None else found


def american(moment: int) -> str:
    """Return the moment as this family writes it."""
    return (
        datetime.fromtimestamp(moment, moments.SERVER_ZONE).strftime("%m/%d/%Y %I:%M:%S %p").lower()
    )


def event_row(row: Row) -> Row:
    """Return an event as lists write it."""
    people = row.get("ATTENDEES") or []
    return {
        "ID": str(row["ID"]),
        "PARENT_ID": str(row["ID"]),
        "DELETED": "N",
        "CAL_TYPE": row["CAL_TYPE"],
        "OWNER_ID": str(row["OWNER_ID"]),
        "NAME": row["NAME"],
        "DATE_FROM": american(row["DATE_FROM"]),
        "DATE_TO": american(row["DATE_TO"]),
        "TZ_FROM": "Europe/Minsk",
        "TZ_TO": "Europe/Minsk",
        "TZ_OFFSET_FROM": "10800",
        "TZ_OFFSET_TO": "10800",
        "DATE_FROM_TS_UTC": str(row["DATE_FROM"]),
        "DATE_TO_TS_UTC": str(row["DATE_TO"]),
        "DT_SKIP_TIME": row.get("SKIP_TIME", "N"),
        "DT_LENGTH": row["DATE_TO"] - row["DATE_FROM"],
        "EVENT_TYPE": None,
        "CREATED_BY": str(row["CREATED_BY"]),
        "DESCRIPTION": row["DESCRIPTION"],
        "PRIVATE_EVENT": "",
        "ACCESSIBILITY": "busy",
        "IMPORTANCE": "normal",
        "IS_MEETING": bool(people),
        "LOCATION": row.get("LOCATION", ""),
        "REMIND": [],
        "COLOR": "#9dcf00",
        "SECT_ID": str(row["SECT_ID"]),
        "ATTENDEES_CODES": [f"U{one}" for one in people],
    }
