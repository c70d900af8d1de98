"""Documents made from templates for CRM objects.

Source: api-reference/crm/document-generator/{templates,documents}/*.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, as_map, as_names, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

_SIGN = "Bitrix\\DocumentGenerator\\"


def _template(visit: Visit, row: Row) -> Row:
    address = f"{visit.base_url}/rest/crm.documentgenerator.template.download.json"
    return {
        "id": str(row["ID"]),
        "name": row["NAME"],
        "active": row["ACTIVE"],
        "region": row["REGION"],
        "download": address,
        "users": ["UA"],
        "entityTypeId": list(row["ENTITY_TYPES"]),
        "downloadMachine": address,
    }


@method("crm.documentgenerator.template.list", scope="crm")
def template_list(visit: Visit) -> Reply:
    """Templates under their ids as keys; a type fits with or without its pipeline."""
    if not visit.is_admin:
        raise Refusal("", "You do not have permissions to modify templates")
    given = as_map(visit.param("filter"), "filter")
    kinds = given.get("entityTypeId")
    wanted = {str(one) for one in (kinds if isinstance(kinds, list) else [kinds]) if one}
    rows = [
        row
        for row in visit.world.table("document_templates")
        if not wanted
        or any(one in wanted or one.partition("_")[0] in wanted for one in row["ENTITY_TYPES"])
        if given.get("active") in (None, row["ACTIVE"])
    ]
    select = as_names(visit.param("select"))
    start = max(visit.start(), 0)
    found: dict[str, Json] = {}
    for row in rows[start : start + 50]:
        shown = _template(visit, row)
        found[str(row["ID"])] = {
            name: shown[name]
            for name in shown
            if select is None or "*" in select or name in (*select, "id")
        }
    return Reply(result={"templates": found or []}, total=len(rows))


def _document(visit: Visit, row: Row, *, fresh: bool) -> Row:
    number = (lambda value: value) if fresh else str
    address = f"{visit.base_url}/bitrix/services/main/ajax.php?id={row['ID']}&action=crm"
    public = f"{visit.base_url}/~d{row['ID']}" if row.get("PUBLIC") else None
    shown: Row = {
        "changeStampsEnabled": False,
        "qrCodeEnabled": False,
        "downloadUrl": f"{address}.documentgenerator.document.download",
        "publicUrl": public,
        "id": number(row["ID"]),
        "title": row["TITLE"],
        "number": row["NUMBER"],
        "createTime": moments.iso(row["CREATED"]),
        "createdBy": number(row["CREATED_BY"]),
        "updateTime": moments.iso(row["UPDATED"]),
        "updatedBy": None,
        "stampsEnabled": True,
        "isTransformationError": False,
        "values": {**row["VALUES"], "_creationMethod": "rest", "DocumentNumber": row["NUMBER"]},
        "templateId": str(row["TEMPLATE_ID"]),
    }
    if not fresh:  # the transformation is over by the time somebody asks again
        shown["imageUrl"] = f"{address}.documentgenerator.document.getImage"
        shown["pdfUrl"] = f"{address}.documentgenerator.document.getPdf"
    return shown


@method("crm.documentgenerator.document.add", scope="crm", writes=True)
def document_add(visit: Visit) -> Json:
    """A document; PDF and picture follow a moment later."""
    template = visit.world.table("document_templates").get(as_int(visit.param("templateId"), 0))
    if template is None:
        raise Refusal("100", f"{_SIGN}Template constructor must be is public")
    kind, key = as_int(visit.param("entityTypeId"), 0), as_int(visit.param("entityId"), 0)
    table = visit.world.table_of(kind)
    if table is None:
        raise Refusal("0", "No provider for entityTypeId")
    if key not in table:
        raise Refusal("0", 'Empty required parameter "value"')
    if all(str(one).partition("_")[0] != str(kind) for one in template["ENTITY_TYPES"]):
        raise Refusal("0", "Cannot create document")
    now = visit.world.now()
    number = f"{moments.day(now)[:4]}-{visit.world.number('document'):03}"
    row = {
        "TITLE": f"{template['NAME']} {number}",
        "NUMBER": number,
        "TEMPLATE_ID": template["ID"],
        "ENTITY_TYPE_ID": kind,
        "ENTITY_ID": key,
        "VALUES": dict(as_map(visit.param("values"), "values")),
        "CREATED": now,
        "UPDATED": now,
        "CREATED_BY": visit.user_id,
    }
    documents = visit.world.table("documents")
    return {"document": _document(visit, documents.rows[documents.add(row)], fresh=True)}


def _need(visit: Visit) -> Row:
    if visit.param("id") in (None, ""):
        raise Refusal("100", f"{_SIGN}Document constructor must be is public")
    row = visit.world.table("documents").get(as_int(visit.param("id"), 0))
    if row is None:
        raise Refusal("0", "Document not found")
    return row


@method("crm.documentgenerator.document.get", scope="crm")
def document_get(visit: Visit) -> Json:
    """One document with its links."""
    return {"document": _document(visit, _need(visit), fresh=False)}


@method("crm.documentgenerator.document.enablepublicurl", scope="crm", writes=True)
def enable_public(visit: Visit) -> Json:
    """A link for everybody, or none any more with status 0."""
    row = _need(visit)
    public = as_int(visit.param("status"), 1) == 1
    row = visit.world.table("documents").update(row["ID"], {"PUBLIC": public})
    return {"publicUrl": _document(visit, row, fresh=False)["publicUrl"]}
