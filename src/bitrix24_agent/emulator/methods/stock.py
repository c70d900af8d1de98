"""The trade catalogue beside its products: price types, prices, stores, stock documents.

Source: api-reference/catalog/{catalog,price-type,price,product,store,store-product,document}/*.md
@ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator.family import (
    Kind,
    admin_only,
    everybody,
    file_list,
    lacking,
    parsed,
    sent,
    store,
)
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.methods.catalog import PRODUCT, shown_product
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, as_int, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

CATALOG = Kind(
    table="catalogs",
    fields=parse_fields("""
ID                | integer | ro | id              | ID
IBLOCK_ID         | integer | ro | iblockId        | Information block
IBLOCK_TYPE_ID    | string  | ro | iblockTypeId    | Kind of block
LID               | string  | ro | lid             | Site
NAME              | string  | ro | name            | Name
PRODUCT_IBLOCK_ID | integer | ro | productIblockId | Block of the products
SKU_PROPERTY_ID   | integer | ro | skuPropertyId   | Property of the link
SUBSCRIPTION      | char    | ro | subscription    | Subscription
VAT_ID            | integer |    | vatId           | VAT
"""),
)
PRICE_TYPE = Kind(
    table="price_types",
    fields=parse_fields("""
ID          | integer  | ro | id         | ID
NAME        | string   |    | name       | Name
BASE        | char     |    | base       | Base price
SORT        | integer  |    | sort       | Order
XML_ID      | string   |    | xmlId      | External code
CREATED_BY  | integer  | ro | createdBy  | Created by
DATE_CREATE | datetime | ro | dateCreate | Created on
"""),
)
PRICE = Kind(
    table="prices",
    fields=parse_fields("""
CATALOG_GROUP_ID | integer  |    | catalogGroupId | Price type
CURRENCY         | string   |    | currency       | Currency
EXTRA_ID         | integer  |    | extraId        | Markup
ID               | integer  | ro | id             | ID
PRICE            | double   |    | price          | Price
PRODUCT_ID       | integer  |    | productId      | Product
QUANTITY_FROM    | integer  |    | quantityFrom   | From this quantity
QUANTITY_TO      | integer  |    | quantityTo     | Up to this quantity
TIMESTAMP_X      | datetime | ro | timestampX     | Changed on
"""),
)
STORE = Kind(
    table="stores",
    fields=parse_fields("""
ACTIVE      | char     |    | active      | Active
ADDRESS     | string   |    | address     | Address
CODE        | string   |    | code        | Code
DATE_CREATE | datetime | ro | dateCreate  | Created on
DATE_MODIFY | datetime | ro | dateModify  | Changed on
DESCRIPTION | string   |    | description | Description
ID          | integer  | ro | id          | ID
SORT        | integer  |    | sort        | Order
TITLE       | string   |    | title       | Name
USER_ID     | integer  | ro | userId      | Created by
"""),
)
STORE_PRODUCT = Kind(
    table="store_products",
    fields=parse_fields("""
AMOUNT            | double  | ro | amount           | In stock
ID                | integer | ro | id               | ID
PRODUCT_ID        | integer | ro | productId        | Product
QUANTITY_RESERVED | double  | ro | quantityReserved | Reserved
STORE_ID          | integer | ro | storeId          | Store
"""),
)
DOCUMENT = Kind(
    table="stock_documents",
    fields=parse_fields("""
