"""The machine's clock, for a client that was given no other."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """Time as the machine tells it."""

    def time(self) -> float:
        """Return Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait *seconds*."""
        await asyncio.sleep(seconds)
