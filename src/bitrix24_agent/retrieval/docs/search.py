"""Search a local index of the documentation; every passage carries the address of its page."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bitrix24_agent.errors import ReferencesError
from bitrix24_agent.retrieval.docs import index
from bitrix24_agent.retrieval.text import MAX_CHARS
from bitrix24_agent.tokens import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_WORD = re.compile(r"[^\W_]+(?:[._][^\W_]+)*")
_MAX_WORDS = 24
_STEM = {"en": 5, "ru": 4}
_ENDING = 3
_PREFERRED = 6.0
_NAMED = 8.0
_CODE = 1.5
_SHORT = 60
_CANDIDATES = 60
_CODE_WORDS = frozenset(
    "code,example,sample,snippet,curl,php,javascript,js,python,пример,код,сниппет".split(",")  # noqa: SIM905
)
_COMMON = frozenset(
    "the,a,an,of,to,in,on,for,with,and,or,is,are,how,do,i,my,what,which,can,does,from,by,"  # noqa: SIM905
    "как,что,и,в,на,с,по,для,не,из,к,у,о,я,мы,это".split(",")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A passage that fits, best first.

    Attributes:
        title: Heading of the page.
        heading: Headings above the passage.
        text: The passage in the vendor's words; data, not instructions.
        code: Programming language of a sample, or "".
        path: Page inside the checkout.
        place: Number of the passage within its page, from 0.
        address: Public address of the page.
        language: ``en`` or ``ru``.
        method: Method the page describes, or "".
        pack: Pack of that method, or "".
        score: Higher is better; comparable within one search.
        tokens: What the text costs.
    """

    title: str
    heading: str
    text: str
    code: str
    path: str
    place: int
    address: str
    language: str
    method: str
    pack: str
    score: float
    tokens: int


