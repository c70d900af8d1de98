"""Folding, tokens and spellings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24_agent.retrieval.text import (
    MAX_CHARS,
    alphabet_of,
    english_forms,
    english_plain,
    fold,
    name_parts,
    other_spellings,
    slips,
    tokens,
    without_umlauts,
)


@pytest.mark.parametrize(("text", "folded"), [
    ("Negócio", "negocio"),
    ("ЗАДАЧА ещё", "задача еще"),
    ("Geschäftsstraße", "geschaftsstrasse"),
    ("żółty łoś", "zolty los"),
    ("прив’язка", "привязка"),
    ("don't", "dont"),
])  # fmt: skip
def test_spellings_fold_to_one(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_tokens_are_told_apart() -> None:
    seen = [(t.kind, t.raw) for t in tokens('Set STAGE_ID of crm.deal 5 to "Won" at a@b.co')]
    assert seen == [
        ("word", "Set"),
        ("code", "STAGE_ID"),
        ("word", "of"),
        ("api", "crm.deal"),
        ("value", "5"),
        ("word", "to"),
        ("mark", '"'),
        ("word", "Won"),
        ("mark", '"'),
        ("word", "at"),
        ("value", "a@b.co"),
    ]


def test_what_stands_in_quotes_is_marked() -> None:
    assert [t.text for t in tokens('name it "Big deal" now') if t.quoted] == ["big", "deal"]


def test_a_capital_in_the_middle_is_a_name_and_at_the_start_is_not() -> None:
    assert [t.text for t in tokens("Invite Olga. Then call Ivan") if t.named] == ["olga", "ivan"]


def test_a_file_name_means_a_file() -> None:
    assert [(t.kind, t.text) for t in tokens("upload contract.pdf")] == [
        ("word", "upload"),
        ("word", "file"),
    ]


@given(st.text(max_size=3_000))
def test_any_text_gives_tokens_of_the_text(text: str) -> None:
    raws = [t.raw for t in tokens(text)]
    assert all(raw in text[:MAX_CHARS] for raw in raws)


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    assert len(tokens("word " * 100_000)) == MAX_CHARS // 5


@pytest.mark.parametrize(("name", "parts"), [
    ("tasks.api.getStages", ["tasks", "api", "getstages", "get", "stages"]),
    ("crm.deal.userfield.list", ["crm", "deal", "userfield", "list"]),
    ("sonet_group.get", ["sonet", "group", "get"]),
    ("createDeal", ["createdeal", "create", "deal"]),
])  # fmt: skip
def test_names_come_apart(name: str, parts: list[str]) -> None:
    assert name_parts(name) == parts


@pytest.mark.parametrize(("word", "base"), [
    ("deals", "deal"), ("companies", "company"), ("statuses", "status"), ("creating", "create"),
    ("adding", "add"), ("stopping", "stop"),
])  # fmt: skip
def test_english_words_lead_to_their_base(word: str, base: str) -> None:
    assert base in list(english_forms(word))


def test_participles_are_no_verbs_and_plurals_are_no_participles() -> None:
    assert "plan" not in list(english_forms("planned"))
    assert list(english_plain("adding")) == []


@pytest.mark.parametrize(("typed", "meant"), [
    ("sdelku", "сделку"), ("cltkrf", "сделка"), ("zadachu", "задачу"),
])  # fmt: skip
def test_other_alphabets_and_keyboards_are_tried(typed: str, meant: str) -> None:
    assert meant in list(other_spellings(typed))
    assert list(other_spellings("сделка")) == []


def test_german_without_umlauts() -> None:
    assert list(without_umlauts("geschaeft")) == ["geschaft"]
    assert list(without_umlauts("deal")) == []


@pytest.mark.parametrize(("typed", "meant"), [
    ("conact", "contact"), ("contatc", "contact"), ("contactt", "contact"), ("kontakr", "kontakt"),
    ("задча", "задача"),
])  # fmt: skip
def test_one_slip_is_undone(typed: str, meant: str) -> None:
    assert meant in set(slips(typed, alphabet_of(typed)))
