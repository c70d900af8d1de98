"""Bindings of an application and its offline queue.

Source: api-reference/events/*.md @ 5988ed13; all but ``events`` want an application.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import filters
from bitrix24_agent.emulator.family import Kind, admin_only
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.happenings import EVENTS
from bitrix24_agent.emulator.query import Condition, Group, matching
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, as_map, is_yes, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

QUEUE = Kind(
    table="event_queue",
    camel=False,
    fields=parse_fields("""
ID               | integer  | ro | | ID
TIMESTAMP_X      | datetime | ro | | Since
EVENT_NAME       | string   | ro | | Event
EVENT_DATA       | any      | ro | | What happened
EVENT_ADDITIONAL | any      | ro | | More
MESSAGE_ID       | string   | ro | | Object
PROCESS_ID       | string   | ro | | Reserved by
ERROR            | integer  | ro | | Marked as an error
"""),
)
_ADMIN = admin_only("ACCESS_DENIED", "Access denied!", 403)


@method("events")
def events(visit: Visit) -> Json:
    """Names of the events the credential's scopes show, or of one scope, or of all."""
    wanted = visit.param("SCOPE")
    return [
        name
        for name, scope in EVENTS.items()
        if (scope == wanted if wanted else is_yes(visit.param("FULL")) or not scope)
        or (not wanted and visit.credential.allows((scope,)))
    ]


@method("event.get", application=True)
def event_get(visit: Visit) -> Json:
    """Bindings of the application; the names come in upper case."""
    return [
        {
            "event": row["EVENT"],
            "handler": row["HANDLER"],
            "auth_type": str(row["AUTH_TYPE"]),
            "offline": row["OFFLINE"],
        }
        for row in visit.world.table("bindings")
    ]


@method("event.bind", writes=True, application=True)
def event_bind(visit: Visit) -> Json:
    """Be told about an event at an address, or collect it in the queue."""
    name = str(visit.param("event") or "").upper()
    if name not in EVENTS or not visit.credential.allows((EVENTS[name],) if EVENTS[name] else ()):
        raise Refusal("ERROR_EVENT_NOT_FOUND", "Event not found")
    offline = str(visit.param("event_type") or "online").lower() == "offline"
    if offline and not visit.is_admin:
        text = "Access denied! Offline events binding requires administrator access rights"
        raise Refusal("ACCESS_DENIED", text, 403)
    user = as_int(visit.param("auth_type"), 0)
    if user not in (0, visit.user_id) and not visit.is_admin:
        text = "Access denied! Event binding with AUTH_TYPE requires administrator access rights"
        raise Refusal("ACCESS_DENIED", text, 403)
    handler = "" if offline else str(visit.param("handler") or "")
    if not offline and not handler.startswith(("http://", "https://")):
        raise Refusal("ERROR_ARGUMENT", "Argument 'HANDLER' is null or empty")
    binding: Row = {"EVENT": name, "HANDLER": handler, "OFFLINE": int(offline), "AUTH_TYPE": user}
    table = visit.world.table("bindings")
    if table.keys_where(**binding):
        raise Refusal("ERROR_EVENT_BINDING_EXISTS", "Handler already binded")
    table.add(binding)
    return True


def _where(visit: Visit) -> Group:
    given = as_map(visit.param("filter"), "filter")
    return filters.group_of(given, QUEUE.field, strict=False)


def _record(row: Row, *, whole: bool) -> Row:
    shown = QUEUE.shown(row)
    shown["EVENT_ADDITIONAL"] = row["EVENT_ADDITIONAL"]
    if not whole:
        del shown["PROCESS_ID"], shown["ERROR"]
    return shown


@method("event.offline.list", application=True)
def offline_list(visit: Visit) -> Reply:
    """What waits, reserved records too; nothing is taken."""
    _ADMIN(visit)
    page = QUEUE.page(visit)
    rows = [_record(row, whole=True) for row in page.rows]
    return Reply(result=rows, total=page.total, next=page.next)


@method("event.offline.get", writes=True, application=True)
def offline_get(visit: Visit) -> Json:
    """Take records: they are gone, or with ``clear`` 0 reserved under a process id."""
    _ADMIN(visit)
    clear = as_int(visit.param("clear"), 1) != 0
    process = str(visit.param("process_id") or "")
    error = 1 if is_yes(visit.param("error")) else 0
    own = [
        Condition(field="PROCESS_ID", op="=", value=process),
        Condition(field="ERROR", op="=", value=error),
    ]
    given = visit.param("order")
    order = filters.order_of(given if isinstance(given, dict) else {}, QUEUE.field, strict=False)
    table = QUEUE.rows(visit)
    limit = as_int(visit.param("limit"), 50)
    keys = list(matching(table, Group(parts=(*own, _where(visit))), order))
    keys = keys[: limit if limit > 0 else 50]
    rows = [_record(table.rows[key], whole=False) for key in keys]
    if clear:
        for key in keys:
            table.delete(key)
        return {"process_id": None, "events": rows}
    if not process:
        digits = hashlib.sha256(f"process {visit.world.number('process')}".encode()).hexdigest()
        process = digits[:32]
    for key in keys:
        table.update(key, {"PROCESS_ID": process})
    return {"process_id": process, "events": rows}


@method("event.offline.clear", writes=True, application=True)
def offline_clear(visit: Visit) -> Json:
    """Forget reserved records, all of a process or some of them."""
    _ADMIN(visit)
    process = str(visit.need("process_id"))
    table = QUEUE.rows(visit)
    rows = table.where(PROCESS_ID=process) if process else []
    ids, messages = visit.param("id"), visit.param("message_id")
    if isinstance(ids, list) and ids:
        wanted = {as_int(one, 0) for one in ids}
        rows = [row for row in rows if row["ID"] in wanted]
    elif isinstance(messages, list) and messages:
        rows = [row for row in rows if row["MESSAGE_ID"] in {str(one) for one in messages}]
    for row in rows:
        table.delete(row["ID"])
    return True
