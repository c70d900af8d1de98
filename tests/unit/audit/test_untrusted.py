"""Text of the portal loses what cannot be seen and keeps what can be read."""

from __future__ import annotations

import unicodedata

import pytest

from bitrix24_agent.audit.untrusted import cap, neutralise, neutralise_all


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Deal 17: pumps & valves", "Deal 17: pumps & valves"),
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb\rc\u2028d\u2029e\x85f\x0bg", "a\nb\nc\nd\ne\nf\ng"),
        ("a\x00b\x07c\x7fd\x9fe", "abcde"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07x \x1bMy", "red x y"),
        ("zero\u200bwidth\ufeff\u2060join\xad", "zerowidthjoin"),
        ("\u202egnp.exe\u202c \u2066x\u2069", "gnp.exe x"),
        ("tag\U000e0041\U000e007fs", "tags"),
        ("vs\ufe00\U000e0101x", "vsx"),
        ("half \ud800 pair", "half  pair"),
        ("Скидка 10% für Jürgen — 株式会社", "Скидка 10% für Jürgen — 株式会社"),
        ("👨‍👩‍👧 ❤️ 1️⃣ ☑️", "👨‍👩‍👧 ❤️ 1️⃣ ☑️"),
        ("می‌خواهم क्‍ष", "می‌خواهم क्‍ष"),
        ("a\u200db \u200dx y\u200c", "ab x y"),
        ("\ufe0fx", "x"),
    ],
)
def test_what_cannot_be_seen_goes(text, expected):
    assert neutralise(text) == expected


def test_neutral_text_stays_neutral():
    text = "".join(map(chr, range(0x3000)))
    once = neutralise(text)
    assert neutralise(once) == once
    left = {c for c in once if unicodedata.category(c) in ("Cc", "Cs")}
    assert left == {"\t", "\n"}


def test_nested_answers_are_neutralised_names_included():
    value = {"TI\u200bTLE": ["a\u202eb", ("c\x00",), {1: None}], "n": 5}
    assert neutralise_all(value) == {"TITLE": ["ab", ["c"], {1: None}], "n": 5}


def test_long_text_is_cut_and_says_so():
    assert cap("abcdef", 6) == "abcdef"
    assert cap("abcdef", 2) == "ab… [4 more characters]"
