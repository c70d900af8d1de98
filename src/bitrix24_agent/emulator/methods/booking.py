"""Bookable resources, bookings and the waiting list.

Source: api-reference/booking/**/*.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator.family import Kind, sent
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, as_int, as_map, method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.model import Json, Row

RESOURCE = Kind(
    table="booking_resources",
    fields=parse_fields("""
DESCRIPTION | string  |    | description | Description
ID          | integer | ro | id          | ID
IS_MAIN     | char    |    | isMain      | Shown in the grid
NAME        | string  |    | name        | Name
TYPE_ID     | integer |    | typeId      | Kind
"""),
)
_WORDS = {"isReminderNotificationOn": "Y", "isConfirmationNotificationOn": "Y"}


@method("booking.v1.resource.list", scope="booking")
def resource_list(visit: Visit) -> Json:
    """Resources; ``searchQuery`` looks into the names, the key of the answer is singular."""
    given = dict(as_map(visit.param("FILTER"), "FILTER"))
    asked = given.pop("searchQuery", "")
    words = [str(one).casefold() for one in (asked if isinstance(asked, list) else [asked])]
    found = RESOURCE.page(visit, given=given)
    rows = [row for row in found.rows if all(word in row["NAME"].casefold() for word in words)]
    return {"resource": [RESOURCE.shown(row) | _WORDS for row in rows]}


@method("booking.v1.resource.slots.list", scope="booking")
def slots_list(visit: Visit) -> Json:
    """Working hours of a resource, in minutes of the day."""
    key = as_int(visit.need("resourceId"), 0)
    RESOURCE.need(visit, key, Refusal(1009, "Resource not found"))
    rows = visit.world.table("booking_slots").where(RESOURCE_ID=key)
    return {
        "slots": [
            {
                "from": row["FROM"],
                "id": row["ID"],
                "slotSize": row["SIZE"],
                "timezone": row["TIMEZONE"],
                "to": row["TO"],
                "weekDays": list(row["DAYS"]),
            }
            for row in rows
        ]
    }


def _shown(row: Row) -> Row:
    return {
        "datePeriod": {
            "from": {"timestamp": row["FROM"], "timezone": row["TIMEZONE"]},
            "to": {"timestamp": row["TO"], "timezone": row["TIMEZONE"]},
        },
        "description": row.get("DESCRIPTION"),
        "id": row["ID"],
        "name": row.get("NAME"),
        "resourceIds": list(row["RESOURCES"]),
    }


@method("booking.v1.booking.list", scope="booking")
def booking_list(visit: Visit) -> Json:
    """Bookings, of a period when ``within`` says so."""
    within = as_map(visit.param("FILTER"), "FILTER").get("within")
    rows = list(visit.world.table("bookings"))
    if within is not None:
        bounds = as_map(within, "within")
        if "dateFrom" not in bounds or "dateTo" not in bounds:
            raise Refusal(0, "Required fields: dateFrom, dateTo")
        first, last = as_int(bounds["dateFrom"], 0), as_int(bounds["dateTo"], 0)
        if not 0 < first < last:
            raise Refusal(422, "Invalid date period")
        rows = [row for row in rows if row["FROM"] < last and row["TO"] > first]
    return {"booking": [_shown(row) for row in rows]}


@method("booking.v1.booking.get", scope="booking")
def booking_get(visit: Visit) -> Json:
    """One booking."""
    return {"booking": _shown(_booking(visit, "id", 1021))}


def _booking(visit: Visit, name: str, code: int) -> Row:
    row = visit.world.table("bookings").get(as_int(visit.need(name), 0))
    if row is None:
        raise Refusal(code, "Booking not found")
    return row


@method("booking.v1.booking.add", scope="booking", writes=True)
def booking_add(visit: Visit) -> Json:
    """A booking of free resources."""
    return {"id": _book(visit, sent(visit), 1018, "Empty resource collection")}


def _book(visit: Visit, given: Mapping[str, Json], code: int, text: str) -> int:
    missing = [name for name in ("resourceIds", "datePeriod") if not given.get(name)]
    if missing:
        raise Refusal(0, f"Required fields: {', '.join(missing)}")
    values = _values(given)
    if not _free(visit, values, own_id=0):
        raise Refusal(code, text)
    return visit.world.table("bookings").add({"NAME": None, "CLIENTS": [], **values})


def _values(given: Mapping[str, Json]) -> Row:
    values: Row = {}
    for name in ("name", "description"):
        if name in given:
            values[name.upper()] = None if given[name] is None else str(given[name])
    if "resourceIds" in given:
        ids = given["resourceIds"]
        values["RESOURCES"] = [as_int(one, 0) for one in (ids if isinstance(ids, list) else [ids])]
    if "datePeriod" in given:
        period = given["datePeriod"]
        given_ends = [period.get(one) for one in ("from", "to")] if isinstance(period, dict) else []
        ends: list[dict[str, Json]] = [one for one in given_ends if isinstance(one, dict)]
        if len(ends) != 2:
            raise Refusal(422, "Invalid date period")
        values["FROM"], values["TO"] = (as_int(one.get("timestamp"), 0) for one in ends)
        values["TIMEZONE"] = str(ends[0].get("timezone") or "UTC")
        if not 0 < values["FROM"] < values["TO"]:
            raise Refusal(422, "Invalid date period")
    return values


def _free(visit: Visit, values: Row, *, own_id: int) -> bool:
    """Return whether the resources exist and nobody else has them in that time."""
    wanted = set(values["RESOURCES"])
    if not wanted or any(RESOURCE.find(visit, one) is None for one in wanted):
        return False
    return not any(
        row["ID"] != own_id
        and wanted & set(row["RESOURCES"])
        and row["FROM"] < values["TO"]
        and row["TO"] > values["FROM"]
        for row in visit.world.table("bookings")
    )


@method("booking.v1.booking.update", scope="booking", writes=True)
def booking_update(visit: Visit) -> Json:
    """Other resources, another time, another name."""
    row = _booking(visit, "id", 1019)
    values = _values(sent(visit))
    if not _free(visit, {**row, **values}, own_id=row["ID"]):
        raise Refusal(1018, "Empty resource collection")
    visit.world.table("bookings").update(row["ID"], values)
    return True


def _clients(given: Json) -> list[Json]:
    found: list[Json] = []
    for one in given if isinstance(given, list) else ():
        kind = one.get("type") if isinstance(one, dict) else None
        if not isinstance(kind, dict) or not one.get("id"):
            raise Refusal(0, "Required fields: id, type")
        key = as_int(one["id"], 0)
        kept = {"code": str(kind.get("code")), "module": str(kind.get("module"))}
        found.append({"id": key, "type": kept})
    return found


@method("booking.v1.booking.client.set", scope="booking", writes=True)
def client_set(visit: Visit) -> Json:
    """Exactly these clients from now on."""
    row = _booking(visit, "bookingId", 1021)
    clients = _clients(visit.need("clients"))
    visit.world.table("bookings").update(row["ID"], {"CLIENTS": clients})
    return True


@method("booking.v1.booking.client.list", scope="booking")
def client_list(visit: Visit) -> Json:
    """The clients of a booking."""
    return {"bookingClient": list(_booking(visit, "bookingId", 1021).get("CLIENTS") or [])}


# --- waiting list ---------------------------------------------------------------------------------


def _waiting(visit: Visit, code: int, text: str) -> Row:
    row = visit.world.table("waiting").get(as_int(visit.need("waitListId"), 0))
    if row is None:
        raise Refusal(code, text)
    return row


@method("booking.v1.waitlist.list", scope="booking")
def waitlist_list(visit: Visit) -> Json:
    """Who waits."""
    rows = visit.world.table("waiting")
    return {"waitList": [{"id": row["ID"], "note": row.get("NOTE")} for row in rows]}


@method("booking.v1.waitlist.client.list", scope="booking")
def waitlist_clients(visit: Visit) -> Json:
    """The clients of an entry."""
    return {"waitListClient": list(_waiting(visit, 1040, "Wait list not found")["CLIENTS"])}


@method("booking.v1.booking.createfromwaitlist", scope="booking", writes=True)
def from_waitlist(visit: Visit) -> Json:
    """A booking for somebody who waits; the entry leaves the list."""
    text = "wait list item not found"
    row = _waiting(visit, 1038, text)
    key = _book(visit, sent(visit), 1038, text)
    visit.world.table("bookings").update(key, {"CLIENTS": row["CLIENTS"]})
    visit.world.table("waiting").delete(row["ID"])
    return key
