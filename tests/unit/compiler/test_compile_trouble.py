"""Bad input: told with file and line, and the last good references stay as they were."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bitrix24_agent.errors import ReferencesError
from bitrix24_agent.retrieval.references import References

if TYPE_CHECKING:
    from tests.unit.compiler.conftest import Bench


@pytest.fixture
def good(bench: Bench) -> Bench:
    bench.compile()
    return bench


def refused(bench: Bench, **options: object) -> ReferencesError:
    before = bench.files()
    with pytest.raises(ReferencesError) as caught:
        bench.compile(**options)
    assert bench.files() == before
    return caught.value


def test_a_folder_that_is_no_documentation_is_refused(good: Bench, tmp_path: Path) -> None:
    good.docs = tmp_path / "elsewhere"
    good.docs.mkdir()
    error = refused(good)
    assert (error.file, "no api-reference/ folder here" in error.message) == (str(good.docs), True)


def test_a_folder_without_method_pages_is_refused(good: Bench, tmp_path: Path) -> None:
    good.docs = tmp_path / "elsewhere"
    (good.docs / "api-reference").mkdir(parents=True)
    (good.docs / "api-reference" / "a.md").write_text("# Hello\n")
    assert "only 0 pages here document a method" in refused(good).message


def test_a_page_that_is_no_text_is_refused_with_its_name(good: Bench) -> None:
    file = good.docs / "api-reference" / "crm" / "crm-x-get.md"
    file.write_bytes(b"# \xff\xfe crm.x.get\n")
    error = refused(good)
    assert (error.file, error.line) == (str(file), 1)


def test_a_references_folder_without_packs_is_refused(bench: Bench) -> None:
    (bench.out / "packs.md").unlink()
    assert refused(bench).file == str(bench.out / "packs.md")


def test_a_method_no_pack_wants_is_refused(good: Bench) -> None:
    good.page(
        "api-reference/disk/disk-file-get.md",
        "# One file disk.file.get\n\n> Scope: `disk`\n\n## Method Parameters\n\n## Code Examples\n",
    )
    assert "no pattern fits disk.file.get" in refused(good).message


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "| crm.gone.add | 2 | summary | Gone |  |",
            "crm.gone.add (v2) is not in the documentation",
        ),
        (
            "| crm.deal.add | 3 | summary | Gone |  |",
            "crm.deal.add (v3) is not in the documentation",
        ),
        ("| crm.deal.add | 7 | summary | x |  |", "'7' is no API version"),
        ("| crm.deal.add | 2 | colour | x |  |", "'colour' is no overlay field"),
        (f"| crm.deal.add | 2 | summary | {'x' * 91} |  |", "a summary has 1 to 90 characters"),
        ("| crm.deal.add | 2 | risk | harmless: no |  |", "'harmless' is not a risk"),
        ("| crm.deal.add | 2 | risk | read |  |", "say why"),
        ("| crm.deal.add | 2 | pack | nowhere |  |", "there is no pack 'nowhere'"),
        ("| crm.deal.add | 2 | param fields.X | required: no |  |", "has no parameter fields.X"),
        ("| crm.deal.add | 2 | param fields | required: perhaps |  |", "required is yes or no"),
        ("| crm.deal.add | 2 | param fields | type: colour |  |", "'colour' is no parameter type"),
        ("| crm.deal.add | 2 | param fields | details: shiny |  |", "'shiny' is no known detail"),
        ("| crm.deal.add | 2 | param fields | paint: red |  |", "say required:, type:"),
        ("| crm.deal.add | 2 | summary |", "this row has 3 cells"),
    ],
)
def test_an_overlay_row_that_cannot_apply_is_told_with_file_and_line(
    good: Bench, row: str, message: str
) -> None:
    file = good.overlay("| crm.deal.add | 2 | returns | result | page |", row)
    before = good.files()
    with pytest.raises(ReferencesError) as caught:
        good.compile()
    assert good.files() == before
    assert (caught.value.file, caught.value.line) == (str(file), 6)
    assert message in str(caught.value)


def test_a_field_set_twice_is_refused(good: Bench) -> None:
    good.overlay("| crm.deal.add | 2 | summary | One |  |", name="a.md")
    second = good.overlay("| crm.deal.add | 2 | summary | Two |  |", name="b.md")
    error = refused(good)
    assert (error.file, error.line) == (str(second), 5)


def test_every_bad_row_is_told_at_once(good: Bench) -> None:
    good.overlay(
        "| crm.gone.add | 2 | summary | Gone |  |", "| crm.gone.get | 2 | summary | Gone |  |"
    )
    assert "crm.gone.get (v2)" in refused(good).message


def test_a_file_of_somebody_else_in_a_generated_place_is_kept(good: Bench) -> None:
    mine = good.out / "methods" / "notes.md"
    mine.write_text("# My notes\n")
    error = refused(good)
    assert (error.file, error.line) == (str(mine), 1)


def test_a_folder_that_cannot_be_written_is_left_as_it_was(
    good: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    real = os.replace

    def full(source: object, target: object) -> None:
        if str(target).endswith("index.md") and "new" in str(source):
            raise OSError(28, "No space left on device")
        real(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "replace", full)
    error = refused(good)
    assert "nothing was changed: No space left on device" in error.message
    assert len(References.load(good.out).methods()) == 14


def test_a_second_edition_that_is_none_is_refused(good: Bench, tmp_path: Path) -> None:
    assert "no documentation here" in refused(good, second_edition=tmp_path / "none").message


def test_a_table_cut_in_the_middle_is_told_and_the_rest_is_read(good: Bench) -> None:
    page = "api-reference/crm/deals/crm-deal-list.md"
    text = (good.docs / page).read_text(encoding="utf-8")
    (good.docs / page).write_text(text.replace("|#\n", "", 1), encoding="utf-8")
    report = good.compile()
    assert [(f.page, f.message) for f in report.findings if "without an end" in f.message] == [
        (page, "table without an end")
    ]
    params = References.load(good.out).method("crm.deal.list").params
    assert [p.path for p in params] == ["select", "filter", "filter.STAGE_ID", "start"]


def test_a_row_without_its_end_does_not_swallow_the_next(good: Bench) -> None:
    page = "api-reference/crm/deals/crm-deal-list.md"
    good.edit(page, "| Fields to return ||", "| Fields to return")
    report = good.compile()
    assert "table row without an end" in [f.message for f in report.findings if f.page == page]
    params = References.load(good.out).method("crm.deal.list").params
    assert [p.path for p in params if p.top_level] == ["select", "filter", "start"]


def test_a_second_page_of_the_same_method_is_told_and_the_outdated_one_gives_way(
    good: Bench,
) -> None:
    text = (good.docs / "api-reference/crm/deals/crm-deal-list.md").read_text(encoding="utf-8")
    good.page("api-reference/crm/a-outdated/outdated/crm-deal-list.md", text)
    report = good.compile()
    double = [f.page for f in report.findings if "is already documented by" in f.message]
    assert double == ["api-reference/crm/a-outdated/outdated/crm-deal-list.md"]
    assert References.load(good.out).method("crm.deal.list").page == (
        "api-reference/crm/deals/crm-deal-list.md"
    )


def test_an_example_that_is_no_json_is_told_with_its_line(good: Bench) -> None:
    good.edit("api-reference/crm/deals/crm-deal-list.md", '"start":0}', '"start":0')
    report = good.compile()
    assert [(f.page, f.line) for f in report.findings if "cannot be read" in f.message] == [
        ("api-reference/crm/deals/crm-deal-list.md", 35)
    ]


def test_an_overlay_row_that_is_needed_no_more_is_told(good: Bench) -> None:
    good.overlay("| crm.deal.add | 2 | param fields | required: yes | page |")
    report = good.compile()
    assert [(f.page, f.line) for f in report.findings if "changes nothing" in f.message] == [
        ("overlay/test.md", 5)
    ]


def test_crlf_and_a_page_without_a_heading_do_no_harm(good: Bench) -> None:
    page = good.docs / "api-reference/crm/deals/crm-deal-list.md"
    page.write_bytes(page.read_bytes().replace(b"\n", b"\r\n"))
    good.page("api-reference/empty.md", "")
    before = good.files()["methods/crm.md"]
    good.compile()
    assert good.files()["methods/crm.md"] == before
