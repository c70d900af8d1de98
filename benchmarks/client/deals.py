"""The stub portal's deals: about 1 kB each, ids with gaps, kept as the bytes that go out."""

from __future__ import annotations

import bisect
import json
import random
import re
from collections.abc import Sequence
from typing import Any

try:
    import orjson

    loads = orjson.loads
    dumps = orjson.dumps
except ImportError:  # the portal then costs more, for everyone alike
    loads = json.loads

    def dumps(value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


PAGE = 50
STAGES = ["NEW", "PREPARATION", "PREPAYMENT_INVOICE", "EXECUTING", "WON", "LOSE"]
_DAY = "2026-01-12T12:33:44+03:00"
_REST = {
    "TYPE_ID": "SALE",
    "PROBABILITY": None,
    "CURRENCY_ID": "RUB",
    "IS_MANUAL_OPPORTUNITY": "N",
    "TAX_VALUE": None,
    "LEAD_ID": None,
    "COMPANY_ID": "0",
    "QUOTE_ID": None,
    "BEGINDATE": "2026-01-12T03:00:00+03:00",
    "CLOSEDATE": "2026-01-19T03:00:00+03:00",
    "ASSIGNED_BY_ID": "1",
    "CREATED_BY_ID": "1",
    "MODIFY_BY_ID": "1",
    "DATE_CREATE": _DAY,
    "DATE_MODIFY": _DAY,
    "OPENED": "Y",
    "CLOSED": "N",
    "COMMENTS": None,
    "ADDITIONAL_INFO": None,
    "LOCATION_ID": None,
    "CATEGORY_ID": "0",
    "STAGE_SEMANTIC_ID": "P",
    "IS_NEW": "N",
    "IS_RECURRING": "N",
    "IS_RETURN_CUSTOMER": "N",
    "IS_REPEATED_APPROACH": "N",
    "SOURCE_ID": "CALL",
    "SOURCE_DESCRIPTION": None,
    "ORIGINATOR_ID": None,
    "ORIGIN_ID": None,
    "MOVED_BY_ID": "1",
    "MOVED_TIME": _DAY,
    "LAST_ACTIVITY_TIME": _DAY,
    "UTM_SOURCE": None,
    "UTM_MEDIUM": None,
    "UTM_CAMPAIGN": None,
    "UTM_CONTENT": None,
    "UTM_TERM": None,
    "PARENT_ID_180": None,
    "LAST_COMMUNICATION_TIME": None,
    "LAST_ACTIVITY_BY": "1",
}
_TAIL = dumps(_REST)[1:]
_CONDITION = re.compile(r"(>=|<=|>|<|=|@)?(\w+)")


class Refused(Exception):
    """The portal answers with an error code."""

    def __init__(self, code: str, text: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.code, self.text, self.status = code, text, status


class Page(Sequence[Any]):
    """Rows as the ``$result[...]`` references of a batch see them: decoded when asked for."""

    def __init__(self, raw: dict[int, bytes], ids: list[int]) -> None:
        self._raw = raw
        self.ids = ids

    def __getitem__(self, place: Any) -> Any:
        return loads(self._raw[self.ids[place]])

    def __len__(self) -> int:
        return len(self.ids)


class Deals:
    """All deals of the portal, in the order of their ids."""

    def __init__(self, count: int, gap: float, seed: int) -> None:
        chance = random.Random(seed).random
        self.ids: list[int] = []
        self.raw: dict[int, bytes] = {}
        number = 0
        for _ in range(count):
            number += 1
            while chance() < gap:
                number += 1
            self.ids.append(number)
            self.raw[number] = _deal(number)
        self.at_start = list(self.ids)

    def add(self, fields: dict[str, Any]) -> int:
        """Make a deal and return its id."""
        number = (self.ids[-1] if self.ids else 0) + 1
        self.ids.append(number)
        self.raw[number] = dumps({**loads(_deal(number)), **fields})
        return number

    def page(self, params: dict[str, Any]) -> tuple[bytes, Page, int | None, int | None, int]:
        """Return the bytes of a page, its rows, where the next one starts, the total, the offset.

        Nothing is counted with ``start=-1``: no total and no next page then, as on a portal.
        """
        found = self._found(params.get("filter") or {})
        start = _number(params.get("start") or 0)
        offset = max(0, start) // PAGE * PAGE
        ids = found[offset : offset + PAGE]
        order = params.get("order") or {"ID": "ASC"}
        if [str(key).upper() for key in order] != ["ID"]:
            raise Refused("ERROR_ARGUMENT", "this portal sorts by ID alone")
        if str(next(iter(order.values()))).upper().startswith("D"):
            ids = found[max(0, len(found) - offset - PAGE) : len(found) - offset][::-1]
        chosen = params.get("select") or ()
        if isinstance(chosen, dict):
            chosen = tuple(chosen.values())
        body = b",".join([self.raw[number] for number in ids])
        if chosen and "*" not in chosen:
            rows = [loads(self.raw[number]) for number in ids]
            body = b",".join(dumps({k: row[k] for k in chosen if k in row}) for row in rows)
        following = offset + PAGE if start >= 0 and offset + PAGE < len(found) else None
        total = len(found) if start >= 0 else None
        return b"[" + body + b"]", Page(self.raw, ids), following, total, offset

    def _found(self, conditions: dict[str, Any]) -> Sequence[int]:
        low, high = 0, len(self.ids)
        wanted: set[int] | None = None
        for key, value in conditions.items():
            match = _CONDITION.fullmatch(str(key))
            if match is None or match[2].upper() != "ID":
                raise Refused("ERROR_ARGUMENT", f"this portal does not filter by {key}")
            sign = match[1] or "="
            if sign in ("=", "@"):
                values = value.values() if isinstance(value, dict) else value
                several = isinstance(values, Sequence) and not isinstance(values, str)
                named = {_number(v) for v in (values if several or sign == "@" else [value])}
                wanted = named if wanted is None else wanted & named
                continue
            place = bisect.bisect_left if sign in (">=", "<") else bisect.bisect_right
            edge = place(self.ids, _number(value or 0))
            low, high = (max(low, edge), high) if sign[0] == ">" else (low, min(high, edge))
        if wanted is not None:
            return sorted(number for number in wanted if number in self.raw)
        return self.ids if (low, high) == (0, len(self.ids)) else self.ids[low : max(low, high)]


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _deal(number: int) -> bytes:
    head = (
        f'{{"ID":"{number}","TITLE":"Сделка #{number}","STAGE_ID":"{STAGES[number % 6]}",'
        f'"OPPORTUNITY":"{number * 37 % 100000}.00","CONTACT_ID":"{number % 5000 + 1}",'
    )
    return head.encode() + _TAIL
