"""BI connectors: their sources and datasets.

Source: api-reference/biconnector/**/*.md @ 5988ed13; errors come with status 200.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import filters, moments
from bitrix24_agent.emulator.family import Kind
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.query import page
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, as_int, method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.model import Json, Row

CONNECTOR = Kind(
    table="connectors",
    fields=parse_fields("""
ID          | integer | ro | id          | ID
TITLE       | string  |    | title       | Name
DESCRIPTION | string  |    | description | Description
URL_CHECK   | string  |    | urlCheck    | Address of the check
DATE_CREATE | string  | ro | dateCreate  | Created on
"""),
)
SOURCE = Kind(
    table="sources",
    fields=parse_fields("""
ID           | integer | ro | id          | ID
TITLE        | string  |    | title       | Name
DESCRIPTION  | string  |    | description | Description
ACTIVE       | any     |    | active      | Active
CONNECTOR_ID | integer | im | connectorId | Connector
DATE_CREATE  | string  | ro | dateCreate  | Created on
"""),
)
_TYPES = ("int", "string", "double", "date", "datetime")
_SIZE = 50


def _no(code: str, text: str) -> Refusal:
    return Refusal(code, text, 200)


def _list(visit: Visit, kind: Kind) -> Json:
    """Return a page; ``page`` counts from one, unknown fields are refused."""
    for name, shape in (("select", list), ("filter", dict), ("order", dict)):
        given = visit.param(name)
        if given is not None and given != [] and not isinstance(given, shape):
            text = f'Parameter "{name}" must be array.'
            raise _no(f"VALIDATION_{name.upper()}_TYPE", text)
        for key in given or ():
            bare = str(key).lstrip("!<>=@%")
            if bare.lower() != "logic" and kind.field(bare) is None:
                text = f'Field "{bare}" is not allowed in the "{name}".'
                raise _no(f"VALIDATION_FIELD_NOT_ALLOWED_IN_{name.upper()}", text)
    where = filters.group_of(visit.param("filter") or {}, kind.field, strict=False)
    order = filters.order_of(visit.param("order") or {}, kind.field, strict=False)
    number = max(as_int(visit.param("page"), 1), 1)
    found = page(kind.rows(visit), where, order, start=(number - 1) * _SIZE)
    select = [str(one) for one in visit.param("select") or ()] or None
    rows = [kind.shown(row, select) for row in found.rows]
    for row in rows:
        if "id" in row:
            row["id"] = str(row["id"])
    return rows


@method("biconnector.connector.list", scope="biconnector")
def connector_list(visit: Visit) -> Json:
    """Connectors."""
    return _list(visit, CONNECTOR)


@method("biconnector.source.list", scope="biconnector")
def source_list(visit: Visit) -> Json:
    """Sources."""
    return _list(visit, SOURCE)


def _given(visit: Visit, required: tuple[str, ...], known: tuple[str, ...]) -> Mapping[str, Json]:
    fields = visit.param("fields")
    if not isinstance(fields, dict) or not fields:
        raise _no("VALIDATION_FIELDS_NOT_PROVIDED", "Fields not provided.")
    unknown = [name for name in fields if name not in known]
    if unknown:
        text = f"Unknown parameters: {', '.join(unknown)}"
        raise _no("VALIDATION_UNKNOWN_PARAMETERS", text)
    for name in required:
        if fields.get(name) in (None, ""):
            raise _no("VALIDATION_REQUIRED_FIELD_MISSING", f'Field "{name}" is required.')
    for name in ("title", "name", "externalName", "externalCode", "description"):
        if name in fields and not isinstance(fields[name], str):
            text = f'Field "{name}" must be of type string.'
            raise _no("VALIDATION_INVALID_FIELD_TYPE", text)
    return fields


def _date(visit: Visit) -> str:
    return moments.iso(visit.world.now())[:19].replace("T", " ")


@method("biconnector.source.add", scope="biconnector", writes=True)
def source_add(visit: Visit) -> Json:
    """A source on a connector."""
    required = ("title", "connectorId", "settings")
    given = _given(visit, required, (*required, "description", "active"))
    if not isinstance(given["settings"], dict | list):
        text = 'Field "settings" must be of type array.'
        raise _no("VALIDATION_INVALID_FIELD_TYPE", text)
    connector = CONNECTOR.find(visit, given["connectorId"])
    if connector is None:
        raise _no("CONNECTOR_NOT_FOUND", "Connector was not found.")
    key = SOURCE.rows(visit).add(
        {
            "TITLE": given["title"],
            "DESCRIPTION": given.get("description"),
            "ACTIVE": given.get("active") is not False,
            "CONNECTOR_ID": connector["ID"],
            "SETTINGS": given["settings"],
            "DATE_CREATE": _date(visit),
        }
    )
    return {"id": key}


@method("biconnector.dataset.add", scope="biconnector", writes=True)
def dataset_add(visit: Visit) -> Json:
    """A dataset with its columns."""
    required = ("name", "externalName", "externalCode", "sourceId", "fields")
    given = _given(visit, required, (*required, "description"))
    source = SOURCE.find(visit, given["sourceId"])
    if source is None:
        raise _no("SOURCE_NOT_FOUND", "Source was not found.")
    name = given["name"]
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        text = "Dataset name has to start with a lowercase Latin character."
        raise _no("VALIDATION_DATASET_NAME_INVALID", text)
    table = visit.world.table("datasets")
    if table.keys_where(NAME=name):
        text = "Dataset with this name already exists."
        raise _no("DATASET_ALREADY_EXIST", text)
    columns = _columns(visit, given["fields"])
    now = _date(visit)
    key = table.add(
        {
            "NAME": name,
            "DESCRIPTION": given.get("description") or "",
            "EXTERNAL_CODE": given["externalCode"],
            "EXTERNAL_NAME": given["externalName"],
            "SOURCE_ID": source["ID"],
            "COLUMNS": columns,
            "DATE": now,
            "USER_ID": visit.user_id,
        }
    )
    return {"id": key}


def _columns(visit: Visit, given: Json) -> list[Row]:
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise _no("VALIDATION_INVALID_FIELD_TYPE", 'Field "fields" must be of type array.')
    columns: list[Row] = []
    for one in given:
        if one.get("type") not in _TYPES or not one.get("name") or not one.get("externalCode"):
            raise _no("VALIDATION_REQUIRED_FIELD_MISSING", 'Field "fields" is required.')
        if any(known["externalCode"] == one["externalCode"] for known in columns):
            text = f"Duplicate values: {one['externalCode']}"
            raise _no("VALIDATION_DUPLICATE_FIELD_CODE", text)
        columns.append(
            {
                "id": 220 + visit.world.number("dataset column"),
                "type": one["type"],
                "name": str(one["name"]),
                "externalCode": one["externalCode"],
                "visible": one.get("visible") is not False,
            }
        )
    return columns


@method("biconnector.dataset.get", scope="biconnector")
def dataset_get(visit: Visit) -> Json:
    """One dataset with its columns."""
    given = visit.param("id")
    if given in (None, ""):
        raise _no("VALIDATION_ID_NOT_PROVIDED", "ID is missing.")
    if not str(given).isdigit() or int(str(given)) <= 0:
        raise _no("VALIDATION_INVALID_ID_FORMAT", "ID has to be a positive integer.")
    row = visit.world.table("datasets").get(int(str(given)))
    if row is None:
        raise _no("DATASET_NOT_FOUND", "Dataset was not found.")
    return {
        "item": {
            "id": row["ID"],
            "type": "rest",
            "name": row["NAME"],
            "description": row["DESCRIPTION"],
            "externalCode": row["EXTERNAL_CODE"],
            "externalName": row["EXTERNAL_NAME"],
            "dateCreate": row["DATE"],
            "dateUpdate": row["DATE"],
            "createdById": row["USER_ID"],
            "updatedById": row["USER_ID"],
            "externalId": 270 + row["ID"],
            "fields": [{**one, "datasetId": row["ID"]} for one in row["COLUMNS"]],
        }
    }
