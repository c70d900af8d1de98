"""Field descriptions and values."""

from __future__ import annotations

import pytest

from bitrix24_agent.emulator import moments
from bitrix24_agent.emulator.data.crm_fields import (
    company_fields,
    contact_fields,
    deal_fields,
    lead_fields,
)
from bitrix24_agent.emulator.data.task_fields import task_fields
from bitrix24_agent.emulator.fields import BadValue, camel, item_name_of_user_field, parse_fields

SETS = (deal_fields(), lead_fields(), contact_fields(), company_fields(), task_fields())


@pytest.mark.parametrize("fields", SETS)
def test_no_name_is_given_twice(fields):
    assert len(fields.by_name) == len(fields.fields)
    items = [field.item for field in fields.universal]
    assert len(set(items)) == len(items)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("UF_CRM_3_1747309727", "ufCrm3_1747309727"),
        ("UF_CRM_3_DIGIT", "ufCrm3Digit"),
        ("UF_CRM_3_DIGIT10", "ufCrm3_DIGIT10"),
        ("UF_CRM_1747309879", "ufCrm_1747309879"),
        ("UF_CRM_OBJECT", "ufCrmObject"),
    ],
)
def test_custom_fields_are_renamed_by_rule(name, expected):
    assert item_name_of_user_field(name) == expected


def test_names_are_camel_cased():
    assert camel("ASSIGNED_BY_ID") == "assignedById"


FIELD = parse_fields("""
N | integer  |     | | Whole
D | double   |     | | Double
C | char     |     | | Flag
T | date     |     | | Day
M | datetime |     | | Moment
S | string   |     | | Text
L | user     | mul | | People
""").by_name


@pytest.mark.parametrize(
    ("name", "given", "kept", "classic", "item"),
    [
        ("N", "7", 7, "7", 7),
        ("N", 7.0, 7, "7", 7),
        ("N", "", None, None, None),
        ("D", "1,5", 1.5, "1.50", 1.5),
        ("D", 2, 2.0, "2.00", 2),
        ("C", True, "Y", "Y", "Y"),
        ("C", "n", "N", "N", "N"),
        ("S", 5, "5", "5", "5"),
        ("S", True, "1", "1", "1"),
        ("L", "3", [3], ["3"], [3]),
        ("L", [3, "4"], [3, 4], ["3", "4"], [3, 4]),
        ("L", None, [], [], []),
    ],
)
def test_values_go_in_and_out(name, given, kept, classic, item):
    field = FIELD[name]
    assert field.parse(given) == kept
    assert field.classic_value(kept) == classic
    assert field.item_value(kept) == item


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("N", "x"),
        ("N", {}),
        ("D", "much"),
        ("D", float("nan")),
        ("D", "inf"),
        ("N", float("inf")),
        ("M", "0001-01-01"),
        ("M", "9999-12-31"),
        ("M", "soon"),
        ("T", "32.01.2026"),
        ("S", [1]),
        ("L", ["x"]),
    ],
)
def test_values_of_another_type_are_refused(name, given):
    with pytest.raises(BadValue):
        FIELD[name].parse(given)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T10:11:12+03:00", "2026-03-02T10:11:12+03:00"),
        ("2026-03-02T07:11:12Z", "2026-03-02T10:11:12+03:00"),
        ("2026-03-02 10:11:12", "2026-03-02T10:11:12+03:00"),
        ("2026-03-02", "2026-03-02T00:00:00+03:00"),
        ("02.03.2026 10:11:12", "2026-03-02T10:11:12+03:00"),
        ("02.03.2026", "2026-03-02T00:00:00+03:00"),
        ("03/02/2026", "2026-03-02T00:00:00+03:00"),
    ],
)
def test_moments_are_read_in_every_spelling_and_written_in_server_time(text, expected):
    moment = moments.parse(text)
    assert moment is not None
    assert moments.iso(moment) == expected


def test_a_date_keeps_only_the_day():
    assert moments.iso(FIELD["T"].parse("2026-03-02T10:11:12+03:00")) == "2026-03-02T00:00:00+03:00"


def test_text_that_is_no_moment_is_none():
    assert moments.parse("tomorrow") is None
