"""A LlamaIndex agent on five gateway tools: a write pauses the run until a person answered.

    bitrix24-agent portal                      # in another terminal; or use a real webhook
    export B24_WEBHOOK_URL='http://127.0.0.1:8024/rest/1/.../'
    python examples/llama_index_agent.py       # MODEL=openai:gpt-5-mini for a real model

The question arrives as a workflow event, so it fits a terminal, a web socket or a queue alike.
"""

from __future__ import annotations

import asyncio
import getpass

from _scripted import PROMPT, REQUEST, llama_index_llm, said_yes
from llama_index.core.agent.workflow import FunctionAgent

from llama_index.tools.bitrix24 import Approval, ApprovalRequired, Bitrix24ToolSpec


async def main() -> None:
    """Run the agent, and ask at the terminal each time it wants to write."""
    with Bitrix24ToolSpec.from_env(packs=["core"]) as spec:
        agent = FunctionAgent(
            tools=[*spec.to_tool_list()],
            llm=llama_index_llm(),
            system_prompt=PROMPT,
            streaming=False,
        )
        handler = agent.run(REQUEST)
        async for event in handler.stream_events():
            if isinstance(event, ApprovalRequired):
                approved = await asyncio.to_thread(said_yes, event.description)
                handler.ctx.send_event(
                    Approval(plan_id=event.plan_id, approved=approved, by=getpass.getuser())
                )
        print(await handler)


if __name__ == "__main__":
    asyncio.run(main())
