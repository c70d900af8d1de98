"""Workflows: templates, running instances, assignments, robots; triggers of automation.

Source: api-reference/bizproc/**/*.md, api-reference/crm/automation/triggers/*.md @ 5988ed13
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import crm
from bitrix24_agent.emulator.family import Kind, admin_only
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, as_map, as_names, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

TEMPLATE = Kind(
    table="workflow_templates",
    camel=False,
    fields=parse_fields("""
ID           | integer  | ro | | ID
NAME         | string   |    | | Name
MODULE_ID    | string   | ro | | Module
ENTITY       | string   | ro | | Document
DOCUMENT_TYPE | string  | ro | | Kind of document
AUTO_EXECUTE | integer  |    | | Starts by itself
PARAMETERS   | any      |    | | Parameters
MODIFIED     | datetime | ro | | Changed on
USER_ID      | integer  | ro | | Changed by
SYSTEM_CODE  | string   | ro | | Code
"""),
)
WORKFLOW = Kind(
    table="workflows",
    camel=False,
    fields=parse_fields("""
ID          | string   | ro | | ID
MODIFIED    | datetime | ro | | Changed on
OWNED_UNTIL | datetime | ro | | Locked until
STARTED     | datetime | ro | | Started on
MODULE_ID   | string   | ro | | Module
ENTITY      | string   | ro | | Document
DOCUMENT_ID | string   | ro | | Number of the document
STARTED_BY  | integer  | ro | | Started by
TEMPLATE_ID | integer  | ro | | Template
"""),
)
TASK = Kind(
    table="assignments",
    camel=False,
    fields=parse_fields("""
