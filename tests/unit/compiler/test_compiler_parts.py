"""The pure parts of the compiler: tables, cells, values, types, risks, families, examples."""

from __future__ import annotations

import pytest

from bitrix24_agent.compiler import details, examples
from bitrix24_agent.compiler.accept import problems
from bitrix24_agent.compiler.cells import read_names
from bitrix24_agent.compiler.families import families
from bitrix24_agent.compiler.risk import judge
from bitrix24_agent.compiler.summary import fallback
from bitrix24_agent.compiler.tables import find_tables
from bitrix24_agent.compiler.types import Typed, resolve
from bitrix24_agent.model import Pack
from bitrix24_agent.reference.patterns import PackRules


def cells(text: str) -> list[tuple[str, ...]]:
    lines = text.split("\n")
    tables = find_tables(lines, list(range(1, len(lines) + 1)), [])
    return [row.cells for table in tables for row in table.rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#|\n|| a | b ||\n|| c | d ||\n|#", [("a", "b"), ("c", "d")]),
        ("#|\n|| a | b || || c | d ||\n|#", [("a", "b"), ("c", "d")]),
        ("#|\n|| `x|y` | b \\| c ||\n|#", [("`x|y`", "b | c")]),
        ("#|\n|| a | b\n```\nif x || y | z\n``` ||\n|#", [("a", "b\n```\nif x || y | z\n```")]),
        (
            "#|\n|| a |\n#|\n|| in | ner ||\n|#\n||\n|| c | d ||\n|#",
            [("a", "#|\n|| in | ner ||\n|#"), ("c", "d")],
        ),
        ("    #|\n    || a | b ||\n    |#", [("a", "b")]),
        ("| a | b |\n|---|---|\n| `c|d` | e \\| f |", [("a", "b"), ("`c|d`", "e | f")]),
        ("```\n#|\n|| a | b ||\n|#\n```", []),
    ],
)
def test_tables_are_cut_where_the_dialect_cuts_them(
    text: str, expected: list[tuple[str, ...]]
) -> None:
    assert cells(text) == expected


@pytest.mark.parametrize(
    ("cell", "name", "types", "required"),
    [
        ("**fields***\n[`object`](../t.md)", "fields", ("object",), True),
        ("**fields**\n[`object`](../t.md)", "fields", ("object",), False),
        ("**id**^*^\n[`integer`](../t.md)", "id", ("integer",), True),
        ("**id^*^**\n[`integer`](../t.md)", "id", ("integer",), True),
        ("**id**\\*\n`integer`", "id", ("integer",), True),
        ("**weight****\n[`integer`](x)", "weight", ("integer",), False),
        ("**name***,**\n[`string`](x)", "name", ("string",), True),
        ("**a**\n[`string`](x) | [`null`](x)", "a", ("string", "null"), False),
        ("**a**\n[```integer | integer[]```](x)", "a", ("integer", "integer[]"), False),
        ("**a** [`string`](x)", "a", ("string",), False),
        ("**`0`**\n[`string[]`](x)", "0", ("string[]",), False),
        ("**CATALOG\\_ID**\n[`int`](x)", "CATALOG_ID", ("int",), False),
        ("`TITLE`*\n[`string`](x)", "TITLE", ("string",), True),
    ],
)
def test_the_first_cell_gives_name_types_and_the_required_mark(
    cell: str, name: str, types: tuple[str, ...], required: bool
) -> None:
    (named,) = read_names(cell)
    assert (named.name, named.types, named.required) == (name, types, required)


def test_a_cell_that_is_a_sentence_names_nothing() -> None:
    assert read_names("**Settings of all kinds**") == []
    assert read_names('{% note tip "x" %}') == []


@pytest.mark.parametrize("name", ["UF_...", "PARENT_ID_...", "<selector>", "{id}", "propertyN"])
def test_names_that_stand_for_many_are_placeholders(name: str) -> None:
    assert read_names(f"**{name}**\n[`string`](x)")[0].placeholder


