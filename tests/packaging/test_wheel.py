"""The wheel, built and installed into an empty environment, is complete."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROBE = """
import importlib, json, sys
import bitrix24_agent
from bitrix24_agent import References
refs = References.load()
import langchain_bitrix24
import llama_index.tools.bitrix24
import llama_index.core
print(json.dumps({
    "core": bitrix24_agent.__file__,
    "langchain": langchain_bitrix24.__file__,
    "llama_index": llama_index.tools.bitrix24.__file__,
    "references": str(refs.folder),
    "methods": len(refs.methods()),
    "packs": len(refs.packs),
    "param": refs.method("crm.item.update").param("entityTypeId").required,
    "hits": len(refs.find("list deals").hits),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), "."],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_three_packages_and_the_references(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "bitrix24_agent/__init__.py",
        "bitrix24_agent/py.typed",
        "bitrix24_agent/references/index.md",
        "bitrix24_agent/references/packs.md",
        "bitrix24_agent/references/methods/crm.deal.md",
        "langchain_bitrix24/__init__.py",
        "llama_index/tools/bitrix24/__init__.py",
    ):
        assert wanted in names
    # A stray __init__.py there would hide the real llama_index package.
    assert "llama_index/__init__.py" not in names
    assert "llama_index/tools/__init__.py" not in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


@pytest.mark.slow
def test_the_wheel_works_from_an_empty_environment(wheel, tmp_path):
    home = tmp_path / "venv"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(home)], check=True, timeout=60
    )
    (site,) = home.glob("lib/python3*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    # The dependencies come from this environment; .pth files in there (an editable install of
    # this very project) are not followed, so the project itself can only come from the wheel.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = home / "bin" / "python"
    done = subprocess.run(
        [str(python), "-I", "-c", PROBE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    for name in ("core", "langchain", "llama_index", "references"):
        assert Path(found[name]).is_relative_to(site), found
    assert found["methods"] > 1_600
    assert found["packs"] == 12
    assert found["param"] is True
    assert found["hits"] > 0


def test_importing_the_core_is_light():
    script = (
        "import sys, bitrix24_agent;"
        "heavy = {'httpx', 'sqlalchemy', 'pydantic', 'anyio', 'tenacity',"
        " 'langchain_core', 'langgraph', 'llama_index'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_the_public_names_are_what_the_package_lists():
    import bitrix24_agent

    assert bitrix24_agent.__all__ == sorted(bitrix24_agent.__all__)
    for name in bitrix24_agent.__all__:
        assert getattr(bitrix24_agent, name) is not None
    assert set(bitrix24_agent.__all__) <= set(dir(bitrix24_agent))
    with pytest.raises(AttributeError):
        _ = bitrix24_agent.nothing
