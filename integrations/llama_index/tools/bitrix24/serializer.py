"""Save a run that waits for an approval and resume it in another process, as JSON only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.llms import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.workflow import JsonSerializer

if TYPE_CHECKING:
    from collections.abc import Iterable

_MARK = "__b24_chat_memory"
_TRUSTED = ("llama_index.", "workflows.")


class JsonOnlySerializer(JsonSerializer):
    """A serializer for ``ctx.to_dict`` and ``Context.from_dict`` that keeps the chat memory.

    With pydantic 2.14 and later the stock serializer drops the memory of an agent, and the resumed
    run fails after the approved write. This one writes it as messages. It never pickles, and it
    builds no classes but those of LlamaIndex and the ones named. A saved context holds the
    arguments of tool calls: keep it as you keep other customer data.

    Args:
        classes: Further classes your own state contains.
    """

    def __init__(self, classes: Iterable[type[Any]] = ()) -> None:
        super().__init__()
        self._named = {f"{c.__module__}.{n}" for c in classes for n in (c.__name__, c.__qualname__)}

    def serialize_value(self, value: Any) -> Any:
        """Return *value* as JSON-ready data."""
        if isinstance(value, ChatMemoryBuffer):
            return {
                _MARK: [message.model_dump(mode="json") for message in value.get_all()],
                "token_limit": value.token_limit,
            }
        return super().serialize_value(value)

    def deserialize_value(self, data: Any) -> Any:
        """Rebuild a value; a class from outside LlamaIndex must have been named.

        Raises:
            ValueError: The data name another class.
        """
        if isinstance(data, dict):
            if _MARK in data:
                return ChatMemoryBuffer.from_defaults(
                    token_limit=data["token_limit"],
                    chat_history=[ChatMessage.model_validate(m) for m in data[_MARK]],
                )
            name = data.get("qualified_name")
            if isinstance(name, str) and not (name.startswith(_TRUSTED) or name in self._named):
                raise ValueError(
                    f"the saved run names the class {name}; pass it to JsonOnlySerializer "
                    "if it is yours"
                )
        return super().deserialize_value(data)
