"""``python -m bitrix24_agent.cli`` is ``bitrix24-agent``."""

from __future__ import annotations

import sys

from bitrix24_agent.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
