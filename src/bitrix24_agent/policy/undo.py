"""The call that takes a write back, when there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bitrix24_agent.model import Call, Risk
from bitrix24_agent.policy.credentials import folded
from bitrix24_agent.policy.plan import item_of

if TYPE_CHECKING:
    from bitrix24_agent.model import Json
    from bitrix24_agent.policy.port import Catalog


def reverse(
    call: Call, *, before: Mapping[str, Json] | None, new_id: Json | None, catalog: Catalog
) -> Call | None:
    """Return the call that undoes *call* after it ran, or None when nothing does.

    An update is undone by writing back the fields it changed, as *before* (the object read for the
    plan) had them; a creation by deleting *new_id*. Deletions and batches are not undone.
    """
    stem, _, verb = call.method.rpartition(".")
    if call.is_batch or not stem:
        return None
    if verb.lower() == "update":
        return _write_back(call, item_of(before))
    if verb.lower() in ("add", "create") and new_id is not None:
        return _delete(stem, call, new_id, catalog)
    return None


def _write_back(call: Call, before: Mapping[str, Json] | None) -> Call | None:
    """The same update with the old values; None when one of them is not known."""
    if before is None:
        return None
    old = {folded(name): value for name, value in before.items()}
    params: dict[str, Json] = dict(call.params)
    holder = next(
        (n for n, v in params.items() if folded(n) == "fields" and isinstance(v, dict)), None
    )
    changed = params[holder] if holder else {n: v for n, v in params.items() if folded(n) != "id"}
    restored: dict[str, Json] = {}
    for name, new in changed.items():
        if folded(name) not in old:
            return None
        was = old[folded(name)]
        if isinstance(was, list | dict) or isinstance(new, list | dict):
            return None  # rows with own ids (phones, files): writing them back would add more
        restored[name] = "" if was is None else was
    if not restored:
        return None
    if holder:
        params[holder] = restored
    else:
        params |= restored
    return call.with_all(params)


def _delete(stem: str, call: Call, new_id: Json, catalog: Catalog) -> Call | None:
    method = catalog.lookup(f"{stem}.delete", call.version)
    if method is None or method.risk is not Risk.DESTRUCTIVE:
        return None
    given = {folded(name): value for name, value in call.params.items()}
    params: dict[str, Json] = {}
    placed = False
    for param in (p for p in method.params if p.top_level and p.required):
        word = folded(param.name)
        if word in given and not isinstance(given[word], dict | list):
            params[param.name] = given[word]
        elif not placed and word.endswith("id"):
            params[param.name] = new_id
            placed = True
        else:
            return None
    return Call(method=method.name, version=method.version, params=params) if placed else None
