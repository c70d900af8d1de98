"""tasks.task.* of REST 3.0: numbers, booleans, word statuses, relations by dotted path.

Source: api-reference/tasks/tasks-task-*-rest-v3.md, api-reference/tasks/fields-rest-v3.md @
5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments, v3, work
from bitrix24_agent.emulator.data.task_fields import (
    DEFAULTS,
    PRIORITY_NAMES,
    SORTABLE,
    STATUS_NAMES,
    task_fields,
)
from bitrix24_agent.emulator.query import Condition, Group
from bitrix24_agent.emulator.refusal import RefusalV3, invalid_object, invalid_request
from bitrix24_agent.emulator.registry import Visit, method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.emulator.fields import Field
    from bitrix24_agent.model import Json, Row

DTO = "TaskDto"
_RELATIONS = {"creator": "CREATED_BY", "responsible": "RESPONSIBLE_ID", "changedBy": "CHANGED_BY"}
_USER = ("id", "name", "role", "image", "gender", "email", "externalAuthId", "rights")
_TYPES = {"integer": "int", "user": "int", "boolean": "bool", "datetime": "DateTime"}


@method("tasks.task.list", scope="tasks", version=3)
def task_list(visit: Visit) -> Json:
    """Tasks of the acting user; only ``id`` may be filtered by and only ``id`` comes unasked."""
    where = v3.filter_of(visit.params.get("filter"), _filterable, DTO)
    if not visit.is_admin:
        mine = tuple(
            Condition(field=name, op="=", value=visit.user_id)
            for name in ("CREATED_BY", "RESPONSIBLE_ID", "ACCOMPLICES", "AUDITORS")
        )
        where = Group(parts=(where, Group(parts=mine, any_of=True)))
    order = v3.order_of(visit.params.get("order"), _sortable)
    window = v3.window_of(visit.params.get("pagination"))
    select = v3.select_of(visit.params) or ["id"]
    rows = v3.listed(visit.world.tasks, where, order, window)
    return {"items": [shown(visit, row, select) for row in rows]}


@method("tasks.task.get", scope="tasks", version=3)
def task_get(visit: Visit) -> Json:
    """One task; related objects only when ``select`` names their fields."""
    key = v3.need_int(visit.params, "id")
    select = v3.select_of(visit.params)
    row = visit.world.tasks.get(key)
    if row is None:
        raise RefusalV3("ENTITYNOTFOUNDEXCEPTION", f"Record with ID = `{key}` not found")
    if not work.may_read(visit, row):
        raise RefusalV3("ACCESSDENIEDEXCEPTION", "Access denied", status=403)
    return {"item": shown(visit, row, select)}


@method("tasks.task.add", scope="tasks", version=3, writes=True)
def task_add(visit: Visit) -> Json:
    """A new task; the answer is the whole of it."""
    values = _values(visit, fresh=True)
    missing = [
        (field.item, f"Required field `{field.item}` is missing")
        for name in ("TITLE", "CREATED_BY", "RESPONSIBLE_ID")
        if values.get((field := task_fields().by_name[name]).name) is None
    ]
    if missing:
        raise invalid_object(*missing)
    if visit.world.active_user(values["CREATED_BY"]) is None:
        raise invalid_object(("creatorId", ""))
    _refuse(visit, values, own_id=None)
    return {"item": shown(visit, work.create(visit.world, values, visit.user_id), None)}


@method("tasks.task.update", scope="tasks", version=3, writes=True)
def task_update(visit: Visit) -> Json:
    """Changed fields."""
    key = v3.need_int(visit.params, "id")
    values = _values(visit, fresh=False)
    row = visit.world.tasks.get(key)
    if row is None or not work.may_edit(visit, row):
        raise RefusalV3("ACCESSDENIEDEXCEPTION", "Access denied", status=403)
    _refuse(visit, values, own_id=key)
    work.change(visit.world, key, values, visit.user_id)
    return {"result": True}


@method("tasks.task.delete", scope="tasks", version=3, writes=True)
def task_delete(visit: Visit) -> Json:
    """Gone."""
    key = v3.need_int(visit.params, "id")
    row = visit.world.tasks.get(key)
    if row is None or not work.may_delete(visit, row):
        raise RefusalV3("ACCESSDENIEDEXCEPTION", "Access denied", status=403)
    work.delete(visit.world, key)
    return {"result": True}


@method("tasks.task.field.list", scope="tasks", version=3)
def field_list(_visit: Visit) -> Json:
    """Descriptions of the fields."""
    return {
        "items": [
            {
                "name": field.item,
                "type": _TYPES.get(field.type, field.type),
                "title": field.title,
                "description": "",
                "validationRules": [],
                "requiredGroups": ["add"]
                if field.item in ("title", "creatorId", "responsibleId")
                else [],
                "filterable": field.item == "id",
                "sortable": field.item in SORTABLE,
                "editable": not field.read_only and field.item != "creatorId",
                "multiple": field.multiple,
                "elementType": None,
            }
            for field in task_fields().universal
        ]
    }


def _filterable(name: str) -> Field | None:
    field = task_fields().by_item.get(name) if name[:1].islower() else None
    if field is not None and name != "id":
        text = (
            f"In DTO `{DTO}`, the `{name}` field requires the `Filterable` attribute "
            "for such a request"
        )
        raise invalid_request((name, text))
    return field


def _sortable(name: str) -> Field | None:
    return task_fields().by_item.get(name) if name in SORTABLE else None


def _values(visit: Visit, *, fresh: bool) -> dict[str, Json]:
    given = visit.params.get("fields")
    if given is None or given == {} or given == []:
        raise invalid_request(("fields", "Required field `fields` is missing"))
    if not isinstance(given, dict):
        raise invalid_request(
            ("fields", "Field `fields` requires data type `array` for this request")
        )
    values: dict[str, Json] = {}
    problems: list[tuple[str, str]] = []
    for name, value in given.items():
        field = task_fields().by_item.get(name) if name[:1].islower() else None
        if field is None:
            continue
        if field.read_only or (name == "creatorId" and not fresh):
            problems.append(
                (
                    name,
                    f"In DTO `{DTO}`, the field `{name}` requires the presence of the `Editable` "
                    "attribute for such a request",
                )
            )
            continue
        try:
            values[field.name] = _parsed(field, value)
        except (TypeError, ValueError):
            kind = _TYPES.get(field.type, "array" if field.multiple else "string")
            problems.append((name, f"Field `{name}` requires data type `{kind}` for this request"))
    if problems:
        raise invalid_request(*problems)
    return values


def _parsed(field: Field, value: Json) -> Json:
    if value is None:
        return DEFAULTS.get(field.name)
    if field.multiple:
        if not isinstance(value, list):
            raise TypeError
        return [one["id"] if isinstance(one, dict) else one for one in value]
    if field.name in ("STATUS", "PRIORITY"):
        names = STATUS_NAMES if field.name == "STATUS" else PRIORITY_NAMES
        return (
            {word: number for number, word in names.items()}[value]
            if value in names.values()
            else _no()
        )
    kind = field.type
    if kind in ("integer", "user"):
        return value if isinstance(value, int) and not isinstance(value, bool) else _no()
    if kind == "boolean":
        return ("Y" if value in (True, "Y") else "N") if value in (True, False, "Y", "N") else _no()
    if not isinstance(value, str):
        raise TypeError
    if kind == "datetime":
        moment = moments.parse(value)
        return moment if moment is not None else _no()
    return value


def _no() -> Json:
    raise TypeError


def _refuse(visit: Visit, values: Mapping[str, Json], *, own_id: int | None) -> None:
    found = work.problem(visit.world, values, own_id=own_id)
    if found is not None:
        raise invalid_object((task_fields().by_name[found[0]].item, found[1]))


def shown(visit: Visit, row: Row, select: list[str] | None) -> Row:
    """Return a task as version 3 writes it.

    Raises:
        RefusalV3: ``select`` names an unknown field of a related object; an unknown own field is
            left out.
    """
    plain = {name for name in select or () if "." not in name}
    task: Row = {}
    for field in task_fields().universal:
        if select is None or field.item in plain:
            task[field.item] = _value(field, row.get(field.name, DEFAULTS.get(field.name)))
    if select is None or "checklist" in plain:
        task["checklist"] = visit.world.checklist.keys_where(TASK_ID=row["ID"])
    if select is None or "link" in plain:
        task["link"] = f"/company/personal/user/{visit.user_id}/tasks/task/view/{row['ID']}/"
    if select is None or "rights" in plain:
        task["rights"] = {
            "read": True,
            "edit": work.may_edit(visit, row),
            "remove": work.may_delete(visit, row),
        }
    for name in select or ():
        head, dot, rest = name.partition(".")
        if dot and head in _RELATIONS:
            task.setdefault(head, {})[rest] = _related(visit, row, head, rest)
    return task


def _related(visit: Visit, row: Row, relation: str, name: str) -> Json:
    if name not in _USER:
        raise RefusalV3(
            "UNKNOWNDTOPROPERTYEXCEPTION", f"Unknown field `{name}` for entity `UserDto`"
        )
    user = visit.world.user(row.get(_RELATIONS[relation]) or 0) or {}
    full = f"{user.get('NAME', '')} {user.get('LAST_NAME', '')}".strip()
    known = {"id": user.get("ID"), "name": full, "email": user.get("EMAIL")}
    return known.get(name)


def _value(field: Field, value: Json) -> Json:
    if field.name == "STATUS":
        return STATUS_NAMES.get(value, "pending")
    if field.name == "PRIORITY":
        return PRIORITY_NAMES.get(value, "average")
    if field.type == "boolean":
        return value == "Y"
    if field.type == "datetime":
        return moments.iso(value) if value else None
    if field.name == "UF_TASK_WEBDAV_FILES":
        return [int(str(one).lstrip("n")) for one in value] or None
    if field.name in ("STAGE_ID", "GROUP_ID", "CLOSED_BY") and not value:
        return None
    return value
