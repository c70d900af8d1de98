from __future__ import annotations

import json
from typing import Any

import pytest

from bitrix24_agent.errors import (
    AccessError,
    BlockedError,
    CallFailedError,
    CredentialsError,
    NotSentError,
    OperationTimeError,
    OutcomeUnknownError,
    PortalError,
    RateLimitError,
)
from bitrix24_agent.model import Answer, Call, Timing
from bitrix24_agent.protocol.codes import RULES, clean
from bitrix24_agent.protocol.response import decode

V3_VALIDATION = "BITRIX_REST_V3_EXCEPTION_VALIDATION_REQUESTVALIDATIONEXCEPTION"
PLANS = "REST API is available only on commercial plans"


def read(
    body: Any, *, method: str = "crm.deal.list", status: int = 200, version: int = 2, **headers: str
) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    call = Call(method=method, version=version)
    return decode(call, status, {k.replace("_", "-"): v for k, v in headers.items()}, data)


def failure(body: Any, **options: Any) -> CallFailedError:
    with pytest.raises(CallFailedError) as caught:
        read(body, **options)
    return caught.value


def test_a_page_of_a_list_with_numbers_as_text() -> None:
    answer = read(
        {
            "result": [{"ID": "1"}],
            "total": "73",
            "next": "50",
            "time": {"duration": 0.6, "operating": 3.3, "operating_reset_at": 1778747792},
        }
    )
    assert (answer.rows, answer.total, answer.next) == ([{"ID": "1"}], 73, 50)
    assert answer.timing == Timing(duration=0.6, operating=3.3, operating_reset_at=1778747792.0)


@pytest.mark.parametrize("result", [5, "2026-01-15", True, False, None, [], {}, ["crm", "task"]])
def test_results_that_are_no_list_of_objects_have_no_rows(result: Any) -> None:
    answer = read({"result": result}, method="scope")
    assert (answer.result, answer.rows, answer.total, answer.next) == (result, [], None, None)


def test_next_is_there_even_when_it_is_zero_and_a_total_that_was_not_counted_is_none() -> None:
    assert read({"result": [{"ID": "1"}], "next": 0}).next == 0
    assert read({"result": [{"ID": "1"}], "total": 0}).total is None
    assert read({"result": [], "total": 0}).total == 0
    assert (
        read({"result": {"items": [{"id": 1}]}, "total": -1}, method="im.recent.list").total is None
    )


def test_an_answer_without_the_result_wrapper_is_its_own_result() -> None:
    assert read({"measures": [{"id": 1}], "total": 1}).rows == [{"id": 1}]
    assert read([{"ID": 1}]).result == [{"ID": 1}]
    document = {"openapi": "3.0.0", "paths": {}}
    assert read(document, method="documentation", version=3).result == document


def test_a_replayed_v3_write_says_so() -> None:
    answer = read({"result": {"item": {"id": 5}}}, version=3, idempotent_replayed="true")
    assert answer.note == "replayed by the portal: the first answer to this key"


