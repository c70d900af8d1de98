"""How fast a portal may be asked, by plan; nothing here is imported but values."""

from __future__ import annotations

from dataclasses import dataclass

from bitrix24_agent.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The portal's leaky bucket: every request adds one, the counter falls once a second.

    Attributes:
        capacity: Counter above which the portal answers QUERY_LIMIT_EXCEEDED.
        per_second: How much the counter falls in a second.
        operating_s: Operating seconds of one method in ten minutes after which it rests without
            being asked; None to learn the threshold from the portal's first refusal, which costs
            one refused call (the portal says nowhere what it is).

    Source: limits.md @ 5988ed13
    """

    capacity: float = 50
    per_second: float = 2.0
    operating_s: float | None = None

    def __post_init__(self) -> None:
        if not (self.capacity >= 1 and self.per_second > 0):
            raise SettingsError(
                "limits need a capacity of at least 1 and a positive rate, not "
                f"{self.capacity} and {self.per_second}; limits=None turns pacing off"
            )

    @property
    def room(self) -> float:
        """Requests that fit at once at any moment: the counter falls in steps of a second."""
        return max(1.0, self.capacity - self.per_second)


STANDARD = Limits()
"""Every plan but Enterprise."""

ENTERPRISE = Limits(capacity=250, per_second=5.0)
