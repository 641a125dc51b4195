"""Listening on Discord: registration, permissions, and what stops it."""

import asyncio

import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route
from structlog.testing import capture_logs

from bot.discord_endpoints import use_endpoints
from bot.discord_slash import STATE
from bot.requests import Argument, Command, Reply, Request
from core.errors import ChannelRefused
from core.model.alerts import Channel, Target
from core.model.chats import Chat, Role
from tests.support.chat_desk import FactRows
from tests.support.discord_desk import discord_desk
from tests.support.discord_interactions import COMMAND, Interaction
from tests.support.discord_server import DiscordServer, discord_fault

pytestmark = pytest.mark.asyncio

ANN = 900_000_000_000_000_007
BOSS = 900_000_000_000_000_008


async def test_commands_are_registered_only_when_their_definition_changed(
    discord_server: DiscordServer,
) -> None:
    facts = FactRows()
    for _ in range(2):
        async with discord_desk(discord_server, ANN, facts=facts):
            assert "Commands" in (await discord_server.command(ANN, "help")).text
    assert len([one for one in discord_server.calls if one.method == "PUT"]) == 1
    facts.state_rows[STATE] = "another definition"
    async with discord_desk(discord_server, ANN, facts=facts):
        await discord_server.wait_for(lambda: facts.state_rows[STATE] != "another definition")
    assert len([one for one in discord_server.calls if one.method == "PUT"]) == 2


async def nothing(request: Request, chat: Chat) -> Reply:
    return Reply("nothing")


async def test_another_completion_or_option_is_another_definition(discord_server: DiscordServer) -> None:
    facts = FactRows()
    versions: list[tuple[Argument, ...]] = [
        (),
        (Argument("coin", "a coin"),),
        (Argument("coin", "a coin", suggest="coin"),),
        (Argument("coin", "a coin", suggest="coin"), Argument("by", "sort", choices=("pnl", "loss"))),
        (Argument("coin", "a coin", suggest="coin"), Argument("by", "sort", choices=("pnl", "loss"))),
    ]
    for arguments in versions:
        one = Command("losers", "who loses", nothing, arguments)
        async with discord_desk(discord_server, ANN, facts=facts, extra=(one,)):
            await discord_server.command(ANN, "losers")
    assert len(discord_server.calls_of("put_commands")) == 4
    [losers] = [one for one in discord_server.commands if one["name"] == "losers"]
    assert [one.get("autocomplete", False) for one in losers["options"]] == [True, False]


async def test_options_come_from_the_one_list(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN):
        losers = next(one for one in discord_server.commands if one["name"] == "losers")
        assert [(one["name"], one.get("required", False)) for one in losers["options"]] == [
            ("n", False),
            ("coin", False),
            ("by", False),
            ("place", False),
        ]
        by = losers["options"][2]
        assert [one["value"] for one in by["choices"]] == ["badness", "pnl", "loss", "winrate", "markout"]
        trader = next(one for one in discord_server.commands if one["name"] == "trader")
        assert trader["options"][0]["required"]


async def test_failing_registration_is_a_warning_and_is_tried_again(discord_server: DiscordServer) -> None:
    facts = FactRows()
    async with discord_desk(discord_server, ANN, facts=facts):
        await discord_server.wait_for(lambda: facts.state_rows.get(STATE))
    kept = facts.state_rows.pop(STATE)
    discord_server.fail(
        discord_fault(400, 30034, "Max number of daily application command creates"), route="put_commands"
    )
    with capture_logs() as logs:
        async with discord_desk(discord_server, ANN, facts=facts):
            assert "Commands" in (await discord_server.command(ANN, "help")).text
    assert "discord's commands not registered" in str(logs)
    assert STATE not in facts.state_rows
    async with discord_desk(discord_server, ANN, facts=facts):
        await discord_server.wait_for(lambda: facts.state_rows.get(STATE) == kept)


async def test_answers_are_deferred_and_mention_nobody(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN):
        await discord_server.command(ANN, "losers")
    [first] = discord_server.calls_of("callback")
    assert first.payload["type"] == 5
    follow_up = next(one for one in discord_server.calls if "/webhooks/" in one.path)
    assert follow_up.payload["allowed_mentions"] == {"parse": []}


