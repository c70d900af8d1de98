"""What a human reads of a call: nothing that is sent stays unsaid."""

from __future__ import annotations

import pytest

from bitrix24_agent.audit.redact import mask, mask_known
from bitrix24_agent.model import Call, FieldChange, Risk, canonical_json
from bitrix24_agent.policy.shown import MAX_CHARS, MAX_ROWS, MAX_SHOWN, MORE, diff, summarise
from bitrix24_agent.retrieval.references import References

UPDATE = Call(
    method="crm.deal.update", params={"id": 5, "fields": {"TITLE": "New", "STAGE_ID": "WON"}}
)
MARK = "MARKED7"


def test_a_summary_names_risk_object_and_fields(catalog):
    method = catalog.lookup("crm.deal.update", 2)
    assert summarise(UPDATE, method, Risk.WRITE) == (
        "[write] crm.deal.update id=5 sets TITLE, STAGE_ID — Change a deal"
    )
    assert summarise(Call(method="custom.thing", version=3), None, Risk.DESTRUCTIVE) == (
        "[destructive] custom.thing (v3)"
    )
    assert (
        summarise(Call(method="crm.deal.fields"), catalog.lookup("crm.deal.fields", 2), Risk.READ)
        == "crm.deal.fields"
    )


def test_a_summary_counts_the_commands_of_a_batch():
    call = Call(method="batch", commands={"a": UPDATE, "b": UPDATE, "c": Call(method="x.y")})
    assert summarise(call, None, Risk.WRITE) == "[write] batch of 3: 2 × crm.deal.update, x.y"


def test_a_summary_stays_on_one_line_and_short():
    call = Call(
        method="x.add", params={"TEXT": "a\nb" * 500, "fields": {f"F{i}": 1 for i in range(50)}}
    )
    text = summarise(call, None, Risk.WRITE)
    assert "\n" not in text
    assert len(text) <= 400


def test_an_update_shows_what_really_changes():
    before = {"ID": "5", "TITLE": "Old", "STAGE_ID": "WON"}
    assert diff(before, UPDATE) == (FieldChange(path="fields.TITLE", before="Old", after="New"),)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("100.00", 100, True),
        ("1", 1, True),
        (None, "", True),
        ([], {}, True),
        ("Y", True, True),
        (False, "0", True),
        ("Y", False, False),
        ("x", 1, False),
        ("a", "b", False),
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        (None, 0, False),
    ],
)
def test_values_are_compared_as_the_portal_would(before, after, same):
    call = Call(method="crm.item.update", params={"id": 1, "fields": {"stageId": after}})
    assert (diff({"item": {"STAGE_ID": before}}, call) == ()) is same


def test_without_the_object_every_field_is_shown():
    assert diff(None, UPDATE) == (
        FieldChange(path="fields.TITLE", before=None, after="New"),
        FieldChange(path="fields.STAGE_ID", before=None, after="WON"),
    )


def test_fields_beside_the_id_are_compared_too():
    call = Call(method="user.update", params={"ID": 7, "NAME": "Ann"})
    changed = (FieldChange(path="NAME", before="Anna", after="Ann"),)
    assert diff({"ID": "7", "NAME": "Anna"}, call) == changed
    assert diff([{"ID": "7", "NAME": "Anna"}], call) == changed


def test_a_deletion_shows_what_goes_names_first():
    call = Call(method="crm.deal.delete", params={"id": 5})
    before = {"ID": "5", "EMPTY": "", "TITLE": "Pumps", "NESTED": {"a": 1}, "OPPORTUNITY": "100"}
    assert diff(before, call) == (
        FieldChange(path="TITLE", before="Pumps", after=None),
        FieldChange(path="ID", before="5", after=None),
        FieldChange(path="OPPORTUNITY", before="100", after=None),
    )
    assert diff(None, call) == ()


