from __future__ import annotations

import pytest

from bitrix24_agent.errors import ReferencesError
from bitrix24_agent.model import MethodDetail, Risk
from bitrix24_agent.params import Param
from bitrix24_agent.reference.parse import (
    blocks,
    parse_catalog,
    parse_chains,
    parse_deep,
    parse_detail,
    parse_index,
    parse_packs,
)

INDEX = """<!-- Generated -->
# Index of methods

- source: vendor/docs @ abc
- methods: 2
- digest: d1

## shop.order

| method | version | pack | risk | scopes | replaced by | page | summary |
|---|---|---|---|---|---|---|---|
| shop.order.list | 2 | commerce | read | shop, basic |  | a/list.md | List orders |
| shop.order.drop | 3 | commerce | destructive |  | - | a/drop.md | Drop an order \\| all |
"""

FAMILY = """<!-- Generated -->
# shop.order

## shop.order.list (v2)

List orders

- pack: commerce
- risk: read
- scopes: shop
- returns: result[]
- paging: start
- batch: refused
- credential: application
- audience: administrator
- keys: ID, TITLE
- errors: ERR_A, ERR_B
- page: a/list.md

| parameter | type | required | details |
|---|---|---|---|
| filter | object |  | open |
| filter.STATUS | string or integer | yes | enum N, P; default N; ref x; values a.list A=B |

## shop.order.drop (v3)

Drop

- pack: commerce
- risk: destructive
- scopes:
- page: a/drop.md
"""


def error_of(function, *args):
    with pytest.raises(ReferencesError) as caught:
        function(*args)
    return str(caught.value)


def test_the_index_gives_a_row_a_method():
    index = parse_index(INDEX)
    assert (index.source, index.digest, len(index.rows)) == ("vendor/docs @ abc", "d1", 2)
    first, second = index.rows
    assert (first.name, first.version, first.scopes) == ("shop.order.list", 2, ("shop", "basic"))
    assert (first.risk, first.replaced_by, first.family) == (Risk.READ, None, "shop.order")
    assert (second.risk, second.replaced_by) == (Risk.DESTRUCTIVE, "-")
    assert second.summary == "Drop an order | all"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("| 2 | commerce", "| 4 | commerce", "i.md:12: '4' is no API version (2 or 3)"),
        ("| read |", "| safe |", "i.md:12: 'safe' is no risk (read, write, destructive)"),
        ("| a/list.md ", "", "i.md:12: this row has 7 cells, the table has 8 columns"),
        ("| pack |", "| packet |", "i.md:10: the table should have the columns method, version"),
        ("methods: 2", "methods: 9", "promises 9 methods, 2 are listed"),
        ("|---|---|---|---|---|---|---|---|\n", "", "i.md:11: the row of dashes"),
        ("## shop.order\n", "", "i.md:9: a table before the first family"),
    ],
)
def test_a_damaged_index_names_file_and_line(old, new, expected):
    assert old in INDEX
    assert expected in error_of(parse_index, INDEX.replace(old, new, 1), "i.md")


def test_an_empty_index_says_what_to_do():
    assert "compile the references again" in error_of(parse_index, "# Index\n", "i.md")


def test_a_block_gives_every_fact_of_a_method():
    places = blocks(FAMILY)
    assert list(places) == [("shop.order.list", 2), ("shop.order.drop", 3)]
    detail = parse_detail(FAMILY, *places["shop.order.list", 2], "f.md")
    assert detail == MethodDetail(
        params=(
            Param(path="filter", type="object", open=True),
            Param(
                path="filter.STATUS",
                type="string|integer",
                required=True,
                enum=("N", "P"),
                default="N",
                ref="x",
                source="a.list A=B",
            ),
        ),
        returns="result[]",
        paging="start",
        batchable=False,
        errors=("ERR_A", "ERR_B"),
        audience="administrator",
        webhook=False,
        keys=("ID", "TITLE"),
        line=4,
    )
    assert parse_detail(FAMILY, *places["shop.order.drop", 3], "f.md").params == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("| filter | object |", "| filter | blob |", "f.md:22: 'blob' is no parameter type"),
        ("| object |  | open |", "| object | maybe | open |", "f.md:22: 'required' is 'yes'"),
        ("| open |", "| opened |", "f.md:22: 'opened' is no known detail"),
        ("| filter.STATUS |", "| filter |", "f.md:23: filter is listed twice"),
        ("- page: a/list.md\n", "", "f.md:4: the block has no 'page'"),
        ("| filter | object |  | open |", "| filter | object | open |", "f.md:22: this row has 3"),
    ],
)
def test_a_damaged_block_names_file_and_line(old, new, expected):
    assert old in FAMILY
    text = FAMILY.replace(old, new, 1)
    place = blocks(text)["shop.order.list", 2]
    assert expected in error_of(parse_detail, text, *place, "f.md")


