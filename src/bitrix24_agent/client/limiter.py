"""Pacing by the portal's own leaky bucket, kept here so that the portal never has to refuse.

No limiter library fits: aiolimiter, limits and pyrate-limiter know windows and buckets in memory
or Redis, but none lets a refusal correct the picture (the portal also counts other programs at the
same address), shares it through the SQL store we already have, gives a slot back, or lets one
method rest alone. The arithmetic is twenty lines (``bucket.Bucket``). Three rules make it exact:

- The portal's counter falls in steps of a second and ours evenly, so one step of room is left.
- A picture that nothing confirmed lately is tried out, one request first and few at a time. A
  bucket that others filled costs three refusals at most, not fifty.
- Who waits, waits in line: one line a process, one place a process in the shared bucket.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

from bitrix24_agent.client.bucket import SURE_S, Bucket, SharedBucket
from bitrix24_agent.errors import NotSentError, OperationTimeError, StateError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from bitrix24_agent.client.limits import Limits
    from bitrix24_agent.model import Timing
    from bitrix24_agent.ports import Clock, Store

log = logging.getLogger("bitrix24_agent.client")

LEASE_S = 0.25
"""How long leased slots are good: one used later than it was counted makes the picture rosier."""

ENOUGH = 12
"""Answers that confirm a picture of the bucket."""

AT_ONCE = 3
"""Requests in flight until then, after the first."""

HOLD_S = 0.03
"""How often a process looks whether another has finished trying the bucket out."""

SYNC_S = 5.0
"""How often methods at rest are read from the store."""

REST_S = 60.0
"""How long a method rests when the portal never said until when, and how long a call without a
deadline waits for one that rests."""

_NEVER = float("-inf")


class Grant:
    """Leave to send one request; tell the limiter once what came of it."""

    __slots__ = ("at", "tries")

    def __init__(self, at: float, *, tries: bool = False) -> None:
        self.at = at
        self.tries = tries


class Limiter:
    """Paces the requests of one credential to one portal."""

    def __init__(
        self,
        limits: Limits | None,
        *,
        portal: str,
        credential: str,
        clock: Clock,
        store: Store | None = None,
    ) -> None:
        self._limits = limits
        self._clock = clock
        room, leak = (limits.room, limits.per_second) if limits else (1.0, 1.0)
        self._bucket = Bucket(room=room, leak=leak, at=clock.monotonic())
        self._shared: SharedBucket | None = None
        if limits is not None and store is not None:
            self._shared = SharedBucket(
                store, clock, portal=portal, credential=credential, room=room, leak=leak
            )
        self._line: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting = 0
        self._lease = 0
        self._lease_until = _NEVER
        self._sure_until = _NEVER
        self._answered_at = _NEVER
        self._answers = 0
        self._trying = 0
        self._landed = asyncio.Event()
        self._refused_at = _NEVER
        self._synced_at = _NEVER
        self._rests: dict[str, float] = {}
        self._seen: OrderedDict[str, Timing] = OrderedDict()
        self._thresholds: dict[str, float] = {}
        self._background: set[asyncio.Task[None]] = set()

    @property
    def paced(self) -> bool:
        """Whether there is a bucket to keep to."""
        return self._limits is not None

    def free(self) -> float:
        """Return about how many requests could go now; below zero, how many wait."""
        if self._limits is None:
            return float("inf")
        now = self._clock.monotonic()
        fallen = max(0.0, now - self._bucket.at) * self._bucket.leak
        free = self._bucket.room - max(0.0, self._bucket.level - fallen) - self._waiting
        free += self._lease if now < self._lease_until else 0
        if now < self._sure_until:
            return free
        return min(free, self._window(now) - self._trying)

    def free_for_many(self) -> float:
        """Return the same, taking one answer for proof that the picture is right.

        For whoever has much to do and would rather be refused now and then than start slowly.
        """
        if self._clock.monotonic() < self._answered_at + SURE_S:
            self._sure_until = max(self._sure_until, self._answered_at + SURE_S)
            self._landed.set()
        return self.free()

    def resting_s(self, method: str) -> float:
        """Return for how long *method* rests."""
        return max(0.0, self._rests.get(method.lower(), 0.0) - self._clock.time())

    # --- before a request ------------------------------------------------------------------------

    async def acquire(self, methods: Iterable[str], *, deadline: float | None) -> Grant:
        """Wait for a slot; first come, first served.

        Args:
            methods: What the request calls; one at rest is waited for, or refused here.
            deadline: Monotonic time after which there is no point.

        Raises:
            NotSentError: The deadline passes before a slot is free.
            OperationTimeError: A method rests for longer than the deadline, or than a minute.
        """
        if self._rests:
            await self._wait_for_rest(methods, deadline)
        now = self._clock.monotonic()
        if self._limits is None:
            return Grant(now)
        if not self._waiting and self._leased(now):
            return Grant(now)
        line = self._in_line()
        self._waiting += 1
        try:
            if deadline is None:
                async with line:
                    return await self._first_in_line(None)
            async with asyncio.timeout(max(0.0, deadline - now)), line:
                return await self._first_in_line(deadline)
        except TimeoutError:
            raise _too_late(None) from None
        finally:
            self._waiting -= 1

    async def _first_in_line(self, deadline: float | None) -> Grant:
        while True:
            now = self._clock.monotonic()
            if now >= self._sure_until:
                if self._trying >= self._window(now):
                    self._landed.clear()
                    await self._landed.wait()
                    continue
            elif self._leased(now):
                return Grant(now)
            wait_s = await self._reserve(deadline)
            if wait_s is None:
                await self._clock.sleep(HOLD_S)
                continue
            if wait_s > 0:
                now = self._clock.monotonic()
                try:
                    await self._clock.sleep(wait_s)
                except asyncio.CancelledError:
                    self._give_back()
                    raise
            if self._refused_at > now:
                continue  # the portal refused another meanwhile: this slot came too early
            now = self._clock.monotonic()
            tries = now >= self._sure_until
            self._trying += tries
            return Grant(now, tries=tries)

    def _window(self, now: float) -> int:
        """Return how many requests may be in flight while the picture is tried out."""
        return min(AT_ONCE, 1 + self._answers) if now < self._answered_at + SURE_S else 1

    def _leased(self, now: float) -> bool:
        if self._lease and now < self._lease_until and now < self._sure_until:
            self._lease -= 1
            return True
        return False

    async def _reserve(self, deadline: float | None) -> float | None:
        """Take the next slot and return the seconds until it comes; None to ask again."""
        limit_s = None if deadline is None else deadline - self._clock.monotonic()
        if self._shared is not None:
            try:
                return await self._reserve_shared(self._shared, limit_s)
            except StateError as error:
                self._alone(error)
        self._bucket.settle(self._clock.monotonic())
        wait_s = self._bucket.wait_s()
        if limit_s is not None and wait_s > limit_s:
            raise _too_late(wait_s)
        self._bucket.level += 1
        return wait_s

    async def _reserve_shared(self, shared: SharedBucket, limit_s: float | None) -> float | None:
        now = self._clock.monotonic()
        sync = now - self._synced_at > SYNC_S
        slot = await shared.reserve(limit_s, sure=now < self._sure_until, sync=sync)
        if slot.hold:
            return None
        if not slot.taken:
            raise _too_late(slot.wait_s)
        now = self._clock.monotonic()
        if slot.sure and now >= self._sure_until:
            self._sure_until = now + SURE_S / 2  # another process's word
        self._bucket.level, self._bucket.at = slot.level, now
        if slot.taken > 1:
            self._lease, self._lease_until = slot.taken - 1, now + LEASE_S
        if slot.rests is not None:
            self._synced_at = now
            for method, until in slot.rests.items():
                self._rests[method] = max(until, self._rests.get(method, 0.0))
        return slot.wait_s

    async def _wait_for_rest(self, methods: Iterable[str], deadline: float | None) -> None:
        now = self._clock.time()
        self._rests = {method: until for method, until in self._rests.items() if until > now}
        waits = {m: until - now for m in methods if (until := self._rests.get(m.lower()))}
        if not waits:
            return
        method = max(waits, key=lambda name: waits[name])
        left_s = REST_S if deadline is None else deadline - self._clock.monotonic()
        if waits[method] > left_s:
            raise OperationTimeError(
                f"{method} used up its operating time and rests for {waits[method]:.0f} s; "
                "other methods work",
                code="OPERATION_TIME_LIMIT",
                outcome="not_sent",
                retry_after=waits[method],
            )
        await self._clock.sleep(waits[method])

    # --- after a request -------------------------------------------------------------------------

    def confirmed(self, grant: Grant) -> None:
        """Learn that the portal took the request."""
        now = self._clock.monotonic()
        self._answers = self._answers + 1 if now < self._answered_at + SURE_S else 1
        self._answered_at = now
        if now < self._sure_until or self._answers >= ENOUGH:
            self._sure_until = now + SURE_S
        self._land(grant)

    def unclear(self, grant: Grant) -> None:
        """Learn nothing: no answer came, but the request may have been counted."""
        self._land(grant)

    def unused(self, grant: Grant) -> None:
        """Give the slot back: nothing was sent."""
        self._land(grant)
        if self._limits is not None:
            self._give_back()

    async def refused(self, grant: Grant) -> None:
        """Learn that the bucket was full when the request came."""
        now = self._clock.monotonic()
        news = grant.at >= self._refused_at  # what left before the last refusal says the same again
        self._sure_until = now + SURE_S  # full, for sure
        self._land(grant)
        if self._limits is None or not news:
            return
        self._refused_at = now
        self._lease = 0
        self._bucket.settle(now)
        self._bucket.refused()
        if self._shared is not None:
            try:
                level = await self._shared.refused()
            except StateError as error:
                self._alone(error)
            else:
                self._bucket.level, self._bucket.at = level, self._clock.monotonic()

    def learn(self, method: str, timing: Timing) -> None:
        """Learn from ``time.operating`` how near a method is to its limit.

        The documentation counts the commands of a batch, each under its own name, and not the
        batch; where a portal bills ``batch`` itself, its answers say so and it rests as well.

        Source: limits.md @ 5988ed13
        """
        reset = timing.operating_reset_at
        if not timing.operating or reset is None:
            return
        name = method.lower()
        self._seen[name] = timing
        self._seen.move_to_end(name)
        if len(self._seen) > 500:
            self._seen.popitem(last=False)
        known = self._limits.operating_s if self._limits is not None else None
        threshold = self._thresholds.get(name, known)
        if threshold is not None and timing.operating >= threshold and reset > self._clock.time():
            self._put_to_rest(name, reset)

    def used_up(self, method: str) -> float:
        """Learn that *method* was refused for its operating time; return for how long it rests.

        Source: limits.md @ 5988ed13: until the last ``operating_reset_at``, then minute by minute
        """
        name = method.lower()
        now = self._clock.time()
        until = now + REST_S
        seen = self._seen.pop(name, None)
        if seen is not None and seen.operating:
            known = self._thresholds.get(name, seen.operating)
            self._thresholds[name] = min(known, seen.operating)
            if seen.operating_reset_at is not None and seen.operating_reset_at > now:
                until = seen.operating_reset_at
        self._put_to_rest(name, until)
        return until - now

    async def close(self) -> None:
        """Wait until what was learnt is written."""
        if self._background:
            await asyncio.wait(self._background, timeout=5)

    # --- inside ----------------------------------------------------------------------------------

    def _in_line(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._line is None or self._loop is not loop:
            self._line, self._loop = asyncio.Lock(), loop
            self._landed, self._trying, self._waiting = asyncio.Event(), 0, 0
        return self._line

    def _land(self, grant: Grant) -> None:
        if grant.tries:
            grant.tries = False
            self._trying = max(0, self._trying - 1)
        self._landed.set()

    def _give_back(self) -> None:
        self._bucket.level = max(0.0, self._bucket.level - 1)
        if self._shared is not None:
            self._write(self._shared.give_back())

    def _put_to_rest(self, method: str, until: float) -> None:
        self._rests[method] = max(until, self._rests.get(method, 0.0))
        if self._shared is not None:
            self._write(self._shared.put_to_rest(method, until))

    def _write(self, work: Coroutine[None, None, None]) -> None:
        """Write to the store while the caller goes on (it may be being cancelled)."""

        async def quietly() -> None:
            try:
                await work
            except StateError as error:
                self._alone(error)

        task = asyncio.get_running_loop().create_task(quietly())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _alone(self, error: StateError) -> None:
        """Go on without the store: pacing alone is better than not reading at all."""
        if self._shared is not None:
            log.warning("the shared rate limit is lost, pacing alone: %s", error.message)
            self._shared = None


def _too_late(wait_s: float | None) -> NotSentError:
    when = "" if wait_s is None else f"; the next slot is {wait_s:.1f} s away"
    return NotSentError(
        f"the deadline passed while waiting for the portal's rate limit{when}; nothing was sent",
        code="DEADLINE",
        next_step="wait",
        retry_after=wait_s,
    )
