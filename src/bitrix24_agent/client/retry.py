"""Sending again, only where that could waste time but never do the work twice.

The first attempt costs nothing here: tenacity is entered with the error of an attempt that failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, wait_random_exponential

from bitrix24_agent.errors import (
    CallFailedError,
    NotSentError,
    OperationTimeError,
    RateLimitError,
)
from bitrix24_agent.model import Risk

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenacity import RetryCallState

    from bitrix24_agent.ports import Clock

T = TypeVar("T")

ATTEMPTS = 4
"""Of a call that failed for any other reason than the portal's bucket."""

RATE_ATTEMPTS = 12
"""Of a call that found the bucket full: the limiter paces these, so each one has a fair chance."""

PATIENCE_S = 60.0
"""How long a call without a deadline waits for a method that used up its operating time."""

_BACKOFF = wait_random_exponential(multiplier=0.25, min=0.1, max=8.0)


def may_repeat(error: CallFailedError, *, risk: Risk) -> bool:
    """Say whether sending again could waste time but never do the work twice.

    A write whose answer is lost is never repeated, not even in v3 under its Idempotency-Key: the
    portal stores only successful answers, and two calls under one key at the same time may both
    run. Source: api-reference/rest-v3.md
    """
    match error.outcome:
        case "not_sent":
            return error.next_step == "wait"
        case "refused":
            return error.next_step == "wait"
        case "partial":
            return False  # some batch commands already ran; never repeat the whole
        case "unknown":
            return risk is Risk.READ


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """When to send again and how long to wait before.

    Attributes:
        risk: Of the call.
        paced: A limiter keeps calls apart, so a full bucket needs no wait of our own.
        clock: Where waits happen.
        deadline: Monotonic time after which nothing is sent, or None.
    """

    risk: Risk
    paced: bool
    clock: Clock
    deadline: float | None = None

    async def after(self, error: CallFailedError, attempt: Callable[[], Awaitable[T]]) -> T:
        """Run *attempt* until it succeeds, or raise the last error when trying again is no use."""
        first: list[CallFailedError] = [error]

        async def once() -> T:
            if first:
                raise first.pop()
            return await attempt()

        retrying = AsyncRetrying(
            sleep=self.clock.sleep,
            retry=retry_if_exception(self._worth_it),
            wait=self._wait_s,
            stop=self._enough,
            reraise=True,
        )
        return await retrying(once)

    def _worth_it(self, error: BaseException) -> bool:
        return isinstance(error, CallFailedError) and may_repeat(error, risk=self.risk)

    def _wait_s(self, state: RetryCallState) -> float:
        error = _error_of(state)
        if isinstance(error, RateLimitError) and self.paced:
            return 0.0
        if isinstance(error, OperationTimeError | RateLimitError) and error.retry_after:
            return max(error.retry_after, _BACKOFF(state) if not self.paced else 0.0)
        return _BACKOFF(state)

    def _enough(self, state: RetryCallState) -> bool:
        error = _error_of(state)
        limit = RATE_ATTEMPTS if isinstance(error, RateLimitError) else ATTEMPTS
        if state.attempt_number >= limit:
            return True
        wait_s = state.upcoming_sleep
        if self.deadline is not None:
            return self.clock.monotonic() + wait_s >= self.deadline
        if isinstance(error, NotSentError) and error.code == "DEADLINE":
            return True
        return isinstance(error, OperationTimeError) and wait_s > PATIENCE_S


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
