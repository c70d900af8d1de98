"""Whether the documentation has a method: "not played here" is not "no such method"."""

from __future__ import annotations

from functools import lru_cache

from bitrix24_agent.errors import ReferencesError, UnknownMethodError
from bitrix24_agent.reference.catalog import Catalog


@lru_cache(maxsize=1)
def _catalog() -> Catalog:
    return Catalog.load()


def is_documented(name: str, version: int) -> bool:
    """Return whether the references know *name* in that version; False when unreadable."""
    try:
        found = _catalog().method(name, version)
    except (UnknownMethodError, ReferencesError):
        return False
    return found.version == version
