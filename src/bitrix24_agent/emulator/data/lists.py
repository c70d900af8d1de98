"""Status lists, pipelines and currencies of a fresh portal.

Source: api-reference/crm/status/crm-status-list.md,
api-reference/crm/universal/category/crm-category-list.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bitrix24_agent.emulator.world import World

# A line names a list or holds "STATUS_ID = Name"; S or F behind a second sign marks a final stage.
_LISTS = """
STATUS
NEW = Unassigned
IN_PROCESS = In progress
PROCESSED = Processed
CONVERTED = Good lead = S
JUNK = Junk lead = F
SOURCE
CALL = Call
EMAIL = E-mail
WEB = Website
ADVERTISING = Advertising
PARTNER = Existing client
RECOMMENDATION = By recommendation
TRADE_SHOW = Trade show
WEBFORM = CRM form
OTHER = Other
DEAL_TYPE
SALE = Sale
COMPLEX = Complex sale
GOODS = Goods
SERVICES = Services
SERVICE = Maintenance
CONTACT_TYPE
CLIENT = Clients
SUPPLIER = Suppliers
PARTNER = Partners
OTHER = Other
COMPANY_TYPE
CUSTOMER = Client
SUPPLIER = Supplier
COMPETITOR = Competitor
PARTNER = Partner
OTHER = Other
INDUSTRY
IT = Information technology
MANUFACTURING = Manufacturing
FINANCE = Finance
OTHER = Other
EMPLOYEES
EMPLOYEES_1 = less than 50
EMPLOYEES_2 = 50-250
EMPLOYEES_3 = 250-500
EMPLOYEES_4 = over 500
HONORIFIC
HNR_EN_1 = Mr.
HNR_EN_2 = Ms.
DEAL_STAGE
NEW = New
PREPARATION = Document preparation
PREPAYMENT_INVOICE = Prepayment invoice
EXECUTING = In progress
FINAL_INVOICE = Final invoice
WON = Deal won = S
LOSE = Deal lost = F
APOLOGY = Analyse failure = F
DEAL_STAGE_1
C1:NEW = Request
C1:PREPARATION = Planning
C1:EXECUTING = At work
C1:WON = Done = S
C1:LOSE = Cancelled = F
DYNAMIC_1036_STAGE_5
DT1036_5:NEW = Start
DT1036_5:PREPARATION = Assembly
DT1036_5:CLIENT = At the customer
DT1036_5:SUCCESS = In operation = S
DT1036_5:FAIL = Written off = F
"""
_COLOURS = {"": "#39A8EF", "S": "#7BD500", "F": "#FF5752"}
_FIXED = frozenset({"NEW", "WON", "LOSE", "CONVERTED", "JUNK"})


def fill_statuses(world: World) -> None:
    """Add lists, pipelines and currencies to an empty world."""
    entity, number = "", 0
    for line in _LISTS.strip().splitlines():
        if "=" not in line:
            entity, number = line, 0
            continue
        number += 1
        status, name, *final = (part.strip() for part in line.split("="))
        semantic = final[0] if final else ""
        staged = "STAGE" in entity or entity == "STATUS"
        world.statuses.add(
            {
                "ENTITY_ID": entity,
                "STATUS_ID": status,
                "NAME": name,
                "SORT": number * 10,
                "SYSTEM": "Y" if status.rpartition(":")[2] in _FIXED else "N",
                "CATEGORY_ID": 1 if entity.endswith("STAGE_1") else 5 if "_5" in entity else 0,
                "COLOR": _COLOURS[semantic] if staged else "",
                "SEMANTICS": semantic or None,
            }
        )
    for key, name, entity_type, default in (
        (0, "Sales", 2, "Y"),
        (1, "Service contracts", 2, "N"),
        (5, "Installed equipment", 1036, "Y"),
    ):
        world.categories.add(
            {"name": name, "entityTypeId": entity_type, "isDefault": default, "sort": 100 + key},
            key=key,
        )
    for number, (code, rate, name) in enumerate(
        (("EUR", 1.0, "Euro"), ("USD", 0.92, "US Dollar"), ("PLN", 0.23, "Polish zloty")), start=1
    ):
        world.currencies.add(
            {
                "CURRENCY": code,
                "AMOUNT": rate,
                "FULL_NAME": name,
                "SORT": number * 100,
                "BASE": "Y" if number == 1 else "N",
            }
        )
