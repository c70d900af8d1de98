"""Workgroups and their members.

Source: api-reference/sonet-group/{sonet-group-create,socialnetwork-api-workgroup-list}.md,
api-reference/sonet-group/members/sonet-group-user-{get,invite}.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator.family import Kind
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.query import Page
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, as_names, is_yes, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

GROUP = Kind(
    table="groups",
    camel=False,
    fields=parse_fields("""
ID             | integer  | ro | | ID
NAME           | string   |    | | Name
DESCRIPTION    | string   |    | | Description
OWNER_ID       | integer  |    | | Owner
ACTIVE         | char     |    | | Active
VISIBLE        | char     |    | | Visible
OPENED         | char     |    | | Open
CLOSED         | char     |    | | Archived
PROJECT        | char     |    | | Project
SUBJECT_ID     | integer  |    | | Subject
KEYWORDS       | string   |    | | Words
INITIATE_PERMS | string   |    | | Who may invite
SCRUM_MASTER_ID | integer |    | scrumMasterId | Scrum master
DATE_CREATE    | datetime | ro | | Created on
"""),
)


@method("socialnetwork.api.workgroup.list", scope="socialnetwork")
def group_list(visit: Visit) -> Reply:
    """Groups the acting user sees; asked for in upper case, answered in camelCase."""
    page: Page = GROUP.page(visit)
    select = as_names(visit.param("select")) or ["ID"]
    rows = []
    for row in page.rows:
        if row.get("VISIBLE") == "N" and role(visit, row["ID"], visit.user_id) is None:
            continue
        shown = {
            field.item: field.classic_value(row.get(field.name))
            for field in GROUP.fields.fields
            if field.name in select or "*" in select or field.name == "ID"
        }
        kind = (
            "scrum"
            if row.get("SCRUM_MASTER_ID")
            else "project"
            if is_yes(row.get("PROJECT"))
            else "group"
        )
        rows.append(
            shown
            | {
                "type": kind,
                "additionalData": {
                    "role": role(visit, row["ID"], visit.user_id) or "",
                    "initiatedByType": "",
                },
                "dialogId": "",
            }
        )
    return Reply(result={"workgroups": rows}, total=page.total, next=page.next)


def role(visit: Visit, group: int, user: int) -> str | None:
    """Return what a user is in a group: A, E, K, invited Z, or None."""
    known = visit.world.table("group_members").where(GROUP_ID=group, USER_ID=user)
    return str(known[0]["ROLE"]) if known else None


@method("sonet_group.create", scope="sonet", writes=True)
def group_create(visit: Visit) -> Json:
    """A new group; its maker owns it."""
    name = str(visit.param("NAME") or "").strip()
    if not name:
        raise Refusal("", "Cannot create group")
    if any(isinstance(value, dict) for key, value in visit.lower.items() if key != "image"):
        raise Refusal("", "Incorrect input data")
    owner = as_int(visit.param("OWNER_ID"), visit.user_id) if visit.is_admin else visit.user_id
    if visit.world.active_user(owner) is None:
        raise Refusal("", "Cannot create group")
    flags = {"VISIBLE": "Y", "OPENED": "N", "CLOSED": "N", "PROJECT": "N"}
    key = GROUP.rows(visit).add(
        {
            "NAME": name,
            "DESCRIPTION": str(visit.param("DESCRIPTION") or ""),
            "OWNER_ID": owner,
            "ACTIVE": "Y",
            "SUBJECT_ID": as_int(visit.param("SUBJECT_ID"), 1),
            "INITIATE_PERMS": str(visit.param("INITIATE_PERMS") or "K"),
            "SCRUM_MASTER_ID": as_int(visit.param("SCRUM_MASTER_ID"), 0) or None,
            "DATE_CREATE": visit.world.now(),
            **{
                one: "Y" if is_yes(visit.param(one, plain)) else "N" for one, plain in flags.items()
            },
        }
    )
    visit.world.table("group_members").add({"GROUP_ID": key, "USER_ID": owner, "ROLE": "A"})
    return key


def _group(visit: Visit, name: str, wrong: str) -> Row:
    key = as_int(visit.param(name), 0)
    if key <= 0:
        raise Refusal("", wrong)
    row = GROUP.find(visit, key)
    hidden = row is not None and row.get("VISIBLE") == "N" and not visit.is_admin
    if row is None or (hidden and role(visit, key, visit.user_id) is None):
        raise Refusal("", "Socialnetwork group not found")
    return row


@method("sonet_group.user.invite", scope="sonet", writes=True)
def user_invite(visit: Visit) -> Json:
    """Invitations; the answer names the people who got one."""
    group = _group(visit, "GROUP_ID", "Wrong group ID")
    given = visit.param("USER_ID")
    people = [as_int(one, 0) for one in (given if isinstance(given, list) else [given])]
    people = [one for one in people if one > 0]
    if not people:
        raise Refusal("", "Wrong user IDs")
    if role(visit, group["ID"], visit.user_id) not in ("A", "E", "K") and not visit.is_admin:
        return []
    invited = []
    for user in people:
        if visit.world.active_user(user) is None or role(visit, group["ID"], user):
            continue
        visit.world.table("group_members").add(
            {
                "GROUP_ID": group["ID"],
                "USER_ID": user,
                "ROLE": "Z",
                "MESSAGE": str(visit.param("MESSAGE") or ""),
            }
        )
        invited.append(str(user))
    return invited


@method("sonet_group.user.get", scope="sonet")
def user_get(visit: Visit) -> Json:
    """Members; who was only invited is not one yet."""
    group = _group(visit, "ID", "Wrong socialnetwork group ID")
    rows = visit.world.table("group_members").where(GROUP_ID=group["ID"])
    return [
        {"USER_ID": str(row["USER_ID"]), "ROLE": row["ROLE"]}
        for row in rows
        if row["ROLE"] in ("A", "E", "K")
    ]
