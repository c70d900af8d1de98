"""run_tool never raises for what a model wrote, and never hands its text back at full length."""

from __future__ import annotations

import pytest

from bitrix24_agent import B24Error

ODD = [
    ("b24_call", {"method": "\ud800"}),
    ("b24_call", {"method": "crm.deal.get", "version": "²"}),
    ("b24_call", {"method": "crm.deal.get", "version": "9" * 5000}),
    ("b24_call", {"method": "crm.deal.get", "version": 10**5000}),
    ("b24_call", {"method": "crm.deal.get", "version": 2.0, "params": {"id": 1}}),
    ("b24_call", {"method": "crm.deal.get", "params": {"id": 10**5000}}),
    ("b24_call", {"method": "crm.deal.get", "params": {"id": "\ud800"}}),
    ("b24_execute", {"plan_id": "\ud800"}),
    ("b24_execute", {"plan_id": "a\0b"}),
    ("b24_more", {"handle": "\ud800.1"}),
    ("b24_more", {"handle": "x.²"}),
    ("b24_describe", {"method": "\ud800"}),
    ("b24_\ud800", {}),
]


@pytest.mark.parametrize(("tool", "arguments"), ODD, ids=range(len(ODD)))
def test_odd_arguments_are_answered_with_a_text(kit, portal, tool, arguments):
    result = kit.run_tool(tool, arguments)
    assert result.is_error
    assert result.text.startswith("FAILED ")
    assert len(result.text) <= 2_000
    assert portal.requests == []
    assert kit.verify_audit().ok


def test_a_known_handle_takes_no_endless_number(kit):
    handle = kit.run_tool("b24_call", {"method": "crm.deal.list"}).handle
    key = handle.partition(".")[0]
    for place in ("9" * 5000, "²", "-1", ""):
        assert kit.run_tool("b24_more", {"handle": f"{key}.{place}"}).is_error
    assert not kit.run_tool("b24_more", {"handle": handle}).is_error


def test_a_name_no_database_could_keep_is_audited_all_the_same(kit):
    for name in ("\ud800", "crm.deal.delete\0"):
        with pytest.raises(B24Error):
            kit.call(name, {})
    assert [entry.method for entry in kit.audit(limit=2)] == ["crm.deal.delete\\0", "\\ud800"]


def test_a_long_spelling_of_a_name_is_not_handed_back(kit):
    spelt = "crm.deal.list?filter[TITLE]=" + "A" * 200_000
    result = kit.run_tool("b24_call", {"method": spelt})
    assert 'of="crm.deal.list"' in result.text
    assert "AAAA" not in result.text


def test_the_next_page_keeps_the_filter_of_the_spelling(kit, portal):
    first = kit.run_tool("b24_call", {"method": "crm.deal.list?filter[>ID]=0"})
    handle = first.handle
    while handle:
        handle = kit.run_tool("b24_more", {"handle": handle}).handle
    assert len(portal.requests) > 1
    assert all(b'">ID"' in request.body for request in portal.requests)