ID                     | integer  | ro | | ID
WORKFLOW_ID            | string   | ro | | Workflow
DOCUMENT_NAME          | string   | ro | | Document
NAME                   | string   | ro | | Name
DESCRIPTION            | string   | ro | | Description
MODIFIED               | datetime | ro | | Changed on
WORKFLOW_STARTED       | datetime | ro | | Workflow started on
WORKFLOW_STARTED_BY    | integer  | ro | | Workflow started by
OVERDUE_DATE           | datetime | ro | | Deadline
WORKFLOW_TEMPLATE_ID   | integer  | ro | | Template
WORKFLOW_TEMPLATE_NAME | string   | ro | | Name of the template
WORKFLOW_STATE         | string   | ro | | State
STATUS                 | integer  | ro | | Status
USER_ID                | integer  | ro | | Employee
USER_STATUS            | integer  | ro | | His answer
MODULE_ID              | string   | ro | | Module
ENTITY                 | string   | ro | | Kind of document
DOCUMENT_ID            | string   | ro | | Number of the document
ACTIVITY               | string   | ro | | Kind of assignment
ACTIVITY_NAME          | string   | ro | | Step
PARAMETERS             | any      | ro | | Parameters
"""),
)
_ADMIN = admin_only("ACCESS_DENIED", "Access denied!", 403)
_DOCUMENTS = {
    "LEAD": ("CCrmDocumentLead", 1),
    "DEAL": ("CCrmDocumentDeal", 2),
    "CONTACT": ("CCrmDocumentContact", 3),
    "COMPANY": ("CCrmDocumentCompany", 4),
}


@method("bizproc.workflow.template.list", scope="bizproc")
def template_list(visit: Visit) -> Json:
    """Templates; only the id comes unasked."""
    _ADMIN(visit)
    page = TEMPLATE.page(visit)
    select = as_names(visit.param("SELECT")) or ["ID"]
    return _reply([TEMPLATE.shown(row, select) for row in page.rows], page.total, page.next)


def _reply(rows: list[Row], total: int | None, following: int | None) -> Reply:
    return Reply(result=rows, total=total, next=following)


@method("bizproc.workflow.start", scope="bizproc", writes=True)
def start(visit: Visit) -> Json:
    """A template on a document; the answer is the text id of the workflow."""
    _ADMIN(visit)
    if visit.param("TEMPLATE_ID") in (None, "", 0):
        raise Refusal("ERROR_WRONG_WORKFLOW_ID", "Empty TEMPLATE_ID")
    template = TEMPLATE.find(visit, visit.param("TEMPLATE_ID"))
    if template is None:
        raise Refusal("ERROR_WRONG_WORKFLOW_ID", "Template not found")
    given = visit.param("DOCUMENT_ID")
    if not isinstance(given, list) or len(given) != 3 or not all(isinstance(o, str) for o in given):
        raise Refusal("", "Wrong DOCUMENT_ID!")
    module, entity, document = given
    kind, _, number = str(document).rpartition("_")
    known, table_id = _DOCUMENTS.get(kind, ("", 0))
    table = visit.world.table_of(table_id)
    if table is None or known != entity or module != "crm":
        raise Refusal("", "Incorrect document type!")
    if not number.isdigit() or int(number) not in table:
        raise Refusal("", "Wrong DOCUMENT_ID!")
    if template["ENTITY"] != entity:
        raise Refusal("", "Template type and DOCUMENT_ID mismatch!")
    now = visit.world.now()
    digits = hashlib.sha256(f"workflow {visit.world.number('workflow')}".encode()).hexdigest()
    key = f"{digits[:14]}.{int(digits[14:22], 16) % 10**8:08}"
    WORKFLOW.rows(visit).add(
        {
            "WORKFLOW_ID": key,
            "MODIFIED": now,
            "OWNED_UNTIL": None,
            "STARTED": now,
            "MODULE_ID": module,
            "ENTITY": entity,
            "DOCUMENT_ID": document,
            "STARTED_BY": visit.user_id,
            "TEMPLATE_ID": template["ID"],
            "PARAMETERS": dict(as_map(visit.param("PARAMETERS"), "PARAMETERS")),
        }
    )
    return key


@method("bizproc.workflow.instances", scope="bizproc")
def instances(visit: Visit) -> Json:
    """What runs now."""
    _ADMIN(visit)
    given = dict(as_map(visit.param("FILTER"), "FILTER"))
    for name in list(given):
        if name.lstrip("!=@") == "ID":  # the id is a text here
            given[name.replace("ID", "WORKFLOW_ID")] = given.pop(name)
    page = _INSTANCES.page(visit, given=given)
    select = as_names(visit.param("SELECT")) or ["ID", "MODIFIED", "OWNED_UNTIL"]
    rows = [WORKFLOW.shown({**row, "ID": row["WORKFLOW_ID"]}, select) for row in page.rows]
    return _reply(rows, page.total, page.next)


_INSTANCES = Kind(
    table="workflows",
    camel=False,
    fields=WORKFLOW.fields.plus(parse_fields("WORKFLOW_ID | string | ro | | ID").fields),
)


@method("bizproc.workflow.terminate", scope="bizproc", writes=True)
def terminate(visit: Visit) -> Json:
    """End a workflow; assignments that still wait end with it."""
    _ADMIN(visit)
    key = visit.param("ID")
    if key in (None, ""):
        raise Refusal("ERROR_WRONG_WORKFLOW_ID", "Empty workflow instance ID")
    found = WORKFLOW.rows(visit).where(WORKFLOW_ID=str(key))
    if not found:
        raise Refusal("ERROR_WRONG_WORKFLOW_ID", "Workflow instance not found")
    WORKFLOW.rows(visit).delete(found[0]["ID"])
    for row in TASK.rows(visit).where(WORKFLOW_ID=str(key)):
        if row["STATUS"] == 0:
            TASK.rows(visit).update(row["ID"], {"STATUS": 4})
    return True


# --- assignments ----------------------------------------------------------------------------------


@method("bizproc.task.list", scope="bizproc")
def task_list(visit: Visit) -> Json:
    """Assignments; somebody else's only for administrators."""
    given = dict(as_map(visit.param("FILTER"), "FILTER"))
    if not visit.is_admin:
        given = {key: one for key, one in given.items() if key.lstrip("=!@") != "USER_ID"}
        given["=USER_ID"] = visit.user_id
    select = as_names(visit.param("SELECT")) or ["ID", "WORKFLOW_ID", "DOCUMENT_NAME", "NAME"]
    unknown = [name for name in select if name not in TASK.fields.by_name and name != "*"]
    if unknown:
        text = f"Unknown field in SELECT: {unknown[0]}"
        raise Refusal("ERROR_SELECT_VALIDATION_FAILURE", text)
    page = TASK.page(visit, given=given)
    return _reply([TASK.shown(row, select) for row in page.rows], page.total, page.next)


