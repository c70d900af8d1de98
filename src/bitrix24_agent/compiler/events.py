"""Read the pages of events: name, scopes, what the handler gets, and how it can be received."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from bitrix24_agent.compiler import examples
from bitrix24_agent.compiler.extract import scopes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bitrix24_agent.compiler.pages import Page, Section

_NAME = re.compile(r"\b([oO][nN][A-Z]\w{3,}|ON[A-Z0-9]{4,}|[A-Z]+(?:\.[A-Z]+)*\.ON\.[A-Z]+)\b")
_CODE_NAME = re.compile(r'"event"\s*:\s*"([^"]+)"')
_HEADING_NAME = re.compile(r"^(ON[A-Z0-9]{6,})\b")
# The portal sends these to a handler (or to the bot's own queue) and never to the offline queue.
_ONLINE_ONLY = re.compile(r"^(?:ONAPP|ONOFFLINEEVENT|ONIMBOT|ONIMV2|ONIMCOMMAND)")
_MOST_DEPTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event: the code that is delivered, and the keys of its payload below ``data``."""

    name: str
    pack: str
    scopes: tuple[str, ...]
    delivery: str
    payload: tuple[str, ...]
    page: str
    deprecated: bool = False


def read_events(page: Page) -> list[Event]:
    """Return the events that *page* documents; none when it documents none."""
    if "/ui-interaction/" in page.path or PurePosixPath(page.path).name == "index.md":
        return []
    several = [s for s in page.sections if s.level == 2 and _HEADING_NAME.match(s.title)]
    if several:
        return [
            _event(page, _HEADING_NAME.match(s.title)[1], _with_children(page, s))  # type: ignore[index]
            for s in several
        ]
    titled = [
        n
        for n in _NAME.findall(page.title)
        if not n.lower().startswith(("onupdating", "ondeleting"))
    ]
    stem = PurePosixPath(page.path).stem
    if not (stem.startswith("on-") or (titled and "/event" in page.path)):
        return []
    titled = titled or _NAME.findall(page.lead) or [stem.replace("-", "")]
    shown = [c for s in page.sections for code in s.codes for c in _CODE_NAME.findall(code.text)]
    name = titled[-1].upper()
    stem = re.sub(r"[^a-z0-9]", "", stem.lower())
    by_file = next((n for n in shown if re.sub(r"[^a-z0-9]", "", n.lower()) == stem), None)
    if by_file:
        name = by_file.upper()
    elif shown and name not in {n.upper() for n in shown}:
        counted = Counter(n.upper() for n in shown).most_common(1)[0][0]
        name = counted if _NAME.fullmatch(counted) else name
    return [_event(page, name, page.sections)]


def _with_children(page: Page, section: Section) -> list[Section]:
    return [section, *(s for s in page.sections if s.parent is section)]


def _event(page: Page, name: str, sections: Iterable[Section]) -> Event:
    payload: list[str] = []
    for section in sections:
        for code in section.codes:
            value, _ = examples.decode(code.text, tail=True) if "{" in code.text else (None, None)
            if isinstance(value, dict) and isinstance(
                value.get("data", value.get("DATA")), (dict, list)
            ):
                _keys(value.get("data", value.get("DATA")), "data", payload, 0)
                break
        if payload:
            break
    if not payload:
        payload = [
            f"data.{n}" if not n.lower().startswith("data") else n for n in _documented(sections)
        ]
    online = _ONLINE_ONLY.match(name)
    deprecated = bool(
        {"outdated", "deprecated"} & set(PurePosixPath(page.path).parts)
        or any("deprecated" in n.title.lower() for n in page.notes)
    )
    return Event(
        name=name,
        pack="",
        scopes=scopes_of(page),
        delivery="online" if online else "online, offline",
        payload=tuple(dict.fromkeys(payload)),
        page=page.path,
        deprecated=deprecated,
    )


def _keys(value: Any, path: str, found: list[str], depth: int) -> None:
    """Collect the dotted paths of the leaves; keys that are ids become ``{id}``."""
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            _keys(value[0], f"{path}[]", found, depth)
        else:
            found.append(path)
        return
    if not isinstance(value, dict) or not value or depth >= _MOST_DEPTH:
        found.append(path)
        return
    for key, inner in value.items():
        if key.lower() == "auth" or key.startswith("UF_"):
            continue
        name = "{id}" if re.fullmatch(r"\d+|[<{/*].*", key) else key
        _keys(inner, f"{path}.{name}", found, depth + 1)


def _documented(sections: Iterable[Section]) -> list[str]:
    from bitrix24_agent.compiler.parameters import parameter_tables, rows

    names: list[str] = []
    for section in sections:
        if "auth" in section.title.lower():
            continue
        for table in parameter_tables(section):
            names += [r.name for r in rows(table)]
    skip = {"event", "event_handler_id", "ts", "auth", "data", "result", "time"}
    return [n for n in names if n.lower() not in skip and re.fullmatch(r"[\w.\[\]]+", n)]


def packs_by_folder(methods: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the pack that most methods below each folder belong to; *methods* are (page, pack)."""
    votes: dict[str, Counter[str]] = {}
    for page, pack in methods:
        parts = page.split("/")[:-1]
        for length in range(1, len(parts) + 1):
            votes.setdefault("/".join(parts[:length]), Counter())[pack] += 1
    return {folder: min(count, key=lambda p: (-count[p], p)) for folder, count in votes.items()}


def pack_of(page: str, folders: Mapping[str, str]) -> str:
    """Return the pack of the nearest folder above *page* that holds methods."""
    parts = page.split("/")[:-1]
    while parts:
        found = folders.get("/".join(parts))
        if found:
            return found
        parts.pop()
    return "platform"
