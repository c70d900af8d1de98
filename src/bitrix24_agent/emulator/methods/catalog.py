"""The product catalogue.

Source: api-reference/catalog/product/catalog-product-list.md, .../catalog-product-get.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import filters, moments
from bitrix24_agent.emulator.data.seed import TODAY
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.query import page, split_prefix
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, as_map, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

PRODUCT = parse_fields("""
ID              | integer | ro | id              | ID
IBLOCK_ID       | integer |    | iblockId        | Catalogue
NAME            | string  |    | name            | Name
ACTIVE          | char    |    | active          | Active
PURCHASING_PRICE | double |    | purchasingPrice | Purchase price
CODE            | string  |    | code            | Code
""")


@method("catalog.product.list", scope="catalog")
def product_list(visit: Visit) -> Reply:
    """Products; ``id`` and ``iblockId`` must be selected, ``iblockId`` must be in the filter."""
    select = visit.param("select")
    wanted = [str(one) for one in select] if isinstance(select, list) else []
    if "*" not in wanted and not {"id", "iblockId"} <= set(wanted):
        raise Refusal(0, "Required select fields: id, iblockId")
    given = as_map(visit.param("filter"), "filter")
    if all(split_prefix(str(name))[1] != "iblockId" for name in given):
        raise Refusal(0, "Required filter fields: iblockId")
    field_of = PRODUCT.by_item.get
    found = page(
        visit.world.products,
        filters.group_of(given, field_of, strict=False),
        filters.order_of(as_map(visit.param("order"), "order"), field_of, strict=False),
        start=visit.start(),
    )
    rows = [shown_product(row) for row in found.rows]
    if "*" not in wanted:
        rows = [{name: row.get(name) for name in wanted if name in row} for row in rows]
    return Reply(result={"products": rows}, total=found.total, next=found.next)


@method("catalog.product.get", scope="catalog")
def product_get(visit: Visit) -> Json:
    """One product."""
    row = visit.world.products.get(as_int(visit.need("id"), 0))
    if row is None:
        raise Refusal(200040300000, "product does not exist.")
    return {"product": shown_product(row)}


def shown_product(row: Row) -> Row:
    """Return a product as answers write it."""
    return {
        "active": row["ACTIVE"],
        "available": "Y",
        "bundle": "N",
        "code": None,
        "createdBy": 1,
        "dateCreate": moments.iso(TODAY - 300 * 86400),
        "iblockId": row["IBLOCK_ID"],
        "iblockSectionId": None,
        "id": row["ID"],
        "measure": 5,
        "name": row["NAME"],
        "purchasingCurrency": row["CURRENCY_ID"],
        "purchasingPrice": round(row["PRICE"] * 0.6, 2),
        "quantity": 10,
        "sort": 500,
        "type": 1,
        "vatIncluded": "Y",
    }
