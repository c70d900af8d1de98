"""What else the seeded company has: a shop, a stock, bookable rooms, groups, sites, mail, logs.

Called after the rest is there, and touches none of it but a few tasks that join groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments
from bitrix24_agent.emulator.data import names
from bitrix24_agent.emulator.data.site_blocks import BLOCKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bitrix24_agent.emulator.world import World
    from bitrix24_agent.model import Row

DAY = 86400


def fill_more(world: World, today: int) -> None:
    """Fill the tables of the families that describe themselves."""
    _shop(world, today)
    _booking(world, today)
    _groups(world, today)
    _workflows(world, today)
    _content(world, today)
    _mail(world, today)
    _sites(world, today)
    _compliance(world, today)


def _put(world: World, table: str, rows: Iterable[Row]) -> list[int]:
    return [world.table(table).add(row) for row in rows]


def _shop(world: World, today: int) -> None:
    block = {"IBLOCK_TYPE_ID": "CRM_PRODUCT_CATALOG", "LID": "s1", "SUBSCRIPTION": "N", "VAT_ID": 1}
    world.table("catalogs").add(
        {**block, "IBLOCK_ID": 23, "NAME": "Product Catalog CRM", "PRODUCT_IBLOCK_ID": None}, key=23
    )
    world.table("catalogs").add(
        {**block, "IBLOCK_ID": 24, "NAME": "Product Catalog CRM (offers)", "PRODUCT_IBLOCK_ID": 23},
        key=24,
    )
    kinds = (("BASE", "Y"), ("WHOLESALE", "N"))
    _put(
        world,
        "price_types",
        (
            {"NAME": name, "BASE": base, "SORT": 100, "XML_ID": name, "DATE_CREATE": today}
            for name, base in kinds
        ),
    )
    _put(
        world,
        "prices",
        (
            {
                "PRODUCT_ID": number,
                "CATALOG_GROUP_ID": 1,
                "PRICE": float(price),
                "CURRENCY": "EUR",
                "TIMESTAMP_X": today,
            }
            for number, (_, price, _) in enumerate(names.PRODUCTS, start=1)
        ),
    )
    places = (("Main store", "Harbour street 4"), ("Service van", ""))
    _put(
        world,
        "stores",
        (
            {"TITLE": title, "ADDRESS": at, "ACTIVE": "Y", "SORT": 100, "DATE_CREATE": today}
            for title, at in places
        ),
    )
    _put(
        world,
        "store_products",
        (
            {"PRODUCT_ID": number, "STORE_ID": 1, "AMOUNT": 10.0, "QUANTITY_RESERVED": 0.0}
            for number in range(1, len(names.PRODUCTS) + 1)
        ),
    )
    payers = (("Individual", "CRM_CONTACT"), ("Legal entity", "CRM_COMPANY"))
    _put(
        world,
        "person_types",
        (
            {"NAME": name, "CODE": code, "LID": "s1", "ACTIVE": "Y", "SORT": "100"}
            for name, code in payers
        ),
    )
    ways = (("Bank transfer", "N"), ("Cash", "Y"))
    _put(
        world,
        "pay_systems",
        (
            {"NAME": name, "PSA_NAME": name, "ACTIVE": "Y", "IS_CASH": cash, "SORT": 100}
            for name, cash in ways
        ),
    )
    order = {"LID": "s1", "PERSON_TYPE_ID": 2, "CURRENCY": "EUR", "CANCELED": "N", "PAYED": "N"}
    order |= {"STATUS_ID": "N", "DISCOUNT_VALUE": 0.0, "RESPONSIBLE_ID": 1, "USER_ID": 1}
    order |= {"DATE_INSERT": today - 3 * DAY, "DATE_UPDATE": today - 3 * DAY}
    product = world.products.rows[1]
    price = float(product["PRICE"])
    first = world.table("orders").add({**order, "ACCOUNT_NUMBER": "1", "PRICE": 2 * price})
    item = {"ORDER_ID": first, "PRODUCT_ID": 1, "NAME": product["NAME"], "PRICE": price}
    item |= {"BASE_PRICE": price, "DISCOUNT_PRICE": 0.0, "QUANTITY": 2.0, "CURRENCY": "EUR"}
    world.table("basket_items").add({**item, "CAN_BUY": "Y", "CUSTOM_PRICE": "N", "SORT": 100})
    owned = {**order, "OWNER_TYPE_ID": 2, "OWNER_ID": 1, "PRICE": 1450.0, "ACCOUNT_NUMBER": "2"}
    second = world.table("orders").add(owned)
    world.table("payments").add(
        {
            "ORDER_ID": second,
            "ACCOUNT_NUMBER": f"{second}/1",
            "PAID": "N",
            "PAY_SYSTEM_ID": 1,
            "PAY_SYSTEM_NAME": "Bank transfer",
            "SUM": 1450.0,
            "CURRENCY": "EUR",
            "DATE_BILL": today - 2 * DAY,
            "RESPONSIBLE_ID": 1,
            "IS_RETURN": "N",
        }
    )


def _booking(world: World, today: int) -> None:
    _put(
        world,
        "booking_resources",
        (
            {"NAME": name, "TYPE_ID": 1, "IS_MAIN": "Y", "DESCRIPTION": None}
            for name in ("Room 1", "Room 2", "Test bench")
        ),
    )
    week = ["Mon", "Tue", "Wed", "Thu", "Fri"]
    slot = {"FROM": 540, "TO": 1080, "TIMEZONE": "Europe/Berlin", "DAYS": week, "SIZE": 60}
    _put(world, "booking_slots", ({**slot, "RESOURCE_ID": number} for number in (1, 2, 3)))
    client = {"id": 2, "type": {"code": "CONTACT", "module": "crm"}}
    start = moments.midnight(today) + DAY + 12 * 3600
    world.table("bookings").add(
        {
            "NAME": "Acceptance test",
            "DESCRIPTION": None,
            "RESOURCES": [3],
            "FROM": start,
            "TO": start + 3600,
            "TIMEZONE": "Europe/Berlin",
            "CLIENTS": [client],
        }
    )
    _put(
        world,
        "waiting",
        ({"NOTE": f"Wants a visit, week {week}", "CLIENTS": [client]} for week in (41, 42)),
    )
    meeting = moments.midnight(today) + 2 * DAY + 14 * 3600
    world.calendar_events.add(
        {
            "NAME": "Service planning",
            "CAL_TYPE": "user",
            "OWNER_ID": 6,
            "SECT_ID": 6,
            "DATE_FROM": meeting,
            "DATE_TO": meeting + 3600,
            "DESCRIPTION": "",
            "CREATED_BY": 6,
            "ATTENDEES": [6, 1, 7],
        }
    )
    begun = moments.midnight(today) - DAY + 9 * 3600
    world.table("workdays").add({"USER_ID": 1, "START": begun, "FINISH": begun + 8 * 3600})


def _groups(world: World, today: int) -> None:
    plain = {"ACTIVE": "Y", "VISIBLE": "Y", "OPENED": "N", "CLOSED": "N", "SUBJECT_ID": 1}
    plain |= {"OWNER_ID": 1, "DATE_CREATE": today - 90 * DAY, "PROJECT": "Y"}
    scrum = {**plain, "SCRUM_MASTER_ID": 6}
    groups = (
        {**scrum, "NAME": "Customer portal"},
        {**scrum, "NAME": "Field app"},
        {**plain, "NAME": "Exhibition"},
    )
    for key in _put(world, "groups", groups):
        for user, role in ((1, "A"), (2, "E"), (3, "K")):
            world.table("group_members").add({"GROUP_ID": key, "USER_ID": user, "ROLE": role})
    base = {"ENTITY_TYPE": "sprint", "GOAL": "", "SORT": 1, "CREATED_BY": 1, "MODIFIED_BY": 1}
    for name, group, status, begun in (
        ("Sprint 11", 1, "completed", today - 20 * DAY),
        ("Sprint 4", 2, "active", today - 4 * DAY),
    ):
        dates = {"DATE_START": begun, "DATE_END": begun + 14 * DAY}
        row = {**base, **dates, "NAME": name, "GROUP_ID": group, "STATUS": status}
        world.table("scrum_sprints").add(row)
    epic = {"NAME": "Sign-in", "DESCRIPTION": "", "COLOR": "#69dafc"}
    world.table("scrum_epics").add({**epic, "GROUP_ID": 1, "CREATED_BY": 1, "MODIFIED_BY": 1})
    columns = (
        ("New", "NEW", "00C4FB"),
        ("In Progress", "WORK", "47D1E2"),
        ("Done", "FINISH", "75D900"),
    )
    for kind, owner in (("G", 3), ("S", 2)):
        for number, (title, system, color) in enumerate(columns, start=1):
            world.table("stages").add(
                {
                    "ENTITY_TYPE": kind,
                    "ENTITY_ID": owner,
                    "TITLE": title,
                    "SYSTEM_TYPE": system,
                    "COLOR": color,
                    "SORT": number * 100,
                }
            )
    for task, group in ((68, 1), (69, 2), (70, 3)):
        world.tasks.update(task, {"GROUP_ID": group, "STAGE_ID": 1 if group == 3 else 0})


def _workflows(world: World, today: int) -> None:
    deal = {"MODULE_ID": "crm", "ENTITY": "CCrmDocumentDeal", "DOCUMENT_TYPE": "DEAL"}
    template = {**deal, "PARAMETERS": {}, "AUTO_EXECUTE": 0, "USER_ID": 1, "MODIFIED": today}
    for name in ("Approve the discount", "Hand over to service"):
        world.table("workflow_templates").add({**template, "NAME": name})
    started = today - DAY
    running = "66e412fdc9bd44.36306599"
    world.table("workflows").add(
        {
            "WORKFLOW_ID": running,
            "MODULE_ID": "crm",
            "ENTITY": "CCrmDocumentDeal",
            "DOCUMENT_ID": "DEAL_1",
            "STARTED": started,
            "MODIFIED": started,
            "STARTED_BY": 2,
            "TEMPLATE_ID": 1,
            "OWNED_UNTIL": None,
        }
    )
    title = world.deals.rows[1]["TITLE"] if len(world.deals) else ""
    for name in ("Approve the discount", "Confirm the date"):
        world.table("assignments").add(
            {
                "WORKFLOW_ID": running,
                "DOCUMENT_NAME": title,
                "NAME": name,
                "DESCRIPTION": "",
                "MODIFIED": started,
                "WORKFLOW_STARTED": started,
                "WORKFLOW_STARTED_BY": 2,
                "WORKFLOW_TEMPLATE_ID": 1,
                "WORKFLOW_TEMPLATE_NAME": "Approve the discount",
                "WORKFLOW_STATE": "Waiting",
                "STATUS": 0,
                "USER_ID": 1,
                "USER_STATUS": 0,
                "MODULE_ID": "crm",
                "ENTITY": "CCrmDocumentDeal",
                "DOCUMENT_ID": "DEAL_1",
                "ACTIVITY": "ApproveActivity",
                "ACTIVITY_NAME": "A1_1",
                "PARAMETERS": {"ShowComment": "Y"},
            }
        )


def _content(world: World, today: int) -> None:
    plain = {"IBLOCK_TYPE_ID": "lists", "LID": "s1", "ACTIVE": "Y", "SORT": 500, "BIZPROC": "N"}
    for name, code in (("Contracts", "contracts"), ("Vehicles", "vehicles")):
        key = world.table("lists").add({**plain, "NAME": name, "CODE": code, "TIMESTAMP_X": today})
        fields = (("NAME", "Name", "NAME", "Y"), (f"PROPERTY_{100 + key}", "Number", "S", "N"))
        for number, (field, title, kind, required) in enumerate(fields, start=1):
            world.table("list_fields").add(
                {
                    "LIST_ID": key,
                    "FIELD_ID": field,
                    "NAME": title,
                    "TYPE": kind,
                    "REQUIRED": required,
                    "MULTIPLE": "N",
                    "SORT": number * 10,
                    "CODE": "" if field == "NAME" else "NUMBER",
                }
            )
    for name, kinds in (("Contract", ["2_category_0", "2_category_1"]), ("Offer", ["7"])):
        row = {"NAME": name, "REGION": "de", "ACTIVE": "Y", "ENTITY_TYPES": kinds}
        world.table("document_templates").add(row)
    base = world.table("collections").add(
        {"NAME": "Service handbook", "POSITION": 100, "CREATED_BY": 6, "CREATED": today - 60 * DAY}
    )
    world.table("pages").add(
        {
            "COLLECTION_ID": base,
            "PARENT_ID": None,
            "TITLE": "Pump maintenance",
            "MARKDOWN": "Check the seal every 2,000 hours.",
            "POSITION": 100,
            "CREATED_BY": 6,
            "CREATED": today - 60 * DAY,
        }
    )
    world.table("connectors").add(
        {
            "TITLE": "Warehouse API",
            "URL_CHECK": "https://bi.example.com/check",
            "DATE_CREATE": "2026-09-01 10:00:00",
        }
    )


def _mail(world: World, today: int) -> None:
    box = world.table("mailboxes").add(
        {"NAME": "Anna Sorokina", "EMAIL": "office@northwater.example", "USERS": [1]}
    )
    client = world.contacts.rows[1]["EMAIL"][0]
    for number, (subject, text) in enumerate(
        (
            ("Question about the contract", "When can we sign?"),
            ("A complaint about the delivery", "Two seals were missing."),
        )
    ):
        world.table("mails").add(
            {
                "MAILBOX_ID": box,
                "SUBJECT": subject,
                "FROM": client,
                "TO": "office@northwater.example",
                "BODY": text,
                "DATE": today - (2 - number) * DAY,
                "ROOT": None,
            }
        )
    chat = world.chats.add(
        {
            "TYPE": "chat",
            "NAME": "Guest #17 - Northwater",
            "OWNER": 2,
            "MEMBERS": [2],
            "CREATED": today - DAY,
            "ENTITY_TYPE": "LINES",
            "ENTITY_ID": "livechat|1|5|599",
        },
        key=9,
    )
    world.messages.add(
        {"CHAT_ID": chat, "AUTHOR_ID": 0, "DATE": today - DAY, "TEXT": "Hello?"}, key=3390
    )
    world.table("open_lines").add(
        {
            "KIND": "deal",
            "ENTITY_ID": 1,
            "CHAT_ID": chat,
            "CONNECTOR": "livechat",
            "TITLE": "Live chat",
        }
    )


def _sites(world: World, today: int) -> None:
    site = world.table("sites").add(
        {
            "TITLE": "Company",
            "TYPE": "PAGE",
            "ACTIVE": "Y",
            "DELETED": "N",
            "CODE": "northwater",
            "DOMAIN_ID": 1,
        }
    )
    for title, code, live in (
        ("Home", "home", True),
        ("Spring sale", "spring-sale", False),
        ("Summer sale", "summer-sale", True),
    ):
        blocks = [
            world.table("blocks").add(
                {"CODE": one, "ACTIVE": "Y", "NODES": dict(BLOCKS[one]["nodes"])}
            )
            for one in ("0.menu_02", "27.3.one_col_fix_title")
        ]
        seen = [dict(world.table("blocks").rows[one]) for one in blocks] if live else []
        world.table("landings").add(
            {
                "TITLE": title,
                "SITE_ID": site,
                "ACTIVE": "Y" if live else "N",
                "DELETED": "N",
                "CODE": code,
                "DESCRIPTION": "",
                "TPL_CODE": "empty",
                "DATE_CREATE": today - 30 * DAY,
                "DATE_MODIFY": today - 2 * DAY,
                "BLOCKS": blocks,
                "PUBLISHED": seen,
            }
        )


def _compliance(world: World, today: int) -> None:
    for name in ("Cookie consent", "Consent to receive newsletters"):
        world.table("agreements").add(
            {
                "NAME": name,
                "ACTIVE": "Y",
                "LANGUAGE_ID": "en",
                "LABEL": "By pressing #BUTTON# you agree",
                "TEXT": f"{name}: #COMPANY# may keep the data you give.",
            }
        )
    world.table("event_log").skip_to(800)
    for number, user in enumerate((1, 2, 3, 1, 6)):
        world.table("event_log").add(
            {
                "TIMESTAMP_X": today - (5 - number) * 6 * 3600,
                "SEVERITY": "SECURITY",
                "AUDIT_TYPE_ID": "USER_AUTHORIZE",
                "MODULE_ID": "main",
                "ITEM_ID": str(user),
                "REMOTE_ADDR": f"192.0.2.{10 + number}",
                "USER_AGENT": "Mozilla/5.0",
                "REQUEST_URI": "/auth/",
                "SITE_ID": "s1",
                "USER_ID": user,
                "GUEST_ID": 0,
                "DESCRIPTION": "",
            }
        )
    world.table("hr_companies").add(
        {
            "CODE": "northwater-hr",
            "CRM_COMPANY_ID": 12,
            "TITLE": "Northwater Pumps",
            "TAX_ID": "DE123456789",
            "CREATED": today - 100 * DAY,
            "UID": "northwater",
        }
    )
    world.table("hr_jobs").add({"ALIVE": True}, key=101)
    world.table("signings").add(
        {
            "UID": "0d9f4c1e-7a55-4c3e-9b1a-2f6f1c0a7e11",
            "TITLE": "Work contract 2026",
            "STATE": "done",
            "MEMBERS": [{"uid": "a1b2c3d4", "role": "signer", "party": 0, "user": 1}],
            "CREATED": today - 40 * DAY,
            "CREATED_BY": 1,
            "SIGNED": today - 39 * DAY,
        }
    )
