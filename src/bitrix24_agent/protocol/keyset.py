"""Which list methods can be walked by id, and how each spells that.

Walking by id is exact while rows come and go, costs no counting, and lets ranges of ids be read at
once. A method that is not listed is paged by offsets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_agent.protocol.names import option, pick

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.model import Call, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyset:
    """How a method filters and sorts by id.

    Attributes:
        field: Name of the id in ``filter`` and ``order``.
        row_key: Name of the id in a row.
        rows_at: Where the rows are inside ``result``; empty when ``result`` is the list.
        sorts: ``order`` for ``order: {ID: ASC}``; ``sort`` for ``sort: ID, order: ASC``.
        contains: Filter key for "one of these ids".
        step: Whether ``start=-1`` switches counting off.
    """

    field: str
    row_key: str
    rows_at: str = ""
    sorts: str = "order"
    contains: str = "@ID"


_CLASSIC = Keyset(field="ID", row_key="ID")
_ITEMS = Keyset(field="id", row_key="id", rows_at="items", contains="@id")


def _at(rows_at: str) -> Keyset:
    return Keyset(field="id", row_key="id", rows_at=rows_at, contains="@id")


KEYSETS: Mapping[str, Keyset] = {
    # api-reference/crm/: filter and order by ID; start=-1 in settings/performance/huge-data.md
    "crm.activity.list": _CLASSIC,
    "crm.company.list": _CLASSIC,
    "crm.contact.list": _CLASSIC,
    "crm.deal.list": _CLASSIC,
    "crm.lead.list": _CLASSIC,
    "crm.product.list": _CLASSIC,
    "crm.quote.list": _CLASSIC,
    "crm.requisite.list": _CLASSIC,
    "crm.item.list": _ITEMS,
    # api-reference/user/user-get.md: start=-1 and the sort pair are on that page
    "user.get": Keyset(field="ID", row_key="ID", sorts="sort"),
    # api-reference/tasks/tasks-task-list.md: filters by ID, answers id; takes a list for "one of"
    "tasks.task.list": Keyset(field="ID", row_key="id", rows_at="tasks", contains="ID"),
    # api-reference/catalog/ and sale/: start=-1 on the list pages
    "catalog.product.list": _at("products"),
    "catalog.product.offer.list": _at("offers"),
    "catalog.product.service.list": _at("services"),
    "catalog.product.sku.list": _at("units"),
    "catalog.price.list": _at("prices"),
    "catalog.storeproduct.list": _at("storeProducts"),
    "catalog.document.list": _at("documents"),
    "sale.order.list": _at("orders"),
    "sale.basketitem.list": _at("basketItems"),
}
"""Method name in lower case -> how to walk it. v2 only."""

LIST_OF = {
    "crm.activity.get": "crm.activity.list",
    "crm.company.get": "crm.company.list",
    "crm.contact.get": "crm.contact.list",
    "crm.deal.get": "crm.deal.list",
    "crm.lead.get": "crm.lead.list",
    "crm.quote.get": "crm.quote.list",
    "crm.item.get": "crm.item.list",
    "tasks.task.get": "tasks.task.list",
}
"""Method that reads one object -> list method of the same objects."""

EVERYTHING = {
    "crm.item.list": ("*",),
    "tasks.task.list": (),
    "crm.company.list": ("*", "UF_*", "PHONE", "EMAIL", "WEB", "IM"),
    "crm.contact.list": ("*", "UF_*", "PHONE", "EMAIL", "WEB", "IM"),
    "crm.lead.list": ("*", "UF_*", "PHONE", "EMAIL", "WEB", "IM"),
}
"""``select`` that makes a list method return what its ``get`` returns; classic CRM otherwise."""


def keyset_for(call: Call) -> tuple[Keyset, int] | None:
    """Return how to walk *call* by id and the direction (1 up, -1 down), or None for offsets.

    A call that sorts by something else, or bounds the id by something that is no number, keeps its
    own order and is paged by offsets.
    """
    if call.version != 2:
        return None
    keyset = KEYSETS.get(call.method.lower())
    if keyset is None:
        return None
    direction = _direction(call.params, keyset)
    if direction == 0:
        return None
    bounds = option(call.params, "filter")
    if bounds is not None and not isinstance(bounds, dict):
        return None
    for operator in (">", "<", ">=", "<="):
        _, value = pick(bounds or {}, f"{operator}{keyset.field}")
        if value is not None and not is_id(value):
            return None
    return keyset, direction


def is_id(value: Json) -> bool:
    """Return whether *value* is a whole number or the text of one."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (
        isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit()
    )


def _direction(params: Mapping[str, Json], keyset: Keyset) -> int:
    order = option(params, "order")
    if keyset.sorts == "sort":
        by = option(params, "sort")
        if by not in (None, "") and str(by).upper() != keyset.field.upper():
            return 0
        return _sign(order or "ASC")
    if not order:
        return 1
    if not isinstance(order, dict) or len(order) != 1:
        return 0
    ((field, way),) = order.items()
    return _sign(way) if str(field).upper() == keyset.field.upper() else 0


def _sign(way: Json) -> int:
    return {"ASC": 1, "DESC": -1}.get(str(way).upper(), 0)
