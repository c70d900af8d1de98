"""Kanban of groups, Scrum of projects, flows of tasks.

Source: api-reference/tasks/{stages,flow}/*.md, api-reference/sonet-group/scrum/**/*.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import filters, moments, work
from bitrix24_agent.emulator.family import Kind, sent
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.methods.groups import role
from bitrix24_agent.emulator.query import matching
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, as_int, as_map, is_yes, method
from bitrix24_agent.emulator.wire import php_array

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

# Filters are upper case here, answers camelCase.
SPRINT = Kind(
    table="scrum_sprints",
    fields=parse_fields("""
ID          | integer  | ro | id          | ID
GROUP_ID    | integer  |    | groupId     | Group
ENTITY_TYPE | string   | ro | entityType  | Kind
NAME        | string   |    | name        | Name
GOAL        | string   | ro | goal        | Goal
SORT        | integer  |    | sort        | Order
CREATED_BY  | integer  |    | createdBy   | Created by
MODIFIED_BY | integer  |    | modifiedBy  | Changed by
DATE_START  | datetime |    | dateStart   | From
DATE_END    | datetime |    | dateEnd     | To
STATUS      | string   |    | status      | Status
"""),
)
EPIC = Kind(
    table="scrum_epics",
    fields=parse_fields("""
ID          | integer | ro | id          | ID
GROUP_ID    | integer |    | groupId     | Group
NAME        | string  |    | name        | Name
DESCRIPTION | string  |    | description | Description
CREATED_BY  | integer |    | createdBy   | Created by
MODIFIED_BY | integer |    | modifiedBy  | Changed by
COLOR       | string  |    | color       | Color
"""),
)
_STATUSES = ("planned", "active", "completed")


def _member(visit: Visit, group: int) -> bool:
    return visit.is_admin or role(visit, group, visit.user_id) in ("A", "E", "K")


def _scrum(visit: Visit, group: int, text: str) -> None:
    row = visit.world.table("groups").get(group)
    if row is None or not row.get("SCRUM_MASTER_ID"):
        raise Refusal(0, text)
    if not _member(visit, group):
        raise Refusal(0, "Access denied")


def _scrum_list(visit: Visit, kind: Kind) -> Json:
    """Return what fits; finding nothing is an error in this family."""
    given = as_map(visit.param("filter"), "filter")
    field_of = kind.fields.by_name.get
    where = filters.group_of(given, field_of, strict=False)
    order = filters.order_of(as_map(visit.param("order"), "order"), field_of, strict=False)
    table = kind.rows(visit)
    start = max(visit.start(), 0)
    rows = [table.rows[key] for key in matching(table, where, order)]
    rows = [row for row in rows if _member(visit, row["GROUP_ID"])][start : start + 50]
    if not rows:
        raise Refusal(0, "Could not load list")
    return [kind.shown(row) for row in rows]


@method("tasks.api.scrum.sprint.list", scope="task")
def sprint_list(visit: Visit) -> Json:
    """Sprints."""
    return _scrum_list(visit, SPRINT)


@method("tasks.api.scrum.epic.list", scope="task")
def epic_list(visit: Visit) -> Json:
    """Epics."""
    return _scrum_list(visit, EPIC)


@method("tasks.api.scrum.backlog.get", scope="task")
def backlog_get(visit: Visit) -> Json:
    """The backlog of a group; tasks stand in it under its own id."""
    group = as_int(visit.param("id"), 0)
    if group <= 0:
        raise Refusal(0, "Group id not found")
    _scrum(visit, group, "Backlog not found")
    return {"id": _backlog(group), "groupId": group, "createdBy": 1, "modifiedBy": 1}


def _backlog(group: int) -> int:
    """Return the entity id of a group's backlog: sprints count from 1, backlogs from 5001."""
    return 5000 + group


@method("tasks.api.scrum.sprint.add", scope="task", writes=True)
def sprint_add(visit: Visit) -> Json:
    """A new sprint."""
    given = sent(visit)
    _scrum(visit, as_int(given.get("groupId"), 0), "Sprint not created")
    if not given.get("name"):
        raise Refusal(0, "Sprint not created")
    for name in ("dateStart", "dateEnd"):
        if given.get(name) and moments.parse(str(given[name])) is None:
            raise Refusal(0, f"Incorrect {name} format")
    maker = as_int(given.get("createdBy"), visit.user_id)
    if visit.world.active_user(maker) is None:
        raise Refusal(0, "createdBy user not found")
    status = str(given.get("status") or "planned")
    if status not in _STATUSES:
        raise Refusal(0, "Sprint not created")
    now = visit.world.now()
    start = moments.parse(str(given["dateStart"])) if given.get("dateStart") else now
    end = moments.parse(str(given["dateEnd"])) if given.get("dateEnd") else now + 14 * 86400
    table = SPRINT.rows(visit)
    key = table.add(
        {
            "GROUP_ID": as_int(given["groupId"], 0),
            "ENTITY_TYPE": "sprint",
            "NAME": str(given["name"]),
            "GOAL": "",
            "SORT": as_int(given.get("sort"), 1),
            "CREATED_BY": maker,
            "MODIFIED_BY": maker,
            "DATE_START": start,
            "DATE_END": end,
            "STATUS": status,
        }
    )
    return SPRINT.shown(table.rows[key])


