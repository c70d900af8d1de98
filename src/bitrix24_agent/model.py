"""The frozen values every layer speaks in, from methods and packs to plans and tools."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from bitrix24_agent.params import Param, to_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Json = Any
"""Anything ``json.loads`` can return."""

Row = dict[str, Any]
"""One item of a list, as the portal spells it."""

DOCS_ROOT = "https://apidocs.bitrix24.com/"


class Risk(enum.IntEnum):
    """The worst thing a call can do; ordered, so ``max()`` picks the worst."""

    READ = 1
    WRITE = 2
    DESTRUCTIVE = 3

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> Risk:
        """Return the risk named ``read``, ``write`` or ``destructive``; ValueError otherwise."""
        try:
            return cls[text.strip().upper()]
        except KeyError:
            raise ValueError(f"{text!r} is not a risk; use read, write or destructive") from None


# --- knowledge ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodDetail:
    """What a method's own block says beyond the index line; read only when somebody asks.

    Attributes:
        params: Every documented parameter, parents before children.
        returns: Where the useful part of the answer is: ``result``, ``result.items[]``,
            ``result.task.id``.
        id_at: Where a new id is (``result``, ``result.item.id``), or None.
        paging: ``start`` (50 rows, ``start``/``next``), ``v3`` (``pagination``), another style's
            name, or None.
        batchable: False when the portal refuses it inside a batch.
        errors: Codes the page lists.
        audience: Who may call it when the page restricts it (``administrator``), or None.
        webhook: False when only an application (OAuth) may call it.
        risk_reason: Why the risk is what it is, where the name does not say it.
        keys: Key skeleton of one row or object of the answer.
        line: Line of the block in its family file.
    """

    params: tuple[Param, ...] = ()
    returns: str | None = None
    id_at: str | None = None
    paging: str | None = None
    batchable: bool = True
    errors: tuple[str, ...] = ()
    audience: str | None = None
    webhook: bool = True
    risk_reason: str | None = None
    keys: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Method:
    """One documented method; its identity is name + version. Details load on first use.

    Source: references/methods/<family>.md
    """

    name: str
    version: int
    pack: str
    risk: Risk
    scopes: tuple[str, ...]
    summary: str
    family: str
    page: str
    replaced_by: str | None = None
    load: Callable[[Method], MethodDetail] = field(
        default=lambda _method: MethodDetail(), repr=False, compare=False
    )

    @property
    def id(self) -> str:
        """``crm.deal.add@2``."""
        return f"{self.name}@{self.version}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Method) and self.id == other.id

    def __hash__(self) -> int:
        return hash((self.name, self.version))

    @property
    def docs_url(self) -> str:
        """The vendor's page about this method."""
        return DOCS_ROOT + self.page.removesuffix(".md") + ".html"

    @property
    def deprecated(self) -> bool:
        """Whether the vendor stopped developing it (with or without a named successor)."""
        return self.replaced_by is not None

    @cached_property
    def detail(self) -> MethodDetail:
        """Everything beyond the index line; the first use reads the family file."""
        return self.load(self)

    @property
    def params(self) -> tuple[Param, ...]:
        """Every documented parameter, nested ones included."""
        return self.detail.params

    def param(self, path: str) -> Param | None:
        """Return the parameter at *path*, or None."""
        return next((p for p in self.params if p.path == path), None)

    def schema(self) -> dict[str, Any]:
        """Return the parameters' JSON Schema in the portable dialect, a fresh dict each time."""
        return to_schema(self.params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A domain of the API: what it is for, its methods, and the words that lead to it."""

    name: str
    title: str
    purpose: str
    patterns: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortlisted:
    """A row of a pack's shortlist: the method an experienced integrator reaches for first."""

    method: str
    version: int
    risk: Risk
    params: str
    why: str
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStep:
    """One step of a recipe: a method, its parameters (``{{ref}}`` marks), what it gives on."""

    method: str
    params: Mapping[str, Json]
    gives: Mapping[str, str]
    note: str = ""
    version: int | None = None
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A recipe of calls, reads first."""

    name: str
    pack: str
    goal: str
    needs: Mapping[str, str]
    steps: tuple[ChainStep, ...]
    line: int = 0


# --- calls ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One method with its arguments, canonical: ready to be judged, stored and sent unchanged.

    ``method`` is the catalogue's own spelling (or ``batch``). For a v2 batch ``commands`` holds the
    inner calls in order; ``params`` then holds only ``halt``.
    """

    method: str
    version: int = 2
    params: Mapping[str, Json] = field(default_factory=dict)
    commands: Mapping[str, Call] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """``crm.deal.add@2``."""
        return f"{self.method}@{self.version}"

    @property
    def is_batch(self) -> bool:
        """Whether it carries inner commands."""
        return self.method == "batch"

    def with_params(self, **changed: Json) -> Call:
        """Return the same call with some top-level parameters replaced."""
        return replace(self, params={**self.params, **changed})

    def with_all(self, params: Mapping[str, Json]) -> Call:
        """Return the same call with other parameters."""
        return replace(self, params=dict(params))

    def plain(self) -> dict[str, Json]:
        """Return a JSON-ready picture; the commands of a batch keep their order."""
        shown: dict[str, Json] = {
            "method": self.method,
            "version": self.version,
            "params": dict(self.params),
        }
        if self.commands:
            shown["commands"] = [[key, inner.plain()] for key, inner in self.commands.items()]
        return shown

    @classmethod
    def from_plain(cls, shown: Mapping[str, Json]) -> Call:
        """Rebuild what :meth:`plain` gave."""
        return cls(
            method=shown["method"],
            version=shown["version"],
            params=shown["params"],
            commands={key: cls.from_plain(inner) for key, inner in shown.get("commands", ())},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, told by the host and never by the model.

    Attributes:
        actor: The person or program behind the conversation.
        conversation: Thread id; refusals and handles belong to it.
        key: Idempotency key of this very request (thread and tool call id in the adapters), or
            None.
    """

    actor: str | None = None
    conversation: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The ``time`` block of an answer, in (Unix) seconds; older portals leave parts out."""

    duration: float | None = None
    operating: float | None = None
    operating_reset_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the portal returned.

    Attributes:
        result: The ``result`` value as it came.
        rows: The rows of a list, wherever the method keeps them; empty for anything that is no
            list.
        total: Rows in all, or None when the portal did not count.
        next: Offset of the next page, or None on the last.
        timing: The portal's own timing.
        raw: The whole decoded envelope.
        commands: For a batch, command key -> its own Answer (successful ones).
        failures: For a batch, command key -> the error of that command.
        replayed: True when it was answered from the idempotency record and nothing was sent.
        note: One line worth telling the reader (for example "replayed"), or "".
    """

    result: Json = None
    rows: list[Row] = field(default_factory=list)
    total: int | None = None
    next: int | None = None
    timing: Timing = field(default_factory=Timing)
    raw: Mapping[str, Json] = field(default_factory=dict)
    commands: Mapping[str, Answer] = field(default_factory=dict)
    failures: Mapping[str, Exception] = field(default_factory=dict)
    replayed: bool = False
    note: str = ""


# --- judgement ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate decided about one call, with the rule that decided it."""

    action: Literal["allow", "confirm", "deny"]
    risk: Risk
    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field before and after; ``before`` is None when it did not exist or could not be read."""

    path: str
    before: Json
    after: Json
    command: str | None = None


PlanStatus = Literal["pending", "approved", "refused", "executing", "executed", "expired", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A frozen call that waits for a human, or has been judged by one.

    Attributes:
        id: Short, random, safe to show.
        call: The exact call that will be sent.
        digest: Over portal, credential, method, version, parameters and references version.
        risk: Of this call with these arguments.
        summary: One line for a human.
        diff: Field by field, before and after.
        note: Why there is no before/after, when there is none.
        created_at: Unix seconds.
        expires_at: Unix seconds.
        status: See PlanStatus.
        decided_by: Who approved or refused.
        caller: Who asked.
    """

    id: str
    call: Call
    digest: str
    risk: Risk
    summary: str
    diff: tuple[FieldChange, ...] = ()
    note: str = ""
    created_at: float = 0.0
    expires_at: float = 0.0
    status: PlanStatus = "pending"
    decided_by: str | None = None
    caller: Caller = field(default_factory=Caller)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An approver's answer: yes or no, by whom, and why."""

    approved: bool
    by: str = "approver"
    reason: str = ""


# --- tools and findings ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool a model may call, in no framework's terms; its schema is made when asked for.

    Attributes:
        name: ``b24_crm_deal_add``; letters, digits, ``_`` and ``-``, at most 64 characters.
        description: One line, at most 1,024 characters.
        make_schema: Returns a fresh JSON Schema in the portable dialect.
        method: The catalogue method behind a typed tool; None for a gateway tool.
        risk: Of the method; for gateway tools the worst it can lead to.
    """

    name: str
    description: str
    make_schema: Callable[[], dict[str, Any]]
    method: Method | None = None
    risk: Risk = Risk.READ

    @property
    def parameters(self) -> dict[str, Any]:
        """A fresh JSON Schema of the arguments."""
        return self.make_schema()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool gives back: short text for the model, the rest for the host.

    Attributes:
        text: Never empty; portal data is marked as data.
        is_error: The model should do something else.
        handle: Handle of the rest of a large answer for ``b24_more``, or None.
        answer: The whole Answer, for the host only.
        error: The error behind ``is_error``, for the host only.
    """

    text: str
    is_error: bool = False
    handle: str | None = None
    answer: Answer | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A method that fits a request; scores are comparable within and between requests (0..1)."""

    method: Method
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a request leads to.

    Attributes:
        query: The request as it came.
        hits: Best first.
        packs: Pack names, best first.
        topic: auth, limits, errors, batch, events, oauth, rest3, or None.
        intent: ``call``, ``trouble``, ``design`` or ``events``.
        hidden: Hits left out because their pack is not enabled: pack name -> count.
        files: Reference files an agent should read for it, relative names.
    """

    query: str
    hits: tuple[Hit, ...] = ()
    packs: tuple[str, ...] = ()
    topic: str | None = None
    intent: str = "call"
    hidden: Mapping[str, int] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """True when nothing fits, which is a normal answer."""
        return not self.hits and self.topic is None

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Text for a model with its cost."""

    text: str
    tokens: int

    def __str__(self) -> str:
        return self.text


def canonical_json(value: Json) -> str:
    """Return *value* as JSON with sorted keys and no spaces: equal values, equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
