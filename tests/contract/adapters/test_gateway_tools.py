"""The gateway tools over real HTTP: describing in three sizes, reading on, and the host's plans."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from bitrix24_agent import ConfirmationRequired, References, SyncToolkit, UnknownMethodError
from bitrix24_agent.model import Caller
from bitrix24_agent.testing import RunningPortal
from bitrix24_agent.tools import cards

WIDE = "crm.item.update"


def tool(kit: SyncToolkit, name: str, **arguments: Any) -> str:
    result = kit.run_tool(name, arguments)
    assert result.is_error is False, result.text
    return result.text


def test_a_description_is_a_card_and_the_full_page_on_request(
    kit: SyncToolkit, refs: References
) -> None:
    method = refs.method(WIDE)
    card, page = kit.describe(WIDE), kit.describe(WIDE, full=True)
    assert page == cards.page(method)
    assert cards.card(method).tokens < card.tokens <= 400 < page.tokens
    assert tool(kit, "b24_describe", method=WIDE) == card.text
    assert tool(kit, "b24_describe", method=WIDE, full=True) == page.text
    assert tool(kit, "b24_describe", method=WIDE, full=False) == card.text


def test_what_the_card_offers_is_what_the_tool_gives(kit: SyncToolkit, refs: References) -> None:
    text = tool(kit, "b24_describe", method=WIDE)
    (left_out, offered) = re.findall(r"\+(\d+) more parameters: b24_describe with (\S+) ", text)[0]
    name, value = offered.split("=")
    page = tool(kit, "b24_describe", method=WIDE, **{name: json.loads(value)})
    inner = [p.name for p in refs.method(WIDE).params]
    assert int(left_out) > 0
    assert [name for name in inner if name not in page] == []
    assert "more parameters" not in page


@pytest.mark.parametrize("full", ["true", " True "])
def test_a_model_may_write_true_as_text(kit: SyncToolkit, full: str) -> None:
    assert tool(kit, "b24_describe", method=WIDE, full=full) == kit.describe(WIDE, full=True).text


@pytest.mark.parametrize("full", [1, "yes", [], {}])
def test_anything_else_is_told(kit: SyncToolkit, full: Any) -> None:
    result = kit.run_tool("b24_describe", {"method": WIDE, "full": full})
    assert result.is_error is True
    assert "full: should be true or false" in result.text


def test_a_version_is_no_boolean(kit: SyncToolkit) -> None:
    result = kit.run_tool("b24_describe", {"method": WIDE, "version": True})
    assert "version: should be a whole number" in result.text


def test_describing_what_does_not_exist_is_told(kit: SyncToolkit) -> None:
    with pytest.raises(UnknownMethodError):
        kit.describe("crm.nothing", full=True)


def test_a_long_object_is_read_on_without_gap_or_repeat(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    deal = portal.state.deals.rows[1]
    # The state database keeps keys in another order than the portal sends them.
    deal["COMMENTS"], deal["ADDITIONAL_INFO"] = "z" * 7_000, "a" * 7_000
    result = kit.run_tool("b24_call", {"method": "crm.deal.get", "params": {"id": 1}})
    text = result.text.split("\n")[1]
    while result.handle is not None:
        result = kit.run_tool("b24_more", {"handle": result.handle})
        assert result.is_error is False
        text += result.text.split("\n")[1]
    shown = json.loads(text)
    sent = kit.call("crm.deal.get", {"id": 1}).result
    assert shown == {name: value for name, value in sent.items() if value not in ("", None, [])}


def test_an_item_inside_the_result_is_shown_without_empty_fields(kit: SyncToolkit) -> None:
    arguments = {"method": "crm.item.get", "params": {"entityTypeId": 2, "id": 1}}
    result = kit.run_tool("b24_call", arguments)
    mark, text, _ = result.text.split("\n")
    assert mark == '<portal-data of="crm.item.get, empty fields left out">'
    assert [v for v in json.loads(text)["item"].values() if v in (None, "", [], {})] == []
    assert result.answer is not None
    assert None in result.answer.result["item"].values()


def test_plans_are_listed_by_the_key_of_their_request(kit: SyncToolkit) -> None:
    for key in ("one", "two"):
        with pytest.raises(ConfirmationRequired):
            kit.call("crm.deal.delete", {"id": 1}, caller=Caller(key=key))
    assert [plan.caller.key for plan in kit.plans(key="two")] == ["two"]
    assert [plan.caller.key for plan in kit.plans("pending", key="one")] == ["one"]
    assert kit.plans("approved", key="one") == []
    assert len(kit.plans()) == 2
