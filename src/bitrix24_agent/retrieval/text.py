"""Text to words: case, accents, inflected English, other alphabets and typing slips."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CHARS = 2_000
"""Nobody needs more to say what they want; the rest of a longer request is not looked at."""

# Letters that no normal form takes apart.
_LETTERS = (("ł", "l"), ("ß", "ss"), ("ø", "o"), ("đ", "d"), ("æ", "ae"), ("ı", "i"), ("ґ", "г"))
_MARKS = re.compile("[\u0300-\u036f]+")
_APOSTROPHES = re.compile("[\u2018\u2019\u02bc`´']")
_POSSESSIVE = re.compile("(?<=[a-z])['\u2019]s\\b")

_TOKEN = re.compile(
    r"""
    (?P<file>[\w-]+\.(?:pdf|docx?|xlsx?|csv|png|jpe?g|gif|mp[34]|wav|zip|txt|pptx?|odt)\b)
  | (?P<value>https?://\S+ | \S+@\S+\.\w+ | \d[\d.,:/%+-]*(?:[a-z]{1,2}\b)? | [\#/]\w+)
  | (?P<code>\b[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+\b)
  | (?P<api>\b[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*){1,7})
  | (?P<word>[^\W\d_]+(?:['\u2019\u02bc][^\W\d_]+)*)
  | (?P<mark>[:;,.!?\n"«»“”„])
    """,
    re.VERBOSE,
)
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")

_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t",
    "у": "u", "ф": "f", "х": "h", "ц": "c", "ч": "ch", "ш": "sh", "щ": "sch", "ы": "y", "э": "e",
    "ю": "yu", "я": "ya",
}  # fmt: skip
_FROM_LATIN = {
    **{latin: letter for letter, latin in _CYRILLIC.items() if letter != "э"},
    "kh": "х", "ts": "ц", "tz": "ц", "shch": "щ", "ju": "ю", "ja": "я", "iu": "ю", "ia": "я",
    "yo": "е", "jo": "е", "j": "и", "x": "х", "w": "в", "'": "",
}  # fmt: skip
_LATIN_PIECES = re.compile("shch|sch|zh|kh|ts|tz|ch|sh|yu|ya|ju|ja|iu|ia|yo|jo|[a-z']")
_KEYBOARD = dict(
    zip("qwertyuiop[]asdfghjkl;'zxcvbnm,.", "йцукенгшщзхъфывапролджэячсмитьбю", strict=True)
)

Kind = Literal["word", "code", "api", "value", "mark"]


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a request.

    Attributes:
        text: Folded: lower case, no accents, no apostrophes.
        raw: As it was written.
        kind: ``word``, ``code`` (an error code), ``api`` (a dotted name), ``value`` (numbers,
            addresses) or ``mark`` (punctuation).
        named: A capital letter in the middle of a sentence: probably somebody's name.
        quoted: Inside quotation marks: a value rather than a word of the request.
    """

    text: str
    raw: str
    kind: Kind
    named: bool = False
    quoted: bool = False


def fold(text: str) -> str:
    """Return *text* in lower case without accents and apostrophes, the same for every spelling."""
    lower = text.lower()
    if lower.isascii():
        return lower.replace("'", "").replace("`", "")
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", lower))
    for letter, replacement in _LETTERS:
        plain = plain.replace(letter, replacement)
    return _APOSTROPHES.sub("", plain)


def tokens(text: str) -> list[Token]:
    """Cut the first ``MAX_CHARS`` characters of *text* into tokens."""
    return list(_tokens(text[:MAX_CHARS]))


def _tokens(text: str) -> Iterator[Token]:
    fresh = True  # at the start of a sentence, where a capital says nothing
    quote = ""
    for found in _TOKEN.finditer(text):
        kind: Kind = found.lastgroup  # type: ignore[assignment]  # the groups are the kinds
        raw = found.group()
        if found.lastgroup == "file":
            # A file name says that a file is meant, whatever its name says.
            yield Token("file", raw, "word", quoted=False)
            fresh = False
            continue
        if kind == "mark":
            if raw in '"«»“”„':
                quote = "" if quote else raw
            fresh = raw not in ',"“„«'
            yield Token(raw, raw, kind)
            continue
        if kind == "word":
            word = fold(_POSSESSIVE.sub("", raw.lower()))
            inner = _CAMEL.findall(raw) if raw.isascii() else []
            if len(inner) > 1 and not raw.isupper() and raw[1:] != raw[1:].lower():
                yield Token(word, raw, "api", quoted=bool(quote))
            elif word:
                named = not fresh and raw[0].isupper() and not raw.isupper()
                yield Token(word, raw, kind, named, bool(quote))
        else:
            yield Token(fold(raw), raw, kind, quoted=bool(quote))
        fresh = False


def name_parts(name: str) -> list[str]:
    """Return the words of an API name in lower case.

    A part written in camel case is followed by its own words: ``getStages`` gives ``getstages``,
    ``get``, ``stages``.
    """
    parts = []
    for segment in re.split(r"[._]", name):
        if not segment:
            continue
        parts.append(segment.lower())
        words = _CAMEL.findall(segment)
        if len(words) > 1:
            parts.extend(word.lower() for word in words)
    return parts


def english_plain(word: str) -> Iterator[str]:
    """Yield what *word* may be the plural or third person of, likeliest first."""
    if len(word) < 3 or not word.isascii():
        return
    if word.endswith("ies"):
        yield word[:-3] + "y"
    if word.endswith("es"):
        yield word[:-2]
    if word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]


def english_forms(word: str) -> Iterator[str]:
    """Yield what *word* may be a form of, verbs in ``-ing`` included.

    Not those in ``-ed``: "planned calls" and "deleted files" tell which, not what to do.
    """
    yield from english_plain(word)
    if word.endswith("ing") and len(word) > 5 and word.isascii():
        root = word[:-3]
        yield root
        yield root + "e"
        if root[-1] == root[-2]:
            yield root[:-1]


def other_spellings(word: str) -> Iterator[str]:
    """Yield *word* in Cyrillic letters, as typed on a Cyrillic keyboard, and without ae, oe, ue."""
    if not word.isascii():
        return
    pieces = _LATIN_PIECES.findall(word)
    if sum(map(len, pieces)) == len(word) > 3:
        yield "".join(_FROM_LATIN.get(piece, piece) for piece in pieces)
    if len(word) > 3:
        yield fold("".join(_KEYBOARD.get(letter, letter) for letter in word))


def without_umlauts(word: str) -> Iterator[str]:
    """Yield a German word written with ae, oe, ue as it is folded from its umlauts."""
    plain = word.replace("ae", "a").replace("oe", "o").replace("ue", "u")
    if plain != word:
        yield plain


def slips(word: str, alphabet: str) -> Iterator[str]:
    """Yield every word one typing slip away from *word* that keeps its first letter."""
    for i in range(1, len(word)):
        yield word[:i] + word[i + 1 :]
    for i in range(1, len(word) - 1):
        yield word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    for i in range(1, len(word) + 1):
        for letter in alphabet:
            yield word[:i] + letter + word[i:]
    for i in range(1, len(word)):
        for letter in alphabet:
            yield word[:i] + letter + word[i + 1 :]


def alphabet_of(word: str) -> str:
    """Return the letters a slip in *word* could have put there."""
    return "abcdefghijklmnopqrstuvwxyz" if word.isascii() else "абвгдежзиклмнопрстуфхцчшщъыьэюяє"
