from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24_agent.errors import ArgumentsError, NotSentError, OutcomeUnknownError, PortalError
from bitrix24_agent.model import Answer, Call, Risk
from bitrix24_agent.protocol.batch import Ref, links, run_batch, split

pytestmark = pytest.mark.anyio


def calls(count: int, **linked: str) -> dict[str, Call]:
    """Commands k0, k1, ...; ``k7="k3"`` makes k7 refer to k3."""
    found = {}
    for number in range(count):
        key = f"k{number}"
        params = {"id": Ref(linked[key], "ID")} if key in linked else {"id": number}
        found[key] = Call(method="crm.deal.add", params=params)
    return found


class Recorder:
    def __init__(self) -> None:
        self.batches: list[Call] = []
        self.fail: dict[int, Exception] = {}
        self.failures: dict[str, Exception] = {}

    async def send(self, call: Call) -> Answer:
        self.batches.append(call)
        if (error := self.fail.get(len(self.batches))) is not None:
            raise error
        failures = {k: e for k, e in self.failures.items() if k in call.commands}
        answers = {k: Answer(result=k) for k in call.commands if k not in failures}
        return Answer(commands=answers, failures=failures, raw={"result": {}})


def test_a_reference_is_the_text_the_portal_knows() -> None:
    assert Ref("deal", "items", 0, "id") == "$result[deal][items][0][id]"
    assert json.dumps({"id": Ref("a")}) == '{"id": "$result[a]"}'


def test_references_are_found_anywhere_inside() -> None:
    deep = {"fields": {"LINKS": ["x", {"A": f"deal {Ref('a', 'ID')} and {Ref('b')}"}]}}
    commands = {"a": Call(method="m"), "b": Call(method="m"), "c": Call(method="m", params=deep)}
    assert links(commands) == {"c": {"a", "b"}}


@pytest.mark.parametrize(
    ("linked", "what"),
    [
        ({"k1": "nope"}, "does not exist"),
        ({"k1": "k2"}, "comes later"),
        ({"k1": "k1"}, "comes later"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(linked: dict[str, str], what: str) -> None:
    with pytest.raises(ArgumentsError, match=what) as caught:
        links(calls(3, **linked))
    assert [problem.path for problem in caught.value.problems] == ["k1"]


@given(st.data())
def test_batches_keep_the_order_and_never_part_what_is_linked(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 180))
    linked = {}
    for number in data.draw(st.lists(st.integers(1, count), max_size=10)):
        if number < count:
            back = data.draw(st.integers(1, min(number, 8)))
            linked[f"k{number}"] = f"k{number - back}"
    commands = calls(count, **linked)
    parts = split(commands)
    assert [key for part in parts for key in part] == list(commands)
    assert all(len(part) <= 50 for part in parts)
    where = {key: number for number, part in enumerate(parts) for key in part}
    assert all(where[key] == where[target] for key, target in linked.items())


def test_a_chain_longer_than_a_batch_is_refused() -> None:
    with pytest.raises(ArgumentsError, match="linked"):
        split(calls(60, **{f"k{n}": f"k{n - 1}" for n in range(1, 60)}))


def test_slow_commands_make_smaller_batches_unless_they_are_linked() -> None:
    assert [len(p) for p in split(calls(50), seconds_of=lambda _m: 5.0)] == [5] * 10
    chain = calls(20, **{f"k{n}": f"k{n - 1}" for n in range(1, 20)})
    assert [len(p) for p in split(chain, seconds_of=lambda _m: 5.0)] == [20]


async def test_one_batch_goes_as_it_is_and_linked_commands_stop_at_a_failure() -> None:
    recorder = Recorder()
    await run_batch(recorder.send, calls(3), risk=Risk.WRITE)
    await run_batch(recorder.send, calls(3, k2="k0"), risk=Risk.WRITE)
    await run_batch(recorder.send, calls(3), risk=Risk.WRITE, halt=True)
    assert [batch.params["halt"] for batch in recorder.batches] == [0, 1, 1]


async def test_many_commands_are_split_and_their_answers_put_together() -> None:
    for risk in (Risk.READ, Risk.WRITE):
        recorder = Recorder()
        recorder.failures = {"k3": PortalError("no"), "k120": PortalError("no")}
        answer = await run_batch(recorder.send, calls(130), risk=risk)
        assert [len(batch.commands) for batch in recorder.batches] == [50, 50, 30]
        assert list(answer.failures) == ["k3", "k120"]
        assert list(answer.commands) == [f"k{n}" for n in range(130) if n not in (3, 120)]
        assert answer.result["k7"] == "k7"


async def test_after_a_batch_of_writes_with_no_answer_nothing_more_is_sent() -> None:
    recorder = Recorder()
    lost = OutcomeUnknownError("lost")
    recorder.fail = {2: lost}
    answer = await run_batch(recorder.send, calls(130), risk=Risk.WRITE)
    assert len(recorder.batches) == 2
    assert list(answer.commands) == [f"k{n}" for n in range(50)]
    assert all(answer.failures[f"k{n}"] is lost for n in range(50, 100))
    assert {type(answer.failures[f"k{n}"]) for n in range(100, 130)} == {NotSentError}


async def test_reads_go_on_when_one_batch_fails_and_halt_stops_the_rest() -> None:
    recorder = Recorder()
    recorder.fail = {2: OutcomeUnknownError("lost")}
    answer = await run_batch(recorder.send, calls(130), risk=Risk.READ)
    assert (len(recorder.batches), len(answer.commands)) == (3, 80)
    recorder = Recorder()
    recorder.failures = {"k3": PortalError("no")}
    answer = await run_batch(recorder.send, calls(130), risk=Risk.READ, halt=True)
    assert len(recorder.batches) == 1
    assert answer.failures["k129"].code == "BATCH_HALTED"


async def test_the_only_batch_fails_as_a_whole_with_its_own_error() -> None:
    recorder = Recorder()
    lost = OutcomeUnknownError("lost")
    recorder.fail = {1: lost}
    with pytest.raises(OutcomeUnknownError) as caught:
        await run_batch(recorder.send, calls(3), risk=Risk.WRITE)
    assert caught.value is lost


@pytest.mark.parametrize(
    "commands",
    [{}, {"a": Call(method="m"), "b": Call(method="m", version=3)}],
)
async def test_batches_that_make_no_sense_are_refused(commands: dict[str, Any]) -> None:
    with pytest.raises(ArgumentsError):
        await run_batch(Recorder().send, commands, risk=Risk.READ)
