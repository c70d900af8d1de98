"""What reached the portal and what it really did: the witness every fault test asks."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.model import Json

KEPT = 200_000


@dataclass(slots=True, kw_only=True)
class Received:
    """One HTTP request as it came in, and what it was answered.

    Attributes:
        method: The API method in the address, as spelled there.
        status: HTTP status of the answer, None when the connection was cut.
        fault: Kind of the fault that hit it, or None.
    """

    number: int
    at: float
    verb: str
    path: str
    query: str
    method: str
    version: int
    headers: Mapping[str, str]
    body: bytes
    params: Json = None
    status: int | None = None
    code: str | None = None
    fault: str | None = None


@dataclass(slots=True, kw_only=True)
class Executed:
    """One method the portal ran to its end, alone or as a command of a batch.

    Attributes:
        request: Number of the HTTP request it came with.
        command: Key inside the batch, or None.
        outcome: ``ok`` or ``refused`` (the method itself said no; nothing changed).
        code: Error code of a refusal.
    """

    number: int
    request: int
    at: float
    method: str
    version: int
    params: Json
    user_id: int
    writes: bool
    command: str | None = None
    outcome: str = "ok"
    code: str | None = None
    result: Json = None


@dataclass(slots=True)
class Journal:
    """Everything since the start or the last reset; the oldest entries go after 200,000."""

    requests: deque[Received] = field(default_factory=lambda: deque(maxlen=KEPT))
    executed: deque[Executed] = field(default_factory=lambda: deque(maxlen=KEPT))
    counts: Counter[str] = field(default_factory=Counter)
    _requests_seen: int = 0
    _executed_seen: int = 0

    def receive(self, entry: Received) -> Received:
        """Add a request and number it."""
        self._requests_seen += 1
        entry.number = self._requests_seen
        self.requests.append(entry)
        return entry

    def execute(self, entry: Executed) -> Executed:
        """Add an execution and number it."""
        self._executed_seen += 1
        entry.number = self._executed_seen
        self.executed.append(entry)
        if entry.outcome == "ok":
            self.counts[entry.method.lower()] += 1
        return entry

    def count(self, pattern: str) -> int:
        """Return how often methods of that name or pattern (``crm.*``) really succeeded."""
        pattern = pattern.lower()
        return sum(n for name, n in list(self.counts.items()) if fnmatchcase(name, pattern))

    def calls(self, pattern: str = "*") -> list[Executed]:
        """Return the executions of that name or pattern, refused ones included."""
        pattern = pattern.lower()
        return [
            entry for entry in list(self.executed) if fnmatchcase(entry.method.lower(), pattern)
        ]

    def writes(self) -> list[Executed]:
        """Return the executions that changed something."""
        return [entry for entry in list(self.executed) if entry.writes and entry.outcome == "ok"]

    def clear(self) -> None:
        """Forget everything."""
        self.requests.clear()
        self.executed.clear()
        self.counts.clear()
        self._requests_seen = self._executed_seen = 0
