"""The benchmarks are run by hand; here they only have to import, and the stub portal to answer."""

from __future__ import annotations

import importlib
import json
import runpy
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PEERS = ("peer_fast_bitrix24", "peer_b24pysdk")
MODULES = sorted(
    path.stem
    for path in (BENCHMARKS / "client").glob("*.py")
    if path.stem not in ("__init__", *PEERS)
)


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch):
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in set(sys.modules) - before:
        if name == "client" or name.startswith("client."):
            del sys.modules[name]


def ask(url: str, body: object) -> dict:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def test_the_benchmarks_were_found() -> None:
    assert {"cases", "clients", "deals", "ours", "stub", "worker"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_of_the_client_benchmark_imports(name: str) -> None:
    importlib.import_module(f"client.{name}")


@pytest.mark.parametrize("name", ["client", "core", "retrieval", "run"])
def test_a_benchmark_imports_without_running(name: str) -> None:
    assert callable(runpy.run_path(str(BENCHMARKS / f"{name}.py"), run_name="imported")["main"])


@pytest.mark.parametrize("name", PEERS)
def test_a_peers_adapter_compiles(name: str) -> None:
    source = (BENCHMARKS / "client" / f"{name}.py").read_text(encoding="utf-8")
    compile(source, name, "exec")


def test_our_client_has_every_job_of_the_table() -> None:
    cases = importlib.import_module("client.cases")
    ours = importlib.import_module("client.ours")
    assert [case.job for case in cases.CASES if not hasattr(ours, case.job)] == []


def test_the_stub_portal_answers_pages_batches_and_tokens() -> None:
    places = importlib.import_module("client.places")
    with places.stub_portal(sys.executable) as (base, _):
        settings = {"deals": 120, "gap": 0.0, "list_ms": 0, "limiter": True, "bucket": 3, "leak": 0}
        ask(f"{base}/__config", settings | {"tokens": {"access": "a1", "refresh": "r1"}})
        hook = f"{base}/rest/1/code"
        page = ask(f"{hook}/crm.deal.list", {"filter": {">ID": 60}, "select": ["ID"]})
        commands = {
            "one": "crm.deal.list?start=-1&order[ID]=DESC&select[]=ID",
            "two": "crm.deal.get?id=$result[one][49][ID]",
            "three": "crm.deal.get?id=999",
        }
        batch = ask(f"{hook}/batch", {"cmd": commands, "halt": 0})["result"]
        fresh = ask(f"{base}/oauth/token/", {"refresh_token": "r1"})
        deal = ask(f"{base}/rest/crm.deal.get", {"id": 7, "auth": fresh["access_token"]})
        with pytest.raises(urllib.error.HTTPError) as full:
            ask(f"{hook}/crm.deal.get", {"id": 7})
        with full.value:
            refusal = json.loads(full.value.read())
        counted = json.loads(urllib.request.urlopen(f"{base}/__stats", timeout=10).read())
    assert [row["ID"] for row in page["result"]] == [str(number) for number in range(61, 111)]
    assert (page["total"], page["next"]) == (60, 50)
    assert batch["result"]["one"][0] == {"ID": "120"}
    assert batch["result"]["two"]["ID"] == "71"
    assert batch["result_error"] == {"three": {"error": "", "error_description": "Not found"}}
    assert (fresh["access_token"], fresh["refresh_token"]) == ("a2", "r2")
    assert deal["result"]["TITLE"] == "Сделка #7"
    assert refusal["error"] == "QUERY_LIMIT_EXCEEDED"
    assert counted["e503"] == 1
    assert counted["refreshes"] == 1


def test_a_cell_says_medians_the_ratio_and_what_went_wrong() -> None:
    cases = importlib.import_module("client.cases")
    case = cases.Case(name="", asked="", job="calls", show=("s", "answered"), processes=3)
    ours = [{"s": 1.0, "result": 60}, {"s": 4.0, "result": 60}, {"s": 2.0, "result": 60}]
    theirs = [{"s": 5.0, "result": 58, "missing": 2}]
    broken = [{"error": "RuntimeError: no", "s": 1.0, "e503": 4}]
    assert cases.cell(case, ours, None) == "2.00 s, 60 of 60"
    assert cases.cell(case, theirs, ours) == "5.00 s, 58 of 60 (2 missing) [2.5x]"
    assert cases.cell(case, broken, ours) == "fails: RuntimeError (4 x 503)"
    assert cases.cell(case, [], ours) == "-"
