"""Mailboxes and mails of REST 3.0.

Source: api-reference/mail/{mailbox/mail-mailbox-senders,message/mail-message-*}.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments, v3, work
from bitrix24_agent.emulator.refusal import RefusalV3, invalid_request
from bitrix24_agent.emulator.registry import Visit, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

_CONTACT = 3


def _boxes(visit: Visit) -> list[Row]:
    return [row for row in visit.world.table("mailboxes") if visit.user_id in row["USERS"]]


@method("mail.mailbox.senders", scope="mail", version=3)
def senders(visit: Visit) -> Json:
    """Addresses the acting user may write from."""
    offset, limit = v3.window_of(visit.params.get("pagination"))
    rows = _boxes(visit)[offset : offset + limit]
    return {
        "items": [
            {
                "email": row["EMAIL"],
                "name": row["NAME"],
                "sender": f"{row['NAME']} <{row['EMAIL']}>",
            }
            for row in rows
        ]
    }


def _mails(visit: Visit) -> list[Row]:
    boxes = {row["ID"] for row in _boxes(visit)}
    return [row for row in visit.world.table("mails") if row["MAILBOX_ID"] in boxes]


def _shown(visit: Visit, row: Row) -> Row:
    box = visit.world.table("mailboxes").rows[row["MAILBOX_ID"]]
    return {
        "id": row["ID"],
        "mailboxId": row["MAILBOX_ID"],
        "mailboxEmail": box["EMAIL"],
        "subject": row["SUBJECT"],
        "from": row["FROM"],
        "to": row["TO"],
        "cc": row.get("CC") or "",
        "date": moments.iso(row["DATE"]),
        "isSeen": bool(row.get("SEEN")),
        "hasAttachments": False,
        "url": f"/mail/message/{row['ID']}",
        "bindings": list(row.get("BINDINGS") or []),
        "body": row["BODY"],
    }


@method("mail.message.list", scope="mail", version=3)
def mails(visit: Visit) -> Json:
    """Mails of one's own mailboxes, the latest first; ``searchQuery`` looks everywhere in them."""
    words = visit.params.get("searchQuery", "")
    if not isinstance(words, str):
        text = "Field `searchQuery` requires data type `string` for this request"
        raise invalid_request(("searchQuery", text))
    bounds: list[int | None] = []
    for name in ("dateFrom", "dateTo"):
        given = visit.params.get(name)
        moment = moments.parse(given) if isinstance(given, str) else None
        if given is not None and moment is None:
            text = f"Parameter `{name}` must be in ISO 8601 format (DATE_ATOM)"
            raise invalid_request((name, text))
        bounds.append(moment)
    first, last = bounds
    box = visit.params.get("mailboxId")
    rows = [
        row
        for row in reversed(_mails(visit))
        if words.casefold() in f"{row['SUBJECT']} {row['FROM']} {row['BODY']}".casefold()
        if (box is None or row["MAILBOX_ID"] == box)
        and (first is None or row["DATE"] >= first)
        and (last is None or row["DATE"] <= last)
    ]
    offset, limit = v3.window_of(visit.params.get("pagination"))
    return {"items": [_shown(visit, row) for row in rows[offset : offset + limit]]}


def _mail(visit: Visit, name: str) -> Row:
    key = v3.need_int(visit.params, name)
    row = visit.world.table("mails").get(key)
    if row is None:
        raise RefusalV3("ENTITYNOTFOUNDEXCEPTION", f"Record with ID = `{key}` not found")
    if all(box["ID"] != row["MAILBOX_ID"] for box in _boxes(visit)):
        raise RefusalV3("ACCESSDENIEDEXCEPTION", "Access denied", status=403)
    return row


@method("mail.message.get", scope="mail", version=3)
def mail_get(visit: Visit) -> Json:
    """One mail."""
    shown = _shown(visit, _mail(visit, "id"))
    select = v3.select_of(visit.params)
    return {"item": {name: shown[name] for name in shown if select is None or name in select}}


@method("mail.message.thread", scope="mail", version=3)
def thread(visit: Visit) -> Json:
    """The mails a mail belongs to, the oldest first, without ``items``."""
    row = _mail(visit, "id")
    root = row.get("ROOT") or row["ID"]
    limit = visit.params.get("limit", 50)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit <= 0:
        text = "Field `limit` requires data type `int` for this request"
        raise invalid_request(("limit", text))
    rows = [one for one in _mails(visit) if root in (one["ID"], one.get("ROOT"))]
    return [
        {
            "id": one["ID"],
            "subject": one["SUBJECT"],
            "from": one["FROM"],
            "to": one["TO"],
            "cc": one.get("CC") or "",
            "date": moments.iso(one["DATE"])[:19].replace("T", " "),
            "body": one["BODY"],
        }
        for one in rows[:limit]
    ]


