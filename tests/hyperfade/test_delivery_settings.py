"""Settings of delivery: several addresses in one value, limits, kinds, and what they refuse."""

import os
from pathlib import Path

import pytest

from core.errors import SettingsError
from core.model.alerts import AlertKind
from hyperfade.secret_parts import address_secrets, hide
from hyperfade.settings import load_settings
from notifiers.pacing import Limit, Limits

SECRET = "a-long-random-text-of-the-operator"
HOOK = "https://hooks.example.com/in/T0K3N-of-a-hook"
DISCORD = "https://discord.com/api/webhooks/77/T0K3N-of-discord"


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Work in an empty folder, without anybody's settings."""
    for name in list(os.environ):
        if name.upper().startswith("HYPERFADE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.mark.parametrize("between", [",", ", ", " ", "\n", ",\n  "])
def test_addresses_are_separated_by_commas_or_space(settings: pytest.MonkeyPatch, between: str) -> None:
    settings.setenv("HYPERFADE_WEBHOOK_URLS", f"{HOOK}{between}{DISCORD}")
    settings.setenv("HYPERFADE_WEBHOOK_SECRET", SECRET)
    assert [one.is_discord for one in load_settings().webhooks()] == [False, True]


def test_an_address_keeps_its_own_commas_and_is_told_once(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("HYPERFADE_APPRISE_URLS", "mailto://u:p@example.com?to=a@b.c,d@e.f, ntfy://topic")
    loaded = load_settings()
    assert [one.get_secret_value() for one in loaded.apprise_urls] == [
        "mailto://u:p@example.com?to=a@b.c,d@e.f",
        "ntfy://topic",
    ]
    settings.setenv("HYPERFADE_WEBHOOK_URLS", f"{DISCORD},{DISCORD}")
    assert len(load_settings().webhooks()) == 1


def test_addresses_and_secret_come_from_files(settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "urls").write_text(f"{HOOK}\n{DISCORD}\n")
    (tmp_path / "secret").write_text(SECRET + "\n")
    settings.setenv("HYPERFADE_WEBHOOK_URLS_FILE", str(tmp_path / "urls"))
    settings.setenv("HYPERFADE_WEBHOOK_SECRET_FILE", str(tmp_path / "secret"))
    loaded = load_settings()
    assert len(loaded.webhooks()) == 2
    assert loaded.webhook_secret is not None
    assert loaded.webhook_secret.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"WEBHOOK_URLS": HOOK}, "HYPERFADE_WEBHOOK_SECRET"),
        ({"WEBHOOK_URLS": DISCORD, "WEBHOOK_SECRET": "short-T0K3N"}, "16 characters"),
        ({"WEBHOOK_URLS": HOOK.replace("https", "http"), "WEBHOOK_SECRET": SECRET}, "isn't encrypted"),
        ({"WEBHOOK_URLS": "https://10.0.0.1/T0K3N", "WEBHOOK_SECRET": SECRET}, "ALLOW_PRIVATE"),
        ({"WEBHOOK_URLS": "T0K3N", "WEBHOOK_SECRET": SECRET}, "no web address"),
        ({"REPEAT_KINDS": "exit,entrance"}, "'entry', 'update', 'exit'"),
        ({"PACE": "telegram=1/1"}, "telegram_group"),
        ({"PACE": "webhook=fast"}, "like 20/60"),
        ({"PACE": "webhook=0/1"}, "at least 1"),
        ({"PACE": "webhook=1/1e9"}, "3600"),
    ],
)
def test_what_is_refused_says_what_to_do_and_tells_no_secret(
    settings: pytest.MonkeyPatch, values: dict[str, str], word: str
) -> None:
    for name, value in values.items():
        settings.setenv(f"HYPERFADE_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert word in str(caught.value)
    assert "T0K3N" not in str(caught.value)


def test_a_discord_webhook_needs_no_secret(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("HYPERFADE_WEBHOOK_URLS", DISCORD)
    assert load_settings().webhooks()[0].is_discord


def test_limits_and_kinds_are_chosen(settings: pytest.MonkeyPatch) -> None:
    assert load_settings().limits() == Limits()
    assert load_settings().repeat_kinds == {AlertKind.EXIT}
    settings.setenv("HYPERFADE_PACE", "telegram_group=10/60, webhook=5/0.5")
    settings.setenv("HYPERFADE_REPEAT_KINDS", "exit, health")
    loaded = load_settings()
    assert loaded.limits() == Limits(telegram_group=Limit(10, 60.0), webhook=Limit(5, 0.5))
    assert loaded.repeat_kinds == {AlertKind.EXIT, AlertKind.HEALTH}


@pytest.mark.parametrize(
    ("url", "hidden", "shown"),
    [
        ("https://a.example.com/in/T0AAAA/B0BBBB?k=K3YK3Y", ["T0AAAA", "B0BBBB", "K3YK3Y"], "a.example.com"),
        ("slack://TokenA123/TokenB456/TokenC789", ["TokenA123", "TokenB456", "TokenC789"], "slack"),
        ("mailto://user:pass%40word@example.com", ["pass%40word", "pass@word"], "example.com"),
        ("json://localhost:8080/path-to-it", ["path-to-it"], "localhost"),
    ],
)  # fmt: skip
def test_the_secret_parts_of_an_address_are_hidden_wherever_they_stand(
    url: str, hidden: list[str], shown: str
) -> None:
    secrets = address_secrets(url)
    line = hide(f"POST {url} and {' '.join(hidden)} of {shown}", secrets)
    for part in hidden:
        assert part not in line
    assert line.endswith(f"of {shown}")
