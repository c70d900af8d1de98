"""REST 3.0 on the wire: bodies, filters, pages, the idempotency key and the all-or-nothing batch.

Source: api-reference/rest-v3.md @ 5988ed13; the batch references come from the vendor's JavaScript
library.
Errors of authorization and rate keep the v2 shape: the pages do not say, and both vendor libraries
accept either.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bitrix24_agent.emulator import registry
from bitrix24_agent.emulator.fields import BadValue
from bitrix24_agent.emulator.kernel import Origin
from bitrix24_agent.emulator.query import Condition, Group, matching
from bitrix24_agent.emulator.refusal import RefusalV3, invalid_request
from bitrix24_agent.emulator.wire import NotJson, json_parameters, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bitrix24_agent.emulator.fields import Field
    from bitrix24_agent.emulator.kernel import Kernel
    from bitrix24_agent.emulator.store import Table
    from bitrix24_agent.model import Json, Row

OPERATORS = {
    "=": "=",
    "!=": "!=",
    ">": ">",
    ">=": ">=",
    "<": "<",
    "<=": "<=",
    "in": "in",
    "between": "between",
}
KEPT_S = 24 * 3600
MOST_COMMANDS = 50


def body_of(verb: str, body: bytes, content_type: str) -> dict[str, Json] | list[Json]:
    """Decode the body of a v3 request; GET carries no parameters at all.

    Raises:
        RefusalV3: The body is not JSON.
    """
    if verb == "GET" or not body:
        return {}
    if content_type.partition(";")[0].strip().lower() not in ("application/json", ""):
        raise RefusalV3("INVALIDJSONEXCEPTION", "Request body must be a valid JSON")
    try:
        return json_parameters(body)
    except NotJson:
        raise RefusalV3("INVALIDJSONEXCEPTION", "Request body must be a valid JSON") from None


# --- what methods ask for ------------------------------------------------------------------------


def need_int(params: Mapping[str, Json], name: str) -> int:
    """Return a required whole number; text is refused as the portal does.

    Raises:
        RefusalV3: It is missing or of another type.
    """
    found = params.get(name)
    if found is None:
        raise invalid_request((name, f"Required field `{name}` is missing"))
    if not isinstance(found, int) or isinstance(found, bool):
        raise invalid_request((name, f"Field `{name}` requires data type `int` for this request"))
    return found


def select_of(params: Mapping[str, Json]) -> list[str] | None:
    """Return the wanted fields, or None when the caller does not choose.

    Raises:
        RefusalV3: ``select`` is not an array of strings.
    """
    found = params.get("select")
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise RefusalV3(
            "INVALIDSELECTEXCEPTION", f"Unable to recognize the select parameter `{shown(found)}`"
        )
    return found


def filter_of(given: Json, field_of: Callable[[str], Field | None], dto: str) -> Group:
    """Read a v3 filter: an array of conditions and groups joined by AND.

    Raises:
        RefusalV3: Not understood, an operator outside the eight, an unknown field or a value of
            another type.
    """
    if given is None or given == []:
        return Group()
    if isinstance(given, dict):
        if "conditions" in given:
            return _v3_group(given, field_of, dto)
        raise RefusalV3(
            "UNKNOWNFILTEROPERATOREXCEPTION",
            f"Unknown filter operator in `{shown(given)}`",
        )
    if not isinstance(given, list):
        raise _bad_filter(given)
    return Group(parts=tuple(_v3_part(part, field_of, dto) for part in given))


def _v3_part(part: Json, field_of: Callable[[str], Field | None], dto: str) -> Condition | Group:
    if isinstance(part, dict):
        return _v3_group(part, field_of, dto)
    if not isinstance(part, list) or len(part) not in (2, 3) or not isinstance(part[0], str):
        raise _bad_filter(part)
    name, value = part[0], part[-1]
    op = part[1] if len(part) == 3 else ("in" if isinstance(value, list) else "=")
    if op not in OPERATORS:
        raise RefusalV3("UNKNOWNFILTEROPERATOREXCEPTION", f"Unknown filter operator `{op}`")
    field = field_of(name)
    if field is None:
        raise RefusalV3("UNKNOWNDTOPROPERTYEXCEPTION", f"Unknown field `{name}` for entity `{dto}`")
    if (op in ("in", "between")) != isinstance(value, list):
        raise _bad_filter(part)
    if op == "between" and len(value) != 2:
        raise _bad_filter(part)
    try:
        parsed = [field.parse(one) for one in value] if isinstance(value, list) else None
        return Condition(
            field=field.name,
            op=OPERATORS[op],
            value=field.parse(value) if parsed is None else parsed,
        )
    except BadValue:
        raise _bad_filter(part) from None


def _v3_group(
    given: Mapping[str, Json], field_of: Callable[[str], Field | None], dto: str
) -> Group:
    conditions = given.get("conditions")
    logic = str(given.get("logic", "and")).lower()
    if not isinstance(conditions, list) or logic not in ("and", "or"):
        raise _bad_filter(given)
    return Group(
        parts=tuple(_v3_part(part, field_of, dto) for part in conditions),
        any_of=logic == "or",
        negative=bool(given.get("negative")),
    )


def _bad_filter(given: Json) -> RefusalV3:
    return RefusalV3(
        "INVALIDFILTEREXCEPTION", f"Unable to recognize the filter parameter `{shown(given)}`"
    )


def order_of(given: Json, field_of: Callable[[str], Field | None]) -> tuple[tuple[str, bool], ...]:
    """Read a v3 order object into (field, descending) pairs; the id is the default.

    Raises:
        RefusalV3: Not an object, an unknown direction, or a field that cannot be sorted by.
    """
    if given is None or given == []:
        return (("ID", False),)
    found: list[tuple[str, bool]] = []
    for name, way in given.items() if isinstance(given, dict) else [("", "")]:
        field = field_of(name)
        if field is None or str(way).upper() not in ("ASC", "DESC"):
            raise RefusalV3(
                "INVALIDORDEREXCEPTION", f"Unable to recognize sorting parameter `{shown(given)}`"
            )
        found.append((field.name, str(way).upper() == "DESC"))
    return tuple(found)


def window_of(given: Json, *, default: int = 50, most: int = 1000) -> tuple[int, int]:
    """Read ``pagination`` into (offset, limit).

    Raises:
        RefusalV3: Values that are no numbers, or a limit of 0.
    """
    if given is None or given == []:
        return 0, default
    if not isinstance(given, dict) or any(type(one) is not int for one in given.values()):
        raise _bad_pages(given)
    numbers: dict[str, int] = given
    limit = numbers.get("limit", default)
    if limit <= 0:
        raise _bad_pages(given)
    limit = min(limit, most)
    if "page" in numbers:
        return (max(numbers["page"], 1) - 1) * limit, limit
    return max(numbers.get("offset", 0), 0), limit


def _bad_pages(given: Json) -> RefusalV3:
    return RefusalV3(
        "INVALIDPAGINATIONEXCEPTION",
        f"Unable to recognize the pagination parameter `{shown(given)}`",
    )


def listed(
    table: Table, where: Group, order: tuple[tuple[str, bool], ...], window: tuple[int, int]
) -> list[Row]:
    """Return the rows of one v3 page; nobody counts."""
    offset, limit = window
    return [table.rows[key] for key in matching(table, where, order)[offset : offset + limit]]


def shown(value: Json) -> str:
    """Return *value* as the portal quotes it in its messages."""
    return to_json(value).decode()


# --- idempotency ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    digest: str
    body: dict[str, Any]
    at: float


class IdempotencyKeys:
    """First successful answers by key, for 24 hours, of one credential, user and method."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._stored: dict[tuple[str, int, str, str], _Stored] = {}

    def check(self, key: str) -> None:
        """Refuse a key that is not 1 to 255 printable ASCII characters."""
        if not 1 <= len(key) <= 255 or not all(" " <= c <= "~" for c in key):
            raise RefusalV3(
                "INVALIDIDEMPOTENCYKEYEXCEPTION",
                "Idempotency-Key must contain from 1 to 255 printable ASCII characters",
            )

    def replay(self, origin: Origin, method: str, key: str, params: Json) -> dict[str, Any] | None:
        """Return the stored answer to the same request, or None when the key is new.

        Raises:
            RefusalV3: The key was used with another body.
        """
        found = self._stored.get(self._scope(origin, method, key))
        if found is None or self._clock() - found.at >= KEPT_S:
            return None
        if found.digest != _digest(params):
            raise RefusalV3(
                "IDEMPOTENCYKEYREUSEDEXCEPTION",
                "Idempotency-Key was already used with another request body",
                status=422,
            )
        return found.body

    def keep(
        self, origin: Origin, method: str, key: str, params: Json, body: dict[str, Any]
    ) -> None:
        """Store a successful answer."""
        self._stored[self._scope(origin, method, key)] = _Stored(
            digest=_digest(params), body=body, at=self._clock()
        )

    @staticmethod
    def _scope(origin: Origin, method: str, key: str) -> tuple[str, int, str, str]:
        return (origin.credential.id, origin.credential.user_id, method.lower(), key)


