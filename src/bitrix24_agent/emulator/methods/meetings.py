"""Calendars, free time, invitations and their answers.

Source: api-reference/calendar/calendar-section-get.md, api-reference/calendar/calendar-event/
calendar-{accessibility-get,event-get-by-id,event-get-nearest,meeting-status-*}.md @ 5988ed13
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments
from bitrix24_agent.emulator.methods.calendar import american, event_row, needed
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, as_int, is_yes, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

_DAY = 86400


@method("calendar.section.get", scope="calendar")
def section_get(visit: Visit) -> Json:
    """Calendars of a user, a group or the company."""
    call = "calendar.section.get"
    kind = str(needed(visit, call, "type"))
    owner = as_int(needed(visit, call, "ownerId"), 0)
    rows = visit.world.calendar_sections.where(CAL_TYPE=kind, OWNER_ID=owner)
    own = visit.is_admin or (kind == "user" and owner == visit.user_id)
    return [
        {
            "ID": str(row["ID"]),
            "NAME": row["NAME"],
            "DESCRIPTION": "",
            "COLOR": row["COLOR"],
            "TEXT_COLOR": "",
            "EXPORT": {"ALLOW": True},
            "CAL_TYPE": row["CAL_TYPE"],
            "OWNER_ID": str(row["OWNER_ID"]),
            "CREATED_BY": str(row["OWNER_ID"]),
            "EXTERNAL_TYPE": "local",
            "ACCESS": {f"U{row['OWNER_ID']}": 19},
            "IS_COLLAB": False,
            "PERM": {
                "view_time": True,
                "view_title": True,
                "view_full": own,
                "add": own,
                "edit": own,
                "edit_section": own,
                "access": own,
            },
        }
        for row in rows
    ]


def _people(row: Row) -> list[int]:
    found = [as_int(one, 0) for one in row.get("ATTENDEES") or ()]
    if row["CAL_TYPE"] == "user" and row["OWNER_ID"] not in found:
        found.insert(0, row["OWNER_ID"])
    return found


@method("calendar.accessibility.get", scope="calendar")
def accessibility(visit: Visit) -> Json:
    """When people are busy, under their ids as keys."""
    call = "calendar.accessibility.get"
    first = moments.parse(str(needed(visit, call, "from")))
    last = moments.parse(str(needed(visit, call, "to")))
    users = needed(visit, call, "users")
    if first is None or last is None or not isinstance(users, list):
        raise Refusal("", f'Invalid value for the parameter of the method "{call}"')
    if len(str(visit.param("to"))) == 10:
        last += _DAY - 1
    found: dict[str, Json] = {}
    for user in (as_int(one, 0) for one in users):
        found[str(user)] = [
            _busy(row)
            for row in visit.world.calendar_events
            if user in _people(row) and row["DATE_FROM"] <= last and row["DATE_TO"] >= first
        ]
    return found


def _european(moment: int) -> str:
    return datetime.fromtimestamp(moment, moments.SERVER_ZONE).strftime("%d.%m.%Y %H:%M:%S")


def _busy(row: Row) -> Row:
    return {
        "ID": str(row["ID"]),
        "NAME": row["NAME"],
        "DATE_FROM": _european(row["DATE_FROM"]),
        "DATE_TO": _european(row["DATE_TO"]),
        "DATE_FROM_TS_UTC": str(row["DATE_FROM"]),
        "DATE_TO_TS_UTC": str(row["DATE_TO"]),
        "~USER_OFFSET_FROM": 10800,
        "~USER_OFFSET_TO": 10800,
        "DT_SKIP_TIME": row.get("SKIP_TIME", "N"),
        "TZ_FROM": "Europe/Minsk",
        "TZ_TO": "Europe/Minsk",
        "ACCESSIBILITY": "busy",
        "IMPORTANCE": "normal",
        "EVENT_TYPE": "",
    }


@method("calendar.event.getbyid", scope="calendar")
def event_by_id(visit: Visit) -> Json:
    """One event in full, with who was invited and what they said."""
    key = as_int(needed(visit, "calendar.event.getbyid", "id"), 0)
    row = visit.world.calendar_events.get(key)
    if row is None:
        raise Refusal("", "Event not found")
    return _full(row)


def _full(row: Row) -> Row:
    people = row.get("ATTENDEES") or []
    return event_row(row) | {
        "DATE_CREATE": american(int(row.get("DATE_CREATE") or row["DATE_FROM"])),
        "SECTION_ID": str(row["SECT_ID"]),
        "MEETING_STATUS": _answer(row, row["OWNER_ID"]) if people else None,
        "MEETING_HOST": str(row["OWNER_ID"]) if people else None,
        "ATTENDEE_LIST": [
            {"id": one, "entryId": str(row["ID"]), "status": _answer(row, one)} for one in people
        ],
        "attendeesEntityList": [{"entityId": "user", "id": one} for one in people],
        "COLLAB_ID": None,
        "UF_CRM_CAL_EVENT": False,
    }


def _answer(row: Row, user: int) -> str:
    if row["CAL_TYPE"] == "user" and row["OWNER_ID"] == user:
        return "H"
    said: str = (row.get("ANSWERS") or {}).get(user, "Q")
    return said


@method("calendar.event.get.nearest", scope="calendar")
def nearest(visit: Visit) -> Json:
    """What comes next for the acting user, or for one calendar."""
    now = visit.world.now()
    last = now + as_int(visit.param("days"), 60) * _DAY
    own = is_yes(visit.param("forCurrentUser", True))
    kind, owner = str(visit.param("type") or "user"), as_int(visit.param("ownerId"), 0)
    rows = [
        row
        for row in visit.world.calendar_events
        if row["DATE_TO"] >= now and row["DATE_FROM"] <= last
        if (
            visit.user_id in _people(row)
            if own
            else (row["CAL_TYPE"], row["OWNER_ID"]) == (kind, owner)
        )
    ]
    rows.sort(key=lambda row: int(row["DATE_FROM"]))
    most = as_int(visit.param("maxEventsCount"), 0)
    return [_full(row) for row in (rows[:most] if most > 0 else rows)]


def _invited(visit: Visit, call: str) -> Row:
    key = as_int(needed(visit, call, "eventId"), 0)
    row = visit.world.calendar_events.get(key)
    if row is None or visit.user_id not in (row.get("ATTENDEES") or ()):
        raise Refusal("", "An error occurred while retrieving the status")
    return row


@method("calendar.meeting.status.get", scope="calendar")
def status_get(visit: Visit) -> Json:
    """What the acting user answered to an invitation."""
    return _answer(_invited(visit, "calendar.meeting.status.get"), visit.user_id)


@method("calendar.meeting.status.set", scope="calendar", writes=True)
def status_set(visit: Visit) -> Json:
    """The acting user's answer."""
    call = "calendar.meeting.status.set"
    needed(visit, call, "eventId")
    said = needed(visit, call, "status")
    if said not in ("Q", "Y", "N"):
        raise Refusal("", 'Invalid value for the parameter "status"')
    row = _invited(visit, call)
    answers = {**(row.get("ANSWERS") or {}), visit.user_id: said}
    visit.world.calendar_events.update(row["ID"], {"ANSWERS": answers})
    return True
