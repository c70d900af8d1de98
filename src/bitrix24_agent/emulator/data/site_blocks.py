"""Blocks a page can be made of, and templates of pages; every text is invented."""

from __future__ import annotations

from typing import TypedDict


class Block(TypedDict):
    """A block: where it is listed and which texts it holds by default."""

    name: str
    section: tuple[str, ...]
    nodes: dict[str, str]


class Template(TypedDict):
    """A ready page."""

    title: str
    blocks: tuple[str, ...]


BLOCKS: dict[str, Block] = {
    "0.menu_02": {
        "name": "Menu with a logo",
        "section": ("menu",),
        "nodes": {".landing-block-node-menu": "Home"},
    },
    "01.big_with_text": {
        "name": "Cover with a text",
        "section": ("cover",),
        "nodes": {
            ".landing-block-node-title": "Pumps that run",
            ".landing-block-node-text": "Sales and service since 1991",
        },
    },
    "27.3.one_col_fix_title": {
        "name": "Title",
        "section": ("text", "title"),
        "nodes": {".landing-block-node-title": "Title"},
    },
    "27.one_col_fix_title_and_text": {
        "name": "Title and text",
        "section": ("text",),
        "nodes": {
            ".landing-block-node-title": "Title",
            ".landing-block-node-text": "Text",
        },
    },
}
TEMPLATES: dict[str, Template] = {
    "empty": {"title": "Empty page", "blocks": ("27.one_col_fix_title_and_text",)},
    "company": {"title": "Company", "blocks": ("0.menu_02", "01.big_with_text")},
}
