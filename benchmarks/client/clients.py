"""What every client is asked to do, and how the place it is asked in looks.

A client is a module with functions named like jobs. Each takes a :class:`Place`, does what a user
would do once at start, and returns an async function (or a plain one) that is the measured work:

    rows_kept      every deal, all rows in memory    -> rows
    rows_streamed  every deal, row by row            -> ids
    rows_uncounted the same where counting is dear   -> rows
    by_id          the deals of ``place.ids``        -> rows
    calls          ``place.calls`` reads at once     -> how many were answered
    write          one new deal                      -> "done" or how it ended
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

Work = Callable[[], Any] | Callable[[], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where and with what a client works.

    Attributes:
        base: ``http://127.0.0.1:port``.
        state: Address of a state database, for clients that share one.
        ids: What ``by_id`` reads.
        calls: How many single reads ``calls`` makes at once.
        oauth: Use an expired access token and a good refresh token instead of a webhook.
        plenty: The portal's bucket is empty, so many small requests are quicker than few.
    """

    base: str
    state: str
    ids: list[int] = field(default_factory=list)
    calls: int = 20
    oauth: bool = False
    plenty: bool = True

    @property
    def webhook(self) -> str:
        """The address of the webhook."""
        return f"{self.base}/rest/1/code/"

    @property
    def host(self) -> str:
        """Host and port."""
        return self.base.removeprefix("http://")


def control(base: str, path: str, data: Any = None) -> Any:
    """Ask the stub portal something behind the clients' backs."""
    request = urllib.request.Request(
        base + path,
        data=None if data is None else json.dumps(data).encode(),
        method="GET" if data is None else "POST",
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())
