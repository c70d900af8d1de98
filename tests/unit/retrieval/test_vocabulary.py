"""Reading vocabulary.md and finding its words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from bitrix24_agent.errors import ReferencesError
from bitrix24_agent.retrieval.references import References
from bitrix24_agent.retrieval.request import understand
from bitrix24_agent.retrieval.text import fold
from bitrix24_agent.retrieval.vocabulary import Vocabulary, parse_vocabulary

if TYPE_CHECKING:
    from bitrix24_agent.retrieval.vocabulary import Sense

SMALL = """# Vocabulary

## Actions

| action | names | near | en | ru | uk | pt | es | de | pl |
|---|---|---|---|---|---|---|---|---|---|
| add | add | set 0.5 | add, put in | добав* |  |  |  |  |  |
| list | list |  | list, show all | список |  |  |  |  |  |
| set | set |  | set |  |  |  |  |  |  |

## Things

| thing | names | en | ru | uk | pt | es | de | pl |
|---|---|---|---|---|---|---|---|---|
| deal | deal | deal | сделк* | угод* | negócio* |  | geschäft* |  |
| open line | imopenlines | open line | открыт* лини* |  |  |  |  |  |
| universal list | lists | list 0 |  |  |  |  |  |  |
| user | user | user |  |  |  |  | benutzer* |  |

- soft: user
- and: and, и

## Families

| methods | action | is | may |
|---|---|---|---|
| crm.item.* |  | deal/user | open line |

## Elsewhere

| kind | words |
|---|---|
| product | salesforce |

## Little words

- en: the, a, to, please
- ru: мне, и
"""


@pytest.fixture(scope="module")
def small() -> Vocabulary:
    return parse_vocabulary(SMALL)


def ids(senses: tuple[Sense, ...]) -> set[str]:
    return {sense.id for sense in senses}


@pytest.mark.parametrize(("word", "meaning"), [
    ("deal", "deal"), ("deals", "deal"), ("сделками", "deal"), ("negocios", "deal"),
    ("geschafte", "deal"), ("adding", "add"),
])  # fmt: skip
def test_forms_of_a_word_mean_the_same(small: Vocabulary, word: str, meaning: str) -> None:
    assert ids(small.word(word)) == {meaning}


def test_a_stem_takes_endings_and_not_whole_words(small: Vocabulary) -> None:
    assert small.word("сделкаимногобукв") == ()


def test_a_phrase_may_be_inflected_and_interrupted_by_little_words(small: Vocabulary) -> None:
    assert [m.length for m in small.phrases(["открытые", "линии"], 0)] == [2]
    assert [m.length for m in small.phrases(["put", "the", "in"], 0)] == [3]
    assert list(small.phrases(["put", "deal", "in"], 0)) == []


def test_zero_stands_for_a_number(small: Vocabulary) -> None:
    assert [m.senses[0].id for m in small.phrases(["list", "23"], 0)] == ["universal list"]
    assert list(small.phrases(["list", "deals"], 0)) == []


def test_two_words_in_one_are_both_understood(small: Vocabulary) -> None:
    assert [ids(part) for part in small.guess("benutzerdeal", "de")] == [{"user"}, {"deal"}]


def test_a_slip_is_undone_in_the_language_of_the_request(small: Vocabulary) -> None:
    assert [ids(part) for part in small.guess("сдклка", "ru")] == [{"deal"}]
    assert small.guess("сдклка", "uk") == ()


def test_an_understood_request_keeps_verb_thing_and_leftovers(small: Vocabulary) -> None:
    part = understand("please add the frobnicated deal", small).whole
    assert part.actions == {"add": 1.0}
    assert [(sorted(g.ids), g.words) for g in part.groups] == [
        ([], "frobnicated"),
        (["deal"], "deal"),
    ]


def test_two_wishes_are_two_parts(small: Vocabulary) -> None:
    parts = understand("add a deal and list the open lines", small).parts
    assert [list(part.actions) for part in parts] == [["add"], ["list"]]


def test_another_product_is_noticed(small: Vocabulary) -> None:
    assert understand("add a Salesforce deal", small).whole.elsewhere < 0.5
    assert understand("add a Salesforce deal to Bitrix24", small).whole.here


@pytest.mark.parametrize(("damage", "message"), [
    (("| thing | names | en |", "| thing | en |"), "should have the columns thing, names, en"),
    (("| user | user | user |", "| user | user |"), "this row has 8 cells, the table has 9"),
    (("## Things", "## Objects"), "of a known section"),
    (("| deal | deal |", "x deal | deal |"), None),
])  # fmt: skip
def test_a_damaged_file_is_reported_with_its_line(
    damage: tuple[str, str], message: str | None
) -> None:
    text = SMALL.replace(*damage, 1)
    if message is None:
        assert "deal" not in parse_vocabulary(text).things
        return
    with pytest.raises(ReferencesError, match=re.escape(message)) as caught:
        parse_vocabulary(text, "vocabulary.md")
    assert caught.value.line is not None


def test_an_empty_file_is_reported() -> None:
    with pytest.raises(ReferencesError, match="table of things is missing"):
        parse_vocabulary("# Vocabulary\n")


# --- the real file --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def refs() -> References:
    return References.load()


@pytest.fixture(scope="module")
def real(refs: References) -> Vocabulary:
    return parse_vocabulary(refs.text("vocabulary.md"))


def test_every_family_row_names_documented_methods(refs: References, real: Vocabulary) -> None:
    known = [method.name.lower() for method in refs.methods()]
    idle = []
    for pattern in real.families:
        rule = re.compile(".*".join(map(re.escape, pattern.split("*"))) + "$")
        if not any(rule.match(name) for name in known):
            idle.append(pattern)
    assert idle == []


def test_every_expression_names_documented_methods(refs: References, real: Vocabulary) -> None:
    rows = re.search(r"## Expressions\n(.*?)\n## ", refs.text("vocabulary.md"), re.DOTALL)
    cells = re.findall(r"^\| ([a-zA-Z0-9_.]+) \|", rows.group(1), re.MULTILINE)
    assert [name for name in cells if "." in name and refs.lookup(name) is None] == []


def test_tables_speak_of_each_other(real: Vocabulary) -> None:
    actions = set(real.near)
    assert {name for near in real.near.values() for name in near} <= actions
    assert {family.action for family in real.families.values()} - {""} <= actions
    assert {thing for of in real.fields.values() for thing in of} <= real.things
    assert real.soft <= real.things | set(real.fields)


def test_every_thing_is_known_in_all_seven_languages(refs: References) -> None:
    text = refs.text("vocabulary.md")
    table = text[text.index("## Things") : text.index("## Fields")]
    rows = [line for line in table.split("\n") if line.startswith("| ") and "| names |" not in line]
    poor = [line[:40] for line in rows if any(not c.strip() for c in line.split("|")[3:10])]
    assert poor == []


def test_words_are_written_folded_or_fold_cleanly(refs: References) -> None:
    assert "\t" not in fold(refs.text("vocabulary.md"))
