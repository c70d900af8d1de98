"""What every card, line and answer costs, over all methods."""

from __future__ import annotations

import statistics

import pytest

from bitrix24_agent.retrieval.references import References
from bitrix24_agent.tokens import count
from bitrix24_agent.tools.cards import answer, card, line, page

MEDIAN_CARD = 200
LONGEST_CARD = 320
LONGEST_LINE = 60
MEDIAN_ANSWER = 250
LONGEST_PAGE = 3_000

REQUESTS = (
    "list deals", "create a task", "send a message to a chat", "move deal 5 to won",
    "upload a file to Drive", "book a slot for a client", "add a product to the catalog",
    "publish the site", "start the approval workflow", "who is free tomorrow",
)  # fmt: skip


@pytest.fixture(scope="module")
def found() -> References:
    return References.load()


def test_every_card_fits_its_budget(found: References) -> None:
    cards = {method.id: card(method).tokens for method in found.methods()}
    assert statistics.median(cards.values()) <= MEDIAN_CARD
    assert {name: n for name, n in cards.items() if n > LONGEST_CARD} == {}


@pytest.mark.parametrize("pack", [
    "core", "comms", "automation", "collab", "content", "boards", "commerce", "services",
    "platform", "sites", "compliance", "diagnostics",
])  # fmt: skip
def test_the_cards_of_a_pack_stay_small(found: References, pack: str) -> None:
    costs = [card(method).tokens for method in found.methods(pack)]
    assert statistics.median(costs) <= MEDIAN_CARD
    lines = [card(method, max_tokens=1) for method in found.methods(pack)]
    assert all(one.text for one in lines)


def test_every_hit_is_one_short_line(found: References) -> None:
    lines = {method.id: line(method) for method in found.methods()}
    assert [text for text in lines.values() if "\n" in text] == []
    assert {name: t for name, t in lines.items() if count(t) > LONGEST_LINE} == {}


def test_every_page_shows_every_parameter(found: References) -> None:
    for method in found.methods():
        text = page(method).text
        tops = [p.path for p in method.params if p.top_level]
        assert [path for path in tops if f"- {path}" not in text] == []
    assert max(page(m).tokens for m in found.methods()) <= LONGEST_PAGE


def test_an_answer_costs_at_most_a_few_hundred_tokens(found: References) -> None:
    costs = [answer(found.find(request)).tokens for request in REQUESTS]
    assert statistics.median(costs) <= MEDIAN_ANSWER
    assert max(costs) <= 320