def test_a_batch_shows_each_command():
    call = Call(
        method="batch", commands={"a": UPDATE, "b": Call(method="x.delete", params={"id": 1})}
    )
    before = {"a": {"TITLE": "Old", "STAGE_ID": "WON"}, "b": [{"NAME": "Gone"}]}
    assert diff(before, call) == (
        FieldChange(path="x.delete", before=None, after={"id": 1}, command="b"),
        FieldChange(path="NAME", before="Gone", after=None, command="b"),
        FieldChange(path="crm.deal.update", before=None, after={"id": 5}, command="a"),
        FieldChange(path="fields.TITLE", before="Old", after="New", command="a"),
    )
    assert len(diff(None, call)) == 4


def test_a_long_text_shows_its_beginning_its_end_and_how_much_is_missing():
    call = Call(method="x.update", params={"fields": {"A": "x" * 5000 + "END", "C": [1]}})
    long, short = diff(None, call)
    assert long.after == (
        "x" * 300 + "… [4,603 MORE CHARACTERS, read the whole call] …" + "x" * 97 + "END"
    )
    assert short.after == [1]


def test_long_texts_are_shown_around_their_first_difference():
    terms = "Pay to IBAN as agreed. " * 40
    call = Call(method="x.update", params={"id": 1, "fields": {"C": f"{terms}GB00EVIL"}})
    (change,) = diff({"ID": "1", "C": f"{terms}DE8937"}, call)
    assert change.before == f"[860 CHARACTERS THE SAME] …{terms[860:]}DE8937"
    assert change.after == f"[860 CHARACTERS THE SAME] …{terms[860:]}GB00EVIL"


def test_a_change_early_in_a_long_text_keeps_the_beginning():
    call = Call(method="x.update", params={"id": 1, "fields": {"C": "new" + "a" * 900}})
    (change,) = diff({"ID": "1", "C": "old" + "a" * 900}, call)
    assert change.before.startswith("olda")
    assert change.after.startswith("newa")


def test_fields_beyond_the_last_line_are_counted():
    fields = {f"UF_{i}": 1 for i in range(MAX_SHOWN + 25)}
    shown = diff(None, Call(method="x.update", params={"fields": fields}))
    assert len(shown) == MAX_SHOWN
    assert shown[-1] == FieldChange(
        path=MORE, before=None, after="AND 26 MORE FIELDS, read the whole call"
    )


def test_field_names_that_do_not_fit_the_summary_are_counted():
    call = Call(method="x.add", params={"fields": {f"F{i}": 1 for i in range(50)}})
    assert summarise(call, None, Risk.WRITE).endswith("F10, F11, AND 38 MORE FIELDS")


def test_the_object_stands_before_padding_in_the_summary():
    call = Call(
        method="x.update", params={**{f"p{i}": "y" * 50 for i in range(9)}, "id": 99, "CHAT_ID": 7}
    )
    text = summarise(call, None, Risk.WRITE)
    assert text.startswith("[write] x.update id=99 CHAT_ID=7 p0=")
    assert text.endswith("AND 4 MORE")


def test_a_value_the_summary_cuts_has_its_own_line():
    long = "chat" + "0" * 80
    call = Call(method="im.message.add", params={"DIALOG_ID": long})
    assert long not in summarise(call, None, Risk.WRITE)
    assert diff(None, call) == (FieldChange(path="DIALOG_ID", before=None, after=long),)


@pytest.mark.parametrize(
    "name", ["x\n[read] y", "a\x9b2J", "b\u202e", "c\x1b[8m", "d e", "\u3164", "id=5 sets"]
)
def test_a_name_or_a_value_cannot_steer_the_line(name):
    text = summarise(Call(method="x.y", params={name: name, "o": {name: 1}}), None, Risk.WRITE)
    assert text.isprintable()
    assert "\u3164" not in text
    assert text.count('"') == 6


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("12345678901234567890", "12345678901234567999"),
        ("0012", "12"),
        ("1000", "1_000"),
        ("inf", "Infinity"),
        ("7", "\uff17"),
        ("1e3", "1000"),
        ("1", " 1"),
        ("+1", "1"),
        (".5", "0.5"),
        ("1" * 50 + ".0", "1" * 50),
        ("nan", "nan "),
    ],
)
def test_texts_that_only_a_loose_reader_calls_equal_are_changes(before, after):
    call = Call(method="crm.deal.update", params={"id": 7, "fields": {"TITLE": after}})
    change = FieldChange(path="fields.TITLE", before=before, after=after)
    assert diff({"TITLE": before, "ID": "7"}, call) == (change,)