def test_a_name_that_only_looks_like_a_placeholder_is_a_name() -> None:
    assert not read_names("**gpsN**\n[`string`](x)")[0].placeholder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Possible values:\n- `Y` — yes\n- `N` — no", ("Y", "N")),
        ("Acceptable values:\n- `1`, `2` — low\n- `3` — high", ("1", "2", "3")),
        ("Possible values: `asc`, `desc`", ("asc", "desc")),
        ("Values: `online|offline`", ("online", "offline")),
        ("Possible values:\n- `U<id>` — a user", ()),
        ("The `align` parameter has two. Possible values: `left`, `right`", ()),
        ("A number", ()),
    ],
)
def test_only_closed_lists_of_values_become_an_enum(text: str, expected: tuple[str, ...]) -> None:
    assert details.enum_of(text, "kind") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("By default `N`", "N"),
        ("Default value — `20`", "20"),
        ("Default is `null`", None),
        ("By default the first stage", None),
    ],
)
def test_only_stated_literals_are_defaults(text: str, expected: str | None) -> None:
    assert details.default_of(text) == expected


def test_the_source_of_values_carries_the_fixed_parameter() -> None:
    text = 'Use the method [crm.status.list](./x.md) with `{ ENTITY_ID: "SOURCE" }`'
    assert details.source_of(text) == "crm.status.list ENTITY_ID=SOURCE"
    text = "Take it from [crm.item.list](./x.md), passing `entityTypeId = 4`"
    assert details.source_of(text) == "crm.item.list entityTypeId=4"
    assert details.source_of("Made by [crm.deal.add](./x.md)") is None


@pytest.mark.parametrize(
    ("vendor", "expected"),
    [
        (("integer",), Typed(type="integer")),
        (("string", "null"), Typed(type="string")),
        (("double", "integer"), Typed(type="number")),
        (("datetime",), Typed(type="string", format="datetime")),
        (("crm_status",), Typed(type="string", ref="crm_status")),
        (("crm_contact[]",), Typed(type="integer[]", ref="crm_contact")),
        (("crm_multifield[]",), Typed(type="object[]", ref="crm_multifield")),
        (("catalog_product.id",), Typed(type="integer", ref="catalog_product.id")),
        (("crm_currency.CURRENCY",), Typed(type="string", ref="crm_currency.CURRENCY")),
        (("array<object>",), Typed(type="object[]")),
        (("LayoutDto",), Typed(type="object", ref="LayoutDto")),
        ((), Typed(type="any")),
    ],
)
def test_vendor_types_map_to_json_types_and_keep_their_reference(
    vendor: tuple[str, ...], expected: Typed
) -> None:
    assert resolve(vendor) == expected


@pytest.mark.parametrize(
    ("name", "risk"),
    [
        ("crm.deal.list", "read"),
        ("crm.deal.fields", "read"),
        ("calendar.event.getbyid", "read"),
        ("crm.enum.ownertype", "read"),
        ("user.current", "read"),
        ("crm.deal.add", "write"),
        ("catalog.document.cancelList", "write"),
        ("catalog.document.conductList", "write"),
        ("disk.file.getExternalLink", "write"),
        ("crm.invoice.getexternallink", "write"),
        ("telephony.externalCall.show", "write"),
        ("landing.landing.favoriteBlock", "write"),
        ("landing.site.markFolderUnDelete", "write"),
        ("some.thing.frobnicate", "write"),
        ("crm.deal.delete", "destructive"),
        ("landing.landing.markdeletedblock", "destructive"),
        ("imconnector.delete.messages", "destructive"),
        ("crm.entity.mergeBatch", "destructive"),
        ("crm.deal.contact.items.set", "destructive"),
        ("crm.deal.productrows.set", "destructive"),
        ("crm.item.details.configuration.forceCommonScopeForAll", "destructive"),
        ("documentgenerator.role.fillaccesses", "destructive"),
        ("catalog.price.modify", "destructive"),
        ("entity.rights", "destructive"),
        ("sonet_group.setowner", "destructive"),
        ("placement.unbind", "destructive"),
        ("imbot.unregister", "destructive"),
    ],
)
def test_a_name_is_never_judged_milder_than_its_verb(name: str, risk: str) -> None:
    assert str(judge(name).risk) == risk


