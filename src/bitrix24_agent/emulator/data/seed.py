"""Fills a world with a company that looks real: people, customers, two pipelines, tasks, chats.

Same seed, same bytes: nothing here asks the clock.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import crm, moments
from bitrix24_agent.emulator.data import lists, names, task_fields
from bitrix24_agent.emulator.data.seed_more import fill_more
from bitrix24_agent.emulator.store import Table

if TYPE_CHECKING:
    from bitrix24_agent.emulator.world import World
    from bitrix24_agent.model import Row

DAY = 86400
TODAY = moments.parse("2026-10-05T10:00:00+03:00") or 0
DISMISSED = 12
EQUIPMENT = 1036  # entityTypeId of the seeded smart process
DETAILED = 500  # deals with products and history; more would only slow a big list down


def fill(world: World, *, seed: int = 1, deals: int = 120) -> None:
    """Fill an empty *world*; *deals* sets how many deals there are."""
    dice = random.Random(seed)  # noqa: S311 -- repeatable data, no secret
    _kinds(world)
    lists.fill_statuses(world)
    _people(world, dice)
    _catalog(world)
    _companies(world, dice)
    _contacts(world, dice)
    _leads(world, dice)
    _deals(world, dice, deals)
    _equipment(world, dice)
    _tasks(world, dice)
    _activities(world, dice)
    _chats(world)
    _files(world)
    _calendar(world)
    fill_more(world, TODAY)


def _kinds(world: World) -> None:
    for number, name in ((1, "leads"), (2, "deals"), (3, "contacts"), (4, "companies")):
        getattr(world, name).defaults.update(crm.defaults(crm.PLAIN[number]))
    world.types.add(
        {
            "entityTypeId": EQUIPMENT,
            "title": "Equipment",
            "code": "EQUIPMENT",
            "createdBy": 1,
            "createdTime": TODAY - 200 * DAY,
        }
    )
    world.smart[EQUIPMENT] = Table("equipment")
    world.tasks.defaults.update(task_fields.DEFAULTS)
    kind = crm.kind_of(world, EQUIPMENT)
    if kind is not None:
        world.smart[EQUIPMENT].defaults.update(crm.defaults(kind) | {"CATEGORY_ID": 5})


def _people(world: World, dice: random.Random) -> None:
    for name, parent, head in names.DEPARTMENTS:
        world.departments.add({"NAME": name, "PARENT": parent, "UF_HEAD": head, "SORT": 500})
    for number, (first, last, post, department) in enumerate(names.PEOPLE, start=1):
        world.users.add(
            {
                "ACTIVE": number != DISMISSED,
                "IS_ADMIN": number == 1,
                "NAME": first,
                "LAST_NAME": last,
                "EMAIL": f"{first}.{last}@northwater.example".lower(),
                "WORK_POSITION": post,
                "UF_DEPARTMENT": [department],
                "PERSONAL_GENDER": "F" if first[-1] == "a" else "M",
                "PERSONAL_MOBILE": f"+4915550{1000 + number}",
                "WORK_PHONE": f"+49305550{100 + number}",
                "PERSONAL_CITY": dice.choice(("Berlin", "Hamburg", "Leipzig")),
                "DATE_REGISTER": TODAY - (900 - 40 * number) * DAY,
                "LAST_LOGIN": TODAY - number * 1800,
                "USER_TYPE": "employee",
            }
        )


def _catalog(world: World) -> None:
    for name, price, section in names.PRODUCTS:
        world.products.add(
            {
                "NAME": name,
                "PRICE": price,
                "CURRENCY_ID": "EUR",
                "SECTION": section,
                "ACTIVE": "Y",
                "IBLOCK_ID": 23,
            }
        )


def _base(owner: int, created: int, changed: int | None = None) -> Row:
    moment = created if changed is None else changed
    return {
        "DATE_CREATE": created,
        "DATE_MODIFY": moment,
        "CREATED_BY_ID": owner,
        "MODIFY_BY_ID": owner,
        "ASSIGNED_BY_ID": owner,
        "LAST_ACTIVITY_BY": owner,
        "LAST_ACTIVITY_TIME": moment,
    }


def _reach(world: World, row: Row, phone: str, email: str) -> Row:
    entries = [
        crm.multifield_entry("PHONE", phone, "WORK"),
        crm.multifield_entry("EMAIL", email, "WORK"),
    ]
    for entry in entries:
        entry["ID"] = world.number("multifield")
    return row | {
        "FM": entries,
        "PHONE": [phone],
        "EMAIL": [email],
        "HAS_PHONE": "Y",
        "HAS_EMAIL": "Y",
    }


def _companies(world: World, dice: random.Random) -> None:
    for number, firm in enumerate(names.FIRMS, start=1):
        created = TODAY - dice.randrange(200, 800) * DAY
        host = firm.lower().replace(" & ", "-").replace(" ", "-")
        row = _base(dice.choice((2, 3, 4, 5)), created) | {
            "TITLE": f"{firm} {names.FIRM_FORMS[number % len(names.FIRM_FORMS)]}",
            "COMPANY_TYPE": "SUPPLIER" if number % 11 == 0 else "CUSTOMER",
            "INDUSTRY": ("MANUFACTURING", "FINANCE", "IT", "OTHER")[number % 4],
            "EMPLOYEES": f"EMPLOYEES_{1 + number % 4}",
            "REVENUE": float(dice.randrange(2, 90) * 100_000),
        }
        world.companies.add(_reach(world, row, f"+4940555{2000 + number}", f"info@{host}.example"))


def _contacts(world: World, dice: random.Random) -> None:
    for number in range(60):
        first = names.FIRST_NAMES[number % len(names.FIRST_NAMES)]
        last = names.LAST_NAMES[(number * 7 + number // 25) % len(names.LAST_NAMES)]
        company = 1 + number % len(names.FIRMS)
        created = TODAY - dice.randrange(60, 700) * DAY
        row = _base(dice.choice((2, 3, 4, 5)), created) | {
            "NAME": first,
            "LAST_NAME": last,
            "POST": names.POSTS[number % len(names.POSTS)],
            "COMPANY_ID": company,
            "COMPANY_IDS": [company],
            "SOURCE_ID": dice.choice(("CALL", "EMAIL", "WEB", "TRADE_SHOW")),
        }
        mail = f"{first}.{last}{number}@mail.example".lower()
        world.contacts.add(_reach(world, row, f"+4917155{50000 + number}", mail))


def _leads(world: World, dice: random.Random) -> None:
    for number in range(18):
        first = dice.choice(names.FIRST_NAMES)
        last = dice.choice(names.LAST_NAMES)
        status, semantic = dice.choice(
            (("NEW", "P"), ("NEW", "P"), ("IN_PROCESS", "P"), ("PROCESSED", "P"), ("JUNK", "F"))
        )
        created = TODAY - dice.randrange(0, 40) * DAY - dice.randrange(DAY)
        row = _base(dice.choice((2, 3, 4, 5)), created) | {
            "TITLE": f"Request: {dice.choice(names.SUBJECTS).lower()}",
            "NAME": first,
            "LAST_NAME": last,
            "STATUS_ID": status,
            "STATUS_SEMANTIC_ID": semantic,
            "OPPORTUNITY": float(dice.randrange(4, 60) * 250),
            "SOURCE_ID": dice.choice(("WEB", "WEBFORM", "TRADE_SHOW", "CALL")),
            "MOVED_BY_ID": 1,
            "MOVED_TIME": created,
        }
        mail = f"{first}.{last}.lead{number}@mail.example".lower()
        world.leads.add(_reach(world, row, f"+4916055{60000 + number}", mail))


_OPEN = ("NEW", "PREPARATION", "PREPAYMENT_INVOICE", "EXECUTING", "FINAL_INVOICE")
_OPEN_SERVICE = ("C1:NEW", "C1:PREPARATION", "C1:EXECUTING")


def _deals(world: World, dice: random.Random, count: int) -> None:
    contacts = len(world.contacts)
    for number in range(1, count + 1):
        age = dice.randrange(0, 300)
        created = TODAY - age * DAY - dice.randrange(8 * 3600)
        service = number % 5 == 0
        contact = 1 + (number * 13) % contacts
        company = 1 + (contact - 1) % len(names.FIRMS)
        draw = dice.random() + (0.25 if age > 90 else 0.0)
        semantic = "P" if draw < 0.62 else "S" if draw < 0.95 else "F"
        if semantic == "P":
            stage = dice.choice(_OPEN_SERVICE if service else _OPEN)
        else:
            stage = ("C1:" if service else "") + ("WON" if semantic == "S" else "LOSE")
        subject = dice.choice(names.SERVICE_SUBJECTS if service else names.SUBJECTS)
        moved = created + dice.randrange(1, max(2, age + 1)) * DAY // 2
        row = _base(dice.choice((2, 3, 4, 5)), created, moved) | {
            "TITLE": f"{names.FIRMS[company - 1]}: {subject.lower()}",
            "TYPE_ID": "SERVICE" if service else "SALE",
            "CATEGORY_ID": 1 if service else 0,
            "STAGE_ID": stage,
            "STAGE_SEMANTIC_ID": semantic,
            "CLOSED": "N" if semantic == "P" else "Y",
            "OPPORTUNITY": dice.randrange(3, 160) * (75.0 if service else 250.0),
            "COMPANY_ID": company,
            "CONTACT_ID": contact,
            "CONTACT_IDS": [contact],
            "PROBABILITY": 100 if semantic == "S" else 0 if semantic == "F" else 40,
            "BEGINDATE": moments.midnight(created),
            "CLOSEDATE": moments.midnight(created) + dice.randrange(20, 90) * DAY,
            "SOURCE_ID": dice.choice(("CALL", "EMAIL", "WEB", "RECOMMENDATION", "TRADE_SHOW")),
            "MOVED_BY_ID": 1,
            "MOVED_TIME": moved,
        }
        key = world.deals.add(row)
        if number <= DETAILED:
            _deal_details(world, dice, world.deals.rows[key])


def _deal_details(world: World, dice: random.Random, deal: Row) -> None:
    key = deal["ID"]
    world.stage_history.add(
        {
            "TYPE_ID": 1,
            "OWNER_ID": key,
            "ENTITY_TYPE_ID": 2,
            "CREATED_TIME": deal["DATE_CREATE"],
            "CATEGORY_ID": deal["CATEGORY_ID"],
            "STAGE_SEMANTIC_ID": "P",
            "STAGE_ID": "C1:NEW" if deal["CATEGORY_ID"] else "NEW",
        }
    )
    if deal["STAGE_ID"].removeprefix("C1:") != "NEW":
        world.stage_history.add(
            {
                "TYPE_ID": 2 if deal["STAGE_SEMANTIC_ID"] == "P" else 3,
                "OWNER_ID": key,
                "ENTITY_TYPE_ID": 2,
                "CREATED_TIME": deal["MOVED_TIME"],
                "CATEGORY_ID": deal["CATEGORY_ID"],
                "STAGE_SEMANTIC_ID": deal["STAGE_SEMANTIC_ID"],
                "STAGE_ID": deal["STAGE_ID"],
            }
        )
    if key % 3 == 0:
        product = world.products.rows[1 + dice.randrange(len(world.products))]
        world.product_rows.add(
            {
                "OWNER_TYPE_ID": 2,
                "OWNER_ID": key,
                "PRODUCT_ID": product["ID"],
                "PRODUCT_NAME": product["NAME"],
                "PRICE": product["PRICE"],
                "QUANTITY": float(dice.randrange(1, 6)),
                "SORT": 10,
            }
        )


def _equipment(world: World, dice: random.Random) -> None:
    for number in range(1, 9):
        created = TODAY - dice.randrange(30, 190) * DAY
        world.smart[EQUIPMENT].add(
            _base(6, created)
            | {
                "TITLE": f"Pump station PS-{100 + number}",
                "CATEGORY_ID": 5,
                "STAGE_ID": f"DT{EQUIPMENT}_5:" + ("NEW", "CLIENT", "SUCCESS")[number % 3],
                "COMPANY_ID": number,
                "OPPORTUNITY": float(dice.randrange(20, 90) * 100),
                "BEGINDATE": moments.midnight(created),
                "CLOSEDATE": moments.midnight(created) + 30 * DAY,
                "MOVED_BY_ID": 6,
                "MOVED_TIME": created,
            }
        )


def _tasks(world: World, dice: random.Random) -> None:
    world.tasks.skip_to(31)
    for number in range(1, 41):
        company = 1 + number % len(names.FIRMS)
        created = TODAY - dice.randrange(1, 60) * DAY
        status = dice.choice((2, 2, 2, 3, 3, 5))
        world.tasks.add(
            {
                "TITLE": names.TASK_TITLES[number % len(names.TASK_TITLES)].format(
                    names.FIRMS[company - 1]
                ),
                "DESCRIPTION": "",
                "STATUS": status,
                "PRIORITY": 2 if number % 7 == 0 else 1,
                "CREATED_BY": dice.choice((1, 2, 6)),
                "RESPONSIBLE_ID": dice.choice((2, 3, 4, 5, 6, 7, 8)),
                "CREATED_DATE": created,
                "CHANGED_DATE": created,
                "STATUS_CHANGED_DATE": created,
                "ACTIVITY_DATE": created,
                "DEADLINE": created + dice.randrange(2, 80) * DAY if number % 4 else None,
                "CLOSED_DATE": created + DAY if status == 5 else None,
                "CLOSED_BY": 1 if status == 5 else 0,
                "UF_CRM_TASK": [f"CO_{company}"],
            }
        )
    for title, done in (("Check the drawings", "Y"), ("Ask for the delivery date", "N")):
        world.checklist.add({"TASK_ID": 31, "TITLE": title, "IS_COMPLETE": done, "PARENT_ID": 0})


def _activities(world: World, dice: random.Random) -> None:
    for deal in range(1, min(len(world.deals), 30) + 1):
        created = world.deals.rows[deal]["DATE_CREATE"]
        owner = world.deals.rows[deal]["ASSIGNED_BY_ID"]
        world.activities.add(
            {
                "OWNER_TYPE_ID": 2,
                "OWNER_ID": deal,
                "TYPE_ID": 2,
                "SUBJECT": "Call about the offer",
                "DIRECTION": 2,
                "COMPLETED": dice.choice(("Y", "N")),
                "START_TIME": created + DAY,
                "END_TIME": created + DAY + 1800,
                "DEADLINE": created + DAY,
                "CREATED": created,
                "LAST_UPDATED": created,
                "RESPONSIBLE_ID": owner,
                "AUTHOR_ID": owner,
            }
        )
        if deal % 2:
            world.timeline_comments.add(
                {
                    "OWNER_TYPE_ID": 2,
                    "OWNER_ID": deal,
                    "AUTHOR_ID": owner,
                    "CREATED": created + 2 * DAY,
                    "COMMENT": "The customer asked for a shorter delivery time.",
                }
            )


def _chats(world: World) -> None:
    world.chats.skip_to(11)
    world.messages.skip_to(3401)
    for number, (title, members) in enumerate(names.CHATS):
        chat = world.chats.add(
            {
                "TYPE": "chat",
                "NAME": title,
                "OWNER": 1,
                "MEMBERS": list(members),
                "CREATED": TODAY - 300 * DAY,
            }
        )
        for line, text in enumerate(names.CHAT_LINES[number * 3 :]):
            world.messages.add(
                {
                    "CHAT_ID": chat,
                    "AUTHOR_ID": members[line % len(members)],
                    "DATE": TODAY - DAY + line * 600 + number * 37,
                    "TEXT": text,
                }
            )


def _files(world: World) -> None:
    world.disk_objects.skip_to(801)
    for row in list(world.users):
        name = f"{row['NAME']} {row['LAST_NAME']}"
        _storage(world, name, "user", str(row["ID"]))
    shared = _storage(world, "Company drive", "common", "shared_files_s1")
    root = world.storages.rows[shared]["ROOT_OBJECT_ID"]
    for name in ("Price lists", "Contracts"):
        folder = {"NAME": name, "TYPE": "folder", "STORAGE_ID": shared, "PARENT_ID": root}
        world.disk_objects.add(folder | _made(TODAY - 90 * DAY))
    text = "\n".join(f"{name};{price:.2f}" for name, price, _ in names.PRODUCTS).encode()
    file = {"NAME": "price-list.csv", "TYPE": "file", "STORAGE_ID": shared, "PARENT_ID": root + 1}
    key = world.disk_objects.add(file | _made(TODAY - 12 * DAY) | {"SIZE": len(text)})
    world.contents[key] = text


def _storage(world: World, name: str, kind: str, owner: str) -> int:
    storage = world.storages.add(
        {"NAME": name, "ENTITY_TYPE": kind, "ENTITY_ID": owner, "MODULE_ID": "disk"}
    )
    folder = {"NAME": name, "TYPE": "folder", "STORAGE_ID": storage, "PARENT_ID": 0}
    root = world.disk_objects.add(folder | _made(TODAY - 400 * DAY))
    world.storages.update(storage, {"ROOT_OBJECT_ID": root})
    return storage


def _made(moment: int) -> Row:
    return {"CREATE_TIME": moment, "UPDATE_TIME": moment, "CREATED_BY": 1, "UPDATED_BY": 1}


def _calendar(world: World) -> None:
    for row in list(world.users):
        world.calendar_sections.add(
            {"NAME": "Work", "CAL_TYPE": "user", "OWNER_ID": row["ID"], "COLOR": "#86B100"}
        )
    for number, (title, owner) in enumerate((("Sales meeting", 2), ("Visit to Alder Dairy", 3))):
        start = moments.midnight(TODAY) + (11 + 2 * number) * 3600
        world.calendar_events.add(
            {
                "NAME": title,
                "CAL_TYPE": "user",
                "OWNER_ID": owner,
                "SECT_ID": owner,
                "DATE_FROM": start,
                "DATE_TO": start + 3600,
                "DESCRIPTION": "",
                "CREATED_BY": owner,
            }
        )
