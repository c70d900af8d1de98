"""Every recipe of the references runs whole, through the gateway, against the portal."""

from __future__ import annotations

from functools import lru_cache

import pytest
from chain_effects import EFFECTS, MEANWHILE, UNPLAYED
from chain_running import run, version_of

from bitrix24_agent import Policy, SyncToolkit
from bitrix24_agent.emulator import methods
from bitrix24_agent.emulator.registry import find
from bitrix24_agent.model import Chain, Risk
from bitrix24_agent.reference.catalog import Catalog
from bitrix24_agent.testing import running_portal

NOW = 1791180000.0  # the seeded company's own day
APPLICATION = ("local.northwater", "top-secret")


@lru_cache(maxsize=1)
def chains() -> dict[str, Chain]:
    catalog = Catalog.load()
    return {chain.name: chain for pack in catalog.packs for chain in catalog.chains(pack)}


@pytest.fixture(scope="module")
def shared():
    with running_portal(clock=lambda: NOW) as running:
        yield running


@pytest.fixture
def portal(shared):
    shared.reset()
    return shared


@pytest.fixture
def kit(portal, tmp_path, request):
    """The toolkit a recipe asks for: of an application where it says so, else of a webhook."""
    chain = chains()[request.getfixturevalue("name")]
    seen = []
    options = {
        "packs": "all",
        "policy": Policy(
            approver=lambda plan: seen.append(plan.call.method) or True, callback_hosts=("*",)
        ),
        "limits": None,
        "state": f"sqlite:///{tmp_path / 'state.db'}",
    }
    if "application" in chain.goal:
        portal.oauth.install(*APPLICATION)
        tokens = portal.oauth.tokens(APPLICATION[0])
        made = SyncToolkit.from_oauth(
            portal=portal.base_url,
            client_id=APPLICATION[0],
            client_secret=APPLICATION[1],
            **tokens,
            **options,
        )
    else:
        made = SyncToolkit.from_webhook(portal.url, **options)
    made.approved = seen
    with made:
        yield made


def in_order(wanted, happened):
    """Whether *wanted* happened in that order; a plan's own look before it does not count."""
    rest = iter(happened)
    return all(one in rest for one in wanted)


@pytest.mark.parametrize("name", sorted(set(chains()) - set(UNPLAYED)))
def test_a_recipe_runs_whole_its_writes_are_approved_and_its_reads_show_the_effect(
    kit, portal, name
):
    chain = chains()[name]
    meanwhile = {
        number: lambda happen=happen: happen(portal)
        for number, happen in MEANWHILE.get(name, {}).items()
    }
    done = run(kit, chain, meanwhile)
    assert len(done.answers) == len(chain.steps)
    assert {number: done.answers[number - 1] for number in EFFECTS[name]} == EFFECTS[name]

    steps = [kit.references.method(one.method, version_of(kit, one)) for one in chain.steps]
    writes = [method.name for method in steps if method.risk is not Risk.READ]
    plans = sorted(kit.plans(), key=lambda plan: plan.created_at)
    assert kit.approved == writes
    assert sorted(plan.call.method for plan in plans) == sorted(writes)
    assert {plan.status for plan in plans} <= {"executed"}
    assert {plan.decided_by for plan in plans} <= {"approver"}
    own = [entry for entry in portal.executed if entry.request]
    assert [entry.method.lower() for entry in own if entry.writes] == [w.lower() for w in writes]
    assert in_order([m.name.lower() for m in steps], [entry.method.lower() for entry in own])
    assert {entry.outcome for entry in own} == {"ok"}


def missing(chain):
    catalog = Catalog.load()
    found = []
    for step in chain.steps:
        version = step.version or (2 if catalog.lookup(step.method, 2) else 3)
        if find(step.method, version) is None and step.method not in found:
            found.append(step.method)
    return found


def test_the_recipes_that_cannot_run_are_listed_with_what_they_miss():
    methods.load()
    cannot = {name: gap for name, chain in chains().items() if (gap := missing(chain))}
    assert cannot == UNPLAYED


def test_every_recipe_says_what_it_brings_about():
    assert set(EFFECTS) == set(chains()) - set(UNPLAYED)


@pytest.mark.parametrize("name", sorted(EFFECTS))
def test_a_recipe_that_writes_reads_the_effect_back_after_its_last_write(name):
    chain = chains()[name]
    catalog = Catalog.load()
    risks = [catalog.method(one.method, one.version).risk for one in chain.steps]
    writes = [number for number, risk in enumerate(risks, start=1) if risk is not Risk.READ]
    alone = {"Record a consent", "Send a payment link for a deal"}  # nothing reads these back
    if writes and name not in alone:
        assert max(EFFECTS[name]) > writes[-1]
