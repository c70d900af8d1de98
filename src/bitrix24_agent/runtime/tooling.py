"""Run a tool as a model asked for it: names to methods, answers and errors to short text."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bitrix24_agent.audit.untrusted import neutralise
from bitrix24_agent.errors import (
    ArgumentsError,
    B24Error,
    ConfirmationRequired,
    Problem,
    UnknownMethodError,
)
from bitrix24_agent.model import Answer, Caller, Method, ToolResult
from bitrix24_agent.tools import build
from bitrix24_agent.tools.answers import answer_page, batch_value
from bitrix24_agent.tools.names import name_map

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.model import Json
    from bitrix24_agent.runtime.toolkit import Toolkit
    from bitrix24_agent.state.handles import Handles

_OUTCOMES = {
    "not_sent": "Nothing was sent.",
    "refused": "The portal refused it; nothing was changed.",
    "partial": "Part of it was done.",
    "unknown": "It may have been done: do not repeat it, read back first.",
}
_STEPS = {
    "fix_arguments": "Correct the arguments and call again.",
    "wait": "Wait, then try again.",
    "ask_human": "Ask the user.",
    "choose_other": "Choose another method.",
    "stop": "Stop and report this.",
}


class ToolRunner:
    """The tools of one toolkit; the rest of a long answer waits in the state store."""

    def __init__(self, kit: Toolkit, handles: Handles) -> None:
        self._kit = kit
        self._handles = handles

    @cached_property
    def _by_name(self) -> dict[str, Method]:
        return name_map(self._kit.references.methods())

    async def run(
        self,
        name: str,
        arguments: Mapping[str, Json],
        *,
        caller: Caller,
        raise_confirmation: bool,
    ) -> ToolResult:
        """Run the tool *name*; see ``Toolkit.run_tool``."""
        waiting: ConfirmationRequired | None = None
        try:
            return await self._dispatch(name, dict(arguments), caller)
        except ConfirmationRequired as error:
            waiting = error
        except B24Error as error:
            return ToolResult(text=self.explain(error), is_error=True, error=error)
        if raise_confirmation:
            raise waiting
        return ToolResult(text=self._waiting(waiting), is_error=False, error=waiting)

    async def _dispatch(self, name: str, args: dict[str, Any], caller: Caller) -> ToolResult:
        if name == build.FIND:
            return self._find(_checked(name, args, request=str))
        if name == build.DESCRIBE:
            args = _checked(name, args, method=str, version=int)
            return ToolResult(text=self._kit.describe(args["method"], args.get("version")).text)
        if name == build.CALL:
            args = _checked(name, args, method=str, params=dict, version=int)
            return await self._call(
                args["method"], args.get("params") or {}, args.get("version"), caller
            )
        if name == build.MORE:
            return await self._more(_checked(name, args, handle=str)["handle"], caller)
        if name == build.EXECUTE:
            plan_id = _checked(name, args, plan_id=str)["plan_id"]
            plan = await self._kit.plan(plan_id)
            answer = await self._kit.execute(plan_id, caller=caller)
            return await self._show(answer, plan.call.method, plan.call.version, {}, caller)
        method = self._by_name.get(name)
        if method is None:
            near = [t for t in build.GATEWAY if t[4:6] == name[4:6]] or ["b24_find"]
            raise UnknownMethodError(
                f"there is no tool {name[:80]}; use {' or '.join(near)}", name=name, nearest=near
            )
        return await self._call(method.name, build.restore_arguments(args), method.version, caller)

    def _find(self, args: Mapping[str, Any]) -> ToolResult:
        card = self._kit.find(args["request"])
        return ToolResult(text=neutralise(card.text))

    async def _call(
        self, name: str, params: Mapping[str, Any], version: int | None, caller: Caller
    ) -> ToolResult:
        answer = await self._kit.call(name, params, version=version, caller=caller)
        method = self._kit.references.lookup(name.strip(), version)
        return await self._show(
            answer,
            method.name if method else name,
            method.version if method else version or 2,
            params,
            caller,
        )

    # --- answers ----------------------------------------------------------------------------------

    async def _show(
        self, answer: Answer, method: str, version: int, params: Mapping[str, Any], caller: Caller
    ) -> ToolResult:
        """Return the first page of *answer*; what does not fit is kept behind a handle."""
        page = answer_page(answer, method, offset=0, clean=neutralise)
        handle = None
        if page.rest > 0 or (answer.rows and answer.next is not None):
            kept = {
                "answer": self._kit.mask(_shown(answer)),
                "method": method,
                "version": version,
                "params": dict(params),
            }
            handle = await self._handles.keep(kept, conversation=caller.conversation)
        return self._page(answer, method, 0, handle)

    async def _more(self, handle: str, caller: Caller) -> ToolResult:
        key, _, place = handle.partition(".")
        kept = await self._handles.take(key, conversation=caller.conversation)
        if kept is None or not (place.isdigit() and place.isascii()):
            raise ArgumentsError(
                f"the handle {handle[:40]!r} is not known any more; make the call again",
                problems=[Problem(path="handle", message="unknown or expired")],
            )
        answer, offset = Answer(**kept["answer"]), int(place)
        if answer.rows and offset >= len(answer.rows) and answer.next is not None:
            onward = await self._kit.call(
                kept["method"],
                {**kept["params"], "start": answer.next},
                version=kept["version"],
                caller=Caller(actor=caller.actor, conversation=caller.conversation),
            )
            return await self._show(onward, kept["method"], kept["version"], kept["params"], caller)
        return self._page(answer, kept["method"], offset, key)

    def _page(self, answer: Answer, what: str, offset: int, key: str | None) -> ToolResult:
        """Return one page; a handle carries its offset, so the same one shows the same page."""
        page = answer_page(answer, what, offset=offset, clean=neutralise)
        handle, hint = None, ""
        if key is not None and (page.rest > 0 or (answer.rows and answer.next is not None)):
            handle = f"{key}.{offset + page.shown}"
            unit = "rows" if answer.rows else "characters"
            more = f"{page.rest} more {unit} here" if page.rest else f"more {unit}"
            hint = f'\n{more}: b24_more(handle="{handle}").'
        note = f"\n{answer.note}" if answer.note else ""
        return ToolResult(
            text=self._kit.mask(page.text) + hint + note, handle=handle, answer=answer
        )

    # --- errors -----------------------------------------------------------------------------------

    def _waiting(self, error: ConfirmationRequired) -> str:
        changes = "; ".join(
            f"{c.path}: {_brief(c.before)} -> {_brief(c.after)}" for c in error.diff[:8]
        )
        text = (
            f"NOT DONE YET: {error.summary} ({error.risk}) waits for a human's approval. "
            f"Plan {error.plan_id}. {changes + '. ' if changes else ''}"
            f"Tell the user; after the approval call b24_execute."
        )
        return str(self._kit.mask(neutralise(text)))

    def explain(self, error: B24Error) -> str:
        """Return what happened, whether it ran and what to do, in one short line."""
        text = error.message
        if isinstance(error, ArgumentsError) and error.problems:
            text = "; ".join(str(problem) for problem in error.problems[:8])
        if error.code and error.code not in text:
            text = f"{error.code}: {text}"
        wait = f" Retry after {error.retry_after:.0f} s." if error.retry_after else ""
        text = text.rstrip().rstrip(".") + "."
        line = f"FAILED {text} {_OUTCOMES[error.outcome]} {_STEPS[error.next_step]}{wait}"
        return str(self._kit.mask(neutralise(line)))[:2_000]


def _shown(answer: Answer) -> dict[str, Any]:
    """Return what later pages need of *answer*."""
    result = batch_value(answer) if answer.commands or answer.failures else answer.result
    return {
        "result": None if answer.rows else result,
        "rows": answer.rows,
        "total": answer.total,
        "next": answer.next,
    }


def _brief(value: Any) -> str:
    """Return a portal value as one line that cannot be taken for text of ours."""
    text = json.dumps(value, ensure_ascii=False, default=str).replace("<", "\\u003c")
    return text if len(text) <= 80 else text[:77] + "..."


def _checked(tool: str, args: dict[str, Any], **types: type) -> dict[str, Any]:
    """Check a gateway tool's own arguments; the first one is required.

    Raises:
        ArgumentsError: Names every argument that is missing, unknown or of the wrong type.
    """
    problems = [
        Problem(path=name, message="unknown argument", hint=f"{tool} takes {', '.join(types)}")
        for name in args
        if name not in types
    ]
    needed = next(iter(types))
    checked: dict[str, Any] = {}
    for name, kind in types.items():
        value = args.get(name)
        if value is None:
            if name == needed:
                problems.append(Problem(path=name, message="is missing"))
            continue
        if kind is int and isinstance(value, str) and value.strip().isdigit():
            value = int(value)
        if not isinstance(value, kind) or isinstance(value, bool):
            problems.append(Problem(path=name, message=f"should be a {_KINDS[kind]}"))
        checked[name] = value
    if problems:
        raise ArgumentsError("the tool's arguments are wrong", problems=problems)
    return checked


_KINDS: dict[type, str] = {str: "string", int: "whole number", dict: "JSON object"}
