"""Read ``vocabulary.md`` and find its words in a request, in any of its languages."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from bitrix24_agent.errors import ReferencesError
from bitrix24_agent.retrieval.text import (
    alphabet_of,
    english_forms,
    english_plain,
    fold,
    other_spellings,
    slips,
    without_umlauts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LANGUAGES = ("en", "ru", "uk", "pt", "es", "de", "pl")

_LONGEST_ENDING = 6
_SHORTEST_SLIP = 5
_MOST_UNKNOWN = 40
_SLIP_WEIGHT = 0.8

_FARTHEST = 6
_ENGLISH_PARTICLES = frozenset(("off", "out", "back", "away", "offline", "over", "live", "down"))
_GERMAN_PARTICLES = frozenset((
    "ab", "an", "auf", "aus", "ein", "fest", "frei", "her", "herunter", "hinzu", "hoch", "los",
    "mit", "raus", "runter", "um", "vor", "weg", "weiter", "zu", "zuruck", "zusammen",
))  # fmt: skip
_CLAUSE_ENDS = frozenset(("", "und", "oder", "bitte"))

# What each table of the file must have as its header.
_HEADERS = {
    "actions": ("action", "names", "near", *LANGUAGES),
    "things": ("thing", "names", *LANGUAGES),
    "fields": ("field", "of", *LANGUAGES),
    "families": ("methods", "action", "is", "may"),
    "expressions": ("methods", *LANGUAGES),
    "topics": ("topic", *LANGUAGES),
    "elsewhere": ("kind", "words"),
}


class Sense(NamedTuple):
    """One thing a word can mean.

    Attributes:
        kind: ``action``, ``thing``, ``field``, ``topic``, ``expression`` or ``elsewhere``.
        id: Name of the row it comes from; for an expression its methods.
        languages: The columns that have the word; empty means any.
    """

    kind: str
    id: str
    languages: frozenset[str]


class Match(NamedTuple):
    """Words of a request that mean something.

    Attributes:
        length: How many words, those between included.
        senses: What they can mean.
        weight: 1.0, less when the word was only nearly there.
        said: How many words of the expression itself.
    """

    length: int
    senses: tuple[Sense, ...]
    weight: float = 1.0
    said: int = 1


class Family(NamedTuple):
    """What methods of one pattern are about.

    Attributes:
        action: Their action where the name hides it, or "".
        core: What must be meant, each with its alternatives.
        may: What may be mentioned.
    """

    action: str
    core: tuple[frozenset[str], ...]
    may: frozenset[str]


@dataclass(slots=True)
class Vocabulary:
    """The words of ``vocabulary.md``, ready to be looked up.

    Attributes:
        near: Action -> action it can stand for -> how well (0..1).
        names: Part of a method name -> the things and the action it stands for.
        fields: Field -> things that have it.
        families: Method pattern (lower case) -> what its methods are about.
        little: Word that carries nothing -> its languages.
        soft: Things that are more often mentioned than meant.
        content: Words after which comes what is written, not what is wanted.
        joints: Words that join two requests.
        people: Words that ask for somebody.
        apart: Little words that never stand inside a term.
        negations: Words that say that something is not so.
        pronouns: Words that stand for a thing named before.
    """

    near: dict[str, dict[str, float]] = field(default_factory=dict)
    action_names: dict[str, str] = field(default_factory=dict)
    thing_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    things: set[str] = field(default_factory=set)
    fields: dict[str, frozenset[str]] = field(default_factory=dict)
    families: dict[str, Family] = field(default_factory=dict)
    little: dict[str, frozenset[str]] = field(default_factory=dict)
    soft: frozenset[str] = frozenset()
    content: frozenset[str] = frozenset()
    joints: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    negations: frozenset[str] = frozenset()
    pronouns: frozenset[str] = frozenset()
    _words: dict[str, list[Sense]] = field(default_factory=dict)
    _stems: dict[str, list[Sense]] = field(default_factory=dict)
    _phrases: dict[str, list[tuple[tuple[str, ...], Sense]]] = field(default_factory=dict)
    _phrase_stems: dict[str, list[tuple[tuple[str, ...], Sense]]] = field(default_factory=dict)

    # --- filling ----------------------------------------------------------------------------------

    def learn(self, terms: str, sense: Sense) -> None:
        """Add the comma-separated *terms* of one cell, folded already.

        A word may get the same sense twice; look-ups drop the second, so that filling is quick.
        """
        singles, stems = self._words, self._stems
        for raw in terms.split(","):
            term = raw.strip()
            if not term:
                continue
            if " " in term:
                first, *rest = term.split()
                if first[-1] == "*":
                    self._phrase_stems.setdefault(first[:-1], []).append((tuple(rest), sense))
                else:
                    self._phrases.setdefault(first, []).append((tuple(rest), sense))
                continue
            table = singles
            if term[-1] == "*":
                table, term = stems, term[:-1]
            known = table.get(term)
            if known is None:
                table[term] = [sense]
            else:
                known.append(sense)

    # --- looking up -------------------------------------------------------------------------------

    def word(self, word: str) -> tuple[Sense, ...]:
        """Return what a single word means as it stands or as a form of a known word."""
        found = dict.fromkeys(self._words.get(word, ()))
        for end in range(len(word), max(1, len(word) - _LONGEST_ENDING - 1), -1):
            senses = self._stems.get(word[:end])
            if senses:
                found.update(dict.fromkeys(senses))
                break
        if not found or all("en" not in sense.languages for sense in found):
            plain = tuple(english_plain(word))
            for form in english_forms(word):
                # Only verbs end in -ing: a heading has nothing to do with a head.
                native = [
                    s
                    for s in self._words.get(form, ())
                    if "en" in s.languages and (form in plain or s.kind == "action")
                ]
                if native:
                    found.update(dict.fromkeys(native))
                    break
        return tuple(found)

    def transliterated(self, word: str) -> tuple[Sense, ...]:
        """Return what *word* means when it is Russian or Ukrainian in Latin letters."""
        for spelling in other_spellings(word):
            if senses := self.word(spelling):
                return senses
        return ()

    def guess(self, word: str, language: str) -> tuple[tuple[Sense, ...], ...]:
        """Return what an unknown word of *language* may mean: one or two words, or a slip."""
        for spelling in without_umlauts(word):
            if senses := self.word(spelling):
                return (senses,)
        if both := self._compound(word):
            return both
        if len(word) < (_SHORTEST_SLIP if language in ("ru", "uk") else _SHORTEST_SLIP + 1):
            return ()
        best: tuple[int, tuple[Sense, ...]] = (0, ())
        for near in dict.fromkeys(slips(word, alphabet_of(word))):
            found = self._words.get(near)
            end = len(near)
            while not found and end > max(4, len(near) - 4):
                found = self._stems.get(near[:end])
                end -= not found
            if found and end > best[0]:
                native = tuple(
                    s for s in dict.fromkeys(found) if not language or language in s.languages
                )
                if native:
                    best = (end, native)
        return (best[1],) if best[1] else ()

    def _compound(self, word: str) -> tuple[tuple[Sense, ...], ...]:
        """Return the senses of the two words *word* is made of, as in ``Aufgabenliste``."""
        if len(word) < 7 or not word.isascii():
            return ()
        for cut in range(4, len(word) - 2):
            left = self._part(word[:cut])
            if left:
                right = self._part(word[cut:])
                if right:
                    return (left, right)
        return ()

    def _part(self, word: str) -> tuple[Sense, ...]:
        found = self._words.get(word)
        if found:
            return tuple(s for s in dict.fromkeys(found) if s.kind in ("thing", "action"))
        for end in range(len(word), max(3, len(word) - 4), -1):
            found = self._stems.get(word[:end])
            if found:
                return tuple(s for s in dict.fromkeys(found) if s.kind in ("thing", "action"))
        return ()

    def phrases(self, words: Sequence[str], start: int) -> Iterator[Match]:
        """Yield the expressions of several words that begin at ``words[start]``."""
        first = words[start]
        if candidates := self._phrases.get(first):
            yield from self._continued(candidates, words, start)
        for form in english_forms(first):
            if candidates := self._phrases.get(form):
                yield from self._continued(candidates, words, start)
        for end in range(len(first), max(1, len(first) - _LONGEST_ENDING - 1), -1):
            if candidates := self._phrase_stems.get(first[:end]):
                yield from self._continued(candidates, words, start)

    def _continued(
        self,
        candidates: Iterable[tuple[tuple[str, ...], Sense]],
        words: Sequence[str],
        start: int,
    ) -> Iterator[Match]:
        for rest, sense in candidates:
            if len(rest) == 1 and _parted(words, start, rest[0]):
                yield Match(1, (sense,), said=2)
                continue
            at = start + 1
            for wanted in rest:
                gap = 0
                while at < len(words) and not _fits(words[at], wanted):
                    # An article or a number may stand between: "process the document".
                    word = words[at]
                    if (
                        gap == 2
                        or word in self.apart
                        or (word not in self.little and not word.isdigit())
                    ):
                        at = len(words)
                        break
                    gap += 1
                    at += 1
                if at >= len(words):
                    break
                at += 1
            else:
                yield Match(at - start, (sense,), said=len(rest) + 1)


def _parted(words: Sequence[str], start: int, particle: str) -> bool:
    """Whether the verb at *start* has its *particle* further on: "call the client back".

    A German particle ends its clause: "leg den Kontakt an".
    """
    german = particle in _GERMAN_PARTICLES
    if not german and particle not in _ENGLISH_PARTICLES:
        return False
    for at in range(start + 2, min(start + 2 + _FARTHEST, len(words))):
        if not words[at]:
            return False
        if words[at] == particle:
            return not german or at + 1 == len(words) or words[at + 1] in _CLAUSE_ENDS
    return False


def _fits(word: str, wanted: str) -> bool:
    if wanted[-1] == "*":
        return word.startswith(wanted[:-1]) and len(word) - len(wanted) < _LONGEST_ENDING
    if word == wanted:
        return True
    if wanted == "0":
        return word[:1].isdigit()
    return wanted in _forms(word)


@lru_cache(maxsize=512)
def _forms(word: str) -> tuple[str, ...]:
    return tuple(english_forms(word))


def parse_vocabulary(text: str, file: str = "vocabulary.md") -> Vocabulary:
    """Read ``vocabulary.md``; see docs/references-format.md.

    Raises:
        ReferencesError: A table has other columns, or a row other cells; names file and line.
    """
    known = Vocabulary()
    section = ""
    columns: tuple[str, ...] = ()
    for number, line in enumerate(fold(text).split("\n"), start=1):
        if not line:
            continue
        if line.startswith("## "):
            section = line[3:].strip()
            columns = ()
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not columns:
                columns = _HEADERS.get(section, ())
                if tuple(cells) != columns:
                    raise ReferencesError(
                        f"the table under '{section}' should have the columns "
                        + ", ".join(columns or ("of a known section",)),
                        file=file,
                        line=number,
                    )
            elif not cells[0].startswith("--"):
                if len(cells) != len(columns):
                    raise ReferencesError(
                        f"this row has {len(cells)} cells, the table has {len(columns)} columns",
                        file=file,
                        line=number,
                    )
                _row(known, section, cells)
        elif line.startswith("- ") and ":" in line:
            key, _, value = line[2:].partition(":")
            _bullet(known, section, key.strip(), value)
    for word in known.joints | known.content:
        known.little[word] = frozenset(LANGUAGES)
    if not known.things:
        raise ReferencesError("the table of things is missing", file=file, line=1)
    return known


def _row(known: Vocabulary, section: str, cells: list[str]) -> None:
    head, *rest = cells
    if section == "families":
        _families(known, cells)
        return
    if section == "elsewhere":
        known.learn(rest[0].replace("-", " "), Sense("elsewhere", head, frozenset()))
        return
    kind = {
        "actions": "action",
        "things": "thing",
        "fields": "field",
        "topics": "topic",
        "expressions": "expression",
    }[section]
    if section == "actions":
        for name in rest[0].replace(" ", "").split(","):
            known.action_names.setdefault(name, head)
        near = (pair.rsplit(" ", 1) for pair in rest[1].split(",") if pair.strip())
        known.near[head] = {name.strip(): float(weight) for name, weight in near}
    elif section == "things":
        known.things.add(head)
        for name in rest[0].replace(" ", "").split(","):
            if name:
                known.thing_names[name] = (*known.thing_names.get(name, ()), head)
    elif section == "fields":
        known.fields[head] = frozenset(_listed(rest[0]))
    for language, terms in zip(LANGUAGES, rest[-len(LANGUAGES) :], strict=True):
        if terms:
            known.learn(terms.replace("-", " "), Sense(kind, head, _ONLY[language]))


_ONLY = {language: frozenset((language,)) for language in LANGUAGES}


def _families(known: Vocabulary, cells: list[str]) -> None:
    methods, action, core, may = cells
    family = Family(
        action,
        tuple(frozenset(p.strip() for p in part.split("/")) for part in _listed(core)),
        frozenset(_listed(may)),
    )
    for pattern in _listed(methods):
        earlier = known.families.get(pattern)
        known.families[pattern] = (
            family
            if earlier is None
            else Family(
                family.action or earlier.action,
                earlier.core + family.core,
                earlier.may | family.may,
            )
        )


def _bullet(known: Vocabulary, section: str, key: str, value: str) -> None:
    if section == "little words" and key in LANGUAGES:
        for word in value.replace("-", " ").split(","):
            word = word.strip()
            known.little[word] = known.little.get(word, frozenset()) | _ONLY[key]
    elif key == "soft":
        known.soft = frozenset(_listed(value))
    elif key == "content":
        known.content = frozenset(_listed(value))
    elif key == "people":
        known.people = frozenset(_listed(value))
    elif key == "apart":
        known.apart = frozenset(_listed(value))
    elif key == "negations":
        known.negations = frozenset(_listed(value))
    elif key == "pronouns":
        known.pronouns = frozenset(_listed(value))
    elif key == "and":
        known.joints = frozenset(_listed(value))


def _listed(cell: str) -> list[str]:
    return [part for raw in cell.split(",") if (part := raw.strip())]
