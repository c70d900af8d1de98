"""Finding chats, reading one's own notifications, the chat of a task.

Source: api-reference/chats/search/im-search-chat-list.md, api-reference/chats/notifications/
im-notify-get.md, api-reference/tasks/tasks-task-chat-message-send.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments, work
from bitrix24_agent.emulator.methods.chats import chat_row, person, post
from bitrix24_agent.emulator.refusal import Refusal, RefusalV3, invalid_object, invalid_request
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

_SHORTEST = 2
_TASK_CHAT = "TASKS_TASK"


@method("im.search.chat.list", scope="im")
def search_chats(visit: Visit) -> Reply:
    """Chats of the acting user whose name, or a member's name, holds the words."""
    words = str(visit.param("FIND") or visit.param("FIND_LINES") or "").strip().casefold()
    if len(words) < _SHORTEST:
        raise Refusal("FIND_SHORT", "Too short a search phrase")
    found = [
        chat
        for chat in visit.world.chats
        if chat["TYPE"] != "private" and visit.user_id in chat["MEMBERS"]
        if words in str(chat["NAME"]).casefold()
        or any(words in person(visit.world, one)["name"].casefold() for one in chat["MEMBERS"])
    ]
    offset, limit = as_int(visit.param("OFFSET"), 0), as_int(visit.param("LIMIT"), 10)
    limit = min(limit, 50) if limit > 0 else 10
    more = offset + limit if 0 <= offset + limit < len(found) else None
    rows = [chat_row(visit, chat) for chat in found[max(offset, 0) :][:limit]]
    return Reply(result=rows, total=len(found), next=more)


@method("im.notify.get", scope="im")
def notify_get(visit: Visit) -> Json:
    """Notifications of the acting user, the latest first; nobody else's."""
    last = visit.param("LAST_ID")
    if last is not None and not str(last).isdigit():
        raise Refusal("LAST_ID_STRING", "Last ID can't be string")
    if (last is None) != (visit.param("LAST_TYPE") is None):
        text = "LAST_ID and LAST_TYPE must be passed together"
        raise Refusal("LAST_ID_AND_LAST_TYPE", text)
    rows = visit.world.notifications.where(USER_ID=visit.user_id)
    shown = [row for row in reversed(rows) if last is None or row["ID"] < int(str(last))]
    limit = as_int(visit.param("LIMIT"), 50)
    shown = shown[: min(limit, 50) if limit > 0 else 50]
    authors = sorted({row["AUTHOR_ID"] for row in shown if row["AUTHOR_ID"]})
    counted: Row = {
        "total_count": len(rows),
        "total_unread_count": sum(1 for row in rows if row.get("READ") != "Y"),
        "chat_id": 77,
    }
    return (counted if rows else {}) | {
        "notifications": [_notification(row) for row in shown],
        "users": [person(visit.world, one) for one in authors],
    }


def _notification(row: Row) -> Row:
    tag, client = row.get("TAG", ""), row.get("CLIENT_ID", "")
    return {
        "id": row["ID"],
        "chat_id": 77,
        "author_id": row["AUTHOR_ID"],
        "date": moments.iso(row["DATE"]),
        "notify_type": 2 if row["AUTHOR_ID"] else 3,
        "notify_module": "rest",
        "notify_event": "rest_notify",
        "notify_tag": f"MP|{client}|{tag}" if tag else "",
        "notify_sub_tag": "",
        "notify_title": "",
        "setting_name": "rest|rest_notify",
        "text": row["TEXT"],
        "notify_read": row.get("READ", "N"),
        "params": None,
    }


@method("tasks.task.chat.message.send", scope="tasks", version=3, writes=True)
def task_message(visit: Visit) -> Json:
    """A message into the chat of a task, which is made when nobody has written yet."""
    given = visit.params.get("fields")
    if not isinstance(given, dict) or not given:
        raise invalid_request(("fields", "The required field `fields` is not specified"))
    missing = [
        (name, f'The required field "{name}" is not filled')
        for name in ("taskId", "text")
        if given.get(name) in (None, "")
    ]
    if missing:
        raise invalid_object(*missing)
    for name, kind, label in (("taskId", int, "int"), ("text", str, "string")):
        if not isinstance(given[name], kind) or isinstance(given[name], bool):
            text = f"The field `{name}` requires data type `{label}` for this request"
            raise invalid_request((name, text))
    row = visit.world.tasks.get(given["taskId"])
    if row is None or not work.may_read(visit, row):
        raise RefusalV3("ACCESSDENIEDEXCEPTION", "Access denied", status=403)
    known = visit.world.chats.where(ENTITY_TYPE=_TASK_CHAT, ENTITY_ID=str(row["ID"]))
    chat = known[0]["ID"] if known else _task_chat(visit, row)
    post(visit.world, chat, visit.user_id, given["text"])
    return {"result": True}


def _task_chat(visit: Visit, task: Row) -> int:
    return visit.world.chats.add(
        {
            "TYPE": "chat",
            "NAME": task["TITLE"],
            "OWNER": task.get("CREATED_BY", visit.user_id),
            "MEMBERS": sorted(work.members(task) | {visit.user_id}),
            "CREATED": visit.world.now(),
            "ENTITY_TYPE": _TASK_CHAT,
            "ENTITY_ID": str(task["ID"]),
        }
    )