COMMENTARY     | string   |    | commentary    | Comment
CREATED_BY     | integer  |    | createdBy     | Created by
CURRENCY       | string   |    | currency      | Currency
DATE_CREATE    | datetime | ro | dateCreate    | Created on
DATE_DOCUMENT  | datetime |    | dateDocument  | Date of the document
DATE_MODIFY    | datetime | ro | dateModify    | Changed on
DATE_STATUS    | datetime | ro | dateStatus    | Conducted on
DOC_NUMBER     | string   |    | docNumber     | Number
DOC_TYPE       | string   |    | docType       | Kind
ID             | integer  | ro | id            | ID
MODIFIED_BY    | integer  | ro | modifiedBy    | Changed by
RESPONSIBLE_ID | integer  |    | responsibleId | Responsible
SITE_ID        | string   |    | siteId        | Site
STATUS         | string   | ro | status        | Status
STATUS_BY      | integer  | ro | statusBy      | Conducted by
TITLE          | string   |    | title         | Title
TOTAL          | double   |    | total         | Total
"""),
)
ELEMENT = Kind(
    table="stock_elements",
    fields=parse_fields("""
AMOUNT           | double  |    | amount          | Quantity
DOC_ID           | integer |    | docId           | Document
ELEMENT_ID       | integer |    | elementId       | Product
ID               | integer | ro | id              | ID
PURCHASING_PRICE | double  |    | purchasingPrice | Purchase price
STORE_FROM       | integer |    | storeFrom       | From store
STORE_TO         | integer |    | storeTo         | To store
"""),
)

_RIGHTS = admin_only(200040300010)
_MAY_WRITE = admin_only(200040300020)
# Kinds of documents: what a line does to the stock. Source: .../document/index.md @ 5988ed13
_KINDS = frozenset({"A", "S", "M", "R", "D", "U", "W"})

file_list("catalog.catalog.list", CATALOG, scope="catalog", wrap="catalogs", guard=_RIGHTS)
file_list("catalog.priceType.list", PRICE_TYPE, scope="catalog", wrap="priceTypes", guard=_RIGHTS)
file_list("catalog.price.list", PRICE, scope="catalog", wrap="prices", guard=everybody)
file_list("catalog.store.list", STORE, scope="catalog", wrap="stores", guard=_RIGHTS)
file_list("catalog.storeproduct.list", STORE_PRODUCT, scope="catalog", wrap="storeProducts")


def _required(given: dict[str, Json], *names: str) -> None:
    missing = lacking(given, *names)
    if missing:
        raise Refusal(0, f"Required fields: {', '.join(missing)}")


@method("catalog.product.add", scope="catalog", writes=True)
def product_add(visit: Visit) -> Json:
    """A new simple product; the answer is under ``element``."""
    _RIGHTS(visit)
    given = sent(visit)
    _required(given, "iblockId", "name")
    block = as_int(given["iblockId"], 0)
    if not CATALOG.rows(visit).where(IBLOCK_ID=block):
        raise Refusal(200040300043, "The specified iblock is not a product catalog")
    values = parsed(Kind(table="products", fields=PRODUCT), given)
    row = {"PRICE": 0.0, "CURRENCY_ID": "EUR", "ACTIVE": "Y", **values, "NAME": str(given["name"])}
    key = visit.world.products.add(row)
    return {"element": shown_product(visit.world.products.rows[key])}


@method("catalog.price.add", scope="catalog", writes=True)
def price_add(visit: Visit) -> Json:
    """A price of a product; one of each type."""
    _MAY_WRITE(visit)
    given = sent(visit)
    _required(given, "productId", "catalogGroupId", "price", "currency")
    group, product = as_int(given["catalogGroupId"], 0), as_int(given["productId"], 0)
    if PRICE_TYPE.find(visit, group) is None:
        raise Refusal(0, "Validate price error. Catalog price group is wrong")
    if product not in visit.world.products:
        raise Refusal(0, "Validate price error. Catalog product is not found")
    if PRICE.rows(visit).keys_where(PRODUCT_ID=product, CATALOG_GROUP_ID=group):
        text = "Catalog product is allowed has only single price without ranges in price group"
        raise Refusal(0, f"Validate price error. {text}")
    row = store(visit, PRICE, given, {"TIMESTAMP_X": visit.world.now()})
    if (PRICE_TYPE.find(visit, group) or {}).get("BASE") == "Y":
        base = {"PRICE": row["PRICE"], "CURRENCY_ID": row["CURRENCY"]}
        visit.world.products.update(product, base)
    return {"price": PRICE.shown(row)}


# --- stock ----------------------------------------------------------------------------------------


@method("catalog.document.mode.status", scope="catalog")
def mode_status(_visit: Visit) -> Json:
    """Whether stock is managed at all."""
    return "Y"


def _may_keep_stock(visit: Visit) -> None:
    if not visit.is_admin:
        raise Refusal("0", "Insufficient permissions to save the document")


@method("catalog.document.add", scope="catalog", writes=True)
def document_add(visit: Visit) -> Json:
    """A draft; the stock changes only when it is conducted."""
    _may_keep_stock(visit)
    given = sent(visit)
    _required(given, "docType", "currency", "responsibleId")
    if str(given["docType"]) not in _KINDS:
        raise Refusal("0", "DOC_TYPE isn't available")
    now = visit.world.now()
    values = {
        "SITE_ID": "s1",
        "CREATED_BY": visit.user_id,
        "DOC_NUMBER": f"{given['docType']}-{len(DOCUMENT.rows(visit)) + 1:05}",
        **parsed(DOCUMENT, given),
    }
    more = {
        "STATUS": "N",
        "MODIFIED_BY": visit.user_id,
        "DATE_CREATE": now,
        "DATE_MODIFY": now,
        "DATE_STATUS": now,
    }
    row = store(visit, DOCUMENT, {}, {**values, **more})
    return {"document": DOCUMENT.shown(row)}


@method("catalog.document.element.add", scope="catalog", writes=True)
def element_add(visit: Visit) -> Json:
    """A line of a draft."""
    if not visit.is_admin:
        raise Refusal("ERROR_DOCUMENT_RIGHTS", "Access denied")
    given = sent(visit)
    document = DOCUMENT.find(visit, given.get("docId"))
    if document is None:
        raise Refusal("ERROR_DOCUMENT_STATUS", "Document not found")
    if document["STATUS"] == "Y":
        raise Refusal("ERROR_DOCUMENT_STATUS", "Conducted document")
    if as_int(given.get("elementId"), 0) not in visit.world.products:
        raise Refusal("0", "Error of adding new document element")
    return {"documentElement": ELEMENT.shown(store(visit, ELEMENT, given, {}))}


@method("catalog.document.conduct", scope="catalog", writes=True)
def conduct(visit: Visit) -> Json:
    """Now the stock changes."""
    if not visit.is_admin:
        raise Refusal("0", "Insufficient rights to save the document")
    row = DOCUMENT.need(visit, visit.need("id"), Refusal("0", "Document not found"))
    lines = ELEMENT.rows(visit).where(DOC_ID=row["ID"])
    if row["STATUS"] == "Y" or not lines:
        text = "it is conducted already" if lines else "it has no lines"
        raise Refusal("0", f'Document conducting error: "{text}"')
    for line in lines:
        amount = line.get("AMOUNT") or 0.0
        for name, sign in (("STORE_FROM", -1), ("STORE_TO", 1)):
            if line.get(name):
                _move(visit, line["ELEMENT_ID"], line[name], sign * amount)
    now = visit.world.now()
    done: Row = {"STATUS": "Y", "STATUS_BY": visit.user_id, "DATE_STATUS": now, "DATE_MODIFY": now}
    DOCUMENT.rows(visit).update(row["ID"], done)
    return True


def _move(visit: Visit, product: int, place: int, amount: float) -> None:
    table = STORE_PRODUCT.rows(visit)
    known = table.where(PRODUCT_ID=product, STORE_ID=place)
    if known:
        table.update(known[0]["ID"], {"AMOUNT": known[0]["AMOUNT"] + amount})
        return
    table.add(
        {"PRODUCT_ID": product, "STORE_ID": place, "AMOUNT": amount, "QUANTITY_RESERVED": 0.0}
    )
