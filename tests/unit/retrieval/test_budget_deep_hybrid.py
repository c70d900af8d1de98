"""Fitting to tokens, choosing a section, re-ordering by an embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24_agent.model import Finding, Hit, Method, Risk
from bitrix24_agent.reference.parse import Section
from bitrix24_agent.retrieval.budget import fit, trim
from bitrix24_agent.retrieval.deep import choose, section_text
from bitrix24_agent.retrieval.hybrid import Reorder
from bitrix24_agent.tokens import count

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_items_are_kept_while_they_fit_and_at_least_one() -> None:
    assert fit(["one", "two", "three"], 2, str) == ["one", "two"]
    assert fit(["a very long line of text"], 0, str) == ["a very long line of text"]
    assert fit([], 10, str) == []


@given(st.text(alphabet="ab c\nd", max_size=400), st.integers(min_value=5, max_value=60))
def test_trimmed_text_fits_and_is_a_beginning(text: str, most: int) -> None:
    short = trim(text, most)
    assert count(short) <= most + 1
    assert short == text or text.startswith(short.removesuffix("[cut]").rstrip("\n"))


def made(title: str, topic: str, *triggers: str) -> Section:
    return Section(title=title, topic=topic, triggers=triggers, text=f"## {title}\n", line=1)


SECTIONS = (
    made("Rate limit", "limits", "QUERY_LIMIT_EXCEEDED", "too many requests"),
    made("Operating time", "limits", "OPERATION_TIME_LIMIT", "429"),
    made("Batch", "batch", "batch", "cmd"),
)


@pytest.mark.parametrize(("query", "topic", "title"), [
    ("QUERY_LIMIT_EXCEEDED again", "limits", "Rate limit"),
    ("why 429?", "limits", "Operating time"),
    ("some limit", "limits", "Rate limit"),
    ("how do I send a batch", None, "Batch"),
])  # fmt: skip
def test_triggers_choose_the_section(query: str, topic: str | None, title: str) -> None:
    chosen = choose(SECTIONS, query, topic)
    assert chosen is not None
    assert chosen.title == title


def test_without_topic_and_trigger_no_section_is_loaded() -> None:
    assert choose(SECTIONS, "list deals", None) is None
    assert choose((), "QUERY_LIMIT_EXCEEDED", "limits") is None


def test_a_trigger_inside_another_word_does_not_count() -> None:
    assert choose(SECTIONS, "the batches of cmdlets", None) is None


def test_a_long_section_is_cut_and_says_so() -> None:
    long = Section(title="X", topic="x", triggers=(), text="line of words\n" * 900, line=1)
    assert section_text(long, 100).endswith("[the rest is in bitrix24.md]")


def hit(name: str, score: float) -> Hit:
    method = Method(
        name=name, version=2, pack="core", risk=Risk.READ, scopes=(), summary=name,
        family="f", page="p.md",
    )  # fmt: skip
    return Hit(method=method, score=score)


FINDING = Finding(query="b", hits=(hit("crm.a.list", 0.8), hit("crm.b.list", 0.7)))


def embed(texts: list[str]) -> list[Sequence[float]]:
    return [(1.0, 0.0) if text.endswith(("b", "crm.b.list")) else (0.0, 1.0) for text in texts]


def test_an_embedding_re_orders_and_adds_nothing() -> None:
    reordered = Reorder(embed)(FINDING)
    assert [h.method.name for h in reordered.hits] == ["crm.b.list", "crm.a.list"]
    assert {h.method for h in reordered.hits} == {h.method for h in FINDING.hits}
    assert all(0.0 <= h.score <= 1.0 for h in reordered.hits)


def test_vectors_of_methods_are_made_once() -> None:
    asked: list[list[str]] = []

    def spy(texts: list[str]) -> list[Sequence[float]]:
        asked.append(texts)
        return embed(texts)

    reorder = Reorder(spy)
    assert reorder(FINDING) == reorder(FINDING)
    assert [len(texts) for texts in asked] == [3, 1]


def test_a_named_method_stays_first() -> None:
    named = Finding(query="b", hits=(hit("crm.a.list", 1.0), hit("crm.b.list", 0.9)))
    assert Reorder(embed, share=1.0)(named).hits[0].method.name == "crm.a.list"


def test_no_share_leaves_the_finding_alone_and_a_wrong_share_is_refused() -> None:
    assert Reorder(embed, share=0.0)(FINDING) is FINDING
    with pytest.raises(ValueError, match="from 0 to 1"):
        Reorder(embed, share=2.0)