class DocsIndex:
    """A finished index, open for reading; safe to share between threads."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._lock = threading.Lock()
        self.path = path

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open the index at *path*.

        Raises:
            ReferencesError: It is missing, unfinished or of another version; says how to build it.
        """
        index.connect(path).close()
        db = sqlite3.connect(
            f"{Path(path).resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False
        )
        return cls(db, Path(path))

    @staticmethod
    def build(
        folder: str | Path,
        path: str | Path,
        *,
        language: str | None = None,
        methods: Mapping[str, tuple[str, str]] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> index.Built:
        """Build or update the index at *path* from a checkout; see :func:`index.build`."""
        return index.build(folder, path, language=language, methods=methods, progress=progress)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def editions(self) -> dict[str, int]:
        """Pages by language."""
        rows = self._rows("SELECT language, count(*) FROM pages GROUP BY language ORDER BY 1", ())
        return {str(language): int(number) for language, number in rows}

    def search(
        self,
        query: str,
        k: int = 5,
        *,
        language: str | None = None,
        pack: str | None = None,
        prefer: Iterable[str] = (),
    ) -> list[Found]:
        """Return up to *k* passages for *query*, best first; empty when no word of it occurs.

        Args:
            query: Words in the language of the edition, or method names.
            k: Passages at most; at most two come from one page.
            language: Only this edition.
            pack: Only pages about methods of this pack.
            prefer: Method names whose pages come first, for example those of a ``Finding``: they
                carry a question in any language over to either edition.
        """
        words = [w for w in _WORD.findall(query[:MAX_CHARS].lower()) if w not in _COMMON]
        words = list(dict.fromkeys(words))[:_MAX_WORDS]
        preferred = [name.lower() for name in prefer]
        if k < 1 or not (words or preferred):
            return []
        wants_code = bool(_CODE_WORDS.intersection(words))
        found: dict[int, Found] = {}
        for match in self._matches(words, preferred):
            for row in self._candidates(match, language, pack):
                passage = self._scored(row, words, preferred, wants_code=wants_code)
                found.setdefault(int(row[0]), passage)
        ranked = sorted(found.items(), key=lambda pair: (-pair[1].score, pair[0]))
        return _varied((passage for _, passage in ranked), k)

    def passages(
        self, *, language: str | None = None, packs: Iterable[str] | None = None
    ) -> Iterator[Found]:
        """Yield every passage in the order of the pages, one page in memory.

        Args:
            language: Only this edition.
            packs: Only pages about methods of these packs; ``""`` stands for all other pages.
        """
        chosen = None if packs is None else frozenset(packs)
        edition = "" if language is None else " WHERE language = ?"
        pages = self._rows(
            f"SELECT id, path, language FROM pages{edition} ORDER BY language, path",  # noqa: S608
            () if language is None else (language,),
        )
        for page, path, spoken in pages:
            rows = self._rows(
                "SELECT place, title, heading, text, code, method, pack FROM passages"
                " WHERE page = ? ORDER BY place",
                (page,),
            )
            for row in rows:
                if chosen is None or row[-1] in chosen:
                    yield _found((*row, path, spoken), score=0.0, tokens=count(row[3]))

    # --- inside -----------------------------------------------------------------------------------

    def _matches(self, words: list[str], preferred: list[str]) -> list[tuple[str, str]]:
        """Return what to look for: (``words``, an FTS expression) and (``method``, a name)."""
        wanted: list[tuple[str, str]] = []
        if words:
            wanted.append(("words", " OR ".join(_expression(word) for word in words)))
        wanted += [("method", name) for name in preferred[:5]]
        return wanted

    def _candidates(
        self, match: tuple[str, str], language: str | None, pack: str | None
    ) -> list[tuple[Any, ...]]:
        kind, value = match
        where = ["words MATCH ?"] if kind == "words" else ["lower(p.method) = ?", "p.place < 6"]
        values: list[object] = [value]
        if language is not None:
            where.append("pages.language = ?")
            values.append(language)
        if pack is not None:
            where.append("p.pack = ?")
            values.append(pack)
        rank = "bm25(words, 6.0, 4.0, 1.0)" if kind == "words" else "p.place - 4.0"
        source = "words JOIN passages p ON p.id = words.rowid" if kind == "words" else "passages p"
        return self._rows(
            # Only the fixed pieces above are put together; every value is bound.
            f"SELECT p.id, p.place, {rank} AS rank, p.title, p.heading, p.text, p.code,"  # noqa: S608
            f" p.method, p.pack, pages.path, pages.language FROM {source}"
            f" JOIN pages ON pages.id = p.page WHERE {' AND '.join(where)}"
            f" ORDER BY rank, p.id LIMIT {_CANDIDATES}",
            values,
        )

    def _scored(
        self,
        row: tuple[Any, ...],
        words: list[str],
        preferred: list[str],
        *,
        wants_code: bool,
    ) -> Found:
        _, place, rank, title, heading, text, code, method, pack, path, language = row
        score = -float(rank)
        if method.lower() in preferred:
            score += _PREFERRED / (1 + preferred.index(method.lower()))
        if method and method.lower() in words:
            score += _NAMED / (1 + 0.2 * place)
        if code and not wants_code:
            score /= _CODE
        tokens = count(text)
        if tokens < _SHORT:
            score *= 0.5 + 0.5 * tokens / _SHORT
        passage = (place, title, heading, text, code, method, pack, path, language)
        return _found(passage, score=round(score, 4), tokens=tokens)

    def _rows(self, sql: str, values: Iterable[object]) -> list[tuple[Any, ...]]:
        with self._lock, contextlib.closing(self._db.cursor()) as cursor:
            try:
                return cursor.execute(sql, list(values)).fetchall()
            except sqlite3.Error as error:
                raise ReferencesError(
                    f"the documentation index cannot be read ({error}); {index.HOW_TO_BUILD}",
                    file=str(self.path),
                ) from None


def _found(passage: tuple[Any, ...], *, score: float, tokens: int) -> Found:
    place, title, heading, text, code, method, pack, path, language = passage
    return Found(
        title=title,
        heading=heading,
        text=text,
        code=code,
        path=path,
        place=place,
        address=index.address(path, language),
        language=language,
        method=method,
        pack=pack,
        score=score,
        tokens=tokens,
    )


def _expression(word: str) -> str:
    """Return the FTS expression for one word: longer ones match their other endings too."""
    shortest = _STEM["en" if word.isascii() else "ru"]
    plain = word.replace("_", " ").replace(".", " ")
    if " " in plain:
        return f'"{plain}"'
    if len(word) > shortest:
        stem = word[: max(shortest, len(word) - (_ENDING if not word.isascii() else 1))]
        return f'"{stem}"*'
    return f'"{word}"'


def _varied(passages: Iterable[Found], k: int) -> list[Found]:
    """Return the first *k*, at most two of one page."""
    chosen: list[Found] = []
    pages: dict[str, int] = {}
    for passage in passages:
        if pages.get(passage.address, 0) < 2:
            pages[passage.address] = pages.get(passage.address, 0) + 1
            chosen.append(passage)
            if len(chosen) == k:
                break
    return chosen
