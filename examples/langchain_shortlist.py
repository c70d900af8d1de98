"""A fixed set of typed tools: the hand-picked methods of one pack, or exactly those you name.

    export B24_WEBHOOK_URL='http://127.0.0.1:8024/rest/1/.../'     # see langchain_agent.py
    python examples/langchain_shortlist.py

For an agent that always does the same kind of work. It costs more a turn than the gateway alone and
saves the turns that look for a method; the costs are printed.
"""

from __future__ import annotations

from _scripted import PROMPT, REQUEST, langchain_model, said_yes
from langchain.agents import create_agent

from bitrix24_agent import Plan, Policy
from langchain_bitrix24 import Bitrix24Toolkit

NAMED = ["b24_crm_item_list", "b24_crm_item_update"]


def at_the_terminal(plan: Plan) -> bool:
    """Decide at once: with an approver no graph interrupt and no checkpointer are needed."""
    # !r: portal text may hold characters that would redraw the terminal
    changes = [f"  {c.path}: {c.before!r} -> {c.after!r}" for c in plan.diff]
    return said_yes("\n".join([plan.summary, *changes]))


def main() -> None:
    """Print what each choice costs, then run an agent on two typed tools."""
    policy = Policy(approver=at_the_terminal)
    with Bitrix24Toolkit.from_env(packs=["core"], policy=policy) as toolkit:
        for expose in ("gateway", "shortlist", "all"):
            number, tokens = len(toolkit.kit.tools(expose)), toolkit.kit.cost(expose)
            print(f"{expose}: {number} tools, about {tokens} tokens a turn")
        agent = create_agent(
            langchain_model(), tools=toolkit.get_tools(NAMED), system_prompt=PROMPT
        )
        state = agent.invoke({"messages": [{"role": "user", "content": REQUEST}]})
        print(state["messages"][-1].text)


if __name__ == "__main__":
    main()