async def test_server_settings_are_hidden_from_others_and_refused_again(
    discord_server: DiscordServer,
) -> None:
    discord_server.add_user(BOSS, is_administrator=True)
    async with discord_desk(discord_server, ANN) as desk:
        place = discord_server.channel_id
        with pytest.raises(AssertionError, match="subscribe"):
            await discord_server.command(ANN, "subscribe", {"coins": "BTC"}, place)
        refused = await discord_server.command(ANN, "subscribe", {"coins": "BTC"}, place, forced=True)
        assert "only its administrators" in refused.text
        done = await discord_server.command(BOSS, "subscribe", {"coins": "BTC"}, place)
        assert "Subscribed." in done.text
        assert desk.chats.rows[Target(Channel.DISCORD, str(place))].subscriptions


async def test_a_conversation_of_several_people_is_nobodys_own(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN) as desk:
        place = discord_server.direct_channel(ANN)
        desk.chats.let_in(Target(Channel.DISCORD, str(place.id)), Role.OWNER)
        assert "Nobody waits" in (await discord_server.command(ANN, "pending")).text
        place.is_shared = True
        assert "only its administrators" in (await discord_server.command(ANN, "pending")).text


@pytest.mark.parametrize("how", ["op 7", "op 9 resumable", "op 9", "4000", "1001", "cut"])
async def test_lost_gateway_comes_back_by_itself(discord_server: DiscordServer, how: str) -> None:
    gateway = discord_server.gateway
    async with discord_desk(discord_server, ANN) as desk:
        desk.client.before_identify_hook = at_once  # type: ignore[method-assign]  # not the platform's 5 s
        await gateway.wait_connected()
        if how == "op 7":
            await gateway.ask_to_reconnect()
        elif how.startswith("op 9"):
            await gateway.invalidate(resumable=how.endswith("resumable"))
        elif how == "cut":
            gateway.drop()
        else:
            await gateway.close(int(how))
        is_new = how == "op 9"
        await discord_server.wait_for(lambda: gateway.identifies[1:] if is_new else gateway.resumes, 20)
        answer = await discord_server.command(ANN, "help")
        assert "Commands" in answer.text
        # What was heard again after resuming isn't answered again.
        assert len(discord_server.calls_of("callback")) == 1
        assert len(gateway.identifies) == 1 + is_new


async def at_once(shard_id: int | None, *, initial: bool = False) -> None:
    """Identify without waiting."""


async def test_command_given_during_an_outage_is_answered_once(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN):
        session = await discord_server.gateway.wait_connected()
        first = await discord_server.command(ANN, "help")
        discord_server.gateway.drop()
        await discord_server.wait_for(lambda: session.connection is None)
        # Sent while nobody is connected: the session keeps it.
        found = next(one for one in discord_server.commands if one["name"] == "status")
        data = {"id": found["id"], "name": "status", "type": 1, "options": []}
        person, place = discord_server.users[ANN], discord_server.direct_channel(ANN)
        missed = Interaction(COMMAND, person, place, data, discord_server.time())
        discord_server.interactions[missed.id] = missed
        wire = missed.wire(discord_server.application_id)
        await discord_server.gateway.dispatch("INTERACTION_CREATE", wire)
        answer = await discord_server.answer_to(missed, seconds=20)
        assert answer is not first
        assert discord_server.direct_messages(ANN) == [first, answer]


async def test_refused_token_stops_the_listener(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN) as desk:
        await discord_server.command(ANN, "help")
        await discord_server.gateway.close(4004)
        with pytest.raises(ChannelRefused, match="4004"):
            await asyncio.wait_for(desk.task, 10)


async def test_fault_in_one_command_is_logged_and_the_next_is_answered(
    discord_server: DiscordServer,
) -> None:
    async with discord_desk(discord_server, ANN) as desk:
        desk.chats.failure = ZeroDivisionError("a fault of ours")
        with capture_logs() as logs:
            await discord_server.invoke(ANN, "help")
            await discord_server.wait_for(lambda: "discord command failed" in str(logs) or None, 1.0)
        desk.chats.failure = None
        assert "Commands" in (await discord_server.command(ANN, "help")).text


async def test_late_answer_is_only_a_warning(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN):
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
