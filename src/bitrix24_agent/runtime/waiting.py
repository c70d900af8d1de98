"""A write that waits for a human: what it is, and how it reads to a model and to a person."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bitrix24_agent.audit.redact import mask
from bitrix24_agent.policy.shown import plain_name, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bitrix24_agent.model import Json, Plan

FOR_MODEL = 80
"""Characters of a value that the model reads; it wrote the call itself."""

CHANGES_FOR_MODEL = 8

FOR_HUMAN = 1_000
"""Characters of a text that a person reads; of a longer one its beginning, end and length."""

_TAIL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A plan nobody has decided yet, without our own secrets and without steering characters.

    Whatever else the call would send stays visible: a human decides about exactly that.

    Attributes:
        plan_id: The stored plan.
        risk: ``write`` or ``destructive``.
        summary: One line.
        changes: The fields that change, before and after, as far as the plan tells them.
        sends: The exact call, whole: method, version, parameters (or commands), with every field.
        note: Why there is no before, when there is none.
        expires_at: Unix seconds.
        earlier: How many plans this very request had before (they expired unanswered).
        fresh: The plan was made just now, so no answer given before can be for it.
    """

    plan_id: str
    risk: str
    summary: str
    changes: tuple[dict[str, Json], ...]
    sends: dict[str, Json]
    expires_at: float
    note: str = ""
    earlier: int = 0
    fresh: bool = False

    @classmethod
    def of(
        cls, plan: Plan, *, hide: Callable[[Any], Any], earlier: int = 0, fresh: bool = False
    ) -> Waiting:
        """Return *plan* as a human may see it; *hide* takes the toolkit's own secrets out."""

        def clean(value: Json) -> Json:
            return _cut(hide(_seen(value)))

        return cls(
            plan_id=plan.id,
            risk=str(plan.risk),
            summary=_one_line(clean(plan.summary)),
            changes=tuple(
                {
                    "path": clean(f"{c.command}.{c.path}" if c.command else c.path),
                    "before": clean(c.before),
                    "after": clean(c.after),
                }
                for c in plan.diff
            ),
            sends=hide(_seen(plan.call.plain())),
            expires_at=plan.expires_at,
            note=_one_line(clean(plan.note)),
            earlier=earlier,
            fresh=fresh,
        )

    @property
    def description(self) -> str:
        """What a human reads before saying yes: every change, then exactly what would be sent.

        Of a long text the beginning, the end and how much is left out; ``sends`` holds it whole.
        """
        lines = [_escaped(self.summary)]
        lines += [f"  {_changed(change, None)}" for change in self.changes]
        if self.note:
            lines.append(f"  ({_escaped(self.note)})")
        lines += _sent(_cut(self.sends))
        until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(self.expires_at))
        lines.append(f"Plan {self.plan_id}, void after {until}.")
        return "\n".join(lines)

    @property
    def text(self) -> str:
        """What the model reads when nobody can be asked here; whatever looks secret is masked."""
        told = [_changed(change, FOR_MODEL) for change in self.changes[:CHANGES_FOR_MODEL]]
        if more := len(self.changes) - len(told):
            told.append(f"{more} more")
        text = (
            f"NOT DONE YET: {_escaped(self.summary)} waits for a human's approval. "
            f"Plan {self.plan_id}. {'; '.join(told) + '. ' if told else ''}"
            "Tell the user; after the approval call b24_execute."
        )
        return str(mask(text))

    def plain(self) -> dict[str, Json]:
        """Return a JSON-ready picture for an approval screen; nothing that is sent is missing."""
        return {
            "plan_id": self.plan_id,
            "risk": self.risk,
            "summary": self.summary,
            "changes": [dict(change) for change in self.changes],
            "sends": self.sends,
            "note": self.note,
            "expires_at": self.expires_at,
        }


def _seen(value: Json) -> Json:
    """Return *value* with every character spelt out that cannot be seen or that steers.

    Nothing is taken away: a field could pass for another one and hide it otherwise.
    """
    if isinstance(value, str):
        return visible(value, keep="\n\t")
    if isinstance(value, dict):
        shown: dict[str, Json] = {}
        for name, inner in value.items():
            spelt = visible(str(name))
            while spelt in shown:
                spelt += "'"
            shown[spelt] = _seen(inner)
        return shown
    if isinstance(value, list | tuple):
        return [_seen(inner) for inner in value]
    return value


def _cut(value: Json) -> Json:
    """Return *value* with every long text cut to its beginning, its end and its length."""
    if isinstance(value, str) and len(value) > FOR_HUMAN:
        head, tail = value[: FOR_HUMAN - _TAIL], value[-_TAIL:]
        left = f"{len(value) - FOR_HUMAN:,} of {len(value):,} characters not shown"
        return f"{head}… [{left}, read the whole call] …{tail}"
    if isinstance(value, dict):
        return {name: _cut(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(inner) for inner in value]
    return value


def _changed(change: Mapping[str, Json], most: int | None) -> str:
    path, before, after = (change[name] for name in ("path", "before", "after"))
    shown = _name(str(path))
    if before is None:
        return f"{shown}: {_json(after, most)}"
    return f"{shown}: {_json(before, most)} -> {_json(after, most)}"


def _sent(sends: Mapping[str, Json]) -> list[str]:
    """Return one line a call: method and parameters as JSON."""
    if "commands" in sends:
        head = f"Sends a batch of {len(sends['commands'])} {_params(sends)}:"
        return [head, *(f"  {_name(str(key))}: {_told(inner)}" for key, inner in sends["commands"])]
    return [f"Sends {_told(sends)}"]


def _told(call: Mapping[str, Json]) -> str:
    version = " (v3)" if call["version"] == 3 else ""
    return f"{_name(str(call['method']))}{version} {_params(call)}"


def _params(call: Mapping[str, Json]) -> str:
    """Return the parameters as JSON, first what says which object, then what it gets."""
    params = sorted(call["params"].items(), key=lambda item: isinstance(item[1], dict | list))
    return _json(dict(params), None)


def _name(name: str) -> str:
    """Return a name as it is, or quoted when it is not one plain word."""
    return _escaped(plain_name(name))


def _json(value: Json, most: int | None) -> str:
    """Return a value as one line that cannot be taken for text of ours."""
    text = _escaped(json.dumps(value, ensure_ascii=False, default=str))
    return text if most is None or len(text) <= most else f"{text[: most - 3]}..."


def _escaped(text: str) -> str:
    return text.replace("<", "\\u003c")


def _one_line(text: Json) -> str:
    return " ".join(str(text).split())
