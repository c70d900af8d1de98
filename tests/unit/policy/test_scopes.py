from __future__ import annotations

from bitrix24_agent.model import Method, MethodDetail, Risk
from bitrix24_agent.policy.scopes import needed_scopes


def method(name: str, *scopes: str, **detail) -> Method:
    return Method(
        name=name,
        version=2,
        pack="core",
        risk=Risk.READ,
        scopes=scopes,
        summary="",
        family="x",
        page="x.md",
        load=lambda _m: MethodDetail(**detail),
    )


def test_each_scope_is_named_with_the_methods_that_need_it():
    needed = needed_scopes([method("b", "crm"), method("a", "crm"), method("c", "sign.b2e", "crm")])
    assert needed.scopes == {"crm": ("a", "b", "c"), "sign.b2e": ("c",)}


def test_where_any_of_several_opens_a_method_the_weakest_is_enough():
    needed = needed_scopes([method("user.get", "user", "user_brief", "user_basic")])
    assert list(needed.scopes) == ["user_brief"]
    assert needed.compare(["user"]) == ({}, ())
    assert needed.compare(["user_brief"]) == ({}, ())
    both = needed_scopes([method("a", "user_brief", "user"), method("b", "user")])
    assert both.scopes == {"user": ("a", "b")}
    stronger = needed_scopes([method("user.update", "user")])
    assert stronger.compare(["user_brief"]) == ({"user": 1}, ())


def test_what_every_credential_has_is_not_asked_for():
    assert needed_scopes([method("scope", "basic"), method("x")]).scopes == {}


def test_missing_and_unused_scopes_are_told():
    needed = needed_scopes([method("a", "crm"), method("b", "task")])
    assert needed.compare(["crm", "disk", "basic"]) == ({"task": 1}, ("disk",))


def test_methods_that_cannot_work_are_named():
    needed = needed_scopes([method("a", webhook=False), method("b", audience="administrator")])
    assert (needed.application_only, needed.administrator_only) == (("a",), ("b",))


def test_the_whole_catalogue_needs_plain_scope_names(refs):
    needed = needed_scopes(refs.methods())
    assert {"crm", "task", "tasks", "im", "disk"} <= set(needed.scopes)
    assert all(scope.replace(".", "").replace("_", "").isalnum() for scope in needed.scopes)
