"""Whatever the spelling: what resolves is a catalogue method, and judged no milder than it.

``B24_FUZZ_EXAMPLES`` sets how many spellings are tried; the default keeps the run short.
"""

from __future__ import annotations

import json
import os
import random
import re
import unicodedata
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bitrix24_agent import References
from bitrix24_agent.errors import ArgumentsError, UnknownMethodError
from bitrix24_agent.model import Call, Risk
from bitrix24_agent.policy.canonical import canonical
from bitrix24_agent.policy.gate import judge
from bitrix24_agent.policy.risk import assess
from bitrix24_agent.policy.rules import Policy

EXAMPLES = int(os.environ.get("B24_FUZZ_EXAMPLES", "400"))
REFS = References.load()
METHODS = [m for m in REFS.methods() if m.name != "batch"]  # a batch is its commands
BY_ID = {m.id: m for m in METHODS}
HARMFUL = [m for m in METHODS if m.risk > Risk.READ]
PACKS = frozenset(REFS.packs)
WIDE = {c: chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))}
ALIKE = {
    "a": "а",
    "c": "с",
    "e": "е",
    "o": "о",
    "p": "р",
    "x": "х",
    "i": "і",
    "l": "ӏ",
    "d": "ԁ",
    "t": "τ",
}
NOISE = [
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u202e",
    "\x00",
    "\t",
    "\n",
    " ",
    "\xa0",
    "\xad",
    "%00",
    "%0a",
    "\\",
]
ENDS = [
    "",
    ".json",
    ".xml",
    ".JSON",
    ".json.json",
    ".php",
    "/",
    "//",
    ".",
    "..",
    "?",
    "#",
    "?id=1",
    "#?id=1",
    "?auth=x",
    "#.delete",
    "?x=1#y",
    "%3Fid=1",
    "%23",
    "%2e",
    "%2ejson",
    ";",
    "&id=1",
    "@2",
    "@3",
    "@9",
    "/../crm.deal.list",
    "%2f..%2fprofile",
    "\u200b",
    "\x00",
    "%00.json",
    "|crm.deal.list",
]
STARTS = [
    "",
    "/",
    "//",
    ".",
    "./",
    "../",
    " ",
    "\n",
    "rest/",
    "/rest/",
    "rest/1/abcdefgh12345678/",
    "https://x/rest/1/abc/",
    "http:",
    "\ufeff",
    "%2f",
    "crm.deal.list/../",
    "crm.deal.list?",
    "crm.deal.list#",
    "profile\n",
    "user.current;",
]


def disguise(name: str, draw: random.Random) -> str:
    """One of very many ways to write *name*."""
    text = "".join(
        draw.choice(
            (
                c,
                c,
                c,
                c.upper(),
                quote(c),
                f"%{ord(c):02x}",
                f"%25{ord(c):02X}",
                WIDE.get(c, c),
                ALIKE.get(c, c),
            )
        )
        if draw.random() < 0.15
        else c
        for c in name
    )
    for _ in range(draw.choice((0, 0, 0, 1, 2))):
        at = draw.randrange(len(text) + 1)
        text = text[:at] + draw.choice(NOISE) + text[at:]
    if draw.random() < 0.3:
        text = draw.choice((str.upper, str.title, str.swapcase))(text)
    return draw.choice(STARTS) + text + draw.choice(ENDS)


def plainly_meant(spelling: str) -> str:
    """What a careless reader takes the name for: decoded all the way, lower-case letters only."""
    name = spelling.partition("?")[0].partition("#")[0]
    for _ in range(6):
        name = unquote(name)
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKC", name).lower())


def check(spelling: str, params: object = None) -> Call | None:
    """Resolve *spelling*; assert what must hold for whatever it resolves to."""
    refusal = ""
    try:
        call = canonical(spelling, params, catalog=REFS)
    except (UnknownMethodError, ArgumentsError) as error:
        refusal = str(error)
    if refusal:
        assert "abcdefgh12345678" not in refusal
        return None
    commands = list(call.commands.values()) if call.is_batch else [call]
    worst = max(BY_ID[c.id].risk for c in commands)  # every one is a catalogue method
    risk, _ = assess(call, REFS)
    assert risk >= worst
    verdict = judge(call, policy=Policy(), catalog=REFS, packs=PACKS)
    assert verdict.risk >= worst
    assert verdict.action != "allow" or risk is Risk.READ
    assert judge(call, policy=Policy(read_only=True), catalog=REFS, packs=PACKS).action in (
        ("deny",) if risk > Risk.READ else ("allow", "deny")
    )
    return call


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(index=st.integers(0, len(HARMFUL) - 1), seed=st.integers(0, 2**64))
def test_a_disguised_method_is_that_method_or_refused(index, seed):
    name = HARMFUL[index].name
    spelling = disguise(name, random.Random(seed))
    call = check(spelling)
    if call is not None and not call.is_batch:
        wanted = plainly_meant(spelling)
        own = re.sub(r"[^a-z0-9]", "", call.method.lower())
        assert wanted in {own, own + "json", own + "xml", own + "2", own + "3"}


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=60))
@example("batch")
@example("BATCH.json")
def test_any_text_is_a_catalogue_method_or_refused(text):
    check(text)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    index=st.integers(0, len(HARMFUL) - 1),
    seed=st.integers(0, 2**64),
    shape=st.sampled_from(["text", "object", "pair", "json", "bare"]),
)
def test_a_command_hidden_in_a_batch_is_judged_or_refused(index, seed, shape):
    draw = random.Random(seed)
    hidden = disguise(HARMFUL[index].name, draw)
    commands: list[object] = ["user.current", "profile"]
    command: object = hidden
    if shape == "object":
        command = {"method": hidden, "params": {"id": 1}}
    elif shape == "pair":
        command = [hidden, {"id": 1}]
    commands.insert(draw.randrange(3), command)
    params: object = {"cmd": commands}
    if shape == "json":
        params = {"cmd": json.dumps(commands)}
    elif shape == "bare":
        params = commands
    call = check(draw.choice(["batch", "BATCH", "batch.json", "/batch/", "%62atch"]), params)
    if call is not None:
        assert len(call.commands) == 3
        assert all(c.method != "batch" for c in call.commands.values())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(index=st.integers(0, len(METHODS) - 1), params=JSON)
def test_any_arguments_are_judged_or_refused(index, params):
    method = METHODS[index]
    check(f"{method.name}@{method.version}", params)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(params=JSON)
def test_any_batch_is_judged_or_refused(params):
    check("batch", params)
    check("batch", {"cmd": params})


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.id)
def test_every_documented_method_resolves_to_itself(method):
    for spelling in (method.name, method.name.upper(), f"/{method.name.lower()}.json"):
        call = canonical(spelling, version=method.version, catalog=REFS)
        assert (call.method, call.version) == (method.name, method.version)
        assert assess(call, REFS)[0] >= method.risk
