"""An estimate of what a text costs a model, without a tokenizer at hand."""

from __future__ import annotations

import re

_PIECES = re.compile(
    r"(?P<word>[A-Z]?[a-z]+|[A-Z]+(?![a-z]))"
    r"|(?P<digits>\d{1,3})"
    r"|(?P<letters>[^\x00-\x7f\s]+)"
    r"|(?P<signs>[^\sA-Za-z\d\x80-\U0010ffff]+)"
    r"|(?P<break>\n+)"
)

# Fitted to the cl100k encoder over method cards, the references, English and Russian prose and
# JSON answers; cards come out within 15 % each and within 2 % together.
_WORD, _LONG_WORD, _DIGITS, _LETTER = 0.87, 0.39, 1.14, 0.40
_SIGN, _NEXT_SIGN, _BREAK = 0.86, 0.23, 1.17
_LONG = 7


def count(text: str) -> int:
    """Return about how many tokens *text* costs (the cl100k family)."""
    total = 0.0
    for piece in _PIECES.finditer(text):
        kind = piece.lastgroup
        length = piece.end() - piece.start()
        if kind == "word":
            total += _WORD + _LONG_WORD * ((length - 1) // _LONG)
        elif kind == "digits":
            total += _DIGITS
        elif kind == "signs":
            total += _SIGN + _NEXT_SIGN * (length - 1)
        elif kind == "letters":
            total += _LETTER * length
        else:
            total += _BREAK
    return round(total)
