from __future__ import annotations

from bitrix24_agent.params import Param, to_schema


def test_nested_paths_become_nested_objects_with_required_names():
    schema = to_schema(
        [
            Param(path="fields", type="object", required=True),
            Param(path="fields.TITLE", type="string", required=True),
            Param(path="fields.STAGE_ID", type="string", ref="crm_status"),
        ]
    )
    assert schema == {
        "type": "object",
        "properties": {
            "fields": {
                "type": "object",
                "properties": {
                    "TITLE": {"type": "string"},
                    "STAGE_ID": {"type": "string", "description": "crm_status"},
                },
                "required": ["TITLE"],
            }
        },
        "required": ["fields"],
    }


def test_elements_of_an_array_are_described_by_items():
    schema = to_schema(
        [
            Param(path="blocks", type="object[]"),
            Param(path="blocks[].id", type="integer", required=True),
            Param(path="blocks[].tags", type="string[]"),
        ]
    )
    assert schema["properties"]["blocks"] == {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "id": {"type": "integer"},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["id"],
        },
    }


def test_a_parent_the_page_leaves_out_is_made():
    schema = to_schema([Param(path="a.b.c", type="integer")])
    assert schema["properties"]["a"]["properties"]["b"]["properties"]["c"] == {"type": "integer"}


def test_alternatives_of_type_become_any_of_and_children_go_to_the_object_part():
    schema = to_schema([Param(path="x", type="string|object"), Param(path="x.id", type="integer")])
    assert schema["properties"]["x"] == {
        "anyOf": [
            {"type": "string"},
            {"type": "object", "properties": {"id": {"type": "integer"}}},
        ]
    }


def test_any_swallows_the_other_alternatives():
    assert to_schema([Param(path="x", type="string|any")])["properties"]["x"] == {}


def test_only_string_enums_are_enums_the_rest_is_told_in_words():
    schema = to_schema(
        [
            Param(path="a", type="string", enum=("Y", "N")),
            Param(path="b", type="integer", enum=("1", "2"), default="1"),
        ]
    )
    assert schema["properties"] == {
        "a": {"type": "string", "enum": ["Y", "N"]},
        "b": {"type": "integer", "description": "one of 1, 2; default 1"},
    }


def test_one_of_a_group_is_not_required_by_itself():
    schema = to_schema(
        [
            Param(path="IBLOCK_ID", type="integer", required=True, group="iblock"),
            Param(path="IBLOCK_CODE", type="string", required=True, group="iblock"),
        ]
    )
    assert "required" not in schema


def test_keys_no_provider_accepts_are_left_out():
    schema = to_schema(
        [Param(path="::SUB", type="object"), Param(path="::SUB.a"), Param(path="ok")]
    )
    assert schema["properties"] == {"ok": {}}


def test_a_dot_inside_a_name_is_escaped():
    param = Param(path=r"fields.a\.b", type="string")
    assert param.segments == ("fields", "a.b")
    assert to_schema([param])["properties"]["fields"]["properties"] == {"a.b": {"type": "string"}}


def test_the_schema_is_fresh_every_time():
    params = [Param(path="a", type="object")]
    first = to_schema(params)
    first["properties"]["a"]["type"] = "broken"
    assert to_schema(params)["properties"]["a"] == {"type": "object", "properties": {}}
