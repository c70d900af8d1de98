"""The runner itself: placeholders and paths."""

from __future__ import annotations

import pytest
from chain_running import GivesNothing, examples, filled, picked

from bitrix24_agent.reference.parse import parse_chains

TEXT = """# Chains: core

## One

Goal: something.
Needs: key (integer) = 7, name (string) = "Ann, \\"A\\"", flag (boolean) = true

1. `crm.item.get` read
   ```json
   {"entityTypeId": 2, "id": "{{key}}"}
   ```
"""


def test_needs_are_read_with_their_types():
    (chain,) = parse_chains(TEXT, "chains-core.md")
    assert examples(chain) == {"key": 7, "name": 'Ann, "A"', "flag": True}


def test_a_whole_placeholder_keeps_its_type_and_a_part_becomes_text():
    known = {"key": 7, "field": "STAGE_ID", "rows": [1, 2]}
    given = {"id": "{{key}}", "text": "D_{{ key }}", "{{field}}": ["{{rows}}"], "n": 3, "x": None}
    assert filled(given, known) == {
        "id": 7,
        "text": "D_7",
        "STAGE_ID": [[1, 2]],
        "n": 3,
        "x": None,
    }


def test_an_unknown_placeholder_is_an_error():
    with pytest.raises(KeyError, match="nobody"):
        filled({"id": "{{nobody}}"}, {})


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("result", {"rows": [{"ID": "5", "N": "a"}], "by": {"9": {"ID": "9", "N": "b c"}}}),
        ("result.rows[0].ID", "5"),
        ("result.rows[N=a].ID", "5"),
        ("result.by[0].ID", "9"),
        ("result.by[N=b c].ID", "9"),
        ("result.by.9.ID", "9"),
    ],
)
def test_a_path_leads_through_objects_lists_and_objects_keyed_by_id(path, found):
    answer = {"result": {"rows": [{"ID": "5", "N": "a"}], "by": {"9": {"ID": "9", "N": "b c"}}}}
    assert picked(answer, path) == found


@pytest.mark.parametrize(
    "path", ["result.none", "result.rows[4]", "result.rows[N=z]", "result.rows.ID", "result..x"]
)
def test_a_path_to_nothing_is_an_error(path):
    with pytest.raises(GivesNothing, match="result"):
        picked({"result": {"rows": [{"ID": "5", "N": "a"}]}}, path)
