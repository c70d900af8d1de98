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
    "stock",
    "orders",
    "meetings",
    "timeman",
    "booking",
    "groups",
    "structure",
    "votes",
    "universal_lists",
    "disk_versions",
    "documents",
    "notes",
    "chat_search",
    "open_lines",
    "telephony",
    "mail",
    "bots",
    "bizproc",
    "boards",
    "events",
    "placements",
    "user_fields",
    "app_storage",
    "bi",
    "sites",
    "consents",
    "signing",
)


def load() -> None:
    """File every method of every family."""
    for family in FAMILIES:
        import_module(f"{__name__}.{family}")
