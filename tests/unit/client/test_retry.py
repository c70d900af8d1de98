from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bitrix24_agent.client.retry import ATTEMPTS, RATE_ATTEMPTS, Repeat, may_repeat
from bitrix24_agent.errors import (
    BatchError,
    BlockedError,
    CallFailedError,
    NotSentError,
    OperationTimeError,
    OutcomeUnknownError,
    PortalError,
    RateLimitError,
)
from bitrix24_agent.model import Risk

if TYPE_CHECKING:
    from tests.unit.client.conftest import FakeClock

pytestmark = pytest.mark.anyio

NOT_SENT = NotSentError("x")
TLS = NotSentError("x", next_step="ask_human")
RATE = RateLimitError("x", retry_after=1.0)
TIME = OperationTimeError("x", retry_after=20)
BLOCKED = BlockedError("x")
REFUSED = PortalError("x", next_step="fix_arguments")
UNKNOWN = OutcomeUnknownError("x")
PARTIAL = BatchError("x", results={}, failures={})


@pytest.mark.parametrize(
    ("error", "read", "write"),
    [
        (NOT_SENT, True, True),
        (TLS, False, False),
        (RATE, True, True),
        (TIME, True, True),
        (BLOCKED, False, False),
        (REFUSED, False, False),
        (UNKNOWN, True, False),
        (PARTIAL, False, False),
    ],
)
def test_only_what_cannot_happen_twice_is_repeated(
    error: CallFailedError, read: bool, write: bool
) -> None:
    assert may_repeat(error, risk=Risk.READ) is read
    assert may_repeat(error, risk=Risk.WRITE) is write
    assert may_repeat(error, risk=Risk.DESTRUCTIVE) is write


class Tries:
    def __init__(self, *errors: CallFailedError) -> None:
        self.errors = list(errors)
        self.count = 0

    async def __call__(self) -> str:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def repeat(clock: FakeClock, **options: Any) -> Repeat:
    given: dict[str, Any] = {"risk": Risk.READ, "paced": True}
    return Repeat(clock=clock, **(given | options))


async def test_it_goes_on_until_it_succeeds_with_waits_that_are_jittered(clock: FakeClock) -> None:
    tries = Tries(UNKNOWN, NOT_SENT)
    assert await clock.run(repeat(clock).after(UNKNOWN, tries)) == ["done"]
    assert tries.count == 3
    assert len(clock.slept) == 3
    assert all(0.1 <= wait <= 2 for wait in clock.slept)


async def test_the_last_error_is_the_one_that_is_raised(clock: FakeClock) -> None:
    tries = Tries(*[OutcomeUnknownError(str(n)) for n in range(9)])
    (error,) = await clock.run(repeat(clock).after(UNKNOWN, tries))
    assert (str(error), tries.count) == (str(ATTEMPTS - 2), ATTEMPTS - 1)


async def test_an_error_that_may_not_be_repeated_is_raised_at_once(clock: FakeClock) -> None:
    tries = Tries(REFUSED)
    for first in (UNKNOWN, REFUSED):
        (error,) = await clock.run(repeat(clock, risk=Risk.WRITE).after(first, tries))
        assert error is first
    assert (tries.count, clock.slept) == (0, [])


async def test_a_full_bucket_is_left_to_the_limiter_and_tried_more_often(clock: FakeClock) -> None:
    tries = Tries(*[RATE] * (RATE_ATTEMPTS - 2))
    assert await clock.run(repeat(clock, risk=Risk.WRITE).after(RATE, tries)) == ["done"]
    assert set(clock.slept) == {0.0}
    unpaced = Tries(RATE)
    await clock.run(repeat(clock, paced=False).after(RATE, unpaced))
    assert clock.slept[-1] >= 1.0


async def test_a_resting_method_is_waited_for_as_long_as_it_says_but_not_for_ever(
    clock: FakeClock,
) -> None:
    assert await clock.run(repeat(clock).after(TIME, Tries())) == ["done"]
    assert clock.slept == [20]
    long = OperationTimeError("x", retry_after=600)
    (error,) = await clock.run(repeat(clock).after(long, Tries()))
    assert error is long
    assert clock.slept == [20]


async def test_no_wait_goes_past_the_deadline(clock: FakeClock) -> None:
    limited = repeat(clock, deadline=clock.now + 10)
    (error,) = await clock.run(limited.after(TIME, Tries()))
    assert (error, clock.slept) == (TIME, [])


async def test_a_deadline_that_passed_in_the_queue_is_not_tried_again(clock: FakeClock) -> None:
    late = NotSentError("late", code="DEADLINE")
    (error,) = await clock.run(repeat(clock).after(late, Tries()))
    assert error is late
