"""What came back -> an Answer or the right error: every envelope of v2 and v3, and no envelope."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bitrix24_agent.errors import (
    BlockedError,
    CallFailedError,
    NotSentError,
    OutcomeUnknownError,
    PortalError,
)
from bitrix24_agent.model import Answer, Timing
from bitrix24_agent.protocol import text
from bitrix24_agent.protocol.codes import clean, error_of
from bitrix24_agent.protocol.request import truthy
from bitrix24_agent.protocol.rows import rows_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bitrix24_agent.model import Call, Json

MOVED = "PORTAL_MOVED"
REPLAYED = "idempotent-replayed"

_NO_TIMING = Timing()
_ENVELOPE = ("time", "total", "next")


def decode(
    call: Call,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    rows_at: Callable[[Call], str | None] = lambda _call: None,
) -> Answer:
    """Return the answer to *call*, or raise what it really says.

    Args:
        call: What was sent.
        status: HTTP status.
        headers: Lower-case names.
        body: Whole body.
        rows_at: Where the catalogue says a call's rows are (``result.items[]``), or None.

    Raises:
        PortalError: The portal refused with a code; nothing was done.
        OutcomeUnknownError: No readable answer came; it may have run.
    """
    if 300 <= status < 400:
        raise moved(status, headers)
    try:
        envelope = text.loads(body)
    except ValueError:
        raise _unreadable(call, status, headers) from None
    if isinstance(envelope, dict):
        if "error" in envelope:
            raise _error(envelope, status)
    elif not isinstance(envelope, list):
        raise _unreadable(call, status, headers)
    if status >= 400:
        raise _by_status(status, f"HTTP {status} without an error code")
    if isinstance(envelope, list):
        envelope = {"result": envelope}
    if call.is_batch:
        return _batch(call, envelope, rows_at)
    answer = _answer(call, envelope, rows_at)
    _raise_inner(answer.result)
    if REPLAYED in headers:
        answer = replace(answer, note="replayed by the portal: the first answer to this key")
    return answer


def moved(status: int, headers: Mapping[str, str]) -> PortalError:
    """Return the error for a redirect: a renamed portal answers so and does not run the call.

    Source: settings/how-to-call-rest-api/change-domen.md @ 5988ed13
    """
    host = new_host(headers)
    now = f"the portal moved to {host}; use the new address" if host else "the portal redirects"
    return PortalError(f"{now} (HTTP {status}, nothing was done)", code=MOVED, status=status,
                       next_step="ask_human")  # fmt: skip


def new_host(headers: Mapping[str, str]) -> str | None:
    """Return host and port of a redirect's target; the rest of it may hold a secret."""
    try:
        parts = urlsplit(headers.get("location", ""))
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    return f"{host}:{port}" if port else host


def timing_of(block: Json) -> Timing:
    """Return the ``time`` block; every part may be missing."""
    if not isinstance(block, dict):
        return _NO_TIMING
    return Timing(
        duration=_number(block.get("duration")),
        operating=_number(block.get("operating")),
        operating_reset_at=_number(block.get("operating_reset_at")),
    )


# --- single answers ------------------------------------------------------------------------------


def _answer(
    call: Call, envelope: Mapping[str, Json], rows_at: Callable[[Call], str | None]
) -> Answer:
    if "result" in envelope:
        result = envelope["result"]
    else:  # some answers lack the wrapper: OpenAPI documents, lists on older pages
        result = {key: value for key, value in envelope.items() if key not in _ENVELOPE}
    following = _whole(envelope.get("next"))
    total = _whole(envelope.get("total"))
    counted = total is not None or following is not None
    rows = rows_in(result, call.method, counted=counted)
    if not rows and isinstance(result, dict) and result and (at := rows_at(call)):
        rows = rows_in(result, call.method, counted=counted, at=at)
    if total is not None and (total < 0 or (total == 0 and rows)):
        total = None  # start=-1 switches counting off: 0 or nothing comes instead
    return Answer(
        result=result,
        rows=rows,
        total=total,
        next=following,
        timing=timing_of(envelope.get("time")),
        raw=envelope,
    )


def _raise_inner(result: Json) -> None:
    """Raise for the families that report a failure inside a successful envelope."""
    if not isinstance(result, dict):
        return
    if result.get("result") is False and "error" in result:  # imconnector.*
        raise error_of(result["error"], result.get("error_description"))
    errors = result.get("errors")
    if result.get("status") == "error" and isinstance(errors, list):  # humanresources.hcmlink.*
        first = errors[0] if errors and isinstance(errors[0], dict) else {}
        raise error_of(first.get("code"), first.get("message") or "; ".join(map(clean, errors)))


def _error(envelope: Mapping[str, Json], status: int) -> CallFailedError:
    """Return the error of an envelope with an ``error`` key; falsy values are errors too."""
    code = envelope["error"]
    if isinstance(code, dict):
        return error_of(code.get("code"), _v3_message(code), status=status)
    description = envelope.get("error_description", envelope.get("error_message"))
    if "argument" in envelope:
        description = f"{clean(description)} (argument {clean(envelope['argument'])})"
    return error_of(code, description, status=status if status >= 400 else None)


