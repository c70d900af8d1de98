"""Compile a documentation checkout into references, from the first page to the last byte."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bitrix24_agent.compiler import events, families, report, risk, summary
from bitrix24_agent.compiler import overlay as corrections
from bitrix24_agent.compiler.editions import compare_editions
from bitrix24_agent.compiler.extract import Extracted, extract
from bitrix24_agent.compiler.pages import REFERENCE_FOLDER, find_pages, read_page
from bitrix24_agent.compiler.report import Finding, Report
from bitrix24_agent.compiler.sectioned import sectioned
from bitrix24_agent.compiler.write import (
    Compiled,
    events_text,
    family_text,
    index_text,
    replace_files,
)
from bitrix24_agent.errors import ReferencesError
from bitrix24_agent.reference.parse import parse_packs
from bitrix24_agent.reference.patterns import PackRules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bitrix24_agent.compiler.pages import Page
    from bitrix24_agent.model import Pack

UNKNOWN_COMMIT = "unknown"
_SHA = re.compile(r"[0-9a-f]{40}")
_FEWEST_PAGES = 3


def compile_references(
    docs: Path,
    out: Path,
    *,
    overlay: Path | None = None,
    second_edition: Path | None = None,
    commit: str | None = None,
) -> Report:
    """Write index, method blocks, events and report into *out*, or change nothing at all.

    Args:
        docs: Checkout of the documentation.
        out: References folder; holds the hand-written ``packs.md`` already.
        overlay: Folder of corrections; by default the one in *out*.
        second_edition: Checkout in another language to compare with.
        commit: Commit of *docs* when it has no ``.git``.

    Raises:
        ReferencesError: *docs* is no documentation, a correction does not apply, or *out* cannot
            be written.
    """
    library = Library(docs)
    rows = corrections.read_overlay(overlay if overlay is not None else out / "overlay")
    packs = read_packs(out)
    found = read_documentation(library, corrections.renames(rows))
    _check_overlay(rows, found)
    methods = compiled_methods(found, rows, packs)
    done = Report(
        methods=len(methods),
        versions=dict(Counter(m.version for m in methods)),
        parameters=sum(len(m.params) for m in methods),
        nested=sum(not p.top_level for m in methods for p in m.params),
        events=len(found.events),
        pages=library.count,
        commit=commit or commit_of(docs) or UNKNOWN_COMMIT,
        findings=_findings(found),
        skipped=found.skipped,
        rules={f"{m.name}@{m.version}": risk.judge(m.name).rule for m in methods},
    )
    if second_edition is not None:
        if not (second_edition / REFERENCE_FOLDER).is_dir():
            raise ReferencesError("no documentation here", file=str(second_edition))
        done.differences = compare_editions(
            docs, second_edition, sorted({m.page.split("#")[0] for m in methods})
        )
    replace_files(out, _files(methods, found, done))
    return done


class Library:
    """The pages of one checkout, read once each."""

    def __init__(self, docs: Path) -> None:
        self.docs = docs
        self._pages: dict[str, Page | None] = {}
        if not (docs / REFERENCE_FOLDER).is_dir():
            raise ReferencesError(
                f"no {REFERENCE_FOLDER}/ folder here; give a checkout of the documentation",
                file=str(docs),
            )
        self.files = [f.relative_to(docs).as_posix() for f in find_pages(docs)]

    @property
    def count(self) -> int:
        """How many pages the reference part has."""
        return len(self.files)

    def page(self, path: str) -> Page | None:
        """Return the page at *path* (relative to the checkout), or None when there is none.

        Raises:
            ReferencesError: The page is there and cannot be read.
        """
        if path not in self._pages:
            file = self.docs / path
            try:
                self._pages[path] = read_page(self.docs, file) if file.is_file() else None
            except (OSError, UnicodeDecodeError) as error:
                raise ReferencesError(f"cannot be read: {error}", file=str(file), line=1) from None
        return self._pages[path]


@dataclass(kw_only=True)
class Documentation:
    """Everything found in a checkout before people's corrections."""

    methods: dict[tuple[str, int], Extracted] = field(default_factory=dict)
    events: list[events.Event] = field(default_factory=list)
    skipped: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    doubles: list[Finding] = field(default_factory=list)
    idle: list[corrections.Row] = field(default_factory=list)


