"""Exit codes and the two ways to print: for people, and as JSON for scripts."""

from __future__ import annotations

import enum
import json
import os
import shutil
import sys
import textwrap
import traceback
from typing import TYPE_CHECKING, Any

from bitrix24_agent.audit.redact import mask, mask_known
from bitrix24_agent.errors import (
    ArgumentsError,
    B24Error,
    BatchError,
    CallFailedError,
    CallStoppedError,
    ConfirmationRequired,
    OutcomeUnknownError,
    SettingsError,
    SetupError,
    StateError,
)
from bitrix24_agent.policy.shown import MORE, plain_name, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bitrix24_agent.model import Call


class Exit(enum.IntEnum):
    """What a script may rely on."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CONFIRM = 3
    STOPPED = 4
    UNKNOWN = 5
    STATE = 6
    INTERRUPTED = 130


EXIT_CODES = """exit codes:
  0 done   1 the portal or the network said no   2 wrong arguments or settings
  3 waits for approval   4 stopped by a rule, nothing sent   5 outcome unknown
  6 state database unusable   130 interrupted"""


def exit_code(error: Exception) -> Exit:
    """Return the exit code that tells a script what *error* means."""
    match error:
        case ConfirmationRequired():
            return Exit.CONFIRM
        case SetupError() | ArgumentsError():
            return Exit.USAGE
        case CallStoppedError():
            return Exit.STOPPED
        case OutcomeUnknownError() | BatchError():
            return Exit.UNKNOWN
        case StateError():
            return Exit.STATE
        case CallFailedError() if error.outcome in ("unknown", "partial"):
            return Exit.UNKNOWN
        case _:
            return Exit.FAILED


def fail(error: Exception, *, as_json: bool) -> Exit:
    """Print one clear line about *error* to standard error (or JSON to standard output)."""
    code = exit_code(error)
    if as_json:
        print_json({"error": describe(error)})
        return code
    if isinstance(error, ConfirmationRequired):
        say_plan_waits(error)
        return code
    told = str(mask(str(error))) or type(error).__name__
    if isinstance(error, ArgumentsError) and error.problems:
        told = "\n".join([told, *(str(mask(str(problem))) for problem in error.problems)])
    if not isinstance(error, B24Error):
        told = f"{type(error).__name__}: {told}"
        if os.environ.get("B24_DEBUG"):
            told = str(mask("".join(traceback.format_exception(error))))
    # What the portal or a model wrote may stand in it: no line of it looks like one of ours.
    told = visible(told, keep="\n").replace("\n", "\n  ")
    print(f"bitrix24-agent: {told}", file=sys.stderr)
    return code


def describe(error: Exception) -> dict[str, Any]:
    """Return *error* as JSON-ready facts without secrets."""
    facts: dict[str, Any] = {"type": type(error).__name__, "message": mask(str(error))}
    if isinstance(error, B24Error):
        facts |= {"code": error.code, "outcome": error.outcome, "next_step": error.next_step}
        if error.retry_after:
            facts["retry_after"] = error.retry_after
    if isinstance(error, ArgumentsError):
        facts["problems"] = [mask(str(problem)) for problem in error.problems]
    if isinstance(error, ConfirmationRequired):
        facts |= {
            "plan_id": error.plan_id,
            "risk": str(error.risk),
            "summary": own(error.summary),
            "note": mask(error.note),
            "expires_at": error.expires_at,
            "diff": diff_rows(error.diff),
        }
    return facts


def diff_rows(diff: Iterable[Any]) -> list[dict[str, Any]]:
    """Return before/after pairs as JSON-ready rows; what is sent is masked by known secrets only.

    A pattern would let the caller hide text from the person who judges it.
    """
    return [
        {
            "path": own(change.path),
            "before": mask(change.before),
            "after": own(change.after),
            **({"command": change.command} if change.command else {}),
        }
        for change in diff
    ]


def say_plan_waits(error: ConfirmationRequired) -> None:
    """Tell a person what waits for approval and how to say yes."""
    print(f"NOT DONE: {line(own(error.summary))} ({error.risk}) waits for approval.")
    print_diff(error.diff)
    if error.note:
        print(f"  ({line(mask(error.note))})")
    print(f"\n  bitrix24-agent approve {error.plan_id}")
    print(f"  bitrix24-agent execute {error.plan_id}")


def print_diff(diff: Sequence[Any]) -> None:
    """Print before and after, field by field, every value as JSON on one line."""
    for change in diff:
        path = plain_name(str(own(change.path)))
        if change.command:
            path = f"{plain_name(str(own(change.command)))}: {path}"
        if change.path == MORE and isinstance(change.after, str):
            print(f"  {path} {line(own(change.after))}")
            continue
        before = "" if change.before is None else f"{json_line(mask(change.before))} -> "
        print(f"  {path}: {before}{json_line(own(change.after))}")


def print_call(call: Call) -> None:
    """Print the exact call, whole and in ASCII: the one picture that nothing in it can alter."""
    print(json.dumps(own(call.plain()), ensure_ascii=True, indent=2))


def own(value: Any) -> Any:
    """Return what a caller sends with only this environment's own secrets masked."""
    from bitrix24_agent.settings import Settings  # pydantic is heavy and --help should be quick

    try:
        settings = Settings.from_env()
    except SettingsError:
        return value
    secrets = (
        settings.webhook_url,
        settings.access_token,
        settings.refresh_token,
        settings.client_secret,
        settings.approver_key,
    )
    return mask_known(value, [secret.get_secret_value() for secret in secrets if secret])


def line(text: object) -> str:
    """Return *text* as one line without anything that steers a terminal."""
    return visible(str(text))


def json_line(value: Any) -> str:
    """Return *value* as one line of JSON without anything that steers a terminal."""
    return visible(json.dumps(value, ensure_ascii=False, default=str))


def print_json(value: Any) -> None:
    """Print *value* as indented JSON without anything that steers a terminal."""
    print(visible(json.dumps(value, ensure_ascii=False, indent=2, default=str), keep="\n"))


def print_table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> None:
    """Print rows in columns that fit the terminal; the last column wraps."""
    texts = [[line(cell) for cell in row] for row in rows]
    widths = [
        max(len(header[i]), *(len(row[i]) for row in texts)) if texts else len(header[i])
        for i in range(len(header))
    ]
    total = max(40, shutil.get_terminal_size((100, 24)).columns)
    last = max(20, total - sum(widths[:-1]) - 2 * (len(header) - 1))
    _print_row(header, widths, last)
    for row in texts:
        _print_row(row, widths, last)


def _print_row(row: Sequence[str], widths: Sequence[int], last: int) -> None:
    head = "  ".join(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False))
    lines = textwrap.wrap(row[-1], last) or [""]
    print(f"{head}  {lines[0]}".rstrip() if head else lines[0])
    for line in lines[1:]:
        print(" " * (len(head) + 2) + line)
