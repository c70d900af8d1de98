"""Check that the documentation's own request examples fit the compiled schemas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bitrix24_agent.compiler import examples
from bitrix24_agent.compiler.pages import read_page
from bitrix24_agent.compiler.settle import ENVELOPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bitrix24_agent.model import Method

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One example: where it stands, and why it is not accepted (None when it is)."""

    method: str
    page: str
    line: int
    problem: str | None = None
    readable: bool = True


def check_examples(docs: Path, methods: Iterable[Method]) -> Iterator[Checked]:
    """Yield every JSON request example of *docs* with what its method's schema says about it.

    Top-level names are matched without regard to case, as the gateway does; below that the
    example must fit as
    it stands. The OAuth token is the client's, not the method's, and is left out.
    """
    for method in methods:
        file = docs / method.page.split("#")[0]
        if not file.is_file():
            continue
        page = read_page(docs, file)
        schema = None
        for example in examples.requests(page, method.name):
            problem = example.reason
            readable = isinstance(example.body, dict)
            if readable:
                schema = schema or method.schema()
                problem = next(problems(schema, canonical(schema, example.body), ""), None)
            elif problem is None:
                problem = "the body is a list: parameters by position"
            yield Checked(
                method=method.id,
                page=method.page,
                line=example.line,
                problem=problem,
                readable=readable,
            )


def canonical(schema: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Return *body* with its top-level names spelled as the schema spells them."""
    properties = schema["properties"]
    folded = {name.lower(): name for name in properties}
    return {
        (name if name in properties else folded.get(name.lower(), name)): value
        for name, value in body.items()
        if name.lower() not in ENVELOPE
    }


def problems(schema: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    """Yield what is wrong with *value* under *schema* (the portable dialect only)."""
    if value == examples.ANY or value is None:
        return
    if "anyOf" in schema:
        options = [list(problems(option, value, path)) for option in schema["anyOf"]]
        if all(options):
            yield min(options, key=len)[0]
        return
    kind = schema.get("type")
    if kind:
        fits = isinstance(value, _TYPES[kind]) and not (
            kind in {"integer", "number"} and isinstance(value, bool)
        )
        if not fits:
            yield f"{path or 'body'}: {type(value).__name__} is not {kind}"
            return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of {', '.join(schema['enum'])}"
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{path}{'.' if path else ''}{name}: required and missing"
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from problems(inner, value[name], f"{path}{'.' if path else ''}{name}")
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            yield from problems(schema["items"], item, f"{path}[{i}]")
