"""Open channels: the chats of a CRM object's clients and what operators write there.

Source: api-reference/imopenlines/openlines/{chats/imopenlines-crm-chat-get,
chats/imopenlines-crm-chat-user-add,messages/imopenlines-crm-message-add,
sessions/imopenlines-dialog-get}.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator.methods.chats import chat_row, post
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, as_int, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

_KINDS = {"lead": 1, "deal": 2, "contact": 3, "company": 4}


def _argument(visit: Visit, name: str) -> Json:
    found = visit.param(name)
    if found in (None, "", [], {}):
        raise Refusal("ERROR_ARGUMENT", f"Argument '{name}' is null or empty")
    return found


def _object(visit: Visit) -> tuple[str, int]:
    kind = str(_argument(visit, "CRM_ENTITY_TYPE")).lower()
    key = _argument(visit, "CRM_ENTITY")
    if not str(key).isdigit():
        text = "The value of an argument 'CRM_ENTITY' has an invalid type"
        raise Refusal("ERROR_ARGUMENT", text)
    table = visit.world.table_of(_KINDS.get(kind, 0))
    if table is None or int(str(key)) not in table:
        text = "Access denied! You don't have access to this action"
        raise Refusal("ACCESS_DENIED", text, 403)
    return kind, int(str(key))


def _lines(visit: Visit) -> list[Row]:
    kind, key = _object(visit)
    return visit.world.table("open_lines").where(KIND=kind, ENTITY_ID=key)


@method("imopenlines.crm.chat.get", scope="imopenlines")
def chats_get(visit: Visit) -> Json:
    """Chats of a CRM object, the open ones unless told otherwise."""
    rows = _lines(visit)
    if str(visit.param("ACTIVE_ONLY", "Y")).upper() != "N":
        rows = [row for row in rows if not row.get("CLOSED")]
    return [
        {
            "CHAT_ID": str(row["CHAT_ID"]),
            "CONNECTOR_ID": row["CONNECTOR"],
            "CONNECTOR_TITLE": row["TITLE"],
        }
        for row in rows
    ]


@method("imopenlines.dialog.get", scope="imopenlines")
def dialog_get(visit: Visit) -> Json:
    """What an open channel's chat is and whom it belongs to."""
    given = str(visit.param("DIALOG_ID") or "").removeprefix("chat")
    key = as_int(visit.param("CHAT_ID") or given, 0)
    known = visit.world.table("open_lines").where(CHAT_ID=key)
    chat = visit.world.chats.get(key)
    if not known or chat is None:
        raise Refusal("ACCESS_ERROR", "You do not have access to the specified dialog")
    line = known[0]
    crm = f"{line['KIND'].upper()}|{line['ENTITY_ID']}"
    return chat_row(visit, chat) | {
        "type": "lines",
        "message_type": "L",
        "message_count": len(visit.world.messages.keys_where(CHAT_ID=key)),
        "entity_type": "LINES",
        "entity_data_1": f"Y|{crm}|N|N|{line['ID']}|{chat['CREATED']}|0|0|0",
        "role": "owner" if chat["OWNER"] == visit.user_id else "member",
        "dialog_id": f"chat{key}",
    }


def _chat(visit: Visit, *, needed: bool) -> Row:
    given = _argument(visit, "CHAT_ID") if needed else visit.param("CHAT_ID")
    rows = _lines(visit)
    key = as_int(given, 0) or (rows[-1]["CHAT_ID"] if rows else 0)
    chat = visit.world.chats.get(key)
    if chat is None or all(row["CHAT_ID"] != key for row in rows):
        text = "Chat does not belong to the CRM object being checked"
        raise Refusal("CHAT_NOT_IN_CRM", text)
    return chat


@method("imopenlines.crm.chat.user.add", scope="imopenlines", writes=True)
def user_add(visit: Visit) -> Json:
    """Let an operator into the chat of a CRM object; the answer is the chat's id."""
    user = as_int(_argument(visit, "USER_ID"), 0)
    chat = _chat(visit, needed=False)
    if visit.world.active_user(user) is None:
        text = "Access denied! This user does not have access to the chat"
        raise Refusal("ACCESS_DENIED", text, 403)
    members = list(dict.fromkeys([*chat["MEMBERS"], user]))
    visit.world.chats.update(chat["ID"], {"MEMBERS": members})
    return int(chat["ID"])


@method("imopenlines.crm.message.add", scope="imopenlines", writes=True)
def message_add(visit: Visit) -> Json:
    """An operator's message to the client; only a member of the chat can write."""
    user = as_int(_argument(visit, "USER_ID"), 0)
    text = str(_argument(visit, "MESSAGE"))
    chat = _chat(visit, needed=True)
    if user not in chat["MEMBERS"] or (user != visit.user_id and not visit.is_admin):
        raise Refusal("CANCELED", "You cannot send messages to the specified chat")
    return post(visit.world, chat["ID"], user, text)
