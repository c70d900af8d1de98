"""A whole list as one flow. Every request goes through *send*.

Whoever passes *send* sees each request before it leaves (the gateway does); nothing here knows a
socket, a credential or a clock.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING

from bitrix24_agent.errors import (
    ArgumentsError,
    OperationTimeError,
    OutcomeUnknownError,
    RateLimitError,
)
from bitrix24_agent.model import Answer, Call
from bitrix24_agent.protocol.idwalk import IdWalk
from bitrix24_agent.protocol.keyset import keyset_for
from bitrix24_agent.protocol.offsetwalk import OffsetWalk
from bitrix24_agent.protocol.steps import steps_for
from bitrix24_agent.protocol.turns import Turn, Turns, turn_to_read
from bitrix24_agent.protocol.walk import COMMANDS, LINES, TRIES

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from bitrix24_agent.model import Json, Method, Row
    from bitrix24_agent.protocol.steps import Steps
    from bitrix24_agent.protocol.walk import Request, Walk

Send = Callable[[Call], Awaitable[Answer]]
Progress = Callable[[int, int | None], None]

ROWS_AHEAD = 120_000
"""Rows asked for or waiting for an earlier page, beyond which no more are asked for: memory."""


def unlimited() -> float:
    """Return how many requests may go now when nobody paces them."""
    return math.inf


async def list_pages(
    send: Send,
    call: Call,
    *,
    method: Method | None = None,
    max_rows: int | None = None,
    on_progress: Progress | None = None,
    checkpoint: MutableMapping[str, Json] | None = None,
    free: Callable[[], float] = unlimited,
) -> AsyncGenerator[list[Row], None]:
    """Yield all rows of a list method in blocks, in the order of the list.

    Args:
        send: Sends one request.
        call: The list call; ``start`` is ours.
        method: Its catalogue entry.
        max_rows: Stop after so many rows.
        on_progress: Called with rows so far and rows in all (None while unknown).
        checkpoint: Filled with where to go on after each block that was taken; a filled one is
            gone on from. JSON-ready.
        free: Requests that may go now.

    Raises:
        PortalError: CURSOR_IGNORED or LIST_INCOMPLETE when the portal lost or repeated rows.
        CallFailedError: A request failed for good; the rows so far are right, go on by
            *checkpoint*.
    """
    if max_rows is not None and max_rows <= 0:
        return
    if call.is_batch:
        raise ArgumentsError("a batch is no list; list one method")
    steps = steps_for(call)
    blocks = (
        _walked(send, _walk_for(call, method, max_rows), checkpoint, free)
        if steps is None
        else _stepped(send, steps)
    )
    done = checkpoint.get("rows", 0) if checkpoint else 0
    try:
        async for block, total in blocks:
            rows = block if max_rows is None else block[: max_rows - done]
            done += len(rows)
            yield rows
            if on_progress is not None:
                on_progress(done, total)
            if max_rows is not None and done >= max_rows:
                return
    finally:
        await blocks.aclose()


def _walk_for(call: Call, method: Method | None, max_rows: int | None) -> Walk:
    most = 1 if method is not None and not method.detail.batchable else COMMANDS
    found = keyset_for(call)
    if found is None:
        return OffsetWalk(call, max_rows=max_rows, most=most)
    keyset, sign = found
    return IdWalk(call, keyset, sign=sign, max_rows=max_rows, most=most)


async def _stepped(send: Send, steps: Steps) -> AsyncGenerator[tuple[list[Row], int | None], None]:
    while (call := steps.ask()) is not None:
        answer = await send(call)
        rows = steps.take(answer)
        if rows:
            yield rows, answer.total


async def _walked(
    send: Send,
    walk: Walk,
    checkpoint: MutableMapping[str, Json] | None,
    free: Callable[[], float],
) -> AsyncGenerator[tuple[list[Row], int | None], None]:
    """Drive a walk: requests in flight, blocks in order, everything stops at the first error."""
    if checkpoint:
        walk.resume(checkpoint)
    else:
        await _begin(send, walk)
    running: dict[asyncio.Task[Answer], tuple[Request, Turn]] = {}
    turns = Turns()
    held: list[tuple[Request, Turn]] = []
    try:
        while True:
            while (block := walk.take()) is not None:
                yield block, walk.total
                if checkpoint is not None:
                    checkpoint.update(walk.mark())
            _launch(send, walk, running, turns, free)
            if not running:
                break
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task.done()]:
                held.append(running.pop(task))
                walk.settle(held[-1][0], task.result())
                del task
                while (block := walk.take()) is not None:
                    held = _handed_on(held)
                    yield block, walk.total
                    if checkpoint is not None:
                        checkpoint.update(walk.mark())
            held = _handed_on(held)
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.gather(*running, return_exceptions=True)
    if (again := walk.count_again()) is not None:
        walk.check(await send(again))


def _handed_on(held: list[tuple[Request, Turn]]) -> list[tuple[Request, Turn]]:
    """End the turns of requests whose rows were all handed on; return the others."""
    left: list[tuple[Request, Turn]] = []
    for request, turn in held:
        if all(part.stretch.state in ("taken", "todo", "asked") for part in request.parts):
            turn.over()
        else:
            left.append((request, turn))
    return left


async def _begin(send: Send, walk: Walk) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            walk.begin(await send(walk.first()))
        except (OperationTimeError, RateLimitError, OutcomeUnknownError) as error:
            # a command inside the batch: the request itself was already repeated by who sends it
            if attempt == TRIES or error.outcome == "not_sent":
                raise
        else:
            return


def _launch(
    send: Send,
    walk: Walk,
    running: dict[asyncio.Task[Answer], tuple[Request, Turn]],
    turns: Turns,
    free: Callable[[], float],
) -> None:
    """Start requests while there is something to ask, somewhere to put it, and leave to go."""
    started = 0  # these have not reached the limiter yet
    while len(running) < LINES and walk.ahead() < ROWS_AHEAD:
        left = free() - started
        if running and left <= -2:
            return  # two already stand in line: a later one can be planned better
        request = walk.next_request(left)
        if request is None:
            return
        turn = turns.take(min(part.stretch.low for part in request.parts))
        running[asyncio.ensure_future(_ask(send, request.call, turn))] = (request, turn)
        started += 1


async def _ask(send: Send, call: Call, turn: Turn) -> Answer:
    """Send a batch; a batch of one goes as a plain call."""
    turn_to_read.set(turn)  # this task's own context
    if len(call.commands) != 1:
        return await send(call)
    ((key, inner),) = call.commands.items()
    answer = await send(inner)
    return Answer(timing=answer.timing, commands={key: answer})
