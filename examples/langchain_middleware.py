"""Typed tools chosen for each turn: the model sees the gateway and what fits the conversation.

    export B24_WEBHOOK_URL='http://127.0.0.1:8024/rest/1/.../'     # see langchain_agent.py
    python examples/langchain_middleware.py

Typed tools name every parameter, so a model makes fewer mistakes; all of them would cost 200,000
tokens a turn. The middleware adds five for a request and five for each ``b24_find``.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from _scripted import PROMPT, REQUEST, langchain_model, said_yes
from langchain.agents import create_agent
from langchain.agents.middleware import wrap_model_call
from langchain_core.messages.utils import count_tokens_approximately
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from langchain_bitrix24 import Bitrix24Middleware, Bitrix24Toolkit

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
    from langchain_core.runnables import RunnableConfig


@wrap_model_call
def show_tools(
    request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
) -> ModelResponse[Any]:
    """Print what the model is offered in this turn, and what that costs."""
    names = [getattr(tool, "name", "?") for tool in request.tools]
    tokens = count_tokens_approximately([], tools=request.tools)
    print(f"offered: {len(names)} tools, about {tokens} tokens: {', '.join(names)}")
    return handler(request)


def main() -> None:
    """Run the agent; register no typed Bitrix24 tool with it, the middleware brings them."""
    with Bitrix24Toolkit.from_env(packs=["core"]) as toolkit:
        middleware: list[AgentMiddleware[Any, Any, Any]] = [
            Bitrix24Middleware(toolkit),
            show_tools,
        ]
        agent = create_agent(
            langchain_model(),
            tools=[],
            system_prompt=PROMPT,
            middleware=middleware,
            checkpointer=InMemorySaver(),
        )
        config: RunnableConfig = {"configurable": {"thread_id": uuid.uuid4().hex}}
        state = agent.invoke({"messages": [{"role": "user", "content": REQUEST}]}, config)
        while stops := state.get("__interrupt__"):
            answers = {}
            for stop in stops:
                said = said_yes(stop.value["action_requests"][0]["description"])
                answers[stop.id] = {"decisions": [{"type": "approve" if said else "reject"}]}
            state = agent.invoke(Command(resume=answers), config)
        print(state["messages"][-1].text)


if __name__ == "__main__":
    main()
