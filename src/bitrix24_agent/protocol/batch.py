"""Any number of commands as v2 batches that keep their order and never part what is linked."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from bitrix24_agent.errors import ArgumentsError, CallFailedError, NotSentError, Problem
from bitrix24_agent.model import Answer, Call, Risk
from bitrix24_agent.protocol.request import BATCH_SIZE
from bitrix24_agent.protocol.walk import LINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bitrix24_agent.model import Json
    from bitrix24_agent.protocol.flows import Send

REQUEST_S = 25.0
"""What one batch may take by our estimate; the portal cuts it at 60 s (limits.md @ 5988ed13)."""

COMMAND_S = 0.4
"""What a command is taken to cost before the portal told."""

_REFERENCE = re.compile(r"\$result\[([^\]]+)\]")


class Ref(str):
    """A value from an earlier command of the same batch: ``Ref("deal", "ID")``.

    It is the text ``$result[deal][ID]``, so it goes wherever a value goes and survives JSON.

    Source: settings/how-to-call-rest-api/batch.md @ 5988ed13
    """

    __slots__ = ()

    def __new__(cls, command: str, *path: str | int) -> Ref:
        """Return the reference to *path* inside the result of *command*."""
        return super().__new__(cls, "$result" + "".join(f"[{part}]" for part in (command, *path)))


def references(value: Json) -> Iterator[str]:
    """Yield the command keys that *value* refers to, anywhere inside."""
    if isinstance(value, str):
        if "$result[" in value:
            yield from _REFERENCE.findall(value)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from references(inner)


def links(calls: Mapping[str, Call]) -> dict[str, set[str]]:
    """Return command key -> keys of the earlier commands it refers to.

    Raises:
        ArgumentsError: A reference points to no command, or to one that does not run before it:
            the portal would take the text of the reference itself for the value.
    """
    found: dict[str, set[str]] = {}
    earlier: set[str] = set()
    problems: list[Problem] = []
    for key, call in calls.items():
        names = set(references(dict(call.params)))
        for name in sorted(names - earlier):
            what = "comes later" if name in calls else "does not exist"
            hint = f"earlier commands: {', '.join(sorted(earlier)) or 'none'}"
            message = f"$result[{name}] refers to a command that {what}"
            problems.append(Problem(path=key, message=message, hint=hint))
        if names:
            found[key] = names
        earlier.add(key)
    if problems:
        raise ArgumentsError(f"the batch cannot be sent: {problems[0]}", problems=problems)
    return found


def split(
    calls: Mapping[str, Call], *, seconds_of: Callable[[str], float | None] = lambda _method: None
) -> list[dict[str, Call]]:
    """Cut *calls* into batches in their order; a reference never crosses a cut.

    Args:
        calls: Command key -> call.
        seconds_of: What a command of this method takes, or None while unknown.

    Raises:
        ArgumentsError: Linked commands do not fit one batch, or a reference leads nowhere.
    """
    place = {key: number for number, key in enumerate(calls)}
    # a cut in front of command n is allowed when no command from n on refers to one before n
    earliest = {place[key]: min(place[n] for n in names) for key, names in links(calls).items()}
    keys = list(calls)
    allowed: list[bool] = [True] * (len(keys) + 1)
    reach = len(keys)
    for number in range(len(keys) - 1, -1, -1):
        reach = min(reach, earliest.get(number, len(keys)))
        allowed[number] = reach >= number
    parts: list[dict[str, Call]] = []
    start = 0
    while start < len(keys):
        end = _end_of(keys, calls, start, seconds_of)
        cut = next((n for n in range(end, start, -1) if n == len(keys) or allowed[n]), None)
        if cut is None:  # too slow by the estimate, but linked: as many as one request carries
            most = min(len(keys), start + BATCH_SIZE)
            cut = next((n for n in range(end, most + 1) if n == len(keys) or allowed[n]), None)
        if cut is None:
            raise ArgumentsError(
                f"more than {BATCH_SIZE} commands from {keys[start]!r} on are linked by $result; "
                "one batch holds 50, break the chain",
                problems=[Problem(path=keys[start], message="linked commands exceed one batch")],
            )
        parts.append({key: calls[key] for key in keys[start:cut]})
        start = cut
    return parts


async def run_batch(
    send: Send,
    calls: Mapping[str, Call],
    *,
    risk: Risk,
    halt: bool = False,
    seconds_of: Callable[[str], float | None] = lambda _method: None,
) -> Answer:
    """Run *calls* and return every result and every error by command key.

    Reads go at once; anything else goes batch by batch, in order. Linked commands stop at the first
    failure, because the portal would run them with the text of the reference. After a batch whose
    outcome is not known, nothing more is sent.

    Args:
        send: Sends one request.
        calls: Command key -> call.
        risk: The worst of them.
        halt: Stop at the first failure.
        seconds_of: What a command of this method takes, or None while unknown.

    Raises:
        ArgumentsError: No commands, two versions, or references that lead nowhere.
        CallFailedError: The only batch failed as a whole.
    """
    if not calls:
        raise ArgumentsError("a batch needs at least one command")
    versions = {call.version for call in calls.values()}
    if len(versions) > 1:
        raise ArgumentsError("a batch cannot mix methods of version 2 and 3; send two batches")
    batches = [_batch(part, halt=halt) for part in split(calls, seconds_of=seconds_of)]
    if len(batches) == 1:
        return await send(batches[0])
    if risk is Risk.READ and not halt:
        answers = await _at_once(send, batches)
    else:
        answers = await _in_order(send, batches, halt=halt)
    return _merged(calls, answers)


def _end_of(
    keys: Sequence[str],
    calls: Mapping[str, Call],
    start: int,
    seconds_of: Callable[[str], float | None],
) -> int:
    """Return where a batch from *start* should end: at 50 commands, or before it takes too long."""
    spent = 0.0
    for number in range(start, min(len(keys), start + BATCH_SIZE)):
        spent += seconds_of(calls[keys[number]].method) or COMMAND_S
        if spent > REQUEST_S and number > start:
            return number
    return min(len(keys), start + BATCH_SIZE)


def _batch(part: Mapping[str, Call], *, halt: bool) -> Call:
    version = next(iter(part.values())).version
    stop = halt or any(True for call in part.values() for _ in references(dict(call.params)))
    params = {"halt": int(stop)} if version == 2 else {}
    return Call(method="batch", version=version, params=params, commands=part)


async def _at_once(send: Send, batches: Sequence[Call]) -> list[Answer]:
    gate = asyncio.Semaphore(LINES)

    async def one(batch: Call) -> Answer:
        async with gate:
            return await _kept(send, batch)

    tasks = [asyncio.ensure_future(one(batch)) for batch in batches]
    try:
        return [await task for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _in_order(send: Send, batches: Sequence[Call], *, halt: bool) -> list[Answer]:
    answers: list[Answer] = []
    stopped = False
    for batch in batches:
        if stopped:
            answers.append(Answer(failures={key: _not_sent() for key in batch.commands}))
            continue
        answer = await _kept(send, batch)
        answers.append(answer)
        failed_whole = not answer.commands and len(answer.failures) == len(batch.commands)
        stopped = (halt and bool(answer.failures)) or (failed_whole and not answer.raw)
    return answers


async def _kept(send: Send, batch: Call) -> Answer:
    """Send a batch; if it fails as a whole, every command of it failed so."""
    try:
        return await send(batch)
    except CallFailedError as error:
        return Answer(failures=dict.fromkeys(batch.commands, error))


def _not_sent() -> NotSentError:
    return NotSentError(
        "not sent: an earlier batch of the same request failed",
        code="BATCH_HALTED",
        next_step="fix_arguments",
    )


def _merged(calls: Mapping[str, Call], answers: Sequence[Answer]) -> Answer:
    commands = {key: inner for answer in answers for key, inner in answer.commands.items()}
    failures = {key: error for answer in answers for key, error in answer.failures.items()}
    commands = {key: commands[key] for key in calls if key in commands}
    return Answer(
        result={key: answer.result for key, answer in commands.items()},
        commands=commands,
        failures={key: failures[key] for key in calls if key in failures},
    )
