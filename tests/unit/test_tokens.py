"""The estimate of tokens, against counts of the real encoder written down once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24_agent.tokens import count

# Text -> what the cl100k encoder gives.
COUNTED = {
    "Create a record of any CRM type: deal, lead, contact, company, smart process": 18,
    '{"entityTypeId":2,"id":1,"fields":{"stageId":"C2:NEW"}}': 20,
    "| fields.STAGE_ID | string |  | ref crm_status; values crm.status.list |": 21,
    "Создай сделку и поставь задачу менеджеру на завтра": 22,
}


@pytest.mark.parametrize("text", sorted(COUNTED))
def test_the_estimate_is_near_the_encoder(text: str) -> None:
    assert count(text) == pytest.approx(COUNTED[text], rel=0.25)


def test_nothing_costs_nothing() -> None:
    assert count("") == 0


@given(st.text(max_size=500), st.text(max_size=500))
def test_more_text_never_costs_less(left: str, right: str) -> None:
    assert count(left + "\n" + right) >= max(count(left), count(right)) - 1
