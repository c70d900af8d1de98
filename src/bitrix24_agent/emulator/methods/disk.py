"""Drive: storages, folders, files, uploads in one step and in two.

Source: api-reference/disk/**/*.md, api-reference/files/how-to-upload-files.md @ 5988ed13
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import filters, moments
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.query import Condition, Group, page
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, as_map, is_yes, method
from bitrix24_agent.emulator.world import Upload

if TYPE_CHECKING:
    from bitrix24_agent.emulator.world import World
    from bitrix24_agent.model import Json, Row

STORAGE = parse_fields("""
ID             | integer | ro | | ID
NAME           | string  |    | | Name
CODE           | string  |    | | Code
MODULE_ID      | string  | ro | | Module
ENTITY_TYPE    | string  | ro | | Kind of owner
ENTITY_ID      | string  | ro | | Owner
ROOT_OBJECT_ID | integer | ro | | Root folder
""")
OBJECT = parse_fields("""
ID          | integer  | ro | | ID
NAME        | string   |    | | Name
TYPE        | string   | ro | | Kind
STORAGE_ID  | integer  | ro | | Storage
PARENT_ID   | integer  | ro | | Folder
CREATE_TIME | datetime | ro | | Created on
UPDATE_TIME | datetime | ro | | Changed on
CREATED_BY  | user     | ro | | Created by
UPDATED_BY  | user     | ro | | Changed by
SIZE        | integer  | ro | | Size
""")


def need_object(visit: Visit, kind: str) -> Row:
    """Return the storage, folder or file behind ``id``.

    Raises:
        Refusal: No id was sent, or nothing of that kind has it.
    """
    key = as_int(visit.param("id"), 0)
    if key <= 0:
        raise Refusal("ERROR_ARGUMENT", "Invalid value of parameter {Parameter #0}")
    table = visit.world.storages if kind == "storage" else visit.world.disk_objects
    row = table.get(key)
    if row is None or (kind != "storage" and row["TYPE"] != kind):
        raise Refusal("ERROR_NOT_FOUND", f"Could not find entity with id `{key}`")
    return row


@method("disk.storage.getlist", scope="disk")
def storage_list(visit: Visit) -> Reply:
    """Storages."""
    field_of = _upper(STORAGE.by_name)
    found = page(
        visit.world.storages,
        filters.group_of(as_map(visit.param("filter"), "filter"), field_of, strict=False),
        filters.order_of(as_map(visit.param("order"), "order"), field_of, strict=False),
        start=visit.start(),
    )
    rows = [
        {field.name: field.classic_value(row.get(field.name)) for field in STORAGE.fields}
        for row in found.rows
    ]
    return Reply(result=rows, total=found.total or 0, next=found.next)


def _upper(names: dict[str, Json]) -> filters.FieldOf:
    return lambda name: names.get(name.upper())


@method("disk.storage.getchildren", scope="disk")
def storage_children(visit: Visit) -> Reply:
    """What lies in the root of a storage."""
    return _children(visit, int(need_object(visit, "storage")["ROOT_OBJECT_ID"]))


@method("disk.folder.getchildren", scope="disk")
def folder_children(visit: Visit) -> Reply:
    """What lies in a folder."""
    return _children(visit, int(need_object(visit, "folder")["ID"]))


def _children(visit: Visit, folder: int) -> Reply:
    field_of = _upper(OBJECT.by_name)
    given = filters.group_of(as_map(visit.param("filter"), "filter"), field_of, strict=False)
    inside = Condition(field="PARENT_ID", op="=", value=folder)
    order = filters.order_of(as_map(visit.param("order"), "order"), field_of, strict=False)
    found = page(visit.world.disk_objects, Group(parts=(inside, given)), order, start=visit.start())
    rows = [shown(row, visit.base_url) for row in found.rows]
    return Reply(result=rows, total=found.total or 0, next=found.next)


@method("disk.folder.get", scope="disk")
def folder_get(visit: Visit) -> Json:
    """One folder."""
    return shown(need_object(visit, "folder"), visit.base_url)


@method("disk.file.get", scope="disk")
def file_get(visit: Visit) -> Json:
    """One file with a link to its content."""
    return shown(need_object(visit, "file"), visit.base_url)


@method("disk.file.delete", scope="disk", writes=True)
def file_delete(visit: Visit) -> Json:
    """Gone for good."""
    key = need_object(visit, "file")["ID"]
    visit.world.disk_objects.delete(key)
    visit.world.contents.pop(key, None)
    return True


@method("disk.folder.addsubfolder", scope="disk", writes=True)
def add_subfolder(visit: Visit) -> Json:
    """A new folder inside another."""
    parent = need_object(visit, "folder")
    name = str(as_map(visit.param("data"), "data").get("NAME") or "")
    if not name:
        raise Refusal("ERROR_ARGUMENT", "Invalid value of parameter {Parameter #1}")
    if _named(visit.world, parent["ID"], name):
        raise Refusal("DISK_OBJ_22000", "A folder with this name already exists")
    now = visit.world.now()
    key = visit.world.disk_objects.add(
        {
            "NAME": name,
            "TYPE": "folder",
            "STORAGE_ID": parent["STORAGE_ID"],
            "PARENT_ID": parent["ID"],
            "CREATE_TIME": now,
            "UPDATE_TIME": now,
            "CREATED_BY": visit.user_id,
            "UPDATED_BY": visit.user_id,
        }
    )
    return shown(visit.world.disk_objects.rows[key], visit.base_url, fresh=True)


@method("disk.folder.uploadfile", scope="disk", writes=True, batchable=False)
def upload_file(visit: Visit) -> Json:
    """A file from base64, or an address to upload it to when no content came."""
    folder = need_object(visit, "folder")
    unique = is_yes(visit.param("generateUniqueName"))
    content = visit.param("fileContent")
    if not content:
        token = hashlib.sha256(f"upload {visit.world.number('upload')}".encode()).hexdigest()[:40]
        visit.world.uploads[token] = Upload(
            folder=folder["ID"], user_id=visit.user_id, unique=unique
        )
        return {"field": "file", "uploadUrl": _signed(visit.base_url, "upload", token)}
    name, encoded = (content[0], content[-1]) if isinstance(content, list) else ("", content)
    name = str(as_map(visit.param("data"), "data").get("NAME") or name or "")
    if not name:
        text = "Error: required parameter NAME (DISK_BASE_SERVICE_22001)"
        raise Refusal("DISK_BASE_SERVICE_22001", text)
    try:
        body = base64.b64decode(str(encoded))
    except ValueError:
        body = b""
    upload = Upload(folder=folder["ID"], user_id=visit.user_id, unique=unique)
    row = save(visit.world, upload, name, body)
    return shown(row, visit.base_url, fresh=True)


def save(world: World, upload: Upload, name: str, body: bytes) -> Row:
    """Store an uploaded file and return its row.

    Raises:
        Refusal: A file of that name is there and no unique name was asked for.
    """
    folder = world.disk_objects.rows[upload.folder]
    if _named(world, upload.folder, name):
        if not upload.unique:
            raise Refusal("DISK_OBJ_22000", "A file with this name already exists")
        name = _unique(world, upload.folder, name)
    now = world.now()
    key = world.disk_objects.add(
        {
            "NAME": name,
            "TYPE": "file",
            "STORAGE_ID": folder["STORAGE_ID"],
            "PARENT_ID": upload.folder,
            "CREATE_TIME": now,
            "UPDATE_TIME": now,
            "CREATED_BY": upload.user_id,
            "UPDATED_BY": upload.user_id,
            "SIZE": len(body),
        }
    )
    world.contents[key] = body
    return world.disk_objects.rows[key]


def _named(world: World, folder: int, name: str) -> bool:
    return bool(world.disk_objects.keys_where(PARENT_ID=folder, NAME=name))


def _unique(world: World, folder: int, name: str) -> str:
    path = PurePosixPath(name)
    number = 1
    while _named(world, folder, f"{path.stem} ({number}){path.suffix}"):
        number += 1
    return f"{path.stem} ({number}){path.suffix}"


def _signed(base_url: str, way: str, token: str) -> str:
    auth = hashlib.sha256(f"{way} {token}".encode()).hexdigest()[:32]
    return f"{base_url}/rest/{way}.json?auth={auth}&token=disk%7C{token}"


def download_token(key: int) -> str:
    """Return the token that opens the content of a file."""
    return f"{key}-" + hashlib.sha256(f"download {key}".encode()).hexdigest()[:32]


def shown(row: Row, base_url: str, *, fresh: bool = False) -> Row:
    """Return a folder or a file; just made ones show some numbers as numbers, like the portal."""
    key = row["ID"]
    number = (lambda value: value) if fresh else str
    path = f"{base_url}/company/personal/user/{row['CREATED_BY']}/disk"
    head: Row = {
        "ID": number(key),
        "NAME": row["NAME"],
        "CODE": None,
        "STORAGE_ID": str(row["STORAGE_ID"]),
        "TYPE": row["TYPE"],
    }
    if row["TYPE"] == "folder":
        head["REAL_OBJECT_ID"] = number(key)
    head |= {"PARENT_ID": str(row["PARENT_ID"]), "DELETED_TYPE": number(0)}
    if row["TYPE"] == "file":
        head |= {
            "GLOBAL_CONTENT_VERSION": number(row.get("VERSION", 1)),
            "FILE_ID": number(key + 20000),
            "SIZE": str(row["SIZE"]),
        }
    head |= {
        "CREATE_TIME": moments.iso(row["CREATE_TIME"]),
        "UPDATE_TIME": moments.iso(row["UPDATE_TIME"]),
        "DELETE_TIME": None,
        "CREATED_BY": str(row["CREATED_BY"]),
        "UPDATED_BY": str(row["UPDATED_BY"]),
        "DELETED_BY": None if fresh else "0",
    }
    if row["TYPE"] == "file":
        head["DOWNLOAD_URL"] = _signed(base_url, "download", download_token(key))
        head["DETAIL_URL"] = f"{path}/file/{row['NAME']}"
    else:
        head["DETAIL_URL"] = f"{path}/path/{row['NAME']}"
    return head