def read_documentation(
    library: Library, renamed: Mapping[tuple[str, int], str] | None = None
) -> Documentation:
    """Return every method and event of *library*; every other page with the reason why it is none.

    Raises:
        ReferencesError: No page documents a method.
    """
    found = Documentation()
    renamed = renamed or {}
    for path in library.files:
        page = library.page(path)
        if page is None:
            continue
        own_events = events.read_events(page)
        method = None if own_events else extract(page, library.page)
        if method is not None and not method.name.isupper():
            _keep(found, method, renamed)
        elif own_events:
            found.events += own_events
        else:
            found.skipped[why_none(page)].append(path)
    for method in sectioned(library.page):
        _keep(found, method, renamed)
    if len(found.methods) < _FEWEST_PAGES:
        raise ReferencesError(
            f"only {len(found.methods)} pages here document a method;"
            " give a checkout of the documentation",
            file=str(library.docs),
        )
    return found


def _keep(found: Documentation, method: Extracted, renamed: Mapping[tuple[str, int], str]) -> None:
    method.name = renamed.get((method.name, method.version), method.name)
    key = (method.name.lower(), method.version)
    first = found.methods.get(key)
    if first is None:
        found.methods[key] = method
        return
    # an outdated page gives way to the current one
    if _outdated(first.page) and not _outdated(method.page):
        found.methods[key] = method
        first, method = method, first
    found.doubles.append(
        Finding(
            page=method.page,
            line=1,
            message=f"{method.name} (v{method.version}) is already documented by {first.page}",
        )
    )


def _outdated(page: str) -> bool:
    return bool({"outdated", "deprecated"} & set(page.split("/")))


def why_none(page: Page) -> str:
    """Return why *page* documents no REST method."""
    path = PurePosixPath(page.path)
    if path.name == "index.md":
        return report.OVERVIEW
    if "BX24." in page.title or path.stem.startswith("bx24-"):
        return report.LIBRARY
    if "/ui-interaction/" in page.path:
        return report.WIDGET_EVENT
    if path.parts[1:2] == ("widgets",):
        return report.WIDGET
    if re.search(
        r"fields|data.types|types|structure|objects|blocks?$|dto", path.stem, re.IGNORECASE
    ) or {
        "structure",
        "block-collections",
    } & set(path.parts):
        return report.TYPES
    return report.ARTICLE


def commit_of(docs: Path) -> str | None:
    """Return the commit of the checkout *docs*, read from its ``.git``, or None."""
    git = docs / ".git"
    if git.is_file():
        match = re.match(r"gitdir:\s*(.+)", git.read_text(encoding="utf-8").strip())
        if match is None:
            return None
        git = (docs / match[1]).resolve()
    head = git / "HEAD"
    if not head.is_file():
        return None
    text = head.read_text(encoding="utf-8").strip()
    if _SHA.fullmatch(text):
        return text
    name = text.removeprefix("ref:").strip()
    common = git / "commondir"
    roots = (
        [git, (git / common.read_text(encoding="utf-8").strip()).resolve()]
        if common.is_file()
        else [git]
    )
    for root in roots:
        loose, packed = root / name, root / "packed-refs"
        if loose.is_file():
            return loose.read_text(encoding="utf-8").strip()
        if packed.is_file():
            match = re.search(
                rf"^([0-9a-f]{{40}}) {re.escape(name)}$",
                packed.read_text(encoding="utf-8"),
                re.MULTILINE,
            )
            if match:
                return match[1]
    return None


# --- from facts to blocks -----------------------------------------------------------------------


