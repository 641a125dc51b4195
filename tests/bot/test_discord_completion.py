"""Completion on Discord: offered while one types, in time, or not at all."""

import asyncio

import pytest
from structlog.testing import capture_logs

from core.errors import StorageError
from core.model.alerts import Channel, Target
from core.model.chats import Role
from core.model.market import Coin, CoinSpec
from tests.support import faults
from tests.support.chat_facts import LOSER
from tests.support.discord_desk import discord_desk
from tests.support.discord_server import DiscordServer, discord_fault

pytestmark = pytest.mark.asyncio

ANN = 900_000_000_000_000_007


async def test_coins_and_traders_are_offered_and_can_be_sent(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN):
        coins = await discord_server.autocomplete(ANN, "crowd", "coin", "e")
        assert [one["value"] for one in coins] == ["ETH", "kPEPE"]
        traders = await discord_server.autocomplete(ANN, "trader", "who", "#7")
        assert [one["value"] for one in traders] == [LOSER]
        card = await discord_server.command(ANN, "trader", {"who": traders[0]["value"]})
        assert "0x12ab…34ef" in card.text
        several = await discord_server.autocomplete(ANN, "subscribe", "coins", "BTC e")
        assert [one["value"] for one in several] == ["BTC ETH", "BTC kPEPE"]
    answered = [one.payload["type"] for one in discord_server.calls_of("callback")]
    assert answered.count(8) == 3


async def test_a_thousand_coins_are_offered_as_twenty_five(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN) as desk:

        async def many() -> list[CoinSpec]:
            return [
                CoinSpec(Coin(f"C{number:04}" + "X" * 120 * (number == 1)), 3, 50) for number in range(1000)
            ]

        desk.facts.coins = many  # type: ignore[method-assign]  # rows of the test
        offered = await discord_server.autocomplete(ANN, "crowd", "coin", "c")
    assert len(offered) == 25
    assert offered[1]["value"] == "C0002"


async def test_strangers_are_offered_nothing(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN) as desk:
        assert await discord_server.autocomplete(8, "crowd", "coin", "") == []
        desk.chats.let_in(Target(Channel.DISCORD, str(discord_server.direct_channel(8).id)), Role.PENDING)
        assert await discord_server.autocomplete(8, "trader", "who", "") == []


async def test_slow_database_gives_an_empty_list_in_time(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN, within_s=0.05) as desk:

        async def never() -> list[CoinSpec]:
            await asyncio.Event().wait()
            return []

        desk.facts.coins = never  # type: ignore[method-assign]  # rows of the test
        assert await discord_server.autocomplete(ANN, "crowd", "coin", "B") == []
        desk.chats.failure = StorageError("the database is down")
        assert await discord_server.autocomplete(ANN, "crowd", "coin", "B") == []


@pytest.mark.parametrize(
    "fault",
    [
        discord_fault(404, 10062, "Unknown interaction"),
        discord_fault(400, 40060, "Interaction has already been acknowledged."),
        faults.close(),
    ],
    ids=["too late", "twice", "cut"],
)
async def test_completion_that_comes_too_late_is_one_line(
    discord_server: DiscordServer, fault: faults.Fault, caplog: pytest.LogCaptureFixture
) -> None:
    async with discord_desk(discord_server, ANN):
        discord_server.fail(fault, route="callback")
        with capture_logs() as logs, pytest.raises(AssertionError, match="nothing came"):
            await discord_server.autocomplete(ANN, "crowd", "coin", "B", seconds=0.3)
        assert [one["value"] for one in await discord_server.autocomplete(ANN, "crowd", "coin", "B")] == [
            "BTC"
        ]
    assert [one["event"] for one in logs] == ["discord completion not answered"]
    assert "Traceback" not in caplog.text


async def test_completion_of_an_option_of_an_older_version_is_empty(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN):
        crowd = next(one for one in discord_server.global_commands if one["name"] == "crowd")
        crowd["options"].append({"name": "gone", "type": 3, "description": "old", "autocomplete": True})
        assert await discord_server.autocomplete(ANN, "crowd", "gone", "B") == []
