"""The commands of a batch, in any of the shapes people and models write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bitrix24_agent.errors import ArgumentsError, B24Error, Problem, UnknownMethodError
from bitrix24_agent.model import Call
from bitrix24_agent.policy.canonical import find, merged, unknown
from bitrix24_agent.policy.names import read_name
from bitrix24_agent.policy.values import (
    REFERENCE,
    has_reference,
    is_false,
    no_twins,
    plain,
    plain_params,
    read_json,
    refused,
)

if TYPE_CHECKING:
    from bitrix24_agent.model import Json
    from bitrix24_agent.policy.port import Catalog

MAX_COMMANDS = 2_500
"""Fifty full requests: what a human can still be asked about, and a portal's pace can carry."""

_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_REFERRED = re.compile(r"\$result\s*\[\s*([^\[\]]*?)\s*\]", re.IGNORECASE)
_SHAPES = 'give {"key": "method?query"}, a list, or objects {"method": ..., "params": {...}}'


def read_batch(
    params: object, *, version: int | None, catalog: Catalog, allow_unlisted: bool = False
) -> Call:
    """Return a batch with every command canonical, in order; it is split when sent.

    ``cmd`` may be an object, a list or JSON text; each command a text ``method?query``, an object
    with ``method`` and ``params`` (v3: ``query``), or a pair. Linked commands (``$result[key]``)
    must name an earlier command, and set ``halt``: without it the portal would run them with the
    reference as plain text.

    Raises:
        UnknownMethodError: A command's method is not documented.
        ArgumentsError: The batch or a command cannot be read, or is itself a batch.
    """
    cmd, halt = _parts(params)
    raw = _keyed(cmd)
    if not raw:
        raise refused("cmd", "holds no commands", _SHAPES)
    if len(raw) > MAX_COMMANDS:
        raise refused("cmd", f"holds {len(raw)} commands", f"give at most {MAX_COMMANDS} at a time")
    read = {key: _command(key, value) for key, value in raw.items()}
    chosen = version or _version(read, catalog)
    commands: dict[str, Call] = {}
    for key, (name, arguments, _) in read.items():
        commands[key] = _call(key, name, arguments, chosen, catalog, allow_unlisted)
    linked = _check_links(commands) if chosen == 2 else False
    return Call(
        method="batch",
        version=chosen,
        params={"halt": 1 if linked or not is_false(halt) else 0} if chosen == 2 else {},
        commands=commands,
    )


def _parts(params: object) -> tuple[Json, Json]:
    """Return ``cmd`` and ``halt`` of a batch's parameters; a bare list is ``cmd`` itself."""
    if isinstance(params, str):
        params = read_json(params, "params")
    if isinstance(params, list | tuple):
        return plain(params, "cmd"), None
    given = plain_params(params)
    by_name = {name.lower(): value for name, value in given.items()}
    extra = [name for name in given if name.lower() not in ("cmd", "halt")]
    if extra:
        raise refused(extra[0], "is no parameter of batch", "it takes cmd and halt")
    if "cmd" not in by_name:
        raise refused("cmd", "is missing", _SHAPES)
    cmd = by_name["cmd"]
    return (plain(read_json(cmd, "cmd"), "cmd") if isinstance(cmd, str) else cmd), by_name.get(
        "halt"
    )


def _keyed(cmd: Json) -> dict[str, Json]:
    if isinstance(cmd, list):
        keyed: dict[str, Json] = {}
        for index, command in enumerate(cmd):
            alias = command.get("as") if isinstance(command, dict) else None
            key = alias if isinstance(alias, str) else str(index)
            if key in keyed:
                raise refused(f"cmd[{index}]", f"the name {key} is given twice")
            keyed[key] = command
    elif isinstance(cmd, dict):
        keyed = cmd
    else:
        raise refused("cmd", "is no list or object of commands", _SHAPES)
    for key in keyed:
        if not _KEY.fullmatch(key):
            raise refused(
                "cmd", f"the key {key!r:.40} is not usable", "use up to 64 letters, digits, _ . -"
            )
    no_twins(keyed, "cmd")
    return keyed


