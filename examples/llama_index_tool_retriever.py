"""Typed tools chosen as the agent goes: ``FunctionAgent(tool_retriever=...)`` without an index.

    export B24_WEBHOOK_URL='http://127.0.0.1:8024/rest/1/.../'     # see llama_index_agent.py
    python examples/llama_index_tool_retriever.py

The retriever needs no embedding. It returns the gateway tools and what fits the request, loads what
``b24_find`` finds, and never searches by a tool's name as an ObjectIndex would.
"""

from __future__ import annotations

import asyncio

from _scripted import PROMPT, REQUEST, llama_index_llm, said_yes
from llama_index.core.agent.workflow import AgentInput, FunctionAgent, ToolCallResult

from llama_index.tools.bitrix24 import Approval, ApprovalRequired, Bitrix24ToolSpec


async def main() -> None:
    """Run the agent; print the typed tools of each turn and the tools that ran."""
    with Bitrix24ToolSpec.from_env(packs=["core"]) as spec:
        agent = FunctionAgent(
            tool_retriever=spec.tool_retriever(per_request=5, limit=40),
            llm=llama_index_llm(),
            system_prompt=PROMPT,
            streaming=False,
        )
        handler = agent.run(REQUEST)
        async for event in handler.stream_events():
            if isinstance(event, ToolCallResult):
                print("ran", event.tool_name)
            elif isinstance(event, AgentInput):
                print("loaded", await handler.ctx.store.get("b24_tools", default=[]))
            elif isinstance(event, ApprovalRequired):
                approved = await asyncio.to_thread(said_yes, event.description)
                handler.ctx.send_event(Approval(plan_id=event.plan_id, approved=approved))
        print(await handler)


if __name__ == "__main__":
    asyncio.run(main())
