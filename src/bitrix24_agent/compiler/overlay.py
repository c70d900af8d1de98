"""Read the corrections people wrote in ``references/overlay/`` and put them over the facts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bitrix24_agent.compiler.summary import MOST
from bitrix24_agent.errors import ReferencesError
from bitrix24_agent.model import Risk
from bitrix24_agent.params import JSON_TYPES, Param
from bitrix24_agent.reference.tables import listed, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bitrix24_agent.compiler.write import Compiled

COLUMNS = ("method", "version", "field", "value", "source")
_PLAIN = {
    "replaced by": "replaced_by",
    "returns": "returns",
    "id": "id_at",
    "paging": "paging",
    "batch": "batch",
    "credential": "credential",
    "audience": "audience",
}
FIELDS = ("summary", "risk", "pack", "name", *_PLAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One correction and where it stands."""

    method: str
    version: int
    field: str
    value: str
    source: str
    file: str
    line: int

    @property
    def key(self) -> tuple[str, int]:
        """The method it is for."""
        return (self.method, self.version)


def read_overlay(folder: Path | None) -> list[Row]:
    """Return every row of every file in *folder*, in order of the file names.

    Raises:
        ReferencesError: A file cannot be read, or a table is not in the overlay's shape.
    """
    if folder is None or not folder.is_dir():
        return []
    found: list[Row] = []
    for file in sorted(folder.glob("*.md")):
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ReferencesError(f"cannot be read: {error}", file=str(file)) from None
        position = 0
        while position < len(lines):
            if lines[position].startswith("|"):
                for number, cells in rows(lines, position, COLUMNS, str(file)):
                    found.append(_row(cells, str(file), number))
                    position = number - 1
            position += 1
    return found


def _row(cells: Sequence[str], file: str, line: int) -> Row:
    method, version, name, value, source = cells
    if version not in {"2", "3"}:
        raise ReferencesError(f"{version!r} is no API version (2 or 3)", file=file, line=line)
    known = name in FIELDS or name.startswith("param ")
    if not known:
        raise ReferencesError(
            f"{name!r} is no overlay field ({', '.join(FIELDS)}, param <path>)",
            file=file,
            line=line,
        )
    return Row(
        method=method.strip("`"), version=int(version), field=name, value=value, source=source,
        file=file, line=line,
    )  # fmt: skip


def check_rows(
    rows_: Iterable[Row], known: Iterable[tuple[str, int]]
) -> list[tuple[str, int, str]]:
    """Return file, line and reason of every row whose method is gone or that is said twice."""
    methods = set(known)
    problems: list[tuple[str, int, str]] = []
    seen: dict[tuple[str, int, str], Row] = {}
    for row in rows_:
        if row.key not in methods:
            problems.append(
                (
                    row.file,
                    row.line,
                    f"{row.method} (v{row.version}) is not in the documentation any more",
                )
            )
            continue
        key = (*row.key, row.field)
        first = seen.setdefault(key, row)
        if first is not row and not (row.field.startswith("param ") and row.value != first.value):
            problems.append(
                (
                    row.file,
                    row.line,
                    f"{row.field} of {row.method} is already set in {first.file}:{first.line}",
                )
            )
    return problems


def idle_rows(method: Compiled, rows_: Iterable[Row]) -> Iterator[Row]:
    """Yield the parameter rows that change nothing in *method*: the page has been mended."""
    for row in rows_:
        if row.field.startswith("param ") and _change_param(method.params, row) == method.params:
            yield row


def renames(rows_: Iterable[Row]) -> dict[tuple[str, int], str]:
    """Return the names that people corrected."""
    return {row.key: row.value for row in rows_ if row.field == "name"}


def apply(method: Compiled, rows_: Iterable[Row], packs: Mapping[str, Any]) -> Compiled:
    """Return *method* with its corrections.

    Raises:
        ReferencesError: A value does not fit its field; names file and line.
    """
    for row in rows_:
        method = _apply_one(method, row, packs)
    return method


