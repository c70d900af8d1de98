"""Whether the documentation has a method: "not played here" is not "no such method"."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from bitrix24_agent.errors import ReferencesError, UnknownMethodError

if TYPE_CHECKING:
    from bitrix24_agent.reference.catalog import Catalog


@lru_cache(maxsize=1)
def _catalog() -> Catalog:
    # Imported late: a portal that only answers what it plays starts without the references.
    from bitrix24_agent.reference.catalog import Catalog

    return Catalog.load()


def is_documented(name: str, version: int) -> bool:
    """Return whether the references know *name* in that version; False when unreadable."""
    try:
        found = _catalog().method(name, version)
    except (UnknownMethodError, ReferencesError):
        return False
    return found.version == version