def _v3_message(error: Mapping[str, Json]) -> str:
    problems = error.get("validation")
    details = [
        f"{clean(p.get('field'))}: {clean(p.get('message'))}"
        for p in (problems if isinstance(problems, list) else ())
        if isinstance(p, dict)
    ]
    message = clean(error.get("message"))
    return f"{message} ({'; '.join(details)})" if details else message


# --- batches -------------------------------------------------------------------------------------


def _batch(
    call: Call, envelope: Mapping[str, Json], rows_at: Callable[[Call], str | None]
) -> Answer:
    timing = timing_of(envelope.get("time"))
    sections = envelope.get("result")
    if call.version == 3:
        return _batch_v3(call, envelope, sections, timing, rows_at)
    if not isinstance(sections, dict) or "result" not in sections:
        raise OutcomeUnknownError(
            "the answer to the batch has no results; its commands may have run",
            code="BATCH_UNREADABLE",
        )
    results, errors, totals, nexts, times = (
        by_key(sections.get(name))
        for name in ("result", "result_error", "result_total", "result_next", "result_time")
    )
    halt = truthy(call.params.get("halt"))
    answers: dict[str, Answer] = {}
    failures: dict[str, CallFailedError] = {}
    for key, inner in call.commands.items():
        if key in errors:
            failures[key] = _command_error(errors[key])
        elif key in results:
            shown: dict[str, Json] = {"result": results[key]}
            for name, section in (("total", totals), ("next", nexts), ("time", times)):
                if key in section:
                    shown[name] = section[key]
            answer = _answer(inner, shown, rows_at)
            try:
                _raise_inner(answer.result)
            except CallFailedError as error:
                failures[key] = error
            else:
                answers[key] = answer
        elif halt and failures:
            failures[key] = not_run()
        else:
            failures[key] = _nothing()
    return Answer(
        result={key: answer.result for key, answer in answers.items()},
        timing=timing,
        raw=envelope,
        commands=answers,
        failures=failures,
    )


def _batch_v3(
    call: Call,
    envelope: Mapping[str, Json],
    results: Json,
    timing: Timing,
    rows_at: Callable[[Call], str | None],
) -> Answer:
    found = by_key(results)
    answers: dict[str, Answer] = {}
    failures: dict[str, CallFailedError] = {}
    for place, (key, inner) in enumerate(call.commands.items()):
        given = found.get(str(place), found.get(key, _MISSING))
        if given is _MISSING:
            failures[key] = _nothing()
        elif isinstance(given, dict) and "error" in given:
            failures[key] = _error(given, 200)
        else:
            if isinstance(given, dict) and set(given) == {"result"}:
                given = given["result"]
            answers[key] = _answer(inner, {"result": given}, rows_at)
    return Answer(
        result={key: answer.result for key, answer in answers.items()},
        timing=timing,
        raw=envelope,
        commands=answers,
        failures=failures,
    )


_MISSING = object()


def by_key(section: Json) -> dict[str, Json]:
    """Return one section of a batch answer by command key.

    PHP writes an empty map as ``[]`` and a map with the keys 0, 1, 2… as a list, each section for
    itself.
    Source: settings/how-to-call-rest-api/batch.md @ 5988ed13
    """
    if isinstance(section, dict):
        return section
    if isinstance(section, list):
        return {str(place): value for place, value in enumerate(section)}
    return {}


def not_run() -> NotSentError:
    """Return the failure of a command behind one that stopped the batch."""
    return NotSentError(
        "not run: an earlier command failed and the batch stops at the first failure",
        code="BATCH_HALTED",
        next_step="fix_arguments",
    )


def _nothing() -> OutcomeUnknownError:
    return OutcomeUnknownError(
        "the batch answered nothing for this command; it may have run", code="BATCH_UNREADABLE"
    )


def _command_error(error: Json) -> CallFailedError:
    if isinstance(error, dict):
        return _error({"error": "", **error}, 200)
    return error_of(error, None)


# --- what is no envelope -------------------------------------------------------------------------


def _unreadable(call: Call, status: int, headers: Mapping[str, str]) -> CallFailedError:
    kind = headers.get("content-type", "").partition(";")[0].strip()
    what = f"an answer that is no JSON (HTTP {status}{', ' + kind if kind else ''})"
    if 400 <= status < 500:
        return _by_status(status, what)
    return OutcomeUnknownError(f"{call.method}: {what}; it may have run", code=f"HTTP_{status}")


def _by_status(status: int, what: str) -> CallFailedError:
    """Return the error for an HTTP failure without a code: 4xx was refused, 5xx may have run."""
    error = error_of(f"HTTP_{status}", what, status=status)
    if status == 404:
        return BlockedError(
            f"no REST interface at this address: {what}", code="HTTP_404", status=status
        )
    return error


def _number(value: Json) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _whole(value: Json) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
