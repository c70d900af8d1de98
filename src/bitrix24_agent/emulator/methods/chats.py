"""Chats, messages, notifications.

Source: api-reference/chats/**/*.md @ 5988ed13
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, as_int, method

if TYPE_CHECKING:
    from bitrix24_agent.emulator.world import World
    from bitrix24_agent.model import Json, Row


def dialog(visit: Visit, *, create: bool = False) -> Row | None:
    """Return the chat behind ``DIALOG_ID``; a private one is made when somebody writes to it.

    Raises:
        Refusal: The id is empty, or the acting user is not in the chat.
    """
    given = str(visit.param("DIALOG_ID") or "")
    return dialog_of(visit, given, visit.user_id, create=create)


def dialog_of(visit: Visit, given: str, member: int, *, create: bool = True) -> Row | None:
    """Return the chat a dialog id means for *member*, who may be a bot.

    Raises:
        Refusal: The id is empty.
    """
    if given.startswith("chat") and given[4:].isdigit():
        chat = visit.world.chats.get(int(given[4:]))
        if chat is None or member not in chat["MEMBERS"]:
            return None
        return chat
    if not given.isdigit() or int(given) == 0:
        raise Refusal("DIALOG_ID_EMPTY", "Dialog ID can't be empty")
    other = int(given)
    if visit.world.user(other) is None:
        return None
    pair = sorted({member, other})
    for chat in visit.world.chats.where(TYPE="private"):
        if chat["MEMBERS"] == pair:
            return chat
    if not create:
        return {"ID": 0, "TYPE": "private", "NAME": "", "OWNER": 0, "MEMBERS": pair, "CREATED": 0}
    key = visit.world.chats.add(
        {
            "TYPE": "private",
            "NAME": "",
            "OWNER": 0,
            "MEMBERS": pair,
            "CREATED": visit.world.now(),
        }
    )
    return visit.world.chats.rows[key]


@method("im.message.add", scope="im", writes=True)
def message_add(visit: Visit) -> Json:
    """A message from the acting user."""
    text = visit.param("MESSAGE")
    if text in (None, "") and not visit.param("ATTACH"):
        raise Refusal("MESSAGE_EMPTY", "Message can't be empty")
    given = str(visit.param("DIALOG_ID") or "")
    if not given.startswith(("chat", "sg")):
        if not given.isdigit() or int(given) == 0:
            raise Refusal("USER_ID_EMPTY", "User ID can't be empty")
        if visit.world.user(int(given)) is None:
            raise Refusal("USER_NOT_FOUND", "User not found")
    chat = dialog(visit, create=True)
    if chat is None:
        known = (
            given.startswith("chat") and given[4:].isdigit() and int(given[4:]) in visit.world.chats
        )
        if known:
            raise Refusal("ACCESS_ERROR", "Action unavailable", 403)
        raise Refusal("CHAT_ID", "Error creating message")
    reply = visit.param("REPLY_ID")
    if reply:
        source = visit.world.messages.get(as_int(reply, 0))
        if source is None:
            raise Refusal("REPLY_ACCESS_ERROR", "Action unavailable")
        if source["CHAT_ID"] != chat["ID"]:
            raise Refusal(
                "REPLY_FROM_OTHER_CHAT_ERROR",
                "You can only reply to a message within the same chat",
            )
    return post(visit.world, chat["ID"], visit.user_id, str(text or ""))


def post(world: World, chat_id: int, author_id: int, text: str) -> int:
    """Add a message to a chat and return its id."""
    return world.messages.add(
        {"CHAT_ID": chat_id, "AUTHOR_ID": author_id, "DATE": world.now(), "TEXT": text}
    )


def _own_message(visit: Visit) -> Row:
    key = as_int(visit.param("MESSAGE_ID"), 0)
    if key <= 0:
        raise Refusal("MESSAGE_ID_ERROR", "Message ID can't be empty")
    row = visit.world.messages.get(key)
    if row is None or row["AUTHOR_ID"] != visit.user_id:
        text = "Time has expired for modification or you don't have access"
        raise Refusal("CANT_EDIT_MESSAGE", text, 403)
    return row


@method("im.message.update", scope="im", writes=True)
def message_update(visit: Visit) -> Json:
    """New text; an empty one deletes the message."""
    row = _own_message(visit)
    if "message" in visit.lower:
        text = visit.param("MESSAGE")
        if not text:
            visit.world.messages.delete(row["ID"])
        else:
            visit.world.messages.update(row["ID"], {"TEXT": str(text)})
    return True


@method("im.message.delete", scope="im", writes=True)
def message_delete(visit: Visit) -> Json:
    """Gone."""
    visit.world.messages.delete(_own_message(visit)["ID"])
    return True


@method("im.dialog.messages.get", scope="im")
def messages_get(visit: Visit) -> Json:
    """Messages of a dialog, newest first, or towards the newer ones after ``FIRST_ID``."""
    for name in ("FIRST_ID", "LAST_ID"):
        value = visit.param(name)
        if value is not None and not str(value).isdigit():
            raise Refusal(f"{name}_STRING", f"{name[:-3].capitalize()} ID can't be string")
    chat = dialog(visit)
    if chat is None:
        raise Refusal("ACCESS_ERROR", "You do not have access to the specified dialog", 403)
    limit = min(as_int(visit.param("LIMIT"), 20) or 20, 50)
    keys = visit.world.messages.keys_where(CHAT_ID=chat["ID"])
    first, last = as_int(visit.param("FIRST_ID"), 0), as_int(visit.param("LAST_ID"), 0)
    if first:
        keys = [key for key in keys if key > first][:limit]
    else:
        keys = [key for key in keys if not last or key < last][-limit:]
    rows = [visit.world.messages.rows[key] for key in reversed(keys)]
    people = sorted({row["AUTHOR_ID"] for row in rows if row["AUTHOR_ID"]})
    return {
        "chat_id": chat["ID"],
        "messages": [_message(row) for row in rows],
        "users": [person(visit.world, one) for one in people],
        "files": [],
    }


@method("im.recent.list", scope="im")
def recent_list(visit: Visit) -> Json:
    """Dialogs of the acting user, the latest first."""
    skip = {name: visit.param(name) == "Y" for name in ("SKIP_DIALOG", "SKIP_CHAT")}
    world = visit.world
    items = []
    for chat in world.chats:
        private = chat["TYPE"] == "private"
        if visit.user_id not in chat["MEMBERS"] or skip["SKIP_DIALOG" if private else "SKIP_CHAT"]:
            continue
        keys = world.messages.keys_where(CHAT_ID=chat["ID"])
        last = world.messages.rows[keys[-1]] if keys else None
        items.append((last["DATE"] if last else chat["CREATED"], chat, last))
    items.sort(key=lambda item: (item[0], item[1]["ID"]), reverse=True)
    offset = as_int(visit.param("OFFSET"), 0)
    limit = min(as_int(visit.param("LIMIT"), 50) or 50, 200)
    more = len(items) > offset + limit
    page = items[offset : offset + limit]
    return {
        "items": [_recent(visit, chat, last, moment) for moment, chat, last in page],
        "hasMorePages": more,
        "hasMore": more,
    }


@method("im.dialog.get", scope="im")
def dialog_get(visit: Visit) -> Json:
    """What a dialog is and who is in it."""
    chat = dialog(visit)
    if chat is None:
        raise Refusal("ACCESS_ERROR", "You do not have access to the specified dialog", 403)
    keys = visit.world.messages.keys_where(CHAT_ID=chat["ID"])
    return chat_row(visit, chat) | {
        "message_count": len(keys),
        "last_message_id": keys[-1] if keys else 0,
        "last_id": keys[-1] if keys else 0,
        "role": "owner" if chat["OWNER"] == visit.user_id else "member",
        "manager_list": [chat["OWNER"]] if chat["OWNER"] else [],
        "dialog_id": _dialog_id(visit, chat),
    }


@method("im.chat.add", scope="im", writes=True)
def chat_add(visit: Visit) -> Json:
    """A new chat; its maker becomes the owner."""
    given = visit.param("USERS") or []
    people = [as_int(one, 0) for one in (given if isinstance(given, list) else [given])]
    known = [one for one in people if visit.world.active_user(one)]
    members = list(dict.fromkeys([visit.user_id, *known]))
    number = len(visit.world.chats) + 1
    key = visit.world.chats.add(
        {
            "TYPE": "open" if visit.param("TYPE") == "OPEN" else "chat",
            "NAME": str(visit.param("TITLE") or f"Mint chat №{number}"),
            "DESCRIPTION": str(visit.param("DESCRIPTION") or ""),
            "OWNER": visit.user_id,
            "MEMBERS": members,
            "CREATED": visit.world.now(),
            "ENTITY_TYPE": str(visit.param("ENTITY_TYPE") or ""),
            "ENTITY_ID": str(visit.param("ENTITY_ID") or ""),
        }
    )
    if visit.param("MESSAGE"):
        post(visit.world, key, visit.user_id, str(visit.param("MESSAGE")))
    return key


@method("im.chat.get", scope="im")
def chat_get(visit: Visit) -> Json:
    """The id of a chat linked to an object, or null."""
    kind, key = str(visit.param("ENTITY_TYPE") or ""), str(visit.param("ENTITY_ID") or "")
    found = visit.world.chats.where(ENTITY_TYPE=kind, ENTITY_ID=key) if kind else []
    return {"ID": found[0]["ID"]} if found else None


def _group_chat(visit: Visit) -> Row:
    key = as_int(visit.param("CHAT_ID"), 0)
    if key <= 0:
        raise Refusal("CHAT_ID_EMPTY", "Chat ID can't be empty")
    chat = visit.world.chats.get(key)
    if chat is None or chat["TYPE"] == "private" or visit.user_id not in chat["MEMBERS"]:
        raise Refusal("ACCESS_ERROR", "Action unavailable", 403)
    return chat


@method("im.chat.user.list", scope="im")
def chat_user_list(visit: Visit) -> Json:
    """Ids of the members."""
    return list(_group_chat(visit)["MEMBERS"])


@method("im.chat.user.add", scope="im", writes=True)
def chat_user_add(visit: Visit) -> Json:
    """Let people in."""
    chat = _group_chat(visit)
    given = visit.param("USERS") or []
    people = [as_int(one, 0) for one in (given if isinstance(given, list) else [given])]
    known = [one for one in people if visit.world.active_user(one)]
    members = list(dict.fromkeys([*chat["MEMBERS"], *known]))
    visit.world.chats.update(chat["ID"], {"MEMBERS": members})
    return True


@method("im.chat.user.delete", scope="im", writes=True)
def chat_user_delete(visit: Visit) -> Json:
    """Show somebody out; the owner and administrators only."""
    chat = _group_chat(visit)
    target = as_int(visit.param("USER_ID"), 0)
    if target <= 0:
        raise Refusal("USER_ID_EMPTY", "User ID can't be empty")
    if chat["OWNER"] != visit.user_id and target != visit.user_id:
        raise Refusal("ACCESS_ERROR", "Action unavailable", 403)
    members = [one for one in chat["MEMBERS"] if one != target]
    visit.world.chats.update(chat["ID"], {"MEMBERS": members})
    return True


def _notify(name: str) -> None:
    @method(f"im.notify.{name}.add", scope="im", writes=True)
    def add(visit: Visit) -> Json:
        target = as_int(visit.param("USER_ID"), 0)
        if target <= 0:
            raise Refusal("USER_ID_EMPTY", "User ID can't be empty")
        text = str(visit.param("MESSAGE") or "").strip()
        if not text:
            raise Refusal("MESSAGE_EMPTY", "Message can't be empty")
        row = {
            "USER_ID": target,
            "AUTHOR_ID": visit.user_id if name == "personal" else 0,
            "TEXT": text,
            "DATE": visit.world.now(),
            "TAG": str(visit.param("TAG") or ""),
            "CLIENT_ID": str(visit.param("CLIENT_ID") or ""),
        }
        if row["TAG"]:  # the same tag of the same sender takes the place of the earlier one
            same = {key: row[key] for key in ("TAG", "CLIENT_ID", "USER_ID")}
            for key in list(visit.world.notifications.keys_where(**same)):
                visit.world.notifications.delete(key)
        return visit.world.notifications.add(row)


_notify("personal")
_notify("system")


# --- shapes ---------------------------------------------------------------------------------------


def _dialog_id(visit: Visit, chat: Row) -> str:
    if chat["TYPE"] != "private":
        return f"chat{chat['ID']}"
    others = [one for one in chat["MEMBERS"] if one != visit.user_id] or [visit.user_id]
    return str(others[0])


def _message(row: Row) -> Row:
    digits = hashlib.sha256(f"message {row['ID']}".encode()).hexdigest()
    return {
        "id": row["ID"],
        "chat_id": row["CHAT_ID"],
        "author_id": row["AUTHOR_ID"],
        "date": moments.iso(row["DATE"]),
        "text": row["TEXT"],
        "unread": False,
        "uuid": "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32])),
        "replaces": [],
        "params": [],
        "disappearing_date": None,
    }


def person(world: World, user_id: int) -> Row:
    """Return somebody as messages show him."""
    user = world.user(user_id) or {"ID": user_id, "NAME": "", "LAST_NAME": ""}
    return {
        "id": user["ID"],
        "active": bool(user.get("ACTIVE")),
        "name": f"{user['NAME']} {user['LAST_NAME']}".strip(),
        "first_name": user["NAME"],
        "last_name": user["LAST_NAME"],
        "work_position": user.get("WORK_POSITION", ""),
        "color": "#4ba984",
        "avatar": "",
        "gender": user.get("PERSONAL_GENDER", "M"),
        "extranet": False,
        "bot": False,
        "status": "online",
        "departments": list(user.get("UF_DEPARTMENT", ())),
        "type": "user",
        "email": user.get("EMAIL", ""),
    }


def chat_row(visit: Visit, chat: Row) -> Row:
    """Return a chat as lists show it."""
    private = chat["TYPE"] == "private"
    return {
        "id": chat["ID"],
        "parent_chat_id": 0,
        "name": chat["NAME"] or person(visit.world, int(_dialog_id(visit, chat)))["name"]
        if private
        else chat["NAME"],
        "description": chat.get("DESCRIPTION", ""),
        "owner": chat["OWNER"],
        "extranet": False,
        "avatar": "",
        "color": "#4ba984",
        "type": chat["TYPE"],
        "counter": 0,
        "user_counter": len(chat["MEMBERS"]),
        "entity_type": chat.get("ENTITY_TYPE", ""),
        "entity_id": chat.get("ENTITY_ID", ""),
        "mute_list": [],
        "date_create": moments.iso(chat["CREATED"]),
        "message_type": "P" if private else "O" if chat["TYPE"] == "open" else "C",
    }


def _recent(visit: Visit, chat: Row, last: Row | None, moment: int) -> Row:
    private = chat["TYPE"] == "private"
    shown = chat_row(visit, chat)
    item: Row = {
        "id": int(_dialog_id(visit, chat)) if private else f"chat{chat['ID']}",
        "chat_id": chat["ID"],
        "type": "user" if private else "chat",
        "avatar": {"url": "", "color": "#4ba984"},
        "title": shown["name"],
        "message": _last(last) if last else [],
        "counter": 0,
        "last_id": last["ID"] if last else 0,
        "pinned": False,
        "unread": False,
        "date_update": moments.iso(moment),
        "date_last_activity": moments.iso(moment),
        "options": [],
    }
    if private:
        item["user"] = person(visit.world, item["id"])
    else:
        item["chat"] = shown
    return item


def _last(row: Row) -> Row:
    return {
        "id": row["ID"],
        "text": row["TEXT"],
        "file": False,
        "author_id": row["AUTHOR_ID"],
        "attach": False,
        "sticker": None,
        "date": moments.iso(row["DATE"]),
        "status": "received",
    }
