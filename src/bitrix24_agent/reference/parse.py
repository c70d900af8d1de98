"""Read the Markdown of ``references/`` into the model; every error names its file and line.

The format is described in docs/references-format.md. Only text comes in and only values go out:
files are opened by ``catalog``.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bitrix24_agent.errors import ReferencesError
from bitrix24_agent.model import Chain, ChainStep, MethodDetail, Pack, Risk, Shortlisted
from bitrix24_agent.params import JSON_TYPES, Param
from bitrix24_agent.reference.tables import bullet, listed, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

INDEX_COLUMNS = ("method", "version", "pack", "risk", "scopes", "replaced by", "page", "summary")
PARAM_COLUMNS = ("parameter", "type", "required", "details")
SHORTLIST_COLUMNS = ("method", "risk", "parameters", "why")

_RISKS = {str(risk): risk for risk in Risk}
_BLOCK = re.compile(r"^## (\S+) \(v(\d)\)\s*$", re.MULTILINE)
_NAMED = re.compile(r"^`?([A-Za-z0-9_.]+)`?(?:\s+\(v(\d)\))?$")
_PACK = re.compile(r"^## (\w+) (?:—|-|–) (.+)$")
_STEP = re.compile(r"^\d+\.\s+`([A-Za-z0-9_.]+)`((?:\s+\((?:v\d|write|destructive)\))*)\s*(.*)$")
_NEED = re.compile(r"(\w+)\s*\((\w+)\)\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^,\s]+)")
_COMMENT = re.compile(r"^<!--\s*(topic|triggers):\s*(.*?)\s*-->$")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """One line of ``index.md``."""

    name: str
    version: int
    pack: str
    risk: Risk
    scopes: tuple[str, ...]
    replaced_by: str | None
    page: str
    summary: str
    family: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What ``index.md`` says: where the facts come from, their digest, and a row a method."""

    source: str
    digest: str
    rows: tuple[IndexRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of the deep reference."""

    title: str
    topic: str
    triggers: tuple[str, ...]
    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PackCatalog:
    """One pack's catalogue: its shortlist and the text as a person reads it."""

    pack: str
    shortlist: tuple[Shortlisted, ...]
    text: str


def parse_index(text: str, file: str = "index.md") -> Index:
    """Read ``index.md``."""
    lines = text.split("\n")
    header: dict[str, str] = {}
    found: list[IndexRow] = []
    family = ""
    position = 0
    while position < len(lines):
        line = lines[position]
        if line.startswith("## "):
            family = line[3:].strip()
        elif not family and (pair := bullet(line)):
            header[pair[0]] = pair[1]
        elif line.startswith("|"):
            if not family:
                raise ReferencesError(
                    "a table before the first family", file=file, line=position + 1
                )
            for number, row in rows(lines, position, INDEX_COLUMNS, file):
                found.append(_index_row(row, family, file, number))
                position = number - 1
        position += 1
    if not found:
        raise ReferencesError(
            "no method is listed; compile the references again", file=file, line=1
        )
    stated = header.get("methods", "")
    if stated.isdigit() and int(stated) != len(found):
        raise ReferencesError(
            f"the header promises {stated} methods, {len(found)} are listed: cut or edited",
            file=file,
            line=len(lines),
        )
    return Index(
        source=header.get("source", ""), digest=header.get("digest", ""), rows=tuple(found)
    )


def _index_row(row: list[str], family: str, file: str, line: int) -> IndexRow:
    name, version, pack, risk, scopes, replaced_by, page, summary = row
    if version not in ("2", "3"):
        raise ReferencesError(f"{version!r} is no API version (2 or 3)", file=file, line=line)
    if risk not in _RISKS:
        raise ReferencesError(
            f"{risk!r} is no risk (read, write, destructive)", file=file, line=line
        )
    return IndexRow(
        name=name,
        version=int(version),
        pack=pack,
        risk=_RISKS[risk],
        scopes=listed(scopes),
        replaced_by=replaced_by or None,
        page=page,
        summary=summary,
        family=family,
    )


def blocks(text: str) -> dict[tuple[str, int], tuple[int, int]]:
    """Return where each method's block starts and ends in a family file, by name and version."""
    marks = [(m.group(1), int(m.group(2)), m.start()) for m in _BLOCK.finditer(text)]
    ends = [start for _, _, start in marks[1:]] + [len(text)]
    return {
        (name, version): (start, end)
        for (name, version, start), end in zip(marks, ends, strict=True)
    }


def parse_detail(text: str, start: int, end: int, file: str) -> MethodDetail:
    """Read one method's block, ``text[start:end]`` of a family file."""
    first_line = text.count("\n", 0, start) + 1
    lines = text[start:end].split("\n")
    facts: dict[str, str] = {}
    params: list[Param] = []
    for offset, line in enumerate(lines):
        if pair := bullet(line):
            facts[pair[0]] = pair[1]
        elif line.startswith("| parameter"):
            seen: set[str] = set()
            try:
                table = list(rows(lines, offset, PARAM_COLUMNS, file))
            except ReferencesError as error:
                raise _moved(error, first_line, file) from None
            for number, row in table:
                param = _param(row, file, first_line + number - 1)
                if param.path in seen:
                    raise ReferencesError(
                        f"{param.path} is listed twice", file=file, line=first_line + number - 1
                    )
                seen.add(param.path)
                params.append(param)
    for needed in ("pack", "risk", "scopes", "page"):
        if needed not in facts:
            raise ReferencesError(f"the block has no '{needed}'", file=file, line=first_line)
    return MethodDetail(
        params=tuple(params),
        returns=facts.get("returns") or None,
        id_at=facts.get("id") or None,
        paging=facts.get("paging") or None,
        batchable=facts.get("batch") != "refused",
        errors=listed(facts.get("errors", "")),
        audience=facts.get("audience") or None,
        webhook=facts.get("credential") != "application",
        risk_reason=facts.get("why") or None,
        keys=listed(facts.get("keys", "")),
        line=first_line,
    )


def _moved(error: ReferencesError, first_line: int, file: str) -> ReferencesError:
    message = error.message.removeprefix(f"{file}:{error.line}: ")
    return ReferencesError(message, file=file, line=first_line + (error.line or 1) - 1)


def _param(row: list[str], file: str, line: int) -> Param:
    path, type_name, required, details = row
    type_name = type_name.replace(" or ", "|")
    for option in type_name.split("|"):
        if option.removesuffix("[]") not in JSON_TYPES:
            raise ReferencesError(f"{option!r} is no parameter type", file=file, line=line)
    if required not in ("yes", ""):
        raise ReferencesError(
            f"'required' is 'yes' or empty, not {required!r}", file=file, line=line
        )
    facts: dict[str, Any] = {}
    for part in details.split("; ") if details else ():
        key, _, value = part.partition(" ")
        if key == "enum":
            facts["enum"] = listed(value)
        elif key == "values":
            facts["source"] = value
        elif key in ("ref", "default", "format", "group"):
            facts[key] = value
        elif part == "open":
            facts["open"] = True
        elif part == "example only":
            facts["example_only"] = True
        else:
            raise ReferencesError(f"{part!r} is no known detail", file=file, line=line)
    return Param(path=path, type=type_name, required=required == "yes", **facts)


# --- hand-written files ---------------------------------------------------------------------------


def parse_packs(text: str, file: str = "packs.md") -> dict[str, Pack]:
    """Read ``packs.md``; the order of the file is the order of the dict."""
    packs: dict[str, Pack] = {}
    current: dict[str, Any] | None = None
    prose: list[str] = []

    def close() -> None:
        if current is not None:
            packs[current["name"]] = Pack(purpose=" ".join(prose).strip(), **current)

    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("## "):
            close()
            heading = _PACK.match(line)
            current = None
            prose = []
            if heading is None:
                continue
            name, title = heading.groups()
            if name in packs:
                raise ReferencesError(
                    f"the pack {name!r} is described twice", file=file, line=number
                )
            current = {"name": name, "title": title.strip(), "patterns": (), "words": ()}
        elif current is not None and (pair := bullet(line)):
            if pair[0] == "methods":
                current["patterns"] = listed(pair[1])
            elif pair[0] == "words":
                current["words"] = listed(pair[1])
        elif current is not None and line.strip():
            prose.append(line.strip())
    close()
    if not packs:
        raise ReferencesError("no pack is described ('## name — title')", file=file, line=1)
    for pack in packs.values():
        if not pack.patterns:
            raise ReferencesError(f"the pack {pack.name!r} names no methods", file=file, line=1)
    return packs


def parse_catalog(text: str, file: str) -> PackCatalog:
    """Read ``catalog-<pack>.md``."""
    lines = text.split("\n")
    pack = lines[0].removeprefix("# Pack:").strip() if lines[0].startswith("# Pack:") else ""
    if not pack:
        raise ReferencesError("the first line should be '# Pack: <name>'", file=file, line=1)
    shortlist: list[Shortlisted] = []
    for offset, line in enumerate(lines):
        if line.startswith("| method | risk"):
            for number, row in rows(lines, offset, SHORTLIST_COLUMNS, file):
                name, version = named(row[0], file, number)
                if row[1] not in _RISKS:
                    raise ReferencesError(f"{row[1]!r} is no risk", file=file, line=number)
                shortlist.append(
                    Shortlisted(
                        method=name,
                        version=version or 2,
                        risk=_RISKS[row[1]],
                        params=row[2],
                        why=row[3],
                        line=number,
                    )
                )
            break
    else:
        raise ReferencesError("the shortlist table is missing", file=file, line=1)
    return PackCatalog(pack=pack, shortlist=tuple(shortlist), text=text)


def named(cell: str, file: str, line: int) -> tuple[str, int | None]:
    """Return name and version of a method written ``crm.deal.get`` or ``tasks.task.get (v3)``."""
    match = _NAMED.match(cell.strip())
    if match is None:
        raise ReferencesError(f"{cell!r} is no method name", file=file, line=line)
    return match.group(1), int(match.group(2)) if match.group(2) else None


def parse_chains(text: str, file: str) -> tuple[Chain, ...]:
    """Read ``chains-<pack>.md``."""
    lines = text.split("\n")
    if not lines[0].startswith("# Chains:"):
        raise ReferencesError("the first line should be '# Chains: <pack>'", file=file, line=1)
    pack = lines[0].removeprefix("# Chains:").strip()
    starts = [i for i, line in enumerate(lines) if line.startswith("## ")] + [len(lines)]
    return tuple(_chain(lines, start, end, pack, file) for start, end in itertools.pairwise(starts))


def _chain(lines: list[str], start: int, end: int, pack: str, file: str) -> Chain:
    goal = ""
    needs: dict[str, str] = {}
    steps: list[ChainStep] = []
    position = start + 1
    while position < end:
        line = lines[position].strip()
        if line.startswith("Goal:"):
            goal = line.removeprefix("Goal:").strip()
        elif line.startswith("Needs:"):
            needs = {m.group(1): m.group(3) for m in _NEED.finditer(line)}
        elif re.match(r"\d+\.\s", line):
            step, position = _step(lines, position, end, file)
            steps.append(step)
            continue
        position += 1
    if not goal or not steps:
        raise ReferencesError("a chain needs a 'Goal:' line and steps", file=file, line=start + 1)
    return Chain(
        name=lines[start][3:].strip(),
        pack=pack,
        goal=goal,
        needs=needs,
        steps=tuple(steps),
        line=start + 1,
    )


def _step(lines: list[str], start: int, end: int, file: str) -> tuple[ChainStep, int]:
    match = _STEP.match(lines[start].strip())
    if match is None:
        raise ReferencesError("a step reads: 1. `method` what it does", file=file, line=start + 1)
    name, marks, note = match.groups()
    version = re.search(r"\(v(\d)\)", marks)
    params: dict[str, Any] = {}
    gives: dict[str, str] = {}
    position = start + 1
    while position < end:
        line = lines[position].strip()
        if re.match(r"\d+\.\s", line):
            break
        if line == "```json":
            close = next((i for i in range(position + 1, end) if lines[i].strip() == "```"), None)
            if close is None:
                raise ReferencesError("the JSON block is not closed", file=file, line=position + 1)
            try:
                params = json.loads("\n".join(lines[position + 1 : close]))
            except ValueError as error:
                raise ReferencesError(
                    f"the JSON cannot be read: {error}", file=file, line=position + 2
                ) from None
            position = close
        elif line.startswith("gives:"):
            for part in re.split(r",\s+(?=\w+ = )", line.removeprefix("gives:").strip()):
                key, equals, path = part.partition(" = ")
                if not equals:
                    raise ReferencesError(
                        f"{part!r} should read: name = result.path", file=file, line=position + 1
                    )
                gives[key.strip()] = path.strip()
        position += 1
    risk_note = " ".join(re.findall(r"\((write|destructive)\)", marks))
    return (
        ChainStep(
            method=name,
            version=int(version.group(1)) if version else None,
            params=params,
            gives=gives,
            note=" ".join(filter(None, [risk_note and f"({risk_note})", note])),
            line=start + 1,
        ),
        position,
    )


def parse_deep(text: str, file: str = "bitrix24.md") -> tuple[Section, ...]:
    """Read the deep reference into its sections."""
    return tuple(_sections(text, file))


def _sections(text: str, file: str) -> Iterator[Section]:
    lines = text.split("\n")
    starts = [i for i, line in enumerate(lines) if line.startswith("## ")] + [len(lines)]
    for start, end in itertools.pairwise(starts):
        facts = {"topic": "", "triggers": ""}
        body: list[str] = []
        for line in lines[start + 1 : end]:
            if comment := _COMMENT.match(line.strip()):
                facts[comment.group(1)] = comment.group(2)
            else:
                body.append(line)
        if not facts["topic"]:
            raise ReferencesError(
                "a section needs '<!-- topic: ... -->' under its heading", file=file, line=start + 1
            )
        title = lines[start][3:].strip()
        yield Section(
            title=title,
            topic=facts["topic"],
            triggers=listed(facts["triggers"]),
            text=f"## {title}\n" + "\n".join(body).strip() + "\n",
            line=start + 1,
        )
