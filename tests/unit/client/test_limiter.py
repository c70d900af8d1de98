from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bitrix24_agent.client.bucket import Bucket
from bitrix24_agent.client.limiter import Grant, Limiter
from bitrix24_agent.client.limits import ENTERPRISE, STANDARD, Limits
from bitrix24_agent.errors import NotSentError, OperationTimeError, SettingsError, StateError
from bitrix24_agent.model import Timing

if TYPE_CHECKING:
    from tests.unit.client.conftest import FakeClock

    from bitrix24_agent.state.store import SqlStore

pytestmark = pytest.mark.anyio


class Portal:
    """The portal's side: counts, and falls once a second as the documentation says."""

    def __init__(self, clock: FakeClock, *, level: float = 0, phase: float = 0.0) -> None:
        self.clock = clock
        self.level = level
        self.tick = clock.now - phase
        self.refusals = 0
        self.taken: list[float] = []

    def take(self) -> bool:
        steps = int(self.clock.now - self.tick + 1e-9)
        self.level = max(0.0, self.level - 2 * steps)
        self.tick += steps
        if self.level >= 50:
            self.refusals += 1
            return False
        self.level += 1
        self.taken.append(self.clock.now)
        return True


def limiter(clock: FakeClock, limits: Limits | None = STANDARD, **options: object) -> Limiter:
    return Limiter(limits, portal="p", credential="c", clock=clock, **options)  # type: ignore[arg-type]


async def one(pace: Limiter, portal: Portal) -> None:
    """Send until the portal takes it."""
    while True:
        grant = await pace.acquire(("m",), deadline=None)
        await asyncio.sleep(0)
        if portal.take():
            pace.confirmed(grant)
            return
        await pace.refused(grant)


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.5, 0.99])
async def test_a_burst_and_then_the_steady_rate_are_never_refused(
    clock: FakeClock, phase: float
) -> None:
    pace, portal = limiter(clock), Portal(clock, phase=phase)
    start = clock.now
    await clock.run(*(one(pace, portal) for _ in range(120)))
    assert portal.refusals == 0
    assert len([at for at in portal.taken if at == start]) == 48
    assert clock.now - start == pytest.approx((120 - 48) / 2)


@pytest.mark.parametrize("phase", [0.0, 0.5, 0.99])
async def test_a_full_bucket_costs_one_refusal_however_many_wait(
    clock: FakeClock, phase: float
) -> None:
    pace, portal = limiter(clock), Portal(clock, level=50, phase=phase)
    start = clock.now
    await clock.run(*(one(pace, portal) for _ in range(20)))
    assert portal.refusals == 1
    assert clock.now - start == pytest.approx(1 + 19 / 2)


async def test_who_comes_first_goes_first(clock: FakeClock) -> None:
    pace = limiter(clock, Limits(capacity=3, per_second=1))
    order: list[int] = []

    async def call(number: int) -> None:
        pace.confirmed(await pace.acquire(("m",), deadline=None))
        order.append(number)

    await clock.run(*(call(number) for number in range(12)))
    assert order == list(range(12))


async def test_a_deadline_that_the_line_cannot_meet_is_told_before_the_wait(
    clock: FakeClock,
) -> None:
    pace = limiter(clock, Limits(capacity=2, per_second=1))
    pace.confirmed(await pace.acquire(("m",), deadline=None))
    (error,) = await clock.run(pace.acquire(("m",), deadline=clock.now + 0.5))
    assert isinstance(error, NotSentError)
    assert (error.code, error.outcome, error.retry_after) == ("DEADLINE", "not_sent", 1.0)
    assert clock.slept == []
    (grant,) = await clock.run(pace.acquire(("m",), deadline=clock.now + 2))
    assert isinstance(grant, Grant)


async def test_a_cancelled_wait_gives_its_slot_back(clock: FakeClock) -> None:
    pace = limiter(clock, Limits(capacity=2, per_second=1))
    pace.confirmed(await pace.acquire(("m",), deadline=None))
    waiting = asyncio.ensure_future(pace.acquire(("m",), deadline=None))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert pace.free() < 0
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    start = clock.now
    await clock.run(pace.acquire(("m",), deadline=None))
    assert clock.now - start == 1.0


async def test_a_slot_that_was_not_used_is_given_back(clock: FakeClock) -> None:
    pace = limiter(clock, Limits(capacity=2, per_second=1))
    for _ in range(5):
        pace.unused(await pace.acquire(("m",), deadline=None))
    assert clock.slept == []


async def test_an_unconfirmed_bucket_is_tried_out_with_one_request_and_then_a_few(
    clock: FakeClock,
) -> None:
    pace = limiter(clock)
    tasks = [asyncio.ensure_future(pace.acquire(("m",), deadline=None)) for _ in range(30)]

    async def flying() -> int:
        for _ in range(50):
            await asyncio.sleep(0)
        return sum(1 for task in tasks if task.done())

    assert await flying() == 1
    pace.unclear(tasks[0].result())
    assert await flying() == 2
    pace.confirmed(tasks[1].result())
    assert await flying() == 2 + 2
    pace.confirmed(tasks[2].result())
    assert await flying() == 3 + 3
    for number in range(3, 12):
        pace.confirmed(tasks[number].result())
        assert await flying() == number + 4
    pace.confirmed(tasks[12].result())
    assert await flying() == 30


@pytest.mark.parametrize("free", [0, 2, 5, 11])
async def test_a_nearly_full_bucket_costs_three_refusals_at_most(
    clock: FakeClock, store: SqlStore, free: int
) -> None:
    portal = Portal(clock, level=50 - free)
    paces = [limiter(clock, store=store) for _ in range(3)]
    await clock.run(*(one(pace, portal) for pace in paces for _ in range(20)))
    assert portal.refusals <= 3