@pytest.mark.parametrize(
    ("body", "status", "kind", "code", "step", "message"),
    [
        (
            {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"},
            503,
            RateLimitError,
            "QUERY_LIMIT_EXCEEDED",
            "wait",
            "QUERY_LIMIT_EXCEEDED: Too many requests",
        ),
        (
            {"error": "OPERATION_TIME_LIMIT"},
            429,
            OperationTimeError,
            "OPERATION_TIME_LIMIT",
            "wait",
            "OPERATION_TIME_LIMIT",
        ),
        (
            {"error": "OVERLOAD_LIMIT", "error_description": "blocked"},
            503,
            BlockedError,
            "OVERLOAD_LIMIT",
            "ask_human",
            "OVERLOAD_LIMIT: blocked",
        ),
        (
            {"error": "expired_token"},
            401,
            CredentialsError,
            "EXPIRED_TOKEN",
            "ask_human",
            "EXPIRED_TOKEN",
        ),
        (
            {"error": "INVALID_CREDENTIALS"},
            403,
            CredentialsError,
            "INVALID_CREDENTIALS",
            "ask_human",
            "INVALID_CREDENTIALS",
        ),
        (
            {"error": "insufficient_scope"},
            403,
            AccessError,
            "INSUFFICIENT_SCOPE",
            "ask_human",
            "INSUFFICIENT_SCOPE",
        ),
        (
            {"error": "ACCESS_DENIED", "error_description": PLANS},
            403,
            BlockedError,
            "ACCESS_DENIED",
            "ask_human",
            f"ACCESS_DENIED: {PLANS}",
        ),
        (
            {"error": "ACCESS_DENIED", "error_description": "Access denied!"},
            400,
            AccessError,
            "ACCESS_DENIED",
            "ask_human",
            "ACCESS_DENIED: Access denied!",
        ),
        (
            {"error": "", "error_description": "Access denied."},
            400,
            AccessError,
            None,
            "ask_human",
            "Access denied.",
        ),
        (
            {"error": "", "error_description": "Not found"},
            400,
            PortalError,
            None,
            "fix_arguments",
            "Not found",
        ),
        ({"error": 0, "error_description": "x"}, 200, PortalError, "0", "fix_arguments", "0: x"),
        ({"error": None}, 200, PortalError, None, "fix_arguments", "HTTP None"),
        (
            {"error": False, "error_description": "off"},
            200,
            PortalError,
            "FALSE",
            "fix_arguments",
            "FALSE: off",
        ),
        (
            {"error": 200040300010, "error_description": "x"},
            400,
            PortalError,
            "200040300010",
            "fix_arguments",
            "200040300010: x",
        ),
        (
            {"error": "ERROR_METHOD_NOT_FOUND"},
            404,
            PortalError,
            "ERROR_METHOD_NOT_FOUND",
            "choose_other",
            "ERROR_METHOD_NOT_FOUND",
        ),
        (
            {"error": "CREATE_DYNAMIC_ITEM_RESTRICTED"},
            400,
            BlockedError,
            "CREATE_DYNAMIC_ITEM_RESTRICTED",
            "ask_human",
            "CREATE_DYNAMIC_ITEM_RESTRICTED",
        ),
        (
            {"error": "SOMETHING_NEW"},
            403,
            AccessError,
            "SOMETHING_NEW",
            "ask_human",
            "SOMETHING_NEW",
        ),
        (
            {"error": "ERR", "error_description": "bad", "argument": "PLACEMENT"},
            200,
            PortalError,
            "ERR",
            "fix_arguments",
            "ERR: bad (argument PLACEMENT)",
        ),
        (
            {
                "error": "ERROR_CORE",
                "error_description": "No <b>title</b><br>Say\u00a0&quot;x&quot;<br/>\n",
            },
            400,
            PortalError,
            "ERROR_CORE",
            "fix_arguments",
            'ERROR_CORE: No title ; Say "x"',
        ),
        (
            {
                "error": {
                    "code": V3_VALIDATION,
                    "message": "Wrong",
                    "validation": [{"field": "id", "message": "must be int"}],
                }
            },
            400,
            PortalError,
            V3_VALIDATION,
            "fix_arguments",
            f"{V3_VALIDATION}: Wrong (id: must be int)",
        ),
    ],
)
def test_a_refusal_becomes_its_error(
    body: Any, status: int, kind: type, code: str | None, step: str, message: str
) -> None:
    error = failure(body, status=status)
    assert type(error) is kind
    assert (error.code, error.outcome, error.next_step) == (code, "refused", step)
    assert error.message == f"the portal answered {message}"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": "INTERNAL_SERVER_ERROR"}, 500),
        ({"error": "ERROR_UNEXPECTED_ANSWER"}, 500),
        ({"error": "NEVER_SEEN"}, 500),
        ({"error": "NEVER_SEEN"}, 503),
        (b"<html>bad gateway</html>", 502),
        (b"<html>a page</html>", 200),
        (b"", 200),
        (b'{"result":', 200),
        (b'"ok"', 200),
        (b"null", 200),
        ({}, 502),
    ],
)
def test_what_says_nothing_may_have_run(body: Any, status: int) -> None:
    error = failure(body, status=status, method="crm.deal.add")
    assert isinstance(error, OutcomeUnknownError)
    assert (error.outcome, error.next_step) == ("unknown", "ask_human")
    assert "it may have run" in error.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, PortalError),
        (401, CredentialsError),
        (403, AccessError),
        (404, BlockedError),
        (429, RateLimitError),
    ],
)
def test_a_page_instead_of_json_with_a_refusing_status_is_a_refusal(
    status: int, kind: type
) -> None:
    error = failure(b"<html>", status=status, content_type="text/html; charset=utf-8")
    assert type(error) is kind
    assert (error.outcome, error.code) == ("refused", f"HTTP_{status}")


def test_a_renamed_portal_is_named_without_the_secret_in_its_address() -> None:
    error = failure(b"moved", status=302, location="https://new.bitrix24.com/rest/1/s3cret/m")
    assert (error.code, error.outcome, error.next_step) == ("PORTAL_MOVED", "refused", "ask_human")
    assert error.message == (
        "the portal moved to new.bitrix24.com; use the new address (HTTP 302, nothing was done)"
    )
    assert "redirects" in failure(b"", status=307).message
    assert "redirects" in failure(b"", status=302, location="http://[broken/").message


