"""Orders of the shop: payer types, baskets, payments, and payments of CRM objects.

Source: api-reference/sale/{order,basket-item,payment,person-type}/*.md, api-reference/pay-system/
sale-pay-system-list.md, api-reference/crm/universal/payment/**/*.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator.family import (
    Kind,
    admin_only,
    file_get,
    file_list,
    lacking,
    parsed,
    sent,
    store,
)
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.methods.crm_links import item_row
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, as_int, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

PERSON_TYPE = Kind(
    table="person_types",
    fields=parse_fields("""
ACTIVE | char    |    | active | Active
CODE   | string  |    | code   | Code
ID     | integer | ro | id     | ID
LID    | string  |    | lid    | Site
NAME   | string  |    | name   | Name
SORT   | string  |    | sort   | Order
XML_ID | string  |    | xmlId  | External code
"""),
)
PAY_SYSTEM = Kind(
    table="pay_systems",
    camel=False,
    fields=parse_fields("""
ID             | integer | ro | | ID
NAME           | string  |    | | Name
PSA_NAME       | string  |    | | Name for clients
DESCRIPTION    | string  |    | | Description
ACTION_FILE    | string  |    | | Handler
ACTIVE         | char    |    | | Active
IS_CASH        | char    |    | | Cash
PERSON_TYPE_ID | integer |    | | Payer type
SORT           | integer |    | | Order
XML_ID         | string  |    | | External code
"""),
)
ORDER = Kind(
    table="orders",
    fields=parse_fields("""
ACCOUNT_NUMBER   | string   | ro | accountNumber   | Number
ADDITIONAL_INFO  | string   |    | additionalInfo  | More
CANCELED         | char     |    | canceled        | Cancelled
COMMENTS         | string   |    | comments        | Comment
CURRENCY         | string   |    | currency        | Currency
DATE_INSERT      | datetime |    | dateInsert      | Created on
DATE_UPDATE      | datetime | ro | dateUpdate      | Changed on
DISCOUNT_VALUE   | double   |    | discountValue   | Discount
ID               | integer  | ro | id              | ID
LID              | string   |    | lid             | Site
PAYED            | char     | ro | payed           | Paid
PERSON_TYPE_ID   | integer  |    | personTypeId    | Payer type
PRICE            | double   |    | price           | Price
RESPONSIBLE_ID   | integer  |    | responsibleId   | Responsible
STATUS_ID        | string   |    | statusId        | Status
USER_DESCRIPTION | string   |    | userDescription | Comment of the client
USER_ID          | integer  |    | userId          | Client
XML_ID           | string   |    | xmlId           | External code
"""),
)
BASKET = Kind(
    table="basket_items",
    fields=parse_fields("""
BASE_PRICE     | double   |    | basePrice     | Base price
CAN_BUY        | char     | ro | canBuy        | Can be bought
CURRENCY       | string   |    | currency      | Currency
CUSTOM_PRICE   | char     |    | customPrice   | Price by hand
DATE_INSERT    | datetime | ro | dateInsert    | Created on
DATE_UPDATE    | datetime | ro | dateUpdate    | Changed on
DISCOUNT_PRICE | double   |    | discountPrice | Discount
ID             | integer  | ro | id            | ID
MODULE         | string   | ro | module        | Module
NAME           | string   |    | name          | Name
ORDER_ID       | integer  |    | orderId       | Order
PRICE          | double   |    | price         | Price
PRODUCT_ID     | integer  |    | productId     | Product
QUANTITY       | double   |    | quantity      | Quantity
SORT           | integer  |    | sort          | Order of rows
XML_ID         | string   |    | xmlId         | External code
"""),
)
PAYMENT = Kind(
    table="payments",
    fields=parse_fields("""