async def test_who_has_much_to_do_takes_one_answer_for_proof(clock: FakeClock) -> None:
    pace = limiter(clock)
    assert pace.free_for_many() == 1
    pace.confirmed(await pace.acquire(("m",), deadline=None))
    assert pace.free() == 2
    assert pace.free_for_many() == 47
    clock.now += 100
    assert pace.free_for_many() == 1


async def test_no_limits_means_no_waiting(clock: FakeClock) -> None:
    pace = limiter(clock, None)
    for _ in range(500):
        await pace.acquire(("m",), deadline=None)
    assert (clock.slept, pace.free(), pace.paced) == ([], float("inf"), False)


# --- methods at rest -----------------------------------------------------------------------------


async def test_a_method_that_used_up_its_time_rests_until_the_portals_reset(
    clock: FakeClock,
) -> None:
    pace = limiter(clock)
    reset = clock.now + 40
    pace.learn("crm.deal.list", Timing(operating=479, operating_reset_at=reset))
    assert pace.used_up("crm.deal.list") == 40
    assert pace.resting_s("CRM.Deal.List") == 40
    pace.confirmed(await pace.acquire(("user.get",), deadline=None))
    assert clock.slept == []
    await clock.run(pace.acquire(("user.get", "crm.deal.list"), deadline=None))
    assert clock.now == reset


async def test_a_rest_beyond_the_deadline_is_an_error_with_the_time_to_wait(
    clock: FakeClock,
) -> None:
    pace = limiter(clock)
    pace.learn("m", Timing(operating=500, operating_reset_at=clock.now + 300))
    pace.used_up("m")
    for deadline in (None, clock.now + 10):
        with pytest.raises(OperationTimeError) as caught:
            await pace.acquire(("m",), deadline=deadline)
        assert (caught.value.outcome, caught.value.retry_after) == ("not_sent", 300)


async def test_without_a_known_reset_a_method_rests_for_a_minute(clock: FakeClock) -> None:
    assert limiter(clock).used_up("m") == 60


async def test_the_threshold_is_learnt_from_the_first_refusal(clock: FakeClock) -> None:
    pace = limiter(clock)
    pace.learn("m", Timing(operating=431, operating_reset_at=clock.now + 5))
    assert pace.resting_s("m") == 0
    pace.used_up("m")
    clock.now += 10
    assert pace.resting_s("m") == 0
    pace.learn("m", Timing(operating=430, operating_reset_at=clock.now + 30))
    assert pace.resting_s("m") == 0
    pace.learn("m", Timing(operating=432, operating_reset_at=clock.now + 30))
    assert pace.resting_s("m") == 30


async def test_a_known_threshold_needs_no_refusal_and_counts_the_batch_where_it_is_billed(
    clock: FakeClock,
) -> None:
    pace = limiter(clock, Limits(operating_s=420))
    pace.learn("batch", Timing(operating=421, operating_reset_at=clock.now + 30))
    assert pace.resting_s("batch") == 30
    pace.learn("m", Timing(operating=0))
    assert pace.resting_s("m") == 0


# --- shared --------------------------------------------------------------------------------------


async def test_processes_that_share_a_store_share_the_bucket_fairly(
    clock: FakeClock, store: SqlStore
) -> None:
    portal = Portal(clock, level=50)
    paces = [limiter(clock, store=store) for _ in range(3)]
    start = clock.now
    await clock.run(*(one(pace, portal) for pace in paces for _ in range(20)))
    assert portal.refusals <= 3
    # while a transaction runs in its thread the fake time goes on with whatever alarm comes next
    assert clock.now - start <= 1 + 60 / 2 + 5


async def test_slots_are_leased_while_there_is_plenty_and_never_more_than_fit(
    clock: FakeClock, store: SqlStore
) -> None:
    portal = Portal(clock)
    paces = [limiter(clock, store=store) for _ in range(4)]
    await clock.run(*(one(pace, portal) for pace in paces for _ in range(25)))
    assert portal.refusals == 0
    for pace in paces:
        await pace.close()


async def test_a_rest_is_told_to_the_others(clock: FakeClock, store: SqlStore) -> None:
    first, second = limiter(clock, store=store), limiter(clock, store=store)
    first.used_up("crm.deal.list")
    await first.close()
    await clock.run(one(second, Portal(clock)))
    assert second.resting_s("crm.deal.list") == 60


async def test_a_store_that_breaks_leaves_pacing_to_each_alone(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        async def transact(self, _work: object, *, durable: bool = False) -> None:
            raise StateError("disk full")

    pace, portal = limiter(clock, store=Broken()), Portal(clock)
    await clock.run(*(one(pace, portal) for _ in range(60)))
    assert portal.refusals == 0
    assert [record.message for record in caplog.records] == [
        "the shared rate limit is lost, pacing alone: disk full"
    ]


# --- values --------------------------------------------------------------------------------------


def test_a_clock_that_runs_behind_lets_nothing_fall_and_a_wrong_one_is_not_believed() -> None:
    bucket = Bucket(room=48, leak=2, level=40, at=100)
    bucket.settle(95)
    assert (bucket.level, bucket.at) == (40, 100)
    bucket.settle(10)
    assert (bucket.level, bucket.at) == (48, 10)
    bucket.settle(20)
    assert (bucket.level, bucket.at) == (28, 20)


def test_limits_are_checked() -> None:
    assert (STANDARD.capacity, STANDARD.per_second) == (50, 2.0)
    assert (ENTERPRISE.capacity, ENTERPRISE.per_second) == (250, 5.0)
    for wrong in ({"capacity": 0}, {"per_second": 0}, {"per_second": -1}):
        with pytest.raises(SettingsError):
            Limits(**wrong)
