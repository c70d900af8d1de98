"""Parameter names are matched without regard to case: pages and examples disagree about it.

Source: api-reference/crm/deals/crm-deal-list.md @ 5988ed13 (table and examples differ)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.model import Json


def pick(params: Mapping[str, Json], name: str) -> tuple[str | None, Json]:
    """Return the key that spells *name* in *params*, and its value; (None, None) when absent."""
    if name in params:
        return name, params[name]
    low = name.lower()
    for key, value in params.items():
        if key.lower() == low:
            return key, value
    return None, None


def option(params: Mapping[str, Json], name: str) -> Json:
    """Return the value of parameter *name* in any case, or None."""
    return pick(params, name)[1]


def without(params: Mapping[str, Json], *names: str) -> dict[str, Json]:
    """Return *params* without *names* in any case."""
    gone = {name.lower() for name in names}
    return {key: value for key, value in params.items() if key.lower() not in gone}


def put(params: Mapping[str, Json], name: str, value: Json) -> dict[str, Json]:
    """Return *params* with *name* set, under the spelling it already has there."""
    key, _ = pick(params, name)
    return {**params, key or name: value}
