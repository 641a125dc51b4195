"""`run` with Telegram's webhook: claimed and asked by delivery, over a restart, its secret in no log."""

import re
import socket
from pathlib import Path

import pytest

from exchange.simulated import SimulatedExchange, SimulationConfig
from hyperfade.settings import Settings
from storage.database import Database
from tests.support.command_line import running_command
from tests.support.telegram_server import TelegramServer

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(180)]

ANN = 7
LONG_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_telegram_delivers_to_the_running_program(
    tmp_path: Path, database: Database, database_dsn: str, telegram_server: TelegramServer
) -> None:
    telegram_server.updates.webhook_retry_seconds = 0.2
    port = free_port()
    url = f"http://127.0.0.1:{port}/telegram"
    telegram = {
        "telegram_token": telegram_server.token,
        "telegram_base_url": telegram_server.base_url,
        "telegram_webhook_url": url,
        "telegram_webhook_port": str(port),
    }
    secret = Settings.model_validate(telegram).telegram_secret()
    assert secret is not None
    config = SimulationConfig(accounts=20, pace=1.0, weight_per_minute=200_000)
    async with SimulatedExchange(config) as exchange:
        settings = {
            "HYPERFADE_DATABASE_URL": database_dsn,
            "HYPERFADE_EXCHANGE_URL": exchange.url,
            "HYPERFADE_EXCHANGE_WS_URL": exchange.ws_url,
            "HYPERFADE_LEADERBOARD_URL": exchange.leaderboard_url,
            "HYPERFADE_LOG_LEVEL": "debug",
            **{f"HYPERFADE_{name.upper()}": value for name, value in telegram.items()},
        }
        async with running_command(tmp_path, "run", **settings) as running:
            line = await running.says("To own this bot", LONG_S)
            code = re.search(r"/start (\w+)", line)
            assert code is not None
            await telegram_server.wait_for(lambda: telegram_server.updates.webhook_url == url, LONG_S)
            assert "owner" in (await telegram_server.ask(ANN, f"/start {code.group(1)}")).text
            assert await running.stop() == 0
        again = telegram_server.updates.all[0]
        telegram_server.updates.put_again(again)
        async with running_command(tmp_path, "run", **settings) as second:
            await telegram_server.wait_for(lambda: again not in telegram_server.updates.pending, LONG_S)
            assert telegram_server.bot.username is not None
            await telegram_server.ask(ANN, "/whoami")
            assert await second.stop() == 0
    assert len(telegram_server.messages(ANN)) == 2  # the repeated update got no answer
    for hidden in (secret, telegram_server.token):
        assert hidden not in running.text + second.text
    assert telegram_server.calls_of("getUpdates") == []
    assert "Traceback" not in running.text + second.text
    async with database.connection() as connection:
        handled = await connection.fetch("select update_id from handled_updates")
    assert len(handled) == len(telegram_server.updates.all)
