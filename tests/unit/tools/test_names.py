from __future__ import annotations

import re

import pytest

from bitrix24_agent.errors import ReferencesError
from bitrix24_agent.model import Method, Risk
from bitrix24_agent.tools.build import (
    GATEWAY,
    RESERVED_ARGUMENTS,
    gateway_tools,
    method_tools,
    restore_arguments,
)
from bitrix24_agent.tools.names import name_map


def method(name: str, version: int = 2) -> Method:
    return Method(
        name=name,
        version=version,
        pack="core",
        risk=Risk.READ,
        scopes=(),
        summary="What it does",
        family="x",
        page="x.md",
    )


def test_a_tool_is_named_after_its_method():
    assert list(name_map([method("crm.deal.add")])) == ["b24_crm_deal_add"]


def test_v3_is_marked_only_where_both_versions_exist():
    names = name_map([method("tasks.task.get"), method("tasks.task.get", 3), method("note.add", 3)])
    assert list(names) == ["b24_tasks_task_get", "b24_tasks_task_get_v3", "b24_note_add"]


def test_two_methods_never_share_a_name():
    with pytest.raises(ReferencesError, match=r"a\.b\.c@2 and a\.b_c@2 would both be b24_a_b_c"):
        name_map([method("a.b_c"), method("a.b.c")])


def test_a_long_name_is_cut_and_stays_unique():
    stem = "x" * 70
    names = list(name_map([method(f"{stem}.a"), method(f"{stem}.b")]))
    assert [len(name) for name in names] == [64, 64]
    assert names[0] != names[1]


def test_every_documented_method_has_a_name_every_provider_accepts(refs):
    names = name_map(refs.methods())
    assert len(names) == len(refs.methods())
    assert all(re.fullmatch(r"b24_[A-Za-z0-9_-]{1,60}", name) for name in names)
    assert not set(GATEWAY) & set(names)


def test_the_selection_does_not_change_a_name(refs):
    everything = refs.methods()
    v3 = refs.method("tasks.task.get", 3)
    (tool,) = method_tools([v3], among=everything)
    assert tool.name == "b24_tasks_task_get_v3"


def test_arguments_a_framework_would_swallow_are_renamed_and_restored(refs):
    for tool in method_tools(refs.methods(), among=refs.methods()):
        assert not RESERVED_ARGUMENTS & tool.parameters["properties"].keys()
    assert restore_arguments({"config_": 1, "id_": 2}) == {"config": 1, "id_": 2}


def test_the_gateway_tools_cost_at_most_350_tokens():
    from bitrix24_agent import tokens
    from bitrix24_agent.model import canonical_json

    total = sum(
        tokens.count(f"{t.name} {t.description} {canonical_json(t.parameters)}")
        for t in gateway_tools()
    )
    assert total <= 350
