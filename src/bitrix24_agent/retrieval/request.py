"""What a request says: its parts, and in each the actions, the things and the words left over."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bitrix24_agent.retrieval.text import Token, name_parts, tokens
from bitrix24_agent.retrieval.vocabulary import Match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bitrix24_agent.retrieval.vocabulary import Sense, Vocabulary

MAX_PARTS = 4
_NEIGHBOURS = {"ru": "uk", "uk": "ru", "pt": "es", "es": "pt"}
_GENERIC = frozenset(("get", "list", "add", "update", "set", "send"))
_MAX_WORDS = 160
_MAX_GUESSES = 6
_GUESS_WEIGHT = 0.75
_QUOTED_WEIGHT = 0.3
_CONTENT_WEIGHT = 0.3
_SOFT_WEIGHT = 0.5
_FIELD_WEIGHT = 0.3
_UNKNOWN_WEIGHT = 0.3
_NAMED_WEIGHT = 0.12
_VALUE_WEIGHT = 0.12
_PHONE_DIGITS = 9
_PERSON = frozenset(("user", "member"))
_GOODS = frozenset(("product", "product row"))
_CONTEXT_WEIGHT = 0.25
_PRODUCT = 0.7
_MATTER = 0.65
_SOLID = 0.45
_STORY = 20  # words and marks that make a request a story
_MAX_CLAUSES = 6


@dataclass(frozen=True, slots=True)
class Group:
    """One word or expression of the request and everything it can mean.

    Attributes:
        ids: Things and fields, any of which may be meant.
        weight: How much of the request it is.
        words: As written (folded), for matching summaries.
        soft: More often mentioned than meant.
        hint: Only guessed from its form (a name, a number) or from asking who; never enough alone.
    """

    ids: frozenset[str]
    weight: float
    words: str
    soft: bool = False
    hint: bool = False


@dataclass(slots=True)
class Part:
    """One wish of a request.

    Attributes:
        actions: Action -> weight; the first that was said weighs most.
        groups: The things, in the order they were said.
        methods: Methods a turn of phrase means.
        api: Words of API names in it, lower case.
        names: Whole dotted names in it, as written.
        topics: Topic -> words that speak for it.
        elsewhere: 1.0, less for every word about other products and matters.
        carried: Its verb was said in an earlier clause.
        other_product: One of them names another product.
        here: The request names Bitrix24.
        about_name: It asks about a method name itself.
        negated: Something is not, or no longer.
        odd_verb: It begins with a word nothing is known about: perhaps its verb.
    """

    actions: dict[str, float] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    api: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    topics: Counter[str] = field(default_factory=Counter)
    elsewhere: float = 1.0
    other_product: bool = False
    carried: bool = False
    here: bool = False
    about_name: bool = False
    negated: bool = False
    odd_verb: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A request understood as far as the vocabulary goes.

    Attributes:
        whole: The request as one part.
        parts: Its wishes; one when it has only one.
        clauses: Its clauses that could stand alone, the verb of an earlier one carried over: "a new
            deal and a task for me". What to make of them is for the ranking to say.
        codes: Error codes in it, as written.
    """

    whole: Part
    parts: tuple[Part, ...]
    clauses: tuple[Part, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A match and where it stands."""

    start: int
    match: Match | None
    token: Token
    content: bool
    little: bool = False


def understand(text: str, vocabulary: Vocabulary) -> Request:
    """Find what *text* wants, in any language the vocabulary has."""
    pieces = tokens(text)[: 2 * _MAX_WORDS]
    language = _language(pieces, vocabulary)
    found = _find(pieces, vocabulary, language)
    here = any(t.text in ("bitrix", "bitrix24", "b24", "битрикс", "битрикс24") for t in pieces)
    whole = _part(found, vocabulary, here=here)
    parts = _split(found, whole, vocabulary, here=here)
    codes = tuple(
        dict.fromkeys(
            t.raw
            for t in pieces
            if t.kind == "code" or (t.raw.isupper() and t.raw.endswith(("EXCEPTION", "_ERROR")))
        )
    )
    clauses = _clauses(found, whole, vocabulary, here=here)
    return Request(whole, tuple(parts), tuple(clauses), codes)


def _language(pieces: Sequence[Token], vocabulary: Vocabulary) -> str:
    """Guess the language from little words first, known words second; "" when it is a draw."""
    votes: Counter[str] = Counter()
    for token in pieces:
        if token.kind != "word":
            continue
        for language in sorted(vocabulary.little.get(token.text, ())):
            votes[language] += 2
        senses = vocabulary.word(token.text)
        spoken = {language for sense in senses for language in sense.languages}
        for language in sorted(spoken):
            votes[language] += 1
    (best, most), (_, next_most) = [*votes.most_common(2), ("", 0), ("", 0)][:2]
    return best if most > next_most else ""


def _find(pieces: Sequence[Token], vocabulary: Vocabulary, language: str) -> list[_Found]:
    """Cut the tokens into known expressions, longest first, and words left over."""
    words = [t.text if t.kind in ("word", "value") else "" for t in pieces]
    plain = [t.text for t in pieces if t.kind == "word"]
    unread = sum(1 for w in plain if w not in vocabulary.little and not vocabulary.word(w))
    foreign = language not in ("ru", "uk") and 2 * unread > len(plain)
    found: list[_Found] = []
    guesses = 0
    at = 0
    inside = 0  # end of the expression of several words that named an action
    turned = 0  # end of the turn of phrase that named methods
    content = False
    while at < len(pieces):
        token = pieces[at]
        if token.kind == "mark":
            if token.raw in "!?.;\n":
                content = False
            elif token.raw == ":" and _complete(_part(found, vocabulary, here=False)):
                content = True
            found.append(_Found(at, None, token, content))
            at += 1
            continue
        if token.kind == "api" and "." not in token.raw and vocabulary.word(token.text):
            # HubSpot, amoCRM, WhatsApp: a word of the vocabulary in an odd spelling.
            token = replace(token, kind="word")
        if (
            token.kind == "value"
            and not _names_one(found)
            and (senses := vocabulary.word(token.text))
        ):
            found.append(_Found(at, Match(1, senses), replace(token, kind="word"), content))
            at += 1
            continue
        if token.kind != "word":
            found.append(_Found(at, None, token, content))
            at += 1
            continue
        best = _longest(vocabulary, words, at, language, turns=at >= turned)
        if best and best.length > 1 and all(s.kind == "expression" for s in best.senses):
            # A turn of phrase names methods; its words still say what they say.
            found.append(_Found(at, best, token, content))
            turned = at + best.length
            best = _longest(vocabulary, words, at, language, turns=False)
        if at < inside:
            # "from the waitlist" is an action, and the waitlist in it is still a thing.
            best = best or _chosen(vocabulary.word(token.text), language)
            things = tuple(s for s in best.senses if s.kind in ("thing", "field"))
            if things and not (best.length == 1 and token.text in vocabulary.little):
                found.append(_Found(at, best._replace(senses=things), token, content))
                at += best.length
            else:
                at += 1
            continue
        if foreign and not best and (senses := vocabulary.transliterated(token.text)):
            best = _chosen(senses, "")
        if best is None:
            little = vocabulary.little.get(token.text)
            senses = vocabulary.word(token.text) if not little or language not in little else ()
            if little and not any(language in sense.languages for sense in senses):
                senses = ()
            if senses:
                best = _chosen(senses, language)
                best = best if best.senses else None
            elif little:
                if token.text in vocabulary.joints:
                    content = False
                if token.text in vocabulary.content and any(f.match for f in found):
                    content = True
                found.append(_Found(at, None, token, content, little=True))
                at += 1
                continue
            elif guesses < _MAX_GUESSES and not token.named and len(token.text) > 3:
                guesses += 1
                *more, senses = vocabulary.guess(token.text, language) or ((),)
                for part in more:
                    found.append(_Found(at, _guessed(part, language), token, content))
                best = _guessed(senses, language) if senses else None
        found.append(_Found(at, best, token, content))
        if best and best.length > 1 and not any(f.match for f in found[:-1]):
            # "reserve a table": the first word of a request is its verb too.
            verbs = [s for s in vocabulary.word(token.text) if s.kind == "action"]
            verbs = [s for s in verbs if language in s.languages]
            found[-1] = replace(
                found[-1], match=best._replace(senses=tuple(dict.fromkeys((*best.senses, *verbs))))
            )
        if best and best.length > 1 and all(s.kind in ("action", "topic") for s in best.senses):
            inside = at + best.length
            own = [s for s in vocabulary.word(token.text) if s.kind == "thing"]
            if token.text in vocabulary.people:
                found.append(_Found(at, None, token, content))
            elif own and token.text not in vocabulary.little:
                found.append(_Found(at, _chosen(own, language), token, content))
            at += 1
        else:
            at += best.length if best else 1
    return found


def _names_one(found: Sequence[_Found]) -> bool:
    """Whether a thing stands right before: in "lead 404" the number is an id, not an error."""
    last = found[-1] if found else None
    if last is None:
        return False
    if last.match is None:
        return last.token.text in ("id", "no", "nr", "#", "№", "номер", "айди")
    kinds = {sense.kind for sense in last.match.senses}
    return "thing" in kinds and "topic" not in kinds


def _longest(
    vocabulary: Vocabulary, words: Sequence[str], at: int, language: str, *, turns: bool
) -> Match | None:
    """Return the expression with most words at *at*; all senses of equally long ones."""
    best: list[Match] = []
    for match in vocabulary.phrases(words, at):
        if not turns and match.senses[0].kind == "expression":
            continue
        size, most = (match.said, -match.length), (best[0].said, -best[0].length) if best else None
        if most is None or size > most:
            best = [match]
        elif size == most:
            best.append(match)
    if not best:
        return None
    for later in range(at + 1, at + best[0].length):
        # "status to do not disturb": the longer expression wins though it begins later.
        if any(
            m.said > best[0].said and (turns or m.senses[0].kind != "expression")
            for m in vocabulary.phrases(words, later)
        ):
            return None
    senses = tuple(dict.fromkeys(sense for match in best for sense in match.senses))
    return _chosen(senses, language)._replace(length=best[0].length)


def _chosen(senses: Sequence[Sense], language: str) -> Match:
    """Return the senses in the language of the request, or all when it has none of them."""
    native = [s for s in senses if language in s.languages or not s.languages]
    if not native and language:
        # Things keep their names when people mix languages; verbs do not, but for a neighbour's.
        close = _NEIGHBOURS.get(language, "")
        native = [s for s in senses if s.kind != "action" or close in s.languages]
    return Match(1, tuple(native if language else senses))


def _guessed(senses: Sequence[Sense], language: str) -> Match:
    return _chosen(senses, language)._replace(weight=_GUESS_WEIGHT)


def _part(found: Sequence[_Found], vocabulary: Vocabulary, *, here: bool) -> Part:
    part = Part(here=here)
    counted = named = False
    for item in found:
        token = item.token
        # "5 chairs" counts goods, "line 5 is down" does not.
        after_number = counted
        counted = token.kind == "value" and token.text.isdigit() and not named
        named = item.match is not None and any(s.kind == "thing" for s in item.match.senses)
        if token.kind == "code":
            # Tools are named after methods: placement_bind, b24_crm_deal_add.
            part.names.append(token.raw.removeprefix("b24_").replace("_", "."))
            continue
        if token.kind == "api":
            _api_name(part, token, vocabulary)
            continue
        if token.kind == "value":
            _value(part, token)
            continue
        if token.text in vocabulary.negations:
            part.negated = True
        if token.kind != "word" or item.little:
            continue
        scale = 1.0
        if token.quoted:
            scale = _QUOTED_WEIGHT
        elif item.content:
            scale = _CONTENT_WEIGHT
        if token.text in vocabulary.people and item.match is None:
            part.groups.append(Group(_PERSON, _UNKNOWN_WEIGHT, token.text, soft=True, hint=True))
            continue
        if item.match is None:
            weight = _UNKNOWN_WEIGHT * scale
            if token.named:
                # Probably a person: "add Olga to the chat".
                part.groups.append(Group(_PERSON, _NAMED_WEIGHT, token.text, soft=True, hint=True))
            elif after_number:
                # "5 chairs": goods, most likely.
                part.groups.append(Group(_GOODS, weight, token.text, soft=True, hint=True))
            elif not token.quoted and len(token.text) > 1:
                part.groups.append(Group(frozenset(), weight, token.text))
            continue
        _add(part, item.match, token.text, scale, vocabulary)
    _weigh(part.actions)
    if "invite" in part.actions and not any(g.ids & _PERSON for g in part.groups):
        part.groups.append(Group(_PERSON, _UNKNOWN_WEIGHT, "", soft=True, hint=True))
    if part.elsewhere < _SOLID and _solid(found):
        part.elsewhere = max(part.elsewhere, _SOLID if not part.other_product else 0.0)
    if part.names and ("check" in part.actions or any("method" in g.ids for g in part.groups)):
        # "is there a method X?" asks about the name, not about what it does.
        part.groups = [g for g in part.groups if g.words not in part.api]
        part.groups.append(Group(frozenset(("method",)), 1.0, "method"))
        part.about_name = True
    first = next((i for i in found if i.token.kind == "word" and not i.little), None)
    part.odd_verb = (
        not part.actions
        and first is not None
        and first.match is None
        and first.token.text not in vocabulary.people
    )
    return part


def _value(part: Part, token: Token) -> None:
    """Take what an address or a telephone number says about what is meant."""
    if "@" in token.text:
        part.groups.append(
            Group(frozenset(("user", "email address")), _VALUE_WEIGHT, "", soft=True, hint=True)
        )
    elif token.text.startswith("+") or sum(map(str.isdigit, token.text)) >= _PHONE_DIGITS:
        part.groups.append(Group(frozenset(("phone",)), _VALUE_WEIGHT, "", soft=True, hint=True))


def _weigh(actions: dict[str, float]) -> None:
    """Let the telling verb win: "get the list" lists, "mark it as done" completes."""
    telling = [name for name in actions if name not in _GENERIC]
    first = next(iter(actions), "")
    for name in actions:
        if name == "get" and len(actions) > 1 and (telling or "list" in actions):
            actions[name] = 0.65
        elif name == "list" and telling:
            actions[name] = 0.7
        elif name in _GENERIC and telling and name != first:
            actions[name] *= 0.9
    for name in telling:
        actions[name] = max(actions[name], 0.9 if first in ("add", "send") else 1.0)


def _add(part: Part, match: Match, word: str, scale: float, vocabulary: Vocabulary) -> None:
    scale *= match.weight
    actions = [s.id for s in match.senses if s.kind == "action"]
    things = [s.id for s in match.senses if s.kind == "thing"]
    fields = [s.id for s in match.senses if s.kind == "field"]
    for action in dict.fromkeys(actions):
        weight = (1.0 if not part.actions else 0.7) * min(1.0, scale + 0.2)
        part.actions[action] = max(part.actions.get(action, 0.0), weight)
    if things or fields:
        ids = frozenset((*things, *fields))
        soft = not (set(things) - vocabulary.soft)
        weight = _FIELD_WEIGHT if not things else _SOFT_WEIGHT if soft else 1.0
        if actions and soft:
            weight *= 0.6
        if not any(group.ids == ids for group in part.groups):
            part.groups.append(Group(ids, weight * scale, word, soft))
    for sense in match.senses:
        if sense.kind == "topic":
            part.topics[sense.id] += 1
        elif sense.kind == "expression":
            part.methods.extend(name.strip() for name in sense.id.split(","))
    if not (actions or things or fields):
        for sense in match.senses:
            if sense.kind == "elsewhere":
                strength = _PRODUCT if sense.id == "product" else _MATTER
                part.other_product |= sense.id == "product"
                part.elsewhere *= 1.0 - scale * strength


def _api_name(part: Part, token: Token, vocabulary: Vocabulary) -> None:
    """Take a dotted or camel-case name apart: its words count as API words and as plain words."""
    part.names.append(token.raw)
    seen: list[str] = []
    for word in name_parts(token.raw):
        if word in seen:
            continue
        seen.append(word)
        forms = [word, word.removesuffix("s"), word + "s"]
        for form in forms:
            if form in vocabulary.thing_names:
                part.groups.append(Group(frozenset(vocabulary.thing_names[form]), 1.0, word))
                break
        for form in forms:
            if form in vocabulary.action_names:
                part.actions.setdefault(vocabulary.action_names[form], 1.0)
                break
        else:
            for sense in vocabulary.word(word):
                if sense.kind == "action":
                    part.actions.setdefault(sense.id, 0.9)
    part.api.extend(seen)


def _split(
    found: Sequence[_Found], whole: Part, vocabulary: Vocabulary, *, here: bool
) -> list[Part]:
    """Cut a request that wants several things where a joint is followed by an action."""
    cuts = [0]
    for index, item in enumerate(found):
        joint = (item.little and item.token.text in vocabulary.joints) or (
            item.token.kind == "mark" and item.token.raw in ",;.?!\n"
        )
        if not joint or item.token.quoted or len(cuts) == MAX_PARTS:
            continue
        left = _part(found[cuts[-1] : index], vocabulary, here=here)
        if not _complete(left) or not _begins_with_action(found[index + 1 :]):
            continue
        right = _part(found[index + 1 :], vocabulary, here=here)
        if _complete(right) or _leans(found[index + 1 :], left, right, vocabulary):
            cuts.append(index + 1)
    if len(cuts) == 1:
        return [whole]
    ends = [*cuts[1:], len(found)]
    parts = [
        _part(found[start:end], vocabulary, here=here)
        for start, end in zip(cuts, ends, strict=True)
    ]
    for earlier, later in itertools.pairwise(parts):
        # "create a deal and add a comment": the deal is the context of the comment.
        known = {id_ for group in later.groups for id_ in group.ids}
        if not _complete(later):
            # "log two hours on task 9 and finish it": the thing of the first is that of the second.
            solid = [g for g in earlier.groups if g.ids and not g.soft and g.weight > 0.4]
            if solid:
                any_ = frozenset().union(*(group.ids for group in solid))
                later.groups.append(Group(any_, 1.0, solid[-1].words))
            continue
        later.groups.extend(
            Group(group.ids, group.weight * _CONTEXT_WEIGHT, group.words, soft=True)
            for group in earlier.groups
            if group.ids and not group.ids & known and group.weight > _CONTEXT_WEIGHT
        )
    return parts


def _clauses(
    found: Sequence[_Found], whole: Part, vocabulary: Vocabulary, *, here: bool
) -> list[Part]:
    cuts = [
        index + 1
        for index, item in enumerate(found)
        if not item.token.quoted
        and (
            (item.little and item.token.text in vocabulary.joints)
            or (item.token.kind == "mark" and item.token.raw in ",;:.?!\n")
        )
    ]
    clauses: list[Part] = []
    carried: dict[str, float] = {}
    for start, end in itertools.pairwise([0, *cuts, len(found)]):
        part = _part(found[start:end], vocabulary, here=here)
        part.carried = not part.actions and bool(carried)
        carried = part.actions or carried
        part.actions = dict(carried)
        # In a long story other matters are only mentioned.
        part.elsewhere = whole.elsewhere if len(found) < _STORY else part.elsewhere
        if any(g.ids and not g.soft and g.weight > _CONTENT_WEIGHT for g in part.groups):
            clauses.append(part)
    return clauses[-_MAX_CLAUSES:] if cuts else []


def _complete(part: Part) -> bool:
    """Whether *part* says by itself what to do with what."""
    if part.methods:
        return True
    return bool(part.actions) and any(g.ids and not g.soft and g.weight > 0.4 for g in part.groups)


def _leans(found: Sequence[_Found], left: Part, right: Part, vocabulary: Vocabulary) -> bool:
    """Whether *right* does something else with the thing of *left*, called it or them."""
    first = next(iter(right.actions), "")
    if not first or first in left.actions:
        return False
    return any(item.token.text in vocabulary.pronouns for item in found[:6])


def _solid(found: Sequence[_Found]) -> bool:
    """Whether one word says what to do and another with what: no weather can make that unclear."""
    actions = {
        item.start
        for item in found
        if item.match and any(s.kind == "action" for s in item.match.senses)
    }
    things = {
        item.start
        for item in found
        if item.match and any(s.kind == "thing" for s in item.match.senses)
    }
    return bool(actions - things) and bool(things)


def _begins_with_action(found: Sequence[_Found]) -> bool:
    for item in found[:3]:
        if item.match is not None:
            return any(s.kind in ("action", "expression") for s in item.match.senses)
        if item.token.kind == "mark" or not item.little:
            return False
    return False
