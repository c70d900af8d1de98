"""Read one page into a documented method."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bitrix24_agent.compiler import examples, names, nesting, parameters, responses, settle
from bitrix24_agent.compiler.responses import Answered

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_agent.compiler.pages import Page
    from bitrix24_agent.params import Param

_SCOPE_LINE = re.compile(r"^>\s*\**Scopes?\**\s*:?\**:?(.*)$", re.MULTILINE | re.IGNORECASE)
_SCOPE = re.compile(r"`([a-z][\w.-]*)`")
_LINKED_SCOPE = re.compile(r"\[[`*]*([a-z][\w.-]*)[`*]*\]\([^)]*permissions[^)]*\)")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
_STOPPED = re.compile(
    r"(?:development|support)\s+of\s+(?:this|the)\s+method[s]?\s+(?:has been|is|was|"
    r"have been)\s+(?:halted|stopped|discontinued|suspended)|"
    r"method is (?:deprecated|outdated|obsolete)|deprecated|no longer (?:supported|developed)|"
    r"has been discontinued",
    re.IGNORECASE,
)

# Source: settings/how-to-call-rest-api/batch.md: uploads, downloads and batch itself; no list
# of names is given.
_NOT_IN_BATCH = re.compile(r"(?:^|\.)(?:batch$|upload|download)[A-Za-z]*$", re.IGNORECASE)


@dataclass(kw_only=True)
class Extracted:
    """A method as its page documents it."""

    name: str
    version: int
    page: str
    title: str
    scopes: tuple[str, ...]
    params: tuple[Param, ...]
    answer: Answered = field(default_factory=Answered)
    errors: tuple[str, ...] = ()
    audience: str | None = None
    application_only: bool = False
    batch_refused: bool = False
    replaced_by: str | None = None
    replaced_page: str | None = None
    problems: list[tuple[int, str]] = field(default_factory=list)


def extract(page: Page, load: Callable[[str], Page | None]) -> Extracted | None:
    """Return the method that *page* documents, or None; *load* gives other pages."""
    named = names.identify(page)
    if named is None:
        return None
    method = extract_as(page, named.name, named.version, load)
    method.problems[:0] = [(1, p) for p in named.problems]
    return method


def extract_as(
    page: Page, name: str, version: int, load: Callable[[str], Page | None]
) -> Extracted:
    """Return what *page* says about the method *name*."""
    problems = [p for s in page.sections for p in s.problems]
    params = _params(page, name, version, load, problems)
    errors = responses.errors_of(page)
    replaced_by, replaced_page = _replacement(page, name)
    return Extracted(
        name=name,
        version=version,
        page=page.path,
        title=page.title,
        scopes=scopes_of(page),
        params=params,
        answer=responses.answer_of(page, name, params),
        errors=errors,
        audience=responses.audience_of(page),
        application_only=responses.needs_application(page, errors),
        batch_refused=bool(_NOT_IN_BATCH.search(name)),
        replaced_by=replaced_by,
        replaced_page=replaced_page,
        problems=problems,
    )


def _params(
    page: Page,
    name: str,
    version: int,
    load: Callable[[str], Page | None],
    problems: list[tuple[int, str]],
) -> tuple[Param, ...]:
    top = parameters.top_level(page)
    problems += nesting.build(page, top, load)
    prose = "\n".join(
        re.sub(r"#\|.*?\|#", "", s.text, flags=re.DOTALL)
        for s in parameters.area(page)
        if s.level <= 2
    )
    settle.group_alternatives(top, prose)
    for request in examples.requests(page, name):
        if request.reason:
            problems.append((request.line, f"an example cannot be read: {request.reason}"))
        settle.learn(top, [request.body], problems, request.line)
    return settle.flatten(top, version)


def scopes_of(page: Page) -> tuple[str, ...]:
    """Return the scopes the page names, without duplicates; none when the page names none."""
    found: list[str] = []
    for line in _SCOPE_LINE.findall(page.text[:6000]):
        linked = _LINKED_SCOPE.findall(line)  # beside them the line may name parameters
        found.extend(s for s in linked or _SCOPE.findall(line) if s not in found)
    return tuple(found)


def _replacement(page: Page, own: str) -> tuple[str | None, str | None]:
    """Return the successor the page names (or "-" when there is none) and the page it links to."""
    head = page.sections[0].text if page.sections else ""
    for note in page.notes:
        if note.text not in page.text[:4000]:
            continue
        if not (_STOPPED.search(note.text) or "deprecated" in note.title.lower()):
            continue
        links = _LINK.findall(note.text)
        target = None
        for label, href in links:
            target = href
            method = re.fullmatch(r"[`*\s]*([a-z]\w*(?:\.\w+)+)[`*\s]*", label)
            if method and method[1].lower() != own.lower():
                return method[1], _resolve(page, href)
        plain = re.findall(r"`([a-z]\w*(?:\.\w+)+)`", note.text)
        for name in plain:
            if name.lower() != own.lower():
                return name, None
        return "-", _resolve(page, target) if target else None
    outdated = any(part in {"outdated", "deprecated"} for part in PurePosixPath(page.path).parts)
    return ("-", None) if outdated or _STOPPED.search(head[:0]) else (None, None)


def _resolve(page: Page, href: str) -> str | None:
    if "://" in href:
        return None
    base = PurePosixPath(page.path).parent
    parts: list[str] = []
    for part in (base / href.split("#")[0]).parts:
        if part == "..":
            if parts:
                parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
