from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def test_the_command_reference_is_what_the_commands_say():
    done = subprocess.run(
        [sys.executable, "-m", "bitrix24_agent.cli.reference"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == DOCS.read_text(encoding="utf-8"), "run `make docs`"
