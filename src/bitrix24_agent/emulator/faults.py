"""Faults on demand: which call is hit, how often, and what then goes wrong on the wire."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, get_args

from bitrix24_agent.emulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bitrix24_agent.model import Json

Kind = Literal[
    "lost",
    "slow",
    "cut_body",
    "internal_error",
    "bad_gateway",
    "unavailable",
    "rate_limit",
    "operation_time",
    "overload",
    "expired_token",
    "redirect",
    "html",
    "wrong_json",
]
"""What goes wrong.

``lost``: the connection is cut without an answer. ``slow``: the answer comes after ``seconds``.
``cut_body``: half of
the body arrives. ``internal_error``: 500 with the portal's code. ``bad_gateway``: 502 with HTML.
``unavailable``: 503
with HTML and no code. ``rate_limit``: 503 QUERY_LIMIT_EXCEEDED. ``operation_time``: 429.
``overload``: 503
OVERLOAD_LIMIT. ``expired_token``: 401. ``redirect``: 302 to ``location``. ``html``: 200 with a
page. ``wrong_json``:
200 with text that only looks like JSON.
"""

When = Literal["before", "after"]
"""``before``: the method never ran. ``after``: it ran and the answer is spoilt."""

_ANSWERS: dict[str, tuple[str, str, int]] = {
    "internal_error": ("INTERNAL_SERVER_ERROR", "Internal server error", 500),
    "rate_limit": ("QUERY_LIMIT_EXCEEDED", "Too many requests", 503),
    "operation_time": (
        "OPERATION_TIME_LIMIT",
        "Method is blocked due to operation time limit.",
        429,
    ),
    "overload": ("OVERLOAD_LIMIT", "REST API is blocked due to overload.", 503),
    "expired_token": ("expired_token", "The access token provided has expired.", 401),
}
_IN_BATCH: frozenset[str] = frozenset({"internal_error", "operation_time"})
_AFTER: frozenset[str] = frozenset({"cut_body", "html", "wrong_json"})


@dataclass(slots=True, kw_only=True)
class Fault:
    """One switch.

    Attributes:
        method: Name or pattern (``crm.*``); ``batch`` hits a whole batch, other names its commands,
            too.
        times: How often it strikes, None for always.
        skip: How many matching calls pass first.
        probability: Chance of a strike for each matching call, drawn from ``seed``.
        seconds: Delay of ``slow``.
        version: 2, 3 or None for both.
        location: Target of ``redirect``; the method is added after a final slash.
        struck: How often it has struck.
    """

    method: str
    kind: Kind
    when: When = "before"
    times: int | None = 1
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    seconds: float = 1.0
    version: int | None = None
    location: str = "https://renamed.example/rest/"
    struck: int = 0
    _draw: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        """Check the kind and start the dice."""
        if self.kind not in get_args(Kind):
            raise ValueError(f"{self.kind!r} is no fault; use one of {', '.join(get_args(Kind))}")
        if self.when not in get_args(When):
            raise ValueError(f"{self.when!r} is neither before nor after")
        self._draw = random.Random(self.seed)  # noqa: S311 -- repeatable dice, no secret

    @property
    def spent(self) -> bool:
        """Whether it will never strike again."""
        return self.times is not None and self.struck >= self.times

    def strikes(self, method: str, version: int) -> bool:
        """Decide about one call and remember the decision."""
        if self.spent or not fnmatchcase(method.lower(), self.method.lower()):
            return False
        if self.version not in (None, version):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.probability < 1.0 and self._draw.random() >= self.probability:
            return False
        self.struck += 1
        return True

    def refusal(self) -> Refusal:
        """Return the fault as an error answer, as commands of a batch get it."""
        return Refusal(*_ANSWERS.get(self.kind, _ANSWERS["internal_error"]))


class Faults:
    """The switches of a portal; the first that strikes wins."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = list(faults)
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self._faults))

    def __len__(self) -> int:
        return len(self._faults)

    def add(self, method: str, kind: Kind, **options: Json) -> Fault:
        """Set a switch and return it; the options are those of :class:`Fault`.

        A fault that spoils the answer (``cut_body``, ``html``, ``wrong_json``) strikes after
        execution unless told
        otherwise, every other before.
        """
        options.setdefault("when", "after" if kind in _AFTER else "before")
        fault = Fault(method=method, kind=kind, **options)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Take all switches away."""
        with self._lock:
            self._faults.clear()

    def strike(self, method: str, version: int, *, in_batch: bool = False) -> Fault | None:
        """Return the fault that hits this call, or None.

        A command of a batch can only fail by itself; what concerns the connection hits the batch.
        """
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if in_batch and fault.kind not in _IN_BATCH:
                    continue
                if fault.strikes(method, version):
                    return fault
        return None

    def described(self) -> list[dict[str, Json]]:
        """Return the switches as plain data."""
        names = ("method", "kind", "when", "times", "skip", "probability", "seconds", "struck")
        return [{name: getattr(fault, name) for name in names} for fault in list(self._faults)]


def fault_from(described: Mapping[str, Json]) -> Fault:
    """Rebuild a fault from plain data; ``kind`` and ``method`` are needed."""
    options = dict(described)
    options.setdefault("when", "after" if options.get("kind") in _AFTER else "before")
    return Fault(**options)