@method("mail.message.reply", scope="mail", version=3, writes=True)
def reply(visit: Visit) -> Json:
    """An answer that leaves the company."""
    given = visit.params
    problems = [
        (name, f"Mandatory field `{name}` is not specified")
        for name in ("replyToMessageId", "from", "to", "subject", "body")
        if given.get(name) in (None, "", [])
    ]
    if problems:
        raise invalid_request(*problems)
    row = _mail(visit, "replyToMessageId")
    people = given["to"]
    if not isinstance(people, list) or not all(
        isinstance(one, str) and "@" in one for one in people
    ):
        raise invalid_request(("to", "NO_RECIPIENTS"))
    box = [one for one in _boxes(visit) if one["EMAIL"] == given["from"]]
    if not box:
        raise invalid_request(("from", "MESSAGE_REPLY_FAILED"))
    visit.world.table("mails").add(
        {
            "MAILBOX_ID": box[0]["ID"],
            "SUBJECT": str(given["subject"]),
            "FROM": box[0]["EMAIL"],
            "TO": ", ".join(people),
            "CC": ", ".join(str(one) for one in given.get("cc") or () if isinstance(one, str)),
            "BODY": str(given["body"]),
            "DATE": visit.world.now(),
            "SEEN": True,
            "ROOT": row.get("ROOT") or row["ID"],
        }
    )
    return {"success": True, "to": people}


def _source(visit: Visit) -> Row:
    given = visit.params.get("messageId")
    if not isinstance(given, int) or isinstance(given, bool) or given <= 0:
        raise invalid_request(("messageId", "Mandatory field `messageId` is missing"))
    row = visit.world.table("mails").get(given)
    if row is None:
        text = "Message was deleted or moved to another folder"
        raise invalid_request(("messageId", text))
    return _mail(visit, "messageId")


@method("mail.message.createtask", scope="mail", version=3, writes=True)
def create_task(visit: Visit) -> Json:
    """A task that keeps a link to the mail."""
    row = _source(visit)
    wanted = visit.params.get("responsibleId", visit.user_id)
    if not isinstance(wanted, int) or visit.world.active_user(wanted) is None:
        raise invalid_request(("-", "Failed to create task"))
    task = work.create(
        visit.world,
        {
            "TITLE": str(visit.params.get("title") or row["SUBJECT"]),
            "DESCRIPTION": str(visit.params.get("description") or row["BODY"]),
            "RESPONSIBLE_ID": wanted,
        },
        visit.user_id,
    )
    _bind(visit, row, {"type": "TASKS_TASK", "id": task["ID"]})
    return {"success": True, "taskId": task["ID"], "messageId": row["ID"]}


def _bind(visit: Visit, row: Row, link: Row) -> None:
    links = [*(row.get("BINDINGS") or []), link]
    visit.world.table("mails").update(row["ID"], {"BINDINGS": links})


@method("mail.message.createcrmactivity", scope="mail", version=3, writes=True)
def create_activity(visit: Visit) -> Json:
    """The mail in the timeline of its client, a new contact when nobody has the address."""
    row = _source(visit)
    known = visit.world.contacts.where(EMAIL=row["FROM"])
    owner = (
        known[0]["ID"]
        if known
        else visit.world.contacts.add(
            {
                "NAME": row["FROM"].partition("@")[0],
                "EMAIL": [row["FROM"]],
                "HAS_EMAIL": "Y",
                "ASSIGNED_BY_ID": visit.user_id,
            }
        )
    )
    now = visit.world.now()
    activity = visit.world.activities.add(
        {
            "OWNER_TYPE_ID": _CONTACT,
            "OWNER_ID": owner,
            "TYPE_ID": 4,
            "SUBJECT": row["SUBJECT"],
            "DIRECTION": 1,
            "COMPLETED": "N",
            "START_TIME": row["DATE"],
            "END_TIME": row["DATE"],
            "CREATED": now,
            "LAST_UPDATED": now,
            "RESPONSIBLE_ID": visit.user_id,
            "AUTHOR_ID": visit.user_id,
        }
    )
    _bind(visit, row, {"type": "CRM_ACTIVITY", "id": activity})
    return True