def _sprint(visit: Visit, *names: str) -> Row:
    given = next((visit.param(one) for one in names if visit.param(one) not in (None, "")), None)
    if given is None:
        raise Refusal("100", f"Could not find value for parameter {{{names[-1]}}}")
    row = SPRINT.need(visit, given, Refusal(0, "Sprint not found"))
    if not _member(visit, row["GROUP_ID"]):
        raise Refusal(0, "Access denied")
    return row


@method("tasks.api.scrum.sprint.get", scope="task")
def sprint_get(visit: Visit) -> Json:
    """One sprint."""
    return SPRINT.shown(_sprint(visit, "sprintId", "id"))


@method("tasks.api.scrum.sprint.start", scope="task", writes=True)
def sprint_start(visit: Visit) -> Json:
    """Begin a planned sprint."""
    row = _sprint(visit, "id")
    if row["STATUS"] != "planned":
        raise Refusal(0, "Sprint must be planned")
    changes = {"STATUS": "active", "MODIFIED_BY": visit.user_id}
    return SPRINT.shown(SPRINT.rows(visit).update(row["ID"], changes))


@method("tasks.api.scrum.epic.add", scope="task", writes=True)
def epic_add(visit: Visit) -> Json:
    """A new epic."""
    given = sent(visit)
    if not given.get("name"):
        raise Refusal(0, "Name is not found")
    _scrum(visit, as_int(given.get("groupId"), 0), "Group is not found")
    for name in ("createdBy", "modifiedBy"):
        if name in given and visit.world.active_user(as_int(given[name], 0)) is None:
            raise Refusal(0, f"{name} user not found")
    table = EPIC.rows(visit)
    key = table.add(
        {
            "GROUP_ID": as_int(given["groupId"], 0),
            "NAME": str(given["name"]),
            "DESCRIPTION": str(given.get("description") or ""),
            "CREATED_BY": as_int(given.get("createdBy"), visit.user_id),
            "MODIFIED_BY": as_int(given.get("modifiedBy"), visit.user_id),
            "COLOR": str(given.get("color") or "#69dafc"),
        }
    )
    return EPIC.shown(table.rows[key])


def _task(visit: Visit) -> Row:
    row = visit.world.tasks.get(as_int(visit.need("id"), 0))
    group = (row or {}).get("GROUP_ID") or 0
    if row is None or not work.may_read(visit, row):
        raise Refusal(0, "Task not found")
    _scrum(visit, group, "Task not found")
    return row


def _item(visit: Visit, task: Row) -> Row:
    """Return where a task of a Scrum group stands: in the backlog at first."""
    known = visit.world.table("scrum_items").where(TASK_ID=task["ID"])
    plain = {"ENTITY_ID": _backlog(task["GROUP_ID"]), "POINTS": "", "EPIC_ID": 0, "SORT": 1}
    return known[0] if known else plain


@method("tasks.api.scrum.task.get", scope="task")
def task_get(visit: Visit) -> Json:
    """What Scrum knows about a task."""
    task = _task(visit)
    item = _item(visit, task)
    return {
        "entityId": item["ENTITY_ID"],
        "storyPoints": item["POINTS"],
        "epicId": item["EPIC_ID"],
        "sort": item["SORT"],
        "createdBy": task.get("CREATED_BY", 1),
        "modifiedBy": item.get("MODIFIED_BY", task.get("CREATED_BY", 1)),
    }


@method("tasks.api.scrum.task.update", scope="task", writes=True)
def task_update(visit: Visit) -> Json:
    """Sprint or backlog, points and epic of a task."""
    task = _task(visit)
    given = sent(visit)
    changes: Row = {"MODIFIED_BY": visit.user_id}
    if "entityId" in given:
        wanted = as_int(given["entityId"], 0)
        sprint = SPRINT.find(visit, wanted)
        own = sprint is not None and sprint["GROUP_ID"] == task["GROUP_ID"]
        if not own and wanted != _backlog(task["GROUP_ID"]):
            raise Refusal(0, "Item not created")
        changes["ENTITY_ID"] = wanted
    if "epicId" in given:
        epic = EPIC.find(visit, given["epicId"])
        if as_int(given["epicId"], 0) and (epic is None or epic["GROUP_ID"] != task["GROUP_ID"]):
            raise Refusal(0, "Epic not found")
        changes["EPIC_ID"] = as_int(given["epicId"], 0)
    if "storyPoints" in given:
        changes["POINTS"] = "" if given["storyPoints"] is None else str(given["storyPoints"])
    if "sort" in given:
        changes["SORT"] = as_int(given["sort"], 1)
    table = visit.world.table("scrum_items")
    known = table.where(TASK_ID=task["ID"])
    if known:
        table.update(known[0]["ID"], changes)
    else:
        table.add({**_item(visit, task), "TASK_ID": task["ID"], **changes})
    return {"status": "success", "data": True, "errors": []}


