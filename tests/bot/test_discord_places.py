"""Places on Discord that are gone, come back, or refuse."""

import pytest
from structlog.testing import capture_logs

from bot.discord_places import REMOVED
from core.errors import StorageError
from core.model.alerts import Channel, Target
from core.model.chats import Role
from tests.support.discord_departures import add_thread, delete_channel, leave_guild
from tests.support.discord_desk import DiscordDesk, discord_desk
from tests.support.discord_server import DiscordServer

pytestmark = pytest.mark.asyncio

ANN = 900_000_000_000_000_007
THREAD, OTHER, OTHER_GUILD = 71, 72, 73


def place(channel_id: int) -> Target:
    return Target(Channel.DISCORD, str(channel_id))


def reason(desk: DiscordDesk, channel_id: int) -> str | None:
    return desk.chats.rows[place(channel_id)].disabled_reason


async def settled(server: DiscordServer) -> None:
    """Wait until all events before were handled: they are, once a later command is answered."""
    await server.command(ANN, "help")
    await server.command(ANN, "help")


async def test_bot_needs_the_guilds_intent_only(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN):
        await discord_server.gateway.wait_connected()
    assert [one["intents"] for one in discord_server.gateway.identifies] == [1]


async def test_server_that_removes_the_bot_switches_all_its_chats_off(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN) as desk:
        await discord_server.add_channel(OTHER)
        await add_thread(discord_server, THREAD, discord_server.channel_id)
        await discord_server.add_guild(OTHER_GUILD)
        await discord_server.add_channel(74, guild_id=OTHER_GUILD)
        for channel_id in (OTHER, THREAD, 74):
            desk.chats.let_in(place(channel_id))
        await settled(discord_server)
        await leave_guild(discord_server, discord_server.guild_id)
        await settled(discord_server)
        gone = (discord_server.channel_id, OTHER, THREAD)
        assert [reason(desk, channel_id) for channel_id in gone] == [REMOVED] * 3
        direct = discord_server.direct_channel(ANN).id
        assert [reason(desk, channel_id) for channel_id in (74, direct)] == [None, None]
        assert len(desk.chats.rows) == 5


async def test_server_that_invites_the_bot_again_gets_alerts_again(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN) as desk:
        await discord_server.add_guild(OTHER_GUILD)
        await discord_server.add_channel(74, guild_id=OTHER_GUILD)
        await discord_server.add_channel(75, guild_id=OTHER_GUILD)
        desk.chats.let_in(place(74))
        desk.chats.let_in(place(75))
        await settled(discord_server)
        await leave_guild(discord_server, OTHER_GUILD)
        await settled(discord_server)
        await desk.chats.switch_off(place(75), "no permission to write")
        await discord_server.add_guild(OTHER_GUILD)
        await settled(discord_server)
        assert reason(desk, 74) is None
        assert reason(desk, 75) == "no permission to write"


async def test_outage_of_a_server_switches_nothing_off(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN) as desk:
        await settled(discord_server)
        await leave_guild(discord_server, discord_server.guild_id, is_outage=True)
        await settled(discord_server)
        assert reason(desk, discord_server.channel_id) is None


async def test_deleted_channel_is_switched_off_with_its_threads(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN) as desk:
        await discord_server.add_channel(OTHER)
        await add_thread(discord_server, THREAD, OTHER)
        for channel_id in (OTHER, THREAD):
            desk.chats.let_in(place(channel_id))
        await settled(discord_server)
        await delete_channel(discord_server, OTHER)
        await settled(discord_server)
        assert reason(desk, OTHER) == "the channel was deleted"
        assert reason(desk, THREAD) == "the thread was deleted"
        assert reason(desk, discord_server.channel_id) is None


async def test_thread_is_a_chat_of_its_own_and_its_end_is_noticed(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN) as desk:
        await add_thread(discord_server, THREAD, discord_server.channel_id)
        desk.chats.let_in(place(THREAD))
        answer = await discord_server.command(ANN, "whoami", channel_id=THREAD)
        assert f"discord:{THREAD}" in answer.text
        await delete_channel(discord_server, THREAD)
        await settled(discord_server)
        assert reason(desk, THREAD) == "the thread was deleted"


async def test_database_that_is_down_at_that_moment_is_one_line(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN) as desk:
        await settled(discord_server)
        desk.chats.failure = StorageError("the database is down")
        with capture_logs() as logs:
            await leave_guild(discord_server, discord_server.guild_id)
            await discord_server.add_guild(discord_server.guild_id)
            await discord_server.invoke(ANN, "help")
            await discord_server.command(ANN, "help")
        desk.chats.failure = None
        assert reason(desk, discord_server.channel_id) is None
    events = [one["event"] for one in logs if one["event"].startswith("discord")]
    assert events == ["discord channel not switched off", "discord server not noted"]


async def test_thread_comes_with_its_channel_by_command_and_by_press(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN) as desk:
        await discord_server.add_channel(OTHER)
        await add_thread(discord_server, THREAD, discord_server.channel_id)
        await add_thread(discord_server, 75, OTHER)
        page = await discord_server.command(ANN, "losers", channel_id=THREAD)
        assert "The most reliable losers" in page.text
        assert desk.chats.rows[place(THREAD)].role is Role.MEMBER
        assert desk.chats.places[place(THREAD)] == place(discord_server.channel_id)
        del desk.chats.rows[place(THREAD)]
        assert (await discord_server.press(page, "=losers 15 by pnl", ANN)).text.count("by pnl")

        assert "private bot" in (await discord_server.command(ANN, "help", channel_id=75)).text
        desk.chats.let_in(place(OTHER), Role.DECLINED)
        assert "nothing to say" in (await discord_server.command(ANN, "start", channel_id=75)).text
        assert place(75) not in desk.chats.rows