@pytest.mark.parametrize(
    ("before", "after"), [("1.50", "1.5"), ("-3", -3), ("0.0", 0), (2.5, "2.50")]
)
def test_plain_numbers_are_compared_as_numbers(before, after):
    call = Call(method="crm.deal.update", params={"id": 7, "fields": {"OPPORTUNITY": after}})
    assert diff({"OPPORTUNITY": before, "ID": "7"}, call) == ()


@pytest.mark.parametrize("empty", ["", [], None])
def test_clearing_a_field_the_read_leaves_out_is_shown(empty):
    call = Call(method="tasks.task.update", params={"taskId": 1, "fields": {"UF_TAGS": empty}})
    assert diff({"task": {"id": "1"}}, call) == (
        FieldChange(path="fields.UF_TAGS", before=None, after=empty),
    )


def test_a_field_is_compared_with_its_own_name_only():
    call = Call(method="x.update", params={"id": 1, "fields": {"A.TITLE": "same"}})
    assert len(diff({"ID": "1", "TITLE": "same"}, call)) == 1
    twins = {"ID": "1", "UF_A": "other", "ufA": "same"}
    call = Call(method="x.update", params={"id": 1, "fields": {"UF_A": "same"}})
    assert diff(twins, call) == (FieldChange(path="fields.UF_A", before=None, after="same"),)


def test_a_deletion_shows_what_it_is_given_before_what_goes():
    call = Call(method="node.member.remove", params={"id": 5, "userIds": [1, 2]})
    assert diff({"ID": "5", "NAME": "Sales"}, call) == (
        FieldChange(path="userIds", before=None, after=[1, 2]),
        FieldChange(path="NAME", before="Sales", after=None),
        FieldChange(path="ID", before="5", after=None),
    )


# --- batches --------------------------------------------------------------------------------------


def test_a_batch_names_each_object_also_when_nothing_could_be_read():
    call = Call(
        method="batch",
        commands={
            "deal_7": Call(method="crm.deal.delete", params={"id": "9999"}),
            "linked": Call(method="crm.deal.delete", params={"id": "$result[find][0][ID]"}),
        },
    )
    assert diff(None, call) == (
        FieldChange(path="crm.deal.delete", before=None, after={"id": "9999"}, command="deal_7"),
        FieldChange(
            path="crm.deal.delete",
            before=None,
            after={"id": "$result[find][0][ID]"},
            command="linked",
        ),
    )


def test_an_object_too_long_for_its_line_has_one_of_its_own():
    inner = Call(method="x.delete", params={"id": "9" * 300, "chatId": 7})
    assert diff(None, Call(method="batch", commands={"k": inner})) == (
        FieldChange(path="x.delete", before=None, after={"chatId": 7}, command="k"),
        FieldChange(path="id", before=None, after="9" * 300, command="k"),
    )


def test_the_worst_commands_come_first_and_reads_last():
    commands = {f"r{i}": Call(method=f"x.read{i}") for i in range(30)}
    commands |= {"w": Call(method="x.add"), "d": Call(method="x.wipe")}
    risks = dict.fromkeys(commands, Risk.READ) | {"w": Risk.WRITE, "d": Risk.DESTRUCTIVE}
    call = Call(method="batch", commands=commands)
    assert summarise(call, None, Risk.DESTRUCTIVE, risks=risks) == (
        "[destructive] batch of 32: x.wipe, x.add, 30 reads"
    )
    assert [c.command for c in diff(None, call, risks=risks)][:3] == ["d", "w", "r0"]


def test_commands_beyond_the_last_line_are_counted_by_method():
    commands = {f"u{i}": Call(method="x.update", params={"id": i}) for i in range(MAX_ROWS + 5)}
    call = Call(method="batch", commands=commands | {"last": Call(method="x.delete")})
    shown = diff(None, call)
    assert shown[0].command == "last"
    assert shown[-1] == FieldChange(
        path=MORE,
        before=None,
        after="AND 6 MORE COMMANDS, read the whole call: 6 × x.update",
    )


