"""Methods as text for a model: one line a hit, a typed card, a full page, and what find answers.

Everything here is a function of its arguments: the same method or finding, the same bytes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bitrix24_agent.model import Card, Risk
from bitrix24_agent.tokens import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bitrix24_agent.model import Finding, Hit, Method
    from bitrix24_agent.params import Param

CARD_TOKENS = 200
ANSWER_CARD_TOKENS = 150
ANSWER_LINES = 5

_MOST_VALUES = 6
_EXAMPLE_TOKENS = 70
_LONG_VALUE = 60
_PAGING = {
    "start": "Pages of 50: pass `start`, go on with the answer's `next`.",
    "v3": "Pages: `pagination` {page, limit}.",
}


def line(method: Method) -> str:
    """Return the one line that tells this method from its siblings."""
    marks = [str(method.risk)]
    if method.version != 2:
        marks.insert(0, f"v{method.version}")
    text = f"{method.name} ({', '.join(marks)}) {method.summary}".rstrip()
    if method.replaced_by and method.replaced_by != "-":
        text += f" [older: use {method.replaced_by}]"
    elif method.deprecated:
        text += " [no longer developed]"
    return text


def card(method: Method, *, max_tokens: int = CARD_TOKENS) -> Card:
    """Return what a model needs to call *method*, in at most about *max_tokens* tokens.

    Required parameters and an example always stay; optional ones give way first, and the card says
    how many were left out.
    """
    return _card(method, max_tokens)


def page(method: Method) -> Card:
    """Return everything known about *method*: every parameter, the answer, errors, the page."""
    detail = method.detail
    parts = [_head(method), *_warnings(method), *_lines(method.params, None)]
    parts += _answer_lines(method)
    if detail.keys:
        parts.append(f"Keys of a row: {', '.join(detail.keys)}")
    if detail.errors:
        parts.append(f"Errors: {', '.join(detail.errors)}")
    if method.scopes:
        parts.append(f"Scopes: {', '.join(method.scopes)}")
    parts.append(f"Example: {_dumped(example(method))}")
    parts.append(f"Page: {method.docs_url}")
    return _made(parts)


def example(method: Method) -> dict[str, Any]:
    """Return arguments *method* would accept: what is required, and a taste of open objects."""
    return _example(method.params)


def answer(
    finding: Finding,
    *,
    seen: frozenset[str] = frozenset(),
    section: str | None = None,
    limit: int = ANSWER_LINES,
) -> Card:
    """Return what ``b24_find`` tells a model.

    Args:
        finding: What was found.
        seen: Ids of methods whose card the conversation already holds; they are not shown again.
        section: Text of the deep reference for the finding's topic, when it is wanted at once.
        limit: Hits at most.
    """
    parts: list[str] = []
    if finding.topic:
        parts.append(
            section.strip() if section else f"Read first: section '{finding.topic}' of bitrix24.md."
        )
    hits = finding.hits[:limit]
    if hits:
        parts += _hit_lines(hits, seen)
    elif not finding.topic:
        parts.append(_nothing(finding))
    if finding.hidden and hits:
        parts.append(_hidden(finding))
    return _made(parts)


# --- parts of an answer ---------------------------------------------------------------------------


def _hit_lines(hits: Sequence[Hit], seen: frozenset[str]) -> Iterator[str]:
    best = hits[0].method
    if best.id in seen:
        yield f"{line(best)} - its card is above."
    else:
        yield _card(best, ANSWER_CARD_TOKENS).text
    if len(hits) > 1:
        yield "Others (b24_describe gives a card):"
        yield from (f"- {line(hit.method)}" for hit in hits[1:])


def _nothing(finding: Finding) -> str:
    if finding.hidden:
        return (
            f"Nothing in the packs enabled here does that. {_hidden(finding)} "
            "Tell the user which pack is missing."
        )
    return (
        "No Bitrix24 method does that. If it is about Bitrix24, ask again with an action and an "
        'object ("list deals", "add a task comment"); otherwise tell the user it is not possible '
        "here."
    )


def _hidden(finding: Finding) -> str:
    packs = ", ".join(f"{pack} {number}" for pack, number in sorted(finding.hidden.items()))
    return f"In packs not enabled here: {packs}."


def _made(parts: Iterable[str]) -> Card:
    text = "\n".join(parts)
    return Card(text=text, tokens=count(text))


# --- parts of a card ------------------------------------------------------------------------------


def _card(method: Method, max_tokens: int) -> Card:
    params = method.params
    frame = [_head(method), *_warnings(method)]
    tail = [*_answer_lines(method), f"Example: {_dumped(_fitting_example(params))}"]
    room = max_tokens - count("\n".join(frame + tail))
    shown = _shown(params, room)
    left_out = len(params) - len(shown)
    body = _lines(params, shown)
    if left_out:
        body.append(f"+{left_out} more parameters: b24_describe with full=true shows all.")
    return _made([*frame, *body, *tail])


def _head(method: Method) -> str:
    return f"{method.name} (v{method.version}, {method.risk}) {method.summary}".rstrip()


def _warnings(method: Method) -> Iterator[str]:
    detail = method.detail
    if method.replaced_by and method.replaced_by != "-":
        yield f"! Older method; the current one is {method.replaced_by}."
    elif method.deprecated:
        yield "! No longer developed."
    if method.risk is Risk.DESTRUCTIVE and detail.risk_reason:
        yield f"! {detail.risk_reason}"
    if detail.audience:
        yield f"! For {detail.audience}s only."
    if not detail.webhook:
        yield "! For applications only, not for webhooks."


def _answer_lines(method: Method) -> Iterator[str]:
    detail = method.detail
    if detail.returns or detail.id_at:
        where = detail.returns or "result"
        new_id = f", new id {detail.id_at}" if detail.id_at and detail.id_at != where else ""
        yield f"Answer: {where}{new_id}"
    if detail.paging:
        yield _PAGING.get(detail.paging, f"Pages: {detail.paging}.")
    if not detail.batchable:
        yield "Not inside a batch."


def _shown(params: Sequence[Param], room: int) -> set[str]:
    """Return the paths that fit into *room* tokens: required, then top level, then nested."""
    ranked = sorted(
        range(len(params)),
        key=lambda i: (
            not _needed(params[i]),
            not params[i].top_level,
            len(params[i].segments),
            params[i].example_only,
            i,
        ),
    )
    by_path = {p.path: p for p in params}
    shown: set[str] = set()
    for place in ranked:
        param = params[place]
        chain = [param, *(p for p in _parents(param, by_path) if p.path not in shown)]
        cost = sum(count(_told(p)) + 1 for p in chain)
        if cost > room and not (_needed(param) and param.top_level):
            continue
        room -= cost
        shown.update(p.path for p in chain)
    return shown


def _needed(param: Param) -> bool:
    return param.required or param.group is not None


def _parents(param: Param, by_path: dict[str, Param]) -> Iterator[Param]:
    path = param.path
    while "." in path or path.endswith("[]"):
        path = path[:-2] if path.endswith("[]") else path.rpartition(".")[0]
        if path in by_path:
            yield by_path[path]


def _lines(params: Sequence[Param], shown: set[str] | None) -> list[str]:
    """Return one line a top-level parameter, its nested ones behind it; ``*`` marks required."""
    lines: list[str] = []
    nested = False
    for param in params:
        if shown is not None and param.path not in shown:
            continue
        if param.top_level or not lines:
            lines.append(f"- {_told(param)}")
            nested = False
        else:
            inner = param.path.partition(".")[2] or param.path
            lines[-1] += (", " if nested else ": ") + _told(param, name=inner)
            nested = True
    return lines


def _told(param: Param, *, name: str | None = None) -> str:
    """Return name, type and hints of one parameter: ``stageId string (crm_status)``."""
    text = f"{name or param.path}{'*' if param.required else ''} {param.type}"
    hints = []
    if param.enum:
        values = list(param.enum[:_MOST_VALUES])
        if len(param.enum) > _MOST_VALUES:
            values.append("...")
        hints.append("|".join(values))
    if param.ref and not param.source:
        hints.append(param.ref)
    if param.format and not (param.enum and param.format == "Y/N"):
        hints.append(param.format)
    if param.source:
        hints.append(f"from {param.source}")
    if param.default is not None and len(param.default) <= _LONG_VALUE:
        hints.append(f"default {param.default}")
    if param.group:
        hints.append(f"one of {param.group}")
    if param.open:
        hints.append("more keys allowed")
    return f"{text} ({'; '.join(hints)})" if hints else text


# --- examples -------------------------------------------------------------------------------------


def _fitting_example(params: Sequence[Param]) -> dict[str, Any]:
    """Return the example, without its tastes of optional keys when they would cost too much."""
    full = _example(params)
    if count(_dumped(full)) <= _EXAMPLE_TOKENS:
        return full
    return _example(params, tastes=0)


def _example(params: Sequence[Param], *, tastes: int = 2) -> dict[str, Any]:
    children: dict[str, list[Param]] = {}
    paths = {p.path for p in params}
    for param in params:
        children.setdefault(_holder(param, paths), []).append(param)
    chosen: set[str] = set()
    return _filled("", children, chosen, tastes)


def _holder(param: Param, paths: set[str]) -> str:
    path = param.path
    while "." in path or path.endswith("[]"):
        path = path[:-2] if path.endswith("[]") else path.rpartition(".")[0]
        if path in paths or path.removesuffix("[]") in paths:
            return path.removesuffix("[]")
    return ""


def _filled(
    holder: str, children: dict[str, list[Param]], groups: set[str], tastes: int
) -> dict[str, Any]:
    wanted = []
    for param in children.get(holder, ()):
        if param.group is not None:
            label = f"{holder}/{param.group}"
            if label in groups:
                continue
            groups.add(label)
            wanted.append(param)
        elif param.required:
            wanted.append(param)
    if holder and not wanted:
        plain = [
            p
            for p in children.get(holder, ())
            if p.path not in children and not p.path.endswith("[]")
        ]
        wanted = plain[:tastes]
    return {p.name: _value(p, children, groups, tastes) for p in wanted}


def _value(param: Param, children: dict[str, list[Param]], groups: set[str], tastes: int) -> Any:
    kind = param.type.split("|")[0]
    if kind.endswith("[]") or kind == "array":
        inner = kind.removesuffix("[]")
        if param.path in children or inner == "object":
            return [_filled(param.path, children, groups, tastes)]
        return [_scalar(param, inner)] if inner != "array" else []
    if kind == "object" or (kind == "any" and param.path in children):
        return _filled(param.path, children, groups, tastes)
    return _scalar(param, kind)


def _scalar(param: Param, kind: str) -> Any:
    if param.enum:
        first = param.enum[0]
        if kind in ("integer", "number") and first.lstrip("-").isdigit():
            return int(first)
        if kind == "boolean":
            return first.lower() in ("true", "y", "1")
        return first
    if kind == "integer":
        return 1
    if kind == "number":
        return 10.5
    if kind == "boolean":
        return True
    return _FORMATS.get(param.format or "", "text")


_FORMATS = {
    "date": "2025-01-31",
    "datetime": "2025-01-31T10:00:00+00:00",
    "Y/N": "Y",
    "base64": "aGVsbG8=",
    "url": "https://example.com/",
    "email": "name@example.com",
}


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
