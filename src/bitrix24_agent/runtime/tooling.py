"""Run a tool as a model asked for it: names to methods, answers and errors to short text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
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
from bitrix24_agent.policy.canonical import merged
from bitrix24_agent.policy.names import read_name
from bitrix24_agent.runtime.waiting import Waiting
from bitrix24_agent.tools import build
from bitrix24_agent.tools.answers import Body, Page, body, body_page, rows_page
from bitrix24_agent.tools.names import name_map

if TYPE_CHECKING:
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


MAX_CONVERSATIONS = 256
"""Of how many conversations the shown cards are remembered."""


class ToolRunner:
    """The tools of one toolkit; the rest of a long answer waits in the state store."""

    def __init__(self, kit: Toolkit, handles: Handles) -> None:
        self._kit = kit
        self._handles = handles
        self._seen: dict[str, list[str]] = {}

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
            return await self._dispatch(name, _object(name, arguments), caller)
        except ConfirmationRequired as error:
            waiting = error
        except B24Error as error:
            return ToolResult(text=self.explain(error), is_error=True, error=error)
        if raise_confirmation:
            raise waiting
        try:
            plan = await self._kit.plan(waiting.plan_id)
        except B24Error as error:
            return ToolResult(text=self.explain(error), is_error=True, error=error)
        return ToolResult(text=Waiting.of(plan, hide=self._kit.hide).text, error=waiting)

    async def _dispatch(self, name: str, args: dict[str, Any], caller: Caller) -> ToolResult:
        if name == build.FIND:
            return self._find(_checked(name, args, request=str)["request"], caller)
        if name == build.DESCRIBE:
            args = _checked(name, args, method=str, version=int, full=bool)
            card = self._kit.describe(
                args["method"], args.get("version"), full=args.get("full", False)
            )
            return ToolResult(text=card.text)
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

    def _find(self, request: str, caller: Caller) -> ToolResult:
        """Find methods; a conversation gets the card of a method only once."""
        seen = self._seen.setdefault(caller.conversation or "", [])
        card = self._kit.find(request, seen=seen)
        best = self._kit.search(request, limit=1).hits
        if best and caller.conversation is not None:
            seen.append(best[0].method.id)
        while len(self._seen) > MAX_CONVERSATIONS:
            self._seen.pop(next(iter(self._seen)))
        return ToolResult(text=neutralise(card.text))

    async def _call(
        self, name: str, params: Mapping[str, Any], version: int | None, caller: Caller
    ) -> ToolResult:
        answer = await self._kit.call(name, params, version=version, caller=caller)
        # The answer is marked and kept under the name that was called, not as it was spelt.
        spelling = read_name(name)
        version = version or spelling.version
        method = self._kit.references.lookup(spelling.bare, version)
        return await self._show(
            answer,
            method.name if method else spelling.bare,
            method.version if method else version or 2,
            merged(params, spelling.query) if spelling.query else params,
            caller,
        )

    # --- answers ----------------------------------------------------------------------------------

    async def _show(
        self, answer: Answer, method: str, version: int, params: Mapping[str, Any], caller: Caller
    ) -> ToolResult:
        """Return the first page of *answer*; what does not fit is kept behind a handle."""
        kept = {"method": method, "version": version, "params": dict(params)}
        if answer.rows and not answer.commands and not answer.failures:
            page, onward = rows_page(answer, method, offset=0, clean=neutralise), answer.next
        else:
            # Masked before it is cut, so that no secret can stand across two pages.
            whole = body(answer, clean=neutralise)
            whole = Body(text=self._kit.mask(whole.text), thinned=whole.thinned)
            page, onward = body_page(whole, method, offset=0), None
            kept["body"] = asdict(whole)
        key = None
        if page.rest or onward is not None:
            if "body" not in kept:
                kept["answer"] = self._kit.mask(_shown(answer))
            key = await self._handles.keep(kept, conversation=caller.conversation)
        return self._paged(page, answer, 0, key, onward=onward)

    async def _more(self, handle: str, caller: Caller) -> ToolResult:
        key, _, place = handle.partition(".")
        known = key.isascii()  # what no handle of ours looks like, a database may not even take
        kept = await self._handles.take(key, conversation=caller.conversation) if known else None
        if kept is None or not _is_whole(place):
            raise ArgumentsError(
                f"the handle {handle[:40]!r} is not known any more; make the call again",
                problems=[Problem(path="handle", message="unknown or expired")],
            )
        method, version, offset = kept["method"], kept["version"], int(place)
        if "body" in kept:
            page = body_page(Body(**kept["body"]), method, offset=offset)
            return self._paged(page, None, offset, key, onward=None)
        answer = Answer(**kept["answer"])
        if offset >= len(answer.rows) and answer.next is not None:
            onward = await self._kit.call(
                method,
                {**kept["params"], "start": answer.next},
                version=version,
                caller=Caller(actor=caller.actor, conversation=caller.conversation),
            )
            return await self._show(onward, method, version, kept["params"], caller)
        page = rows_page(answer, method, offset=offset, clean=neutralise)
        return self._paged(page, answer, offset, key, onward=answer.next)

    def _paged(
        self, page: Page, answer: Answer | None, offset: int, key: str | None, *, onward: int | None
    ) -> ToolResult:
        """Return one page; a handle carries its offset, so the same one shows the same page."""
        handle, hint = None, ""
        if key is not None and (page.rest > 0 or onward is not None):
            handle = f"{key}.{offset + page.shown}"
            unit = "rows" if answer is not None and answer.rows else "characters"
            more = f"{page.rest} more {unit} here" if page.rest else f"more {unit}"
            hint = f'\n{more}: b24_more(handle="{handle}").'
        note = f"\n{answer.note}" if answer is not None and answer.note else ""
        return ToolResult(
            text=self._kit.mask(page.text) + hint + note, handle=handle, answer=answer
        )

    # --- errors -----------------------------------------------------------------------------------

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
    """Return what later pages need of an answer with rows."""
    return {"rows": answer.rows, "total": answer.total, "next": answer.next}


def _object(tool: str, arguments: object) -> dict[str, Any]:
    """Return the arguments of a tool; a model may have written anything in their place."""
    if isinstance(arguments, Mapping):
        return dict(arguments)
    raise ArgumentsError(
        f"the arguments of {tool[:80]} should be a JSON object",
        problems=[Problem(path="arguments", message="should be a JSON object")],
    )


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
        if kind is int and isinstance(value, str) and _is_whole(value.strip()):
            value = int(value)
        if kind is bool and isinstance(value, str):
            value = {"true": True, "false": False}.get(value.strip().lower(), value)
        if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
            problems.append(Problem(path=name, message=f"should be {_KINDS[kind]}"))
        checked[name] = value
    if problems:
        raise ArgumentsError("the tool's arguments are wrong", problems=problems)
    return checked


def _is_whole(text: str) -> bool:
    """Whether *text* is a small whole number: ``²`` is a digit too, and thousands of digits are."""
    return text.isascii() and text.isdigit() and len(text) <= 9


_KINDS: dict[type, str] = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    dict: "a JSON object",
}
