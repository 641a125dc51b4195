"""Listening on Discord: registration, permissions, and what stops it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route
from structlog.testing import capture_logs

from bot.discord import STATE, DiscordListener
from bot.discord_endpoints import use_endpoints
from core.errors import ChannelRefused
from core.model.alerts import Channel, Target
from tests.support.chat_clients import discord_client
from tests.support.chat_desk import ChatRows, FactRows, make_commands
from tests.support.discord_server import DiscordServer, discord_fault

pytestmark = pytest.mark.asyncio

ANN = 900_000_000_000_000_007
BOSS = 900_000_000_000_000_008


@dataclass
class Desk:
    chats: ChatRows
    client: discord.Client
    task: asyncio.Task[None]


@asynccontextmanager
async def listening(server: DiscordServer, facts: FactRows | None = None) -> AsyncIterator[Desk]:
    commands, chats, rows, _ = make_commands()
    rows = facts or rows
    chats.let_in(Target(Channel.DISCORD, str(server.direct_channel(ANN).id)))
    chats.let_in(Target(Channel.DISCORD, str(server.channel_id)))

    async def keep(key: str, value: str) -> None:
        rows.state_rows[key] = value

    async with discord_client(server) as client:
        task = asyncio.create_task(DiscordListener(client, commands, rows.state, keep).run())
        try:
            await server.wait_for(lambda: server.commands or task.done())
            yield Desk(chats, client, task)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, ChannelRefused):
                await task


async def test_commands_are_registered_only_when_their_definition_changed(
    discord_server: DiscordServer,
) -> None:
    facts = FactRows()
    for _ in range(2):
        async with listening(discord_server, facts):
            assert "Commands" in (await discord_server.command(ANN, "help")).text
    assert len([one for one in discord_server.calls if one.method == "PUT"]) == 1
    facts.state_rows[STATE] = "another definition"
    async with listening(discord_server, facts):
        await discord_server.wait_for(lambda: facts.state_rows[STATE] != "another definition")
    assert len([one for one in discord_server.calls if one.method == "PUT"]) == 2


async def test_options_come_from_the_one_list(discord_server: DiscordServer) -> None:
    async with listening(discord_server):
        losers = next(one for one in discord_server.commands if one["name"] == "losers")
        assert [(one["name"], one.get("required", False)) for one in losers["options"]] == [
            ("n", False),
            ("coin", False),
            ("by", False),
        ]
        by = losers["options"][-1]
        assert [one["value"] for one in by["choices"]] == ["badness", "pnl", "loss", "winrate", "markout"]
        trader = next(one for one in discord_server.commands if one["name"] == "trader")
        assert trader["options"][0]["required"]


async def test_failing_registration_is_a_warning_and_is_tried_again(discord_server: DiscordServer) -> None:
    facts = FactRows()
    async with listening(discord_server, facts):
        await discord_server.wait_for(lambda: facts.state_rows.get(STATE))
    kept = facts.state_rows.pop(STATE)
    discord_server.fail(
        discord_fault(400, 30034, "Max number of daily application command creates"), route="put_commands"
    )
    with capture_logs() as logs:
        async with listening(discord_server, facts):
            assert "Commands" in (await discord_server.command(ANN, "help")).text
    assert "discord's commands not registered" in str(logs)
    assert STATE not in facts.state_rows
    async with listening(discord_server, facts):
        await discord_server.wait_for(lambda: facts.state_rows.get(STATE) == kept)


async def test_answers_are_deferred_and_mention_nobody(discord_server: DiscordServer) -> None:
    async with listening(discord_server):
        await discord_server.command(ANN, "losers")
    [first] = discord_server.calls_of("callback")
    assert first.payload["type"] == 5
    follow_up = next(one for one in discord_server.calls if "/webhooks/" in one.path)
    assert follow_up.payload["allowed_mentions"] == {"parse": []}


async def test_server_settings_are_hidden_from_others_and_refused_again(
    discord_server: DiscordServer,
) -> None:
    discord_server.add_user(BOSS, is_administrator=True)
    async with listening(discord_server) as desk:
        place = discord_server.channel_id
        with pytest.raises(AssertionError, match="subscribe"):
            await discord_server.command(ANN, "subscribe", {"coins": "BTC"}, place)
        refused = await discord_server.command(ANN, "subscribe", {"coins": "BTC"}, place, forced=True)
        assert "only its administrators" in refused.text
        done = await discord_server.command(BOSS, "subscribe", {"coins": "BTC"}, place)
        assert "Subscribed." in done.text
        assert desk.chats.rows[Target(Channel.DISCORD, str(place))].subscriptions


async def test_lost_gateway_comes_back_by_itself(discord_server: DiscordServer) -> None:
    async with listening(discord_server):
        await discord_server.command(ANN, "help")
        await discord_server.gateway.close(4000)
        assert "Commands" in (await discord_server.command(ANN, "help")).text


async def test_refused_token_stops_the_listener(discord_server: DiscordServer) -> None:
    async with listening(discord_server) as desk:
        await discord_server.command(ANN, "help")
        await discord_server.gateway.close(4004)
        with pytest.raises(ChannelRefused, match="4004"):
            await asyncio.wait_for(desk.task, 10)


async def test_fault_in_one_command_is_logged_and_the_next_is_answered(
    discord_server: DiscordServer,
) -> None:
    async with listening(discord_server) as desk:
        desk.chats.failure = ZeroDivisionError("a fault of ours")
        with capture_logs() as logs:
            await discord_server.invoke(ANN, "help")
            await discord_server.wait_for(lambda: "discord command failed" in str(logs) or None, 1.0)
        desk.chats.failure = None
        assert "Commands" in (await discord_server.command(ANN, "help")).text


async def test_late_answer_is_only_a_warning(discord_server: DiscordServer) -> None:
    async with listening(discord_server):
        discord_server.fail(discord_fault(404, 10062, "Unknown interaction"), route="callback")
        with capture_logs() as logs:
            await discord_server.invoke(ANN, "help")
            await discord_server.command(ANN, "help")
    assert [one["event"] for one in logs if one["log_level"] in ("warning", "error")] == [
        "discord command not answered"
    ]


async def test_endpoints_are_what_the_library_uses() -> None:
    before = Route.BASE, str(DiscordWebSocket.DEFAULT_GATEWAY)
    assert before == ("https://discord.com/api/v10", "wss://gateway.discord.gg/")
    try:
        use_endpoints("http://127.0.0.1:1/api/v10/", "ws://127.0.0.1:1/gw/")
        assert Route("GET", "/users/@me").url == "http://127.0.0.1:1/api/v10/users/@me"
        assert str(DiscordWebSocket.DEFAULT_GATEWAY) == "ws://127.0.0.1:1/gw/"
    finally:
        use_endpoints(*before)