_ANSWERS = {"1": 1, "yes": 1, "2": 2, "no": 2, "3": 3, "ok": 3, "4": 4, "cancel": 4}


@method("bizproc.task.complete", scope="bizproc", writes=True)
def task_complete(visit: Visit) -> Json:
    """The acting user's own decision."""
    key = visit.param("TASK_ID")
    if key in (None, "", 0):
        raise Refusal("ERROR_TASK_VALIDATION", "empty TASK_ID")
    answer = _ANSWERS.get(str(visit.param("STATUS")).lower())
    if answer is None:
        raise Refusal("ERROR_TASK_VALIDATION", "incorrect STATUS")
    row = TASK.find(visit, key)
    if row is None or row["USER_ID"] != visit.user_id:
        raise Refusal("ERROR_TASK_NOT_FOUND", "Task not found")
    if row["STATUS"] != 0:
        raise Refusal("ERROR_TASK_COMPLETED", "Task already completed")
    said = str(visit.param("COMMENT") or "")
    changes = {"STATUS": answer, "USER_STATUS": answer, "COMMENT": said}
    TASK.rows(visit).update(row["ID"], changes | {"MODIFIED": visit.world.now()})
    return True


@method("bizproc.task.delegate", scope="bizproc", writes=True)
def task_delegate(visit: Visit) -> Json:
    """Assignments to somebody else; all of them or none."""
    given = visit.param("TASK_IDS")
    keys = [as_int(one, 0) for one in given] if isinstance(given, list) else []
    if not keys or min(keys) <= 0:
        raise Refusal("ERROR_TASK_VALIDATION", "Invalid TASK_IDS")
    source, target = as_int(visit.param("FROM_USER_ID"), 0), as_int(visit.param("TO_USER_ID"), 0)
    if source <= 0:
        raise Refusal("ERROR_INVALID_USER_ID", "Invalid FROM_USER_ID")
    if target <= 0:
        raise Refusal("ERROR_INVALID_USER_ID", "Invalid TO_USER_ID")
    if visit.world.active_user(target) is None:
        text = "Task delegation is only available for intranet users"
        raise Refusal("ERROR_DELEGATION_NOT_ALLOWED", text)
    rows = [TASK.find(visit, key) for key in keys]
    mine = visit.is_admin or source == visit.user_id
    if not mine or any(row is None or row["USER_ID"] != source or row["STATUS"] for row in rows):
        raise Refusal("ERROR_DELEGATION_NOT_ALLOWED", "User is not responsible for the task")
    for key in keys:
        TASK.rows(visit).update(key, {"USER_ID": target, "MODIFIED": visit.world.now()})
    return True


# --- robots and triggers of an application --------------------------------------------------------


@method("bizproc.robot.list", scope="bizproc", application=True)
def robot_list(visit: Visit) -> Json:
    """Codes of the application's robots."""
    _ADMIN(visit)
    return [row["CODE"] for row in visit.world.table("robots")]


