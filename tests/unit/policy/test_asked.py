"""What a human's no covers."""

from __future__ import annotations

import pytest

from bitrix24_agent.model import Call
from bitrix24_agent.policy.asked import fingerprints, own_fingerprint

CALL = Call(method="crm.deal.delete", params={"id": 9, "x": {"a": [1, "text"]}})


def of(params) -> str:
    return own_fingerprint(Call(method="crm.deal.delete", params=params))


@pytest.mark.parametrize("same", ["9", 9.0, " 9 ", "+9", "09", "9.0", "9.00"])
def test_a_number_is_a_number_however_it_is_written(same):
    assert of({"id": same}) == of({"id": 9})


@pytest.mark.parametrize("other", ["90", -9, "9.1", "9a", "", None, True, [9], {"id": 9}, "9 9"])
def test_what_differs_stays_different(other):
    assert of({"id": other}) != of({"id": 9})


def test_the_order_of_names_does_not_count():
    assert of({"a": 1, "b": 2}) == of({"b": 2, "a": 1})


def test_method_and_version_count():
    assert own_fingerprint(CALL) != own_fingerprint(
        Call(method="crm.lead.delete", params=CALL.params)
    )
    third = Call(method=CALL.method, version=3, params=CALL.params)
    assert own_fingerprint(CALL) != own_fingerprint(third)


def test_a_batch_of_one_is_its_command_and_a_larger_one_asks_for_each():
    other = Call(method="user.current")
    one = Call(method="batch", params={"halt": 1}, commands={"x": CALL})
    two = Call(method="batch", params={"halt": 0}, commands={"a": other, "b": CALL})
    assert fingerprints(one) == fingerprints(CALL) == (own_fingerprint(CALL),)
    assert set(fingerprints(two)) == {
        own_fingerprint(two),
        own_fingerprint(other),
        own_fingerprint(CALL),
    }
    assert own_fingerprint(two) != own_fingerprint(CALL)
