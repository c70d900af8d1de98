"""What the portal tells applications: which events there are, and the offline queue they fill.

Source: api-reference/events/*.md @ 5988ed13; one record an object and event waits in the queue,
however often the object changes.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.emulator.world import World
    from bitrix24_agent.model import Json

_CRM = {1: "LEAD", 2: "DEAL", 3: "CONTACT", 4: "COMPANY"}
_WHAT = ("ADD", "UPDATE", "DELETE")

# event -> scope that shows it
EVENTS: dict[str, str] = {
    **dict.fromkeys(("ONAPPUNINSTALL", "ONAPPINSTALL", "ONAPPUPDATE", "ONAPPPAYMENT"), ""),
    "ONOFFLINEEVENT": "",
    "ONUSERADD": "user",
    **{f"ONCRM{kind}{what}": "crm" for kind in _CRM.values() for what in _WHAT},
    **{f"ONCRMACTIVITY{what}": "crm" for what in _WHAT},
    **{f"ONTASK{what}": "task" for what in _WHAT},
}


def tell(world: World, method: str, params: Mapping[str, Json], result: Json) -> None:
    """Put what *method* has done into the queue, when an application waits for it offline."""
    if not len(world.table("bindings")):
        return
    event, key = _event(method.lower(), {str(k).lower(): v for k, v in params.items()}, result)
    if not event or not world.table("bindings").where(EVENT=event, OFFLINE=1):
        return
    queue = world.table("event_queue")
    message = hashlib.md5(f"{event} {key}".encode(), usedforsecurity=False).hexdigest()
    waiting = queue.where(MESSAGE_ID=message)
    for row in waiting:
        if not row["PROCESS_ID"]:
            queue.delete(row["ID"])
    queue.add(
        {
            "TIMESTAMP_X": world.now(),
            "EVENT_NAME": event,
            "EVENT_DATA": {"FIELDS": {"ID": key}},
            "EVENT_ADDITIONAL": False,
            "MESSAGE_ID": message,
            "PROCESS_ID": "",
            "ERROR": 0,
        }
    )


def _event(method: str, params: Mapping[str, Json], result: Json) -> tuple[str, Json]:
    family, _, what = method.rpartition(".")
    if what.upper() not in _WHAT:
        return "", 0
    key = params.get("id", params.get("taskid"))
    if family == "crm.item":
        kind = _CRM.get(_number(params.get("entitytypeid")), "")
        item = result.get("item") if isinstance(result, dict) else None
        if what == "add" and isinstance(item, dict):
            key = item.get("id")
        return (f"ONCRM{kind}{what.upper()}" if kind else ""), key
    if family == "tasks.task":
        made = result.get("task", result.get("item")) if isinstance(result, dict) else None
        if what == "add" and isinstance(made, dict):
            key = made.get("id")
        return f"ONTASK{what.upper()}", key
    prefix, _, kind = family.rpartition(".")
    if prefix != "crm" or f"ONCRM{kind.upper()}{what.upper()}" not in EVENTS:
        return "", 0
    return f"ONCRM{kind.upper()}{what.upper()}", result if what == "add" else key


def _number(value: Json) -> int:
    return int(value) if str(value).isdigit() else 0
