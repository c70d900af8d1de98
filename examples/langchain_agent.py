"""A LangChain agent on five gateway tools: a write interrupts the graph until a person decided.

    bitrix24-agent portal                      # in another terminal; or use a real webhook
    export B24_WEBHOOK_URL='http://127.0.0.1:8024/rest/1/.../'
    python examples/langchain_agent.py         # MODEL=openai:gpt-5-mini for a real model

Every method of the API is within reach for about 200 tokens a turn.
"""

from __future__ import annotations

import getpass
import uuid
from typing import TYPE_CHECKING, Any

from _scripted import PROMPT, REQUEST, langchain_model, said_yes
from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from langchain_bitrix24 import Bitrix24Toolkit

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


def main() -> None:
    """Run the agent, and ask at the terminal each time it wants to write."""
    with Bitrix24Toolkit.from_env(packs=["core"]) as toolkit:
        agent = create_agent(
            langchain_model(),
            tools=toolkit.get_tools(),
            system_prompt=PROMPT,
            checkpointer=InMemorySaver(),  # without one a stopped run cannot be resumed
        )
        config: RunnableConfig = {
            "configurable": {
                "thread_id": uuid.uuid4().hex,
                "b24_actor": "example",  # for whom the agent works, and who approves:
                "b24_approver": getpass.getuser(),  # both end up in the audit
            }
        }
        state = agent.invoke({"messages": [{"role": "user", "content": REQUEST}]}, config)
        while stops := state.get("__interrupt__"):
            state = agent.invoke(Command(resume={s.id: decide(s.value) for s in stops}), config)
        print(state["messages"][-1].text)


def decide(stop: dict[str, Any]) -> dict[str, Any]:
    """Return a person's answer to one write, in the shape LangChain's approval screens use."""
    action = stop["action_requests"][0]
    said = "approve" if said_yes(action["description"]) else "reject"
    return {"decisions": [{"type": said, "plan_id": action["args"]["plan_id"]}]}


if __name__ == "__main__":
    main()
