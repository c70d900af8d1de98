"""What the portal returns is data: characters that could steer a reader are taken out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_LINES = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_SUSPECT = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]{0,32}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)|[@-_])"
)
_ZWNJ, _ZWJ, _EMOJI_STYLE = "\u200c", "\u200d", "\ufe0f"


def neutralise(text: str) -> str:
    r"""Return *text* without control, zero-width, bidirectional and other invisible characters.

    Line ends become ``\n``; tabs stay. Joiners stay where writing needs them: inside emoji, and
    between letters of scripts that use them (Arabic, Persian, Indic).
    """
    if text.isascii() and text.isprintable():
        return text
    text = _LINES.sub("\n", _ESCAPES.sub("", text))
    return _SUSPECT.sub(_keep_joiners, text)


def neutralise_all(value: Any) -> Any:
    """Return a nested answer with every text neutralised, names of fields included."""
    if isinstance(value, str):
        return neutralise(value)
    if isinstance(value, Mapping):
        return {
            neutralise(name) if isinstance(name, str) else name: neutralise_all(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [neutralise_all(inner) for inner in value]
    return value


def cap(text: str, max_chars: int) -> str:
    """Return *text* cut to *max_chars*, with a note of how much is missing."""
    if len(text) <= max_chars:
        return text
    return f"{text[:max_chars]}… [{len(text) - max_chars} more characters]"


def _keep_joiners(match: re.Match[str]) -> str:
    char, text, at = match[0], match.string, match.start()
    before = text[at - 1 : at]
    after = text[at + 1 : at + 2]
    if char == _EMOJI_STYLE and before and unicodedata.category(before) in ("So", "Sm", "Po", "Nd"):
        return char
    if char == _ZWJ and _emoji(before) and _emoji(after):
        return char
    if char in (_ZWNJ, _ZWJ) and _joining(before) and _joining(after):
        return char
    return ""


def _emoji(char: str) -> bool:
    return bool(char) and (char == _EMOJI_STYLE or unicodedata.category(char) in ("So", "Sk"))


def _joining(char: str) -> bool:
    return "\u0600" <= char <= "\u0fff" and unicodedata.category(char)[0] in "LM"
