"""Tool names of methods and the map back; a name is never un-mangled by guessing."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from bitrix24_agent.errors import ReferencesError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bitrix24_agent.model import Method

PREFIX = "b24_"
MAX_NAME = 64
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def tool_name(method: Method, *, versioned: bool) -> str:
    """Return ``b24_crm_deal_add``; *versioned* adds ``_v3`` where the name exists in both versions.

    A name over 64 characters is cut and ends in eight hexadecimal digits of its digest.
    """
    name = PREFIX + method.name.replace(".", "_")
    if versioned:
        name += f"_v{method.version}"
    name = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    if len(name) > MAX_NAME:
        digest = hashlib.sha256(method.id.encode()).hexdigest()[:8]
        name = f"{name[: MAX_NAME - 9]}_{digest}"
    return name


def name_map(methods: Iterable[Method]) -> dict[str, Method]:
    """Return tool name -> method for *methods*.

    Raises:
        ReferencesError: Two methods would get the same name (``a.b_c`` and ``a.b.c``), or a name
            no provider accepts.
    """
    methods = list(methods)
    in_v2 = {m.name.lower() for m in methods if m.version == 2}
    names: dict[str, Method] = {}
    for method in methods:
        name = tool_name(method, versioned=method.version == 3 and method.name.lower() in in_v2)
        if name in names:
            raise ReferencesError(f"{method.id} and {names[name].id} would both be {name}")
        if not _SAFE.fullmatch(name):
            raise ReferencesError(f"{method.id} gives no usable tool name")
        names[name] = method
    return names
