"""Calls of an outside telephony: register, finish, record, statistics.

Source: api-reference/telephony/telephony-external-call-*.md,
api-reference/telephony/voximplant/voximplant-statistic-get.md @ 5988ed13
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments
from bitrix24_agent.emulator.family import Kind
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, is_yes, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

CALL = Kind(
    table="calls",
    camel=False,
    fields=parse_fields("""
ID                 | integer  | ro | | ID
PORTAL_USER_ID     | integer  | ro | | Employee
PORTAL_NUMBER      | string   | ro | | Line
PHONE_NUMBER       | string   | ro | | Number of the client
CALL_ID            | string   | ro | | Call
EXTERNAL_CALL_ID   | string   | ro | | Outside id
CALL_CATEGORY      | string   | ro | | Category
CALL_DURATION      | integer  | ro | | Seconds
CALL_START_DATE    | datetime | ro | | Began
CALL_RECORD_URL    | string   | ro | | Record
CALL_VOTE          | integer  | ro | | Vote
COST               | string   | ro | | Cost
COST_CURRENCY      | string   | ro | | Currency
CALL_FAILED_CODE   | string   | ro | | Code
CALL_FAILED_REASON | string   | ro | | Reason
CRM_ENTITY_TYPE    | string   | ro | | CRM type
CRM_ENTITY_ID      | integer  | ro | | CRM object
CRM_ACTIVITY_ID    | integer  | ro | | Activity
REST_APP_ID        | integer  | ro | | Application
RECORD_FILE_ID     | integer  | ro | | File of the record
CALL_TYPE          | string   | ro | | Kind
"""),
)
_KINDS = (1, 2, 3, 4)


def _digits(text: Json) -> str:
    return re.sub(r"\D", "", str(text))


def _clients(visit: Visit, phone: Json) -> list[tuple[str, Row]]:
    wanted = _digits(phone)
    return [
        (name, row)
        for name, table in (
            ("CONTACT", visit.world.contacts),
            ("COMPANY", visit.world.companies),
            ("LEAD", visit.world.leads),
        )
        for row in table
        if any(_digits(one) == wanted for one in row.get("PHONE", ()))
    ]


@method("telephony.externalCall.searchCrmEntities", scope="telephony")
def search(visit: Visit) -> Json:
    """Who has this number."""
    phone = visit.param("PHONE_NUMBER")
    if not _digits(phone or ""):
        raise Refusal("ERROR_CORE", "PHONE_NUMBER is empty")
    return [_client(visit, kind, row) for kind, row in _clients(visit, phone)]


def _client(visit: Visit, kind: str, row: Row) -> Row:
    owner = visit.world.user(row["ASSIGNED_BY_ID"]) or {}
    name = row.get("TITLE") if kind == "COMPANY" else f"{row.get('NAME')} {row.get('LAST_NAME')}"
    return {
        "CRM_ENTITY_TYPE": kind,
        "CRM_ENTITY_ID": row["ID"],
        "ASSIGNED_BY_ID": row["ASSIGNED_BY_ID"],
        "NAME": name,
        "ASSIGNED_BY": {
            "ID": str(row["ASSIGNED_BY_ID"]),
            "TIMEMAN_STATUS": "CLOSED",
            "USER_PHONE_INNER": None,
            "WORK_PHONE": owner.get("WORK_PHONE"),
            "PERSONAL_PHONE": None,
            "PERSONAL_MOBILE": owner.get("PERSONAL_MOBILE"),
        },
    }


def _user(visit: Visit) -> int:
    if visit.param("USER_ID") in (None, "") and not visit.param("USER_PHONE_INNER"):
        raise Refusal("ERROR_CORE", "USER_ID or USER_PHONE_INNER should be set.")
    user = as_int(visit.param("USER_ID"), visit.user_id)
    if visit.world.active_user(user) is None:
        raise Refusal("ERROR_CORE", "User is not found or is not active.")
    return user


@method("telephony.externalCall.register", scope="telephony", writes=True, application=True)
def register(visit: Visit) -> Json:
    """A call begins; its id is a text."""
    user = _user(visit)
    phone = str(visit.param("PHONE_NUMBER") or "")
    if not _digits(phone):
        raise Refusal("ERROR_CORE", "Unsupported phone number format.")
    kind = as_int(visit.param("TYPE"), 0)
    if kind not in _KINDS:
        raise Refusal("ERROR_CORE", "Unknown TYPE.")
    given = visit.param("CALL_START_DATE")
    begun = moments.parse(str(given)) if given else visit.world.now()
    if begun is None:
        raise Refusal("ERROR_CORE", "CALL_START_DATE should be in the ISO-8601 format.")
    known = _clients(visit, phone)
    lead = None
    if not known and is_yes(visit.param("CRM_CREATE", 1)):
        lead = visit.world.leads.add(
            {"TITLE": f"{phone} - call", "ASSIGNED_BY_ID": user, "PHONE": [phone], "HAS_PHONE": "Y"}
        )
        known = [("LEAD", visit.world.leads.rows[lead])]
    number = visit.world.number("call")
    digits = hashlib.sha256(f"call {number}".encode()).hexdigest()[:32]
    call = f"externalCall.{digits}.{visit.world.now()}"
    CALL.rows(visit).add(
        {
            "CALL_ID": call,
            "PORTAL_USER_ID": user,
            "PORTAL_NUMBER": str(visit.param("LINE_NUMBER") or "REST_APP:5"),
            "PHONE_NUMBER": _digits(phone),
            "EXTERNAL_CALL_ID": visit.param("EXTERNAL_CALL_ID"),
            "CALL_CATEGORY": "external",
            "CALL_TYPE": str(kind),
            "CALL_START_DATE": begun,
            "CRM_ENTITY_TYPE": known[0][0] if known else None,
            "CRM_ENTITY_ID": known[0][1]["ID"] if known else None,
            "REST_APP_ID": 5,
            "FINISHED": False,
        }
    )
    return {
        "CALL_ID": call,
        "CRM_CREATED_LEAD": lead,
        "CRM_CREATED_ENTITIES": [{"ENTITY_TYPE": "LEAD", "ENTITY_ID": lead}] if lead else [],
        "CRM_ENTITY_TYPE": known[0][0] if known else None,
        "CRM_ENTITY_ID": known[0][1]["ID"] if known else None,
    }


def _call(visit: Visit) -> Row | None:
    found = CALL.rows(visit).where(CALL_ID=str(visit.param("CALL_ID") or ""))
    return found[0] if found else None


@method("telephony.externalCall.finish", scope="telephony", writes=True, application=True)
def finish(visit: Visit) -> Json:
    """The call is over: it enters the statistics and, with a client, the timeline."""
    if not isinstance(visit.param("CALL_ID"), str):
        raise Refusal("INVALID_ARGUMENT", "CALL_ID must be a string")
    user = _user(visit)
    row = _call(visit)
    if row is None:
        text = "Call is not found (call should be registered prior to finishing)"
        raise Refusal("ERROR_CORE", text)
    duration = max(as_int(visit.param("DURATION"), 0), 0)
    kinds = {"LEAD": 1, "CONTACT": 3, "COMPANY": 4}
    activity = None
    if row["CRM_ENTITY_ID"]:
        activity = visit.world.activities.add(
            {
                "OWNER_TYPE_ID": kinds[row["CRM_ENTITY_TYPE"]],
                "OWNER_ID": row["CRM_ENTITY_ID"],
                "TYPE_ID": 2,
                "SUBJECT": f"Call {row['PHONE_NUMBER']}",
                "DIRECTION": 1 if row["CALL_TYPE"] == "2" else 2,
                "COMPLETED": "Y",
                "START_TIME": row["CALL_START_DATE"],
                "END_TIME": row["CALL_START_DATE"] + duration,
                "CREATED": visit.world.now(),
                "LAST_UPDATED": visit.world.now(),
                "RESPONSIBLE_ID": user,
                "AUTHOR_ID": visit.user_id,
            }
        )
    code = str(visit.param("STATUS_CODE") or ("200" if duration else "304"))
    changes: Row = {
        "PORTAL_USER_ID": user,
        "CALL_DURATION": duration,
        "CALL_VOTE": as_int(visit.param("VOTE"), 0) or None,
        "COST": str(visit.param("COST") or "0.0000"),
        "COST_CURRENCY": str(visit.param("COST_CURRENCY") or ""),
        "CALL_FAILED_CODE": code,
        "CALL_FAILED_REASON": str(visit.param("FAILED_REASON") or ""),
        "CALL_RECORD_URL": str(visit.param("RECORD_URL") or ""),
        "CRM_ACTIVITY_ID": activity,
        "FINISHED": True,
    }
    row = CALL.rows(visit).update(row["ID"], changes)
    return {
        "CALL_ID": row["CALL_ID"],
        "EXTERNAL_CALL_ID": row["EXTERNAL_CALL_ID"],
        "PORTAL_USER_ID": user,
        "PHONE_NUMBER": row["PHONE_NUMBER"],
        "PORTAL_NUMBER": row["PORTAL_NUMBER"],
        "INCOMING": row["CALL_TYPE"],
        "CALL_DURATION": duration,
        "CALL_START_DATE": {},
        "CALL_STATUS": 1 if code == "200" else 0,
        "CALL_VOTE": row["CALL_VOTE"],
        "COST": 0,
        "COST_CURRENCY": row["COST_CURRENCY"],
        "CALL_FAILED_CODE": code,
        "CALL_FAILED_REASON": row["CALL_FAILED_REASON"],
        "CRM_ACTIVITY_ID": activity,
        "CRM_ENTITY_TYPE": row["CRM_ENTITY_TYPE"],
        "CRM_ENTITY_ID": row["CRM_ENTITY_ID"],
        "ID": row["ID"],
    }


@method("telephony.externalCall.attachRecord", scope="telephony", writes=True)
def attach_record(visit: Visit) -> Json:
    """The record of a finished call: from an address, from base64, or to be uploaded."""
    url, name = str(visit.param("RECORD_URL") or ""), str(visit.param("FILENAME") or "")
    if not url and not name:
        text = "Required parameters are not set. Request should contain either URL or FILENAME"
        raise Refusal("ERROR_CORE", f"{text} parameter")
    row = _call(visit)
    if row is None or not row["FINISHED"]:
        text = "Call is not found in the statistic table. It looks like it is not finished yet."
        raise Refusal("ERROR_CORE", text)
    name = name or url.rpartition("/")[2]
    if not name.lower().endswith((".mp3", ".wav")):
        raise Refusal("ERROR_CORE", "Wrong file extension. Only wav and mp3 are allowed")
    content = visit.param("FILE_CONTENT")
    if not url and content is None:
        digits = hashlib.sha256(f"record {row['ID']}".encode()).hexdigest()[:40]
        address = f"{visit.base_url}/rest/upload.json?auth={digits}&token=telephony%7C{row['ID']}"
        return {"uploadUrl": address, "fieldName": "file"}
    if not url:
        try:
            base64.b64decode(str(content), validate=True)
        except (binascii.Error, ValueError):
            text = "File content is not properly encoded. Base64 encoding is expected."
            raise Refusal("ERROR_CORE", text) from None
    file = 30000 + row["ID"]
    changes: Row = {"RECORD_FILE_ID": file, "CALL_RECORD_URL": url or name}
    CALL.rows(visit).update(row["ID"], changes)
    return {"FILE_ID": file}


@method("voximplant.statistic.get", scope="telephony")
def statistic(visit: Visit) -> Reply:
    """Finished calls."""
    if not visit.is_admin:
        raise Refusal("ACCESS_DENIED", "Access denied!", 403)
    return CALL.reply(visit, CALL.page(visit, inside={"FINISHED": True}))
