"""What people put over the facts, and how two states of the documentation are compared."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from bitrix24_agent import References, Risk
from bitrix24_agent.compiler.compare import compare, try_examples
from bitrix24_agent.params import Param

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.compiler.conftest import Bench


def test_corrections_replace_what_the_page_says(bench: Bench) -> None:
    bench.overlay(
        "| crm.deal.add | 2 | summary | Create a deal |  |",
        "| crm.deal.list | 2 | risk | write: counts the visit | page |",
        "| crm.deal.add | 2 | replaced by | crm.deal.list | page |",
        "| crm.deal.add | 2 | pack | platform | page |",
        "| crm.deal.add | 2 | id | result.id | page |",
        "| crm.deal.add | 2 | returns | result.deal | page |",
        "| crm.deal.add | 2 | batch | refused | page |",
        "| crm.deal.add | 2 | credential | application | page |",
        "| crm.deal.list | 2 | paging |  | page |",
        "| crm.deal.add | 2 | param fields.TITLE | required: no | page |",
        "| crm.deal.add | 2 | param fields.CLOSEDATE | type: string or integer | page |",
        "| crm.deal.add | 2 | param fields.OPENED | details: enum A, B; open | page |",
        "| crm.deal.add | 2 | param fields.PHONE | remove | page |",
        "| crm.deal.add | 2 | param fields.NEW | add: integer; required; ref user | page |",
        "| crm.deal.add | 2 | param extra | add: boolean | page |",
    )
    bench.compile()
    refs = References.load(bench.out)
    method = refs.method("crm.deal.add")
    assert (method.summary, method.pack, method.replaced_by) == (
        "Create a deal",
        "platform",
        "crm.deal.list",
    )
    detail = method.detail
    assert (detail.id_at, detail.returns, detail.batchable, detail.webhook) == (
        "result.id",
        "result.deal",
        False,
        False,
    )
    assert not method.param("fields.TITLE").required
    assert method.param("fields.CLOSEDATE").type == "string|integer"
    assert method.param("fields.OPENED") == Param(
        path="fields.OPENED", type="string", enum=("A", "B"), open=True
    )
    assert method.param("fields.PHONE[].VALUE") is None
    assert method.param("fields.NEW") == Param(
        path="fields.NEW", type="integer", required=True, ref="user"
    )
    paths = [p.path for p in method.params]
    assert paths.index("fields.NEW") < paths.index("params")
    assert paths[-1] == "extra"
    listing = refs.method("crm.deal.list")
    assert (listing.risk, listing.detail.risk_reason, listing.detail.paging) == (
        Risk.WRITE,
        "counts the visit",
        None,
    )


def test_a_corrected_name_is_the_methods_name_everywhere(bench: Bench) -> None:
    bench.overlay("| crm.lead.add | 2 | name | crm.lead.create | page |")
    bench.compile()
    refs = References.load(bench.out)
    assert refs.lookup("crm.lead.create") is not None
    assert refs.lookup("crm.lead.add") is None


def test_nothing_changed_is_nothing_told(bench: Bench) -> None:
    bench.compile()
    changes = compare(bench.docs, bench.out)
    assert (changes.none, changes.lines()) == (True, [])


def test_methods_added_removed_and_changed_are_told(bench: Bench) -> None:
    bench.overlay("| crm.lead.add | 2 | summary | Create a lead |  |")
    bench.compile()
    before = bench.files()
    (bench.docs / "api-reference/crm/outdated/crm-lead-add.md").unlink()
    text = (bench.docs / "api-reference/crm/deals/crm-deal-delete.md").read_text(encoding="utf-8")
    bench.page(
        "api-reference/disk/disk-file-get.md",
        text.replace("crm.deals.remove", "disk.file.get").replace(
            "crm.deal.delete", "disk.file.get"
        ),
    )
    bench.edit("api-reference/crm/deals/crm-deal-delete.md", "**id**^*^", "**dealId**")
    assert compare(bench.docs, bench.out).lines() == [
        "added: disk.file.get@2",
        "removed: crm.lead.add@2",
        "changed: crm.deal.delete@2: new parameters: dealId; no longer required: id",
    ]
    assert bench.files() == before


def test_every_request_example_is_tried_and_the_refused_ones_are_named(bench: Bench) -> None:
    bench.compile()
    tried = try_examples(bench.docs, bench.out)
    assert (len(tried.checked), tried.ok, tried.lines()) == (12, True, [])
    bench.edit("api-reference/crm/deals/crm-deal-delete.md", '{"id":1}', '{"id":"one"}')
    bench.edit("api-reference/lists/lists-element-get.md", '{"IBLOCK_ID":4}', '{"IBLOCK_ID":4')
    tried = try_examples(bench.docs, bench.out)
    assert not tried.ok
    assert [line.split(": ", 1)[1] for line in tried.lines()] == [
        "crm.deal.delete@2: id: str is not integer",
        "lists.element.get@2: not JSON: Expecting ',' delimiter: line 1 column 15 (char 14)",
    ]
    assert tried.summary().startswith("10 of 12 request examples on 12 pages accepted (83.33%)")


@pytest.fixture
def second(bench: Bench, tmp_path: Path) -> Path:
    folder = tmp_path / "second"
    shutil.copytree(bench.docs, folder)
    return folder


def test_two_editions_that_say_the_same_differ_in_nothing(bench: Bench, second: Path) -> None:
    page = second / "api-reference/crm/deals/crm-deal-list.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("**Name**\n`type`", "**Название**\n`тип`"), encoding="utf-8")
    assert bench.compile(second_edition=second).differences == []


def test_differences_of_a_second_edition_are_told_with_page_and_line(
    bench: Bench, second: Path
) -> None:
    page = second / "api-reference/crm/deals/crm-deal-list.md"
    text = page.read_text(encoding="utf-8")
    text = text.replace("**select**\n[`array`]", "**select***\n[`string`]")
    page.write_text(text.replace("**start**", "**begin**"), encoding="utf-8")
    (second / "api-reference/crm/crm-item-add.md").unlink()
    report = bench.compile(second_edition=second)
    assert [(d.page.rsplit("/", 1)[1], d.message) for d in report.differences] == [
        ("crm-item-add.md", "the second edition has no such page"),
        ("crm-deal-list.md", "select is not required here and required there"),
        ("crm-deal-list.md", "select is array here and string there"),
        ("crm-deal-list.md", "start is missing in the second edition"),
        ("crm-deal-list.md", "begin is only in the second edition (line 16)"),
    ]
    assert "## Differences from the second edition" in (bench.out / "report.md").read_text(
        encoding="utf-8"
    )
