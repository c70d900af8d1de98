"""Observe what an agent does with Bitrix24, and object if you like; the gateway decides."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tools import ToolException

from bitrix24_agent.audit.redact import mask
from bitrix24_agent.tools.names import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from langchain_core.outputs import LLMResult

log = logging.getLogger("langchain_bitrix24")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEvent:
    """One finished tool call, without arguments' secrets and without the portal's data.

    Attributes:
        tool: Tool name.
        method: Method of a typed tool, or what ``b24_call`` was asked for.
        risk: Of the tool.
        ok: False when the tool gave an error; an approval that is awaited gives no event.
        duration_s: Wall time, waiting for the portal included.
        inputs: The arguments, masked.
    """

    tool: str
    method: str | None
    risk: str
    ok: bool
    duration_s: float
    inputs: Any


class Bitrix24CallbackHandler(BaseCallbackHandler):
    """Reports every finished Bitrix24 tool call and counts tokens.

    It observes only: the audit of the core is the record that counts, and a callback can be left
    out, swallowed or removed. Safe to share between runs and threads.

    Args:
        on_event: Called with each ToolEvent; by default one log line at INFO.
    """

    def __init__(self, on_event: Callable[[ToolEvent], None] | None = None) -> None:
        self._on_event = on_event or _log_event
        self._open: dict[UUID, tuple[float, str, str | None, str, Any]] = {}
        self.input_tokens = 0
        self.output_tokens = 0

    def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        inputs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Remember when a Bitrix24 tool started."""
        del input_str, kwargs
        name = str((serialized or {}).get("name") or "")
        if not name.startswith(PREFIX):
            return
        shown = _without_runtime(inputs or {})
        facts = metadata or {}
        method = facts.get("b24_method") or shown.get("method")
        self._open[run_id] = (
            time.monotonic(),
            name,
            str(mask(method)) if method else None,
            str(facts.get("b24_risk", "")),
            mask(shown),
        )

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Report a finished call; an error that was handled arrives here too."""
        del kwargs
        self._close(run_id, ok=getattr(output, "status", "success") != "error")

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Report a failed call; a pause for an approval is not one."""
        del kwargs
        if type(error).__name__ in {"GraphInterrupt", "NodeInterrupt"}:
            self._open.pop(run_id, None)
            return
        self._close(run_id, ok=False)

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Add up the tokens the model reports."""
        del kwargs
        for generations in response.generations:
            for generation in generations:
                usage = getattr(getattr(generation, "message", None), "usage_metadata", None)
                if usage:
                    self.input_tokens += usage.get("input_tokens", 0)
                    self.output_tokens += usage.get("output_tokens", 0)

    def _close(self, run_id: UUID, *, ok: bool) -> None:
        started = self._open.pop(run_id, None)
        if started is None:
            return
        at, tool, method, risk, inputs = started
        self._on_event(
            ToolEvent(
                tool=tool,
                method=method,
                risk=risk,
                ok=ok,
                duration_s=time.monotonic() - at,
                inputs=inputs,
            )
        )


class Bitrix24GuardHandler(BaseCallbackHandler):
    """Lets the host object before a tool starts; defence in depth, never the guard itself.

    LangChain skips callbacks on ``tool.func``, on copies without callbacks and on tools called by
    hand, so rules that must hold belong into ``Policy``. A refusal here ends the agent's run.

    Args:
        refuse: Gets tool name, metadata and masked arguments; a text refuses the call.
    """

    raise_error = True
    run_inline = True

    def __init__(self, refuse: Callable[[str, dict[str, Any], dict[str, Any]], str | None]) -> None:
        self._refuse = refuse

    def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        metadata: dict[str, Any] | None = None,
        inputs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Raise ToolException when the host objects."""
        del input_str, kwargs
        name = str((serialized or {}).get("name") or "")
        if not name.startswith(PREFIX):
            return
        why = self._refuse(name, dict(metadata or {}), mask(_without_runtime(inputs or {})))
        if why:
            raise ToolException(f"refused by the host: {why}")


def _without_runtime(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if name != "runtime"}


def _log_event(event: ToolEvent) -> None:
    log.info(
        "%s %s risk=%s ok=%s %.3fs",
        event.tool,
        event.method or "-",
        event.risk or "-",
        event.ok,
        event.duration_s,
    )
