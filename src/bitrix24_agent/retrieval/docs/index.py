"""Build a local index of the documentation: incremental, and swapped in as a whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bitrix24_agent.errors import ReferencesError
from bitrix24_agent.model import DOCS_ROOT
from bitrix24_agent.retrieval.docs.split import split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FORMAT = "1"
"""Changes when the tables change; an index of another format has to be built again."""

HOW_TO_BUILD = "build it from a checkout of the documentation: `bitrix24-agent docs index DIR`"

_RU_ROOT = "https://apidocs.bitrix24.ru/"
_SKIPPED = ("_includes/", "_assets/", "_images/", ".git/", ".github/")
_NAME = re.compile(r"\b((?:BX24|[a-z][a-z0-9_]*)(?:\.[A-Za-z][A-Za-z0-9_]*)+)\s*$")
_CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
_LATIN = re.compile("[a-z]", re.IGNORECASE)

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE pages (
    id INTEGER PRIMARY KEY, language TEXT NOT NULL, path TEXT NOT NULL, digest TEXT NOT NULL,
    UNIQUE (language, path)
);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY, page INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
    place INTEGER NOT NULL, title TEXT NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL,
    code TEXT NOT NULL, method TEXT NOT NULL, pack TEXT NOT NULL
);
CREATE INDEX passages_page ON passages (page);
CREATE VIRTUAL TABLE words USING fts5 (
    title, heading, text, content='passages', content_rowid='id',
    tokenize="unicode61 remove_diacritics 2"
);
CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN
    INSERT INTO words (rowid, title, heading, text)
    VALUES (new.id, new.title, new.heading, new.text);
END;
CREATE TRIGGER passages_gone AFTER DELETE ON passages BEGIN
    INSERT INTO words (words, rowid, title, heading, text)
    VALUES ('delete', old.id, old.title, old.heading, old.text);
END;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a build did.

    Attributes:
        language: Edition of the folder, ``en`` or ``ru``.
        pages: Pages of this edition in the index now.
        added: Pages read for the first time.
        changed: Pages read again.
        removed: Pages that are gone.
        passages: Passages of all editions in the index now.
    """

    language: str
    pages: int
    added: int
    changed: int
    removed: int
    passages: int


def build(
    folder: str | Path,
    path: str | Path,
    *,
    language: str | None = None,
    methods: Mapping[str, tuple[str, str]] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Built:
    """Bring the index at *path* up to date with the checkout in *folder*; other editions stay.

    The work happens in a copy beside *path* that replaces it at the end, so that a reader sees the
    old index or the new one and never half of it.

    Args:
        folder: Checkout of the English or the Russian edition.
        path: The index file; its folder is created.
        language: ``en`` or ``ru``; found out from the pages when None.
        methods: Page path -> (method name, pack), from the references.
        progress: Called with pages done and pages in all.

    Raises:
        ReferencesError: *folder* holds no documentation, or the index cannot be written.
    """
    source, target = Path(folder), Path(path)
    files = _files(source)
    edition = language or _edition(files)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".docs-index-") as work:
            copy = Path(work) / "index.db"
            with contextlib.closing(_opened(copy, target)) as db:
                built = _update(db, files, edition, methods or {}, progress)
                db.commit()
                db.execute("PRAGMA journal_mode = DELETE")
            copy.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise ReferencesError(f"the index cannot be written: {error}", file=str(target)) from None
    return built


def changed_pages(folder: str | Path, path: str | Path, *, language: str | None = None) -> int:
    """Return how many pages of *folder* are new, changed or gone since the index was built."""
    files = _files(Path(folder))
    edition = language or _edition(files)
    with contextlib.closing(connect(path)) as db:
        known = _known(db, edition)
    gone = len(known.keys() - files.keys())
    return gone + sum(known.get(name, (0, ""))[1] != _digest(file) for name, file in files.items())


def connect(path: str | Path) -> sqlite3.Connection:
    """Open a finished index for reading.

    Raises:
        ReferencesError: There is none, it is not an index, or it has another format; says how to
            build it.
    """
    target = Path(path)
    if not target.is_file():
        raise ReferencesError(f"there is no documentation index; {HOW_TO_BUILD}", file=str(target))
    db = sqlite3.connect(f"{target.resolve().as_uri()}?mode=ro", uri=True)
    try:
        row = db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    except sqlite3.Error:
        row = None
    if row is None or row[0] != FORMAT:
        db.close()
        raise ReferencesError(
            f"this is no documentation index of this version; {HOW_TO_BUILD}", file=str(target)
        )
    return db


