"""No framework: tools as a chat completion wants them, and a loop that runs what the model asks.

    bitrix24-agent portal                      # in another terminal; or use a real webhook
    export B24_WEBHOOK_URL='http://127.0.0.1:8024/rest/1/.../'
    python examples/plain_loop.py

With MODEL set it asks any OpenAI-compatible server: MODEL=gpt-5-mini with OPENAI_API_KEY, or
OPENAI_BASE_URL=http://127.0.0.1:11434/v1 MODEL=qwen3 for a model on this machine.
"""

from __future__ import annotations

import getpass
import json
import os
import uuid
from typing import Any

import httpx
from _scripted import PROMPT, REQUEST, openai_message, said_yes

from bitrix24_agent import ConfirmationRequired, SyncToolkit
from bitrix24_agent.model import Caller

TURNS = 20


def main() -> None:
    """Talk to the model until it answers; ask a person before each write."""
    with SyncToolkit.from_env(packs=["core"]) as kit:
        tools = [
            {
                "type": "function",
                "function": {
                    "name": spec.name,
                    "description": spec.description,
                    "parameters": spec.parameters,
                },
            }
            for spec in kit.tools()
        ]
        conversation = uuid.uuid4().hex
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": PROMPT},
            {"role": "user", "content": REQUEST},
        ]
        for _ in range(TURNS):
            message = complete(messages, tools)
            messages.append(message)
            if not message.get("tool_calls"):
                print(message["content"])
                return
            for call in message["tool_calls"]:
                text = run(kit, call, conversation)
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})
        print(f"no answer after {TURNS} turns")


def run(kit: SyncToolkit, call: dict[str, Any], conversation: str) -> str:
    """Run one tool call and return what the model reads; it never raises for the model's faults."""
    name = call["function"]["name"]
    try:
        arguments = json.loads(call["function"]["arguments"] or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        return "FAILED the arguments are no JSON object. Nothing was sent. Correct them."
    # The key makes a repeated tool call answer from the record instead of writing twice.
    caller = Caller(conversation=conversation, key=f"{conversation}/{call['id']}")
    try:
        return kit.run_tool(name, arguments, caller=caller, raise_confirmation=True).text
    except ConfirmationRequired as stop:
        plan_id = stop.plan_id
        # !r: portal text may hold characters that would redraw the terminal
        changes = [f"  {c.path}: {c.before!r} -> {c.after!r}" for c in stop.diff]
        question = "\n".join([stop.summary, *changes])
    if not said_yes(question):
        kit.refuse(plan_id, by=getpass.getuser())
        return "NOT DONE: the user refused it. Nothing was sent. Do not ask again."
    kit.approve(plan_id, by=getpass.getuser())
    return kit.run_tool("b24_execute", {"plan_id": plan_id}, caller=caller).text


def complete(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the model's next message."""
    model = os.environ.get("MODEL")
    if not model:
        return openai_message(messages, tools)
    base = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1").rstrip("/")
    answer = httpx.post(
        f"{base}/chat/completions",
        headers={"Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', '')}"},
        json={"model": model, "messages": messages, "tools": tools},
        timeout=120,
    ).raise_for_status()
    message: dict[str, Any] = answer.json()["choices"][0]["message"]
    return message


if __name__ == "__main__":
    main()
