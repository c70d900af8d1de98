"""A good call with one value spoilt: the portal answers or refuses, it never breaks."""

from __future__ import annotations

import copy

import pytest
from family_cases import CASES, prepare

from bitrix24_agent.emulator import methods
from bitrix24_agent.emulator.kernel import Origin
from bitrix24_agent.emulator.portal import Portal
from bitrix24_agent.emulator.refusal import Refusal, RefusalV3
from bitrix24_agent.emulator.registry import find
from bitrix24_agent.emulator.wire import to_json

methods.load()

JUNK = (None, True, 0, -1, 1.5, 10**30, "", "x", "2026-10-05", [], [1], ["a", None], {}, {"x": []})


@pytest.fixture(scope="module")
def portal():
    made = Portal(deals=20)
    prepare(made.state)
    return made


def places(value, path=()):
    """Every place inside *value*, the whole of it left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in inner:
        yield (*path, key)
        if isinstance(below, dict | list):
            yield from places(below, (*path, key))


def spoilt(value, path, junk):
    made = copy.deepcopy(value)
    at = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = junk
    return made


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_spoilt_value_breaks_no_method(portal, name):
    method, _, version = name.partition("@")
    good = CASES[name][0]
    credential = portal.access.of_token(portal.access.add_token("token", 1))
    if not find(method, int(version)).application:
        credential = portal.access.of_webhook(1, portal.code)
    for path in places(good):
        for junk in JUNK:
            params = spoilt(good, path, junk)
            origin = Origin(credential=credential, request=1, base_url="http://p")
            assert answered(portal, method, int(version), params, origin) in (200, *range(400, 500))


def answered(portal, method, version, params, origin):
    """Run a method and return the status of its answer, which must be JSON."""
    try:
        reply, _ = portal.kernel.execute(method, version, params, origin)
    except (Refusal, RefusalV3) as refusal:
        to_json(refusal.body())
        return refusal.status
    to_json(reply.result)
    return 200