ACCOUNT_NUMBER  | string   | ro | accountNumber  | Number
COMMENTS        | string   |    | comments       | Comment
CURRENCY        | string   | ro | currency       | Currency
DATE_BILL       | datetime |    | dateBill       | Billed on
DATE_PAID       | datetime |    | datePaid       | Paid on
EMP_PAID_ID     | integer  |    | empPaidId      | Marked as paid by
ID              | integer  | ro | id             | ID
IS_RETURN       | char     |    | isReturn       | Returned
ORDER_ID        | integer  |    | orderId        | Order
PAID            | char     |    | paid           | Paid
PAY_SYSTEM_ID   | integer  |    | paySystemId    | Payment system
PAY_SYSTEM_NAME | string   | ro | paySystemName  | Name of the payment system
RESPONSIBLE_ID  | integer  |    | responsibleId  | Responsible
SUM             | double   |    | sum            | Amount
XML_ID          | string   |    | xmlId          | External code
"""),
)

_READ = admin_only(200040300010)
_WRITE = admin_only(200040300020)

file_list("sale.persontype.list", PERSON_TYPE, scope="sale", wrap="personTypes", guard=_READ)
file_list("sale.payment.list", PAYMENT, scope="sale", wrap="payments", guard=_READ)
file_get(
    "sale.payment.get",
    PAYMENT,
    scope="sale",
    wrap="payment",
    missing=(200640400001, "payment does not exist"),
    guard=_READ,
)


@method("sale.paysystem.list", scope="pay_system")
def pay_systems(visit: Visit) -> Json:
    """Payment systems; the parameters are upper case, nothing is counted."""
    admin_only("ACCESS_DENIED", "Access denied!", 403)(visit)
    for name in ("SELECT", "FILTER", "ORDER"):
        if not isinstance(visit.param(name, []), dict | list):
            raise Refusal("ERROR_CHECK_FAILURE", f"Parameter {name} must be array")
    found = PAY_SYSTEM.reply(visit, PAY_SYSTEM.page(visit))
    numbers = ("ID", "SORT", "PERSON_TYPE_ID")
    return [
        {
            name: int(one) if name in numbers and one is not None else one
            for name, one in row.items()
        }
        for row in found.result
    ]


def _required(given: dict[str, Json], *names: str) -> None:
    missing = lacking(given, *names)
    if missing:
        raise Refusal(0, f"Required fields: {', '.join(missing)}")


@method("sale.order.add", scope="sale", writes=True)
def order_add(visit: Visit) -> Json:
    """An order without goods."""
    _WRITE(visit)
    given = sent(visit)
    _required(given, "lid", "personTypeId", "currency")
    if PERSON_TYPE.find(visit, given["personTypeId"]) is None:
        raise Refusal(0, "Person type not found")
    now = visit.world.now()
    values = {
        "CANCELED": "N",
        "PAYED": "N",
        "PRICE": 0.0,
        "DISCOUNT_VALUE": 0.0,
        "STATUS_ID": "N",
        "DATE_INSERT": now,
        "DATE_UPDATE": now,
        "RESPONSIBLE_ID": visit.user_id,
        **parsed(ORDER, given),
    }
    row = store(visit, ORDER, {}, values)
    ORDER.rows(visit).update(row["ID"], {"ACCOUNT_NUMBER": str(row["ID"])})
    return {"order": ORDER.shown(row) | {"clients": [], "requisiteLink": []}}


@method("sale.order.get", scope="sale")
def order_get(visit: Visit) -> Json:
    """One order with its goods and payments."""
    _READ(visit)
    missing = Refusal(201240400001, "order does not exist")
    row = ORDER.need(visit, visit.need("id"), missing)
    goods = BASKET.rows(visit).where(ORDER_ID=row["ID"])
    payments = PAYMENT.rows(visit).where(ORDER_ID=row["ID"])
    return {
        "order": ORDER.shown(row)
        | {
            "basketItems": [BASKET.shown(one) for one in goods],
            "clients": [],
            "payments": [PAYMENT.shown(one) for one in payments],
            "shipments": [],
        }
    }


@method("sale.basketitem.addCatalogProduct", scope="sale", writes=True)
def basket_add(visit: Visit) -> Json:
    """A product of the catalogue into an order; the price comes from the catalogue."""
    _READ(visit)
    given = sent(visit)
    if lacking(given, "orderId"):
        raise Refusal(200140400008, "Required fields: fields[ORDER_ID]")
    _required(given, "currency", "quantity")
    order = ORDER.need(visit, given["orderId"], Refusal(200140400009, "Order not found"))
    if given["currency"] != order["CURRENCY"]:
        raise Refusal(200140400011, "Currency must be the currency of the order")
    product = visit.world.products.get(as_int(given.get("productId"), 0))
    if product is None or product["ACTIVE"] != "Y":
        raise Refusal(200140400007, "basket item is not saved - bad data")
    now = visit.world.now()
    values = {
        "NAME": product["NAME"],
        "BASE_PRICE": float(product["PRICE"]),
        "PRICE": float(product["PRICE"]),
        "DISCOUNT_PRICE": 0.0,
        "CUSTOM_PRICE": "N",
        "CAN_BUY": "Y",
        "MODULE": "catalog",
        "SORT": 100,
        "DATE_INSERT": now,
        "DATE_UPDATE": now,
        **parsed(BASKET, given),
    }
    row = store(visit, BASKET, {}, values)
    total = sum(
        (one.get("PRICE") or 0.0) * (one.get("QUANTITY") or 0.0)
        for one in BASKET.rows(visit).where(ORDER_ID=order["ID"])
    )
    ORDER.rows(visit).update(order["ID"], {"PRICE": total, "DATE_UPDATE": now})
    return {"basketItem": BASKET.shown(row) | {"properties": [], "reservations": []}}


@method("sale.payment.add", scope="sale", writes=True)
def payment_add(visit: Visit) -> Json:
    """A payment of an order; ``paid`` Y books the money."""
    _WRITE(visit)
    given = sent(visit)
    _required(given, "orderId", "paySystemId")
    order = ORDER.need(visit, given["orderId"], Refusal(0, "order does not exist"))
    system = PAY_SYSTEM.need(visit, given["paySystemId"], Refusal(0, "pay system does not exist"))
    row = _new_payment(visit, {"SUM": 0.0, **parsed(PAYMENT, given)}, order, system)
    if row["PAID"] == "Y":
        _book(visit, row)
    return {"payment": PAYMENT.shown(row)}


def _new_payment(visit: Visit, values: Row, order: Row, system: Row | None) -> Row:
    number = len(PAYMENT.rows(visit).where(ORDER_ID=order["ID"])) + 1
    own = {
        "PAID": "N",
        "IS_RETURN": "N",
        "DATE_BILL": visit.world.now(),
        **values,
        "ORDER_ID": order["ID"],
        "ACCOUNT_NUMBER": f"{order['ID']}/{number}",
        "CURRENCY": order["CURRENCY"],
        "PAY_SYSTEM_ID": system["ID"] if system else None,
        "PAY_SYSTEM_NAME": system["NAME"] if system else "",
    }
    return store(visit, PAYMENT, {}, own)


def _book(visit: Visit, row: Row) -> None:
    paid: Row = {"PAID": "Y", "DATE_PAID": visit.world.now(), "EMP_PAID_ID": visit.user_id}
    PAYMENT.rows(visit).update(row["ID"], paid)
    order = ORDER.find(visit, row["ORDER_ID"])
    if order is None:
        return
    received = sum(
        one["SUM"] for one in PAYMENT.rows(visit).where(ORDER_ID=order["ID"]) if one["PAID"] == "Y"
    )
    if received >= (order.get("PRICE") or 0.0):
        ORDER.rows(visit).update(order["ID"], {"PAYED": "Y"})


# --- payments of a CRM object ---------------------------------------------------------------------

_SIMPLE = (
    "id",
    "accountNumber",
    "paid",
    "datePaid",
    "empPaidId",
    "paySystemId",
    "sum",
    "currency",
    "paySystemName",
)
_LETTERS = {"D": 2, "L": 1}


def _owner(visit: Visit) -> tuple[int, int]:
    kind, key = as_int(visit.need("entityTypeId"), 0), as_int(visit.need("entityId"), 0)
    table = visit.world.table_of(kind)
    if table is None:
        raise Refusal(0, "Entity type is not supported")
    if key not in table:
        raise Refusal(0, f"Entity with identifier №{key} does not exist")
    return kind, key


def _payment(visit: Visit, name: str) -> Row:
    row = PAYMENT.need(visit, visit.need(name), Refusal(0, "Payment has not been found"))
    if not visit.is_admin and row.get("RESPONSIBLE_ID") != visit.user_id:
        raise Refusal(0, "Insufficient permissions")
    return row


@method("crm.item.productrow.getAvailableForPayment", scope="crm")
def rows_for_payment(visit: Visit) -> Json:
    """Product rows that no payment covers yet, with the quantity that is left."""
    kind = _LETTERS.get(str(visit.need("ownerType")).upper(), 0)
    key = as_int(visit.need("ownerId"), 0)
    table = visit.world.table_of(kind)
    if table is None or key not in table:
        raise Refusal("ACCESS_DENIED", "Access denied")
    rows = []
    for row in visit.world.product_rows.where(OWNER_TYPE_ID=kind, OWNER_ID=key):
        left = _left(visit, row)
        if left > 0:
            rows.append(item_row({**row, "QUANTITY": left}))
    return {"productRows": rows}


def _left(visit: Visit, row: Row) -> float:
    known = visit.world.table("payment_rows").where(ROW_ID=row["ID"])
    return float(row["QUANTITY"]) - float(sum(one["QUANTITY"] for one in known))


@method("crm.item.payment.add", scope="crm", writes=True)
def item_payment_add(visit: Visit) -> Json:
    """An empty payment of a CRM object; an order is made for it."""
    kind, key = _owner(visit)
    orders = ORDER.rows(visit)
    known = orders.where(OWNER_TYPE_ID=kind, OWNER_ID=key)
    order = (
        known[0]
        if known
        else store(
            visit,
            ORDER,
            {},
            {
                "OWNER_TYPE_ID": kind,
                "OWNER_ID": key,
                "LID": "s1",
                "PERSON_TYPE_ID": 1,
                "CURRENCY": "EUR",
                "PRICE": 0.0,
                "PAYED": "N",
                "CANCELED": "N",
                "STATUS_ID": "N",
                "DATE_INSERT": visit.world.now(),
            },
        )
    )
    values: Row = {"SUM": 0.0, "RESPONSIBLE_ID": visit.user_id}
    system = PAY_SYSTEM.find(visit, 1)
    return _new_payment(visit, values, order, system)["ID"]


@method("crm.item.payment.product.add", scope="crm", writes=True)
def item_payment_product(visit: Visit) -> Json:
    """A product row into a payment; the amount of the payment follows."""
    payment = _payment(visit, "paymentId")
    row = visit.world.product_rows.get(as_int(visit.need("rowId"), 0))
    if row is None:
        raise Refusal(0, "Product item not found")
    try:
        quantity = float(str(visit.need("quantity")))
    except ValueError:
        quantity = 0.0
    if not quantity > 0:
        raise Refusal(0, "Product quantity cannot be less than or equal to 0")
    if quantity > _left(visit, row):
        raise Refusal(0, "Insufficient product quantity to add to payment")
    key = visit.world.table("payment_rows").add(
        {"PAYMENT_ID": payment["ID"], "ROW_ID": row["ID"], "QUANTITY": quantity}
    )
    total = payment["SUM"] + float(row["PRICE"]) * quantity
    PAYMENT.rows(visit).update(payment["ID"], {"SUM": round(total, 2)})
    return key


@method("crm.item.payment.get", scope="crm")
def item_payment_get(visit: Visit) -> Json:
    """One payment in brief."""
    return PAYMENT.shown(_payment(visit, "id"), list(_SIMPLE))


@method("crm.item.payment.list", scope="crm")
def item_payment_list(visit: Visit) -> Json:
    """Payments of a CRM object in brief."""
    kind, key = _owner(visit)
    orders = ORDER.rows(visit).where(OWNER_TYPE_ID=kind, OWNER_ID=key)
    if not orders:
        return []
    found = PAYMENT.page(visit, inside={"ORDER_ID": orders[0]["ID"]})
    return [PAYMENT.shown(row, list(_SIMPLE)) for row in found.rows]


@method("crm.item.payment.pay", scope="crm", writes=True)
def item_payment_pay(visit: Visit) -> Json:
    """The money is there."""
    _book(visit, _payment(visit, "id"))
    return True


@method("salescenter.payment.getPublicUrl", scope="salescenter", writes=True)
def public_url(visit: Visit) -> Json:
    """The address a client pays at."""
    missing = Refusal(200640400001, "payment does not exist")
    row = PAYMENT.need(visit, visit.need("id"), missing)
    base = f"{visit.base_url}/pub/site/1/checkout/"
    return {
        "payment": {
            "url": f"{base}?orderId={row['ORDER_ID']}&paymentId={row['ID']}",
            "shortUrl": f"{visit.base_url}/~p{row['ID']}",
            "qr": "iVBORw0KGgo=",
        }
    }
