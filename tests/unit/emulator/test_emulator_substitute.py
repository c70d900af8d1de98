"""``$result[...]`` in commands of a batch."""

from __future__ import annotations

import pytest

from bitrix24_agent.emulator.batch import substitute

RESULTS = {
    "deal": 7,
    "rows": [{"ID": "1", "TAGS": ["a", "b"]}, {"ID": "2"}],
    "item": {"item": {"id": 5, "title": None}},
    "0": ["zero"],
}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("$result[deal]", 7),
        ("$result[rows][1][ID]", "2"),
        ("$result[rows][0][TAGS]", ["a", "b"]),
        ("$result[item][item][id]", 5),
        ("$result[0][0]", "zero"),
        ("D_$result[deal]", "D_7"),
        ("$result[deal]-$result[rows][0][ID]", "7-1"),
        ("x $result[rows] y", "x $result[rows] y"),
        ("$result[missing][ID]", "$result[missing][ID]"),
        ("see $result[missing]", "see $result[missing]"),
        ("$result[rows][9][ID]", None),
        ("$result[rows][x]", None),
        ("$result[item][nope]", None),
        ("$result[deal][deeper]", None),
        ("<$result[item][item][title]>", "<>"),
        ("plain", "plain"),
        (5, 5),
        ({"a": ["$result[deal]"]}, {"a": [7]}),
    ],
)
def test_references_are_replaced_by_what_earlier_commands_gave(given, expected):
    assert substitute(given, RESULTS) == expected
