"""What a human reads before saying yes: one line, then everything the call changes.

The model wrote the call, so nothing of it may stay unsaid: every parameter stands whole in the
summary or is a line of its own, and whatever is too long says loudly that there is more.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from bitrix24_agent.model import Call, FieldChange, Json, Risk, canonical_json
from bitrix24_agent.policy.credentials import folded
from bitrix24_agent.policy.plan import ADDRESSING, item_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bitrix24_agent.model import Method

Hide = Callable[[Json], Json]
"""Takes secrets out of a value; it runs before anything is cut, so no half of one is left over."""

MAX_SUMMARY = 400
MAX_SHOWN = 100
"""Lines a call gets; the last one says how many more there are."""

MAX_CHARS = 400
MAX_ROWS = 400
MORE = "..."
"""Path of the line that says what is not shown."""

_ROOM = 300
_WHOLE = 60
_TAIL = 100
_LEAD = 60
_DELETES = ("delete", "remove", "markdeleted", "deletetree")
_NAMES = ("TITLE", "title", "NAME", "name", "LAST_NAME", "SUBJECT", "subject")
_PLAIN = re.compile(r"[A-Za-z0-9_.\[\]@~-]{1,80}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,40})?")
_FILLERS = "\u115f\u1160\u3164\uffa0\u034f"
_EMPTY: tuple[Json, ...] = (None, "", [], {})


def summarise(
    call: Call,
    method: Method | None,
    risk: Risk,
    *,
    risks: Mapping[str, Risk] | None = None,
    hide: Hide | None = None,
) -> str:
    """Return the line a human decides by: risk, method, the object, the fields that change.

    *risks* are those of a batch's commands by key. What is left out is counted.
    """
    mark = "" if risk is Risk.READ else f"[{risk}] "
    version = " (v3)" if call.version == 3 else ""
    if call.is_batch:
        return f"{mark}batch{version} of {len(call.commands)}: {_counted(call, risks or {})}"
    hide = hide or _as_it_is
    told, _, left = _targets(call, hide)
    head = " ".join([f"{mark}{call.method}{version}", *told])
    if left:
        head += f" AND {left} MORE"
    names = [
        str(hide(n)) for value in call.params.values() if isinstance(value, dict) for n in value
    ]
    head = _with_names(head, names)
    if method is not None and method.summary:
        head += f" — {method.summary}"
    return _cut(head, MAX_SUMMARY)


def diff(
    before: Mapping[str, Json] | None,
    call: Call,
    *,
    risks: Mapping[str, Risk] | None = None,
    hide: Hide | None = None,
    veil: Hide | None = None,
) -> tuple[FieldChange, ...]:
    """Return what changes, field by field; for a batch *before* holds one object by command key.

    ``before`` is None for a field that did not exist or could not be read, ``after`` is None for
    one that goes. *hide* takes secrets out of the call's own values, *veil* out of the portal's.
    A batch begins each command with a line of its own: the method as path and whatever says which
    object as value, the worst commands first.
    """
    shower = _Shower(hide or _as_it_is, veil or _as_it_is)
    if not call.is_batch:
        told = _targets(call, hide or _as_it_is)[1]
        return tuple(shower.capped(shower.changes(before, call, told), MAX_SHOWN))
    return tuple(shower.batch(before or {}, call, risks or {}))


class _Shower:
    def __init__(self, hide: Hide, veil: Hide) -> None:
        self._hide = hide
        self._veil = veil

    def batch(
        self, before: Mapping[str, Json], call: Call, risks: Mapping[str, Risk]
    ) -> Iterator[FieldChange]:
        ranked = _ranked(call, risks)
        shown, rest = ranked[:MAX_ROWS], ranked[MAX_ROWS:]
        changing = sum(_risk(k, call.commands[k], risks) is not Risk.READ for k in shown)
        each = max(1, (MAX_ROWS - len(shown)) // max(1, changing))
        for key in shown:
            inner = call.commands[key]
            if _risk(key, inner, risks) is Risk.READ:
                yield self._line(key, inner, {**inner.params})
                continue
            object_, told = self._object(inner)
            yield self._line(key, inner, object_)
            found = before.get(key)
            item = found if isinstance(found, Mapping) else item_of(found)
            for change in self.capped(self.changes(item, inner, told), min(each, MAX_SHOWN)):
                yield FieldChange(
                    path=change.path, before=change.before, after=change.after, command=key
                )
        if rest:
            counted = Counter(call.commands[key].method for key in rest)
            names = ", ".join(_times(name, n) for name, n in counted.most_common(20))
            yield FieldChange(
                path=MORE,
                before=None,
                after=_cut(
                    f"AND {len(rest):,} MORE COMMANDS, read the whole call: {names}", MAX_CHARS
                ),
            )

    def _line(self, key: str, inner: Call, value: Json) -> FieldChange:
        after = _brief(self._hide(value))
        return FieldChange(path=inner.method, before=None, after=after, command=key)

    def _object(self, inner: Call) -> tuple[dict[str, Json], frozenset[str]]:
        """Return the short values that say which object, and their names."""
        told: dict[str, Json] = {}
        for name, value in inner.params.items():
            if folded(name) in ADDRESSING and not isinstance(value, dict | list):
                grown = {**told, name: value}
                if len(canonical_json(grown)) <= MAX_CHARS // 2:
                    told = grown
        return told, frozenset(told)

    def changes(
        self, before: Mapping[str, Json] | None, call: Call, told: frozenset[str]
    ) -> Iterator[FieldChange]:
        item = item_of(before)
        going = _is_delete(call.method)
        lookup = {} if going or item is None else _by_name(item)
        for path, name, after in _sent(call, told):
            known = folded(name) in lookup
            was = lookup.get(folded(name))
            if known and was is not _TWO and _same(was, after):
                continue
            was = None if was is _TWO else self._veiled(name, was)
            old, new = self._pair(was, after)
            yield FieldChange(path=self._path(path), before=old, after=new)
        if going:
            yield from self._goes(item or {})

    def _goes(self, item: Mapping[str, Json]) -> Iterator[FieldChange]:
        kept = {n: v for n, v in item.items() if v not in _EMPTY and not isinstance(v, dict)}
        order = {name: at for at, name in enumerate(kept)}
        for name in sorted(kept, key=lambda n: (n not in _NAMES, order[n])):
            was = _brief(self._veiled(name, kept[name]))
            yield FieldChange(path=self._path(name), before=was, after=None)

    def capped(self, changes: Iterable[FieldChange], limit: int) -> list[FieldChange]:
        found = list(changes)
        if len(found) <= limit:
            return found
        left = len(found) - limit + 1
        said = f"AND {left:,} MORE FIELDS, read the whole call"
        return [*found[: limit - 1], FieldChange(path=MORE, before=None, after=said)]

    def _veiled(self, name: str, value: Json) -> Json:
        """Take secrets out of a field beside its name: a password is known by that."""
        covered = self._veil({name: value})
        return next(iter(covered.values())) if isinstance(covered, dict) else covered

    def _path(self, path: str) -> str:
        return _cut(str(self._hide(path)), MAX_CHARS)

    def _pair(self, before: Json, after: Json) -> tuple[Json, Json]:
        """Cut both around the first difference when one of them is long."""
        after = self._hide(after)
        if before is None:
            return None, _brief(after)
        old, new = _text(before), _text(after)
        if max(len(old), len(new)) <= MAX_CHARS:
            return before, after
        pairs = enumerate(zip(old, new, strict=False))
        same = next((at for at, (a, b) in pairs if a != b), min(len(old), len(new)))
        start = 0 if same <= MAX_CHARS - _TAIL - _LEAD else same - _LEAD
        return _part(old, start), _part(new, start)


# --- which parameters -----------------------------------------------------------------------------


def _targets(call: Call, hide: Hide) -> tuple[list[str], frozenset[str], int]:
    """Return the summary's values, the names it tells whole, and how many it leaves out.

    Which object comes first. Only names that say which object count as told: what such an object
    gets is a change, and has its line.
    """
    scalars = [(n, v) for n, v in call.params.items() if not isinstance(v, dict | list)]
    scalars.sort(key=lambda pair: folded(pair[0]) not in ADDRESSING)
    parts: list[str] = []
    told: set[str] = set()
    room = _ROOM - len(call.method)
    left = 0
    for name, given in scalars:
        value = hide(given)
        text = f"{_name(str(hide(name)))}={_shown(value)}"
        if len(text) > room:
            left += 1
            continue
        room -= len(text) + 1
        parts.append(text)
        if folded(name) in ADDRESSING and len(_text(value)) <= _WHOLE:
            told.add(name)
    return parts, frozenset(told), left


def _sent(call: Call, told: frozenset[str]) -> Iterator[tuple[str, str, Json]]:
    """Yield path, name and value of everything the call sends that is not told already."""
    for name, value in call.params.items():
        if folded(name) in ("fields", "data") and isinstance(value, dict):
            for inner, new in value.items():
                yield f"{name}.{inner}", inner, new
        elif name not in told:
            yield name, name, value


_TWO = object()


def _by_name(item: Mapping[str, Json]) -> dict[str, Json]:
    """Return the object's fields by folded name; two that fold alike are comparable to nothing."""
    found: dict[str, Json] = {}
    for name, value in item.items():
        word = folded(name)
        found[word] = value if word not in found or found[word] == value else _TWO
    return found