def test_packs_keep_their_order_patterns_and_words():
    packs = parse_packs(
        "# Packs\n\n## Loading rules\n\nRead.\n\n## b — Second things\n\nFor that.\nAnd this.\n\n"
        "- methods: `b.*`, `!b.x`\n- words: two, second hand\n\n## a — First\n\n- methods: `a.*`\n"
    )
    assert list(packs) == ["b", "a"]
    assert packs["b"].purpose == "For that. And this."
    assert packs["b"].patterns == ("b.*", "!b.x")
    assert packs["b"].words == ("two", "second hand")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Packs\n", "p.md:1: no pack is described"),
        ("## a — x\n- methods: `a.*`\n## a — y\n- methods: `b.*`\n", "p.md:3: the pack 'a' is"),
        ("## a — x\n\nNothing.\n", "the pack 'a' names no methods"),
    ],
)
def test_damaged_packs_are_told_with_file_and_line(text, expected):
    assert expected in error_of(parse_packs, text, "p.md")


CATALOG = """# Pack: commerce

## Shortlist

| method | risk | parameters | why |
|---|---|---|---|
| shop.order.list | read | filter | what was ordered |
| shop.order.drop (v3) | destructive | id* | gone for good |
"""


def test_a_shortlist_row_names_method_version_and_risk():
    rows = parse_catalog(CATALOG, "c.md").shortlist
    assert [(r.method, r.version, r.risk, r.line) for r in rows] == [
        ("shop.order.list", 2, Risk.READ, 7),
        ("shop.order.drop", 3, Risk.DESTRUCTIVE, 8),
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("# Pack: commerce", "# Commerce", "c.md:1: the first line should be"),
        ("| read |", "| mild |", "c.md:7: 'mild' is no risk"),
        ("| shop.order.list |", "| shop order |", "c.md:7: 'shop order' is no method name"),
        ("| method | risk |", "| name | risk |", "c.md:1: the shortlist table is missing"),
    ],
)
def test_a_damaged_catalogue_names_file_and_line(old, new, expected):
    assert expected in error_of(parse_catalog, CATALOG.replace(old, new, 1), "c.md")


CHAINS = """# Chains: commerce

## Drop an old order

Goal: remove an order nobody wants
Needs: number (string) = "A-7", days (integer) = 30

1. `shop.order.list` find it
   ```json
   {"filter": {"NUMBER": "{{number}}"}}
   ```
   gives: id = result[0].ID, title = result[NUMBER={{number}}].TITLE
2. `shop.order.drop` (v3) (destructive) drop it
   ```json
   {"id": "{{id}}"}
   ```
"""


def test_a_chain_keeps_steps_parameters_and_what_flows_on():
    (chain,) = parse_chains(CHAINS, "ch.md")
    assert (chain.name, chain.pack, chain.goal) == (
        "Drop an old order",
        "commerce",
        "remove an order nobody wants",
    )
    assert chain.needs == {"number": '"A-7"', "days": "30"}
    first, second = chain.steps
    assert first.params == {"filter": {"NUMBER": "{{number}}"}}
    assert first.gives == {"id": "result[0].ID", "title": "result[NUMBER={{number}}].TITLE"}
    assert (second.method, second.version, second.note) == (
        "shop.order.drop",
        3,
        "(destructive) drop it",
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("# Chains: commerce", "# Recipes", "ch.md:1: the first line should be"),
        ("Goal: remove", "Aim: remove", "ch.md:3: a chain needs a 'Goal:' line and steps"),
        ("1. `shop.order.list` find", "1. shop.order.list find", "ch.md:8: a step reads"),
        ('{"id": "{{id}}"}', '{"id": }', "ch.md:15: the JSON cannot be read"),
        ("gives: id = result[0].ID", "gives: id result[0].ID", "should read: name = result.path"),
    ],
)
def test_a_damaged_chain_names_file_and_line(old, new, expected):
    assert old in CHAINS
    assert expected in error_of(parse_chains, CHAINS.replace(old, new, 1), "ch.md")


def test_an_unclosed_json_block_is_told():
    assert "is not closed" in error_of(parse_chains, CHAINS.rsplit("   ```", 1)[0], "ch.md")


def test_deep_sections_carry_topic_and_triggers():
    text = "# Deep\n\n## Waiting\n<!-- topic: limits -->\n<!-- triggers: 503, A_B -->\n\nWait.\n"
    (section,) = parse_deep(text)
    assert (section.title, section.topic, section.triggers) == ("Waiting", "limits", ("503", "A_B"))
    assert section.text == "## Waiting\nWait.\n"


def test_a_section_without_a_topic_is_told():
    assert "d.md:1: a section needs" in error_of(parse_deep, "## Lost\nText\n", "d.md")
