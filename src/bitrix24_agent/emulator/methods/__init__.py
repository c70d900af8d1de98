"""The methods the portal plays, one family a module; importing a module files its methods."""

from __future__ import annotations

from importlib import import_module

FAMILIES: tuple[str, ...] = (
    "system",
    "users",
    "crm_classic",
    "crm_item",
    "chats",
    "tasks",
    "tasks_items",
    "tasks_v3",
    "crm_lists",
    "crm_links",
    "crm_timeline",
    "disk",
    "calendar",
    "feed",
    "catalog",
)


def load() -> None:
    """File every method of every family."""
    for family in FAMILIES:
        import_module(f"{__name__}.{family}")
