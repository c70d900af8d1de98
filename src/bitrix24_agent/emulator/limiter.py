"""The two limits of a portal: the leaky bucket of requests and the operating time of each method.

Source: limits.md, settings/performance/limits.md @ 5988ed13
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bitrix24_agent.emulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_S = 600
SLOT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """A counter that falls by *per_second* and refuses above *capacity*.

    50 and 2 on most plans, 250 and 5 on Enterprise.
    """

    capacity: float = 50
    per_second: float = 2.0

    @classmethod
    def of(cls, value: Any) -> RateLimit | None:
        """Accept None, True (the usual plan), a pair, or an object with both attributes."""
        if value is None or value is False:
            return None
        if value is True:
            return cls()
        if isinstance(value, tuple | list):
            capacity, per_second = value
            return cls(capacity=float(capacity), per_second=float(per_second))
        return cls(capacity=float(value.capacity), per_second=float(value.per_second))


class Bucket:
    """The request counter of a portal; a refused request does not raise it."""

    def __init__(self, limit: RateLimit | None, clock: Callable[[], float]) -> None:
        self.limit = limit
        self.level = 0.0
        self._clock = clock
        self._seen = clock()

    def enter(self) -> None:
        """Count one request.

        Raises:
            Refusal: The counter stands at its capacity.
        """
        if self.limit is None:
            return
        now = self._clock()
        self.level = max(0.0, self.level - (now - self._seen) * self.limit.per_second)
        self._seen = now
        if self.level + 1 > self.limit.capacity + 1e-9:
            raise Refusal("QUERY_LIMIT_EXCEEDED", "Too many requests", 503)
        self.level += 1

    def fill(self, level: float) -> None:
        """Set the counter, for tests that start with a full bucket."""
        self.level, self._seen = float(level), self._clock()


@dataclass(slots=True)
class _Account:
    """Seconds used in one-minute slots: slot number -> (first call, seconds)."""

    slots: dict[int, tuple[float, float]] = field(default_factory=dict)


class OperatingTime:
    """Operating seconds by credential and method in ten one-minute slots.

    Attributes:
        limit: Seconds after which the next call gets 429; None switches the check off.
        cost: Method name -> seconds charged a call instead of the time really used; ``*`` for all
            others.
    """

    def __init__(self, limit: float | None, clock: Callable[[], float]) -> None:
        self.limit = limit
        self.cost: dict[str, float] = {}
        self._clock = clock
        self._accounts: dict[tuple[str, str], _Account] = defaultdict(_Account)

    def check(self, credential: str, method: str) -> None:
        """Let a call begin.

        Raises:
            Refusal: The method has used up its time; the call that crosses the limit still
                finishes.
        """
        if self.limit is not None and self.used(credential, method)[0] > self.limit:
            raise Refusal(
                "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", 429
            )

    def charge(self, credential: str, method: str, seconds: float) -> tuple[float, int]:
        """Add the time of one call and return (seconds used, moment the oldest slot falls out)."""
        seconds = self.cost.get(method.lower(), self.cost.get("*", seconds))
        now = self._clock()
        slots = self._accounts[credential, method.lower()].slots
        first, used = slots.get(int(now // SLOT_S), (now, 0.0))
        slots[int(now // SLOT_S)] = (first, used + seconds)
        return self.used(credential, method)

    def used(self, credential: str, method: str) -> tuple[float, int]:
        """Return (seconds used in the window, moment the oldest slot falls out)."""
        now = self._clock()
        slots = self._accounts[credential, method.lower()].slots
        for slot in [n for n, (first, _) in slots.items() if first + WINDOW_S <= now]:
            del slots[slot]
        oldest = min((first for first, _ in slots.values()), default=now)
        return sum(seconds for _, seconds in slots.values()), int(oldest) + WINDOW_S
