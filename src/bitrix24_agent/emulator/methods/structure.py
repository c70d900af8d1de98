"""The company structure of REST 3.0: departments as nodes, people as their members.

Source: api-reference/departments/node/humanresources-node-{search,get}.md,
api-reference/departments/node-member/humanresources-node-member-add.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments, v3
from bitrix24_agent.emulator.data.seed import TODAY
from bitrix24_agent.emulator.refusal import RefusalV3, invalid_request
from bitrix24_agent.emulator.registry import Visit, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

_ROLES = ("MEMBER_HEAD", "MEMBER_DEPUTY_HEAD", "MEMBER_EMPLOYEE")
_PLAIN = (
    "id", "name", "type", "structureId", "parentId", "description", "accessCode", "userCount",
    "colorName", "xmlId", "createdAt", "updatedAt",
)  # fmt: skip


def _shown(visit: Visit, row: Row) -> Row:
    people = _people(visit, row["ID"])
    return {
        "id": row["ID"],
        "name": row["NAME"],
        "type": "DEPARTMENT",
        "structureId": 1,
        "parentId": row.get("PARENT"),
        "description": None,
        "accessCode": f"DR{row['ID']}",
        "userCount": len(people),
        "colorName": None,
        "xmlId": None,
        "createdAt": moments.iso(TODAY - 900 * 86400),
        "updatedAt": moments.iso(row.get("UPDATED") or TODAY - 400 * 86400),
    }


def _people(visit: Visit, node: int) -> list[Row]:
    rows = visit.world.users.where(UF_DEPARTMENT=node)
    return [row for row in rows if row.get("ACTIVE")]


@method("humanresources.node.search", scope="humanresources", version=3)
def node_search(visit: Visit) -> Json:
    """Departments whose name holds the words."""
    problems = [
        (name, f"Required field `{name}` is not specified")
        for name in ("type", "name")
        if not isinstance(visit.params.get(name), str) or not visit.params[name]
    ]
    if problems:
        raise invalid_request(*problems)
    words = visit.params["name"].casefold()
    parent = visit.params.get("parentId")
    _, limit = v3.window_of(visit.params.get("pagination"))
    rows = [
        row
        for row in visit.world.departments
        if visit.params["type"] == "DEPARTMENT" and words in row["NAME"].casefold()
        if parent is None or row.get("PARENT") == parent
    ]
    return {"items": [_shown(visit, row) for row in rows[:limit]]}


def _node(visit: Visit, key: int) -> Row:
    row = visit.world.departments.get(key)
    if row is None:
        raise RefusalV3("ENTITYNOTFOUNDEXCEPTION", f"Record with ID = `{key}` not found")
    return row


@method("humanresources.node.get", scope="humanresources", version=3)
def node_get(visit: Visit) -> Json:
    """One department; its members come when ``select`` names them or is left out."""
    row = _node(visit, v3.need_int(visit.params, "id"))
    select = v3.select_of(visit.params)
    for name in select or ():
        if name not in (*_PLAIN, "members"):
            text = f"Unknown field `{name}` for entity `NodeDto`"
            raise RefusalV3("UNKNOWNDTOPROPERTYEXCEPTION", text)
    shown = _shown(visit, row)
    shown["members"] = [
        {
            "userId": one["ID"],
            "name": f"{one['NAME']} {one['LAST_NAME']}",
            "workPosition": one.get("WORK_POSITION", ""),
            "role": "MEMBER_HEAD" if row.get("UF_HEAD") == one["ID"] else "MEMBER_EMPLOYEE",
            "avatar": "",
            "url": f"/company/personal/user/{one['ID']}/",
        }
        for one in _people(visit, row["ID"])
    ]
    return {"item": {name: shown[name] for name in shown if select is None or name in select}}


@method("humanresources.node.member.add", scope="humanresources", version=3, writes=True)
def member_add(visit: Visit) -> Json:
    """People into a department; nobody leaves it."""
    given = visit.params
    problems = []
    if not isinstance(given.get("nodeId"), int) or isinstance(given.get("nodeId"), bool):
        problems.append(("nodeId", 'Parameter "nodeId" is required.'))
    people = given.get("userIds")
    if not isinstance(people, list) or not people:
        text = 'Parameter "userIds" is required and must be a non-empty array.'
        problems.append(("userIds", text))
    role = given.get("role")
    if not role:
        problems.append(("role", 'Parameter "role" is required.'))
    elif role not in _ROLES:
        text = f"Invalid role `{role}`. Allowed: `{', '.join(_ROLES)}`."
        problems.append(("role", text))
    if problems:
        raise invalid_request(*problems)
    if not visit.is_admin:
        raise RefusalV3("ACCESSDENIEDEXCEPTION", "Access denied", status=403)
    node = _node(visit, given["nodeId"])
    users = [visit.world.active_user(one) if isinstance(one, int) else None for one in people or ()]
    for number, row in enumerate(users):
        if row is None:
            text = f"Record with ID = `{(people or [])[number]}` not found"
            raise RefusalV3("ENTITYNOTFOUNDEXCEPTION", text)
    for row in users:
        if row is not None and node["ID"] not in row["UF_DEPARTMENT"]:
            where = [*row["UF_DEPARTMENT"], node["ID"]]
            visit.world.users.update(row["ID"], {"UF_DEPARTMENT": where})
    changes: Row = {"UPDATED": visit.world.now()}
    if role == "MEMBER_HEAD":
        changes["UF_HEAD"] = (people or [0])[0]
    visit.world.departments.update(node["ID"], changes)
    return {"success": True}