def _digest(params: Json) -> str:
    return hashlib.sha256(to_json(params)).hexdigest()


# --- calls ----------------------------------------------------------------------------------------


def call(
    kernel: Kernel,
    keys: IdempotencyKeys,
    name: str,
    params: dict[str, Json] | list[Json],
    key: str | None,
    origin: Origin,
) -> tuple[dict[str, Json], dict[str, str]]:
    """Run a v3 method and return (answer, extra headers).

    Raises:
        Refusal, RefusalV3: The portal says no.
    """
    played = registry.find(name, 3)
    keyed = key is not None and (name.lower() == "batch" or (played is not None and played.writes))
    headers: dict[str, str] = {}
    if key is not None and keyed:
        keys.check(key)
        headers["Idempotency-Key"] = key
        known = keys.replay(origin, name, key, params)
        if known is not None:
            return known, {**headers, "Idempotent-Replayed": "true"}
    if name.lower() == "batch":
        answer = _batch(kernel, params, origin)
    else:
        if not isinstance(params, dict):
            raise invalid_request(("", "Request body must be an object"))
        reply, spent = kernel.execute(name, 3, params, origin)
        bare = name.lower() in ("documentation", "rest.documentation.openapi")
        answer = dict(reply.result) if bare else {"result": reply.result, "time": _whole(spent)}
    if key is not None and keyed:
        keys.keep(origin, name, key, params, answer)
    return answer, headers