# --- batches --------------------------------------------------------------------------------------


def _ranked(call: Call, risks: Mapping[str, Risk]) -> list[str]:
    """Return the commands' keys, the worst first, else in their order."""
    return sorted(call.commands, key=lambda key: -_risk(key, call.commands[key], risks))


def _risk(key: str, inner: Call, risks: Mapping[str, Risk]) -> Risk:
    known = risks.get(key)
    if known is not None:
        return known
    return Risk.DESTRUCTIVE if _is_delete(inner.method) else Risk.WRITE


def _counted(call: Call, risks: Mapping[str, Risk]) -> str:
    """Return the methods of a batch with their counts: changes first, reads as one number."""
    changing: Counter[str] = Counter()
    reading: Counter[str] = Counter()
    for key in _ranked(call, risks):
        inner = call.commands[key]
        read = _risk(key, inner, risks) is Risk.READ
        (reading if read else changing)[inner.method] += 1
    parts: list[str] = []
    room = MAX_SUMMARY - 100
    left = 0
    for name, count in changing.items():
        text = _times(name, count)
        if len(text) + 2 > room:
            left += 1
            continue
        room -= len(text) + 2
        parts.append(text)
    if left:
        parts.append(f"AND {left} MORE CHANGING METHODS")
    if changing and reading:
        count = reading.total()
        parts.append(f"{count} read{'s' if count > 1 else ''}")
    elif reading:
        parts.append(_cut(", ".join(_times(n, c) for n, c in reading.items()), room))
    return ", ".join(parts)


