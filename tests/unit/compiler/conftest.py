"""A copy of the page set in tests/fixtures/docs, and a references folder to compile into."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bitrix24_agent.compiler.compile import compile_references
from bitrix24_agent.compiler.report import Report

DOCS = Path(__file__).resolve().parents[2] / "fixtures" / "docs"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

PACKS = """# Packs

## Loading rules

One page at a time.

## core — Records

Deals, tasks, lists and polls.

- methods: `crm.*`, `tasks.*`, `lists.*`, `vote.*`
- words: deal, task

## platform — The rest

Storage and system calls.

- methods: `entity.*`, `batch`, `methods`, `rest.*`
- words: storage
"""


class Bench:
    """A documentation checkout and a references folder, both free to be spoilt."""

    def __init__(self, root: Path) -> None:
        self.commit = COMMIT
        self.docs = root / "docs"
        self.out = root / "references"
        shutil.copytree(DOCS, self.docs)
        self.out.mkdir()
        (self.out / "packs.md").write_text(PACKS, encoding="utf-8")

    def compile(self, **options: object) -> Report:
        return compile_references(self.docs, self.out, **{"commit": COMMIT, **options})

    def page(self, path: str, text: str) -> Path:
        file = self.docs / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.docs / path
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def overlay(self, *rows: str, name: str = "test.md") -> Path:
        folder = self.out / "overlay"
        folder.mkdir(exist_ok=True)
        file = folder / name
        head = [
            "# Overlay: test",
            "",
            "| method | version | field | value | source |",
            "|---|---|---|---|---|",
        ]
        file.write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")
        return file

    def files(self) -> dict[str, bytes]:
        return {
            p.relative_to(self.out).as_posix(): p.read_bytes()
            for p in sorted(self.out.rglob("*"))
            if p.is_file()
        }


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