def _whole(block: dict[str, Json]) -> dict[str, Json]:
    """Return the time block with the whole second v3 shows as ``start``."""
    return {**block, "start": int(block["start"])}


def _batch(kernel: Kernel, params: Json, origin: Origin) -> dict[str, Json]:
    """Run every command or refuse the whole request at the first that fails."""
    commands = list(params.values()) if isinstance(params, dict) else params
    if not commands or not all(isinstance(one, dict) and "method" in one for one in commands):
        raise RefusalV3(
            "INVALIDSELECTEXCEPTION", f"Unable to recognize the select parameter `{shown(params)}`"
        )
    if len(commands) > MOST_COMMANDS:
        raise invalid_request(("", f"A batch holds at most {MOST_COMMANDS} commands"))
    started = kernel.world.clock()
    known: dict[str, Json] = {}
    results: list[Json] = []
    for number, command in enumerate(commands):
        name = str(command["method"])
        if name.lower() == "batch":
            raise RefusalV3("METHODNOTFOUNDEXCEPTION", "Method `batch` not found", status=404)
        query = _resolved(command.get("query") or {}, known)
        if not isinstance(query, dict):
            raise invalid_request(("query", "Field `query` requires data type `array`"))
        inner = Origin(
            credential=origin.credential,
            request=origin.request,
            base_url=origin.base_url,
            command=str(number),
        )
        reply, _ = kernel.execute(name, 3, query, inner)
        results.append(reply.result)
        if "as" in command and isinstance(reply.result, dict):
            known[str(command["as"])] = reply.result
    return {"result": results, "time": _whole(kernel.time_block(started))}


def _resolved(value: Json, known: Mapping[str, Json]) -> Json:
    if isinstance(value, list):
        return [_resolved(one, known) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"$ref"}:
        return _referred(str(value["$ref"]), known)
    if set(value) == {"$refArray"}:
        alias, _, path = str(value["$refArray"]).partition(".")
        items = _referred(f"{alias}.items", known)
        return [item.get(path) for item in items if isinstance(item, dict)]
    return {key: _resolved(item, known) for key, item in value.items()}


def _referred(path: str, known: Mapping[str, Json]) -> Json:
    found: Json = known
    for part in path.split("."):
        if not isinstance(found, dict) or part not in found:
            raise RefusalV3("INVALIDSELECTEXCEPTION", f"Unable to resolve the reference `{path}`")
        found = found[part]
    return found
