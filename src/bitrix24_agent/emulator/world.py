"""Everything a portal holds: its tables, its counters and its clock."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_agent.emulator.store import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_agent.model import Row

TABLES = (
    "users",
    "departments",
    "leads",
    "deals",
    "contacts",
    "companies",
    "types",
    "categories",
    "statuses",
    "currencies",
    "stage_history",
    "activities",
    "timeline_comments",
    "product_rows",
    "products",
    "tasks",
    "checklist",
    "task_comments",
    "chats",
    "messages",
    "notifications",
    "calendar_sections",
    "calendar_events",
    "storages",
    "disk_objects",
    "blog_posts",
)
# Tables of the families that describe themselves: reached by world.table(name).
MORE_TABLES = (
    "catalogs",
    "price_types",
    "prices",
    "stores",
    "store_products",
    "stock_documents",
    "stock_elements",
    "person_types",
    "pay_systems",
    "orders",
    "basket_items",
    "payments",
    "payment_rows",
    "booking_resources",
    "booking_slots",
    "bookings",
    "waiting",
    "workdays",
    "workflow_templates",
    "workflows",
    "assignments",
    "robots",
    "triggers",
    "groups",
    "group_members",
    "scrum_sprints",
    "scrum_epics",
    "scrum_items",
    "stages",
    "flows",
    "lists",
    "list_fields",
    "list_elements",
    "documents",
    "document_templates",
    "disk_versions",
    "collections",
    "pages",
    "mailboxes",
    "mails",
    "bots",
    "open_lines",
    "calls",
    "votes",
    "bindings",
    "event_queue",
    "placements",
    "user_fields",
    "storages_of_apps",
    "storage_items",
    "connectors",
    "sources",
    "datasets",
    "sites",
    "landings",
    "blocks",
    "agreements",
    "consents",
    "event_log",
    "hr_companies",
    "hr_jobs",
    "hr_persons",
    "signings",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload address handed out and not used yet."""

    folder: int
    user_id: int
    unique: bool


class World:
    """The state of one portal; ``world.deals`` and its like are tables by id.

    Fields have the portal's own spelling. Smart-process items live in
    ``world.smart[entityTypeId]``. Changing rows here is how a test prepares a case.
    """

    users: Table
    departments: Table
    leads: Table
    deals: Table
    contacts: Table
    companies: Table
    types: Table
    categories: Table
    statuses: Table
    currencies: Table
    stage_history: Table
    activities: Table
    timeline_comments: Table
    product_rows: Table
    products: Table
    tasks: Table
    checklist: Table
    task_comments: Table
    chats: Table
    messages: Table
    notifications: Table
    calendar_sections: Table
    calendar_events: Table
    storages: Table
    disk_objects: Table
    blog_posts: Table

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        for name in (*TABLES, *MORE_TABLES):
            setattr(self, name, Table(name))
        self.smart: dict[int, Table] = {}
        self.contents: dict[int, bytes] = {}
        self.uploads: dict[str, Upload] = {}
        self._counters: defaultdict[str, int] = defaultdict(int)

    def now(self) -> int:
        """Return Unix seconds."""
        return int(self.clock())

    def number(self, name: str) -> int:
        """Return the next number of a named counter."""
        self._counters[name] += 1
        return self._counters[name]

    def table(self, name: str) -> Table:
        """Return one of the tables by name."""
        found: Table = getattr(self, name)
        return found

    def user(self, user_id: int) -> Row | None:
        """Return a user by id, dismissed ones included."""
        return self.users.get(user_id)

    def active_user(self, user_id: int) -> Row | None:
        """Return a user who still works here."""
        found = self.users.get(user_id)
        return found if found and found.get("ACTIVE") else None

    def table_of(self, entity_type_id: int) -> Table | None:
        """Return the table of a CRM object type, smart processes included."""
        plain = {1: self.leads, 2: self.deals, 3: self.contacts, 4: self.companies}
        return plain[entity_type_id] if entity_type_id in plain else self.smart.get(entity_type_id)
