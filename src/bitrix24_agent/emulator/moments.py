"""Moments as the portal keeps them: Unix seconds inside, server time (+03:00) outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

SERVER_ZONE = timezone(timedelta(hours=3))

_SHAPES = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%m/%d/%Y")


@lru_cache(maxsize=65536)
def iso(moment: int) -> str:
    """Return ``2026-03-02T10:11:12+03:00``."""
    return datetime.fromtimestamp(moment, SERVER_ZONE).isoformat()


def utc(moment: int) -> str:
    """Return ``2026-03-02T07:11:12Z``."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(moment: int) -> str:
    """Return ``2026-03-02``."""
    return datetime.fromtimestamp(moment, SERVER_ZONE).strftime("%Y-%m-%d")


def midnight(moment: int) -> int:
    """Return the first second of that day on the server."""
    local = datetime.fromtimestamp(moment, SERVER_ZONE)
    return int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())


def parse(text: str) -> int | None:
    """Return Unix seconds of any spelling the portal accepts, or None when it is no moment."""
    text = text.strip()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        for shape in _SHAPES:
            try:
                found = datetime.strptime(text, shape).replace(tzinfo=SERVER_ZONE)
                break
            except ValueError:
                continue
        else:
            return None
    if not 1 < found.year < 9999:  # room for any time zone
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=SERVER_ZONE)
    return int(found.timestamp())
