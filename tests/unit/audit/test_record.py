"""One row of the audit log: masked, capped, and sealed to the one before."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bitrix24_agent.audit.record import (
    FIRST,
    MAX_DATA,
    Entry,
    Link,
    Verifier,
    columns_of,
    encode,
    seal,
)


def chain(count: int, key: bytes | None = None) -> list[Link]:
    links, prev = [], FIRST
    for seq in range(1, count + 1):
        data = encode({"method": "crm.deal.list", "n": seq})
        sealed = seal(seq=seq, at=float(seq), kind="begin", ref=None, data=data, prev=prev, key=key)
        links.append(
            Link(
                seq=seq,
                at=float(seq),
                kind="begin",
                ref=None,
                data=data,
                prev=prev,
                hash=sealed,
                columns=columns_of(data),
            )
        )
        prev = sealed
    return links


def problem(links: list[Link], key: bytes | None = None) -> str | None:
    verifier = Verifier(key)
    for link in links:
        verifier.feed(link)
    return verifier.problem


def test_an_untouched_chain_is_in_order():
    assert problem(chain(5)) is None
    assert problem(chain(5, b"key"), b"key") is None


def test_a_row_that_is_gone_moved_or_edited_is_found():
    links = chain(5)
    assert problem(links[1:]) == "row 1 is missing (the next one is 2)"
    assert problem([*links[:2], *links[3:]]) == "row 3 is missing (the next one is 4)"
    assert problem([links[0], links[2], links[1]]) == "row 2 is missing (the next one is 3)"
    edited = replace(links[2], data=links[2].data.replace("list", "get"))
    assert problem([*links[:2], edited, *links[3:]]) == "row 3 was edited"
    for change in ({"at": 9.0}, {"kind": "finish"}, {"ref": 1}, {"hash": "0" * 64}):
        assert problem([*links[:2], replace(links[2], **change)]) == "row 3 was edited"


def test_a_row_replaced_with_its_own_seal_breaks_the_next_link():
    links = chain(3)
    data = encode({"method": "other"})
    forged = seal(seq=2, at=2.0, kind="begin", ref=None, data=data, prev=links[0].hash)
    replaced = replace(links[1], data=data, hash=forged, columns=columns_of(data))
    assert problem([links[0], replaced, links[2]]) == (
        "row 3 does not follow row 2: one of them was replaced or moved"
    )


def test_columns_that_disagree_with_the_data_are_found():
    links = chain(2)
    links[1] = replace(links[1], columns={**links[1].columns, "method": "x"})
    assert problem(links) == "row 2 was edited: its columns and its data differ"


def test_data_that_is_no_json_is_found():
    data = "{"
    sealed = seal(seq=1, at=1.0, kind="begin", ref=None, data=data, prev=FIRST)
    link = Link(seq=1, at=1.0, kind="begin", ref=None, data=data, prev=FIRST, hash=sealed)
    assert problem([link]) == "row 1 is not readable"


def test_without_the_key_no_chain_can_be_made_that_verifies():
    assert problem(chain(2), b"key") == "row 1 was edited"
    assert problem(chain(2, b"other"), b"key") == "row 1 was edited"


def test_a_row_is_masked_and_capped():
    row = {"method": "x.y", "params": {"access_token": "abc", "text": "y" * 5000, 1: (1, object)}}
    decoded = json.loads(encode(row, known=["zz"]))
    assert decoded["params"]["access_token"] == "***"
    assert decoded["params"]["text"] == "y" * 2000 + "… [5000 characters]"
    assert decoded["params"]["1"] == [1, "<class 'object'>"]


def test_a_huge_row_keeps_its_outline():
    text = encode(
        {"method": "x.y", "risk": "write", "params": {f"p{i}": "z" * 1000 for i in range(99)}}
    )
    assert len(text) < MAX_DATA
    decoded = json.loads(text)
    assert (decoded["method"], decoded["risk"], set(decoded)) == (
        "x.y",
        "write",
        {"method", "risk", "cut"},
    )


@pytest.mark.parametrize("value", [None, 5, "x"])
def test_columns_are_texts_or_nothing(value):
    assert columns_of(encode({"method": value}))["method"] == (
        None if value is None else str(value)
    )


def test_an_entry_shows_itself_without_empty_parts():
    entry = Entry(id=1, at=2.0, kind="call", method="x.y", data={"rule": "r", "method": "x.y"})
    assert entry.plain() == {"rule": "r", "method": "x.y", "id": 1, "at": 2.0, "kind": "call"}
