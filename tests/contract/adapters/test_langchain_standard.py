"""LangChain's own suites, run over a gateway tool, a typed tool and the retriever."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import RetrieversIntegrationTests, ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from bitrix24_agent import SyncToolkit
from langchain_bitrix24 import Bitrix24Retriever, Bitrix24Toolkit

pytestmark = pytest.mark.anyio


class _Tools:
    name: str
    example: dict[str, Any]
    _tool: BaseTool

    @pytest.fixture(autouse=True)
    def _made(self, kit: SyncToolkit) -> None:
        (self._tool,) = Bitrix24Toolkit(kit=kit).get_tools([self.name])

    @property
    def tool_constructor(self) -> BaseTool:
        return self._tool

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return self.example


class TestGatewayToolUnit(_Tools, ToolsUnitTests):
    name, example = "b24_find", {"request": "list deals"}


class TestGatewayToolIntegration(_Tools, ToolsIntegrationTests):
    name, example = "b24_find", {"request": "list deals"}


class TestTypedToolUnit(_Tools, ToolsUnitTests):
    name, example = "b24_crm_deal_get", {"id": 1}


class TestTypedToolIntegration(_Tools, ToolsIntegrationTests):
    name, example = "b24_crm_deal_get", {"id": 1}


class TestCallToolIntegration(_Tools, ToolsIntegrationTests):
    name, example = "b24_call", {"method": "crm.deal.get", "params": {"id": 1}}


class TestRetriever(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return Bitrix24Retriever

    @property
    def retriever_query_example(self) -> str:
        return "list deals"
