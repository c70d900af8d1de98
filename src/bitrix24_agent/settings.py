"""Arguments and environment, read once into one frozen object; secrets print as stars."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, SecretStr

from bitrix24_agent.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PACKS = ("core",)
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"", "0", "false", "no", "off"})


class Settings(BaseModel):
    """What the environment says about the portal, the credential, the rules and the state.

    Attributes:
        webhook_url: Whole address of an incoming webhook (``B24_WEBHOOK_URL``), or put together
            from ``B24_DOMAIN``, ``B24_WEBHOOK_USER_ID`` and ``B24_WEBHOOK_CODE``.
        domain: Portal host for OAuth (``B24_DOMAIN``).
        mode: ``webhook`` or ``oauth`` (``B24_AUTH_MODE``; told from what is set otherwise).
        packs: Enabled packs (``B24_PACKS``, comma-separated; ``all`` for every pack).
        allow: Method patterns that alone may be called (``B24_METHOD_ALLOWLIST``).
        require_plan: Every write needs a stored, approved plan, whatever approver the code
            passes (``B24_REQUIRE_PLAN=1``). It can only tighten: 0 changes nothing.
        state: Address of the state database (``B24_STATE``).
        approver_key: Lets ``approve`` work without a terminal (``B24_APPROVER_KEY``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["webhook", "oauth"] = "webhook"
    webhook_url: SecretStr | None = None
    domain: str | None = None
    access_token: SecretStr | None = None
    refresh_token: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    packs: tuple[str, ...] = DEFAULT_PACKS
    allow: tuple[str, ...] = ()
    require_plan: bool = False
    state: str = ""
    approver_key: SecretStr | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the ``B24_*`` variables; nothing reads the environment later.

        Raises:
            SettingsError: A variable contradicts another or cannot be understood.
        """
        env = {
            key: value.strip()
            for key, value in (os.environ if environ is None else environ).items()
            if key.startswith("B24_")
        }
        mode = _mode(env)
        return cls(
            mode=mode,
            webhook_url=_webhook(env) if mode == "webhook" else None,
            domain=env.get("B24_DOMAIN") or None,
            access_token=_secret(env, "B24_ACCESS_TOKEN"),
            refresh_token=_secret(env, "B24_REFRESH_TOKEN"),
            client_id=env.get("B24_CLIENT_ID") or None,
            client_secret=_secret(env, "B24_CLIENT_SECRET"),
            packs=_list(env.get("B24_PACKS", "")) or DEFAULT_PACKS,
            allow=_list(env.get("B24_METHOD_ALLOWLIST", "")),
            require_plan=_flag(env, "B24_REQUIRE_PLAN"),
            state=env.get("B24_STATE") or default_state(),
            approver_key=_secret(env, "B24_APPROVER_KEY"),
        )


def default_file() -> Path:
    """Return the state database of this user on this machine.

    The library and the command share it, so that a plan made by an agent shows up in
    ``bitrix24-agent plans``. Its folder is made when the file is first opened.
    """
    base = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA")
    folder = Path(base) if base else Path.home() / ".local" / "state"
    return folder / "bitrix24-agent" / "state.db"


def default_state() -> str:
    """Return the address of :func:`default_file`."""
    return f"sqlite:///{default_file()}"


def _mode(env: Mapping[str, str]) -> Literal["webhook", "oauth"]:
    stated = env.get("B24_AUTH_MODE", "").lower()
    if stated == "webhook":
        return "webhook"
    if stated == "oauth":
        return "oauth"
    if stated:
        raise SettingsError(f"B24_AUTH_MODE is {stated!r}; use webhook or oauth")
    has_webhook = env.get("B24_WEBHOOK_URL") or env.get("B24_WEBHOOK_CODE")
    return "oauth" if env.get("B24_ACCESS_TOKEN") and not has_webhook else "webhook"


def _webhook(env: Mapping[str, str]) -> SecretStr | None:
    if env.get("B24_WEBHOOK_URL"):
        return SecretStr(env["B24_WEBHOOK_URL"])
    names = ("B24_DOMAIN", "B24_WEBHOOK_USER_ID", "B24_WEBHOOK_CODE")
    given = [name for name in names if env.get(name)]
    if not given:
        return None
    if missing := [name for name in names if not env.get(name)]:
        raise SettingsError(
            f"{', '.join(given)} set but not {', '.join(missing)}; set B24_WEBHOOK_URL to the "
            "whole address of the webhook instead"
        )
    host = env["B24_DOMAIN"].removeprefix("https://").strip("/")
    user, code = quote(env["B24_WEBHOOK_USER_ID"], safe=""), quote(env["B24_WEBHOOK_CODE"], safe="")
    return SecretStr(f"https://{host}/rest/{user}/{code}/")


def _secret(env: Mapping[str, str], name: str) -> SecretStr | None:
    return SecretStr(env[name]) if env.get(name) else None


def _list(value: str) -> tuple[str, ...]:
    return tuple(part for raw in value.replace(";", ",").split(",") if (part := raw.strip()))


def _flag(env: Mapping[str, str], name: str) -> bool:
    value = env.get(name, "").lower()
    if value in _YES:
        return True
    if value in _NO:
        return False
    raise SettingsError(f"{name} is {value!r}; use 1 or 0")
