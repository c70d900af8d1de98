"""Run every benchmark and print its table; nothing is asserted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BENCHMARKS = ["core.py", "retrieval.py", "client.py"]


def main() -> int:
    for name in BENCHMARKS:
        if (HERE / name).is_file():
            print(f"\n== {name} ==", flush=True)
            subprocess.run([sys.executable, str(HERE / name)], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
