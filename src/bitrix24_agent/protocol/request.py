"""A call -> the body to post, without any credential. v2 and v3, single calls and batches."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from bitrix24_agent.errors import ArgumentsError, Problem
from bitrix24_agent.protocol import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bitrix24_agent.model import Call, Json

BATCH_SIZE = 50
"""Commands a batch may hold. Source: limits.md @ 5988ed13"""

CREDENTIAL = "auth"
"""Name of the only field a credential adds to a body. Source: settings/oauth/index.md @ 5988ed13"""

_OPTIONS = frozenset({"filter", "select", "order", "sort", "params"})
_POSITIONAL = re.compile(
    r"(?i)^task\.(item|commentitem|checklistitem|elapseditem|items|planner|ctasks\w*)\."
)
_NOT_SAFE = re.compile(r"[^A-Za-z0-9_.~-]")


def body_of(call: Call, credential: Mapping[str, str]) -> bytes:
    """Return the JSON body of *call* with the *credential* fields added last.

    Raises:
        ArgumentsError: A value is no JSON value, or a batch is empty, nested or over 50 commands.
    """
    if not call.is_batch:
        return text.dumps({**call.params, **credential} if credential else call.params)
    check_batch(call)
    if call.version == 2:
        commands = {
            key: command(inner.method, inner.params) for key, inner in call.commands.items()
        }
        halt = 1 if truthy(call.params.get("halt")) else 0
        return text.dumps({"halt": halt, "cmd": commands, **credential})
    steps = [step_of(key, inner) for key, inner in call.commands.items()]
    if not credential:
        return text.dumps(steps)
    # Where a token goes beside an array is not documented; the vendor's SDK sends the array as an
    # object.
    # Source: js: packages/jssdk/src/core/http/abstract-http.ts
    return text.dumps({**{str(n): step for n, step in enumerate(steps)}, **credential})


def check_batch(call: Call) -> None:
    """Raise ArgumentsError unless *call* is a batch that one request can carry."""
    if not call.commands:
        raise _refused("commands", "a batch needs at least one command")
    if len(call.commands) > BATCH_SIZE:
        raise _refused(
            "commands", f"{len(call.commands)} commands; one request carries {BATCH_SIZE}"
        )
    for key, inner in call.commands.items():
        if inner.is_batch:
            raise _refused(f"commands.{key}", "a batch cannot hold a batch")
        if inner.version != call.version:
            raise _refused(
                f"commands.{key}", f"{inner.id} cannot run in a version {call.version} batch"
            )


def step_of(key: str, call: Call) -> dict[str, Json]:
    """Return one element of a v3 batch, with an alias that later steps can refer to.

    Source: api-reference/rest-v3.md @ 5988ed13; aliases: js:
    packages/jssdk/src/tools/batch-ref-v3.ts
    """
    step: dict[str, Json] = {"method": call.method, "query": dict(call.params)}
    if not key.isdigit():
        step["as"] = key
    return step


def command(method: str, params: Mapping[str, Json]) -> str:
    """Return a v2 batch command, ``method?query``, meaning what the parameters mean in a JSON body.

    A query knows only text and arrays, so three values are translated (divergence: a strict method
    can tell): true and false become 1 and 0; null inside a structure becomes an empty value, and at
    the top level it is left out, as a missing parameter is what null means there; an empty list or
    object becomes an array with one empty value, except the options of list methods (filter,
    select, order), where empty and missing are the same.

    Source: settings/how-to-call-rest-api/data-encoding.md @ 5988ed13
    """
    text.check(params)
    positional = _POSITIONAL.match(method) is not None
    parts: list[str] = []
    for name, value in params.items():
        if not positional:
            if value is None:
                continue
            if not value and isinstance(value, dict | list | tuple) and name.lower() in _OPTIONS:
                continue
        parts.extend(_pairs(_escape(name), value))
    return f"{method}?{'&'.join(parts)}" if parts else method


def _pairs(name: str, value: Json) -> Iterator[str]:
    """Yield ``name=value`` pairs of one parameter in PHP's bracket notation."""
    if isinstance(value, dict):
        if not value:
            yield f"{name}[]="
        for key, inner in value.items():
            yield from _pairs(f"{name}[{_escape(key)}]", inner)
    elif isinstance(value, list | tuple):
        if not value:
            yield f"{name}[]="
        for place, inner in enumerate(value):
            if type(inner) is int:  # ids by the thousand
                yield f"{name}[{place}]={inner}"
            else:
                yield from _pairs(f"{name}[{place}]", inner)
    else:
        yield f"{name}={_scalar(value)}"


def _scalar(value: Json) -> str:
    if value is None:
        return ""
    if value is True:
        return "1"
    if value is False:
        return "0"
    if isinstance(value, str):
        return _escape(value)
    return _escape(repr(value) if isinstance(value, float) else str(value))


def _escape(value: str) -> str:
    return quote(value, safe="", errors="surrogatepass") if _NOT_SAFE.search(value) else value


def truthy(value: Json) -> bool:
    """Return whether a flag such as ``halt`` is on, in any of its spellings."""
    return str(value).lower() in ("1", "true", "y", "yes")


def _refused(path: str, message: str) -> ArgumentsError:
    return ArgumentsError(
        f"the batch cannot be sent: {message}", problems=[Problem(path=path, message=message)]
    )
