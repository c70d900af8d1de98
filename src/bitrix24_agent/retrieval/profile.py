"""What every method is about, worked out once from its name, its family and its summary."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bitrix24_agent.retrieval.text import name_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bitrix24_agent.model import Method
    from bitrix24_agent.retrieval.vocabulary import Family, Vocabulary

_WORD = re.compile("[a-z]{3,}")
_FIELD = frozenset(("field",))
_DROPPED = frozenset(("v1", "v2", "api", "b2e", "flow", "items"))
# A verb inside an all-lower-case last part: getlist, addtofavorite, updatenodes.
_VERBS = (
    "get", "list", "add", "create", "update", "delete", "remove", "set", "mark", "move", "copy",
    "search", "start", "stop", "send", "change", "upload", "attach", "is", "un", "check",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Profile:
    """What one method does with what.

    Attributes:
        method: The method.
        action: Its action.
        core: What must be meant, each with its alternatives.
        ids: All alternatives of the core together.
        may: What may be mentioned with it.
        words: Words of its name and summary.
    """

    method: Method
    action: str
    core: tuple[frozenset[str], ...]
    ids: frozenset[str]
    may: frozenset[str]
    words: frozenset[str]


def profiles(methods: Iterable[Method], vocabulary: Vocabulary) -> list[Profile]:
    """Return the profile of every method, in their order."""
    families = _Families(vocabulary.families)
    made = [_profile(method, families, vocabulary) for method in methods]
    # What is mentioned when a thing is added is mentioned when it is taken away too.
    shared: dict[tuple[str, tuple[frozenset[str], ...]], set[str]] = {}
    kin = [_kin(profile) for profile in made]
    for key, profile in zip(kin, made, strict=True):
        shared.setdefault(key, set()).update(profile.may)
    return [
        profile
        if len(profile.may) == len(shared[key])
        else replace(profile, may=frozenset(shared[key]))
        for key, profile in zip(kin, made, strict=True)
    ]


def _kin(profile: Profile) -> tuple[str, tuple[frozenset[str], ...]]:
    return (profile.method.name.lower().rpartition(".")[0], profile.core)


class _Families:
    """Family rows by pattern: whole names first, then the longest pattern that fits."""

    def __init__(self, families: dict[str, Family]) -> None:
        self._exact = {p: f for p, f in families.items() if "*" not in p}
        self._prefix = {
            p[:-1]: f for p, f in families.items() if p.endswith("*") and p.count("*") == 1
        }
        self._other = [
            (re.compile(".*".join(map(re.escape, p.split("*"))) + "$"), f)
            for p, f in families.items()
            if "*" in p and not (p.endswith("*") and p.count("*") == 1)
        ]

    def exact(self, name: str) -> Family | None:
        return self._exact.get(name)

    def wide(self, name: str) -> tuple[str, Family] | None:
        """Return the longest prefix pattern that fits, with the prefix."""
        end = len(name)
        while end:
            end = name.rfind(".", 0, end)
            if end < 0:
                return None
            family = self._prefix.get(name[: end + 1])
            if family is not None:
                return name[: end + 1], family
        return None

    def others(self, name: str) -> Iterator[Family]:
        return (family for pattern, family in self._other if pattern.match(name))


def _profile(method: Method, families: _Families, vocabulary: Vocabulary) -> Profile:
    name = method.name.lower()
    segments = method.name.split(".")
    action = ""
    core: list[frozenset[str]] = []
    may: set[str] = set()
    exact = families.exact(name)
    wide = families.wide(name)
    if exact is not None and exact.core:
        action, core, may = exact.action, list(exact.core), set(exact.may)
        rest: list[str] = []
        if not action:
            action = _action(segments[-1], vocabulary)[0]
        if wide is not None:
            may |= wide[1].may
    else:
        rest = segments
        if wide is not None:
            prefix, family = wide
            # A row that only adds to the name leaves the name to speak for itself.
            rest = segments[prefix.count(".") :] if family.core else segments[1:]
            core, may = list(family.core), set(family.may)
            action = family.action
        else:
            # The first part of a long name is the product area: it need not be said.
            if len(segments) > 2:
                may.update(vocabulary.thing_names.get(segments[0].lower(), ()))
                rest = segments[1:]
        if exact is not None:
            action = exact.action or action
            may |= exact.may
        named, things = _action(segments[-1], vocabulary)
        action = action or named
        for segment in rest[:-1]:
            if segment.lower() not in _DROPPED:
                _mean(segment, core, vocabulary)
        if things and rest:
            _mean(things, core, vocabulary)
    if name.endswith(".field.list"):
        # v3 lists the fields of its objects this way.
        action = "fields"
        core = [alternatives for alternatives in core if alternatives != _FIELD] or core
    for family in families.others(name):
        action = family.action or action
        core.extend(family.core)
        may |= family.may
    ids = frozenset().union(*core) if core else frozenset()
    return Profile(
        method=method,
        action=action,
        core=tuple(dict.fromkeys(core)),
        ids=ids,
        may=frozenset(may - ids),
        words=_words(method),
    )


def _action(last: str, vocabulary: Vocabulary) -> tuple[str, str]:
    """Return the action of a method's last part and what remains of that part as a thing."""
    lower = last.lower()
    if lower in vocabulary.action_names:
        thing = last if lower in vocabulary.thing_names else ""
        return vocabulary.action_names[lower], thing
    words = name_parts(last)[1:]
    if words and words[0] in vocabulary.action_names:
        rest = last[len(words[0]) :]
        action = vocabulary.action_names[words[0]]
        if action == "get" and rest.endswith("s"):
            action = "list"
        return action, rest
    for verb in _VERBS:
        if lower.startswith(verb) and verb in vocabulary.action_names:
            return vocabulary.action_names[verb], last[len(verb) :]
    return "get", last


def _mean(segment: str, core: list[frozenset[str]], vocabulary: Vocabulary) -> None:
    """Add what one part of a name stands for, unless it is there."""
    lower = segment.lower()
    things = vocabulary.thing_names.get(lower) or vocabulary.thing_names.get(lower.rstrip("s"))
    found = frozenset(things) if things else frozenset((lower,))
    if not any(found & known for known in core):
        core.append(found)


def _words(method: Method) -> frozenset[str]:
    words = _WORD.findall(method.summary.lower())
    return frozenset((*words, *name_parts(method.name)))
