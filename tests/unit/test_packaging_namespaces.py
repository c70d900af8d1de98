"""The folders that must stay implicit namespaces, and what a missing extra says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMESPACE = ROOT / "integrations" / "llama_index"

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name == {blocked!r} or name.startswith({blocked!r} + "."):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
try:
    from {module} import {name}
except ImportError as error:
    print(error)
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


@pytest.mark.parametrize("folder", [NAMESPACE, NAMESPACE / "tools"])
def test_a_namespace_folder_holds_no_init_file(folder: Path) -> None:
    assert [p.name for p in folder.iterdir() if p.suffix == ".py"] == []


def test_llama_index_core_can_be_imported_beside_ours() -> None:
    code = (
        "import llama_index.core, llama_index.tools.bitrix24 as ours;"
        "print(llama_index.core.__name__, ours.__name__)"
    )
    assert run(code) == "llama_index.core llama_index.tools.bitrix24"


@pytest.mark.parametrize(
    ("module", "framework"),
    [
        ("langchain_bitrix24", ("langchain", "langchain_core", "langgraph", "pydantic")),
        ("llama_index.tools.bitrix24", ("llama_index.core", "workflows", "pydantic")),
    ],
)
def test_importing_an_adapter_imports_no_framework(module: str, framework: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([m for m in {framework!r} if m in sys.modules])"
    assert run(code) == "[]"


@pytest.mark.parametrize(
    ("module", "name", "blocked", "extra"),
    [
        ("langchain_bitrix24", "Bitrix24Toolkit", "langchain_core", "langchain"),
        ("langchain_bitrix24", "Bitrix24Retriever", "langchain_core", "langchain"),
        ("langchain_bitrix24", "Bitrix24Middleware", "langchain", "langchain"),
        ("llama_index.tools.bitrix24", "Bitrix24ToolSpec", "llama_index.core", "llama-index"),
        ("llama_index.tools.bitrix24", "JsonOnlySerializer", "llama_index.core", "llama-index"),
    ],
)
def test_a_missing_framework_names_the_extra_to_install(
    module: str, name: str, blocked: str, extra: str
) -> None:
    said = run(BLOCKED.format(module=module, name=name, blocked=blocked))
    assert said.startswith(f"{name} needs {blocked}")
    assert said.endswith(f"pip install 'bitrix24-agent[{extra}]'")


@pytest.mark.parametrize("module", ["langchain_bitrix24", "llama_index.tools.bitrix24"])
def test_an_unknown_name_is_an_attribute_error(module: str) -> None:
    said = run(
        f"import {module} as m\ntry:\n    m.Nothing\nexcept AttributeError as e:\n    print(e)"
    )
    assert said == f"module '{module}' has no attribute 'Nothing'"


@pytest.mark.parametrize("module", ["langchain_bitrix24", "llama_index.tools.bitrix24"])
def test_every_public_name_can_be_imported(module: str) -> None:
    code = f"import {module} as m; print([getattr(m, n).__name__ for n in m.__all__] == m.__all__)"
    assert run(code) == "True"
