"""The lint: whatever two files of the references say differently is found, with file and line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bitrix24_agent.reference.lint import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.compiler.conftest import Bench

CATALOG = """# Pack: {pack}

What to reach for first.

## Shortlist

| method | risk | parameters | why |
|---|---|---|---|
{rows}

## Families

| family | methods | for |
|---|---|---|
{families}
"""

CHAIN = """## {name}

Goal: have it done.
Needs: id (integer) = 1, title (string) = "Pumps"

1. `crm.deal.list` look first
   ```json
   {{"filter": {{"ID": "{{{{id}}}}"}}}}
   ```
   gives: stage = result[0].STAGE_ID
2. `crm.item.add` (write) then write
   ```json
   {{"entityTypeId": 2, "fields": {{"title": "{{{{title}}}}", "stageId": "{{{{stage}}}}"}}}}
   ```
"""

DEEP = """# Deep

## Limits
<!-- topic: limits -->
<!-- triggers: 503 -->

Two a second. [api-reference/index.md]
"""


@pytest.fixture
def sound(bench: Bench) -> Bench:
    rows = "\n".join(
        f"| {name} | 2 | summary | {text} |  |"
        for name, text in (("crm.deal.list", "Find deals"), ("crm.deal.add", "Create a deal"))
    )
    bench.overlay(rows)
    bench.compile()
    shortlist = "| crm.deal.list | read | select, filter, start | find |"
    families = (
        "| crm | 6 | records |\n| lists | 1 | lists |\n| tasks | 2 | tasks |\n| vote | 1 | polls |"
    )
    write(bench, "catalog-core.md", CATALOG.format(pack="core", rows=shortlist, families=families))
    shortlist = "| methods | read | | what there is |"
    families = "| entity | 1 | storage |\n| general | 2 | calls |\n| rest | 1 | scopes |"
    write(
        bench,
        "catalog-platform.md",
        CATALOG.format(pack="platform", rows=shortlist, families=families),
    )
    for pack in ("core", "platform"):
        chains = [CHAIN.format(name=f"Job {i}") for i in range(4)]
        write(bench, f"chains-{pack}.md", f"# Chains: {pack}\n\n" + "\n".join(chains))
    write(bench, "bitrix24.md", DEEP)
    return bench


def write(bench: Bench, name: str, text: str) -> None:
    (bench.out / name).write_text(text, encoding="utf-8")


def edit(bench: Bench, name: str, old: str, new: str) -> None:
    text = (bench.out / name).read_text(encoding="utf-8")
    assert old in text
    write(bench, name, text.replace(old, new, 1))


def lines(bench: Bench, *, docs: bool = False) -> list[str]:
    return [str(f) for f in check(bench.out, bench.docs if docs else None)]


def test_sound_references_have_no_findings(sound: Bench) -> None:
    assert lines(sound, docs=True) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        (
            "methods/crm.md",
            "| fields.TITLE | string | yes |",
            "| fields.TITLE | string |  |",
            "index.md:6: a file in methods/ was edited after it was compiled; corrections go to"
            " overlay/, then compile",
        ),
        ("events.md", "ONCRMDEALADD", "ONCRMDEALGONE", "events.md:1: edited after it was compiled"),
        (
            "methods/crm.md",
            "Find deals",
            "Seek deals",
            "methods/crm.md:63: crm.deal.list: the summary differs from index.md",
        ),
        (
            "index.md",
            "- methods: 14",
            "- methods: 15",
            "index.md:56: the header promises 15 methods",
        ),
        (
            "catalog-core.md",
            "| crm.deal.list | read | select",
            "| crm.deal.lost | read | select",
            "catalog-core.md:9: crm.deal.lost (v2) is not a documented Bitrix24 method",
        ),
        (
            "catalog-core.md",
            "| crm.deal.list | read |",
            "| crm.deal.list | write |",
            "catalog-core.md:9: crm.deal.list is read, the row says write",
        ),
        (
            "catalog-core.md",
            "select, filter, start",
            "select*, filters, start",
            "catalog-core.md:9: crm.deal.list has no parameter filters",
        ),
        (
            "catalog-core.md",
            "select, filter, start",
            "select*, filter, start",
            "catalog-core.md:9: crm.deal.list: select is not required",
        ),
        (
            "catalog-core.md",
            "| crm.deal.list | read | select, filter, start |",
            "| crm.deal.add | write | params |",
            "catalog-core.md:9: crm.deal.add needs fields, the row does not name it",
        ),
        (
            "catalog-core.md",
            "| crm.deal.list | read | select, filter, start |",
            "| crm.deal.add | write | fields* |",
            "catalog-core.md:9: crm.deal.add is deprecated; shortlist crm.item.add instead",
        ),
        (
            "catalog-core.md",
            "| crm | 6 |",
            "| crm | 5 |",
            "catalog-core.md:15: crm has 6 methods here",
        ),
        (
            "catalog-core.md",
            "| vote | 1 |",
            "| poll | 1 |",
            "catalog-core.md:18: the pack has no family",
        ),
        ("catalog-core.md", "What to", "word " * 1100, "catalog-core.md:1: about "),
        (
            "chains-core.md",
            "`crm.deal.list`",
            "`crm.deal.lost`",
            "chains-core.md:8: crm.deal.lost is not a documented Bitrix24 method",
        ),
        (
            "chains-core.md",
            "`crm.item.add` (write)",
            "`crm.item.add`",
            "chains-core.md:13: crm.item.add is write, the step says read",
        ),
        (
            "chains-core.md",
            '"entityTypeId": 2, ',
            "",
            "chains-core.md:13: crm.item.add needs entityTypeId",
        ),
        (
            "chains-core.md",
            '"entityTypeId": 2, ',
            '"entityTypeId": 2, "colour": 1, ',
            "chains-core.md:13: crm.item.add has no parameter colour",
        ),
        (
            "chains-core.md",
            "{{stage}}",
            "{{stages}}",
            "chains-core.md:13: {{stages}} is neither needed nor given by an earlier step",
        ),
        (
            "chains-core.md",
            "1. `crm.deal.list` look first",
            "1. `crm.currency.add` (write) no look",
            "chains-core.md:8: 'Job 0' starts with a write; read first",
        ),
        ("chains-core.md", "## Job 3", "### Job 3", "chains-core.md:1: 3 chains, at least 4"),
        ("bitrix24.md", "Two a second.", "word " * 700, "bitrix24.md:3: 'Limits' has about "),
        (
            "packs.md",
            "`vote.*`",
            "`vote.*`, `disk.*`",
            "packs.md:11: the pattern disk.* of core fits",
        ),
        (
            "packs.md",
            "`entity.*`, ",
            "`entity.*`, `crm.deal.*`, ",
            "index.md:13: crm.deal.add is in core, its pattern says platform; compile again",
        ),
        (
            "overlay/test.md",
            "| Find deals |",
            "| Look for deals |",
            "overlay/test.md:5: crm.deal.list: this summary was not compiled in",
        ),
        (
            "overlay/test.md",
            "| crm.deal.list | 2 | summary | Find deals |",
            "| crm.deal.gone | 2 | summary | Find deals |",
            "overlay/test.md:5: crm.deal.gone (v2) is not in the documentation any more",
        ),
        (
            "overlay/test.md",
            "| crm.deal.list | 2 | summary | Find deals |",
            "| crm.deal.list | 2 | risk | write: counts |",
            "overlay/test.md:5: crm.deal.list is read in index.md and write here",
        ),
        (
            "overlay/test.md",
            "| crm.deal.list | 2 | summary | Find deals |",
            "| crm.deal.list | 2 | param start | required: no |",
            "overlay/test.md:5: crm.deal.list param start: a row without a source",
        ),
    ],
)
def test_each_disagreement_is_found(
    sound: Bench, name: str, old: str, new: str, expected: str
) -> None:
    edit(sound, name, old, new)
    found = lines(sound)
    assert [line for line in found if line.startswith(expected)] != [], found


def test_two_methods_of_a_family_with_one_summary_are_found(sound: Bench) -> None:
    sound.overlay(
        "| crm.deal.list | 2 | summary | Do it |  |", "| crm.deal.add | 2 | summary | Do it |  |"
    )
    sound.compile()
    same = "crm.deal.list@2 has the same summary as crm.deal.add@2: Do it"
    assert lines(sound) == [f"index.md:15: {same}"]


def test_a_successor_nobody_documents_is_found(sound: Bench) -> None:
    sound.overlay("| crm.deal.delete | 2 | replaced by | crm.deal.trash | page |")
    sound.compile()
    assert (
        "index.md:14: crm.deal.delete is replaced by crm.deal.trash, which is no documented method"
        in lines(sound)
    )


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (
            lambda b: (b.docs / "api-reference/crm/crm-item-add.md").unlink(),
            "index.md:16: crm.item.add: api-reference/crm/crm-item-add.md is not in the checkout",
        ),
        (
            lambda b: (b.docs / "api-reference/crm/deals/events/on-crm-deal-add.md").unlink(),
            "events.md:10: ONCRMDEALADD: api-reference/crm/deals/events/on-crm-deal-add.md is not"
            " in the checkout",
        ),
        (
            lambda b: edit(b, "bitrix24.md", "api-reference/index.md", "settings/gone.md"),
            "bitrix24.md:7: settings/gone.md is not in the checkout",
        ),
    ],
)
def test_dead_links_are_found_when_a_checkout_is_given(
    sound: Bench, spoil: Callable[[Bench], object], expected: str
) -> None:
    spoil(sound)
    assert lines(sound) == []
    assert lines(sound, docs=True) == [expected]


def test_a_folder_without_an_index_is_one_finding(sound: Bench) -> None:
    (sound.out / "index.md").unlink()
    (found,) = check(sound.out)
    assert "no index.md here" in found.message


def test_a_missing_catalogue_does_not_hide_the_rest(sound: Bench) -> None:
    (sound.out / "catalog-core.md").unlink()
    edit(sound, "chains-core.md", "{{stage}}", "{{stages}}")
    files = {line.split(":")[0] for line in lines(sound)}
    assert files == {"catalog-core.md", "chains-core.md"}
