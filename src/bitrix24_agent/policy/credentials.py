"""Names of parameters that carry a credential; no caller sets one, the transport adds its own."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bitrix24_agent.model import Json

_LETTERS = re.compile(r"[^a-z0-9]")

TOP_LEVEL = frozenset(
    {"auth", "authorization", "authid", "refreshid", "sessid", "bitrixsessid", "token", "apikey"}
)
"""Refused beside the method name only: deeper down these are words of ordinary data."""

ANYWHERE = frozenset(
    {
        "accesstoken",
        "refreshtoken",
        "clientsecret",
        "applicationtoken",
        "webhookcode",
        "webhooksecret",
    }
)
"""Refused at any depth."""

_NEVER = frozenset({"auth", "authorization", "authid", "sessid"})


@lru_cache(maxsize=8192)
def folded(name: str) -> str:
    """Return *name* as the portal may read it: PHP turns dots and blanks into ``_``."""
    return _LETTERS.sub("", name.lower())


def credential_name(name: str, *, top: bool) -> bool:
    """Whether a parameter of this name carries a credential."""
    word = folded(name)
    return word in ANYWHERE or (top and word in TOP_LEVEL)


def find_credential(params: Mapping[str, Json], documented: Callable[[str], bool]) -> str | None:
    """Return the dotted path of the first parameter that carries a credential, or None.

    A *documented* top-level name is the method's own word for something else and passes; ``auth``
    never does, because the portal reads it as the token of the call whatever the method.
    """
    for name, value in params.items():
        if credential_name(name, top=True) and (folded(name) in _NEVER or not documented(name)):
            return name
        inner = _inside(value, name)
        if inner is not None:
            return inner
    return None


def _inside(value: Json, path: str) -> str | None:
    if isinstance(value, dict):
        for name, inner in value.items():
            here = f"{path}.{name}"
            if credential_name(name, top=False):
                return here
            found = _inside(inner, here)
            if found is not None:
                return found
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found = _inside(inner, f"{path}[{index}]")
            if found is not None:
                return found
    return None
