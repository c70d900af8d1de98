"""The command ``bitrix24-agent``: arguments in, calls to the runtime, text or JSON out."""

from __future__ import annotations

from bitrix24_agent.cli.app import main

__all__ = ["main"]