# --- boards ---------------------------------------------------------------------------------------


@method("tasks.api.scrum.kanban.getStages", scope="task")
def kanban_stages(visit: Visit) -> Json:
    """Columns of a sprint's board."""
    row = _kanban_sprint(visit)
    return [
        {
            "id": str(one["ID"]),
            "name": one["TITLE"],
            "sort": str(one["SORT"]),
            "type": one["SYSTEM_TYPE"],
            "sprintId": str(row["ID"]),
            "color": one["COLOR"],
        }
        for one in visit.world.table("stages").where(ENTITY_TYPE="S", ENTITY_ID=row["ID"])
    ]


def _kanban_sprint(visit: Visit) -> Row:
    if as_int(visit.param("sprintId"), 0) <= 0:
        raise Refusal(0, "Sprint id not found")
    return _sprint(visit, "sprintId")


@method("tasks.api.scrum.kanban.addTask", scope="task", writes=True)
def kanban_add(visit: Visit) -> Json:
    """A task of the group into a column; it joins the sprint."""
    sprint = _kanban_sprint(visit)
    if as_int(visit.param("taskId"), 0) <= 0:
        raise Refusal(0, "TaskId id not found")
    if as_int(visit.param("stageId"), 0) <= 0:
        raise Refusal(0, "StageId id not found")
    stage = visit.world.table("stages").get(as_int(visit.param("stageId"), 0))
    if stage is None or (stage["ENTITY_TYPE"], stage["ENTITY_ID"]) != ("S", sprint["ID"]):
        raise Refusal(0, "Stage not found")
    task = visit.world.tasks.get(as_int(visit.param("taskId"), 0))
    if task is None or task.get("GROUP_ID") != sprint["GROUP_ID"]:
        raise Refusal(0, "Task not found. The task must be with GROUP_ID")
    table = visit.world.table("scrum_items")
    known = table.where(TASK_ID=task["ID"])
    place = {"ENTITY_ID": sprint["ID"], "STAGE_ID": stage["ID"], "MODIFIED_BY": visit.user_id}
    if known:
        table.update(known[0]["ID"], place)
    else:
        table.add({**_item(visit, task), "TASK_ID": task["ID"], **place})
    return True


@method("task.stages.get", scope="task")
def stages_get(visit: Visit) -> Json:
    """Columns of a group's Kanban, or with 0 of one's own plan, under their ids as keys."""
    group = as_int(visit.need("entityId"), 0)
    whose = ("G", group) if group else ("U", visit.user_id)
    known = visit.world.table("groups").get(group)
    skip = is_yes(visit.param("isAdmin")) and visit.is_admin
    if group and (known is None or not (skip or _member(visit, group))):
        raise Refusal("ACCESS_DENIED", "You cannot view stages in this group.")
    rows = visit.world.table("stages").where(ENTITY_TYPE=whose[0], ENTITY_ID=whose[1])
    return php_array(
        {
            str(row["ID"]): {
                "ID": str(row["ID"]),
                "TITLE": row["TITLE"],
                "SORT": str(row["SORT"]),
                "COLOR": row["COLOR"],
                "SYSTEM_TYPE": row["SYSTEM_TYPE"] or None,
                "ENTITY_ID": str(row["ENTITY_ID"]),
                "ENTITY_TYPE": row["ENTITY_TYPE"],
                "ADDITIONAL_FILTER": [],
                "TO_UPDATE": [],
                "TO_UPDATE_ACCESS": None,
            }
            for row in rows
        }
    )


@method("task.stages.canmovetask", scope="task")
def can_move(visit: Visit) -> Json:
    """Whether the acting user may move cards there."""
    key = as_int(visit.need("entityId"), 0)
    if str(visit.need("entityType")).upper() == "U":
        return key == visit.user_id
    return key in visit.world.table("groups") and _member(visit, key)


