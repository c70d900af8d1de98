"""The news feed.

Source: api-reference/log/log-blogpost-add.md, api-reference/log/log-blogpost-get.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments
from bitrix24_agent.emulator.query import Condition, Group, page
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json


@method("log.blogpost.add", scope="log", writes=True)
def post_add(visit: Visit) -> Json:
    """A new post; the answer is its id."""
    text = str(visit.param("POST_MESSAGE") or "").strip()
    if not text:
        raise Refusal("SONET_CONTROLLER_LIVEFEED_BLOGPOST_ADD_ERROR", "Blog post hasn't been added")
    dest = visit.param("DEST") or visit.param("SPERM") or ["UA"]
    author = as_int(visit.param("USER_ID"), visit.user_id) if visit.is_admin else visit.user_id
    return visit.world.blog_posts.add(
        {
            "TITLE": str(visit.param("POST_TITLE") or ""),
            "DETAIL_TEXT": text,
            "AUTHOR_ID": author,
            "DATE_PUBLISH": visit.world.now(),
            "DEST": dest if isinstance(dest, list) else [dest],
        }
    )


@method("log.blogpost.get", scope="log")
def post_get(visit: Visit) -> Reply:
    """Posts, newest first."""
    key = as_int(visit.param("POST_ID"), 0)
    parts = (Condition(field="ID", op="=", value=key),) if key else ()
    found = page(visit.world.blog_posts, Group(parts=parts), (("ID", True),), start=visit.start())
    rows = [
        {
            "ID": str(row["ID"]),
            "BLOG_ID": "1",
            "PUBLISH_STATUS": "P",
            "TITLE": row["TITLE"] or row["DETAIL_TEXT"][:40],
            "AUTHOR_ID": str(row["AUTHOR_ID"]),
            "ENABLE_COMMENTS": "Y",
            "NUM_COMMENTS": "0",
            "CODE": None,
            "MICRO": "N" if row["TITLE"] else "Y",
            "DETAIL_TEXT": row["DETAIL_TEXT"],
            "DATE_PUBLISH": moments.iso(row["DATE_PUBLISH"]),
            "HAS_SOCNET_ALL": "Y" if "UA" in row["DEST"] else "N",
        }
        for row in found.rows
    ]
    return Reply(result=rows, total=found.total or 0, next=found.next)


@method("log.blogpost.getusers.important", scope="log")
def post_readers(visit: Visit) -> Json:
    """Who confirmed an important post."""
    row = visit.world.blog_posts.get(as_int(visit.param("POST_ID"), 0))
    if row is None:
        raise Refusal("", "Wrong post ID")
    return [str(one) for one in row.get("READERS") or ()]
