"""Sites, their pages and the blocks of a page: drafts, and what the world sees.

Source: api-reference/landing/**/*.md @ 5988ed13
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import filters, moments
from bitrix24_agent.emulator.data.site_blocks import BLOCKS, TEMPLATES
from bitrix24_agent.emulator.family import Kind
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.query import matching
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, as_int, as_map, as_names, is_yes, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

SITE = Kind(
    table="sites",
    camel=False,
    fields=parse_fields("""
ID      | integer | ro | | ID
TITLE   | string  |    | | Title
TYPE    | string  | ro | | Kind
ACTIVE  | char    | ro | | Published
DELETED | char    | ro | | In the bin
CODE    | string  |    | | Part of the address
DOMAIN_ID | integer | ro | | Domain
"""),
)
PAGE = Kind(
    table="landings",
    camel=False,
    fields=parse_fields("""
ID          | integer  | ro | | ID
TITLE       | string   |    | | Title
SITE_ID     | integer  | ro | | Site
ACTIVE      | char     | ro | | Published
DELETED     | char     | ro | | In the bin
CODE        | string   |    | | Part of the address
DESCRIPTION | string   |    | | Description
TPL_CODE    | string   | ro | | Template
DATE_CREATE | datetime | ro | | Created on
DATE_MODIFY | datetime | ro | | Changed on
"""),
)


def _needed(visit: Visit, *names: str) -> None:
    missing = [name for name in names if visit.param(name) in (None, "")]
    if missing:
        text = f"Not enough call parameters, missing: {', '.join(missing)}"
        raise Refusal("MISSING_PARAMS", text)


def _list(visit: Visit, kind: Kind) -> Json:
    given = visit.param("params") or {}
    if not isinstance(given, dict):
        raise Refusal("TYPE_ERROR", "Data type error in method call parameters")
    lower = {str(key).lower(): one for key, one in given.items()}
    asked = lower.get("filter") or {}
    sort = lower.get("order") or {}
    if not isinstance(asked, dict) or not isinstance(sort, dict):
        raise Refusal("TYPE_ERROR", "Data type error in method call parameters")
    where = filters.group_of(asked, kind.field, strict=False)
    order = filters.order_of(sort, kind.field, strict=False)
    table = kind.rows(visit)
    keys = matching(table, where, order)
    offset, limit = as_int(lower.get("offset"), 0), as_int(lower.get("limit"), 0)
    keys = keys[max(offset, 0) :]
    keys = keys[:limit] if limit > 0 else keys
    select = as_names(lower.get("select"))
    return [kind.shown(table.rows[key], select and [*select, "ID"]) for key in keys]


@method("landing.site.getList", scope="landing")
def site_list(visit: Visit) -> Json:
    """Sites."""
    return _list(visit, SITE)


@method("landing.landing.getList", scope="landing")
def page_list(visit: Visit) -> Json:
    """Pages."""
    return _list(visit, PAGE)


def _page(visit: Visit, *, change: bool = False) -> Row:
    _needed(visit, "lid")
    row = PAGE.find(visit, visit.param("lid"))
    if row is None or row["DELETED"] == "Y":
        raise Refusal("LANDING_NOT_EXIST", "Landing not found")
    if change and not visit.is_admin:
        raise Refusal("ACCESS_DENIED", "Access denied", 403)
    return row


def _blocks(visit: Visit, page: Row, *, draft: bool) -> list[Row]:
    name = "BLOCKS" if draft else "PUBLISHED"
    rows = visit.world.table("blocks")
    found: list[Row] = []
    for entry in page.get(name) or []:
        if draft:
            found.append(rows.rows[entry])
        else:
            found.append(entry)
    return found


@method("landing.landing.publication", scope="landing", writes=True)
def publication(visit: Visit) -> Json:
    """The draft becomes what the world sees."""
    page = _page(visit, change=True)
    seen = [dict(row) for row in _blocks(visit, page, draft=True)]
    changes = {"ACTIVE": "Y", "PUBLISHED": seen, "DATE_MODIFY": visit.world.now()}
    PAGE.rows(visit).update(page["ID"], changes)
    return True


@method("landing.landing.unpublic", scope="landing", writes=True)
def unpublic(visit: Visit) -> Json:
    """Nobody sees the page any more; the draft stays."""
    page = _page(visit)
    if not visit.is_admin:
        raise Refusal("ACCESS_DENIED", "Publishing access to the page is denied.", 403)
    changes = {"ACTIVE": "N", "PUBLISHED": [], "DATE_MODIFY": visit.world.now()}
    PAGE.rows(visit).update(page["ID"], changes)
    return True


@method("landing.landing.getpublicurl", scope="landing")
def public_url(visit: Visit) -> Json:
    """The address of a page, published or not."""
    page = _page(visit)
    site = SITE.rows(visit).rows[page["SITE_ID"]]
    return f"https://{site['CODE']}.b24site.example/{page['CODE']}/"


@method("landing.landing.resolveIdByPublicUrl", scope="landing")
def resolve(visit: Visit) -> Json:
    """The page behind a path of a site, or nothing."""
    _needed(visit, "landingUrl", "siteId")
    path = re.sub(r"^https?://[^/]+", "", str(visit.param("landingUrl"))).strip("/")
    site = as_int(visit.param("siteId"), 0)
    found = [row for row in PAGE.rows(visit).where(SITE_ID=site) if row["CODE"] == path]
    return found[0]["ID"] if found else None


@method("landing.demos.getPageList", scope="landing")
def templates(visit: Visit) -> Json:
    """Templates of pages under their codes as keys."""
    _needed(visit, "type")
    if visit.param("filter") is not None and not isinstance(visit.param("filter"), dict | list):
        text = "The value of an argument 'filter' has an invalid type"
        raise Refusal("ERROR_ARGUMENT", text)
    kind = str(visit.param("type")).upper()
    return {
        code: {
            "ID": code,
            "XML_ID": code,
            "TYPE": ["PAGE", "STORE"],
            "TITLE": one["title"],
            "ACTIVE": True,
            "AVAILABLE": True,
            "SECTION": [],
            "DESCRIPTION": one["title"],
            "APP_CODE": "",
            "REST": 0,
            "DATA": {"name": one["title"], "items": list(one["blocks"]), "version": 1},
        }
        for code, one in TEMPLATES.items()
        if kind in ("PAGE", "STORE")
    }


@method("landing.landing.addByTemplate", scope="landing", writes=True)
def add_by_template(visit: Visit) -> Json:
    """A new page with the blocks of a template; a draft."""
    _needed(visit, "siteId", "code")
    site = SITE.find(visit, visit.param("siteId"))
    if site is None:
        raise Refusal("SITE_ERROR", "Site not found or access denied")
    if not visit.is_admin:
        raise Refusal("ACCESS_DENIED", "Access denied", 403)
    template = TEMPLATES.get(str(visit.param("code")))
    if template is None:
        raise Refusal("WRONG_DATA", "Template data is not available")
    fields = as_map(visit.param("fields"), "fields")
    title = str(fields.get("TITLE") or template["title"])
    now = visit.world.now()
    key = PAGE.rows(visit).add(
        {
            "TITLE": title,
            "SITE_ID": site["ID"],
            "ACTIVE": "N",
            "DELETED": "N",
            "CODE": _slug(visit, site["ID"], title),
            "DESCRIPTION": str(fields.get("DESCRIPTION") or ""),
            "TPL_CODE": str(visit.param("code")),
            "DATE_CREATE": now,
            "DATE_MODIFY": now,
            "BLOCKS": [],
            "PUBLISHED": [],
        }
    )
    for code in template["blocks"]:
        _add_block(visit, PAGE.rows(visit).rows[key], code, {})
    return key


def _slug(visit: Visit, site: int, title: str) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "page"
    taken = {row["CODE"] for row in PAGE.rows(visit).where(SITE_ID=site)}
    number, found = 1, base
    while found in taken:
        number += 1
        found = f"{base}-{number}"
    return found


# --- blocks ---------------------------------------------------------------------------------------


def _html(row: Row) -> str:
    body = "".join(f'<div class="{name[1:]}">{text}</div>' for name, text in row["NODES"].items())
    return f'<div id="block{row["ID"]}" class="block-wrapper"><section>{body}</section></div>'


@method("landing.block.getlist", scope="landing")
def block_list(visit: Visit) -> Json:
    """Blocks of a page: the published ones, or with ``edit_mode`` those of the draft."""
    page = _page(visit)
    params = as_map(visit.param("params"), "params")
    whole = is_yes(params.get("get_content"))
    return [
        {
            "id": row["ID"],
            "lid": page["ID"],
            "code": row["CODE"],
            "name": BLOCKS[row["CODE"]]["name"],
            "active": row["ACTIVE"] == "Y",
            "meta": {
                "LID": str(page["ID"]),
                "DATE_CREATE": moments.iso(page["DATE_CREATE"]),
                "SITE_TYPE": "PAGE",
                "LANDING_TPL_CODE": page["TPL_CODE"],
            },
            **({"content": _html(row), "css": [], "js": []} if whole else {}),
        }
        for row in _blocks(visit, page, draft=is_yes(params.get("edit_mode")))
    ]


def _block(visit: Visit, page: Row, *, draft: bool) -> Row:
    key = as_int(visit.param("block"), 0)
    for row in _blocks(visit, page, draft=draft):
        if row["ID"] == key:
            return row
    raise Refusal("BLOCK_NOT_FOUND", "Block not found")


@method("landing.block.getcontent", scope="landing")
def block_content(visit: Visit) -> Json:
    """One block with its content and what may be filled in."""
    _needed(visit, "lid", "block")
    row = _block(visit, _page(visit), draft=is_yes(visit.param("editMode")))
    manifest = BLOCKS[row["CODE"]]
    return {
        "id": row["ID"],
        "sections": ",".join(manifest["section"]),
        "active": row["ACTIVE"] == "Y",
        "access": "X",
        "anchor": f"b{row['ID']}",
        "php": False,
        "designed": False,
        "repoId": None,
        "content": _html(row),
        "content_ext": "",
        "css": [],
        "js": [],
        "assetStrings": [],
        "lang": [],
        "manifest": _manifest(row["CODE"]),
        "dynamicParams": [],
    }


def _manifest(code: str) -> Row:
    known = BLOCKS[code]
    return {
        "block": {"name": known["name"], "section": list(known["section"])},
        "cards": {},
        "nodes": {name: {"name": text, "type": "text"} for name, text in known["nodes"].items()},
        "style": {},
    }


@method("landing.block.updatenodes", scope="landing", writes=True)
def update_nodes(visit: Visit) -> Json:
    """New texts in the draft; selectors the block does not have change nothing."""
    _needed(visit, "lid", "block", "data")
    page = _page(visit, change=True)
    row = _block(visit, page, draft=True)
    data = visit.param("data")
    if not isinstance(data, dict | list):
        raise Refusal("TYPE_ERROR", "Data type error in method call parameters")
    if not data or isinstance(data, list):
        raise Refusal("NODES_NOT_FOUND", "No nodes found for modification")
    nodes = {**row["NODES"]}
    for name, value in data.items():
        text = value[0] if isinstance(value, list) and value else value
        if name in nodes and isinstance(text, str | int | float):
            nodes[name] = str(text)
    visit.world.table("blocks").update(row["ID"], {"NODES": nodes})
    PAGE.rows(visit).update(page["ID"], {"DATE_MODIFY": visit.world.now()})
    return True


@method("landing.block.getrepository", scope="landing")
def repository(visit: Visit) -> Json:
    """Blocks there are, by section."""
    wanted = visit.param("section")
    sections = sorted({name for one in BLOCKS.values() for name in one["section"]})
    return {
        section: {
            "name": section.capitalize(),
            "meta": [],
            "new": False,
            "type": None,
            "specialType": None,
            "separator": False,
            "app_code": False,
            "items": {
                code: {
                    "id": None,
                    "name": one["name"],
                    "namespace": "bitrix",
                    "new": False,
                    "type": [],
                    "section": list(one["section"]),
                    "system": False,
                    "description": one["name"],
                    "preview": "",
                }
                for code, one in BLOCKS.items()
                if section in one["section"]
            },
        }
        for section in sections
        if wanted in (None, "", section)
    }


@method("landing.block.getmanifestfile", scope="landing")
def manifest_file(visit: Visit) -> Json:
    """What a block of the repository can be filled with; nothing for an unknown one."""
    _needed(visit, "code")
    code = str(visit.param("code"))
    return _manifest(code) if code in BLOCKS else []


@method("landing.landing.addblock", scope="landing", writes=True)
def add_block(visit: Visit) -> Json:
    """A block of the repository at the end of the draft, or after another one."""
    _needed(visit, "lid", "fields")
    page = _page(visit, change=True)
    fields = as_map(visit.param("fields"), "fields")
    code = str(fields.get("CODE") or "")
    if code not in BLOCKS:
        text = "Cannot add block because it is not intended for this type of page."
        raise Refusal("BLOCK_CANT_BE_ADDED", text)
    return _add_block(visit, page, code, dict(fields))


def _add_block(visit: Visit, page: Row, code: str, fields: Row) -> int:
    nodes = dict(BLOCKS[code]["nodes"])
    active = "Y" if is_yes(fields.get("ACTIVE", "Y")) else "N"
    key = visit.world.table("blocks").add({"CODE": code, "ACTIVE": active, "NODES": nodes})
    order = list(page.get("BLOCKS") or [])
    after = as_int(fields.get("AFTER_ID"), 0)
    order.insert(order.index(after) + 1 if after in order else len(order), key)
    PAGE.rows(visit).update(page["ID"], {"BLOCKS": order, "DATE_MODIFY": visit.world.now()})
    return key
