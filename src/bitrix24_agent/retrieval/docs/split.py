"""Cut a page of the documentation into passages: by heading, and code samples by language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_agent.tokens import count

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TOKENS = 700
"""A longer passage is cut at a blank line, a table row or, at worst, any line."""

MIN_TOKENS = 10
"""A shorter piece of prose is a lead-in to a sample or a table and says nothing alone."""

_HEADING = re.compile(r"^(#{1,4})\s+(.+?)\s*(?:\{#[\w-]+\})?\s*$")
_FENCE = re.compile(r"^\s*```\s*([\w+-]*)\s*$")
_TAB = re.compile(r"^-\s+(\S.*)$")
_MARKUP = re.compile(r"\{%[^%]*%\}|\[\{#T\}\]\([^)]*\)|</?(?:br|div|p|span)[^>]*>", re.IGNORECASE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_BLANK = re.compile(r"\n{3,}")
_ROW_END = ("||", "|#", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a page that can be read alone.

    Attributes:
        title: Heading of the page.
        heading: Headings above the passage below the title, joined by `` > ``; may be empty.
        text: The passage, without the vendor's template marks.
        code: Programming language of a sample, or "" for prose and tables.
    """

    title: str
    heading: str
    text: str
    code: str = ""


def split(text: str) -> list[Passage]:
    """Return the passages of one page in their order."""
    title = ""
    path: list[tuple[int, str]] = []
    passages: list[Passage] = []
    prose: list[str] = []
    tab = ""
    sample: list[str] | None = None
    language = ""

    def heading() -> str:
        return " > ".join(name for _, name in path)

    def flush() -> None:
        body = _clean("\n".join(prose))
        prose.clear()
        for piece in _pieces(body):
            if count(piece) >= MIN_TOKENS:
                passages.append(Passage(title=title, heading=heading(), text=piece))

    for line in text.replace("\r\n", "\n").split("\n"):
        fence = _FENCE.match(line)
        if sample is not None:
            if fence and not fence.group(1):
                passages.extend(_samples(title, heading(), tab, language, sample))
                sample = None
            else:
                sample.append(line)
        elif fence and fence.group(1).lower() not in ("", "text", "markdown"):
            language = fence.group(1).lower()
            sample = []
        elif found := _HEADING.match(line):
            flush()
            tab = ""
            depth, name = len(found.group(1)), _clean(found.group(2))
            if depth == 1 and not title:
                title = name
            else:
                path = [(d, n) for d, n in path if d < depth]
                path.append((depth, name))
        else:
            if line.startswith("{% list tabs"):
                tab = ""
            elif found := _TAB.match(line):
                tab = found.group(1)
            prose.append(line)
    if sample is not None:  # a page cut in the middle of a sample
        prose.extend(sample)
    flush()
    return passages


def _samples(
    title: str, heading: str, tab: str, language: str, lines: list[str]
) -> Iterator[Passage]:
    """Yield a code sample, named after its tab when it stands in one (``cURL (OAuth)``)."""
    indent = min((len(x) - len(x.lstrip()) for x in lines if x.strip()), default=0)
    body = "\n".join(line[indent:] for line in lines).strip("\n")
    where = " > ".join(part for part in (heading, tab) if part)
    for piece in _pieces(body):
        yield Passage(title=title, heading=where, text=piece, code=language)


def _clean(text: str) -> str:
    """Return *text* without template marks; links keep their words."""
    plain = _LINK.sub(r"\1", _MARKUP.sub("", text))
    return _BLANK.sub("\n\n", plain).strip()


def _pieces(text: str) -> Iterator[str]:
    """Yield *text* in pieces of at most ``MAX_TOKENS``, cut where it hurts least."""
    if not text:
        return
    if count(text) <= MAX_TOKENS:
        yield text
        return
    piece: list[str] = []
    size = 0
    for line in text.split("\n"):
        cost = count(line) + 1
        full = size + cost > MAX_TOKENS
        if piece and (full or (size > MAX_TOKENS * 0.8 and line.strip() in _ROW_END)):
            yield "\n".join(piece).strip()
            piece, size = [], 0
        piece.append(line[: MAX_TOKENS * 8])
        size += cost
    if rest := "\n".join(piece).strip():
        yield rest
