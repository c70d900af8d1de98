"""The demos: a job done from what the portal really holds, stopping before each write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from llama_agents import QUIET

from bitrix24_agent import SyncToolkit
from bitrix24_agent.demo import Seen, next_step, pick_request
from bitrix24_agent.errors import SettingsError
from bitrix24_agent.testing import RunningPortal
from langchain_bitrix24.demo import run_demo as langchain_demo
from llama_index.tools.bitrix24.demo import run_demo as llama_index_demo

pytestmark = QUIET

Demo = Callable[..., None]
DEMOS = pytest.mark.parametrize("demo", [langchain_demo, llama_index_demo])


class Transcript:
    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.asked: list[Any] = []

    def say(self, kind: str, text: str) -> None:
        self.said.append((kind, text))

    def texts(self, kind: str) -> list[str]:
        return [text for said, text in self.said if said == kind]


def run(demo: Demo, kit: SyncToolkit, approve: bool = True) -> Transcript:
    transcript = Transcript()

    def decide(stop: Any) -> bool:
        transcript.asked.append(stop)
        return approve

    demo(kit, approve=decide, say=transcript.say)
    return transcript


@DEMOS
def test_the_deal_is_moved_and_the_colleague_told(
    portal: RunningPortal, kit: SyncToolkit, demo: Demo
) -> None:
    transcript = run(demo, kit)
    assert [e.method for e in portal.journal.writes()] == ["crm.item.update", "im.message.add"]
    update = portal.journal.writes()[0].params
    deal = portal.state.deals.rows[int(update["id"])]
    assert deal["STAGE_ID"] == update["fields"]["stageId"]
    assert f"deal {deal['ID']}" in transcript.texts("answer")[0]
    assert [stop["risk"] for stop in transcript.asked] == ["write", "write"]
    assert {c["path"] for c in transcript.asked[0]["changes"]} == {
        "fields.stageId",
        "fields.opportunity",
    }


@DEMOS
def test_every_step_is_said_once_and_in_order(kit: SyncToolkit, demo: Demo) -> None:
    kinds = [kind for kind, _ in run(demo, kit).said]
    assert (kinds[0], kinds[-1]) == ("user", "answer")
    calls, answers = kinds.count("tool_call"), kinds.count("tool_result")
    assert calls == answers == kinds.count("think")
    assert kinds.count("ask") == kinds.count("approved") == 2
    for number, kind in enumerate(kinds):
        if kind == "ask":
            assert kinds[number + 1 : number + 3] == ["approved", "tool_result"]


@DEMOS
def test_a_no_ends_the_job_with_nothing_changed(
    portal: RunningPortal, kit: SyncToolkit, demo: Demo
) -> None:
    transcript = run(demo, kit, approve=False)
    assert portal.journal.writes() == []
    assert transcript.texts("refused")
    assert len(transcript.asked) == 1
    assert "NOT DONE" in transcript.texts("answer")[0]


def test_both_demos_work_one_after_the_other_on_one_portal(
    portal: RunningPortal, kit: SyncToolkit
) -> None:
    done = [run(demo, kit).texts("answer")[0] for demo in (langchain_demo, llama_index_demo)]
    assert [text[:5] for text in done] == ["Done.", "Done."]
    assert portal.journal.count("crm.item.update") == 2


@DEMOS
def test_the_script_follows_the_portals_own_codes(
    portal: RunningPortal, kit: SyncToolkit, demo: Demo
) -> None:
    for row in portal.state.statuses.rows.values():
        if row["ENTITY_ID"] == "DEAL_STAGE" and row["STATUS_ID"] == "PREPAYMENT_INVOICE":
            row["NAME"] = "Waiting for money"
    transcript = run(demo, kit)
    assert transcript.texts("answer")[0].startswith("Done.")


@DEMOS
def test_a_portal_without_a_fitting_deal_is_said_clearly(
    portal: RunningPortal, kit: SyncToolkit, demo: Demo
) -> None:
    for row in portal.state.deals.rows.values():
        row["OPPORTUNITY"] = 0.0
    with pytest.raises(SettingsError, match="no open deal"):
        run(demo, kit)


@DEMOS
@pytest.mark.parametrize("model", ["nonsense", "openai:gpt-x", "nobody:model"])
def test_a_model_that_cannot_be_made_says_what_it_needs(
    kit: SyncToolkit, demo: Demo, model: str
) -> None:
    with pytest.raises(SettingsError, match="model"):
        demo(kit, model=model, approve=lambda _: True, say=lambda *_: None)


# --- the scripted part alone ---------------------------------------------------------------


def test_a_request_of_another_kind_is_declined() -> None:
    assert next_step("What is the weather?", []).answer.startswith("I can only do the demo's job")


def test_an_error_stops_the_job(kit: SyncToolkit) -> None:
    request = pick_request(kit, newest=True)
    failed = Seen(tool="b24_find", args={}, text="FAILED no network", ok=False)
    assert next_step(request, [failed]).answer == "I stopped. FAILED no network"


def test_a_company_that_does_not_exist_is_said(kit: SyncToolkit) -> None:
    request = pick_request(kit, newest=True)
    empty = '<portal-data of="crm.item.list">\n[]\n</portal-data>'
    seen = [
        Seen(tool="b24_find", args={}, text="crm.item.list"),
        Seen(
            tool="b24_call",
            args={"method": "crm.item.list", "params": {"entityTypeId": 4}},
            text=empty,
        ),
    ]
    assert next_step(request, seen).answer.startswith("There is no company called ")
