"""From methods to the tools a model may call: five gateway tools, or one typed tool a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bitrix24_agent.model import Method, Risk, ToolSpec
from bitrix24_agent.tools.names import name_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FIND, DESCRIBE, CALL, MORE, EXECUTE = (
    "b24_find",
    "b24_describe",
    "b24_call",
    "b24_more",
    "b24_execute",
)
GATEWAY = (FIND, DESCRIBE, CALL, MORE, EXECUTE)

# Names a framework swallows, crashes on or treats as its own when a tool has such an argument.
RESERVED_ARGUMENTS = frozenset({"config", "run_manager", "self", "callbacks", "runtime"})


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _find_schema() -> dict[str, Any]:
    return _object(request={"type": "string"}) | {"required": ["request"]}


def _describe_schema() -> dict[str, Any]:
    return _object(
        method={"type": "string"}, version={"type": "integer"}, full={"type": "boolean"}
    ) | {"required": ["method"]}


def _call_schema() -> dict[str, Any]:
    return _object(
        method={"type": "string"},
        params={"type": "object", "properties": {}},
        version={"type": "integer"},
    ) | {"required": ["method"]}


def _more_schema() -> dict[str, Any]:
    return _object(handle={"type": "string"}) | {"required": ["handle"]}


def _execute_schema() -> dict[str, Any]:
    return _object(plan_id={"type": "string"}) | {"required": ["plan_id"]}


def gateway_tools() -> list[ToolSpec]:
    """Return the five tools that reach every method: find, describe, call, more, execute."""
    return [
        ToolSpec(
            name=FIND,
            description="Find Bitrix24 methods for a job, in any language. Use before b24_call.",
            make_schema=_find_schema,
        ),
        ToolSpec(
            name=DESCRIBE,
            description="Show a Bitrix24 method's parameters; full: everything known.",
            make_schema=_describe_schema,
        ),
        ToolSpec(
            name=CALL,
            description="Call a Bitrix24 method. Writes wait for a human's approval.",
            make_schema=_call_schema,
            risk=Risk.DESTRUCTIVE,
        ),
        ToolSpec(
            name=MORE,
            description="Read on in a long answer by its handle.",
            make_schema=_more_schema,
        ),
        ToolSpec(
            name=EXECUTE,
            description="Run a plan that a human has approved.",
            make_schema=_execute_schema,
            risk=Risk.DESTRUCTIVE,
        ),
    ]


def method_tools(methods: Iterable[Method], *, among: Iterable[Method]) -> list[ToolSpec]:
    """Return one typed tool a method; schemas are made when somebody asks for them.

    *among* is the whole catalogue: the version mark in a name must not depend on the selection.
    """
    by_method = {method.id: name for name, method in name_map(among).items()}
    return [
        ToolSpec(
            name=by_method[method.id],
            description=_description(method),
            make_schema=_schema_of(method),
            method=method,
            risk=method.risk,
        )
        for method in methods
    ]


def _description(method: Method) -> str:
    text = f"{method.name}: {method.summary}"
    if method.risk is not Risk.READ:
        text += f" [{method.risk}: waits for approval]"
    if method.replaced_by and method.replaced_by != "-":
        text += f" [superseded by {method.replaced_by}]"
    return " ".join(text.split())[:1024]


def _schema_of(method: Method) -> Callable[[], dict[str, Any]]:
    def make() -> dict[str, Any]:
        schema = method.schema()
        clash = RESERVED_ARGUMENTS & schema["properties"].keys()
        for name in clash:
            schema["properties"][f"{name}_"] = schema["properties"].pop(name)
        if clash and "required" in schema:
            schema["required"] = [f"{n}_" if n in clash else n for n in schema["required"]]
        return schema

    return make


def restore_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Give renamed arguments their documented names back."""
    return {
        name[:-1] if name.endswith("_") and name[:-1] in RESERVED_ARGUMENTS else name: value
        for name, value in arguments.items()
    }
