"""Who owns a database: one process, one exchange; what `status` says of it while it lives and after."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from exchange.simulated import SimulatedExchange, SimulationConfig
from storage.database import Database
from storage.reader import Reader
from tests.support.command_line import run_command
from tests.support.discord_server import DiscordServer
from tests.support.program import data_folder, processes_of, program
from tests.support.telegram_server import TelegramServer

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(300)]

ANN = 7


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[SimulatedExchange]:
    async with SimulatedExchange(SimulationConfig(accounts=150, weight_per_minute=200_000)) as started:
        yield started


def settings_for(exchange: SimulatedExchange, dsn: str, weight: int = 100_000) -> dict[str, str]:
    return {
        "HYPERFADE_DATABASE_URL": dsn,
        "HYPERFADE_EXCHANGE_URL": exchange.url,
        "HYPERFADE_EXCHANGE_WS_URL": exchange.ws_url,
        "HYPERFADE_LEADERBOARD_URL": exchange.leaderboard_url,
        "HYPERFADE_WEIGHT_PER_MINUTE": str(weight),
        "HYPERFADE_CANDIDATES": "60",
        "HYPERFADE_SAMPLE": "5",
        "HYPERFADE_PLACEBO": "0",
    }


async def test_a_database_has_one_process_and_one_exchange(
    tmp_path: Path, database_dsn: str, exchange: SimulatedExchange
) -> None:
    settings = settings_for(exchange, database_dsn)
    async with program(tmp_path, "run", **settings) as first:
        await first.says("of the leaderboard to read")
        second = await run_command(tmp_path, "run", **settings)
        assert second.code == 1
        [line] = second.err.splitlines()
        assert "another Hyperfade process" in line
        assert f":{first.process.pid})" in line
        assert "HYPERFADE_DATABASE_URL" in line
        assert first.process.returncode is None
        await first.kill()
    async with program(tmp_path, "run", **settings) as third:
        await third.says("of the leaderboard to read")
        assert await third.interrupt() == 0
    elsewhere = await run_command(
        tmp_path, "run", **{**settings, "HYPERFADE_EXCHANGE_URL": "http://127.0.0.1:1"}
    )
    assert elsewhere.code == 2
    [line] = elsewhere.err.splitlines()
    assert exchange.url in line
    assert "use another HYPERFADE_HOME or HYPERFADE_DATABASE_URL" in line
    doctor = await run_command(
        tmp_path, "doctor", **{**settings, "HYPERFADE_EXCHANGE_URL": "http://127.0.0.1:1"}
    )
    assert exchange.url in doctor.out


async def test_status_while_it_reads_after_it_stopped_and_after_it_was_killed(
    tmp_path: Path, database: Database, database_dsn: str, exchange: SimulatedExchange
) -> None:
    settings = settings_for(exchange, database_dsn, weight=1_000)

    async def status() -> Any:
        asked = await run_command(tmp_path, "status", "--json", **settings)
        assert (asked.code, asked.err) == (0, "")
        return json.loads(asked.out)

    assert (await status())["running"] is False
    assert "Never run" in (await run_command(tmp_path, "status", **settings)).out
    async with program(tmp_path, "run", **settings) as reading:
        await reading.says("of the leaderboard to read")
        async with asyncio.timeout(60):
            while (now := await status())["reading"] is None:
                assert now["running"] is True
        assert 0 < now["reading"]["done"] < now["reading"]["total"] == 65
        assert await reading.interrupt() == 0
    after = await status()
    assert (after["running"], after["reading"]) == (False, None)
    assert after["last_seen"] > now["last_seen"]
    async with program(tmp_path, "run", **settings) as killed:
        await killed.says("of the leaderboard to read")
        assert (await status())["running"] is True
        await killed.kill()
    # Three minutes later.
    alive = await Reader(database).state("alive_ms")
    assert alive is not None
    await Reader(database).set_state("alive_ms", str(int(alive) - 180_000))
    async with database.connection() as connection:
        await connection.execute("delete from state where key = 'stopped_ms'")
    text = (await run_command(tmp_path, "status", **settings)).out
    assert "Stopped (last seen 3 min" in text


async def test_a_demo_leaves_database_and_chats_alone(
    database: Database, database_dsn: str, telegram_server: TelegramServer, discord_server: DiscordServer
) -> None:
    settings = {
        "HYPERFADE_DATABASE_URL": database_dsn,
        "HYPERFADE_TELEGRAM_TOKEN": telegram_server.token,
        "HYPERFADE_TELEGRAM_BASE_URL": telegram_server.base_url,
        "HYPERFADE_DISCORD_TOKEN": discord_server.token,
        "HYPERFADE_DISCORD_API_URL": discord_server.api_url,
        "HYPERFADE_DISCORD_GATEWAY_URL": str(discord_server.gateway_url),
    }
    with data_folder() as folder:
        async with program(folder, "demo", "--seed", "8", **settings) as started:
            hint = await started.says("hyperfade losers (or status")
            await started.says("HYPERFADE_DATABASE_URL isn't used")
            await started.says("HYPERFADE_TELEGRAM_TOKEN and HYPERFADE_DISCORD_TOKEN not used")
            await started.says("losers listed of")
            named = hint.split("'")[1]
            shown = await run_command(
                folder, "status", "--json", **{**settings, "HYPERFADE_DATABASE_URL": named}
            )
            assert json.loads(shown.out)["running"] is True
            assert await started.interrupt() == 0
            assert (folder / "home" / "demo-8" / "postgres").is_dir()
        assert processes_of(folder) == []
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from traders") == 0
        assert await connection.fetchval("select count(*) from state where key = 'origin'") == 0
    assert telegram_server.calls == []
    assert discord_server.calls == []


async def test_a_demo_that_is_to_tell_the_chats_marks_what_it_says(telegram_server: TelegramServer) -> None:
    settings = {
        "HYPERFADE_TELEGRAM_TOKEN": telegram_server.token,
        "HYPERFADE_TELEGRAM_BASE_URL": telegram_server.base_url,
        "HYPERFADE_OWNERS": f"telegram:{ANN}",
    }
    with data_folder() as folder:
        async with program(folder, "demo", "--to-chats", **settings) as started:
            await started.says("losers listed of")
            subscribed = await telegram_server.ask(ANN, "/subscribe all")
            assert subscribed.text.startswith("DEMO: ")
            alerts = await telegram_server.wait_for(
                lambda: [one for one in telegram_server.messages(ANN) if "Consider " in one.text], 60.0
            )
            assert all(one.text.startswith("DEMO: everything here is made up") for one in alerts)
            assert await started.interrupt() == 0
        async with program(folder, "demo") as again:
            await again.says("Each demo begins anew")
            await again.says("of the leaderboard to read")
            shown = await run_command(
                folder, "performance", "--json", HYPERFADE_HOME=str(folder / "home" / "demo")
            )
            assert json.loads(shown.out)["published"] == 0
            assert await again.interrupt() == 0
