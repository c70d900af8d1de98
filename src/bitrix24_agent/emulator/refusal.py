"""How the portal says no: a code, a text and an HTTP status, in the v2 and the v3 spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bitrix24_agent.model import Json

V3 = "BITRIX_REST_V3_EXCEPTION_"


class Refusal(Exception):  # noqa: N818 -- an answer of the portal, not a fault of the emulator
    """A v2 error answer; *code* may be empty, a digit string or a number, as the real pages show.

    Source: api-reference/crm/deals/crm-deal-get.md, api-reference/tasks/tasks-task-list.md @
    5988ed13
    """

    def __init__(self, code: str | int, description: str = "", status: int = 400) -> None:
        super().__init__(code, description, status)
        self.code = code
        self.description = description
        self.status = status

    def body(self) -> dict[str, Json]:
        """Return the JSON of the answer."""
        return {"error": self.code, "error_description": self.description}


class RefusalV3(Exception):  # noqa: N818 -- an answer of the portal, not a fault of the emulator
    """A v3 error answer: an object with code, message and, for validation, the fields at fault.

    Source: api-reference/rest-v3.md @ 5988ed13
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        validation: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(code, message, status)
        self.code = code if code.startswith(("BITRIX_", "ERROR_", "NOTE_")) else V3 + code
        self.message = message
        self.status = status
        self.validation = tuple(validation)

    def body(self) -> dict[str, Json]:
        """Return the JSON of the answer."""
        error: dict[str, Json] = {"code": self.code, "message": self.message}
        if self.validation:
            error["validation"] = [
                {"message": text, "field": field} for field, text in self.validation
            ]
        return {"error": error}


def invalid_request(*problems: tuple[str, str]) -> RefusalV3:
    """Return the v3 answer to wrong parameters; each problem is (field, text)."""
    return RefusalV3(
        "VALIDATION_REQUESTVALIDATIONEXCEPTION",
        "Error during request object validation",
        validation=problems,
    )


def invalid_object(*problems: tuple[str, str]) -> RefusalV3:
    """Return the v3 answer to wrong fields of an object; each problem is (field, text)."""
    return RefusalV3(
        "VALIDATION_DTOVALIDATIONEXCEPTION",
        "Error during object validation",
        validation=problems,
    )


def not_implemented(method: str, version: int) -> Refusal | RefusalV3:
    """Return the emulator's own answer to a documented method it does not play."""
    text = f"The emulator does not implement {method} (REST {version}); a real portal does"
    if version == 3:
        return RefusalV3("ERROR_EMULATOR_NOT_IMPLEMENTED", text, status=501)
    return Refusal("ERROR_EMULATOR_NOT_IMPLEMENTED", text, 501)
