"""Hold a checkout of the documentation against compiled references: new, gone, different."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bitrix24_agent.compiler.accept import Checked, check_examples
from bitrix24_agent.compiler.compile import (
    Library,
    compiled_methods,
    read_documentation,
    read_packs,
)
from bitrix24_agent.compiler.overlay import read_overlay, renames
from bitrix24_agent.reference.catalog import Catalog

if TYPE_CHECKING:
    from pathlib import Path

    from bitrix24_agent.compiler.write import Compiled
    from bitrix24_agent.model import Method

ACCEPTED_SHARE = 0.99
_MOST = 6


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Methods that a checkout adds, has no longer, or documents differently, with what differs."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def none(self) -> bool:
        """Whether the references still say what the documentation says."""
        return not (self.added or self.removed or self.changed)

    def lines(self) -> list[str]:
        """Return one line a method, for a terminal or a job's log."""
        return [
            *(f"added: {m}" for m in self.added),
            *(f"removed: {m}" for m in self.removed),
            *(f"changed: {m}: {'; '.join(what)}" for m, what in self.changed.items()),
        ]


def compare(docs: Path, references: Path) -> Changes:
    """Return how *docs* differs from the compiled folder *references*; writes nothing.

    Raises:
        ReferencesError: *docs* is no documentation, or the references cannot be read.
    """
    catalog = Catalog.load(references)
    rows = read_overlay(references / "overlay")
    found = read_documentation(Library(docs), renames(rows))
    known = {(m.name, m.version) for m in found.methods.values()}
    fitting = [r for r in rows if r.key in known]
    fresh = {
        (m.name.lower(), m.version): m
        for m in compiled_methods(found, fitting, read_packs(references), strict=False)
    }
    old = {(m.name.lower(), m.version): m for m in catalog.methods()}
    changed = {}
    for key in sorted(set(fresh) & set(old)):
        what = _differences(old[key], fresh[key])
        if what:
            changed[old[key].id] = what
    return Changes(
        added=tuple(f"{fresh[k].name}@{k[1]}" for k in sorted(set(fresh) - set(old))),
        removed=tuple(old[k].id for k in sorted(set(old) - set(fresh))),
        changed=changed,
    )


def _differences(old: Method, new: Compiled) -> tuple[str, ...]:
    said: list[str] = []
    for what, before, after in (
        ("scopes", ", ".join(old.scopes), ", ".join(new.scopes)),
        ("replaced by", old.replaced_by or "", new.replaced_by or ""),
        ("page", old.page, new.page),
        ("returns", old.detail.returns or "", new.returns or ""),
        ("paging", old.detail.paging or "", new.paging or ""),
        ("errors", ", ".join(old.detail.errors), ", ".join(new.errors)),
    ):
        if before != after:
            said.append(f"{what} {before or 'none'} -> {after or 'none'}")
    mine = {p.path: p for p in old.params}
    its = {p.path: p for p in new.params}
    groups: dict[str, list[str]] = defaultdict(list)
    for path in its.keys() - mine.keys():
        groups["new parameters"].append(path)
    for path in mine.keys() - its.keys():
        groups["parameters gone"].append(path)
    for path in mine.keys() & its.keys():
        was, now = mine[path], its[path]
        if was.required != now.required:
            groups["now required" if now.required else "no longer required"].append(path)
        if was.type != now.type:
            groups["other types"].append(f"{path} ({was.type} -> {now.type})")
        if was.enum != now.enum:
            groups["other values"].append(path)
    for what, paths in sorted(groups.items()):
        shown = ", ".join(sorted(paths)[:_MOST])
        more = f" and {len(paths) - _MOST} more" if len(paths) > _MOST else ""
        said.append(f"{what}: {shown}{more}")
    return tuple(said)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """Every request example of a checkout, tried against the compiled schemas."""

    checked: tuple[Checked, ...]

    @property
    def refused(self) -> list[Checked]:
        """Examples that are JSON and do not fit their schema."""
        return [c for c in self.checked if c.problem and c.readable]

    @property
    def unreadable(self) -> list[Checked]:
        """Examples that are no JSON object."""
        return [c for c in self.checked if not c.readable]

    @property
    def share(self) -> float:
        """Accepted examples of all, the unreadable ones counted as refused."""
        total = len(self.checked)
        return (total - len(self.refused) - len(self.unreadable)) / total if total else 1.0

    @property
    def ok(self) -> bool:
        """Whether enough examples are accepted; the pages themselves hold a few that cannot be."""
        return self.share >= ACCEPTED_SHARE

    def summary(self) -> str:
        """Return the numbers in one line."""
        accepted = len(self.checked) - len(self.refused) - len(self.unreadable)
        pages = len({c.page for c in self.checked})
        return (
            f"{accepted} of {len(self.checked)} request examples on {pages} pages accepted"
            f" ({self.share:.2%}), {len(self.refused)} refused, {len(self.unreadable)} unreadable"
        )

    def lines(self) -> list[str]:
        """Return one line for each example that is not accepted, with the reason."""
        return [
            f"{c.page}:{c.line}: {c.method}: {c.problem}" for c in (*self.refused, *self.unreadable)
        ]


def try_examples(docs: Path, references: Path) -> Tried:
    """Try every JSON request example of *docs* against the schemas of *references*.

    Raises:
        ReferencesError: The references cannot be read.
    """
    return Tried(checked=tuple(check_examples(docs, Catalog.load(references).methods())))
