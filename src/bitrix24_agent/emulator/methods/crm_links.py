"""Contacts of a deal and product rows, in both spellings.

Source: api-reference/crm/deals/contacts/*.md, .../deals/crm-deal-productrows-*.md,
.../universal/product-rows/crm-item-productrow-*.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import crm, filters
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.query import page
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Reply, Visit, as_int, as_map, method

if TYPE_CHECKING:
    from bitrix24_agent.emulator.world import World
    from bitrix24_agent.model import Json, Row

PRODUCT_ROW = parse_fields("""
ID            | integer | ro | id            | ID
OWNER_ID      | integer | ro | ownerId       | Object
OWNER_TYPE_ID | integer | ro | ownerType     | Type of the object
PRODUCT_ID    | integer |    | productId     | Product
PRODUCT_NAME  | string  |    | productName   | Name
PRICE         | double  |    | price         | Price
QUANTITY      | double  |    | quantity      | Quantity
DISCOUNT_RATE | double  |    | discountRate  | Discount, percent
DISCOUNT_SUM  | double  |    | discountSum   | Discount, amount
TAX_RATE      | double  |    | taxRate       | Tax, percent
TAX_INCLUDED  | char    |    | taxIncluded   | Tax included
SORT          | integer |    | sort          | Order
""")


def _deal(visit: Visit, *, text: str) -> Row:
    key = as_int(visit.param("id"), 0)
    if key <= 0:
        raise Refusal("", text)
    row = visit.world.deals.get(key)
    if row is None:
        raise Refusal("", "Not found.")
    return row


_NO_OWNER = "The parameter ownerEntityID is invalid or not defined."


@method("crm.deal.contact.items.get", scope="crm")
def contacts_get(visit: Visit) -> Json:
    """Contacts of a deal, the primary first."""
    row = _deal(visit, text=_NO_OWNER)
    return [
        {
            "CONTACT_ID": contact,
            "SORT": (number + 1) * 10,
            "ROLE_ID": 0,
            "IS_PRIMARY": "Y" if contact == row.get("CONTACT_ID") else "N",
        }
        for number, contact in enumerate(row.get("CONTACT_IDS", ()))
    ]


@method("crm.deal.contact.items.set", scope="crm", writes=True)
def contacts_set(visit: Visit) -> Json:
    """Exactly these contacts from now on."""
    row = _deal(visit, text=_NO_OWNER)
    items = visit.param("items")
    if not isinstance(items, list):
        raise Refusal("", "The parameter items must be array.")
    given = [one for one in items if isinstance(one, dict) and as_int(one.get("CONTACT_ID"), 0)]
    given.sort(key=lambda one: as_int(one.get("SORT"), 0))
    primary = [one for one in given if one.get("IS_PRIMARY") == "Y"]
    ids = [as_int(one["CONTACT_ID"], 0) for one in (primary[:1] or given[:1])]
    for one in given:
        key = as_int(one["CONTACT_ID"], 0)
        if key not in ids and key in visit.world.contacts:
            ids.append(key)
    ids = [key for key in ids if key in visit.world.contacts]
    crm.change(visit.world, crm.PLAIN[2], row["ID"], {"CONTACT_IDS": ids}, visit.user_id)
    return True


@method("crm.deal.contact.items.delete", scope="crm", writes=True)
def contacts_delete(visit: Visit) -> Json:
    """No contacts any more."""
    row = _deal(visit, text=_NO_OWNER)
    crm.change(visit.world, crm.PLAIN[2], row["ID"], {"CONTACT_IDS": []}, visit.user_id)
    return True


# --- product rows ---------------------------------------------------------------------------------

_NO_ID = "The parameter id is invalid or not defined."


@method("crm.deal.productrows.get", scope="crm")
def rows_get(visit: Visit) -> Json:
    """Products of a deal, old spelling."""
    deal = _deal(visit, text=_NO_ID)
    rows = visit.world.product_rows.where(OWNER_TYPE_ID=2, OWNER_ID=deal["ID"])
    return [_classic(row) for row in rows]


@method("crm.deal.productrows.set", scope="crm", writes=True)
def rows_set(visit: Visit) -> Json:
    """Exactly these products from now on."""
    deal = _deal(visit, text=_NO_ID)
    given = visit.param("rows")
    rows = list(as_map(given, "rows").values()) if given is not None else []
    _replace(visit, 2, deal["ID"], [_parsed(visit.world, one, classic=True) for one in rows])
    return True


_LETTERS = {"D": 2, "L": 1, "C": 3, "CO": 4}


def _owner_type(visit: Visit, code: Json) -> int:
    text = str(code or "").upper()
    if text in _LETTERS:
        return _LETTERS[text]
    number = int(text[1:], 16) if text.startswith("T") and text[1:].isalnum() else 0
    if crm.kind_of(visit.world, number) is None:
        raise Refusal(
            "ENTITY_TYPE_NOT_SUPPORTED", "Working with this type of objects is not supported"
        )
    return number


@method("crm.item.productrow.list", scope="crm")
def item_rows_list(visit: Visit) -> Reply:
    """Products of one object; the filter must name it."""
    given = dict(as_map(visit.need("filter"), "filter"))
    owner_type = given.pop("=ownerType", given.pop("ownerType", None))
    owner = given.get("=ownerId", given.get("ownerId"))
    if owner_type is None or owner is None:
        raise Refusal("INVALID_ARG_VALUE", "Invalid filter: ownerId and ownerType are required")
    given["=ownerType"] = _owner_type(visit, owner_type)
    field_of = PRODUCT_ROW.by_item.get
    found = page(
        visit.world.product_rows,
        filters.group_of(given, field_of, strict=True),
        filters.order_of(as_map(visit.param("order"), "order"), field_of, strict=True),
        start=visit.start(),
    )
    rows = [item_row(row) for row in found.rows]
    return Reply(result={"productRows": rows}, total=found.total or 0, next=found.next)


@method("crm.item.productrow.set", scope="crm", writes=True)
def item_rows_set(visit: Visit) -> Json:
    """Exactly these products from now on; the answer lists them."""
    owner_type = _owner_type(visit, visit.need("ownerType"))
    owner = as_int(visit.need("ownerId"), 0)
    table = visit.world.table_of(owner_type)
    if table is None or owner not in table:
        raise Refusal("OWNER_NOT_FOUND", "Owner was not found")
    given = visit.param("productRows")
    rows = list(as_map(given, "productRows").values())
    parsed = [_parsed(visit.world, one, classic=False) for one in rows]
    stored = _replace(visit, owner_type, owner, parsed)
    return {"productRows": [item_row(row) for row in stored]}


def _parsed(world: World, given: Json, *, classic: bool) -> Row:
    if not isinstance(given, dict):
        raise Refusal("100", "Invalid value of a product row")
    names = PRODUCT_ROW.by_name if classic else PRODUCT_ROW.by_item
    row: Row = {"QUANTITY": 1.0, "PRICE": 0.0, "SORT": 10, "TAX_INCLUDED": "N"}
    for name, value in given.items():
        field = names.get(str(name))
        if field is not None and not field.read_only:
            row[field.name] = field.parse(value)
    product = world.products.get(row.get("PRODUCT_ID") or 0)
    if product is not None:
        row.setdefault("PRODUCT_NAME", product["NAME"])
    return row


def _replace(visit: Visit, owner_type: int, owner: int, rows: list[Row]) -> list[Row]:
    """Put *rows* in place of the old ones; the object's amount follows unless it is manual."""
    world = visit.world
    for key in world.product_rows.keys_where(OWNER_TYPE_ID=owner_type, OWNER_ID=owner):
        world.product_rows.delete(key)
    stored = [
        world.product_rows.rows[
            world.product_rows.add({"OWNER_TYPE_ID": owner_type, "OWNER_ID": owner, **row})
        ]
        for row in rows
    ]
    kind = crm.kind_of(world, owner_type)
    if kind is not None and kind.money:
        table = crm.table(world, kind)
        if table.value(table.rows[owner], "IS_MANUAL_OPPORTUNITY") != "Y":
            total = float(sum(row["PRICE"] * row["QUANTITY"] for row in stored))
            crm.change(world, kind, owner, {"OPPORTUNITY": total}, visit.user_id)
    return stored


