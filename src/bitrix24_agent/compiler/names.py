"""Decide which method and version a page documents: title, addresses and file name must agree."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bitrix24_agent.compiler.pages import Page

_TITLE_NAME = re.compile(r"(?<![\w./])([A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)+)(?!\.\*)")
_ADDRESS = re.compile(
    r"/rest/(?P<v3>api/)?(?:[^/\s\"']+/[^/\s\"']+/)?(?P<name>[A-Za-z][A-Za-z0-9_.]*)"
    r"(?=[\s\"'?/\\]|$)"
)
_CALL = re.compile(
    r"""(?:method:\s*|callMethod\(\s*|CRest::call\(\s*|->call\(\s*|"
    r"Call\(ctx,\s*)['"]([A-Za-z][\w.]*)['"]"""
)
_SHELL = {"bash", "sh", "shell", "curl", "http", ""}
_SUFFIX = re.compile(r"\.(json|xml)$")
_V3_NOTE = re.compile(
    r"belongs to REST 3\.0|method of REST 3\.0|available only in REST 3\.0", re.IGNORECASE
)
_VERSION_IN_FILE = re.compile(r"-rest-?v3$|-v3$")
_METHOD_SECTIONS = {
    "method parameters",
    "parameters",
    "code examples",
    "response handling",
    "code example",
    "request parameters",
    "example",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The method of a page; ``problems`` tells where title, addresses and file name disagree."""

    name: str
    version: int
    problems: tuple[str, ...] = ()


def identify(page: Page) -> Named | None:
    """Return the method that *page* documents, or None when it documents none."""
    if PurePosixPath(page.path).name == "index.md":
        return None
    stem = _VERSION_IN_FILE.sub("", PurePosixPath(page.path).stem)
    titled = _from_title(page.title)
    addresses, v3_addresses = _addresses(page)
    calls = _calls(page)
    name, problems = _choose(titled, addresses, calls, stem, shaped=_shaped(page))
    if name is None:
        return None
    version, doubt = _version(page, addresses, v3_addresses)
    return Named(name=name, version=version, problems=(*problems, *doubt))


def _from_title(title: str) -> str | None:
    if title.rstrip().endswith((".*", "*")):
        return None
    found: list[str] = [t for t in _TITLE_NAME.findall(title) if not t.startswith("BX24.")]
    return found[-1] if found else None


def _addresses(page: Page) -> tuple[Counter[str], int]:
    names: Counter[str] = Counter()
    v3 = 0
    for section in page.sections:
        for code in section.codes:
            if code.language not in _SHELL:
                continue
            for match in _ADDRESS.finditer(code.text):
                names[_SUFFIX.sub("", match["name"])] += 1
                v3 += match["v3"] is not None
    return names, v3


def _calls(page: Page) -> Counter[str]:
    return Counter(
        name for s in page.sections for code in s.codes for name in _CALL.findall(code.text)
    )


def _shaped(page: Page) -> bool:
    return any(s.title.lower() in _METHOD_SECTIONS for s in page.sections)


def _choose(
    titled: str | None, addresses: Counter[str], calls: Counter[str], stem: str, *, shaped: bool
) -> tuple[str | None, list[str]]:
    called = {n.lower() for n in addresses}
    if titled and titled.lower() in called:
        return titled, []
    by_file = next(
        (n for n, _ in (addresses + calls).most_common() if _plain(n) == _plain(stem)), None
    )
    if by_file and titled and _plain(titled) != _plain(by_file):
        return by_file, [f"the title names {titled}, the request address and the file {by_file}"]
    if by_file:
        return titled or by_file, []
    if titled and _plain(titled) == _plain(stem):
        problems = []
        if addresses:
            other = addresses.most_common(1)[0][0]
            problems.append(f"the request examples call {other}, title and file name {titled}")
        return titled, problems
    if titled and shaped and titled in calls:
        return titled, []
    if titled and shaped and addresses:
        first = addresses.most_common(1)[0][0]
        return first, [f"the title names {titled}, the request address {first}, the file neither"]
    return None, []


def _version(page: Page, addresses: Counter[str], v3: int) -> tuple[int, list[str]]:
    noted = any(_V3_NOTE.search(n.text) for n in page.notes) or "v 3.0" in page.title.lower()
    total = sum(addresses.values())
    if noted:
        doubt = total and not v3
        return 3, ["the note says REST 3.0, the request addresses lack /rest/api/"] * bool(doubt)
    if total and v3 == total:
        return 3, ["the request addresses are REST 3.0, the page does not say so"]
    if v3:
        return 2, ["some request addresses are REST 3.0, the page does not say so"]
    return 2, []


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