@method("bizproc.robot.add", scope="bizproc", writes=True, application=True)
def robot_add(visit: Visit) -> Json:
    """A robot that calls the application."""
    _ADMIN(visit)
    invalid = "ERROR_ACTIVITY_VALIDATION_FAILURE"
    code = visit.param("CODE")
    if not visit.params:
        raise Refusal(invalid, "Empty data!")
    if not code:
        raise Refusal(invalid, "Empty activity code!")
    if not isinstance(code, str) or not re.fullmatch(r"[A-Za-z0-9.\-_]+", code):
        raise Refusal(invalid, "Wrong activity code!")
    handler = str(visit.param("HANDLER") or "")
    if "://" not in handler:
        raise Refusal("ERROR_WRONG_HANDLER_URL", "Wrong handler URL")
    if not handler.startswith(("http://", "https://")):
        raise Refusal("ERROR_UNSUPPORTED_PROTOCOL", "Unsupported handler protocol")
    if not visit.param("NAME"):
        raise Refusal(invalid, "Empty activity NAME!")
    properties = visit.param("PROPERTIES") or {}
    if not isinstance(properties, dict):
        raise Refusal(invalid, "Wrong properties array!")
    for key, one in properties.items():
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", key):
            raise Refusal(invalid, f"Wrong property key {key}!")
        if not isinstance(one, dict) or not one.get("Name"):
            raise Refusal(invalid, f"Empty property NAME {key}!")
    table = visit.world.table("robots")
    if table.keys_where(CODE=code):
        text = "Activity or Automation rule already installed!"
        raise Refusal("ERROR_ACTIVITY_ALREADY_INSTALLED", text)
    table.add({"CODE": code, "HANDLER": handler, "NAME": visit.param("NAME"), "DATA": properties})
    return True


def _trigger_rights(visit: Visit) -> None:
    if not visit.is_admin:
        raise Refusal("ACCESS_DENIED", "Access denied! Admin permissions required", 403)


def _trigger_code(visit: Visit) -> str:
    code = visit.param("CODE")
    if not code:
        raise Refusal("", "Empty trigger code!")
    if not isinstance(code, str) or not re.fullmatch(r"[a-z0-9.\-_]+", code):
        raise Refusal("", "Wrong trigger code!")
    return code


@method("crm.automation.trigger.list", scope="crm", application=True)
def trigger_list(visit: Visit) -> Json:
    """Triggers of the application."""
    _trigger_rights(visit)
    return [{"NAME": row["NAME"], "CODE": row["CODE"]} for row in visit.world.table("triggers")]


@method("crm.automation.trigger.add", scope="crm", writes=True, application=True)
def trigger_add(visit: Visit) -> Json:
    """A trigger, or a new name for one of that code."""
    _trigger_rights(visit)
    code = _trigger_code(visit)
    if not visit.param("NAME"):
        raise Refusal("", "Empty trigger name!")
    table = visit.world.table("triggers")
    known = table.where(CODE=code)
    if known:
        table.update(known[0]["ID"], {"NAME": str(visit.param("NAME"))})
    else:
        table.add({"CODE": code, "NAME": str(visit.param("NAME")), "STAGES": {}})
    return True


@method("crm.automation.trigger.execute", scope="crm", writes=True, application=True)
def trigger_execute(visit: Visit) -> Json:
    """Fire a trigger: the object moves where an administrator has put the trigger, if anywhere."""
    _trigger_rights(visit)
    code = _trigger_code(visit)
    known = visit.world.table("triggers").where(CODE=code)
    if not known:
        raise Refusal("", f"Trigger with code {code} is not registered.")
    kind = as_int(visit.param("OWNER_TYPE_ID"), 0)
    described = crm.kind_of(visit.world, kind)
    table = visit.world.table_of(kind)
    if described is None or table is None:
        raise Refusal("", "Incorrect parameter OWNER_TYPE_ID.")
    key = as_int(visit.param("OWNER_ID"), 0)
    if key not in table:
        raise Refusal("", "Incorrect parameter OWNER_ID.")
    stage = known[0]["STAGES"].get(kind)
    if stage:
        crm.change(visit.world, described, key, {"STAGE_ID": stage}, visit.user_id)
    fired = [*(known[0].get("FIRED") or []), [kind, key]]
    visit.world.table("triggers").update(known[0]["ID"], {"FIRED": fired})
    return True
