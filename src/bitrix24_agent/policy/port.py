"""What the guardrails need to know of the catalogue, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bitrix24_agent.model import Method


class Catalog(Protocol):
    """Look-up of documented methods; ``reference.catalog.Catalog`` is one."""

    def lookup(self, name: str, version: int | None = None, /) -> Method | None:
        """Return the method of this name in any case, the newest version by default, or None."""
        ...

    def versions(self, name: str, /) -> Sequence[int]:
        """Return the API versions that have this name; empty for an unknown one."""
        ...

    def nearest(self, name: str, /) -> Sequence[str]:
        """Return the documented names that look most like *name*, best first."""
        ...
