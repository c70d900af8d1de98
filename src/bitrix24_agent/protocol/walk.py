"""Walking a whole list: what to ask next and what the answers mean, without asking anything.

A walk is a state machine. ``first`` gives the first call and ``begin`` takes its answer; then
``next_request`` hands out batches that may be in flight together, ``settle`` takes their answers in
any order, and ``take`` gives pages back in the order of the list. ``flows`` drives it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bitrix24_agent.errors import (
    OperationTimeError,
    OutcomeUnknownError,
    PortalError,
    RateLimitError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bitrix24_agent.model import Answer, Call, Json, Row

PAGE = 50
"""Rows of a page. Source: settings/how-to-call-rest-api/list-methods-pecularities.md @ 5988ed13"""

COMMANDS = 50
"""Commands of a batch. Source: limits.md @ 5988ed13"""

REQUEST_S = 20.0
"""How long one batch should take at most; the portal cuts it at 60 s (limits.md)."""

QUICK = 10
"""Pages of a batch while requests are plenty: more would only wait for each other."""

SCARCE = 12
"""Free requests below which a small one waits for company."""

LINES = 32
"""Batches in flight that the planning spreads pages over."""

TRIES = 3
"""How often a page is asked for when its command failed for a passing reason."""


@dataclass(eq=False, slots=True)
class Stretch:
    """Part of the list: behind *low*, up to *high* (ids or offsets), and its rows once read.

    ``state`` is todo, asked, done or taken; ``expected`` is a guess at its rows.
    """

    low: int
    high: int
    expected: float
    rows: list[Row] = field(default_factory=list)
    state: str = "todo"
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch inside one batch: the keys of its commands, in order."""

    stretch: Stretch
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One batch and what each part of it reads."""

    call: Call
    parts: tuple[Part, ...]


class Walk(Protocol):
    """What ``flows`` drives."""

    total: int | None

    def first(self) -> Call:
        """Return the first call."""
        ...

    def begin(self, answer: Answer) -> None:
        """Take the answer to it."""
        ...

    def next_request(self, free: float) -> Request | None:
        """Return another batch, or None while there is nothing (more) to ask for.

        Args:
            free: Requests that the portal's rate limit lets through now.
        """
        ...

    def settle(self, request: Request, answer: Answer) -> None:
        """Take the answer to a batch."""
        ...

    def take(self) -> list[Row] | None:
        """Return the next rows in order, or None until they are there."""
        ...

    def ahead(self) -> float:
        """Return about how many rows are asked for or wait for an earlier stretch.

        Zero when the next rows in order were not asked for: nothing may keep them waiting.
        """
        ...

    def count_again(self) -> Call | None:
        """Return a call that tells whether rows were missed, or None when there is no doubt."""
        ...

    def check(self, answer: Answer) -> None:
        """Take the answer to that; raise PortalError when rows were missed."""
        ...

    def mark(self) -> Mapping[str, Json]:
        """Return where the pages taken so far end, for :meth:`resume`."""
        ...

    def resume(self, mark: Mapping[str, Json]) -> None:
        """Go on behind *mark*; the first call is not needed then."""
        ...


class Pace:
    """How many pages a batch should hold, learnt from what pages cost on this portal."""

    def __init__(self, most: int = COMMANDS) -> None:
        self._most = most
        self._page_s = 0.0

    def pages(self, left: float, free: float) -> int:
        """Return the size of the next batch.

        Small ones while requests are plenty (they run at once), full ones when the portal's bucket
        is short (every request is worth half a second), and none near the portal's time limit.

        Args:
            left: Pages that nobody asked for yet, about.
            free: Requests that may go now.
        """
        most = self._most
        if self._page_s > 0:
            most = max(1, min(most, int(REQUEST_S / self._page_s)))
        if free < 2:
            return most
        wanted = max(4, min(QUICK, math.ceil(left / (2 * LINES))))
        if not math.isinf(free):
            wanted = max(wanted, math.ceil(left / (0.65 * free)))  # the rest is for what comes up
        return min(most, wanted)

    def learn(self, answer: Answer, pages: int) -> None:
        """Learn how long a page takes."""
        if answer.timing.duration and pages:
            self._page_s = max(answer.timing.duration / pages, 0.7 * self._page_s)


def rows_ahead(stretches: Iterable[Stretch]) -> float:
    """Return what :meth:`Walk.ahead` says of *stretches* in order."""
    rows = 0.0
    for place, stretch in enumerate(stretches):
        if stretch.state == "todo":
            if place == 0:
                return 0.0
        else:
            rows += len(stretch.rows) if stretch.state == "done" else stretch.expected
    return rows


def put_back(stretch: Stretch, error: Exception) -> None:
    """Put back a stretch whose command failed for a passing reason; raise *error* otherwise."""
    stretch.tries += 1
    passing = isinstance(error, OperationTimeError | RateLimitError | OutcomeUnknownError)
    if not passing or stretch.tries >= TRIES:
        raise error
    stretch.state = "todo"


def ignored(method: str, what: str) -> PortalError:
    """Return the error for a method that does not page the way it was asked to."""
    return PortalError(
        f"{method} does not keep to the page it was asked for: {what}; "
        "stopped rather than lose or repeat rows",
        code="CURSOR_IGNORED",
        next_step="stop",
    )


def incomplete(method: str, read: int, total: int) -> PortalError:
    """Return the error for a list that ended early."""
    return PortalError(
        f"{method} gave {read} rows and now counts {total}: some pages came back short; "
        "the rows so far are not all",
        code="LIST_INCOMPLETE",
        next_step="stop",
    )
