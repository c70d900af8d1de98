"""People and departments.

Source: api-reference/user/*.md, api-reference/departments/department-get.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import filters, moments
from bitrix24_agent.emulator.fields import parse_fields
from bitrix24_agent.emulator.query import Condition, Group, page
from bitrix24_agent.emulator.registry import Reply, Visit, as_map, is_yes, method

if TYPE_CHECKING:
    from bitrix24_agent.emulator.fields import Field
    from bitrix24_agent.emulator.query import Page
    from bitrix24_agent.model import Json, Row

USER = parse_fields("""
ID                 | integer  | ro  | | ID
ACTIVE             | boolean  |     | | Active
NAME               | string   |     | | First name
LAST_NAME          | string   |     | | Last name
SECOND_NAME        | string   |     | | Middle name
EMAIL              | string   |     | | E-mail
LAST_LOGIN         | datetime | ro  | | Last login
DATE_REGISTER      | datetime | ro  | | Registered on
TIME_ZONE          | string   |     | | Time zone
IS_ONLINE          | char     | ro  | | Online
TIMESTAMP_X        | none     | ro  | | Changed on
LAST_ACTIVITY_DATE | none     | ro  | | Last activity
PERSONAL_GENDER    | string   |     | | Gender
PERSONAL_WWW       | string   |     | | Site
PERSONAL_BIRTHDAY  | string   |     | | Birthday
PERSONAL_MOBILE    | string   |     | | Mobile phone
PERSONAL_CITY      | string   |     | | City
WORK_PHONE         | string   |     | | Work phone
WORK_POSITION      | string   |     | | Position
UF_EMPLOYMENT_DATE | string   |     | | Employed since
UF_DEPARTMENT      | integer  | mul | | Departments
USER_TYPE          | string   | ro  | | Type
""")
DEPARTMENT = parse_fields("""
ID      | integer | ro | | ID
NAME    | string  |    | | Name
SORT    | integer |    | | Order
PARENT  | integer |    | | Parent department
UF_HEAD | integer |    | | Head
""")

# What a scope lets through; ``user`` shows everything. Source: api-reference/user/index.md @
# 5988ed13
_BRIEF = frozenset(
    [
        "ID",
        "ACTIVE",
        "NAME",
        "LAST_NAME",
        "SECOND_NAME",
        "TIME_ZONE",
        "IS_ONLINE",
        "TIMESTAMP_X",
        "LAST_ACTIVITY_DATE",
        "DATE_REGISTER",
        "PERSONAL_GENDER",
        "WORK_POSITION",
        "UF_DEPARTMENT",
        "USER_TYPE",
        "UF_EMPLOYMENT_DATE",
        "LAST_LOGIN",
    ]
)
_BASIC = _BRIEF | {"EMAIL", "PERSONAL_WWW", "PERSONAL_BIRTHDAY", "PERSONAL_CITY"}


def _fields(visit: Visit) -> list[Field]:
    scopes = visit.credential.scopes
    if "user" in scopes:
        return list(USER.fields)
    allowed = _BASIC if "user_basic" in scopes else _BRIEF
    return [field for field in USER.fields if field.name in allowed]


def _shown(visit: Visit, row: Row, select: Json) -> Row:
    wanted = (
        {str(name).upper() for name in select} if isinstance(select, list) and select else {"*"}
    )
    shown: Row = {}
    for field in _fields(visit):
        if "*" in wanted or field.name in wanted or field.name == "ID":
            shown[field.name] = _value(field, row, visit.world.now())
    return shown


def _value(field: Field, row: Row, now: int) -> Json:
    value = row.get(field.name)
    match field.name:
        case "ID":
            return str(row["ID"])
        case "ACTIVE":
            return bool(value)
        case "IS_ONLINE":
            return "Y" if now - int(row.get("LAST_LOGIN") or 0) < 3600 else "N"
        case "TIMESTAMP_X" | "LAST_ACTIVITY_DATE":
            return {}
        case "LAST_LOGIN" | "DATE_REGISTER":
            return moments.iso(value) if value else ""
        case "UF_DEPARTMENT":
            return list(value or [])
        case _:
            return "" if value is None else value


@method("user.current", scope="user user_basic user_brief")
def user_current(visit: Visit) -> Json:
    """The acting user."""
    return _shown(visit, visit.user, None)


def _field_of(name: str) -> Field | None:
    return USER.by_name.get(name.upper())


def _asked(visit: Visit) -> dict[str, Json]:
    """Return the filter; its keys are accepted at the top level, too."""
    given = dict(as_map(visit.param("filter"), "FILTER"))
    for name, value in visit.params.items():
        bare = name.lstrip("!<>=@%")
        if _field_of(bare) is not None and name.lower() not in ("sort", "order", "select"):
            given.setdefault(name, value)
    return given


def _people(visit: Visit, given: dict[str, Json], more: tuple[Condition | Group, ...] = ()) -> Page:
    plain = {key: value for key, value in given.items() if key.upper() != "ACTIVE"}
    where = filters.group_of(plain, _field_of, strict=False)
    active = next((value for key, value in given.items() if key.upper() == "ACTIVE"), None)
    parts = list(where.parts) + list(more)
    if active is not None:
        parts.append(Condition(field="ACTIVE", op="=", value=is_yes(active)))
    sort = _field_of(str(visit.param("sort") or "ID"))
    way = str(visit.param("order") or "ASC").upper()
    order = ((sort.name if sort else "ID", way == "DESC"),)
    return page(visit.world.users, Group(parts=tuple(parts)), order, start=visit.start())


@method("user.get", scope="user user_basic user_brief")
def user_get(visit: Visit) -> Reply:
    """Users by filter, dismissed ones included unless the filter says otherwise."""
    found = _people(visit, _asked(visit))
    select = visit.param("select")
    rows = [_shown(visit, row, select) for row in found.rows]
    return Reply(result=rows, total=found.total, next=found.next)


@method("user.search", scope="user user_basic user_brief")
def user_search(visit: Visit) -> Reply:
    """Users by parts of names and positions, or by words in any of them (``FIND``)."""
    given = _asked(visit)
    parts: list[Condition | Group] = []
    words = str(given.pop("FIND", None) or visit.param("FIND") or "").split()
    for word in words:
        names = ("NAME", "LAST_NAME", "WORK_POSITION", "EMAIL")
        options = tuple(Condition(field=name, op="like", value=word) for name in names)
        parts.append(Group(parts=options, any_of=True))
    department = given.pop("UF_DEPARTMENT_NAME", None)
    if department:
        wanted = str(department).lower()
        ids = [row["ID"] for row in visit.world.departments if wanted in row["NAME"].lower()]
        parts.append(Condition(field="UF_DEPARTMENT", op="in", value=ids or [0]))
    for name in ("NAME", "LAST_NAME", "WORK_POSITION"):
        value = given.pop(name, None)
        if value:
            parts.append(Condition(field=name, op="like", value=str(value).strip("%")))
    found = _people(visit, given, tuple(parts))
    select = visit.param("select")
    rows = [_shown(visit, row, select) for row in found.rows]
    return Reply(result=rows, total=found.total, next=found.next)


@method("department.get", scope="department")
def department_get(visit: Visit) -> Reply:
    """Departments; filter keys stand at the top level."""
    given = {
        name: value
        for name, value in visit.params.items()
        if name.upper() in DEPARTMENT.by_name and name.lower() != "sort"
    }
    number = visit.param("SORT")
    if number is not None and str(number).isdigit():
        given["SORT"] = number
    where = filters.group_of(given, lambda name: DEPARTMENT.by_name.get(name.upper()), strict=False)
    sort = str(visit.param("sort") or "ID").upper()
    descending = str(visit.param("order") or "ASC").upper() == "DESC"
    order = ((sort if sort in DEPARTMENT.by_name else "ID", descending),)
    found = page(visit.world.departments, where, order, start=visit.start())
    rows = []
    for row in found.rows:
        shown = {"ID": str(row["ID"]), "NAME": row["NAME"], "SORT": row["SORT"]}
        if row["PARENT"]:
            shown["PARENT"] = str(row["PARENT"])
        if row.get("UF_HEAD"):
            shown["UF_HEAD"] = str(row["UF_HEAD"])
        rows.append(shown)
    return Reply(result=rows, total=found.total, next=found.next)
