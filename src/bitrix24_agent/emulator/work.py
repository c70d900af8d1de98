"""What a task is and who may do what with it: the rules under tasks.task.* of both versions."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.emulator.registry import Visit
    from bitrix24_agent.emulator.world import World
    from bitrix24_agent.model import Json, Row

PENDING, AT_WORK, TO_ACCEPT, DONE, DEFERRED = 2, 3, 4, 5, 6


def members(row: Row) -> set[int]:
    """Return everybody who takes part in a task."""
    found = {row.get("CREATED_BY"), row.get("RESPONSIBLE_ID")}
    return {
        int(one) for one in (*found, *row.get("ACCOMPLICES", ()), *row.get("AUDITORS", ())) if one
    }


def may_read(visit: Visit, row: Row) -> bool:
    """Return whether the acting user sees the task."""
    return visit.is_admin or visit.user_id in members(row)


def may_edit(visit: Visit, row: Row) -> bool:
    """Return whether the acting user may change the task."""
    return visit.is_admin or visit.user_id in (row.get("CREATED_BY"), row.get("RESPONSIBLE_ID"))


def may_delete(visit: Visit, row: Row) -> bool:
    """Return whether the acting user may delete the task."""
    return visit.is_admin or visit.user_id == row.get("CREATED_BY")


def problem(
    world: World, values: Mapping[str, Json], *, own_id: int | None
) -> tuple[str, str] | None:
    """Return (field, text) of the first value a task cannot have, or None."""
    responsible = values.get("RESPONSIBLE_ID")
    if responsible is not None and world.active_user(int(responsible)) is None:
        return "RESPONSIBLE_ID", 'User specified in the "Responsible" field not found'
    parent = values.get("PARENT_ID")
    if parent:
        if parent == own_id:
            return "PARENT_ID", "Cannot bind the node to itself"
        if parent not in world.tasks:
            return "PARENT_ID", 'Task specified in the "Parent Task" field not found'
    status = values.get("STATUS")
    if status is not None and status not in (PENDING, AT_WORK, TO_ACCEPT, DONE, DEFERRED):
        return "STATUS", "Incorrect status"
    start, end = values.get("START_DATE_PLAN"), values.get("END_DATE_PLAN")
    if start and end and end < start:
        return "END_DATE_PLAN", "The end date in scheduling is earlier than the start date"
    return None


def create(world: World, values: Mapping[str, Json], user_id: int) -> Row:
    """Store a new task and return it."""
    now = world.now()
    row: Row = {
        "CREATED_BY": user_id,
        "CHANGED_BY": user_id,
        "CREATED_DATE": now,
        "CHANGED_DATE": now,
        "ACTIVITY_DATE": now,
        "STATUS_CHANGED_DATE": now,
        **{key: value for key, value in values.items() if value is not None},
    }
    key = world.tasks.add(row)
    return world.tasks.update(key, {"GUID": _guid(key)})


def change(world: World, key: int, values: Mapping[str, Json], user_id: int) -> Row:
    """Change a task; a new status stamps its dates."""
    now = world.now()
    changes: Row = {**values, "CHANGED_BY": user_id, "CHANGED_DATE": now, "ACTIVITY_DATE": now}
    before = world.tasks.value(world.tasks.rows[key], "STATUS")
    status = values.get("STATUS", before)
    if status != before:
        changes |= {"STATUS_CHANGED_BY": user_id, "STATUS_CHANGED_DATE": now}
        closed = status in (TO_ACCEPT, DONE)
        changes |= {"CLOSED_BY": user_id if closed else 0, "CLOSED_DATE": now if closed else None}
        if status == AT_WORK:
            changes["DATE_START"] = now
    return world.tasks.update(key, changes)


def delete(world: World, key: int) -> None:
    """Delete a task with its checklist and comments."""
    world.tasks.delete(key)
    for table in (world.checklist, world.task_comments):
        for other in table.keys_where(TASK_ID=key):
            table.delete(other)


def _guid(key: int) -> str:
    digits = hashlib.sha256(f"task {key}".encode()).hexdigest()
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32])
    return "{" + "-".join(parts) + "}"
