"""What happens around a CRM object: activities, to-dos, comments.

Source: api-reference/crm/timeline/activities/**/*.md, api-reference/crm/timeline/comments/*.md @
5988ed13
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import crm, filters, moments
from bitrix24_agent.emulator.fields import BadValue, parse_fields
from bitrix24_agent.emulator.query import Condition, Group, page
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, as_map, method

if TYPE_CHECKING:
    from bitrix24_agent.emulator.fields import Field
    from bitrix24_agent.model import Json, Row

ACTIVITY = parse_fields("""
ID               | integer  | ro  | | ID
OWNER_ID         | integer  | im  | | Object
OWNER_TYPE_ID    | integer  | im  | | Type of the object
TYPE_ID          | integer  | im  | | Kind
PROVIDER_ID      | string   |     | | Provider
PROVIDER_TYPE_ID | string   |     | | Provider type
ASSOCIATED_ENTITY_ID | integer | | | Related object
SUBJECT          | string   |     | | Subject
CREATED          | datetime | ro  | | Created on
LAST_UPDATED     | datetime | ro  | | Changed on
START_TIME       | datetime |     | | Start
END_TIME         | datetime |     | | End
DEADLINE         | datetime |     | | Deadline
COMPLETED        | char     |     | | Completed
STATUS           | integer  |     | | Status
RESPONSIBLE_ID   | user     |     | | Responsible person
PRIORITY         | integer  |     | | Priority
NOTIFY_TYPE      | integer  |     | | Reminder type
DESCRIPTION      | string   |     | | Text
DESCRIPTION_TYPE | integer  |     | | Text type
DIRECTION        | integer  |     | | Direction
LOCATION         | string   |     | | Place
ORIGINATOR_ID    | string   |     | | External source
ORIGIN_ID        | string   |     | | ID in the external source
AUTHOR_ID        | user     | ro  | | Author
EDITOR_ID        | user     | ro  | | Editor
""")
_ACTIVITY_DEFAULTS: Row = {
    "COMPLETED": "N",
    "STATUS": 1,
    "PRIORITY": 2,
    "NOTIFY_TYPE": 0,
    "DESCRIPTION": "",
    "DESCRIPTION_TYPE": 1,
    "DIRECTION": 0,
    "LOCATION": "",
    "ASSOCIATED_ENTITY_ID": 0,
}
_PROVIDERS = {1: "CRM_MEETING", 2: "VOXIMPLANT_CALL", 3: "TASKS", 4: "CRM_EMAIL"}


def _activity_field(name: str) -> Field | None:
    return ACTIVITY.by_name.get(name.upper())


@method("crm.activity.list", scope="crm")
def activity_list(visit: Visit) -> Reply:
    """Activities by filter."""
    found = page(
        visit.world.activities,
        filters.group_of(as_map(visit.param("filter"), "filter"), _activity_field, strict=False),
        filters.order_of(as_map(visit.param("order"), "order"), _activity_field, strict=False),
        start=visit.start(),
    )
    select = visit.param("select")
    wanted = {str(one).upper() for one in select} if isinstance(select, list) and select else {"*"}
    rows = [_activity(row, wanted) for row in found.rows]
    return Reply(result=rows, total=found.total or 0, next=found.next)


@method("crm.activity.get", scope="crm")
def activity_get(visit: Visit) -> Json:
    """One activity."""
    return _activity(_activity_row(visit), {"*", "COMMUNICATIONS"})


@method("crm.activity.add", scope="crm", writes=True)
def activity_add(visit: Visit) -> Json:
    """A call, meeting, task or e-mail on an object."""
    given = as_map(visit.param("fields"), "fields")
    values = _activity_values(given, fresh=True)
    for name in ("SUBJECT", "RESPONSIBLE_ID", "TYPE_ID"):
        if not values.get(name):
            kind = "empty" if name == "SUBJECT" else "invalid"
            raise Refusal("", f"The field {name} is not defined or {kind}.")
    people = given.get("COMMUNICATIONS")
    if not people:
        raise Refusal("", "The field COMMUNICATIONS is not defined or invalid.")
    owner = visit.world.table_of(values.get("OWNER_TYPE_ID") or 0)
    if owner is None or values.get("OWNER_ID") not in owner:
        raise Refusal(
            "",
            "Could not build binding. Please ensure that owner info and communications are "
            "defined correctly.",
        )
    now = visit.world.now()
    start = values.get("START_TIME") or now
    return visit.world.activities.add(
        {
            "START_TIME": start,
            "END_TIME": start + 3600,
            "DEADLINE": start,
            **values,
            "PROVIDER_ID": values.get("PROVIDER_ID")
            or _PROVIDERS.get(values["TYPE_ID"], "REST_APP"),
            "COMMUNICATIONS": people,
            "CREATED": now,
            "LAST_UPDATED": now,
            "AUTHOR_ID": visit.user_id,
            "EDITOR_ID": visit.user_id,
        }
    )


@method("crm.activity.update", scope="crm", writes=True)
def activity_update(visit: Visit) -> Json:
    """Changed fields."""
    row = _activity_row(visit)
    values = _activity_values(as_map(visit.param("fields"), "fields"), fresh=False)
    stamp = {"LAST_UPDATED": visit.world.now(), "EDITOR_ID": visit.user_id}
    visit.world.activities.update(row["ID"], values | stamp)
    return True


@method("crm.activity.delete", scope="crm", writes=True)
def activity_delete(visit: Visit) -> Json:
    """Gone."""
    visit.world.activities.delete(_activity_row(visit)["ID"])
    return True


@method("crm.activity.todo.add", scope="crm", writes=True)
def todo_add(visit: Visit) -> Json:
    """A to-do with a deadline on an object."""
    owner_type = as_int(visit.need("ownerTypeId"), 0)
    owner = as_int(visit.need("ownerId"), 0)
    deadline = moments.parse(str(visit.need("deadline")))
    table = visit.world.table_of(owner_type)
    if table is None or owner not in table:
        raise Refusal("OWNER_NOT_FOUND", "Owner of the entity not found")
    if deadline is None:
        raise Refusal("WRONG_DATETIME_FORMAT", "Incorrect date format")
    now = visit.world.now()
    responsible = as_int(visit.param("responsibleId"), visit.user_id)
    key = visit.world.activities.add(
        {
            "OWNER_ID": owner,
            "OWNER_TYPE_ID": owner_type,
            "TYPE_ID": 6,
            "PROVIDER_ID": "CRM_TODO",
            "PROVIDER_TYPE_ID": "TODO",
            "SUBJECT": str(visit.param("title") or ""),
            "DESCRIPTION": str(visit.param("description") or ""),
            "DEADLINE": deadline,
            "START_TIME": deadline,
            "END_TIME": deadline,
            "RESPONSIBLE_ID": responsible,
            "CREATED": now,
            "LAST_UPDATED": now,
            "AUTHOR_ID": visit.user_id,
            "EDITOR_ID": visit.user_id,
        }
    )
    return {"id": key}


def _activity_row(visit: Visit) -> Row:
    row = visit.world.activities.get(as_int(visit.param("id"), 0))
    if row is None:
        raise Refusal("", "Activity is not found.")
    return row


def _activity_values(given: dict[str, Json] | Json, *, fresh: bool) -> Row:
    values: Row = {}
    for name, value in given.items():
        field = _activity_field(str(name))
        if field is None or field.read_only or (field.immutable and not fresh):
            continue
        try:
            values[field.name] = field.parse(value)
        except BadValue:
            raise Refusal("", f"The field {field.name} is not defined or invalid.") from None
    return values


def _activity(row: Row, wanted: set[str]) -> Row:
    shown: Row = {
        field.name: field.classic_value(row.get(field.name, _ACTIVITY_DEFAULTS.get(field.name)))
        for field in ACTIVITY.fields
        if "*" in wanted or field.name in wanted or field.name == "ID"
    }
    if "COMMUNICATIONS" in wanted:
        shown["COMMUNICATIONS"] = row.get("COMMUNICATIONS") or []
    return shown


# --- comments -------------------------------------------------------------------------------------

COMMENT = parse_fields("""
ID        | integer  | ro | | ID
CREATED   | datetime | ro | | Created on
AUTHOR_ID | user     | ro | | Author
""")


def _owner(visit: Visit, given: Json) -> tuple[int, int] | None:
    """Return (entityTypeId, id) named by ENTITY_TYPE and ENTITY_ID, or None."""
    name = str(given.get("ENTITY_TYPE") or "").lower()
    number = next((kind.entity_type_id for kind in crm.PLAIN.values() if kind.code == name), 0)
    if name.startswith("dynamic_"):
        number = as_int(name.removeprefix("dynamic_"), 0)
    table = visit.world.table_of(number)
    key = as_int(given.get("ENTITY_ID"), 0)
    return (number, key) if table is not None and key in table else None


def _fields(visit: Visit) -> Json:
    """Return ``fields``; these methods know only the lower-case spelling."""
    found = visit.params.get("fields")
    if not isinstance(found, dict) or not found:
        raise Refusal("100", "Could not find value for parameter {fields}")
    return found


@method("crm.timeline.comment.add", scope="crm", writes=True)
def comment_add(visit: Visit) -> Json:
    """A comment on an object."""
    given = _fields(visit)
    owner = _owner(visit, given)
    if owner is None:
        raise Refusal("OWNER_NOT_FOUND", "Owner of the item not found")
    text = str(given.get("COMMENT") or "").strip()
    if not text:
        raise Refusal("INVALID_ARG_VALUE", "Empty comment")
    return visit.world.timeline_comments.add(
        {
            "OWNER_TYPE_ID": owner[0],
            "OWNER_ID": owner[1],
            "AUTHOR_ID": visit.user_id,
            "CREATED": visit.world.now(),
            "COMMENT": text,
            "FILES": _files(visit, given.get("FILES")),
        }
    )


def _files(visit: Visit, given: Json) -> dict[str, Json]:
    """Return attached files, pairs of name and base64, under the ids they get."""
    found: dict[str, Json] = {}
    for pair in given if isinstance(given, list) else ():
        if not isinstance(pair, list) or len(pair) != 2:
            continue
        name, encoded = (str(one) for one in pair)
        try:
            body = base64.b64decode(encoded)
        except ValueError:
            continue
        key = visit.world.number("comment file")
        kind = "image" if name.lower().endswith((".png", ".jpg", ".gif")) else "file"
        date = moments.iso(visit.world.now())
        found[str(key)] = {
            "id": key,
            "date": date,
            "type": kind,
            "name": name,
            "size": len(body),
            "authorId": visit.user_id,
            "authorName": f"{visit.user['NAME']} {visit.user['LAST_NAME']}",
            "urlDownload": f"{visit.base_url}/disk/downloadFile/{key}/",
        }
    return found


@method("crm.timeline.comment.list", scope="crm")
def comment_list(visit: Visit) -> Reply:
    """Comments of one object."""
    given = as_map(visit.param("filter"), "filter")
    owner = _owner(visit, given)
    if owner is None:
        raise Refusal("", "Access denied.")
    where = Group(
        parts=(
            Condition(field="OWNER_TYPE_ID", op="=", value=owner[0]),
            Condition(field="OWNER_ID", op="=", value=owner[1]),
        )
    )
    order = filters.order_of(
        as_map(visit.param("order"), "order"), COMMENT.by_name.get, strict=False
    )
    found = page(visit.world.timeline_comments, where, order, start=visit.start())
    select = visit.param("select")
    wanted = {str(one).upper() for one in select} if isinstance(select, list) and select else None
    rows = []
    for row in found.rows:
        shown = _comment(row)
        rows.append({k: v for k, v in shown.items() if wanted is None or k in wanted or k == "ID"})
    return Reply(result=rows, total=found.total or 0, next=found.next)


@method("crm.timeline.comment.get", scope="crm")
def comment_get(visit: Visit) -> Json:
    """One comment."""
    key = as_int(visit.param("id"), 0)
    if key <= 0:
        raise Refusal("", "ID is not defined or invalid.")
    row = visit.world.timeline_comments.get(key)
    if row is None:
        raise Refusal("", "Not found.")
    return _comment(row)


@method("crm.timeline.comment.update", scope="crm", writes=True)
def comment_update(visit: Visit) -> Json:
    """New text; the author and administrators only."""
    row = _comment_row(visit)
    text = str(_fields(visit).get("COMMENT") or "").strip()
    if not text:
        raise Refusal("INVALID_ARG_VALUE", "Empty comment")
    visit.world.timeline_comments.update(row["ID"], {"COMMENT": text})
    return row["ID"]


@method("crm.timeline.comment.delete", scope="crm", writes=True)
def comment_delete(visit: Visit) -> Json:
    """Gone; the answer is null."""
    visit.world.timeline_comments.delete(_comment_row(visit)["ID"])
    return None


def _comment_row(visit: Visit) -> Row:
    row = visit.world.timeline_comments.get(as_int(visit.need("id"), 0))
    if row is None:
        raise Refusal("NOT_FOUND", "Not found.")
    if not visit.is_admin and row["AUTHOR_ID"] != visit.user_id:
        raise Refusal("ACCESS_DENIED", "Insufficient permissions")
    return row


def _comment(row: Row) -> Row:
    number = row["OWNER_TYPE_ID"]
    kind = crm.PLAIN.get(number)
    return {
        "ID": str(row["ID"]),
        "ENTITY_ID": str(row["OWNER_ID"]),
        "ENTITY_TYPE": kind.code if kind else f"dynamic_{number}",
        "CREATED": moments.iso(row["CREATED"]),
        "COMMENT": row["COMMENT"],
        "AUTHOR_ID": str(row["AUTHOR_ID"]),
        "FILES": dict(row.get("FILES") or {}) or [],
    }
