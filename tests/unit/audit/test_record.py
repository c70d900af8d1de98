"""One row of the audit log: masked, capped, and sealed to the one before."""

from __future__ import annotations

import hashlib
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
from bitrix24_agent.model import canonical_json


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


def test_padding_does_not_push_the_call_out_of_its_row():
    fields = {f"UF_CRM_P{i:03}": "p" * 1900 for i in range(18)}
    call = {
        "method": "crm.deal.update",
        "version": 2,
        "params": {"pad": "q" * 1900, "id": 7, "fields": {"OPPORTUNITY": 2, **fields}},
    }
    decoded = json.loads(
        encode(
            {"method": "crm.deal.update@2", "digest": "d" * 64, "call": call, "verdict": "allow"}
        )
    )
    kept = decoded["call"]
    assert decoded["digest"] == "d" * 64
    assert (kept["method"], kept["version"]) == ("crm.deal.update", 2)
    assert kept["params"] == {"id": 7, "pad": "q" * 300 + "… [1900 characters]"}
    assert kept["head"] == canonical_json(call)[:4000]
    assert kept["sha256"] == hashlib.sha256(canonical_json(call).encode()).hexdigest()


def test_a_huge_batch_keeps_what_it_deletes():
    pad = {"method": "crm.deal.update", "version": 2, "params": {"id": 1, "t": "p" * 300}}
    gone = {"method": "crm.deal.delete", "version": 2, "params": {"id": "9"}}
    commands = [[f"k{i}", pad] for i in range(5000)] + [["x", gone]]
    text = encode({"call": {"method": "batch", "version": 2, "params": {}, "commands": commands}})
    kept = json.loads(text)["call"]
    assert kept["commands"][0] == ["x", "crm.deal.delete", {"id": "9"}]
    assert kept["methods"] == {"crm.deal.delete": 1, "crm.deal.update": 5000}
    assert len(kept["commands"]) + kept["more_commands"] == 5001
    assert len(text) < MAX_DATA


def test_a_row_of_huge_names_keeps_their_beginning():
    names = {f"{'n' * 5000}{i}": i for i in range(20)}
    commands = [[f"k{i}", {"method": f"x.y{i}" + "z" * 900, "params": 5}] for i in range(150)]
    row = {"call": {"method": "m" * 9000, "version": 2, "params": names, "commands": commands}}
    kept = json.loads(encode(row))["call"]
    assert kept["method"] == "m" * 200 + "… [9000 characters]"
    assert kept["more_methods"] == 50


@pytest.mark.parametrize("padding", range(1984, 2002))
def test_no_part_of_a_known_secret_is_left_by_a_cut(padding):
    secret = "k3y0fth3w3bh00k"
    text = encode({"call": {"params": {"C": "y" * padding + secret}}}, known=[secret])
    assert secret[:4] not in text


@pytest.mark.parametrize("value", [None, 5, "x"])
def test_columns_are_texts_or_nothing(value):
    assert columns_of(encode({"method": value}))["method"] == (
        None if value is None else str(value)
    )


def test_an_entry_shows_itself_without_empty_parts():
    entry = Entry(id=1, at=2.0, kind="call", method="x.y", data={"rule": "r", "method": "x.y"})
    assert entry.plain() == {"rule": "r", "method": "x.y", "id": 1, "at": 2.0, "kind": "call"}
