"""Where the rows of a list are: every method family keeps them somewhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

_AT = {
    # several lists or odd names in one result: the method pages say which one is the list
    "crm.orderentity.list": "orderEntity",
    "im.dialog.messages.get": "messages",
    "im.dialog.messages.search": "messages",
    "im.notify.get": "notifications",
    "im.notify.history.search": "notifications",
    "event.offline.get": "events",
    "tasks.task.history.list": "list",
    "user.search": "",
    "im.search.user.list": "",
    "im.department.employees.get": "",
    "im.department.managers.get": "",
}
"""Method -> key of its rows inside ``result``; "" when result itself is an object by id."""

_COMMON = ("items", "tasks", "messages", "notifications", "events", "list", "rows")
_VERBS = frozenset(
    {
        "list",
        "getlist",
        "search",
        "tail",
        "getchildren",
        "getversions",
        "get",
        "instances",
        "getrecent",
    }
)
_SINGLE = frozenset({"item", "task", "id"})


def rows_in(
    result: Json, method: str, *, counted: bool = False, at: str | None = None
) -> list[Row]:
    """Return the rows inside *result*; [] for anything that is no list of objects.

    Args:
        result: The ``result`` value of an answer.
        method: Method name in any case.
        counted: The envelope carried ``total`` or ``next``, so it is a list.
        at: Where the catalogue says the rows are (``result.items[]``), or None.

    Source: the sample answers of the method pages @ 5988ed13
    """
    if isinstance(result, list):
        return result if _all_objects(result) else []
    if not isinstance(result, dict) or not result:
        return []
    name = method.lower()
    key = _AT.get(name)
    if key is None and at is not None and at.endswith(("[]", "{}")):
        key = at[:-2].removeprefix("result").lstrip(".")
    if key is not None:
        return _inside(result, key)
    if not counted and name.rpartition(".")[2] not in _VERBS:
        return []
    lists = [k for k, v in result.items() if isinstance(v, list) and _all_objects(v)]
    filled = [k for k in lists if result[k]]
    for key in _COMMON:
        if key in lists:
            return _inside(result, key)
    if len(lists) == 1 and (counted or not _SINGLE.intersection(result)):
        is_object = name.endswith(".get") and not counted and len(result) > 1
        return [] if is_object else _inside(result, lists[0])
    if len(filled) == 1 and counted:
        return _inside(result, filled[0])
    if not counted and not name.endswith(("list", "search")):
        return []
    if _by_id(result):
        return list(result.values())
    nested = [v for v in result.values() if isinstance(v, dict) and _by_id(v)]
    return list(nested[0].values()) if len(nested) == 1 else []


def _inside(result: dict[str, Json], path: str) -> list[Row]:
    value: Json = result
    for key in filter(None, path.split(".")):
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, list):
        return value if _all_objects(value) else []
    if isinstance(value, dict) and _by_id(value):
        return list(value.values())
    return []


def _all_objects(values: list[Json]) -> bool:
    return all(type(value) is dict for value in values)


def _by_id(values: dict[str, Json]) -> bool:
    """Whether *values* is an object keyed by id rather than one object with fields."""
    return bool(values) and all(k.isdigit() and isinstance(v, dict) for k, v in values.items())