def _number(value: float | None) -> Json:
    return int(value) if value is not None and value == int(value) else value


def _classic(row: Row) -> Row:
    return {
        "ID": str(row["ID"]),
        "OWNER_ID": str(row["OWNER_ID"]),
        "OWNER_TYPE": "D",
        "PRODUCT_ID": row.get("PRODUCT_ID") or 0,
        "PRODUCT_NAME": row.get("PRODUCT_NAME") or "",
        "ORIGINAL_PRODUCT_NAME": row.get("PRODUCT_NAME") or "",
        "PRICE": _number(row["PRICE"]),
        "PRICE_EXCLUSIVE": _number(row["PRICE"]),
        "PRICE_NETTO": _number(row["PRICE"]),
        "PRICE_BRUTTO": _number(row["PRICE"]),
        "PRICE_ACCOUNT": f"{row['PRICE']:.2f}",
        "QUANTITY": _number(row["QUANTITY"]),
        "DISCOUNT_TYPE_ID": 2,
        "DISCOUNT_RATE": _number(row.get("DISCOUNT_RATE") or 0.0),
        "DISCOUNT_SUM": _number(row.get("DISCOUNT_SUM") or 0.0),
        "TAX_RATE": _number(row.get("TAX_RATE")),
        "TAX_INCLUDED": row.get("TAX_INCLUDED", "N"),
        "CUSTOMIZED": "Y",
        "MEASURE_CODE": 796,
        "MEASURE_NAME": "pcs",
        "SORT": row["SORT"],
    }


def item_row(row: Row) -> Row:
    """Return a product row as crm.item.* writes it."""
    kinds = {number: letter for letter, number in _LETTERS.items()}
    owner_type = kinds.get(row["OWNER_TYPE_ID"]) or f"T{row['OWNER_TYPE_ID']:x}"
    return {
        "id": row["ID"],
        "ownerId": row["OWNER_ID"],
        "ownerType": owner_type,
        "productId": row.get("PRODUCT_ID") or 0,
        "productName": row.get("PRODUCT_NAME") or "",
        "price": _number(row["PRICE"]),
        "priceAccount": _number(row["PRICE"]),
        "priceExclusive": _number(row["PRICE"]),
        "priceNetto": _number(row["PRICE"]),
        "priceBrutto": _number(row["PRICE"]),
        "quantity": _number(row["QUANTITY"]),
        "discountTypeId": 2,
        "discountRate": _number(row.get("DISCOUNT_RATE") or 0.0),
        "discountSum": _number(row.get("DISCOUNT_SUM") or 0.0),
        "taxRate": _number(row.get("TAX_RATE")),
        "taxIncluded": row.get("TAX_INCLUDED", "N"),
        "customized": "Y",
        "measureCode": 796,
        "measureName": "pcs",
        "sort": row["SORT"],
        "xmlId": "",
        "type": 4,
    }