def test_methods_that_do_not_fit_a_batch_summary_are_counted():
    commands = {f"k{i}": Call(method=f"some.long.method.name{i:03}.add") for i in range(60)}
    text = summarise(Call(method="batch", commands=commands), None, Risk.WRITE)
    assert text.endswith("AND 50 MORE CHANGING METHODS")
    assert len(text) <= 400


def test_a_batch_of_reads_names_them():
    call = Call(method="batch", commands={"a": Call(method="x.get"), "b": Call(method="x.get")})
    risks = {"a": Risk.READ, "b": Risk.READ}
    assert summarise(call, None, Risk.READ, risks=risks) == "batch of 2: 2 × x.get"


# --- secrets --------------------------------------------------------------------------------------

SECRET = "k3y0fth3w3bh00k"


@pytest.mark.parametrize("padding", range(MAX_CHARS - len(SECRET) - 2, MAX_CHARS + 2))
def test_no_part_of_a_known_secret_is_left_by_a_cut(padding):
    text = "y" * padding + " " + SECRET + "z" * 900
    call = Call(method="x.update", params={"id": 1, "fields": {"C": text}, "o": "y" * 55 + SECRET})
    shown = diff(
        {"ID": "1", "C": text[1:]}, call, hide=lambda v: mask_known(v, [SECRET]), veil=mask
    )
    told = summarise(call, None, Risk.WRITE, hide=lambda v: mask_known(v, [SECRET]))
    assert SECRET[:4] not in str([c.after for c in shown]) + told


def test_text_that_only_looks_secret_is_shown_when_the_caller_sends_it():
    said = 'The password: "is not needed any more, please pay 10000 to Mallory today"'
    call = Call(method="im.message.add", params={"DIALOG_ID": "2", "MESSAGE": said})
    shown = diff(None, call, hide=lambda v: mask_known(v, [SECRET]), veil=mask)
    assert shown == (FieldChange(path="MESSAGE", before=None, after=said),)


def test_a_password_the_portal_returns_is_not_shown():
    call = Call(method="x.update", params={"id": 1, "fields": {"password": "new"}})
    assert diff({"ID": "1", "password": "old"}, call, veil=mask) == (
        FieldChange(path="fields.password", before="***", after="new"),
    )


# --- the whole catalogue --------------------------------------------------------------------------


def _marked() -> list[object]:
    return [MARK, "y" * 55 + MARK, [MARK], {"k": MARK}, {"k": [{"n": MARK}]}]


@pytest.fixture(scope="module")
def changing():
    """A batch is no method of its own: its commands are, and those are shown."""
    methods = References.load().methods()
    return [m for m in methods if m.risk is not Risk.READ and m.name != "batch"]


def test_every_parameter_of_every_changing_method_is_shown(changing):
    unseen = []
    for method in changing:
        for param in (p for p in method.params if p.top_level):
            for value in _marked():
                call = Call(method=method.name, version=method.version, params={param.name: value})
                text = summarise(call, method, method.risk) + str(diff(None, call))
                if MARK not in text:
                    unseen.append((method.id, param.name, value))
    assert len(changing) > 500
    assert unseen == []


def test_every_parameter_of_every_changing_method_is_shown_in_a_batch(changing):
    unseen = []
    for method in changing:
        for param in (p for p in method.params if p.top_level):
            for value in _marked():
                inner = Call(method=method.name, version=method.version, params={param.name: value})
                call = Call(method="batch", version=method.version, commands={"k": inner})
                shown = diff(None, call, risks={"k": method.risk})
                if MARK not in str(shown) or shown[0].path != method.name:
                    unseen.append((method.id, param.name, value))
    assert unseen == []


def test_all_parameters_at_once_leave_none_unsaid(changing):
    unseen = []
    for method in changing:
        names = [p.name for p in method.params if p.top_level]
        call = Call(
            method=method.name,
            version=method.version,
            params={name: f"{MARK}x{i}x" for i, name in enumerate(names)},
        )
        text = summarise(call, method, method.risk) + canonical_json(
            [[c.path, c.after] for c in diff(None, call)]
        )
        unseen += [(method.id, n) for i, n in enumerate(names) if f"{MARK}x{i}x" not in text]
    assert unseen == []
