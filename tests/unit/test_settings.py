from __future__ import annotations

import pytest

from bitrix24_agent.errors import SettingsError
from bitrix24_agent.settings import Settings, default_state


def test_the_whole_webhook_address_wins():
    settings = Settings.from_env({"B24_WEBHOOK_URL": " https://a.test/rest/1/x/ "})
    assert settings.mode == "webhook"
    assert settings.webhook_url.get_secret_value() == "https://a.test/rest/1/x/"
    assert settings.packs == ("core",)


def test_names_of_the_earlier_skill_still_work():
    settings = Settings.from_env(
        {
            "B24_DOMAIN": "a.test",
            "B24_AUTH_MODE": "webhook",
            "B24_WEBHOOK_USER_ID": "1",
            "B24_WEBHOOK_CODE": "code",
            "B24_PACKS": "core, comms",
            "B24_METHOD_ALLOWLIST": "crm.*;user.get",
            "B24_REQUIRE_PLAN": "1",
        }
    )
    assert settings.webhook_url.get_secret_value() == "https://a.test/rest/1/code/"
    assert (settings.packs, settings.allow) == (("core", "comms"), ("crm.*", "user.get"))
    assert settings.require_plan


def test_a_token_alone_means_oauth():
    assert Settings.from_env({"B24_DOMAIN": "a.test", "B24_ACCESS_TOKEN": "t"}).mode == "oauth"


def test_nothing_set_is_no_error_until_a_portal_is_needed():
    assert Settings.from_env({}).webhook_url is None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"B24_AUTH_MODE": "basic"}, "use webhook or oauth"),
        ({"B24_DOMAIN": "a.test", "B24_WEBHOOK_CODE": "x"}, "not B24_WEBHOOK_USER_ID"),
        ({"B24_REQUIRE_PLAN": "perhaps"}, "use 1 or 0"),
    ],
)
def test_contradictions_are_told_in_one_line(environ, expected):
    with pytest.raises(SettingsError, match=expected):
        Settings.from_env(environ)


def test_secrets_print_as_stars():
    settings = Settings.from_env(
        {"B24_WEBHOOK_URL": "https://a.test/rest/1/hushhush/", "B24_APPROVER_KEY": "hushhush"}
    )
    assert "hushhush" not in repr(settings) + str(settings.model_dump())


def test_state_is_one_file_per_user_unless_told(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_state() == f"sqlite:///{tmp_path / 'bitrix24-agent' / 'state.db'}"
    assert Settings.from_env({"B24_STATE": "sqlite:///x.db"}).state == "sqlite:///x.db"
