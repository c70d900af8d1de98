"""The workday of an employee and its records.

Source: api-reference/timeman/base/timeman-{status,settings,open}.md,
api-reference/timeman/record/timeman-record-list.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments, v3
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.refusal import Refusal, RefusalV3, invalid_request
from bitrix24_agent.emulator.registry import Visit, as_int, method

if TYPE_CHECKING:
    from bitrix24_agent.emulator.store import Table
    from bitrix24_agent.model import Json, Row

RECORD = parse_fields("""
ID      | integer  | ro | id        | ID
USER_ID | integer  | ro | userId    | Employee
START   | datetime | ro | startTime | Began
FINISH  | datetime | ro | endTime   | Ended
LENGTH  | integer  | ro | duration  | Seconds
""")
_LATEST_START = 9 * 3600 + 15 * 60


def _days(visit: Visit) -> Table:
    return visit.world.table("workdays")


def _employee(visit: Visit) -> int:
    wanted = as_int(visit.param("USER_ID"), visit.user_id)
    if visit.world.active_user(wanted) is None:
        raise Refusal("", "User not found")
    if wanted != visit.user_id and not visit.is_admin:
        raise Refusal("", "Access denied")
    return wanted


def _last(visit: Visit, user: int) -> Row | None:
    rows = _days(visit).where(USER_ID=user)
    return rows[-1] if rows else None


def _state(visit: Visit, row: Row) -> str:
    if row.get("FINISH") is not None:
        return "CLOSED"
    if row["START"] < moments.midnight(visit.world.now()):
        return "EXPIRED"
    return "PAUSED" if row.get("PAUSED") else "OPENED"


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"


def _shown(visit: Visit, row: Row | None) -> Row:
    if row is None:
        return {"STATUS": "CLOSED", "TIME_START": None, "TIME_FINISH": None, "ACTIVE": False}
    state, finish = _state(visit, row), row.get("FINISH")
    found: Row = {
        "STATUS": state,
        "TIME_START": moments.iso(row["START"]),
        "TIME_FINISH": moments.iso(finish) if finish is not None else None,
        "DURATION": _clock(finish - row["START"] if finish is not None else 0),
        "TIME_LEAKS": _clock(row.get("LEAKS", 0)),
        "ACTIVE": True,
        "IP_OPEN": "",
        "IP_CLOSE": "" if finish is not None else None,
        "LAT_OPEN": row.get("LAT", 0),
        "LON_OPEN": row.get("LON", 0),
        "LAT_CLOSE": 0,
        "LON_CLOSE": 0,
        "TZ_OFFSET": 10800,
    }
    if state == "EXPIRED":
        found["TIME_FINISH_DEFAULT"] = moments.iso(row["START"] + 9 * 3600)
    return found


@method("timeman.status", scope="timeman")
def status(visit: Visit) -> Json:
    """The current workday."""
    return _shown(visit, _last(visit, _employee(visit)))


@method("timeman.settings", scope="timeman")
def settings(visit: Visit) -> Json:
    """The rules of the workday; ``ADMIN`` only for oneself."""
    user = _employee(visit)
    found: Row = {
        "UF_TIMEMAN": True,
        "UF_TM_FREE": False,
        "UF_TM_MAX_START": _clock(_LATEST_START),
        "UF_TM_MIN_FINISH": "17:45:00",
        "UF_TM_MIN_DURATION": "08:00:00",
        "UF_TM_ALLOWED_DELTA": "00:15:00",
    }
    return found | ({"ADMIN": visit.is_admin} if user == visit.user_id else {})


@method("timeman.open", scope="timeman", writes=True)
def open_day(visit: Visit) -> Json:
    """Begin the day, or go on with one that is paused or was closed today."""
    user = _employee(visit)
    now = visit.world.now()
    given = visit.param("TIME")
    begin = moments.parse(str(given)) if given else now
    if begin is None or moments.midnight(begin) != moments.midnight(now):
        text = "Day open date should correspond to the current date"
        raise Refusal("WRONG_DATETIME", text)
    row = _last(visit, user)
    state = _state(visit, row) if row else "CLOSED"
    if row is not None and state == "EXPIRED":
        raise Refusal("", "The previous workday is not closed")
    if row is not None and state == "PAUSED" and given:
        raise Refusal("TIME", "Unable to set time, work day is paused")
    if row is None or row["START"] < moments.midnight(now):
        where = {"LAT": _number(visit.param("LAT")), "LON": _number(visit.param("LON"))}
        key = _days(visit).add({"USER_ID": user, "START": begin, "FINISH": None, **where})
        return _shown(visit, _days(visit).rows[key])
    return _shown(visit, _days(visit).update(row["ID"], {"FINISH": None, "PAUSED": False}))


def _number(value: Json) -> float:
    try:
        return float(str(value or 0))
    except ValueError:
        return 0.0


@method("timeman.record.list", scope="timeman", version=3)
def record_list(visit: Visit) -> Json:
    """Workdays of one employee; the filter must name him."""
    given = visit.params.get("filter")
    named = [
        part[-1]
        for part in (given if isinstance(given, list) else ())
        if isinstance(part, list) and len(part) in (2, 3) and part[0] == "userId"
    ]
    if not named:
        raise invalid_request(("filter.userId", "Required field `filter.userId` is not specified"))
    if len({str(one) for one in named}) > 1 or isinstance(named[0], list):
        raise RefusalV3(
            "INVALIDFILTEREXCEPTION", "Several different `userId` values were given in one request"
        )
    if as_int(named[0], 0) != visit.user_id and not visit.is_admin:
        raise RefusalV3("ACCESSDENIEDEXCEPTION", "Access denied", status=403)
    select = v3.select_of(visit.params)
    where = v3.filter_of(given, RECORD.by_item.get, "RecordDto")
    order = v3.order_of(visit.params.get("order"), RECORD.by_item.get)
    rows = v3.listed(_days(visit), where, order, v3.window_of(visit.params.get("pagination")))
    return {"items": [_record(row, select) for row in rows]}


def _record(row: Row, select: list[str] | None) -> Row:
    ended = row.get("FINISH")
    values = {**row, "LENGTH": ended - row["START"] if ended is not None else 0}
    return {
        field.item: field.item_value(values.get(field.name))
        for field in RECORD.fields
        if select is None or field.item in select
    }
