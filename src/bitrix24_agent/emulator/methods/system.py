"""What every credential may ask: who am I, what may I do, what time is it.

Source: api-reference/common/system/*.md, api-reference/common/users/*.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments, registry
from bitrix24_agent.emulator.access import ALL_SCOPES
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, is_yes, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json

_FEATURES = {"rest_offline_extended": "Y", "rest_auth_connector": "Y"}


@method("server.time")
def server_time(visit: Visit) -> Json:
    """The server's clock."""
    return moments.iso(visit.world.now())


@method("scope")
def scope(visit: Visit) -> Json:
    """Scopes of the credential, or all there are."""
    if is_yes(visit.param("full")):
        return sorted(set(ALL_SCOPES) - {"basic"})
    return sorted(visit.credential.scopes - {"basic"})


@method("methods")
def methods(visit: Visit) -> Json:
    """Names of methods by scope; deprecated, but alive."""
    wanted = visit.param("scope")
    names = []
    for played in registry.PLAYED.values():
        if played.version != 2:
            continue
        if wanted is not None:
            fits = wanted in played.scopes if wanted else not played.scopes
        else:
            fits = is_yes(visit.param("full")) or visit.credential.allows(played.scopes)
        if fits:
            names.append(played.name)
    return sorted(names)


@method("method.get")
def method_get(visit: Visit) -> Json:
    """Whether a method exists and this credential may call it; asks for the lower-case name."""
    played = registry.PLAYED.get((str(visit.param("name") or ""), 2))
    return {
        "isExisting": played is not None,
        "isAvailable": played is not None and visit.credential.allows(played.scopes),
    }


@method("feature.get")
def feature_get(visit: Visit) -> Json:
    """Whether the plan has a feature."""
    code = visit.param("CODE")
    if not code:
        raise Refusal("CODE_EMPTY", "CODE can't be empty")
    return {"value": _FEATURES.get(str(code), "N")}


@method("app.info")
def app_info(visit: Visit) -> Json:
    """The application; a webhook gets its scopes and the plan, as live portals answer."""
    if not visit.credential.application:
        return {"SCOPE": sorted(visit.credential.scopes - {"basic"}), "LICENSE": "eu_basic"}
    return {
        "ID": 5,
        "CODE": "local.northwater",
        "VERSION": 1,
        "STATUS": "L",
        "INSTALLED": True,
        "PAYMENT_EXPIRED": "N",
        "DAYS": None,
        "LANGUAGE_ID": "en",
        "LICENSE": "eu_basic",
        "LICENSE_TYPE": "basic",
        "LICENSE_FAMILY": "basic",
    }


@method("profile")
def profile(visit: Visit) -> Json:
    """The acting user in short."""
    user = visit.user
    return {
        "ID": str(user["ID"]),
        "ADMIN": visit.is_admin,
        "NAME": user["NAME"],
        "LAST_NAME": user["LAST_NAME"],
        "PERSONAL_GENDER": user.get("PERSONAL_GENDER", ""),
        "TIME_ZONE": "",
    }


@method("user.admin")
def user_admin(visit: Visit) -> Json:
    """Whether the acting user administers the portal."""
    return visit.is_admin


@method("user.access")
def user_access(visit: Visit) -> Json:
    """Whether the acting user holds one of the access codes."""
    wanted = visit.need("ACCESS")
    codes = wanted if isinstance(wanted, list) else [wanted]
    return visit.is_admin or f"U{visit.user_id}" in codes or "AU" in codes


_KNOWN_CODES = {"G2": "All visitors", "AU": "All authorized users", "UA": "All employees"}


@method("access.name")
def access_name(visit: Visit) -> Json:
    """What access codes stand for, under the codes as keys; unknown ones are left out."""
    given = visit.param("ACCESS")
    if not isinstance(given, list) or not given:
        return False
    found: dict[str, Json] = {}
    for code in map(str, given):
        if code in _KNOWN_CODES:
            found[code] = {"provider": "", "name": _KNOWN_CODES[code], "provider_id": "other"}
        elif code[:1] == "U" and code[1:].isdigit() and (who := visit.world.user(int(code[1:]))):
            name = f"{who['NAME']} {who['LAST_NAME']}"
            found[code] = {"provider": "User", "name": name, "provider_id": "user"}
    return found or []