def test_families_are_things_and_small_modules_stay_together() -> None:
    names = [f"crm.deal.{v}" for v in "abcdefgh"] + [f"crm.lead.{v}" for v in "abcdefgh"]
    names += [f"crm.thing{i}.get" for i in range(12)] + ["timeman.open", "profile", "methods"]
    found = families(names)
    assert found["crm.deal.a"] == "crm.deal"
    assert found["crm.thing3.get"] == "crm"
    assert found["timeman.open"] == "timeman"
    assert found["profile"] == found["methods"] == "general"
    assert families(reversed(names)) == found


def test_a_generation_is_no_thing() -> None:
    names = [f"booking.v1.{t}.{v}" for t in ("booking", "resource") for v in "abcdefghijklmn"]
    assert set(families(names).values()) == {"booking.v1.booking", "booking.v1.resource"}


def test_fallback_summaries_fit_and_tell_versions_apart() -> None:
    assert fallback("tasks.task.get", 3, twin=True) == "Get tasks task (REST v3)"
    assert len(fallback("a." + "very.long." * 30 + "get", 2, twin=False)) == 90


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ('{"a":1,}', {"a": 1}),
        ('{"a":**put_id**}', {"a": examples.ANY}),
        ('{"a":"**put_text**"}', {"a": examples.ANY}),
        ('{"id":id}', {"id": examples.ANY}),
        ('{"a":"x\\Ny"}', {"a": "x\\Ny"}),
        ('{"a":1\nauth=SECRET\n}', {"a": 1}),
    ],
)
def test_small_slips_of_an_example_are_mended(body: str, value: object) -> None:
    assert examples.decode(body) == (value, None)


def test_what_is_no_json_is_told() -> None:
    assert examples.decode('{"a":')[1].startswith("not JSON: ")


def test_the_portable_dialect_is_checked_strictly() -> None:
    schema = {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "mark": {"type": "string", "enum": ["Y", "N"]},
            "rows": {"type": "array", "items": {"type": "object", "properties": {}}},
            "when": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        },
        "required": ["id"],
    }
    assert list(problems(schema, {"id": 1, "mark": "Y", "rows": [{}], "when": 5}, "")) == []
    assert list(problems(schema, {"id": examples.ANY, "other": 1}, "")) == []
    assert list(problems(schema, {"id": True, "mark": "y", "rows": [1], "when": []}, "")) == [
        "id: bool is not integer",
        "mark: 'y' is not one of Y, N",
        "rows[0]: int is not object",
        "when: list is not string",
    ]
    assert list(problems(schema, {}, "")) == ["id: required and missing"]


def test_among_patterns_that_fit_the_longest_wins_over_all_packs() -> None:
    rules = PackRules(
        {
            "core": Pack(
                name="core", title="", purpose="", patterns=("crm.*", "!crm.vat.*", "task.*")
            ),
            "shop": Pack(name="shop", title="", purpose="", patterns=("crm.v*", "profile", "x.*")),
        }
    )
    assert rules.pack_of("crm.deal.add") == "core"
    assert rules.pack_of("CRM.vat.add") == "shop"
    assert rules.pack_of("profile") == "shop"
    assert rules.pack_of("disk.file.get") is None
    assert list(rules.unused(["crm.deal.add", "crm.vat.add", "profile"])) == [
        ("task.*", "core"),
        ("x.*", "shop"),
    ]