@pytest.mark.parametrize(
    ("result", "code"),
    [
        ({"result": False, "error": "NO_CONNECTOR", "error_description": "x"}, "NO_CONNECTOR"),
        ({"status": "error", "errors": [{"code": "E1", "message": "x"}]}, "E1"),
    ],
)
def test_a_failure_inside_a_success_is_a_failure(result: Any, code: str) -> None:
    assert failure({"result": result}).code == code


# --- batches -------------------------------------------------------------------------------------


def batch(body: Any, *keys: str, halt: int = 0, version: int = 2) -> Answer:
    commands = {key: Call(method="crm.deal.list", version=version) for key in keys}
    call = Call(method="batch", version=version, params={"halt": halt}, commands=commands)
    return decode(call, 200, {}, json.dumps(body).encode())


def sections(**given: Any) -> dict[str, Any]:
    names = ("result", "result_error", "result_total", "result_next", "result_time")
    return {"result": {name: given.get(name, []) for name in names}, "time": {"operating": 0}}


def test_sections_come_as_objects_or_lists_each_for_itself() -> None:
    body = sections(
        result=[[{"ID": "1"}], None],
        result_error={"2": {"error": "", "error_description": "Not found"}},
        result_total={"0": 120},
        result_next=[50],
        result_time=[{"duration": 0.1}],
    )
    answer = batch(body, "0", "1", "2")
    assert answer.result == {"0": [{"ID": "1"}], "1": None}
    first = answer.commands["0"]
    assert (first.rows, first.total, first.next) == ([{"ID": "1"}], 120, 50)
    assert first.timing.duration == 0.1
    assert [type(error) for error in answer.failures.values()] == [PortalError]


def test_a_halted_batch_tells_what_did_not_run() -> None:
    body = sections(
        result={"a": True}, result_error={"b": {"error": "E", "error_description": "x"}}
    )
    answer = batch(body, "a", "b", "c", halt=1)
    assert list(answer.commands) == ["a"]
    assert {key: (type(e), e.code, e.outcome) for key, e in answer.failures.items()} == {
        "b": (PortalError, "E", "refused"),
        "c": (NotSentError, "BATCH_HALTED", "not_sent"),
    }


def test_a_command_without_a_trace_may_have_run() -> None:
    answer = batch(sections(result={"a": 1}), "a", "b")
    assert {key: type(e) for key, e in answer.failures.items()} == {"b": OutcomeUnknownError}


def test_errors_of_commands_come_as_text_and_with_500_inside() -> None:
    body = sections(
        result_error={"a": "QUERY_LIMIT_EXCEEDED", "b": {"error": "INTERNAL_SERVER_ERROR"}}
    )
    answer = batch(body, "a", "b")
    assert {key: type(e) for key, e in answer.failures.items()} == {
        "a": RateLimitError,
        "b": OutcomeUnknownError,
    }


@pytest.mark.parametrize("body", [{"result": []}, {"result": {"x": 1}}, {"result": None}])
def test_a_batch_without_results_may_have_run(body: Any) -> None:
    with pytest.raises(OutcomeUnknownError) as caught:
        batch(body, "a")
    assert caught.value.code == "BATCH_UNREADABLE"


def test_a_v3_batch_answers_in_order_and_lacks_what_it_lacks() -> None:
    body = {
        "result": [
            {"item": {"id": 1}},
            {"result": {"items": [{"id": 2}]}},
            {"error": {"code": "E"}},
        ]
    }
    answer = batch(body, "x", "y", "z", "w", version=3)
    assert answer.result == {"x": {"item": {"id": 1}}, "y": {"items": [{"id": 2}]}}
    assert answer.commands["y"].rows == [{"id": 2}]
    assert {key: type(e) for key, e in answer.failures.items()} == {
        "z": PortalError,
        "w": OutcomeUnknownError,
    }


# --- codes ---------------------------------------------------------------------------------------


def test_every_code_has_a_source_and_is_spelt_the_way_it_is_looked_up() -> None:
    assert all(code == code.upper() and rule.source for code, rule in RULES.items())


def test_descriptions_are_one_short_line() -> None:
    assert clean("a\x00b\r\n c") == "a b c"
    assert len(clean("x" * 10_000)) == 600
    assert (clean(None), clean(5), clean("1 < 2")) == ("", "5", "1 < 2")


def test_a_command_can_fail_inside_its_own_result() -> None:
    inner = {"result": False, "error": "NO_LINE", "error_description": "x"}
    answer = batch(sections(result={"a": inner, "b": 1}), "a", "b")
    assert {key: error.code for key, error in answer.failures.items()} == {"a": "NO_LINE"}
    assert answer.result == {"b": 1}


def test_numbers_that_are_none_are_left_out() -> None:
    answer = read({"result": [], "total": True, "next": "x", "time": {"duration": True}})
    assert (answer.total, answer.next, answer.timing) == (None, None, Timing())
    assert read({"result": 1, "time": {"operating": "?"}}).timing == Timing()