def _command(key: str, value: Json) -> tuple[str, dict[str, Json], bool]:
    """Return name, parameters and whether it has the shape of v3 (``query``)."""
    path = f"cmd.{key}"
    if isinstance(value, str):
        return value, {}, False
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):
        return value[0], _arguments(value[1], path), False
    if not isinstance(value, dict):
        raise refused(path, "is no command", _SHAPES)
    no_twins(value, path)
    parts: dict[str, Any] = {name.lower(): inner for name, inner in value.items()}
    extra = sorted(set(parts) - {"method", "params", "query", "as"})
    if extra:
        raise refused(f"{path}.{extra[0]}", "is no part of a command", _SHAPES)
    if not isinstance(parts.get("method"), str):
        raise refused(f"{path}.method", "is missing", _SHAPES)
    if "params" in parts and "query" in parts:
        raise refused(path, "has params and query", "give one of them")
    return (
        parts["method"],
        _arguments(parts.get("params", parts.get("query")), path),
        "query" in parts,
    )


def _arguments(value: Json, path: str) -> dict[str, Json]:
    if value is None or value == []:
        return {}
    if not isinstance(value, dict):
        raise refused(f"{path}.params", "must be an object")
    no_twins(value, path)
    return value


def _version(read: Mapping[str, tuple[str, dict[str, Json], bool]], catalog: Catalog) -> int:
    """v3 when a command has its shape or exists in v3 only, otherwise v2; never a mixture."""
    for name, _, v3_shape in read.values():
        try:
            spelling = read_name(name)
        except UnknownMethodError:
            continue  # told with its key below
        if v3_shape or spelling.version == 3 or tuple(catalog.versions(spelling.bare)) == (3,):
            return 3
    return 2


def _call(
    key: str,
    name: str,
    arguments: dict[str, Json],
    version: int,
    catalog: Catalog,
    allow_unlisted: bool,
) -> Call:
    path = f"cmd.{key}"
    problem: B24Error
    try:
        spelling = read_name(name)
        if spelling.bare.lower() == "batch":
            raise refused(path, "is a batch itself", "list its commands in this one")
        if spelling.version not in (None, version):
            raise refused(path, f"is v{spelling.version} in a batch of v{version}")
        if spelling.query:
            arguments = merged(arguments, spelling.query)
        method = find(spelling, arguments, version, catalog)
        if method is not None:
            return Call(method=method.name, version=method.version, params=arguments)
        if allow_unlisted and not catalog.versions(spelling.bare):
            return Call(method=spelling.bare, version=version, params=arguments)
        problem = unknown(spelling, version, catalog)
    except UnknownMethodError as error:
        problem = error
    except ArgumentsError as error:
        problem = error
    if isinstance(problem, UnknownMethodError):
        raise UnknownMethodError(
            f"{path}: {problem.message}", name=problem.name, nearest=problem.nearest
        )
    found = [
        p if p.path.startswith(path) else replace(p, path=f"{path}.{p.path}")
        for p in getattr(problem, "problems", ())
    ] or [Problem(path=path, message=problem.message)]
    raise ArgumentsError(str(found[0]), problems=found)


def _check_links(commands: Mapping[str, Call]) -> bool:
    """Whether commands are linked; every reference must name a command before its own.

    Raises:
        ArgumentsError: A reference leads nowhere; the portal would run the command with its literal
        text.
    """
    before: set[str] = set()
    linked = False
    for key, call in commands.items():
        if has_reference(dict(call.params)):
            linked = True
            for text in _texts(dict(call.params)):
                names = _REFERRED.findall(text)
                if len(names) != len(REFERENCE.findall(text)) or not before.issuperset(names):
                    raise refused(
                        f"cmd.{key}",
                        "refers to a command that does not come before it",
                        "write $result[key][...] with the key of an earlier command",
                    )
        before.add(key)
    return linked


def _texts(value: Json) -> list[str]:
    if isinstance(value, str):
        return [value] if has_reference(value) else []
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    return [text for inner in value for text in _texts(inner)] if isinstance(value, list) else []
