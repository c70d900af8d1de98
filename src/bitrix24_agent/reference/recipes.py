"""Check recipes without running them: methods, parameters, risks and what flows where."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bitrix24_agent.errors import UnknownMethodError
from bitrix24_agent.model import Risk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bitrix24_agent.model import Chain, ChainStep, Method
    from bitrix24_agent.params import Param
    from bitrix24_agent.reference.catalog import Catalog

_REFERENCE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_OPERATOR = re.compile(r"^[!<>=%@*?~+]+")
_OPEN_NAME = re.compile(r"^(?:UF_|PARENT_ID_|PROPERTY_|uf[A-Z]|parentId\d|property\d|n?\d+$)")


def check_chains(catalog: Catalog, chains: Iterable[Chain]) -> Iterator[tuple[int, str]]:
    """Yield line and message of everything in *chains* that cannot work as written."""
    for chain in chains:
        known = set(chain.needs)
        first = True
        for step in chain.steps:
            yield from _step(catalog, chain, step, known, first=first)
            known |= set(step.gives)
            first = False


def _step(
    catalog: Catalog, chain: Chain, step: ChainStep, known: set[str], *, first: bool
) -> Iterator[tuple[int, str]]:
    version = step.version or (2 if catalog.lookup(step.method, 2) else None)
    try:
        method = catalog.method(step.method, version)
    except UnknownMethodError as error:
        yield step.line, error.message
        return
    stated = re.match(r"\((write|destructive)\)", step.note)
    risk = Risk.parse(stated[1]) if stated else Risk.READ
    if method.name != "batch" and method.risk is not risk:
        yield step.line, f"{method.name} is {method.risk}, the step says {risk}"
    if first and method.risk is not Risk.READ and len(chain.steps) > 1:
        yield step.line, f"'{chain.name}' starts with a {method.risk}; read first"
    for name in sorted(set(_references(step.params)) - known):
        yield step.line, f"{{{{{name}}}}} is neither needed nor given by an earlier step"
    used = set(_references(list(step.gives.values())))
    for name in sorted(used - known):
        yield step.line, f"{{{{{name}}}}} is neither needed nor given by an earlier step"
    yield from ((step.line, text) for text in _parameters(method, step))


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _REFERENCE.findall(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _REFERENCE.findall(key)
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _parameters(method: Method, step: ChainStep) -> Iterator[str]:
    if method.name == "batch":
        return
    tops = {p.path.lower(): p for p in method.params if p.top_level}
    wild = [p.path[:-1].lower() for p in tops.values() if p.path.endswith("*")]
    given = {name.lower() for name in step.params}
    for name, value in step.params.items():
        param = tops.get(name.lower())
        if param is None:
            if name.lower() != "start" and not any(name.lower().startswith(w) for w in wild):
                yield f"{method.name} has no parameter {name}"
            continue
        yield from _inside(method, param, value)
    groups: dict[str, bool] = {}
    for param in tops.values():
        if param.group:
            groups[param.group] = groups.get(param.group, False) or param.path.lower() in given
        elif param.required and param.path.lower() not in given:
            yield f"{method.name} needs {param.path}"
    for group, there in groups.items():
        if not there:
            yield f"{method.name} needs one of {group}"


def _inside(method: Method, param: Param, value: Any) -> Iterator[str]:
    """Yield keys of an object that the page does not know, where it lists them all."""
    if not isinstance(value, dict) or param.open:
        return
    prefix = f"{param.path}."
    inner = {
        p.path[len(prefix) :].split(".")[0].removesuffix("[]"): p
        for p in method.params
        if p.path.startswith(prefix)
    }
    if not inner or "{key}" in inner:
        return
    for key, below in value.items():
        name = _OPERATOR.sub("", key)
        if name in inner:
            child = inner[name]
            if child.path == prefix + name:
                yield from _inside(method, child, below)
        elif not _OPEN_NAME.match(name) and not _REFERENCE.search(name):
            yield f"{method.name}: {param.path} has no key {name}"
