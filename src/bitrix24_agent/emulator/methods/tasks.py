"""tasks.task.* of version 2: string ids, lower-case orders, error "0" and "100".

Source: api-reference/tasks/tasks-task-*.md, api-reference/tasks/status/*.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import filters, moments, work
from bitrix24_agent.emulator.data.task_fields import DEFAULTS, task_fields
from bitrix24_agent.emulator.fields import BadValue, camel
from bitrix24_agent.emulator.query import Condition, Group, page
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, method

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bitrix24_agent.emulator.fields import Field
    from bitrix24_agent.model import Json, Row

_NO_ID = "CTaskItem All parameters in the constructor must have real class type (internal error)"
_NOT_ALLOWED = "Action on the task is not allowed (internal error)"
# Filter names that are not field names. Source: api-reference/tasks/tasks-task-list.md @ 5988ed13
_ALIASES = {
    "REAL_STATUS": "STATUS",
    "ACCOMPLICE": "ACCOMPLICES",
    "AUDITOR": "AUDITORS",
    "TAG": "TAGS",
}


def _field_of(name: str) -> Field | None:
    upper = name.upper()
    return task_fields().by_name.get(_ALIASES.get(upper, upper))


def _classic() -> tuple[Field, ...]:
    return task_fields().classic


def _row(visit: Visit, *, allowed: Callable[[Visit, Row], bool], code: str, text: str) -> Row:
    given = visit.param("taskId")
    if given is None or given == "":
        raise Refusal("100", _NO_ID)
    if not str(given).isdigit() or int(given) <= 0:
        raise Refusal("0", "wrong task id")
    row = visit.world.tasks.get(int(given))
    if row is None or not allowed(visit, row):
        raise Refusal(code, text)
    return row


def _object(value: Json, name: str) -> Mapping[str, Json]:
    if value in (None, "", []):
        return {}
    if not isinstance(value, dict):
        raise Refusal(
            "100",
            f"Invalid value {{}} to match with parameter {{{name}}}. "
            "Should be value of type array. (internal error)",
        )
    return value


@method("tasks.task.list", scope="task")
def task_list(visit: Visit) -> Reply:
    """Tasks the acting user takes part in, newest first unless ordered."""
    given = _object(visit.param("filter"), "filter")
    plain = {k: v for k, v in given.items() if not str(k).startswith("::")}
    where = filters.group_of(plain, _field_of, strict=False)
    if not visit.is_admin:
        mine = tuple(
            Condition(field=name, op="=", value=visit.user_id)
            for name in ("CREATED_BY", "RESPONSIBLE_ID", "ACCOMPLICES", "AUDITORS")
        )
        where = Group(parts=(where, Group(parts=mine, any_of=True)))
    order = []
    for name, way in (_object(visit.param("order"), "order") or {"ID": "desc"}).items():
        field = _field_of(str(name))
        if field is None:
            raise Refusal("0", "Invalid sorting key (internal error)")
        order.append((field.name, str(way).lower().startswith("desc")))
    found = page(visit.world.tasks, where, order, start=visit.start())
    select = visit.param("select")
    rows = [shown(visit, row, select if isinstance(select, list) else None) for row in found.rows]
    return Reply(result={"tasks": rows}, total=found.total or 0, next=found.next)


@method("tasks.task.get", scope="task")
def task_get(visit: Visit) -> Json:
    """One task with what may be done to it."""
    select = visit.param("select")
    if select is not None and (not isinstance(select, list) or not select):
        raise Refusal(
            "100",
            "Invalid value {} to match with parameter {select}. "
            "Should be value of type array. (internal error)",
        )
    row = _row(
        visit, allowed=work.may_read, code="1048582", text="Task not found or not accessible"
    )
    return {"task": shown(visit, row, select) | {"action": _actions(visit, row)}}


@method("tasks.task.add", scope="task", writes=True)
def task_add(visit: Visit) -> Json:
    """A new task; the answer is the whole of it."""
    values = _values(visit, own_id=None)
    if not values.get("TITLE"):
        raise Refusal("ERROR_CORE", "Task title is not specified<br>")
    if not values.get("RESPONSIBLE_ID"):
        raise Refusal("ERROR_CORE", "Responsible person not specified<br>")
    return _whole(visit, work.create(visit.world, values, visit.user_id))


@method("tasks.task.update", scope="task", writes=True)
def task_update(visit: Visit) -> Json:
    """Changed fields; the answer is the whole task."""
    row = _row(visit, allowed=work.may_edit, code="0", text=_NOT_ALLOWED)
    values = _values(visit, own_id=row["ID"])
    return _whole(visit, work.change(visit.world, row["ID"], values, visit.user_id))


@method("tasks.task.delete", scope="task", writes=True)
def task_delete(visit: Visit) -> Json:
    """Gone with its checklist and comments."""
    row = _row(visit, allowed=work.may_delete, code="1048582", text="No access to delete the task")
    work.delete(visit.world, row["ID"])
    return {"task": True}


@method("tasks.task.delegate", scope="task", writes=True)
def task_delegate(visit: Visit) -> Json:
    """Hand the task to another assignee."""
    row = _row(visit, allowed=work.may_edit, code="0", text=_NOT_ALLOWED)
    target = as_int(visit.need("userId"), 0)
    if visit.world.active_user(target) is None:
        raise Refusal("0", _NOT_ALLOWED)
    return _whole(
        visit, work.change(visit.world, row["ID"], {"RESPONSIBLE_ID": target}, visit.user_id)
    )


def _move(name: str, status: int, from_: frozenset[int]) -> None:
    @method(f"tasks.task.{name}", scope="task", writes=True)
    def move(visit: Visit) -> Json:
        code = "1048582" if name == "renew" else "0"
        row = _row(
            visit, allowed=work.may_edit, code=code, text="Action on the task is not allowed"
        )
        if visit.world.tasks.value(row, "STATUS") not in from_:
            raise Refusal(code, "Action on the task is not allowed")
        controlled = status == work.DONE and row.get("TASK_CONTROL") == "Y"
        target = work.TO_ACCEPT if controlled and row.get("CREATED_BY") != visit.user_id else status
        return _whole(visit, work.change(visit.world, row["ID"], {"STATUS": target}, visit.user_id))


_move("start", work.AT_WORK, frozenset({work.PENDING, work.DEFERRED}))
_move("pause", work.PENDING, frozenset({work.AT_WORK}))
_move("complete", work.DONE, frozenset({work.PENDING, work.AT_WORK, work.DEFERRED}))
_move("defer", work.DEFERRED, frozenset({work.PENDING, work.AT_WORK}))
_move("renew", work.PENDING, frozenset({work.DONE, work.TO_ACCEPT, work.DEFERRED}))
_move("approve", work.DONE, frozenset({work.TO_ACCEPT}))
_move("disapprove", work.PENDING, frozenset({work.TO_ACCEPT}))


def _values(visit: Visit, *, own_id: int | None) -> dict[str, Json]:
    given = visit.param("fields")
    if not isinstance(given, dict) or not given:
        raise Refusal("100", "Could not find value for parameter {fields} (internal error)")
    values: dict[str, Json] = {}
    for name, value in given.items():
        field = task_fields().by_name.get(str(name).upper())
        if field is None or not field.classic or field.read_only:
            continue
        try:
            values[field.name] = field.parse(value)
        except BadValue:
            raise Refusal("ERROR_CORE", f'Invalid value of the field "{field.title}"<br>') from None
    found = work.problem(visit.world, values, own_id=own_id)
    if found is not None:
        raise Refusal("ERROR_CORE", f"{found[1]}<br>")
    return values


def _whole(visit: Visit, row: Row) -> Json:
    task = shown(visit, row, None) | {
        "newCommentsCount": 0,
        "action": _actions(visit, row),
        "checkListCanAdd": True,
    }
    return {"task": task}


def shown(visit: Visit, row: Row, select: Iterable[Json] | None) -> Row:
    """Return a task as version 2 writes it: camelCase keys, ids as text, empty maps as ``[]``."""
    wanted = {str(name).upper() for name in select} if select else {"*"}
    everything = "*" in wanted
    task: Row = {}
    for field in _classic():
        if everything and field.name.startswith(("UF_", "TAGS")) and field.name not in wanted:
            continue
        if everything or field.name in wanted or field.name == "ID":
            task[camel(field.name)] = _text(field, row.get(field.name, DEFAULTS.get(field.name)))
    task["group"] = []
    world = visit.world
    if everything or "CREATED_BY" in wanted:
        task["creator"] = _person(world.user(row["CREATED_BY"]))
    if everything or "RESPONSIBLE_ID" in wanted:
        task["responsible"] = _person(world.user(row["RESPONSIBLE_ID"]))
    for name in ("ACCOMPLICES", "AUDITORS"):
        if everything or name in wanted:
            people = {str(one): _person(world.user(one)) for one in row.get(name, ())}
            task[f"{name.lower()}Data"] = people or []
    if everything or "STATUS" in wanted:
        task["subStatus"] = _sub_status(visit, row)
    if "checklist" in task:
        task["checklist"] = [str(one) for one in world.checklist.keys_where(TASK_ID=row["ID"])]
    return task


def _text(field: Field, value: Json) -> Json:
    if isinstance(value, list):
        numbers = field.name == "UF_TASK_WEBDAV_FILES"
        return [int(str(one).lstrip("n")) if numbers else str(one) for one in value]
    if value is None:
        return None
    if field.type == "datetime":
        return moments.iso(value)
    return str(value)


def _sub_status(visit: Visit, row: Row) -> str:
    status = visit.world.tasks.value(row, "STATUS")
    deadline = row.get("DEADLINE")
    overdue = deadline and deadline < visit.world.now() and status in (work.PENDING, work.AT_WORK)
    return "-1" if overdue else str(status)


def _person(user: Row | None) -> Json:
    if user is None:
        return []
    return {
        "id": str(user["ID"]),
        "name": f"{user['NAME']} {user['LAST_NAME']}",
        "link": f"/company/personal/user/{user['ID']}/",
        "icon": "/bitrix/images/tasks/default_avatar.png",
        "workPosition": user.get("WORK_POSITION", ""),
    }


def _actions(visit: Visit, row: Row) -> Mapping[str, bool]:
    status = visit.world.tasks.value(row, "STATUS")
    edit, ended = work.may_edit(visit, row), status in (work.DONE, work.TO_ACCEPT)
    return {
        "accept": False,
        "decline": False,
        "complete": edit and not ended,
        "approve": edit and status == work.TO_ACCEPT,
        "disapprove": edit and status == work.TO_ACCEPT,
        "start": edit and status in (work.PENDING, work.DEFERRED),
        "pause": edit and status == work.AT_WORK,
        "delegate": edit,
        "remove": work.may_delete(visit, row),
        "edit": edit,
        "defer": edit and status in (work.PENDING, work.AT_WORK),
        "renew": edit and ended,
        "create": True,
        "changeDeadline": edit,
        "checklistAddItems": edit,
        "rate": edit,
        "favorite.add": True,
        "favorite.delete": False,
    }