@method("task.stages.movetask", scope="task", writes=True)
def move_task(visit: Visit) -> Json:
    """A card into another column."""
    task = visit.world.tasks.get(as_int(visit.need("id"), 0))
    if task is None or not work.may_read(visit, task):
        raise Refusal("TASK_NOT_FOUND", "Task not found or access to it is denied")
    stage = visit.world.table("stages").get(as_int(visit.need("stageId"), 0))
    if stage is None:
        raise Refusal("NOT_FOUND", "Stage not found")
    group = stage["ENTITY_ID"] if stage["ENTITY_TYPE"] == "G" else 0
    if group and (group != (task.get("GROUP_ID") or 0) or not _member(visit, group)):
        raise Refusal("ACCESS_DENIED_MOVE", "You cannot move this task")
    work.change(visit.world, task["ID"], {"STAGE_ID": stage["ID"]}, visit.user_id)
    return True


# --- flows ----------------------------------------------------------------------------------------

_WAYS = ("manually", "queue", "himself")
_FLAGS = ("responsibleCanChangeDeadline", "matchWorkTime", "taskControl", "notifyAtHalfTime")
_COUNTS = ("notifyOnQueueOverflow", "notifyOnTasksInProgressOverflow")


@method("tasks.flow.Flow.isExists", scope="task")
def flow_exists(visit: Visit) -> Json:
    """Whether a name is taken by another flow."""
    given = as_map(visit.need("flowData"), "flowData")
    name, own = str(given.get("name") or ""), as_int(given.get("id"), 0)
    rows = visit.world.table("flows").where(NAME=name)
    return {"exists": any(row["ID"] != own for row in rows)}


def _wrong(name: str) -> Refusal:
    return Refusal("0", f"'{name}': field's value has an invalid value")


@method("tasks.flow.Flow.create", scope="task", writes=True)
def flow_create(visit: Visit) -> Json:
    """A new flow; without a group one is made for it."""
    given = as_map(visit.need("flowData"), "flowData")
    name = str(given.get("name") or "").strip()
    if not name:
        raise _wrong("name")
    if as_int(given.get("plannedCompletionTime"), 0) <= 0:
        raise _wrong("plannedCompletionTime")
    if given.get("distributionType") not in _WAYS:
        raise _wrong("distributionType")
    people = _pairs(given.get("responsibleList"))
    if not people:
        raise _wrong("responsibleList")
    table = visit.world.table("flows")
    if table.keys_where(NAME=name):
        raise Refusal("0", "A flow with this name already exists")
    group = as_int(given.get("groupId"), 0)
    if group and group not in visit.world.table("groups"):
        raise Refusal("0", "Access denied or flow not found")
    if not group:
        group = visit.world.table("groups").add(
            {
                "NAME": name,
                "OWNER_ID": visit.user_id,
                "ACTIVE": "Y",
                "VISIBLE": "Y",
                "OPENED": "N",
                "CLOSED": "N",
                "PROJECT": "N",
                "DATE_CREATE": visit.world.now(),
            }
        )
        members = visit.world.table("group_members")
        members.add({"GROUP_ID": group, "USER_ID": visit.user_id, "ROLE": "A"})
    key = table.add(
        {
            "NAME": name,
            "DATA": {
                "creatorId": visit.user_id,
                "ownerId": as_int(given.get("ownerId"), visit.user_id),
                "groupId": group,
                "templateId": as_int(given.get("templateId"), 0),
                "efficiency": 0,
                "active": True,
                "plannedCompletionTime": as_int(given["plannedCompletionTime"], 0),
                "activity": moments.iso(visit.world.now()),
                "name": name,
                "description": str(given.get("description") or ""),
                "distributionType": given["distributionType"],
                "responsibleList": people,
                "demo": False,
                **{flag: is_yes(given.get(flag)) for flag in _FLAGS},
                **{one: as_int(given.get(one), 0) or None for one in _COUNTS},
                "notifyWhenEfficiencyDecreases": None,
                "taskCreators": _pairs(given.get("taskCreators")) or [["meta-user", "all-users"]],
                "team": people,
                "trialFeatureEnabled": False,
            },
        }
    )
    return {"id": key, **table.rows[key]["DATA"]}


def _pairs(given: Json) -> list[list[str]]:
    """Return pairs of kind and id, from a list or from PHP's numbered object."""
    many = list(given.values()) if isinstance(given, dict) else given
    found = []
    for one in many if isinstance(many, list) else ():
        if isinstance(one, list) and len(one) == 2:
            found.append([str(one[0]), str(one[1])])
    return found


@method("tasks.flow.Flow.get", scope="task")
def flow_get(visit: Visit) -> Json:
    """One flow."""
    row = visit.world.table("flows").get(as_int(visit.need("flowId"), 0))
    if row is None:
        raise Refusal("0", "Flow not found")
    return {"id": row["ID"], **row["DATA"]}
