"""An answer as it is kept for a replay, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bitrix24_agent.errors import PortalError
from bitrix24_agent.model import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTE = "This very request was already done; nothing was sent again."
NOTE_READ_BACK = "Its answer was lost; read back: the values are there. Nothing was sent again."
NOTE_CUT = f"{NOTE} Its answer was too long to keep: read back what you need."


def kept(answer: Answer) -> dict[str, Any]:
    """Return the JSON-ready part of *answer* that a replay shows."""
    return {
        "result": answer.result,
        "rows": answer.rows,
        "total": answer.total,
        "next": answer.next,
        "commands": {key: kept(inner) for key, inner in answer.commands.items()},
        "failures": {key: str(error) for key, error in answer.failures.items()},
    }


def replayed(record: Mapping[str, Any] | None) -> Answer:
    """Return the answer kept in *record*, marked as a replay."""
    if record is None:
        return Answer(replayed=True, note=NOTE_CUT)
    return Answer(
        result=record["result"],
        rows=record["rows"],
        total=record["total"],
        next=record["next"],
        raw={"result": record["result"]},
        commands={key: replayed(inner) for key, inner in record["commands"].items()},
        failures={key: PortalError(text) for key, text in record["failures"].items()},
        replayed=True,
        note=NOTE,
    )
