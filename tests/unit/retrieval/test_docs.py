"""The local index over a checkout of the documentation."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from bitrix24_agent.errors import ReferencesError
from bitrix24_agent.retrieval.docs.index import address, build, changed_pages
from bitrix24_agent.retrieval.docs.search import DocsIndex
from bitrix24_agent.retrieval.docs.split import MAX_TOKENS, Passage, split
from bitrix24_agent.tokens import count

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """# Paint a Fence crm.fence.paint

{% note tip "" %}

Only owners paint fences, whatever the colour of the fence may be today.

{% endnote %}

## Parameters

The colour is a name such as green, or a number of the catalogue of colours.

## Code Examples

{% list tabs %}

- cURL (Webhook)

    ```bash
    curl -d '{"colour":"green"}' https://example.com/rest/crm.fence.paint
    ```

- JS

    ```js
    call('crm.fence.paint', {colour: 'green'})
    ```

{% endlist %}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "api-reference" / "fences").mkdir(parents=True)
    (folder / "_includes").mkdir()
    (folder / "_includes" / "part.md").write_text("included everywhere")
    (folder / "api-reference" / "fences" / "paint.md").write_text(PAGE)
    (folder / "limits.md").write_text(
        "# Limits of Fences\n\nAt most two fences a second are painted on any portal.\n"
    )
    return folder


METHODS = {"api-reference/fences/paint.md": ("crm.fence.paint", "core")}


def test_a_page_is_cut_by_heading_and_samples_by_language() -> None:
    assert split(PAGE) == [
        Passage(
            title="Paint a Fence crm.fence.paint",
            heading="",
            text="Only owners paint fences, whatever the colour of the fence may be today.",
        ),
        Passage(
            title="Paint a Fence crm.fence.paint",
            heading="Parameters",
            text="The colour is a name such as green, or a number of the catalogue of colours.",
        ),
        Passage(
            title="Paint a Fence crm.fence.paint",
            heading="Code Examples > cURL (Webhook)",
            text="""curl -d '{"colour":"green"}' https://example.com/rest/crm.fence.paint""",
            code="bash",
        ),
        Passage(
            title="Paint a Fence crm.fence.paint",
            heading="Code Examples > JS",
            text="call('crm.fence.paint', {colour: 'green'})",
            code="js",
        ),
    ]


def test_a_long_page_is_cut_and_a_page_cut_in_a_sample_still_reads() -> None:
    long = "# T\n\n" + "a line of plain words that says a little\n" * 400
    pieces = split(long)
    assert len(pieces) > 3
    assert max(count(p.text) for p in pieces) <= MAX_TOKENS * 1.1
    torn = split("# T\n\n```js\nlet a = 'a value that stands in a sample cut in the middle'")
    assert [p.text for p in torn] == ["let a = 'a value that stands in a sample cut in the middle'"]
    assert split("") == []


