"""Refresh the transcript in README.md from what the demo prints today; part of `make docs`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
MARK = re.compile(r"<!-- name: transcript -->\n```text\n.*?```", re.DOTALL)


def main() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "bitrix24_agent.cli", "demo", "--yes", "--framework", "langchain"],
        env={**os.environ, "COLUMNS": "96"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    steps = _steps(printed)
    lines: list[str] = []
    skipped = False
    for step in steps:
        if _worth_showing(step):
            if skipped:
                lines.append("            …")
            lines += step
            skipped = False
        else:
            skipped = bool(lines)
    text = "\n".join(lines)
    README.write_text(
        MARK.sub(
            lambda _: f"<!-- name: transcript -->\n```text\n{text}\n```",
            README.read_text(encoding="utf-8"),
        ),
        encoding="utf-8",
    )


def _steps(printed: str) -> list[list[str]]:
    """Cut the output at its labels."""
    steps: list[list[str]] = []
    for line in printed.split("\n"):
        if re.match(r" {0,9}\w+  ", line) and not line.startswith(" " * 11):
            steps.append([line])
        elif steps and line.strip():
            steps[-1].append(line)
    return steps


def _worth_showing(step: list[str]) -> bool:
    words = " ".join(" ".join(step).split())
    label, _, rest = words.partition(" ")
    if label in ("user", "STOP", "approved", "answer", "audit"):
        return True
    return (label == "calls" and "crm.item.update" in rest and "b24_call" in rest) or (
        label == "agent" and rest.startswith("From ")
    )


if __name__ == "__main__":
    main()
