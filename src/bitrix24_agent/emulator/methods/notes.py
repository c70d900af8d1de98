"""The knowledge base of REST 3.0: knowledge bases and their pages.

Source: api-reference/note/{collection/note-collection-list,document/note-document-*}.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments, v3
from bitrix24_agent.emulator.refusal import RefusalV3, invalid_object, invalid_request
from bitrix24_agent.emulator.registry import Visit, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

_SHORTEST, _LONGEST = 3, 200
_STEP = 100


@method("note.collection.list", scope="note", version=3)
def collections(visit: Visit) -> Json:
    """Knowledge bases by position; a cursor leads to the next ones."""
    pages = visit.params.get("pagination")
    given = dict(pages) if isinstance(pages, dict) else {}
    after = given.pop("afterCursor", None)
    _, limit = v3.window_of(given)
    rows = sorted(visit.world.table("collections"), key=lambda row: (row["POSITION"], row["ID"]))
    if isinstance(after, dict):
        place = (v3.need_int(after, "position"), v3.need_int(after, "id"))
        rows = [row for row in rows if (row["POSITION"], row["ID"]) > place]
    part = rows[:limit]
    more = len(part) < len(rows)
    last = {"position": part[-1]["POSITION"], "id": part[-1]["ID"]} if part and more else None
    return {"items": [_collection(row) for row in part], "nextCursor": last}


def _collection(row: Row) -> Row:
    return {
        "id": row["ID"],
        "name": row["NAME"],
        "position": row["POSITION"],
        "policyLevel": "edit",
        "createdBy": row["CREATED_BY"],
        "updatedBy": row["CREATED_BY"],
        "createdAt": moments.utc(row["CREATED"]),
        "updatedAt": moments.utc(row["CREATED"]),
    }


def _page(row: Row) -> Row:
    return {
        "id": row["ID"],
        "collectionId": row["COLLECTION_ID"],
        "parentId": row.get("PARENT_ID"),
        "title": row["TITLE"],
        "markdown": row["MARKDOWN"],
        "position": row["POSITION"],
        "createdBy": row["CREATED_BY"],
        "updatedBy": row["CREATED_BY"],
        "createdAt": moments.utc(row["CREATED"]),
        "updatedAt": moments.utc(row["CREATED"]),
    }


@method("note.document.search.list", scope="note", version=3)
def search(visit: Visit) -> Json:
    """Pages that hold all the words, titles first."""
    query = visit.params.get("query")
    if query is None:
        raise invalid_request(("query", "Mandatory field `query` is not specified"))
    if not isinstance(query, str):
        text = "Field `query` requires data type `string` for such a request"
        raise invalid_request(("query", text))
    if len(query) < _SHORTEST:
        raise _note("QUERY_TOO_SHORT", "short")
    if len(query) > _LONGEST:
        raise _note("QUERY_TOO_LONG", "long")
    words = query.casefold().split()
    found = []
    for row in visit.world.table("pages"):
        text = f"{row['TITLE']} {row['MARKDOWN']}".casefold()
        if all(word in text for word in words):
            score = 0.9 if all(word in row["TITLE"].casefold() for word in words) else 0.6
            found.append((score, row))
    found.sort(key=lambda pair: (-pair[0], pair[1]["ID"]))
    _, limit = v3.window_of(visit.params.get("pagination"))
    items = [
        {
            "documentId": row["ID"],
            "collectionId": row["COLLECTION_ID"],
            "title": row["TITLE"],
            "score": score,
            "snippet": row["MARKDOWN"][:80],
            "sharedAccess": False,
        }
        for score, row in found[:limit]
    ]
    return {"items": items, "hasMore": len(items) < len(found)}


def _note(code: str, word: str) -> RefusalV3:
    return RefusalV3(f"NOTE_SEARCH_{code}", f"Search query is too {word}")


def _base(visit: Visit, key: int) -> Row:
    row = visit.world.table("collections").get(key)
    if row is None:
        raise RefusalV3("ENTITYNOTFOUNDEXCEPTION", "Collection not found")
    return row


@method("note.document.tree.list", scope="note", version=3)
def tree(visit: Visit) -> Json:
    """The pages of one knowledge base, each with those below it."""
    base = _base(visit, v3.need_int(visit.params, "collectionId"))
    rows = visit.world.table("pages").where(COLLECTION_ID=base["ID"])

    def below(parent: int | None) -> list[Row]:
        return [
            {
                "id": row["ID"],
                "collectionId": row["COLLECTION_ID"],
                "parentId": row.get("PARENT_ID"),
                "title": row["TITLE"],
                "position": row["POSITION"],
                "children": below(row["ID"]),
            }
            for row in rows
            if row.get("PARENT_ID") == parent
        ]

    return {"items": below(None), "truncated": False}


@method("note.document.add", scope="note", version=3, writes=True)
def page_add(visit: Visit) -> Json:
    """A new page from Markdown."""
    given = visit.params.get("fields")
    if not isinstance(given, dict) or not given:
        raise invalid_request(("fields", "Required field `fields` is not specified."))
    missing = [
        (name, f'Mandatory field "{name}" is not filled')
        for name in ("collectionId", "title")
        if given.get(name) in (None, "")
    ]
    if missing:
        raise invalid_object(*missing)
    kinds = {"collectionId": int, "title": str, "parentId": int, "markdown": str}
    for name, kind in kinds.items():
        value = given.get(name)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            label = "int" if kind is int else "string"
            text = f"The field `{name}` requires data type `{label}` for this request."
            raise invalid_object((name, text))
    base = _base(visit, given["collectionId"])
    table = visit.world.table("pages")
    parent = given.get("parentId")
    above = table.get(parent) if parent is not None else None
    if parent is not None and (above is None or above["COLLECTION_ID"] != base["ID"]):
        raise RefusalV3("ENTITYNOTFOUNDEXCEPTION", "Parent document not found")
    key = table.add(
        {
            "COLLECTION_ID": base["ID"],
            "PARENT_ID": parent,
            "TITLE": given["title"],
            "MARKDOWN": given.get("markdown") or "",
            "POSITION": (len(table.where(COLLECTION_ID=base["ID"])) + 1) * _STEP,
            "CREATED_BY": visit.user_id,
            "CREATED": visit.world.now(),
        }
    )
    return {"item": _page(table.rows[key])}


@method("note.document.get", scope="note", version=3)
def page_get(visit: Visit) -> Json:
    """One page with its text."""
    row = visit.world.table("pages").get(v3.need_int(visit.params, "id"))
    if row is None:
        raise RefusalV3("ENTITYNOTFOUNDEXCEPTION", "Document not found")
    return {"item": _page(row)}
