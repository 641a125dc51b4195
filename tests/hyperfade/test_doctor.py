"""The doctor: every check says what it found, and what to do."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from exchange.simulated import SimulatedExchange, SimulationConfig
from hyperfade.doctor import Finding, examine_all
from tests.support.discord_server import DiscordServer
from tests.support.telegram_server import TelegramServer
from tests.support.webhook_server import WebhookServer

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def place(
    tmp_path: Path, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[pytest.MonkeyPatch]:
    """Work in an empty folder with a database and an exchange."""
    for name in list(os.environ):
        if name.startswith("HYPERFADE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYPERFADE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HYPERFADE_DATABASE_URL", database_dsn)
    async with SimulatedExchange(SimulationConfig(accounts=5)) as exchange:
        monkeypatch.setenv("HYPERFADE_EXCHANGE_URL", exchange.url)
        yield monkeypatch


async def found() -> dict[str, Finding]:
    return {one.check: one for one in await examine_all()}


async def test_all_is_well(
    place: pytest.MonkeyPatch, telegram_server: TelegramServer, discord_server: DiscordServer
) -> None:
    place.setenv("HYPERFADE_TELEGRAM_TOKEN", telegram_server.token)
    place.setenv("HYPERFADE_TELEGRAM_BASE_URL", telegram_server.base_url)
    place.setenv("HYPERFADE_DISCORD_TOKEN", discord_server.token)
    place.setenv("HYPERFADE_DISCORD_API_URL", discord_server.api_url)
    place.setenv("HYPERFADE_DISCORD_GATEWAY_URL", str(discord_server.gateway_url))
    findings = await found()
    assert {name: one.ok for name, one in findings.items() if one.ok is not None} == dict.fromkeys(
        ("python", "settings", "data folder", "database", "exchange", "telegram", "discord"), True
    )
    assert findings["telegram"].found == "@hyperfade_test_bot"
    for one in findings.values():
        assert telegram_server.token not in repr(one)
        assert discord_server.token not in repr(one)


async def test_telegrams_deliveries_are_looked_at(
    place: pytest.MonkeyPatch, telegram_server: TelegramServer
) -> None:
    url = "http://127.0.0.1:1/nobody"
    place.setenv("HYPERFADE_TELEGRAM_TOKEN", telegram_server.token)
    place.setenv("HYPERFADE_TELEGRAM_BASE_URL", telegram_server.base_url)
    place.setenv("HYPERFADE_TELEGRAM_WEBHOOK_URL", url)
    before = (await found())["telegram"]
    assert (before.ok, before.found) == (
        True,
        f"@hyperfade_test_bot, will deliver, from the next run, to {url}",
    )
    telegram_server.updates.set_webhook(url, "", 40, None, drop=False)
    assert (await found())["telegram"].found == f"@hyperfade_test_bot, delivers to {url}"
    await telegram_server.send_text(7, "/help")
    await telegram_server.wait_for(lambda: "last_error_message" in telegram_server.updates.info())
    failing = (await found())["telegram"]
    assert not failing.ok
    assert "failed: Connection failed" in failing.found
    assert "HYPERFADE_TELEGRAM_WEBHOOK_URL" in failing.hint


async def test_what_is_off_is_a_note_and_what_is_away_a_problem(place: pytest.MonkeyPatch) -> None:
    place.setenv("HYPERFADE_EXCHANGE_URL", "http://127.0.0.1:1")
    findings = await found()
    assert findings["telegram"].ok is None
    assert "HYPERFADE_TELEGRAM_TOKEN" in findings["telegram"].hint
    assert findings["exchange"].ok is False
    assert "http://127.0.0.1:1" in findings["exchange"].found
    assert "HYPERFADE_EXCHANGE_URL" in findings["exchange"].hint


async def test_wrong_tokens_are_named_and_not_shown(
    place: pytest.MonkeyPatch, telegram_server: TelegramServer, discord_server: DiscordServer
) -> None:
    place.setenv("HYPERFADE_TELEGRAM_TOKEN", "987654321:AAwrong-wrong-wrong-wrong-wrong-wrong")
    place.setenv("HYPERFADE_TELEGRAM_BASE_URL", telegram_server.base_url)
    place.setenv("HYPERFADE_DISCORD_TOKEN", "wrong-discord-token")
    place.setenv("HYPERFADE_DISCORD_API_URL", discord_server.api_url)
    findings = await found()
    for name in ("telegram", "discord"):
        assert findings[name].ok is False
        assert f"HYPERFADE_{name.upper()}_TOKEN" in findings[name].found
        assert "wrong-" not in findings[name].found


async def test_a_database_that_is_down_stops_no_other_check(place: pytest.MonkeyPatch) -> None:
    place.setenv("HYPERFADE_DATABASE_URL", "postgresql://me:hunter2secret@127.0.0.1:1/db")
    findings = await found()
    assert findings["database"].ok is False
    assert "HYPERFADE_DATABASE_URL" in findings["database"].found
    assert "hunter2secret" not in repr(findings)
    assert findings["data folder"].ok is True


async def test_a_folder_that_is_a_file_is_told(place: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place.setenv("HYPERFADE_HOME", str(tmp_path / "file"))
    folder = (await found())["data folder"]
    assert folder.ok is False
    assert "HYPERFADE_HOME" in folder.hint


async def test_without_settings_there_is_nothing_else_to_check(place: pytest.MonkeyPatch) -> None:
    place.setenv("HYPERFADE_LOSER", "1")
    findings = await found()
    assert list(findings) == ["python", "settings"]
    assert findings["settings"].ok is False
    assert "HYPERFADE_LOSERS" in findings["settings"].found


async def test_webhooks_and_services_are_looked_at_without_telling_them_anything(
    place: pytest.MonkeyPatch, webhook_server: WebhookServer
) -> None:
    findings = await found()
    assert {findings[name].ok for name in ("webhooks", "other services")} == {None}
    place.setenv("HYPERFADE_WEBHOOK_URLS", webhook_server.url)
    place.setenv("HYPERFADE_WEBHOOK_SECRET", "a-long-random-text-of-the-operator")
    place.setenv("HYPERFADE_WEBHOOK_ALLOW_PRIVATE", "true")
    place.setenv("HYPERFADE_APPRISE_URLS", "json://localhost/T0K3N-of-a-service")
    findings = await found()
    assert {findings[name].ok for name in ("webhooks", "other services")} == {True}
    assert [(one.method, one.body) for one in webhook_server.requests] == [("HEAD", b"")]
    await webhook_server.close()
    place.setenv("HYPERFADE_APPRISE_URLS", "nosuchservice://T0K3N-of-a-service")
    findings = await found()
    assert {findings[name].ok for name in ("webhooks", "other services")} == {False}
    assert "can't be reached" in findings["webhooks"].found
    assert "T0K3N" not in str(findings)
    assert "/hook" not in str(findings)
