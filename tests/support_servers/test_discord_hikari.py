"""The loopback Discord server, judged by a second client library: hikari, unchanged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import hikari
import pytest
import pytest_asyncio
from hikari.impl import GatewayBot

from tests.support.discord_departures import add_thread, delete_channel, leave_guild
from tests.support.discord_server import DiscordServer, rate_limited

pytestmark = pytest.mark.asyncio

ALICE = 900_000_000_000_000_001
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


@pytest_asyncio.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        server.add_user(ALICE, "alice")
        yield server


def buttons(bot: GatewayBot) -> hikari.api.MessageActionRowBuilder:
    row = bot.rest.build_message_action_row()
    row.add_interactive_button(hikari.ButtonStyle.SECONDARY, "=page 2", label="Next")
    row.add_interactive_button(hikari.ButtonStyle.SECONDARY, "+page 3", label="More")
    return row


async def on_interaction(event: hikari.InteractionCreateEvent) -> None:
    """Answer as a bot of that library would: by every kind of first answer and what may follow."""
    interaction = event.interaction
    bot = event.app
    assert isinstance(bot, GatewayBot)
    if isinstance(interaction, hikari.AutocompleteInteraction):
        typed = str(interaction.options[0].value)
        coins = [coin for coin in ("BTC", "BNB", "ETH") if coin.startswith(typed)]
        await interaction.create_response(
            [hikari.impl.AutocompleteChoiceBuilder(name=coin, value=coin) for coin in coins]
        )
    elif isinstance(interaction, hikari.CommandInteraction) and interaction.command_name == "losers":
        await interaction.create_initial_response(
            hikari.ResponseType.MESSAGE_CREATE, "losers", component=buttons(bot)
        )
    elif isinstance(interaction, hikari.CommandInteraction):
        await interaction.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_CREATE)
        await interaction.edit_initial_response("drawn", attachment=hikari.Bytes(PNG, "chart.png"))
        await interaction.execute("second", flags=hikari.MessageFlag.EPHEMERAL)
    elif isinstance(interaction, hikari.ComponentInteraction) and interaction.custom_id == "=page 2":
        await interaction.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_UPDATE)
        await interaction.edit_initial_response("page 2", components=[])
    elif isinstance(interaction, hikari.ComponentInteraction):
        await interaction.create_initial_response(
            hikari.ResponseType.MESSAGE_UPDATE, f"at once by {interaction.user.username}"
        )


@asynccontextmanager
async def running(server: DiscordServer) -> AsyncIterator[GatewayBot]:
    bot = GatewayBot(
        server.token,
        rest_url=server.api_url,
        intents=hikari.Intents.GUILDS | hikari.Intents.ALL_MESSAGES,
        banner=None,
        logs=None,
        suppress_optimization_warning=True,
    )
    bot.event_manager.subscribe(hikari.InteractionCreateEvent, on_interaction)
    await bot.start(check_for_updates=False)
    try:
        losers = bot.rest.slash_command_builder("losers", "Who loses")
        losers.add_option(
            hikari.CommandOption(
                type=hikari.OptionType.STRING, name="coin", description="a coin", autocomplete=True
            )
        )
        await bot.rest.set_application_commands(
            server.application_id, [losers, bot.rest.slash_command_builder("chart", "Draw")]
        )
        await server.gateway.wait_connected()
        yield bot
    finally:
        await bot.close()


async def test_it_connects_registers_and_knows_where_it_is(server: DiscordServer) -> None:
    async with running(server) as bot:
        me = bot.get_me()
        assert me is not None
        assert (me.id, me.username) == (server.bot.id, server.bot.name)
        application = await bot.rest.fetch_application()
        assert application.id == server.application_id
        await server.wait_for(lambda: bot.cache.get_guild_channel(server.channel_id))
        guild = bot.cache.get_guild(server.guild_id)
        assert guild is not None
        assert guild.name == "Desk"
        assert sorted(command["name"] for command in server.commands) == ["chart", "losers"]
        fetched = await bot.rest.fetch_application_commands(server.application_id)
        assert sorted(command.name for command in fetched) == ["chart", "losers"]


async def test_commands_completion_and_buttons(server: DiscordServer) -> None:
    async with running(server):
        choices = await server.autocomplete(ALICE, "losers", "coin", "B", channel_id=server.channel_id)
        assert [choice["value"] for choice in choices] == ["BTC", "BNB"]
        for channel_id in (server.channel_id, None):
            page = await server.command(ALICE, "losers", {"coin": "BTC"}, channel_id)
            assert (page.content, [one["label"] for one in page.buttons]) == ("losers", ["Next", "More"])
            assert await server.press(page, "+page 3", ALICE) is page
            assert page.content == "at once by alice"
            assert await server.press(page, "=page 2", ALICE) is page
            assert (page.content, page.buttons) == ("page 2", [])


async def test_deferred_answer_with_a_file_and_a_follow_up(server: DiscordServer) -> None:
    async with running(server):
        drawn = await server.command(ALICE, "chart")
        assert (drawn.content, [(one.name, one.data) for one in drawn.files]) == (
            "drawn",
            [("chart.png", PNG)],
        )
        interaction = list(server.interactions.values())[-1]
        [second] = await server.wait_for(lambda: interaction.followups)
        assert (second.content, second.is_ephemeral) == ("second", True)


async def test_messages_are_sent_answered_edited_and_deleted(server: DiscordServer) -> None:
    async with running(server) as bot:
        seen: asyncio.Queue[str | None] = asyncio.Queue()

        async def on_message(event: hikari.MessageCreateEvent) -> None:
            seen.put_nowait(event.message.content)

        bot.event_manager.subscribe(hikari.MessageCreateEvent, on_message)
        entry = await bot.rest.create_message(
            server.channel_id,
            "entry",
            component=buttons(bot),
            flags=hikari.MessageFlag.SUPPRESS_NOTIFICATIONS,
        )
        leave = await bot.rest.create_message(
            server.channel_id, "exit", reply=entry, attachment=hikari.Bytes(PNG, "chart.png")
        )
        assert leave.message_reference is not None
        assert leave.message_reference.id == entry.id
        assert [one.filename for one in leave.attachments] == ["chart.png"]
        edited = await bot.rest.edit_message(server.channel_id, entry.id, "entry, over", components=[])
        assert (edited.content, edited.edited_timestamp is not None) == ("entry, over", True)
        shown = server.channel_messages(server.channel_id)
        assert [one.content for one in shown] == ["entry, over", "exit"]
        assert shown[0].now.flags == 1 << 12
        assert [await asyncio.wait_for(seen.get(), 5) for _ in shown] == ["entry", "exit"]
        await bot.rest.delete_message(server.channel_id, leave.id)
        with pytest.raises(hikari.NotFoundError) as missing:
            await bot.rest.edit_message(server.channel_id, leave.id, "x")
        assert missing.value.code == 10008
        direct = await bot.rest.create_dm_channel(ALICE)
        await direct.send("psst")
        assert [one.content for one in server.direct_messages(ALICE)] == ["psst"]


async def test_refusals_are_its_own_errors_with_their_codes(server: DiscordServer) -> None:
    async with running(server) as bot:
        server.deny(server.channel_id, "send")
        with pytest.raises(hikari.ForbiddenError) as forbidden:
            await bot.rest.create_message(server.channel_id, "x")
        assert forbidden.value.code == 50013
        server.deny(server.channel_id, "")
        with pytest.raises(hikari.BadRequestError) as long:
            await bot.rest.create_message(server.channel_id, "x" * 2001)
        assert long.value.code == 50035
        server.fail(rate_limited(0.01), route="create_message")
        await bot.rest.create_message(server.channel_id, "after a wait")
        assert len(server.calls_of("create_message")) == 4


async def test_places_that_go_are_told(server: DiscordServer) -> None:
    async with running(server) as bot:
        await server.wait_for(lambda: bot.cache.get_guild_channel(server.channel_id))
        gone: asyncio.Queue[int] = asyncio.Queue()

        async def on_channel(event: hikari.GuildChannelDeleteEvent) -> None:
            gone.put_nowait(event.channel_id)

        async def on_thread(event: hikari.GuildThreadDeleteEvent) -> None:
            gone.put_nowait(event.thread_id)

        async def on_guild(event: hikari.GuildLeaveEvent) -> None:
            gone.put_nowait(event.guild_id)

        for listener, kind in (
            (on_channel, hikari.GuildChannelDeleteEvent),
            (on_thread, hikari.GuildThreadDeleteEvent),
            (on_guild, hikari.GuildLeaveEvent),
        ):
            bot.event_manager.subscribe(kind, listener)
        await server.add_channel(77)
        await add_thread(server, 78, 77)
        await delete_channel(server, 78)
        await delete_channel(server, 77)
        await leave_guild(server, server.guild_id)
        assert [await asyncio.wait_for(gone.get(), 5) for _ in range(3)] == [78, 77, server.guild_id]


@pytest.mark.parametrize("how", ["op 7", "op 9", "4000", "cut"])
async def test_a_lost_connection_is_resumed(server: DiscordServer, how: str) -> None:
    async with running(server):
        session = await server.gateway.wait_connected()
        if how == "op 7":
            await server.gateway.ask_to_reconnect()
        elif how == "op 9":
            await server.gateway.invalidate(resumable=True)
        elif how == "cut":
            server.gateway.drop()
        else:
            await server.gateway.close(int(how))
        await server.wait_for(lambda: server.gateway.resumes, seconds=20)
        assert server.gateway.resumes[0]["session_id"] == session.id
        page = await server.command(ALICE, "losers")
        assert page.content == "losers"
        assert len(server.gateway.identifies) == 1


async def test_it_insists_on_its_encoding_and_gets_it(server: DiscordServer) -> None:
    async with running(server):
        assert server.gateway.connections[-1].compress in ("zlib-stream", "zstd-stream")
        assert (await server.command(ALICE, "losers")).content == "losers"