def _times(name: str, count: int) -> str:
    return f"{count} × {name}" if count > 1 else name


# --- values ---------------------------------------------------------------------------------------


def _is_delete(method: str) -> bool:
    return method.rpartition(".")[2].lower() in _DELETES


def _as_it_is(value: Json) -> Json:
    return value


def _same(before: Json, after: Json) -> bool:
    """Whether the portal calls both equal: plain numbers come as text, no value as null or ''."""
    if before in _EMPTY and after in _EMPTY:
        return True
    if isinstance(before, bool) or isinstance(after, bool):
        return _yes(before) == _yes(after)
    if isinstance(before, str | int | float) and isinstance(after, str | int | float):
        one, other = str(before), str(after)
        if one == other:
            return True
        if _NUMBER.fullmatch(one) and _NUMBER.fullmatch(other):
            return Decimal(one) == Decimal(other)
        return False
    return canonical_json(before) == canonical_json(after)


def _yes(value: Json) -> str:
    return {"y": "true", "1": "true", "n": "false", "0": "false"}.get(
        str(value).lower(), str(value).lower()
    )


def _text(value: Json) -> str:
    return value if isinstance(value, str) else canonical_json(value)


def _brief(value: Json) -> Json:
    """Cut what is long to its beginning and its end; small structures stay as they are."""
    text = _text(value)
    return value if len(text) <= MAX_CHARS else _part(text, 0)


def _part(text: str, start: int) -> str:
    """Return the part of *text* from *start* on, and its end, with what is left out counted."""
    lead = f"[{start:,} CHARACTERS THE SAME] …" if start else ""
    rest = text[start:]
    if len(rest) <= MAX_CHARS:
        return lead + rest
    left = len(rest) - MAX_CHARS
    middle = f"… [{left:,} MORE CHARACTERS, read the whole call] …"
    return lead + rest[: MAX_CHARS - _TAIL] + middle + rest[-_TAIL:]


def _with_names(head: str, names: list[str]) -> str:
    """Add the names of the fields that are set, as many as fit; the others are counted."""
    if not names:
        return head
    parts: list[str] = []
    room = MAX_SUMMARY - len(head) - 60
    for name in names:
        text = _name(name)
        if len(text) + 2 > room or len(parts) == 12:
            break
        room -= len(text) + 2
        parts.append(text)
    left = len(names) - len(parts)
    told = ", ".join([*parts, f"AND {left} MORE FIELDS"] if left else parts)
    return f"{head} sets {told}"


def plain_name(name: str, limit: int = MAX_CHARS) -> str:
    """Return a name as it is, or quoted and spelt out when it is not one plain word."""
    return name if _PLAIN.fullmatch(name) else _quoted(name, limit)


def visible(text: str, *, keep: str = "") -> str:
    """Return *text* with every character that is not seen, or that steers, spelt out.

    Nothing is taken away, so nothing can hide; *keep* are such characters that may stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if (c.isprintable() and c not in _FILLERS) or c in keep else json.dumps(c)[1:-1]
        for c in text
    )


def _name(name: str) -> str:
    return plain_name(name, 80)


def _shown(value: Json) -> str:
    if isinstance(value, str):
        plain = value.isascii() and value.isalnum() and len(value) <= _WHOLE
        return value if plain else _quoted(value, _WHOLE)
    return canonical_json(value)


def _quoted(text: str, limit: int) -> str:
    """Return *text* as JSON with every character that is not seen spelt out."""
    return visible(json.dumps(_cut(text, limit), ensure_ascii=False))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
