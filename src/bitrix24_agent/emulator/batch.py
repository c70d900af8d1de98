"""The v2 batch: commands one after another, ``$result[...]`` between them, errors kept apart.

Source: settings/how-to-call-rest-api/batch.md, sdk/b24gosdk/index.md @ 5988ed13; list-shaped
sections as recorded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import registry
from bitrix24_agent.emulator.kernel import Origin
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.wire import php_array, query_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.emulator.kernel import Kernel
    from bitrix24_agent.model import Json

MOST = 50
_REFERENCE = re.compile(r"\$result((?:\[[^\]]+\])+)")
_KEY = re.compile(r"\[([^\]]+)\]")
_MISSING = object()


def run_batch(kernel: Kernel, params: Mapping[str, Json], origin: Origin) -> dict[str, Json]:
    """Run the commands of a batch and return the five sections of its result."""
    lower = {key.lower(): value for key, value in params.items()}
    commands = _commands(lower.get("cmd"))
    halt = registry.is_yes(lower.get("halt"))
    results: dict[str, Json] = {}
    sections: dict[str, dict[str, Json]] = {
        name: {} for name in ("result_error", "result_total", "result_next", "result_time")
    }
    for position, (key, command) in enumerate(commands.items()):
        try:
            reply, spent = _one(kernel, position, key, command, results, origin)
        except Refusal as refusal:
            sections["result_error"][key] = refusal.body()
            if halt:
                break
            continue
        results[key] = reply.result
        sections["result_time"][key] = spent
        if reply.total is not None:
            sections["result_total"][key] = reply.total
        if reply.next is not None:
            sections["result_next"][key] = reply.next
    return {"result": php_array(results)} | {
        name: php_array(entries) for name, entries in sections.items()
    }


def _commands(cmd: Json) -> dict[str, Json]:
    if isinstance(cmd, dict):
        return {str(key): value for key, value in cmd.items()}
    if isinstance(cmd, list):
        return {str(n): value for n, value in enumerate(cmd)}
    return {}


def _one(
    kernel: Kernel,
    position: int,
    key: str,
    command: Json,
    results: Mapping[str, Json],
    origin: Origin,
) -> tuple[registry.Reply, dict[str, Json]]:
    if position >= MOST:
        raise Refusal("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
    name, _, query = str(command).partition("?")
    name = name.strip().strip("/").removesuffix(".json")
    played = registry.find(name, 2)
    if name.lower() == "batch" or (played is not None and not played.batchable):
        raise Refusal(
            "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage", 405
        )
    given = query_parameters(query)
    params = {name: substitute(value, results) for name, value in given.items()}
    fault = kernel.faults.strike(name, 2, in_batch=True)
    inner = Origin(
        credential=origin.credential,
        request=origin.request,
        base_url=origin.base_url,
        command=key,
    )
    if fault is not None and fault.when == "before":
        raise fault.refusal()
    done = kernel.execute(name, 2, params, inner)
    if fault is not None:
        raise fault.refusal()
    return done


def substitute(value: Json, results: Mapping[str, Json]) -> Json:
    """Replace ``$result[key][path]`` by what earlier commands gave.

    A value that is nothing but a reference may become an array; inside other text only scalars are
    put in. When the source command failed or has not run the text stays as it is; a missing key of
    a successful one gives null.
    """
    if isinstance(value, dict):
        return {key: substitute(item, results) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, results) for item in value]
    if not isinstance(value, str) or "$result" not in value:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        found = _look_up(whole, results)
        return value if found is _MISSING else found

    def put(match: re.Match[str]) -> str:
        found = _look_up(match, results)
        if found is _MISSING or isinstance(found, dict | list):
            return match.group(0)
        return "" if found is None else str(found)

    return _REFERENCE.sub(put, value)


def _look_up(match: re.Match[str], results: Mapping[str, Json]) -> Json:
    first, *path = _KEY.findall(match.group(1))
    if first not in results:
        return _MISSING
    found = results[first]
    for part in path:
        if isinstance(found, list):
            found = found[int(part)] if part.isdigit() and int(part) < len(found) else None
        elif isinstance(found, dict):
            found = found.get(part)
        else:
            return None
    return found
