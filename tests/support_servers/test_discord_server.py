"""The loopback Discord server, judged by the real discord.py."""

import asyncio
import importlib.util
import io
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
import pytest
import pytest_asyncio
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.support import faults
from tests.support.discord_server import DiscordServer, banned, discord_fault, rate_limited

pytestmark = pytest.mark.asyncio

ALICE = 900_000_000_000_000_001
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


class Pages(discord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Next", custom_id="page:2")
    async def turn(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        await interaction.response.edit_message(content="page 2", view=None)

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content="later page")

    @discord.ui.select(
        custom_id="coin", options=[discord.SelectOption(label="BTC"), discord.SelectOption(label="ETH")]
    )
    async def coin(self, interaction: discord.Interaction, select: discord.ui.Select[Any]) -> None:
        await interaction.response.send_message(f"chose {select.values[0]}", ephemeral=True)


class Client(discord.Client):
    def __init__(self, intents: discord.Intents | None = None) -> None:
        super().__init__(intents=intents or discord.Intents(guilds=True), guild_ready_timeout=0.0)
        self.tree = app_commands.CommandTree(self)
        self.is_up = asyncio.Event()
        self.resumed = asyncio.Event()
        self.failures: asyncio.Queue[app_commands.AppCommandError] = asyncio.Queue()
        self.tree.error(self.on_tree_error)
        add_commands(self.tree)

    async def setup_hook(self) -> None:
        self.add_view(Pages())
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Identify again without the five seconds that the platform demands."""

    async def on_ready(self) -> None:
        self.is_up.set()

    async def on_resumed(self) -> None:
        self.resumed.set()

    async def on_tree_error(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError
    ) -> None:
        self.failures.put_nowait(error)


def add_commands(tree: app_commands.CommandTree[Client]) -> None:
    @tree.command(name="losers", description="Who loses")
    async def losers(interaction: discord.Interaction, coin: str = "all", limit: int = 10) -> None:
        await interaction.response.send_message(f"{limit} losers of {coin}", view=Pages())

    @losers.autocomplete("coin")
    async def coins(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return [
            app_commands.Choice(name=coin, value=coin)
            for coin in ("BTC", "BNB", "ETH")
            if coin.startswith(typed)
        ]

    @tree.command(name="chart", description="Draw")
    async def chart(interaction: discord.Interaction) -> None:
        await interaction.response.defer(thinking=True)
        await interaction.followup.send("drawn", file=discord.File(io.BytesIO(PNG), "chart.png"))
        await interaction.followup.send("second", ephemeral=True)

    @tree.command(name="slow", description="Edit the deferred answer")
    async def slow(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        embed = discord.Embed(title="Slow", description="but sure").add_field(name="net", value="+3 bps")
        await interaction.edit_original_response(content="@everyone", embed=embed)

    watch = app_commands.Group(name="watch", description="Watch")

    @watch.command(name="add", description="Add")
    async def add(interaction: discord.Interaction, address: str) -> None:
        await interaction.response.send_message(f"watching {address}", ephemeral=True)

    tree.add_command(watch)


@pytest_asyncio.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        monkeypatch.setattr(Route, "BASE", server.api_url)
        monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", server.gateway_url)
        server.add_user(ALICE, "alice")
        yield server


@asynccontextmanager
async def running(server: DiscordServer, client: Client | None = None) -> AsyncIterator[Client]:
    client = client or Client()
    task = asyncio.create_task(client.start(server.token))
    try:
        await asyncio.wait(
            {task, asyncio.create_task(client.is_up.wait())}, timeout=5, return_when=asyncio.FIRST_COMPLETED
        )
        if task.done():
            await task
        yield client
    finally:
        await client.close()
        await asyncio.wait([task])


@asynccontextmanager
async def sender(server: DiscordServer) -> AsyncIterator[discord.PartialMessageable]:
    client = Client()
    await client.login(server.token)
    try:
        yield client.get_partial_messageable(server.channel_id)
    finally:
        await client.close()


async def test_login_ready_and_sync(server: DiscordServer) -> None:
    async with running(server) as client:
        assert client.user is not None
        assert (client.user.id, client.application_id) == (server.bot.id, server.application_id)
        guild = client.get_guild(server.guild_id)
        assert guild is not None
        assert [channel.name for channel in guild.text_channels] == ["alerts"]
        assert sorted(command["name"] for command in server.commands) == ["chart", "losers", "slow", "watch"]
        first = {command["name"]: command["id"] for command in server.commands}
        await client.tree.sync()
        assert {command["name"]: command["id"] for command in server.commands} == first
        assert len(await client.tree.fetch_commands()) == 4
    assert server.gateway.heartbeats >= 1


async def test_command_autocomplete_and_buttons_in_a_guild(server: DiscordServer) -> None:
    async with running(server):
        choices = await server.autocomplete(ALICE, "losers", "coin", "B", channel_id=server.channel_id)
        assert [choice["value"] for choice in choices] == ["BTC", "BNB"]
        page = await server.command(ALICE, "losers", {"coin": "BTC", "limit": 3}, server.channel_id)
        assert page.content == "3 losers of BTC"
        assert [button["label"] for button in page.buttons] == ["Next", "Later"]
        assert [component["id"] for component in page.all_components] == [1, 2, 3, 4, 5]
        chosen = await server.press(page, "coin", ALICE, values=["ETH"])
        assert (chosen.content, chosen.is_ephemeral) == ("chose ETH", True)
        assert await server.press(page, "later", ALICE) is page
        assert page.content == "later page"
        assert await server.press(page, "page:2", ALICE) is page
        assert ([version.content for version in page.versions], page.buttons) == (
            ["3 losers of BTC", "later page", "page 2"],
            [],
        )
        with pytest.raises(AssertionError, match="nothing to press"):
            await server.press(page, "page:2", ALICE)


async def test_persistent_buttons_work_for_a_client_that_came_later(server: DiscordServer) -> None:
    async with running(server):
        page = await server.command(ALICE, "losers")
    async with running(server):
        assert (await server.press(page, "page:2")).content == "page 2"


async def test_deferred_answers_are_filled_by_followup_or_edit(server: DiscordServer) -> None:
    async with running(server):
        drawn = await server.command(ALICE, "chart")
        assert (drawn.content, drawn.edits, [file.data for file in drawn.files]) == ("drawn", 0, [PNG])
        interaction = list(server.interactions.values())[-1]
        await server.wait_for(lambda: interaction.followups)
        assert [message.content for message in server.direct_messages(ALICE)] == ["drawn", "second"]
        async with (
            aiohttp.ClientSession() as session,
            session.get(drawn.wire()["attachments"][0]["url"]) as answer,
        ):
            assert await answer.read() == PNG
        slow = await server.command(ALICE, "slow")
        assert slow.text == "@everyone\nSlow\nbut sure\nnet\n+3 bps"
        assert slow.now.pings_everyone


async def test_subcommands_and_what_people_are_not_offered(server: DiscordServer) -> None:
    async with running(server):
        answer = await server.command(ALICE, "watch add", {"address": "0x1"})
        assert answer.content == "watching 0x1"
        for name, options, words in (
            ("nothing", {}, "no command /nothing"),
            ("losers", {"coins": "x"}, "no option 'coins'"),
            ("losers", {"limit": "x"}, "doesn't fit option type 4"),
            ("watch add", {}, r"requires \['address'\]"),
            ("watch drop", {}, "no subcommand 'drop'"),
        ):
            with pytest.raises(AssertionError, match=words):
                await server.command(ALICE, name, options)
        server.global_commands[0].update(default_member_permissions="8")
        hidden = server.global_commands[0]["name"]
        with pytest.raises(AssertionError, match="no command"):
            await server.invoke(ALICE, hidden, channel_id=server.channel_id)
        server.add_user(ALICE, is_administrator=True)
        await server.invoke(ALICE, hidden, channel_id=server.channel_id)


async def test_late_and_second_answers_are_refused(server: DiscordServer) -> None:
    async with running(server) as client:
        server.first_answer_seconds = -1.0
        await server.invoke(ALICE, "losers")
        failure = await asyncio.wait_for(client.failures.get(), 5)
        server.first_answer_seconds = 3.0
        assert isinstance(failure, app_commands.CommandInvokeError)
        assert isinstance(failure.original, discord.NotFound)
        assert failure.original.code == 10062
        interaction = await server.invoke(ALICE, "losers")
        await server.answer_to(interaction)
        url = f"{server.api_url}/interactions/{interaction.id}/{interaction.token}/callback"
        async with aiohttp.ClientSession() as session:
            async with session.post(url, json={"type": 4, "data": {"content": "x"}}) as again:
                assert (again.status, (await again.json())["code"]) == (400, 40060)
            async with session.post(url + "x", json={"type": 4}) as unknown:
                assert unknown.status == 404
            async with session.post(url, data="{") as broken:
                assert (broken.status, (await broken.json())["code"]) == (400, 50109)


@pytest.mark.parametrize("how", ["op 7", "op 9", "4000", "1001", "cut"])
async def test_a_lost_connection_is_resumed_and_what_was_missed_is_replayed(
    server: DiscordServer, how: str
) -> None:
    async with running(server) as client:
        session = await server.gateway.wait_connected()
        if how == "op 7":
            await server.gateway.ask_to_reconnect()
        elif how == "op 9":
            await server.gateway.invalidate(resumable=True)
        elif how == "cut":
            server.gateway.drop()
        else:
            await server.gateway.close(int(how))
        await server.wait_for(lambda: len(server.gateway.connections) == 2, seconds=20)
        asked = asyncio.create_task(server.command(ALICE, "losers"))
        await asyncio.wait_for(client.resumed.wait(), 20)
        assert (await asked).content == "10 losers of all"
        assert len(server.gateway.identifies) == 1
        assert [resume["session_id"] for resume in server.gateway.resumes] == [session.id]
        assert server.gateway.connections[-1].request.path == "/gw/resume/"


async def test_events_during_an_outage_arrive_after_resuming(server: DiscordServer) -> None:
    async with running(server) as client:
        session = await server.gateway.wait_connected()
        server.gateway.drop()
        await server.wait_for(lambda: session.connection is None)
        await server.add_channel(77, "made meanwhile")
        await asyncio.wait_for(client.resumed.wait(), 20)
        channel = client.get_channel(77)
        assert channel is not None
        assert [event["s"] for event in session.events] == list(range(1, len(session.events) + 1))


@pytest.mark.parametrize("how", ["invalid session", "refused resume"])
async def test_a_lost_session_is_identified_anew(server: DiscordServer, how: str) -> None:
    async with running(server) as client:
        client.is_up.clear()
        if how == "invalid session":
            await server.gateway.invalidate(resumable=False)
        else:
            server.gateway.accepts_resumes = False
            await server.gateway.ask_to_reconnect()
        await asyncio.wait_for(client.is_up.wait(), 20)
        assert len(server.gateway.identifies) == 2
        assert (await server.command(ALICE, "losers")).content == "10 losers of all"


async def test_unanswered_heartbeats_make_the_client_reconnect(server: DiscordServer) -> None:
    server.gateway.heartbeat_interval_ms = 100
    client = Client()
    client._connection.heartbeat_timeout = 0.3
    async with running(server, client):
        server.gateway.acknowledges_heartbeats = False
        await server.wait_for(lambda: server.gateway.resumes, seconds=20)


async def test_both_compressions_and_plain_text_are_spoken(
    server: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for compress, context in (
        ("zstd-stream", discord.utils._ActiveDecompressionContext),
        ("zlib-stream", zlib_context()),
    ):
        monkeypatch.setattr(discord.utils, "_ActiveDecompressionContext", context)
        async with running(server):
            assert server.gateway.connections[-1].compress == compress
            assert (await server.command(ALICE, "losers")).content == "10 losers of all"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{server.gateway.url}/?v=10") as socket,
    ):
        assert (await socket.receive_json())["op"] == 10
        await socket.send_json({"op": 2, "d": {"token": server.token, "intents": 0, "properties": {}}})
        ready = await socket.receive_json()
        assert (ready["t"], ready["s"]) == ("READY", 1)
        await socket.send_str("no json")
        assert (await socket.receive()).type == aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 4002


def zlib_context() -> Any:
    """Load the library's own zlib reader, which it defines only where zstandard is absent."""
    spec = importlib.util.spec_from_file_location("discord.utils_without_zstandard", discord.utils.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "zstandard", None)
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
    return module._ActiveDecompressionContext


async def test_wrong_token_and_missing_privilege_end_the_client(server: DiscordServer) -> None:
    client = Client()
    with pytest.raises(discord.LoginFailure):
        await client.login("wrong")
    await client.close()
    server.gateway._token = "rotated"
    with pytest.raises(discord.ConnectionClosed) as closed:
        async with running(server):
            pass
    assert closed.value.code == 4004
    server.gateway._token = server.token
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with running(server, Client(discord.Intents(guilds=True, members=True))):
            pass


async def test_a_repeated_nonce_returns_the_first_message(server: DiscordServer) -> None:
    async with sender(server) as channel:
        first = await channel.send("alert", nonce="K7Q2")
        again = await channel.send("alert, repeated", nonce="K7Q2")
        assert (again.id, again.content) == (first.id, "alert")
        other = await channel.send("alert", nonce="K7Q3")
        assert other.id != first.id
        assert [message.nonce for message in server.channel_messages(server.channel_id)] == ["K7Q2", "K7Q3"]
        await first.delete()
        with pytest.raises(discord.NotFound, match="Unknown Message"):
            await channel.send("alert", nonce="K7Q2")
        with pytest.raises(discord.HTTPException, match="25 or fewer"):
            await channel.send("alert", nonce="x" * 26)


async def test_an_accepted_but_unanswered_message_is_sent_once_thanks_to_its_nonce(
    server: DiscordServer,
) -> None:
    async with sender(server) as channel:
        server.fail(faults.bad_gateway(accepted=True), channel_id=server.channel_id)
        await channel.send("alert", nonce="K7Q2")
        assert len(server.calls_of("create_message")) == 2
        assert len(server.channel_messages(server.channel_id)) == 1


async def test_replies_edits_files_and_mentions(server: DiscordServer) -> None:
    async with sender(server) as channel:
        entry = await channel.send("entry", allowed_mentions=discord.AllowedMentions.none())
        leave = await channel.send(
            "@everyone exit", reference=entry, allowed_mentions=discord.AllowedMentions.none()
        )
        assert leave.reference is not None
        assert leave.reference.message_id == entry.id
        await entry.edit(content="entry, closed", attachments=[discord.File(io.BytesIO(PNG), "a.png")])
        shown, reply = server.channel_messages(server.channel_id)
        assert (shown.content, shown.edits, shown.files[0].name) == ("entry, closed", 1, "a.png")
        assert (reply.reply_to, reply.now.pings_everyone) == (entry.id, False)
        await entry.delete()
        with pytest.raises(discord.HTTPException, match="Unknown message"):
            await channel.send("late", reference=discord.MessageReference.from_message(entry))
        with pytest.raises(discord.NotFound, match="Unknown Message"):
            await entry.edit(content="gone")


async def test_limits_are_checked(server: DiscordServer) -> None:
    async with sender(server) as channel:
        await channel.send("x" * 2000, embed=discord.Embed(title="t" * 256))
        broken: list[tuple[dict[str, Any], str]] = [
            ({"content": "x" * 2001}, "2000 or fewer"),
            ({"content": " "}, "Cannot send an empty message"),
            ({"embed": discord.Embed(title="t" * 257)}, "256 or fewer"),
            ({"embeds": [discord.Embed(description="d" * 3001)] * 2}, "maximum size of 6000"),
        ]
        for arguments, words in broken:
            with pytest.raises(discord.HTTPException, match=words) as caught:
                await channel.send(**arguments)
            assert caught.value.status == 400
        duplicate = discord.ui.View()
        for _ in range(2):
            duplicate.add_item(discord.ui.Button(label="x", custom_id="same"))
        with pytest.raises(discord.HTTPException, match="duplicated"):
            await channel.send("x", view=duplicate)


async def test_commands_that_the_platform_would_refuse_are_refused(server: DiscordServer) -> None:
    def option(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "description": "x", "type": 3, **more}

    broken = [
        [option("Coin")],
        [option("coin", description="d" * 101)],
        [option("coin"), option("who", required=True)],
        [option("coin", autocomplete=True, choices=[{"name": "BTC", "value": "BTC"}])],
        [option("coin", choices=[{"name": "n" * 101, "value": "x"}])],
        [option("coin", choices=[{"name": str(one), "value": str(one)} for one in range(26)])],
        [option("add", type=1, options=[option("coin", description="")])],
    ]
    url = f"{server.api_url}/applications/{server.application_id}/commands"
    headers = {"Authorization": f"Bot {server.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for options in broken:
            body = [{"name": "losers", "description": "x", "options": options}]
            async with session.put(url, json=body) as answer:
                assert (answer.status, (await answer.json())["code"]) == (400, 50035), options
    assert server.commands == []


async def test_direct_messages_reach_people_who_take_them(server: DiscordServer) -> None:
    client = Client()
    await client.login(server.token)
    direct = await client.create_dm(discord.Object(ALICE))
    await direct.send("psst")
    assert [message.content for message in server.direct_messages(ALICE)] == ["psst"]
    server.users[ALICE].takes_direct_messages = False
    with pytest.raises(discord.Forbidden) as refused:
        await direct.send("psst")
    assert refused.value.code == 50007
    await client.close()


async def test_places_that_refuse_say_why(server: DiscordServer) -> None:
    async with sender(server) as channel:
        for what, code in (("send", 50013), ("see", 50001)):
            server.deny(server.channel_id, what)  # type: ignore[arg-type]  # a literal in a loop
            with pytest.raises(discord.Forbidden) as refused:
                await channel.send("x")
            assert refused.value.code == code
        server.remove_channel(server.channel_id)
        with pytest.raises(discord.NotFound) as missing:
            await channel.send("x")
        assert missing.value.code == 10003


async def test_channel_webhooks_post_until_they_are_removed(server: DiscordServer) -> None:
    hook = server.add_webhook()
    async with aiohttp.ClientSession() as session:
        webhook = discord.Webhook.partial(hook.id, hook.token, session=session)
        sent = await webhook.send("alert", username="Hyperfade", wait=True)
        assert (sent.content, sent.author.name) == ("alert", "Hyperfade")
        await webhook.edit_message(sent.id, content="closed")
        assert server.channel_messages(server.channel_id)[0].content == "closed"
        del server.webhooks[hook.id]
        with pytest.raises(discord.NotFound) as missing:
            await webhook.send("x")
        assert missing.value.code == 10015


async def test_faults_concern_one_channel_and_end(server: DiscordServer) -> None:
    await server.add_channel(77)
    cases: list[tuple[faults.Fault, type[Exception], int]] = [
        (banned(), discord.HTTPException, 0),
        (discord_fault(403, 50001, "Missing Access"), discord.Forbidden, 0),
        (discord_fault(401, 0, "401: Unauthorized"), discord.HTTPException, 0),
        (faults.bad_gateway(503), discord.DiscordServerError, 0),
        (faults.bad_gateway(503, accepted=True), discord.DiscordServerError, 1),
        (faults.close(), aiohttp.ServerDisconnectedError, 1),
        (faults.close(accepted=True), aiohttp.ServerDisconnectedError, 2),
        (faults.reset(accepted=True), aiohttp.ClientError, 3),
    ]
    async with sender(server) as channel:
        for fault, error, arrived in cases:
            server.fail(fault, channel_id=server.channel_id, route="create_message")
            await channel._state._get_client().get_partial_messageable(77).send("not concerned")
            with pytest.raises(error):
                await channel.send("x")
            assert len(server.channel_messages(server.channel_id)) == arrived
        server.fail(rate_limited(0.01), channel_id=server.channel_id)
        await channel.send("after a wait")
        assert len(server.channel_messages(77)) == len(cases)
    async with sender(server) as channel:
        server.fail(faults.stall(), channel_id=server.channel_id)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(channel.send("x"), 0.1)


async def test_buckets_announce_themselves_and_refuse_the_one_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with DiscordServer(limit=2, window_seconds=30) as server, aiohttp.ClientSession() as session:
        url = f"{server.api_url}/channels/{server.channel_id}/messages"
        headers = {"Authorization": f"Bot {server.token}"}
        remaining = []
        for _ in range(2):
            async with session.post(url, json={"content": "x"}, headers=headers) as answer:
                assert answer.headers["Content-Type"] == "application/json"
                remaining.append(answer.headers["X-RateLimit-Remaining"])
        assert remaining == ["1", "0"]
        async with session.post(url, json={"content": "x"}, headers=headers) as answer:
            body = await answer.json()
            assert (answer.status, body["global"], answer.headers["Via"]) == (429, False, "1.1 google")
            assert 0 < body["retry_after"] <= 30
        await server.add_channel(77)
        async with session.post(
            f"{server.api_url}/channels/77/messages", json={"content": "x"}, headers=headers
        ) as answer:
            assert answer.status == 200
