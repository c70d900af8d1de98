"""What a compile found out: numbers, pages without a method, and what could not be read."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bitrix24_agent.compiler.write import GENERATED, SOURCE

if TYPE_CHECKING:
    from bitrix24_agent.compiler.editions import Difference

OVERVIEW = "overview of a section"
LIBRARY = "function of the BX24 browser library, no REST method"
WIDGET_EVENT = "event or command inside a widget, no REST method"
WIDGET = "place for a widget"
TYPES = "description of objects and fields"
ARTICLE = "article"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something a person may want to look at, with its page and line."""

    page: str
    line: int
    message: str


@dataclass(kw_only=True)
class Report:
    """The outcome of one compile."""

    methods: int = 0
    versions: dict[int, int] = field(default_factory=dict)
    parameters: int = 0
    nested: int = 0
    events: int = 0
    pages: int = 0
    commit: str = ""
    findings: list[Finding] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    skipped: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    rules: dict[str, str] = field(default_factory=dict)
    """Method id -> the rule that gave its risk, for people who review them."""

    def facts(self) -> dict[str, Any]:
        """Return the numbers and lists, JSON-ready."""
        return {
            "methods": self.methods,
            "versions": {f"v{v}": n for v, n in sorted(self.versions.items())},
            "parameters": self.parameters,
            "nested": self.nested,
            "events": self.events,
            "pages": self.pages,
            "commit": self.commit,
            "skipped": {reason: len(pages) for reason, pages in sorted(self.skipped.items())},
            "findings": [f"{f.page}:{f.line}: {f.message}" for f in self.findings],
            "differences": [f"{d.page}:{d.line}: {d.message}" for d in self.differences],
        }

    def summary(self) -> str:
        """Return the outcome in a few lines for a terminal."""
        versions = ", ".join(f"{n} in v{v}" for v, n in sorted(self.versions.items()))
        lines = [
            f"{self.methods} methods ({versions}), {self.parameters} parameters"
            f" ({self.nested} of them nested),"
            f" {self.events} events from {self.pages} pages @ {self.commit[:8]}",
            f"{len(self.findings)} findings about the pages, all in report.md",
        ]
        if self.differences:
            lines.append(
                f"{len(self.differences)} differences from the second edition, in report.md"
            )
        return "\n".join(lines)

    def text(self) -> str:
        """Return ``report.md``."""
        lines = [
            f"{GENERATED} from {SOURCE} @ {self.commit[:8]}. Do not edit. -->",
            "# What the compiler could not read",
            "",
            f"Of {self.pages} pages {self.methods} document a method and {self.events} events were"
            " found. Every other"
            " page is listed here with the reason; below it, what on the pages themselves does not"
            " fit together.",
            "",
            "## Pages without a method",
            "",
        ]
        for reason in sorted(self.skipped):
            pages = sorted(self.skipped[reason])
            lines += [f"### {reason} ({len(pages)})", ""]
            lines += [f"- {page}" for page in pages]
            lines.append("")
        lines += ["## Findings", ""]
        if self.findings:
            lines += ["| page | line | finding |", "|---|---|---|"]
            lines += [
                _row(f.page, f.line, f.message)
                for f in sorted(self.findings, key=lambda f: (f.page, f.line, f.message))
            ]
        else:
            lines.append("None.")
        lines.append("")
        if self.differences:
            lines += [
                "## Differences from the second edition",
                "",
                "| page | line | difference |",
                "|---|---|---|",
            ]
            lines += [_row(d.page, d.line, d.message) for d in self.differences]
            lines.append("")
        return "\n".join(lines)


def _row(page: str, line: int, message: str) -> str:
    plain = " ".join(message.split()).replace("|", "\\|")
    return f"| {page} | {line} | {plain} |"
