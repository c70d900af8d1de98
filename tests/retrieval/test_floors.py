"""Labelled requests: recall, packs, topics and refusals must not fall; nor may tokens grow."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
BENCHMARK = HERE.parents[1] / "benchmarks" / "retrieval.py"

# A little below what is reached, so that a real loss is seen and a changed summary is not.
FLOORS = {
    "recall@1": 0.72,
    "recall@5": 0.93,
    "recall@10": 0.94,
    "pack": 0.97,
    "topic": 0.95,
    "none recognised": 0.91,
}
RECALL_OF_A_LANGUAGE = 0.90
RECALL_OF_A_PACK = 0.88
MOST_REFUSED = 0.03
MOST_TOKENS = 300


@pytest.fixture(scope="module")
def report() -> dict:
    spec = importlib.util.spec_from_file_location("retrieval_benchmark", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    measured, _ = module.measure(*module.DEV)
    return measured


@pytest.mark.parametrize("what", sorted(FLOORS))
def test_the_whole_set_stays_above_its_floor(report: dict, what: str) -> None:
    assert report["all"][what] >= FLOORS[what]


def test_real_requests_are_hardly_ever_refused(report: dict) -> None:
    assert report["all"]["wrong refusals"] <= MOST_REFUSED


def test_a_typed_card_of_the_right_method_stays_cheap(report: dict) -> None:
    assert report["all"]["tokens to the card, median"] <= MOST_TOKENS


def test_no_language_falls_behind(report: dict) -> None:
    recall = {name: row["recall@5"] for name, row in report["language"].items()}
    assert set(recall) == {"de", "en", "es", "pl", "pt", "ru", "uk"}
    assert {name: r for name, r in recall.items() if r < RECALL_OF_A_LANGUAGE} == {}


def test_no_pack_falls_behind(report: dict) -> None:
    recall = {n: row["recall@5"] for n, row in report["pack"].items() if "recall@5" in row}
    assert len(recall) == 12
    assert {name: r for name, r in recall.items() if r < RECALL_OF_A_PACK} == {}
