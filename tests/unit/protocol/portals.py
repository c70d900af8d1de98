"""A portal's lists in memory: pages, counts, ``$result`` references, rows that come and go."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable
from typing import Any

from bitrix24_agent.model import Answer, Call, Timing
from bitrix24_agent.protocol.request import BATCH_SIZE

REFERENCE = re.compile(r"^\$result\[(\w+)\](?:\[(\w+)\])?\[(\d+)\]\[(\w+)\]$")


class ListPortal:
    """Answers list calls by id or offset from a set of ids, in random order of completion.

    Attributes:
        ids: What there is now.
        upper: ``ID`` in ``result`` (classic) rather than ``id`` in ``result.items``.
        unresolved: What a reference past the end becomes: its own text, or empty.
    """

    def __init__(
        self, ids: list[int], *, upper: bool = True, seed: int = 1, page: int = 50
    ) -> None:
        self.ids = sorted(ids)
        self.key = "ID" if upper else "id"
        self.upper = upper
        self.page = page
        self.unresolved = ""
        self.requests: list[Call] = []
        self.before_page: Callable[[int], None] = lambda _count: None
        self.spoil: Callable[[Call, list[dict[str, Any]]], list[dict[str, Any]]] = (
            lambda _call, rows: rows
        )
        self.fail: Callable[[Call], Exception | None] = lambda _call: None
        self.pages = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self._random = random.Random(seed)

    async def send(self, call: Call) -> Answer:
        self.requests.append(call)
        self.in_flight += 1
        self.most_in_flight = max(self.in_flight, self.most_in_flight)
        try:
            for _ in range(self._random.randrange(4)):
                await asyncio.sleep(0)
            if (error := self.fail(call)) is not None:
                raise error
            return self.batch(call) if call.is_batch else self.list(call, call.params)
        finally:
            self.in_flight -= 1

    def batch(self, call: Call) -> Answer:
        assert 0 < len(call.commands) <= BATCH_SIZE
        answers: dict[str, Answer] = {}
        failures: dict[str, Exception] = {}
        for key, inner in call.commands.items():
            if (error := self.fail(inner)) is not None:
                failures[key] = error
            else:
                params = self.resolved(dict(inner.params), answers)
                answers[key] = self.list(inner, params)
        return Answer(
            commands=answers, failures=failures, timing=Timing(duration=0.02 * len(answers))
        )

    def resolved(self, value: Any, answers: dict[str, Answer]) -> Any:
        if isinstance(value, dict):
            return {key: self.resolved(inner, answers) for key, inner in value.items()}
        match = REFERENCE.match(value) if isinstance(value, str) else None
        if match is None:
            return value
        rows = answers[match[1]].rows if match[1] in answers else []
        assert match[2] == (None if self.upper else "items")
        place = int(match[3])
        return rows[place][match[4]] if place < len(rows) else self.unresolved or value

    def list(self, call: Call, params: dict[str, Any]) -> Answer:
        self.before_page(self.pages)
        self.pages += 1
        ids = list(self.ids)
        for name, bound in (params.get("filter") or {}).items():
            if name == f"@{self.key}":
                ids = [i for i in ids if i in bound]
                continue
            if not name.upper().endswith("ID") or name.upper().endswith("_ID"):
                continue
            operator = name.removesuffix(self.key)
            number = int(bound) if str(bound).lstrip("-").isdigit() else 0
            keep = {
                ">": lambda i, n=number: i > n,
                "<": lambda i, n=number: i < n,
                ">=": lambda i, n=number: i >= n,
                "<=": lambda i, n=number: i <= n,
            }[operator]
            ids = [i for i in ids if keep(i)]
        if "DESC" in str(params.get("order", "")).upper():
            ids.reverse()
        start = params.get("start", 0)
        at = max(0, start)
        chosen = ids[at : at + self.page]
        rows = [{self.key: str(i) if self.upper else i} for i in chosen]
        rows = self.spoil(call, rows)
        counted = start >= 0
        following = at + self.page if counted and at + self.page < len(ids) else None
        return Answer(
            result=rows if self.upper else {"items": rows},
            rows=rows,
            total=len(ids) if counted else None,
            next=following,
            timing=Timing(duration=0.02),
        )
