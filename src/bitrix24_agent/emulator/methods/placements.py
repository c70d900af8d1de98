"""Places in the interface where an application shows itself.

Source: api-reference/widgets/placement-{list,get,bind}.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator.family import admin_only
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, as_int, is_yes, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json

# place -> scope that opens it
PLACES: dict[str, str] = {
    **{
        f"CRM_{kind}_{where}": "crm"
        for kind in ("LEAD", "DEAL", "CONTACT", "COMPANY")
        for where in ("LIST_TOOLBAR", "DETAIL_TAB", "DETAIL_TOOLBAR", "DETAIL_ACTIVITY")
    },
    "TASK_VIEW_TAB": "task",
    "CALENDAR_GRIDVIEW": "calendar",
    "PAGE_BACKGROUND_WORKER": "placement",
    "LEFT_MENU": "placement",
}
_ADMIN = admin_only("ACCESS_DENIED", "Access denied!", 403)
_ONLY_ONE = ("PAGE_BACKGROUND_WORKER",)


@method("placement.list", scope="placement", application=True)
def place_list(visit: Visit) -> Json:
    """Codes of the places the application's scopes open."""
    wanted = visit.param("SCOPE")
    return [
        code
        for code, scope in PLACES.items()
        if (scope == wanted if wanted else is_yes(visit.param("FULL")))
        or (not wanted and visit.credential.allows((scope,)))
    ]


@method("placement.get", scope="placement", application=True)
def place_get(visit: Visit) -> Json:
    """Where the application is already."""
    _ADMIN(visit)
    return [
        {
            "placement": row["PLACEMENT"],
            "userId": row["USER_ID"],
            "handler": row["HANDLER"],
            "options": row["OPTIONS"] or [],
            "title": row["TITLE"],
            "description": row["DESCRIPTION"],
            "langAll": {
                "en": {
                    "TITLE": row["TITLE"],
                    "DESCRIPTION": row["DESCRIPTION"],
                    "GROUP_NAME": row["GROUP_NAME"],
                }
            },
        }
        for row in visit.world.table("placements")
    ]


@method("placement.bind", scope="placement", writes=True, application=True)
def place_bind(visit: Visit) -> Json:
    """Show the application in a place; errors of arguments come with status 200."""
    _ADMIN(visit)
    code, handler = str(visit.param("PLACEMENT") or "").upper(), str(visit.param("HANDLER") or "")
    for name, value in (("PLACEMENT", code), ("HANDLER", handler)):
        if not value:
            raise Refusal("ERROR_ARGUMENT", f"Argument '{name}' is null or empty", 200)
    if code not in PLACES:
        raise Refusal("ERROR_PLACEMENT_NOT_FOUND", "Placement not found")
    if not handler.startswith("https://"):
        raise Refusal("INVALID_REQUEST", "Https required")
    table = visit.world.table("placements")
    options = visit.param("OPTIONS")
    options = options if isinstance(options, dict) else {}
    if code in _ONLY_ONE:
        if not options.get("errorHandlerUrl"):
            raise Refusal("EMPTY_ERROR_HANDLER_URL", "Error handler URL is required", 200)
        if table.keys_where(PLACEMENT=code):
            raise Refusal("ERROR_PLACEMENT_MAX_COUNT", "Placement max count", 200)
    elif visit.param("USER_ID"):
        raise Refusal("ERROR_PLACEMENT_USER_MODE", "User mode is not available", 200)
    if table.keys_where(PLACEMENT=code, HANDLER=handler):
        raise Refusal("ERROR_PLACEMENT_HANDLER_EXISTS", "Handler already binded")
    table.add(
        {
            "PLACEMENT": code,
            "HANDLER": handler,
            "USER_ID": as_int(visit.param("USER_ID"), 0),
            "TITLE": str(visit.param("TITLE") or ""),
            "DESCRIPTION": str(visit.param("DESCRIPTION") or ""),
            "GROUP_NAME": str(visit.param("GROUP_NAME") or ""),
            "OPTIONS": options,
        }
    )
    return True