def default_index() -> Path:
    """Return where this user's index is, beside other files that can be made again."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    folder = Path(base) if base else Path.home() / ".cache"
    return folder / "bitrix24-agent" / "docs.db"


def address(path: str, language: str) -> str:
    """Return the public address of a page."""
    root = _RU_ROOT if language == "ru" else DOCS_ROOT
    return root + path.removesuffix(".md") + ".html"


# --- one build ------------------------------------------------------------------------------------


def _opened(copy: Path, target: Path) -> sqlite3.Connection:
    """Open the working copy: the present index, or a new one when there is none that fits."""
    db = sqlite3.connect(copy)
    db.execute("PRAGMA journal_mode = MEMORY")
    db.execute("PRAGMA synchronous = OFF")
    try:
        with contextlib.closing(connect(target)) as present:
            present.backup(db)
    except ReferencesError:
        db.executescript(_TABLES)
    db.execute("PRAGMA foreign_keys = ON")
    return db


def _update(
    db: sqlite3.Connection,
    files: Mapping[str, Path],
    edition: str,
    methods: Mapping[str, tuple[str, str]],
    progress: Callable[[int, int], None] | None,
) -> Built:
    known = _known(db, edition)
    gone = known.keys() - files.keys()
    for name in sorted(gone):
        _forget(db, known[name][0])
    added = changed = 0
    for done, (name, file) in enumerate(files.items(), start=1):
        digest = _digest(file)
        page, earlier = known.get(name, (0, ""))
        if digest != earlier:
            if page:
                changed += 1
                _forget(db, page)
            else:
                added += 1
            _store(db, name, edition, digest, file, methods)
        if progress is not None:
            progress(done, len(files))
    db.execute("INSERT INTO words (words) VALUES ('optimize')")
    db.execute("INSERT OR REPLACE INTO meta VALUES ('format', ?)", (FORMAT,))
    passages = db.execute("SELECT count(*) FROM passages").fetchone()[0]
    return Built(
        language=edition,
        pages=len(files),
        added=added,
        changed=changed,
        removed=len(gone),
        passages=passages,
    )


def _known(db: sqlite3.Connection, edition: str) -> dict[str, tuple[int, str]]:
    rows = db.execute("SELECT path, id, digest FROM pages WHERE language = ?", (edition,))
    return {path: (page, digest) for path, page, digest in rows}


def _forget(db: sqlite3.Connection, page: int) -> None:
    db.execute("DELETE FROM passages WHERE page = ?", (page,))
    db.execute("DELETE FROM pages WHERE id = ?", (page,))


def _store(
    db: sqlite3.Connection,
    name: str,
    edition: str,
    digest: str,
    file: Path,
    methods: Mapping[str, tuple[str, str]],
) -> None:
    passages = split(file.read_text(encoding="utf-8", errors="replace"))
    page = db.execute(
        "INSERT INTO pages (language, path, digest) VALUES (?, ?, ?)", (edition, name, digest)
    ).lastrowid
    method, pack = methods.get(name, ("", ""))
    if not method and passages and (found := _NAME.search(passages[0].title)):
        method = found.group(1)
    db.executemany(
        "INSERT INTO passages (page, place, title, heading, text, code, method, pack)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (page, place, p.title, p.heading, p.text, p.code, method, pack)
            for place, p in enumerate(passages)
        ],
    )


# --- the checkout ---------------------------------------------------------------------------------


def _files(folder: Path) -> dict[str, Path]:
    """Return the pages of a checkout by their path, in order."""
    found = dict(_pages(folder)) if (folder / "api-reference").is_dir() else {}
    if not found:
        raise ReferencesError(
            "this is no checkout of the Bitrix24 REST documentation: no pages under api-reference/",
            file=str(folder),
        )
    return found


def _pages(folder: Path) -> Iterator[tuple[str, Path]]:
    for file in sorted(folder.rglob("*.md")):
        name = file.relative_to(folder).as_posix()
        if not name.startswith(_SKIPPED):
            yield name, file


def _edition(files: Mapping[str, Path]) -> str:
    """Tell the Russian edition from the English one by the letters of some pages."""
    sample = "".join(
        file.read_text(encoding="utf-8", errors="replace")[:600]
        for file in list(files.values())[:: max(1, len(files) // 20)]
    )
    return "ru" if 2 * len(_CYRILLIC.findall(sample)) > len(_LATIN.findall(sample)) else "en"


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
