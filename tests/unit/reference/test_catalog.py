from __future__ import annotations

import shutil

import pytest

from bitrix24_agent.errors import ReferencesError, UnknownMethodError
from bitrix24_agent.reference.catalog import Catalog, packaged_folder


def test_only_the_index_is_read_at_first_and_one_family_for_one_method():
    catalog = Catalog.load()
    assert catalog.opened == ("index.md",)
    method = catalog.method("crm.item.list")
    assert method.summary
    assert catalog.opened == ("index.md",)
    assert method.param("entityTypeId") is not None
    assert catalog.opened == ("index.md", f"methods/{method.family}.md")
    assert catalog.method("crm.item.list").params is method.params


def test_every_documented_method_can_be_read(refs):
    methods = refs.methods()
    assert len(methods) > 1_600
    assert {m.version for m in methods} == {2, 3}
    for method in methods:
        assert method.schema()["type"] == "object"
        assert method.pack in refs.packs
        assert method.page.endswith(".md")


def test_every_method_belongs_to_exactly_one_pack(refs):
    assert sum(pack.count for pack in refs.packs.values()) == len(refs.methods())
    assert sum(len(refs.methods(pack)) for pack in refs.packs) == len(refs.methods())


def test_a_method_is_found_whatever_its_case(refs):
    assert refs.method("CRM.Deal.ADD").name == "crm.deal.add"


def test_the_newest_version_is_the_default_and_either_can_be_chosen(refs):
    assert refs.method("tasks.task.get").version == 3
    assert refs.method("tasks.task.get", version=2).version == 2
    assert refs.method("tasks.task.get", version=2) != refs.method("tasks.task.get", version=3)


def test_an_unknown_method_carries_the_nearest_names(refs):
    with pytest.raises(UnknownMethodError) as caught:
        refs.method("crm.deal.lst")
    assert "crm.deal.list" in caught.value.nearest
    assert "nearest: " in str(caught.value)


def test_a_version_that_does_not_exist_names_the_one_that_does(refs):
    with pytest.raises(UnknownMethodError, match="it exists as v2"):
        refs.method("crm.deal.add", version=3)


def test_nonsense_has_no_nearest_name(refs):
    assert refs.nearest("zzzzqqqq") == []
    assert refs.nearest("") == []
    assert refs.nearest("x" * 100_000) == []


def test_an_unknown_pack_names_the_packs(refs):
    with pytest.raises(ReferencesError, match="packs are core, "):
        refs.methods("sales")
    with pytest.raises(ReferencesError, match="there is no pack 'sales'"):
        refs.catalog("sales")


def test_a_folder_that_holds_no_references_says_what_is_expected(tmp_path):
    with pytest.raises(ReferencesError, match="references compile"):
        Catalog.load(tmp_path)


def test_a_missing_family_file_is_told_with_its_path(tmp_path):
    shutil.copy(packaged_folder() / "index.md", tmp_path / "index.md")
    method = Catalog.load(tmp_path).method("crm.deal.add")
    with pytest.raises(ReferencesError, match=r"crm\.deal\.md: cannot be read: No such file"):
        _ = method.params


def test_a_family_file_that_is_no_text_is_told(tmp_path):
    shutil.copy(packaged_folder() / "index.md", tmp_path / "index.md")
    method = Catalog.load(tmp_path).method("crm.deal.add")
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / f"{method.family}.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReferencesError, match="no UTF-8 text"):
        _ = method.params


def test_a_method_listed_twice_is_refused(tmp_path):
    text = (packaged_folder() / "index.md").read_text(encoding="utf-8")
    row = next(line for line in text.split("\n") if line.startswith("| crm.deal.add |"))
    doubled = text.replace(row, f"{row}\n{row}", 1)
    count = len(Catalog.load().index.rows)
    doubled = doubled.replace(f"- methods: {count}", f"- methods: {count + 1}")
    (tmp_path / "index.md").write_text(doubled, encoding="utf-8")
    with pytest.raises(ReferencesError, match=r"crm\.deal\.add \(v2\) is listed twice"):
        Catalog.load(tmp_path).methods()


def test_a_digest_names_the_edition(refs):
    assert len(refs.digest) == 64
    assert refs.digest == Catalog.load().digest