def read_packs(out: Path) -> dict[str, Pack]:
    """Return the packs that the references folder *out* describes.

    Raises:
        ReferencesError: There is no readable ``packs.md``.
    """
    file = out / "packs.md"
    try:
        return parse_packs(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise ReferencesError(
            f"cannot be read: {error.strerror}; compile into a references folder", file=str(file)
        ) from None


def _check_overlay(rows: list[corrections.Row], found: Documentation) -> None:
    known = {(m.name, m.version) for m in found.methods.values()}
    renamed = set(corrections.renames(rows))
    problems = corrections.check_rows(rows, known | renamed)
    if problems:
        file, line, message = problems[0]
        more = "".join(f"\n{f}:{n}: {text}" for f, n, text in problems[1:])
        raise ReferencesError(message + more, file=file, line=line)


def compiled_methods(
    found: Documentation,
    rows: list[corrections.Row],
    packs: Mapping[str, Pack],
    *,
    strict: bool = True,
) -> list[Compiled]:
    """Return every method with its corrections, in order of the names.

    With *strict* off, a method no pack's pattern fits gets no pack instead of an error.

    Raises:
        ReferencesError: A correction does not apply, or (strict) a method fits no pack.
    """
    names = [m.name for m in found.methods.values()]
    twins = {n for n, times in Counter(n.lower() for n in names).items() if times > 1}
    family = families.families(names)
    rules = PackRules(packs)
    by_method: dict[tuple[str, int], list[corrections.Row]] = defaultdict(list)
    for row in rows:
        by_method[row.key].append(row)
    methods = []
    for one in found.methods.values():
        judged = risk.judge(one.name)
        pack = rules.pack_of(one.name)
        if pack is None and strict:
            raise ReferencesError(
                f"no pattern fits {one.name}; every method belongs to one pack", file="packs.md"
            )
        method = Compiled(
            name=one.name,
            version=one.version,
            family=family[one.name],
            pack=pack or "",
            risk=judged.risk,
            scopes=one.scopes,
            replaced_by=_successor(one, found),
            page=one.page,
            summary=summary.fallback(one.name, one.version, twin=one.name.lower() in twins),
            audience=one.audience,
            credential="application" if one.application_only else None,
            returns=one.answer.returns,
            id_at=one.answer.id_at,
            paging=one.answer.paging,
            batch="refused" if one.batch_refused else None,
            keys=one.answer.keys,
            errors=one.errors,
            params=one.params,
        )
        found.idle += corrections.idle_rows(method, by_method[one.name, one.version])
        methods.append(corrections.apply(method, by_method[one.name, one.version], packs))
    return sorted(methods, key=lambda m: m.order)


def _successor(one: Extracted, found: Documentation) -> str | None:
    """Return the successor's name, "-" when there is none, None for a current method."""
    if one.replaced_by is None:
        return None
    pages = {m.page: m for m in found.methods.values()}
    target = pages.get(one.replaced_page or "")
    for version in (one.version, 3, 2):
        named = found.methods.get((one.replaced_by.lower(), version))
        if named is not None and named is not one:
            return named.name
    if target is not None and target is not one:
        return target.name
    return "-"


def _findings(found: Documentation) -> list[Finding]:
    findings = list(found.doubles)
    for one in found.methods.values():
        findings += [Finding(page=one.page, line=line, message=text) for line, text in one.problems]
        if not one.scopes:
            findings.append(Finding(page=one.page, line=1, message="the page names no scope"))
    findings += [
        Finding(
            page=f"overlay/{PurePosixPath(row.file).name}",
            line=row.line,
            message=f"{row.method} {row.field}: this row changes nothing any more",
        )
        for row in found.idle
    ]
    return findings


def _files(methods: list[Compiled], found: Documentation, done: Report) -> dict[str, str]:
    groups: dict[str, list[Compiled]] = defaultdict(list)
    for method in methods:
        groups[method.family].append(method)
    texts = {name: family_text(name, members, done.commit) for name, members in groups.items()}
    folders = events.packs_by_folder((m.page, m.pack) for m in methods)
    sorted_events = sorted(
        (replace(e, pack=events.pack_of(e.page, folders)) for e in found.events),
        key=lambda e: (e.name, e.page),
    )
    return {
        **{f"methods/{name}.md": texts[name] for name in sorted(texts)},
        "index.md": index_text(methods, texts, done.commit),
        "events.md": events_text(sorted_events, done.commit),
        "report.md": done.text(),
    }
