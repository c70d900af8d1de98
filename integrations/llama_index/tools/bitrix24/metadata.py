"""Tool metadata that hands every provider our JSON Schema as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from llama_index.core.bridge.pydantic import BaseModel, ConfigDict
from llama_index.core.tools import ToolMetadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_agent.model import ToolSpec


class _Arguments(BaseModel):
    """Accepts any arguments; the gateway validates. Gemini's adapter reads the schema here."""

    model_config = ConfigDict(extra="allow")
    make_schema: ClassVar[Callable[[], dict[str, Any]]] = lambda: {}

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        del args, kwargs
        return cls.make_schema()

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        del core_schema, handler
        return cls.make_schema()


class SpecMetadata(ToolMetadata):
    """Metadata of a ToolSpec; the schema is made when a provider asks, a fresh dict each time."""

    def __init__(self, spec: ToolSpec) -> None:
        self.name = spec.name
        self.description = spec.description
        self.return_direct = False
        self._spec = spec
        self._model: type[BaseModel] | None = None

    @property
    def fn_schema(self) -> type[BaseModel]:  # type: ignore[override]  # a field in the base class
        """A model class whose JSON Schema is the spec's own."""
        if self._model is None:
            self._model = type(
                self._spec.name,
                (_Arguments,),
                {
                    "__module__": __name__,
                    "__doc__": None,
                    "__annotations__": {"make_schema": ClassVar[Any]},
                    "make_schema": staticmethod(self._spec.make_schema),
                },
            )
        return self._model

    def get_parameters_dict(self) -> dict[str, Any]:
        """Return a fresh schema: some provider adapters change it in place."""
        return self._spec.parameters
