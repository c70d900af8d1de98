"""Approve in a web page what an agent in another process wants to write.

    export B24_STATE=sqlite:////tmp/b24.db                        # both processes share it
    APPROVER_PASSWORD=... python examples/approvals_in_a_web_app.py page
    B24_WEBHOOK_URL=... python examples/approvals_in_a_web_app.py agent

The page runs where the approver is and holds no credential of the portal: it can decide, and it can
send nothing. The agent cannot decide: keep the password out of its environment, and the state
database out of reach of tools that run code for a model.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import html
import json
import os
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from bitrix24_agent import B24Error, SyncToolkit
from bitrix24_agent.runtime.desk import Desk

if TYPE_CHECKING:
    from bitrix24_agent import Plan

WAIT_S = 600
FORM_KEY = secrets.token_urlsafe()  # another site's form cannot know it


# --- the approver's process -----------------------------------------------------------------------


async def pending() -> list[Plan]:
    """Return the plans that wait for a person."""
    async with Desk(os.environ["B24_STATE"]) as desk:
        return await desk.plans("pending")


async def decide(plan_id: str, *, approved: bool, by: str) -> None:
    """Record one person's answer to one plan."""
    async with Desk(os.environ["B24_STATE"]) as desk:
        await desk.decide(plan_id, approved=approved, by=by)


class Page(BaseHTTPRequestHandler):
    """GET shows what waits; POST decides one plan."""

    def do_GET(self) -> None:
        """Show the pending plans."""
        if self.person():
            cards = "".join(map(card, asyncio.run(pending()))) or "<p>Nothing waits.</p>"
            self.answer(200, f"<!doctype html><title>Approvals</title>{cards}")

    def do_POST(self) -> None:
        """Approve or refuse one plan in the name of the person who is logged in."""
        person = self.person()
        if not person:
            return
        size = int(self.headers.get("Content-Length") or 0)
        sent = parse_qs(self.rfile.read(min(size, 10_000)).decode())
        form = {name: values[0] for name, values in sent.items()}
        if not hmac.compare_digest(form.get("key", ""), FORM_KEY):
            self.answer(403, "this form is not from this page")
            return
        said = form.get("said")
        if said not in ("approve", "refuse"):
            self.answer(400, "say approve or refuse")
            return
        try:
            asyncio.run(decide(form.get("plan", ""), approved=said == "approve", by=person))
        except B24Error as error:  # expired, decided already, unknown
            self.answer(409, html.escape(error.message))
            return
        self.answer(303, "", Location="/")

    def person(self) -> str | None:
        """Return who is logged in, or ask; put your own login here."""
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        try:
            name, _, password = base64.b64decode(given).decode().partition(":")
        except ValueError:
            name = password = ""
        right = hmac.compare_digest(password.encode(), os.environ["APPROVER_PASSWORD"].encode())
        if name and right:
            return name
        self.answer(401, "log in", **{"WWW-Authenticate": 'Basic realm="approvals"'})
        return None

    def answer(self, status: int, body: str, **headers: str) -> None:
        """Send one answer."""
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: object) -> None:
        """Stay quiet; the audit log is the record that counts."""


def card(plan: Plan) -> str:
    """Show one plan: everything in it may have been written by a stranger, so it is escaped."""
    changes = "".join(
        f"<li>{html.escape(' '.join(filter(None, [c.command, c.path])))}: "
        f"{html.escape(f'{json.dumps(c.before)} -> {json.dumps(c.after)}')}</li>"
        for c in plan.diff
    )
    # What is approved is the exact call, so the person who approves it gets to see it whole.
    exact = html.escape(json.dumps(plan.call.plain(), indent=1))
    return (
        f"<form method=post><h2>{html.escape(plan.summary)}</h2><ul>{changes}</ul>"
        f"<p>{html.escape(plan.note)}</p><pre>{exact}</pre>"
        f"<p>{plan.risk}, void after {time.strftime('%H:%M', time.localtime(plan.expires_at))}</p>"
        f"<input type=hidden name=key value={FORM_KEY}>"
        f"<input type=hidden name=plan value={html.escape(plan.id)}>"
        "<button name=said value=approve>Approve</button>"
        "<button name=said value=refuse>Refuse</button></form>"
    )


def page() -> None:
    """Serve the page on this machine; put TLS and your own login in front of it."""
    with ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8025"))), Page) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


# --- the agent's process --------------------------------------------------------------------------


def agent() -> None:
    """Ask for one write, wait until somebody decided, and let the model go on."""
    with SyncToolkit.from_env(packs=["core"]) as kit:
        deals = {"entityTypeId": 2, "filter": {"closed": "N"}, "order": {"id": "DESC"}}
        newest = kit.call("crm.item.list", deals).rows[0]["id"]
        change = {"entityTypeId": 2, "id": newest, "fields": {"probability": 80}}
        asked = kit.run_tool("b24_call", {"method": "crm.item.update", "params": change})
        print(asked.text, flush=True)
        plan_id = getattr(asked.error, "plan_id", None)
        if plan_id is None:
            return
        until = time.monotonic() + WAIT_S
        while kit.plan(plan_id).status == "pending" and time.monotonic() < until:
            time.sleep(1)
        print(kit.run_tool("b24_execute", {"plan_id": plan_id}).text)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["page"]:
            page()
        case ["agent"]:
            agent()
        case _:
            raise SystemExit(__doc__)