def test_the_index_answers_with_the_address_of_the_page(checkout: Path, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "index.db"
    built = DocsIndex.build(checkout, path, methods=METHODS)
    assert (built.language, built.pages, built.added, built.passages) == ("en", 2, 2, 5)
    with DocsIndex.open(path) as index:
        assert index.editions == {"en": 2}
        best = index.search("green or a number of the catalogue", 1)[0]
        assert best.heading == "Parameters"
        assert best.method == "crm.fence.paint"
        assert best.pack == "core"
        assert best.address == ("https://apidocs.bitrix24.com/api-reference/fences/paint.html")
        assert best.tokens == count(best.text)


def test_filters_and_preferences(checkout: Path, tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    build(checkout, path, methods=METHODS)
    with DocsIndex.open(path) as index:
        assert {f.pack for f in index.search("fences", 9, pack="core")} == {"core"}
        assert index.search("fences", language="ru") == []
        found = index.search("wie streiche ich den Zaun", prefer=["crm.fence.paint"])
        assert {f.method for f in found} == {"crm.fence.paint"}
        assert [f.code for f in index.search("code example js fence paint", 1)] == ["js"]


def test_at_most_two_passages_of_one_page_are_given(checkout: Path, tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    build(checkout, path)
    with DocsIndex.open(path) as index:
        found = index.search("fence paint green colour", 9)
        assert max([f.path for f in found].count(p) for p in {f.path for f in found}) == 2


@pytest.mark.parametrize("query", [
    "", "   ", "\x00", '" OR 1=1 --', "*", "AND NOT (", "a" * 100_000, "fence" * 9_000, "the of",
    "NEAR(a b)", "title:fence", "-fence", "crm.fence.paint",
])  # fmt: skip
def test_no_query_breaks_the_search(checkout: Path, tmp_path: Path, query: str) -> None:
    path = tmp_path / "index.db"
    build(checkout, path)
    with DocsIndex.open(path) as index:
        assert len(index.search(query, 3)) <= 3
        assert index.search(query, 0) == []


def test_only_what_changed_is_read_again(checkout: Path, tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    build(checkout, path)
    again = build(checkout, path)
    assert (again.added, again.changed, again.removed) == (0, 0, 0)
    (checkout / "limits.md").write_text(
        "# Limits of Gates\n\nGates have no limits whatsoever, however many a portal may paint.\n"
    )
    (checkout / "api-reference" / "fences" / "paint.md").unlink()
    (checkout / "api-reference" / "new.md").write_text(
        "# New\n\nA new page about quite new things.\n"
    )
    assert changed_pages(checkout, path) == 3
    built = build(checkout, path)
    assert (built.added, built.changed, built.removed) == (1, 1, 1)
    assert changed_pages(checkout, path) == 0
    with DocsIndex.open(path) as index:
        assert index.search("fences owners") == []
        assert [f.title for f in index.search("gates")] == ["Limits of Gates"]


def test_both_editions_live_in_one_index(checkout: Path, tmp_path: Path) -> None:
    russian = tmp_path / "ru"
    (russian / "api-reference").mkdir(parents=True)
    (russian / "api-reference" / "a.md").write_text(
        "# Покрасить забор\n\nЗабор красит только его владелец, и никто другой на портале.\n"
    )
    path = tmp_path / "index.db"
    build(checkout, path)
    built = build(russian, path)
    assert (built.language, built.pages) == ("ru", 1)
    with DocsIndex.open(path) as index:
        assert index.editions == {"en": 2, "ru": 1}
        found = index.search("кто красит заборы")
        assert [f.address for f in found] == ["https://apidocs.bitrix24.ru/api-reference/a.html"]


def test_a_missing_index_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(ReferencesError, match="bitrix24-agent docs index DIR"):
        DocsIndex.open(tmp_path / "none.db")


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00" + b"\x00" * 200])
def test_a_half_written_or_foreign_file_is_never_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "index.db"
    path.write_bytes(content)
    with pytest.raises(ReferencesError, match="docs index DIR"):
        DocsIndex.open(path)


def test_an_index_of_another_format_is_refused_and_built_anew(
    checkout: Path, tmp_path: Path
) -> None:
    path = tmp_path / "index.db"
    build(checkout, path)
    db = sqlite3.connect(path)
    db.execute("UPDATE meta SET value = 'old'")
    db.commit()
    db.close()
    with pytest.raises(ReferencesError, match="this version"):
        DocsIndex.open(path)
    assert build(checkout, path).added == 2


def test_a_failed_build_leaves_the_old_index_and_no_rubbish(checkout: Path, tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    build(checkout, path)
    before = path.read_bytes()
    (checkout / "limits.md").write_text(
        "# Changed\n\nSomething else is written on this page now.\n"
    )

    def stop(done: int, _of: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(checkout, path, progress=stop)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["docs", "index.db"]


@pytest.mark.parametrize("kind", ["missing", "empty", "other"])
def test_a_folder_that_is_no_documentation_is_refused(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "x"
    if kind != "missing":
        folder.mkdir()
    if kind == "other":
        (folder / "README.md").write_text("# Something else\n")
    with pytest.raises(ReferencesError, match="no checkout of the Bitrix24 REST documentation"):
        build(folder, tmp_path / "index.db")
    assert not (tmp_path / "index.db").exists()


def test_addresses_of_both_editions() -> None:
    assert address("limits.md", "en") == "https://apidocs.bitrix24.com/limits.html"
    assert address("limits.md", "ru") == "https://apidocs.bitrix24.ru/limits.html"
