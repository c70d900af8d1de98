"""Which files are opened, and when."""

from __future__ import annotations

import subprocess
import sys

from bitrix24_agent.retrieval.references import References


def test_loading_opens_the_index_and_nothing_else() -> None:
    assert References.load().opened == ("index.md",)


def test_find_opens_the_vocabulary_and_the_packs_once() -> None:
    refs = References.load()
    refs.find("list deals")
    refs.find("quais tarefas estão atrasadas")
    refs.find("why do I get QUERY_LIMIT_EXCEEDED")
    assert sorted(refs.opened) == ["index.md", "packs.md", "vocabulary.md"]


def test_a_topic_opens_the_deep_reference_only_when_its_section_is_asked_for() -> None:
    refs = References.load()
    finding = refs.find("QUERY_LIMIT_EXCEEDED all the time")
    assert "bitrix24.md" not in refs.opened
    section = refs.section(finding)
    assert section is not None
    assert "QUERY_LIMIT_EXCEEDED" in section
    assert refs.opened.count("bitrix24.md") == 1


def test_no_topic_means_no_deep_reference() -> None:
    refs = References.load()
    assert refs.section(refs.find("list deals")) is None
    assert "bitrix24.md" not in refs.opened


def test_at_most_two_files_are_named_before_the_first_step() -> None:
    refs = References.load()
    requests = ("list deals", "create a deal and add a comment to it", "expired_token", "pizza")
    assert [len(refs.find(text).files) <= 2 for text in requests] == [True] * 4
    assert refs.find("list deals").files == ("catalog-core.md", "methods/crm.item.md")
    assert refs.find("expired_token").files == ("bitrix24.md",)


def test_finding_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from bitrix24_agent.retrieval.references import References\n"
        "References.load().find('list deals')\n"
        "heavy = {'httpx', 'sqlalchemy', 'pydantic', 'sqlite3', 'langchain_core', 'llama_index'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert out.stdout.strip() == "[]"
