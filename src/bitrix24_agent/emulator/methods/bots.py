"""Chat bots of the second generation: register, write, read.

Source: api-reference/chat-bots/chat-bots-v2/imbot.v2/{bots/bot-list,bots/bot-register,
messages/chat-message-send,messages/chat-message-get}.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments
from bitrix24_agent.emulator.methods.chats import dialog_of, post
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, as_int, as_map, is_yes, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

_TYPES = ("bot", "network", "openline", "supervisor", "personal")
_MODES = ("fetch", "webhook")


def _owner(visit: Visit, token: Json) -> str:
    """Return who owns bots here: the application, or the token a webhook chose."""
    if visit.credential.application:
        return visit.credential.id
    if not token:
        raise Refusal("BOT_TOKEN_NOT_SPECIFIED", "Bot token is not specified")
    return f"token {token}"


@method("imbot.v2.Bot.list", scope="imbot")
def bot_list(visit: Visit) -> Json:
    """Bots of the caller."""
    owner = _owner(visit, visit.param("botToken"))
    rows = visit.world.table("bots").where(OWNER=owner)
    offset = max(as_int(visit.param("offset"), 0), 0)
    limit = as_int(visit.param("limit"), 50)
    part = rows[offset:][: limit if limit > 0 else 50]
    return {
        "bots": [_bot(row) for row in part],
        "users": [_user(row) for row in part],
        "hasNextPage": offset + len(part) < len(rows),
    }


def _bot(row: Row) -> Row:
    return {
        "id": row["ID"],
        "code": row["CODE"],
        "type": row["TYPE"],
        "isHidden": row["HIDDEN"],
        "isSupportOpenline": False,
        "isReactionsEnabled": True,
        "backgroundId": None,
        "language": "en",
        "moduleId": "rest",
        "eventMode": row["MODE"],
        "countMessage": row["MESSAGES"],
        "countCommand": 0,
        "countChat": 0,
        "countUser": 0,
    }


def _user(row: Row) -> Row:
    return {"id": row["ID"], "active": True, "name": row["NAME"], "bot": True, "type": "bot"}


@method("imbot.v2.Bot.register", scope="imbot", writes=True)
def register(visit: Visit) -> Json:
    """A new bot, or the one of the same code again."""
    given = as_map(visit.need("fields"), "fields")
    owner = _owner(visit, given.get("botToken"))
    code = str(given.get("code") or "")
    if not code:
        raise Refusal("BOT_CODE_REQUIRED", "Bot code is required")
    properties = given.get("properties")
    name = str(properties.get("name") or "") if isinstance(properties, dict) else ""
    if not name:
        raise Refusal("BOT_PROPERTIES_REQUIRED", "Bot properties are required")
    kind, mode = str(given.get("type") or "bot"), str(given.get("eventMode") or "fetch")
    if kind not in _TYPES:
        raise Refusal("BOT_INVALID_TYPE", "Invalid bot type")
    if mode not in _MODES:
        raise Refusal("BOT_INVALID_EVENT_MODE", "Invalid event mode")
    if mode == "webhook" and not given.get("webhookUrl"):
        raise Refusal("BOT_WEBHOOK_URL_REQUIRED", "Webhook URL is required")
    table = visit.world.table("bots")
    known = table.where(CODE=code)
    if known and known[0]["OWNER"] != owner:
        raise Refusal("BOT_CODE_ALREADY_TAKEN", "Bot code is already taken")
    if not known:
        key = 900 + visit.world.number("bot")
        row = {"CODE": code, "OWNER": owner, "NAME": name, "TYPE": kind, "MODE": mode}
        table.add({**row, "HIDDEN": is_yes(given.get("isHidden")), "MESSAGES": 0}, key=key)
        known = [table.rows[key]]
    return {"bot": _bot(known[0]), "users": [_user(known[0])]}


def _mine(visit: Visit) -> Row:
    owner = _owner(visit, visit.param("botToken"))
    if visit.param("botId") in (None, ""):
        raise Refusal("BOT_ID_REQUIRED", "Bot ID is required")
    row = visit.world.table("bots").get(as_int(visit.param("botId"), 0))
    if row is None:
        raise Refusal("BOT_NOT_FOUND", "Bot not found")
    if row["OWNER"] != owner:
        raise Refusal("BOT_OWNERSHIP_ERROR", "Bot is registered by another application")
    return row


@method("imbot.v2.Chat.Message.send", scope="imbot", writes=True)
def message_send(visit: Visit) -> Json:
    """A message of the bot; to a person it opens a dialog of the two."""
    bot = _mine(visit)
    fields = as_map(visit.param("fields"), "fields")
    text = str(fields.get("message") or "")
    if not text and not fields.get("attach"):
        raise Refusal("EMPTY_MESSAGE", "Message is empty")
    chat = dialog_of(visit, str(visit.param("dialogId") or ""), bot["ID"])
    if chat is None:
        raise Refusal("ACCESS_DENIED", "Access denied", 403)
    visit.world.table("bots").update(bot["ID"], {"MESSAGES": bot["MESSAGES"] + 1})
    return {"id": post(visit.world, chat["ID"], bot["ID"], text), "uuidMap": {}}


@method("imbot.v2.Chat.Message.get", scope="imbot")
def message_get(visit: Visit) -> Json:
    """One message; only bots that see everything in a chat may ask."""
    bot = _mine(visit)
    if bot["TYPE"] not in ("supervisor", "personal"):
        raise Refusal("BOT_TYPE_NOT_ALLOWED", "Bot type not allowed")
    row = visit.world.messages.get(as_int(visit.param("messageId"), 0))
    chat = visit.world.chats.get(row["CHAT_ID"]) if row else None
    if row is None or chat is None or bot["ID"] not in chat["MEMBERS"]:
        raise Refusal("MESSAGE_NOT_FOUND", "Message not found")
    author = visit.world.user(row["AUTHOR_ID"])
    name = f"{author['NAME']} {author['LAST_NAME']}" if author else bot["NAME"]
    return {
        "message": {
            "id": row["ID"],
            "chatId": row["CHAT_ID"],
            "authorId": row["AUTHOR_ID"],
            "date": moments.iso(row["DATE"]),
            "text": row["TEXT"],
            "isSystem": False,
            "uuid": "",
            "forward": None,
            "params": {},
            "viewedByOthers": False,
        },
        "user": {
            "id": row["AUTHOR_ID"],
            "active": True,
            "name": name,
            "bot": author is None,
            "type": "employee" if author else "bot",
        },
    }
