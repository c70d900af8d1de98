"""Which section of the deep reference answers a request; nothing else of that file is loaded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bitrix24_agent.retrieval.budget import trim
from bitrix24_agent.retrieval.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bitrix24_agent.reference.parse import Section

SECTION_TOKENS = 600

_WORD = re.compile(r"[^\W_]{3,}")
_CODE = 4.0
_TRIGGER = 2.0
_TITLE_WORD = 0.5
_TRIGGER_WORD = 0.3
_RIGHT_TOPIC = 3.0


def choose(sections: Sequence[Section], query: str, topic: str | None) -> Section | None:
    """Return the section that fits best: its triggers in the text first, then the topic's first.

    None when neither the topic nor any trigger leads anywhere.
    """
    text = fold(query)
    words = frozenset(_WORD.findall(text))
    best: Section | None = None
    most = 0.0
    for section in sections:
        score = _RIGHT_TOPIC if topic and section.topic == topic else 0.0
        for trigger in section.triggers:
            folded = fold(trigger)
            if _says(text, folded):
                score += _CODE if "_" in trigger or trigger.isdigit() else _TRIGGER
            else:
                score += _TRIGGER_WORD * len(words.intersection(_WORD.findall(folded)))
        score += _TITLE_WORD * len(words.intersection(_WORD.findall(fold(section.title))))
        if score > most:
            best, most = section, score
    return best if most >= _TRIGGER else None


def section_text(section: Section, max_tokens: int = SECTION_TOKENS) -> str:
    """Return the text of *section* within its budget."""
    return trim(section.text.strip(), max_tokens, note="[the rest is in bitrix24.md]")


def _says(text: str, trigger: str) -> bool:
    """Whether *text* contains *trigger* as whole words."""
    start = text.find(trigger)
    while start >= 0:
        end = start + len(trigger)
        before = start == 0 or not text[start - 1].isalnum()
        after = end == len(text) or not text[end].isalnum()
        if before and after:
            return True
        start = text.find(trigger, start + 1)
    return False
