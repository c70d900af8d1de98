"""What the compiler makes of the page set in tests/fixtures/docs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bitrix24_agent import References, Risk
from bitrix24_agent.compiler.compile import commit_of
from bitrix24_agent.params import Param

COMMIT = "0123456789abcdef0123456789abcdef01234567"

if TYPE_CHECKING:
    from tests.unit.compiler.conftest import Bench


def shown(params: tuple[Param, ...]) -> list[str]:
    return [f"{p.path}: {p.type}{' *' if p.required else ''}" for p in params]


def test_every_documented_method_is_found_with_its_version_pack_and_risk(bench: Bench) -> None:
    bench.compile()
    refs = References.load(bench.out)
    assert [(m.id, m.pack, str(m.risk), m.scopes) for m in refs.methods()] == [
        ("crm.currency.add@2", "core", "write", ("crm",)),
        ("crm.deal.add@2", "core", "write", ("crm",)),
        ("crm.deal.delete@2", "core", "destructive", ("crm",)),
        ("crm.deal.list@2", "core", "read", ("crm",)),
        ("crm.item.add@2", "core", "write", ("crm",)),
        ("crm.lead.add@2", "core", "write", ("crm",)),
        ("entity.rights@2", "platform", "destructive", ("entity",)),
        ("batch@2", "platform", "write", ("basic",)),
        ("methods@2", "platform", "read", ("basic",)),
        ("lists.element.get@2", "core", "read", ("lists",)),
        ("rest.scope.list@3", "platform", "read", ()),
        ("tasks.task.list@2", "core", "read", ("task",)),
        ("tasks.task.list@3", "core", "read", ("tasks",)),
        ("vote.AttachedVote.get@2", "core", "read", ("vote",)),
    ]
    assert refs.index.source == f"bitrix24/b24restdocs @ {bench.commit}"


def test_nested_tables_lists_and_linked_types_become_dotted_paths(bench: Bench) -> None:
    bench.compile()
    method = References.load(bench.out).method("crm.deal.add")
    assert shown(method.params) == [
        "fields: object *",
        "fields.TITLE: string *",
        "fields.STAGE_ID: string",
        "fields.OPENED: string",
        "fields.CLOSEDATE: string",
        "fields.PHONE: object[]",
        "fields.PHONE[].VALUE: string",
        "fields.PHONE[].VALUE_TYPE: string",
        "fields.SOURCE_DESCRIPTION: string",
        "params: object",
        "params.REGISTER_SONET_EVENT: string",
        "params.SILENT: string",
    ]
    assert method.param("fields.STAGE_ID") == Param(
        path="fields.STAGE_ID",
        type="string",
        ref="crm_status",
        source="crm.status.list ENTITY_ID=DEAL_STAGE",
    )
    assert method.param("fields.OPENED") == Param(
        path="fields.OPENED", type="string", enum=("Y", "N"), default="Y", format="Y/N"
    )
    assert method.param("fields.SOURCE_DESCRIPTION") == Param(
        path="fields.SOURCE_DESCRIPTION", type="string", example_only=True
    )
    assert method.param("fields").open
    assert method.param("fields.CLOSEDATE").format == "date"
    assert method.param("fields.PHONE[].VALUE_TYPE").enum == ("WORK", "HOME")


def test_what_stands_under_free_keys_is_written_with_a_key_mark(bench: Bench) -> None:
    bench.compile()
    method = References.load(bench.out).method("crm.currency.add")
    assert shown(method.params) == [
        "fields: object *",
        "fields.CURRENCY: string *",
        "fields.LANG: object",
        "fields.LANG.{key}.FULL_NAME: string *",
        "fields.LANG.{key}.DECIMALS: integer",
    ]


def test_a_filter_takes_several_values_and_more_keys_than_the_table_lists(bench: Bench) -> None:
    bench.compile()
    method = References.load(bench.out).method("crm.deal.list")
    assert shown(method.params) == [
        "select: array",
        "filter: object",
        "filter.STAGE_ID: string|string[]",
        "start: integer",
    ]
    assert method.param("filter").open


def test_alternatives_share_a_group_and_neither_is_required(bench: Bench) -> None:
    bench.compile()
    refs = References.load(bench.out)
    lists = refs.method("lists.element.get").params
    assert [(p.path, p.required, p.group) for p in lists] == [
        ("IBLOCK_ID", False, "IBLOCK_ID/IBLOCK_CODE"),
        ("IBLOCK_CODE", False, "IBLOCK_ID/IBLOCK_CODE"),
    ]
    poll = refs.method("vote.AttachedVote.get").params
    assert [(p.path, p.required, p.group) for p in poll] == [
        ("attachId", False, "attachId/entityId"),
        ("moduleId", False, None),
        ("entityId", False, "attachId/entityId"),
    ]


def test_the_answer_tells_rows_new_ids_keys_paging_and_codes(bench: Bench) -> None:
    bench.compile()
    refs = References.load(bench.out)
    rows = refs.method("crm.deal.list").detail
    assert (rows.returns, rows.paging, rows.keys, rows.audience) == (
        "result[]",
        "start",
        ("ID", "TITLE"),
        "administrator",
    )
    added = refs.method("crm.deal.add").detail
    assert (added.returns, added.id_at, added.errors) == ("result", "result", ("ACCESS_DENIED",))
    assert refs.method("crm.item.add").detail.id_at == "result.item.id"
    assert refs.method("tasks.task.list", 3).detail.paging == "v3"
    assert refs.method("tasks.task.list", 2).detail.returns == "result.tasks[]"
    assert not refs.method("entity.rights").detail.webhook
    assert not refs.method("batch").detail.batchable


def test_superseded_methods_name_their_successor_or_none(bench: Bench) -> None:
    bench.compile()
    refs = References.load(bench.out)
    assert refs.method("crm.deal.add").replaced_by == "crm.item.add"
    assert refs.method("crm.lead.add").replaced_by == "-"
    assert refs.method("crm.item.add").replaced_by is None


def test_plain_markdown_tables_are_read_too(bench: Bench) -> None:
    bench.compile()
    params = References.load(bench.out).method("crm.item.add").params
    assert shown(params)[:2] == ["entityTypeId: integer *", "fields: object *"]


def test_a_title_that_names_another_method_is_told_and_the_address_wins(bench: Bench) -> None:
    report = bench.compile()
    assert ("api-reference/crm/deals/crm-deal-delete.md", 1) in [
        (f.page, f.line) for f in report.findings if "the title names crm.deals.remove" in f.message
    ]


def test_pages_without_a_method_are_listed_with_the_reason(bench: Bench) -> None:
    bench.compile()
    text = (bench.out / "report.md").read_text(encoding="utf-8")
    assert "### function of the BX24 browser library, no REST method (1)" in text
    assert "- api-reference/widgets/bx24-open.md" in text
    assert "### overview of a section (1)" in text


def test_events_are_listed_with_pack_and_payload(bench: Bench) -> None:
    bench.compile()
    assert (
        "| ONCRMDEALADD | core | crm | online, offline |  | data.FIELDS.ID |"
        " api-reference/crm/deals/events/on-crm-deal-add.md |"
    ) in (bench.out / "events.md").read_text(encoding="utf-8")


def test_a_second_compile_gives_the_same_bytes(bench: Bench) -> None:
    bench.compile()
    first = bench.files()
    bench.compile()
    assert bench.files() == first


def test_an_empty_cell_of_the_system_codes_is_never_a_methods_own(bench: Bench) -> None:
    bench.compile()
    assert b"SYSTEM_CODE_OF_EVERY_METHOD" not in b"".join(bench.files().values())


@pytest.mark.parametrize(
    ("head", "packed"),
    [(COMMIT, ""), ("ref: refs/heads/main", f"{COMMIT} refs/heads/main\n")],
)
def test_the_commit_is_read_from_the_checkout(tmp_path: Path, head: str, packed: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(head + "\n")
    (tmp_path / ".git" / "packed-refs").write_text(packed)
    assert commit_of(tmp_path) == COMMIT


def test_a_checkout_without_git_has_no_commit(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None


def test_risks_compare_as_values(bench: Bench) -> None:
    bench.compile()
    assert References.load(bench.out).method("crm.deal.delete").risk is Risk.DESTRUCTIVE
