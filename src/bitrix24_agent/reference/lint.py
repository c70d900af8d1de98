"""Check the references against themselves: names, risks, numbers and budgets must agree."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bitrix24_agent.errors import ReferencesError, UnknownMethodError
from bitrix24_agent.model import Risk
from bitrix24_agent.reference.catalog import Catalog
from bitrix24_agent.reference.patterns import PackRules
from bitrix24_agent.reference.recipes import check_chains
from bitrix24_agent.reference.tables import cells
from bitrix24_agent.tokens import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bitrix24_agent.model import Method, Shortlisted

CATALOG_TOKENS = 1000
SECTION_TOKENS = 600
SHORTLIST_ROWS = 25
SUMMARY_LENGTH = 90
CHAINS_A_PACK = 4

_OVERLAY_ROW = re.compile(r"^\|\s*`?([\w.]+)`?\s*\|\s*([23])\s*\|\s*([^|]+?)\s*\|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One disagreement: file (relative to the folder), line and what is wrong."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


def check(references_dir: str | Path, docs: str | Path | None = None) -> list[Finding]:
    """Return everything in *references_dir* that does not fit together, in order of file and line.

    With *docs*, a checkout of the documentation, the pages that the references name must exist
    there.
    """
    folder = Path(references_dir)
    findings: list[Finding] = []
    try:
        catalog = Catalog.load(folder)
        methods = catalog.methods()
    except ReferencesError as error:
        return [_of(error, folder)]
    checks: list[Callable[[Catalog], Iterator[Finding]]] = [
        _digests,
        _blocks,
        _summaries,
        _successors,
        _packs,
        _shortlists,
        _families,
        _chains,
        _sections,
        _overlay,
    ]
    for one in checks:
        try:
            findings += one(catalog)
        except ReferencesError as error:
            findings.append(_of(error, folder))
    if docs is not None:
        findings += _links(catalog, methods, Path(docs))
    return sorted(set(findings), key=lambda f: (f.file, f.line, f.message))


def _of(error: ReferencesError, folder: Path) -> Finding:
    file = error.file or str(folder)
    message = error.message.removeprefix(f"{error.file}:{error.line}: ").removeprefix(
        f"{error.file}: "
    )
    with contextlib.suppress(ValueError):
        file = Path(file).relative_to(folder).as_posix()
    return Finding(file=file, line=error.line or 1, message=message)


# --- generated files ----------------------------------------------------------------------------


def _digests(catalog: Catalog) -> Iterator[Finding]:
    """Generated files are as the compiler left them."""
    total = hashlib.sha256()
    for file in sorted((catalog.folder / "methods").glob("*.md"), key=lambda f: f.stem):
        total.update(file.read_bytes())
    lines = catalog.text("index.md").split("\n")
    at = next((i for i, line in enumerate(lines, 1) if line.startswith("- digest:")), 1)
    if total.hexdigest() != catalog.index.digest:
        yield Finding(
            file="index.md",
            line=at,
            message="a file in methods/ was edited after it was compiled; corrections go to"
            " overlay/, then compile",
        )
    events = catalog.folder / "events.md"
    if events.is_file():
        text = events.read_text(encoding="utf-8")
        stated = re.search(r"^- digest: (\w+)$", text, re.MULTILINE)
        body = text[stated.end() :] if stated else text
        if stated is None or hashlib.sha256(body.encode()).hexdigest() != stated[1]:
            yield Finding(
                file="events.md", line=1, message="edited after it was compiled; compile again"
            )


def _blocks(catalog: Catalog) -> Iterator[Finding]:
    """Every row of the index has its block, saying the same, and every block has its row."""
    listed: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for method in catalog.methods():
        listed[method.family].add((method.name, method.version))
        file = f"methods/{method.family}.md"
        try:
            detail = method.detail
        except ReferencesError as error:
            yield _of(error, catalog.folder)
            continue
        text = _block(catalog, method, detail.line)
        for key, value in (
            ("pack", method.pack),
            ("risk", str(method.risk)),
            ("scopes", ", ".join(method.scopes)),
            ("replaced by", method.replaced_by or ""),
            ("page", method.page),
        ):
            said = re.search(rf"^- {key}:[ \t]*(.*)$", text, re.MULTILINE)
            if (said[1].strip() if said else "") != value:
                yield Finding(
                    file=file,
                    line=detail.line,
                    message=f"{method.name}: {key} is {said[1] if said else None!r} here,"
                    f" {value!r} in index.md",
                )
        if method.summary not in text:
            yield Finding(
                file=file,
                line=detail.line,
                message=f"{method.name}: the summary differs from index.md",
            )
    for family, names in listed.items():
        text = catalog.text(f"methods/{family}.md")
        for match in re.finditer(r"^## (\S+) \(v(\d)\)", text, re.MULTILINE):
            if (match[1], int(match[2])) not in names:
                yield Finding(
                    file=f"methods/{family}.md",
                    line=text.count("\n", 0, match.start()) + 1,
                    message=f"{match[1]} is not in index.md",
                )


def _block(catalog: Catalog, method: Method, line: int) -> str:
    lines = catalog.text(f"methods/{method.family}.md").split("\n")[line - 1 :]
    end = next((i for i, text in enumerate(lines[1:], 1) if text.startswith("## ")), len(lines))
    return "\n".join(lines[:end])


def _summaries(catalog: Catalog) -> Iterator[Finding]:
    """Every summary is short and tells its method from its siblings."""
    seen: dict[tuple[str, str], Method] = {}
    where = _index_lines(catalog)
    for method in catalog.methods():
        line = where.get((method.name, method.version), 1)
        if not method.summary or len(method.summary) > SUMMARY_LENGTH:
            yield Finding(
                file="index.md",
                line=line,
                message=f"{method.name}: a summary has 1 to {SUMMARY_LENGTH} characters,"
                f" this one {len(method.summary)}",
            )
        key = (method.family, method.summary.lower())
        first = seen.setdefault(key, method)
        if first is not method:
            yield Finding(
                file="index.md",
                line=line,
                message=f"{method.id} has the same summary as {first.id}: {method.summary}",
            )


def _index_lines(catalog: Catalog) -> dict[tuple[str, int], int]:
    found = {}
    for number, line in enumerate(catalog.text("index.md").split("\n"), 1):
        row = cells(line) if line.startswith("|") else []
        if len(row) > 1 and row[1].isdigit():
            found[row[0], int(row[1])] = number
    return found


def _successors(catalog: Catalog) -> Iterator[Finding]:
    where = _index_lines(catalog)
    for method in catalog.methods():
        if (
            method.replaced_by
            and method.replaced_by != "-"
            and not catalog.versions(method.replaced_by)
        ):
            yield Finding(
                file="index.md",
                line=where.get((method.name, method.version), 1),
                message=f"{method.name} is replaced by {method.replaced_by},"
                " which is no documented method",
            )


# --- packs and catalogues -----------------------------------------------------------------------


def _packs(catalog: Catalog) -> Iterator[Finding]:
    """Every method is in the pack its name asks for, and every pattern fits something."""
    rules = PackRules(catalog.packs)
    moved = {(n, v) for n, v, field in _overlay_keys(catalog) if field == "pack"}
    where = _index_lines(catalog)
    for method in catalog.methods():
        key = (method.name, method.version)
        wanted = rules.pack_of(method.name)
        if wanted is None:
            yield Finding(file="packs.md", line=1, message=f"no pattern fits {method.name}")
        elif method.pack not in catalog.packs:
            yield Finding(
                file="index.md", line=where.get(key, 1), message=f"there is no pack {method.pack!r}"
            )
        elif wanted != method.pack and key not in moved:
            yield Finding(
                file="index.md",
                line=where.get(key, 1),
                message=f"{method.name} is in {method.pack}, its pattern says {wanted};"
                " compile again",
            )
    lines = catalog.text("packs.md").split("\n")
    for pattern, pack in rules.unused(m.name for m in catalog.methods()):
        line = next((i for i, text in enumerate(lines, 1) if f"`{pattern}`" in text), 1)
        yield Finding(
            file="packs.md", line=line, message=f"the pattern {pattern} of {pack} fits no method"
        )


def _shortlists(catalog: Catalog) -> Iterator[Finding]:
    for pack in catalog.packs:
        file = f"catalog-{pack}.md"
        found = catalog.catalog(pack)
        cost = count(found.text)
        if cost > CATALOG_TOKENS:
            yield Finding(
                file=file, line=1, message=f"about {cost} tokens, at most {CATALOG_TOKENS}"
            )
        if len(found.shortlist) > SHORTLIST_ROWS:
            yield Finding(
                file=file, line=1, message=f"{len(found.shortlist)} rows, at most {SHORTLIST_ROWS}"
            )
        for row in found.shortlist:
            yield from _shortlisted(catalog, file, row)


def _shortlisted(catalog: Catalog, file: str, row: Shortlisted) -> Iterator[Finding]:
    try:
        method = catalog.method(row.method, row.version)
    except UnknownMethodError as error:
        yield Finding(file=file, line=row.line, message=error.message)
        return
    if method.risk is not row.risk:
        yield Finding(
            file=file,
            line=row.line,
            message=f"{method.name} is {method.risk}, the row says {row.risk}",
        )
    if method.replaced_by and method.replaced_by != "-":
        yield Finding(
            file=file,
            line=row.line,
            message=f"{method.name} is deprecated; shortlist {method.replaced_by} instead",
        )
    names = [p.strip().strip("`") for p in row.params.split(",") if p.strip()]
    given = {n.rstrip("*") for n in names}
    for name in names:
        bare = name.rstrip("*")
        param = method.param(bare)
        if param is None:
            yield Finding(
                file=file, line=row.line, message=f"{method.name} has no parameter {bare}"
            )
        elif name.endswith("*") != param.required and not param.group:
            mark = "required" if param.required else "not required"
            yield Finding(file=file, line=row.line, message=f"{method.name}: {bare} is {mark}")
    for param in method.params:
        if param.top_level and param.required and param.path not in given:
            yield Finding(
                file=file,
                line=row.line,
                message=f"{method.name} needs {param.path}, the row does not name it",
            )


def _families(catalog: Catalog) -> Iterator[Finding]:
    """The family tables count right and name every family of their pack."""
    for pack in catalog.packs:
        file = f"catalog-{pack}.md"
        sizes = Counter(m.family for m in catalog.methods(pack))
        named: set[str] = set()
        inside = False
        for number, line in enumerate(catalog.text(file).split("\n"), 1):
            if line.startswith("## "):
                inside = line.strip() == "## Families"
            row = cells(line) if inside and line.startswith("|") else []
            if len(row) < 2 or row[0] in {"family", ""} or row[0].startswith("-"):
                continue
            family, stated = row[0].strip("`"), row[1]
            named.add(family)
            if family not in sizes:
                yield Finding(file=file, line=number, message=f"the pack has no family {family}")
            elif stated != str(sizes[family]):
                yield Finding(
                    file=file,
                    line=number,
                    message=f"{family} has {sizes[family]} methods here, the row says {stated}",
                )
        missing = sorted(set(sizes) - named)
        if missing and named:
            yield Finding(
                file=file, line=1, message=f"families not in the table: {', '.join(missing)}"
            )


def _chains(catalog: Catalog) -> Iterator[Finding]:
    for pack in catalog.packs:
        file = f"chains-{pack}.md"
        chains = catalog.chains(pack)
        if len(chains) < CHAINS_A_PACK:
            yield Finding(
                file=file,
                line=1,
                message=f"{len(chains)} chains, at least {CHAINS_A_PACK} are wanted",
            )
        for line, message in check_chains(catalog, chains):
            yield Finding(file=file, line=line, message=message)


def _sections(catalog: Catalog) -> Iterator[Finding]:
    for section in catalog.deep:
        cost = count(section.text)
        if cost > SECTION_TOKENS:
            yield Finding(
                file="bitrix24.md",
                line=section.line,
                message=f"'{section.title}' has about {cost} tokens, at most {SECTION_TOKENS}",
            )


# --- overlay and links --------------------------------------------------------------------------


def _overlay_files(catalog: Catalog) -> list[Path]:
    return sorted((catalog.folder / "overlay").glob("*.md"))


def _overlay_keys(catalog: Catalog) -> Iterator[tuple[str, int, str]]:
    for file in _overlay_files(catalog):
        for line in file.read_text(encoding="utf-8").split("\n"):
            if match := _OVERLAY_ROW.match(line):
                yield match[1], int(match[2]), match[3]


def _overlay(catalog: Catalog) -> Iterator[Finding]:
    """Corrections are about documented methods, were compiled in, and name their source."""
    for path in _overlay_files(catalog):
        file = path.relative_to(catalog.folder).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            match = _OVERLAY_ROW.match(line)
            if match is None:
                continue
            row = cells(line)
            if len(row) != 5:
                yield Finding(
                    file=file,
                    line=number,
                    message=f"this row has {len(row)} cells, the table has 5 columns",
                )
                continue
            name, field, value, source = row[0].strip("`"), row[2], row[3], row[4]
            method = catalog.lookup(name, int(row[1]))
            if method is None:
                yield Finding(
                    file=file,
                    line=number,
                    message=f"{name} (v{row[1]}) is not in the documentation any more",
                )
                continue
            if field != "summary" and not source:
                yield Finding(
                    file=file, line=number, message=f"{name} {field}: a row without a source"
                )
            if field == "summary" and method.summary != value:
                yield Finding(
                    file=file, line=number, message=f"{name}: this summary was not compiled in"
                )
            if field == "risk" and value.split(":")[0].strip() in {str(r) for r in Risk}:
                level = Risk.parse(value.split(":")[0])
                if method.risk is not level:
                    yield Finding(
                        file=file,
                        line=number,
                        message=f"{name} is {method.risk} in index.md and {level} here",
                    )


def _links(catalog: Catalog, methods: list[Method], docs: Path) -> Iterator[Finding]:
    where = _index_lines(catalog)
    for method in methods:
        if not (docs / method.page.split("#")[0]).is_file():
            yield Finding(
                file="index.md",
                line=where.get((method.name, method.version), 1),
                message=f"{method.name}: {method.page} is not in the checkout",
            )
    events = catalog.folder / "events.md"
    if events.is_file():
        for number, line in enumerate(events.read_text(encoding="utf-8").split("\n"), 1):
            row = cells(line) if line.startswith("|") else []
            if row and row[-1].endswith(".md") and not (docs / row[-1]).is_file():
                yield Finding(
                    file="events.md",
                    line=number,
                    message=f"{row[0]}: {row[-1]} is not in the checkout",
                )
    for file in sorted(catalog.folder.glob("*.md")):
        if file.name in {"index.md", "events.md", "report.md"}:
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
            for page in re.findall(
                r"\b((?:api-reference|settings|tutorials|first-steps|_includes)/[\w./-]+\.md)", line
            ):
                if not (docs / page).is_file():
                    yield Finding(
                        file=file.name, line=number, message=f"{page} is not in the checkout"
                    )
