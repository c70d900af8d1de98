"""How to test an agent of your own: a portal over real HTTP, faults on demand, and a witness.

    pip install 'bitrix24-agent[langchain,emulator]' pytest
    pytest examples/test_my_agent.py

Each test asserts on ``portal.journal``, what the portal really ran, and not on what the agent says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from bitrix24_agent.testing import RunningPortal, portal_fixture
from langchain_bitrix24 import Bitrix24Toolkit

portal = pytest.fixture(portal_fixture(deals=10))

CONFIG: Any = {"configurable": {"thread_id": "1"}}
CHANGE = {"entityTypeId": 2, "id": 7, "fields": {"title": "Larger order"}}


@pytest.fixture
def toolkit(portal: RunningPortal, tmp_path: Path) -> Iterator[Bitrix24Toolkit]:
    """Yield the toolkit as the application makes it, with a state database of this test."""
    state = f"sqlite:///{tmp_path / 'state.db'}"
    with Bitrix24Toolkit.from_webhook(portal.url, state=state, limits=None) as made:
        yield made


class Model(GenericFakeChatModel):
    """A model that says what the test wants it to say."""

    def bind_tools(self, *_tools: Any, **_options: Any) -> Any:
        """Accept any tools."""
        return self


def my_agent(toolkit: Bitrix24Toolkit, *calls: dict[str, Any]) -> Any:
    """Build the agent; your own factory goes here, with the model as a parameter."""
    turns = [
        AIMessage("", tool_calls=[{"name": "b24_call", "args": call, "id": f"call_{number}"}])
        for number, call in enumerate(calls)
    ]
    model = Model(messages=iter([*turns, AIMessage("Done.")]))
    return create_agent(model, tools=toolkit.get_tools(), checkpointer=InMemorySaver())


def asked(agent: Any) -> dict[str, Any]:
    """Give the agent its job; it stops at its first write."""
    state: dict[str, Any] = agent.invoke({"messages": [("user", "Rename deal 7")]}, CONFIG)
    return state


def answered(agent: Any, said: str) -> str:
    """Answer the approval and return what the tool told the model."""
    state = agent.invoke(Command(resume={"decisions": [{"type": said}]}), CONFIG)
    results = [m.text for m in state["messages"] if isinstance(m, ToolMessage)]
    return str(results[-1])


def test_a_write_waits_and_runs_once_after_a_yes(
    portal: RunningPortal, toolkit: Bitrix24Toolkit
) -> None:
    agent = my_agent(toolkit, {"method": "crm.item.update", "params": CHANGE})
    assert (
        "crm.item.update"
        in asked(agent)["__interrupt__"][0].value["action_requests"][0]["description"]
    )
    assert portal.journal.writes() == []
    answered(agent, "approve")
    assert portal.journal.count("crm.item.update") == 1
    assert portal.state.deals.rows[7]["TITLE"] == "Larger order"


def test_after_a_no_nothing_is_sent(portal: RunningPortal, toolkit: Bitrix24Toolkit) -> None:
    agent = my_agent(toolkit, {"method": "crm.item.update", "params": CHANGE})
    asked(agent)
    assert answered(agent, "reject").startswith("NOT DONE")
    assert portal.journal.writes() == []


def test_a_lost_answer_is_told_and_the_write_not_repeated(
    portal: RunningPortal, toolkit: Bitrix24Toolkit
) -> None:
    portal.faults.add("crm.item.update", "lost", when="after")  # it ran, the answer is cut off
    agent = my_agent(toolkit, {"method": "crm.item.update", "params": CHANGE})
    asked(agent)
    assert "It may have been done" in answered(agent, "approve")
    assert portal.journal.count("crm.item.update") == 1


def test_a_read_survives_a_portal_that_is_down_for_a_moment(
    portal: RunningPortal, toolkit: Bitrix24Toolkit
) -> None:
    portal.faults.add("crm.item.get", "bad_gateway", times=1)
    read = {"method": "crm.item.get", "params": {"entityTypeId": 2, "id": 7}}
    state = asked(my_agent(toolkit, read))
    assert state["messages"][-1].text == "Done."
    assert [request.status for request in portal.requests] == [502, 200]


def test_a_method_the_model_made_up_never_leaves_the_machine(
    portal: RunningPortal, toolkit: Bitrix24Toolkit
) -> None:
    state = asked(my_agent(toolkit, {"method": "crm.deal.rename", "params": {"id": 7}}))
    assert [m.status for m in state["messages"] if isinstance(m, ToolMessage)] == ["error"]
    assert portal.requests == []