def _apply_one(method: Compiled, row: Row, packs: Mapping[str, Any]) -> Compiled:
    if row.field == "summary":
        if not row.value or len(row.value) > MOST:
            raise _wrong(row, f"a summary has 1 to {MOST} characters, this one {len(row.value)}")
        return replace(method, summary=row.value)
    if row.field == "risk":
        level, _, reason = row.value.partition(":")
        try:
            risk = Risk.parse(level)
        except ValueError as error:
            raise _wrong(row, str(error)) from None
        if not reason.strip():
            raise _wrong(row, "say why: 'level: reason'")
        return replace(method, risk=risk, why=reason.strip())
    if row.field == "pack":
        if row.value not in packs:
            raise _wrong(row, f"there is no pack {row.value!r}")
        return replace(method, pack=row.value)
    if row.field == "name":
        return method
    if row.field in _PLAIN:
        changed: dict[str, Any] = {_PLAIN[row.field]: row.value or None}
        return replace(method, **changed)
    return replace(method, params=_change_param(method.params, row))


def _change_param(params: tuple[Param, ...], row: Row) -> tuple[Param, ...]:
    path = row.field.removeprefix("param ").strip()
    verb, _, value = row.value.partition(":")
    verb, value = verb.strip().lower(), value.strip()
    at = next((i for i, p in enumerate(params) if p.path == path), None)
    if verb == "add":
        new = _param(path, value, row)
        if at is None:
            return _insert(params, new)
        return (*params[:at], new, *params[at + 1 :])
    if at is None and verb == "remove":
        return params
    if at is None:
        raise _wrong(row, f"the method has no parameter {path}")
    if verb == "remove":
        inner = (f"{path}.", f"{path}[]")
        return tuple(p for p in params if p.path != path and not p.path.startswith(inner))
    old = params[at]
    if verb == "required":
        if value not in {"yes", "no"}:
            raise _wrong(row, "required is yes or no")
        new = replace(old, required=value == "yes", group=None if value == "yes" else old.group)
    elif verb == "type":
        new = replace(old, type=_type(value, row))
    elif verb == "details":
        fresh = _param(path, f"{old.type.replace('|', ' or ')}; {value}", row)
        new = replace(fresh, required=old.required)
    else:
        raise _wrong(row, "say required:, type:, details:, remove or add:")
    return (*params[:at], new, *params[at + 1 :])


def _insert(params: tuple[Param, ...], new: Param) -> tuple[Param, ...]:
    """Put *new* behind its last sibling, or behind its parent."""
    parent = re.sub(r"\.[^.]*$", "", new.path) if "." in new.path else ""
    at = len(params)
    if parent:
        bare = parent.removesuffix("[]")
        places = [
            i
            for i, p in enumerate(params)
            if p.path in {parent, bare} or p.path.startswith(f"{parent}.")
        ]
        at = places[-1] + 1 if places else at
    return (*params[:at], new, *params[at:])


def _param(path: str, text: str, row: Row) -> Param:
    kind, _, rest = text.partition(";")
    facts: dict[str, Any] = {}
    for part in filter(None, (p.strip() for p in rest.split(";"))):
        key, _, value = part.partition(" ")
        if key == "enum":
            facts["enum"] = listed(value)
        elif key == "values":
            facts["source"] = value
        elif key in {"ref", "default", "format", "group"}:
            facts[key] = value
        elif part in {"open", "required"}:
            facts[part] = True
        elif part == "example only":
            facts["example_only"] = True
        else:
            raise _wrong(row, f"{part!r} is no known detail")
    return Param(path=path, type=_type(kind.strip(), row), **facts)


def _type(text: str, row: Row) -> str:
    options = text.replace(" or ", "|").split("|")
    if any(o.removesuffix("[]") not in JSON_TYPES for o in options):
        raise _wrong(row, f"{text!r} is no parameter type")
    return "|".join(options)


def _wrong(row: Row, message: str) -> ReferencesError:
    return ReferencesError(f"{row.method} {row.field}: {message}", file=row.file, line=row.line)
