"""What can go wrong, as one tree: the class says what happened, two attributes what to do.

Portal codes are an open set, so a code is data (``error.code``, upper-cased) and gets a class of
its own only where the caller would act differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bitrix24_agent.model import FieldChange, Risk

Outcome = Literal["not_sent", "refused", "partial", "unknown"]
"""Did it run? ``not_sent``, ``refused``: no. ``partial``: some commands. ``unknown``: perhaps."""

NextStep = Literal["fix_arguments", "wait", "ask_human", "choose_other", "stop"]
"""What the caller may do about it."""


class B24Error(Exception):
    """Anything this package raises on purpose.

    Attributes:
        code: The portal's or our own machine-readable code, upper case, or None.
        outcome: Whether the work may have happened.
        next_step: What may be done about it.
        retry_after: Seconds to wait before trying again, or None.
    """

    outcome: Outcome = "not_sent"
    next_step: NextStep = "stop"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        outcome: Outcome | None = None,
        next_step: NextStep | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code.upper() if code else None
        if outcome is not None:
            self.outcome = outcome
        if next_step is not None:
            self.next_step = next_step
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        """The one line a person or a model reads."""
        return str(self.args[0])


# --- a developer's mistake ------------------------------------------------------------------------


class SetupError(B24Error):
    """The package is used or installed wrongly; no call can work until that is mended."""


class SettingsError(SetupError):
    """A setting is missing, contradictory or unreadable."""


class ReferencesError(SetupError):
    """The reference files cannot be read; carries the file and the line."""

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(where + message)
        self.file = file
        self.line = line


# --- stopped here, nothing sent -------------------------------------------------------------------


class CallStoppedError(B24Error):
    """The call was stopped on our side; nothing reached the portal."""


class UnknownMethodError(CallStoppedError):
    """No documented method has this name; ``nearest`` holds the closest ones."""

    next_step: NextStep = "choose_other"

    def __init__(self, message: str, *, name: str = "", nearest: Sequence[str] = ()) -> None:
        super().__init__(message, code="UNKNOWN_METHOD")
        self.name = name
        self.nearest = tuple(nearest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with the arguments: a dotted path, what is wrong, and what would be right."""

    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class ArgumentsError(CallStoppedError):
    """The arguments do not fit the method; ``problems`` lists all of them at once."""

    next_step: NextStep = "fix_arguments"

    def __init__(self, message: str, *, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message, code="INVALID_ARGUMENTS")
        self.problems = tuple(problems)


class NotAllowedError(CallStoppedError):
    """A rule of the developer forbids the call; ``rule`` names it."""

    next_step: NextStep = "choose_other"

    def __init__(self, message: str, *, rule: str) -> None:
        super().__init__(message, code="NOT_ALLOWED")
        self.rule = rule


class ConfirmationRequired(CallStoppedError):  # noqa: N818 -- a signal, not a fault
    """The call waits for a human's yes; the plan is stored and nothing was sent.

    Attributes:
        plan_id: The stored plan to approve.
        risk: What the call can do at worst.
        summary: One line for the human.
        diff: Field by field, before and after (empty when nothing can be compared).
        note: Why there is nothing to compare with, when there is nothing.
        expires_at: Unix seconds after which the plan is void.
        fresh: The plan was made by this very call, so no answer given before can be for it.
    """

    next_step: NextStep = "ask_human"

    def __init__(
        self,
        message: str,
        *,
        plan_id: str,
        risk: Risk,
        summary: str,
        diff: Sequence[FieldChange] = (),
        note: str = "",
        expires_at: float,
        fresh: bool = False,
    ) -> None:
        super().__init__(message, code="CONFIRMATION_REQUIRED")
        self.plan_id = plan_id
        self.risk = risk
        self.summary = summary
        self.diff = tuple(diff)
        self.note = note
        self.expires_at = expires_at
        self.fresh = fresh


class PlanError(CallStoppedError):
    """A plan cannot run: unknown, not approved, expired, used, altered or another tenant's."""

    next_step: NextStep = "ask_human"


class PlanStale(PlanError):  # noqa: N818 -- the name others rely on
    """The object changed on the portal after the plan was made; make a new plan."""


class IdempotencyError(CallStoppedError):
    """The idempotency key was already used for another call."""


# --- sent, or tried to ----------------------------------------------------------------------------


class CallFailedError(B24Error):
    """The call left the gateway and did not succeed; ``outcome`` says whether it may have run."""


class NotSentError(CallFailedError):
    """Nothing left this machine: no connection, or the deadline passed while waiting for a slot."""

    next_step: NextStep = "wait"


class OutcomeUnknownError(CallFailedError):
    """The call was sent and no readable answer came back: it may have run."""

    outcome: Outcome = "unknown"
    next_step: NextStep = "ask_human"


class BatchError(CallFailedError):
    """Some commands of a batch ran and some did not.

    Attributes:
        results: Command key -> result of the commands that ran.
        failures: Command key -> error of those that did not.
    """

    outcome: Outcome = "partial"
    next_step: NextStep = "ask_human"

    def __init__(
        self,
        message: str,
        *,
        results: Mapping[str, object],
        failures: Mapping[str, CallFailedError],
    ) -> None:
        super().__init__(message, code="BATCH_PARTIAL")
        self.results = dict(results)
        self.failures = dict(failures)


class PortalError(CallFailedError):
    """The portal answered with an error code."""

    outcome: Outcome = "refused"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        outcome: Outcome | None = None,
        next_step: NextStep | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(
            message, code=code, outcome=outcome, next_step=next_step, retry_after=retry_after
        )
        self.status = status


class RateLimitError(PortalError):
    """QUERY_LIMIT_EXCEEDED: the portal's bucket is full; the call was refused before it ran."""

    next_step: NextStep = "wait"


class OperationTimeError(PortalError):
    """OPERATION_TIME_LIMIT: this method's operating time is used up until it resets."""

    next_step: NextStep = "wait"


class CredentialsError(PortalError):
    """The credential is expired, revoked or wrong."""

    next_step: NextStep = "ask_human"


class AccessError(PortalError):
    """The credential lacks a scope or its user lacks a right."""

    next_step: NextStep = "ask_human"


class BlockedError(PortalError):
    """The portal refuses until a person acts (overload block, method confirmation, unpaid plan)."""

    next_step: NextStep = "ask_human"


class StateError(B24Error):
    """The state store, a lock or the audit log cannot be used; writes stop, nothing was sent."""
