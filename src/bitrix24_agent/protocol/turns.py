"""Large answers that belong to one list are read in the order of the list.

Twenty answers of a batch each arrive together; decoded at once they fill memory with rows that wait
for the first of them. A flow gives each request a turn, and whoever reads a body waits for it once
the body gets large: what waits, waits in the network. The turn travels in a context variable, so
nothing between the flow and the socket has to know about it.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

READ_AT_ONCE = 3
"""Bodies that one list may be reading or holding undelivered."""


class Turns:
    """The requests of one list that are under way, by their place in the list."""

    def __init__(self, at_once: int = READ_AT_ONCE) -> None:
        self._at_once = at_once
        self._places: dict[Turn, int] = {}
        self._waiting: dict[Turn, asyncio.Future[None]] = {}

    def take(self, place: int) -> Turn:
        """Return a turn for the request whose rows stand at *place*."""
        turn = Turn(self)
        self._places[turn] = place
        return turn

    async def wait(self, turn: Turn) -> None:
        """Return when *turn* is among the first; at once for one that is over."""
        while turn in self._places and turn not in self._first():
            future = asyncio.get_running_loop().create_future()
            self._waiting[turn] = future
            try:
                await future
            finally:
                self._waiting.pop(turn, None)

    def over(self, turn: Turn) -> None:
        """Let the next ones read: what *turn* brought was handed on."""
        self._places.pop(turn, None)
        for other in self._first():
            future = self._waiting.get(other)
            if future is not None and not future.done():
                future.set_result(None)

    def _first(self) -> list[Turn]:
        return sorted(self._places, key=self._places.__getitem__)[: self._at_once]


class Turn:
    """One request's turn."""

    __slots__ = ("_turns",)

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def wait(self) -> None:
        """Return when it is time to read on."""
        await self._turns.wait(self)

    def over(self) -> None:
        """Make way for the next ones."""
        self._turns.over(self)


turn_to_read: ContextVar[Turn | None] = ContextVar("turn_to_read", default=None)
"""The turn of the request that the current task sends, or None."""
