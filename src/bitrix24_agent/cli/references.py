"""``bitrix24-agent references compile|check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bitrix24_agent.cli.output import Exit, print_json
from bitrix24_agent.reference.catalog import Catalog, packaged_folder

if TYPE_CHECKING:
    import argparse

EXAMPLE = "bitrix24-agent references compile --docs ../b24restdocs"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    compiling = actions.add_parser("compile", help="write index.md, methods/ and events.md")
    compiling.add_argument("--docs", type=Path, required=True, help="checkout of b24restdocs")
    compiling.add_argument("--out", type=Path, help="references folder (default: the packaged one)")
    compiling.add_argument("--commit", help="commit of the checkout, when it has no .git")
    compiling.add_argument(
        "--second-edition", type=Path, help="checkout in another language, to compare with"
    )
    compiling.add_argument("--json", action="store_true", help="print JSON for scripts")
    checking = actions.add_parser("check", help="lint the references against themselves")
    checking.add_argument("--references", type=Path, help="folder (default: the packaged one)")
    checking.add_argument("--docs", type=Path, help="a newer checkout, to report what changed")
    checking.add_argument(
        "--examples", action="store_true", help="with --docs, try every request example"
    )
    checking.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Compile the references, or check them."""
    return _compile(args) if args.action == "compile" else _check(args)


def _compile(args: argparse.Namespace) -> int:
    from bitrix24_agent.compiler.compile import compile_references

    out = args.out or packaged_folder()
    report = compile_references(
        args.docs,
        out,
        overlay=out / "overlay",
        second_edition=args.second_edition,
        commit=args.commit,
    )
    if args.json:
        print_json(report.facts())
    else:
        print(report.summary())
    return Exit.DONE


def _check(args: argparse.Namespace) -> int:
    from bitrix24_agent.reference.lint import check

    folder = Catalog.load(args.references).folder
    findings = check(folder, args.docs)
    lines = [f"{finding.file}:{finding.line}: {finding.message}" for finding in findings]
    changes: list[str] = []
    examples: list[str] = []
    summary, good = "", True
    if args.docs:
        from bitrix24_agent.compiler.compare import compare, try_examples

        changes = compare(args.docs, folder).lines()
        if args.examples:
            tried = try_examples(args.docs, folder)
            examples, summary, good = tried.lines(), tried.summary(), tried.ok
    if args.json:
        facts = {"findings": lines, "changes": changes}
        print_json({**facts, "examples": examples, "summary": summary} if summary else facts)
    else:
        for line in [*lines, *changes, *examples, *filter(None, [summary])]:
            print(line)
        print(f"{len(lines)} findings" + (f", {len(changes)} changes" if args.docs else ""))
    return Exit.DONE if good and not lines and not changes else Exit.FAILED
