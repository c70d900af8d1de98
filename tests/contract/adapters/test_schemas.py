"""Every method's schema through both frameworks: what a provider would see of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool

from bitrix24_agent import SyncToolkit
from bitrix24_agent.model import ToolSpec
from bitrix24_agent.tools.build import RESERVED_ARGUMENTS
from langchain_bitrix24 import Bitrix24Toolkit
from llama_index.tools.bitrix24 import Bitrix24ToolSpec

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
KEY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
FORBIDDEN = {"additionalProperties", "$ref", "$defs", "default", "const", "oneOf", "title"}
TYPES = {"object", "array", "string", "integer", "number", "boolean"}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SyncToolkit]:
    folder = tmp_path_factory.mktemp("state")
    with SyncToolkit.from_webhook(
        "https://portal.example/rest/1/abcdefghijklmnop/",
        packs="all",
        state=f"sqlite:///{folder}/state.db",
    ) as kit:
        yield kit


@pytest.fixture(scope="module")
def specs(everything: SyncToolkit) -> list[ToolSpec]:
    return everything.tools("all")


def departures(schema: Any, path: str = "") -> list[str]:
    """Where a schema leaves the dialect that every provider accepts."""
    found = [f"{path}: {word}" for word in FORBIDDEN & schema.keys()]
    kind = schema.get("type")
    if kind is None and {"properties", "items", "required"} & schema.keys():
        found.append(f"{path}: structure without a type")  # without any it means "any value"
    if kind is not None and kind not in TYPES:
        found.append(f"{path}: type {kind!r}")
    if kind == "object" and not isinstance(schema.get("properties"), dict):
        found.append(f"{path}: an object without properties")
    if any(not isinstance(value, str) for value in schema.get("enum", [])):
        found.append(f"{path}: an enum of other things than strings")
    if "\n" in schema.get("description", ""):
        found.append(f"{path}: a description of several lines")
    properties = schema.get("properties") or {}
    found += [
        f"{path}: required {r!r} is no property"
        for r in schema.get("required", [])
        if r not in properties
    ]
    for name, inner in properties.items():
        if not KEY.fullmatch(name):
            found.append(f"{path}: key {name!r}")
        found += departures(inner, f"{path}.{name}")
    if "items" in schema:
        found += departures(schema["items"], f"{path}[]")
    for number, inner in enumerate(schema.get("anyOf", [])):
        found += departures(inner, f"{path}|{number}")
    return found


def test_the_whole_api_is_there(specs: list[ToolSpec]) -> None:
    assert len(specs) > 1600


def test_every_schema_keeps_to_the_portable_dialect(specs: list[ToolSpec]) -> None:
    found = {spec.name: problems for spec in specs if (problems := departures(spec.parameters))}
    assert found == {}


def test_every_schema_is_an_object_with_properties(specs: list[ToolSpec]) -> None:
    assert [s.name for s in specs if s.parameters["type"] != "object"] == []


def test_names_are_valid_and_unique(specs: list[ToolSpec]) -> None:
    names = [spec.name for spec in specs]
    assert [name for name in names if not NAME.fullmatch(name)] == []
    assert len(set(names)) == len(names)
    assert "handoff" not in names


def test_no_argument_has_a_name_a_framework_keeps_for_itself(specs: list[ToolSpec]) -> None:
    found = {
        s.name: kept
        for s in specs
        if (kept := RESERVED_ARGUMENTS & s.parameters["properties"].keys())
    }
    assert found == {}


def test_descriptions_are_one_line_of_at_most_1024_characters(specs: list[ToolSpec]) -> None:
    bad = [s.name for s in specs if "\n" in s.description or not 0 < len(s.description) <= 1024]
    assert bad == []


def test_every_schema_is_a_fresh_dict(specs: list[ToolSpec]) -> None:
    for spec in specs[:50]:
        spec.parameters["properties"]["spoiled"] = True
        assert "spoiled" not in spec.parameters["properties"]


def test_langchain_converts_every_tool_unchanged(everything: SyncToolkit) -> None:
    tools = Bitrix24Toolkit(kit=everything, expose="all").get_tools()
    expected = {spec.name: spec.parameters for spec in everything.tools("all")}
    seen = {}
    for tool in tools:
        function = convert_to_openai_tool(tool)["function"]
        seen[function["name"]] = function["parameters"]
    assert seen == expected


def test_llama_index_shows_every_provider_the_same_schema(everything: SyncToolkit) -> None:
    tools = Bitrix24ToolSpec(everything, expose="all").to_tool_list()
    expected = {spec.name: spec.parameters for spec in everything.tools("all")}
    openai = {}
    gemini = {}
    for tool in tools:
        function = tool.metadata.to_openai_tool()["function"]
        openai[function["name"]] = function["parameters"]
        assert tool.metadata.fn_schema is not None
        gemini[function["name"]] = tool.metadata.fn_schema.model_json_schema()
    assert openai == expected
    assert gemini == expected
    json.dumps(openai)
