"""Versions of a file and its public link.

Source: api-reference/disk/file/disk-file-{upload-version,get-versions,get-external-link}.md
@ 5988ed13
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments
from bitrix24_agent.emulator.methods.disk import need_object, shown
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json


@method("disk.file.getexternallink", scope="disk", writes=True)
def external_link(visit: Visit) -> Json:
    """A link that works without an account, the same every time."""
    key = need_object(visit, "file")["ID"]
    visit.world.disk_objects.update(key, {"PUBLIC": "Y"})
    digits = hashlib.sha256(f"link {key}".encode()).hexdigest()
    return f"{visit.base_url}/~{digits[:5]}"


@method("disk.file.uploadversion", scope="disk", writes=True, batchable=False)
def upload_version(visit: Visit) -> Json:
    """New content for a file; the old one becomes a version."""
    row = need_object(visit, "file")
    content = visit.param("fileContent")
    if not content:
        raise Refusal("DISK_FILE_22002", "Could not upload new version of file")
    encoded = content[-1] if isinstance(content, list) else content
    try:
        body = base64.b64decode(str(encoded))
    except ValueError:
        raise Refusal("DISK_FILE_22002", "Could not upload new version of file") from None
    version = row.get("VERSION", 1)
    now = visit.world.now()
    visit.world.table("disk_versions").add(
        {
            "OBJECT_ID": row["ID"],
            "NAME": row["NAME"],
            "SIZE": row["SIZE"],
            "VERSION": version,
            "CREATE_TIME": row["UPDATE_TIME"],
            "CREATED_BY": row["UPDATED_BY"],
        }
    )
    visit.world.contents[row["ID"]] = body
    changes = {"SIZE": len(body), "VERSION": version + 1}
    changes |= {"UPDATE_TIME": now, "UPDATED_BY": visit.user_id}
    found = shown(visit.world.disk_objects.update(row["ID"], changes), visit.base_url)
    return found | {"GLOBAL_CONTENT_VERSION": version + 1}


@method("disk.file.getversions", scope="disk")
def versions(visit: Visit) -> Reply:
    """Earlier contents of a file, the latest first."""
    row = need_object(visit, "file")
    rows = visit.world.table("disk_versions").where(OBJECT_ID=row["ID"])
    found = [
        {
            "ID": str(one["ID"]),
            "OBJECT_ID": str(one["OBJECT_ID"]),
            "SIZE": str(one["SIZE"]),
            "NAME": one["NAME"],
            "GLOBAL_CONTENT_VERSION": str(one["VERSION"]),
            "CREATE_TIME": moments.iso(one["CREATE_TIME"]),
            "CREATED_BY": str(one["CREATED_BY"]),
        }
        for one in reversed(rows)
    ]
    return Reply(result=found, total=len(found))
