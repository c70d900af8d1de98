"""The five small protocols behind which sockets, clocks and databases live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bitrix24_agent.model import Decision, Plan

T = TypeVar("T")


class Clock(Protocol):
    """Time, so that tests can own it."""

    def time(self) -> float:
        """Return Unix seconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait *seconds*."""
        ...


class Transport(Protocol):
    """Carries one HTTP exchange; adds no meaning."""

    async def send(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """POST *body* to *url*; return status, lower-case headers and body.

        Raises:
            NotSentError: No connection was made.
            OutcomeUnknownError: The request may have arrived and no whole answer came back.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class Store(Protocol):
    """One SQL database, shared by processes (SQLite) or by machines (PostgreSQL)."""

    async def transact(self, work: Callable[..., T], *, durable: bool = False) -> T:
        """Run ``work(connection)`` in one write transaction, alone among writers.

        With *durable* the commit has reached the disk when this returns.

        Raises:
            StateError: The database cannot be opened, is locked for too long, full or corrupt.
        """
        ...

    async def read(self, work: Callable[..., T]) -> T:
        """Run ``work(connection)`` on one consistent snapshot; same errors."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


@runtime_checkable
class Approver(Protocol):
    """A host's way to say yes or no to one plan; may be a plain or an async function."""

    def __call__(self, plan: Plan) -> bool | Decision | Awaitable[bool | Decision]:
        """Return whether *plan* may run."""
        ...


class AuditSink(Protocol):
    """Where audit rows go; a write is not sent unless its row was written."""

    async def begin(self, row: Mapping[str, object]) -> int:
        """Append a row before a call is sent; return its id. Raises StateError when it cannot."""
        ...

    async def finish(self, audit_id: int, row: Mapping[str, object]) -> None:
        """Append the outcome of the call that *audit_id* began."""
        ...
