"""Alerts on Discord: a real discord.py against a loopback REST server, no gateway."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
import pytest_asyncio

from core.errors import ChannelRefused, DeliveryError, MessageRefused, NotSent, OutcomeUnknown, TargetGone
from core.model.alerts import Alert, AlertKind, Channel, Delivered, Target
from messages.render import render_alert
from notifiers.discord import DiscordNotifier
from tests.support import faults
from tests.support.chat_clients import discord_client
from tests.support.chat_facts import NOW_MS, make_alert
from tests.support.discord_server import DiscordServer, banned, discord_fault, rate_limited
from tests.support.faults import Fault

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def client(discord_server: DiscordServer) -> AsyncIterator[discord.Client]:
    async with discord_client(discord_server) as client:
        yield client


@pytest.fixture
def notifier(client: discord.Client) -> DiscordNotifier:
    return DiscordNotifier(client, send_timeout_s=0.4)


def alert(server: DiscordServer, kind: AlertKind = AlertKind.ENTRY, **changes: Any) -> Alert:
    target = changes.pop("target", Target(Channel.DISCORD, str(server.channel_id)))
    return make_alert(kind, Channel.DISCORD, target=target, **changes)


async def test_entry_arrives_as_rendered_without_a_gateway(
    discord_server: DiscordServer, notifier: DiscordNotifier
) -> None:
    delivered = await notifier.send(alert(discord_server), NOW_MS)
    [message] = discord_server.channel_messages(discord_server.channel_id)
    assert delivered == Delivered(str(message.id))
    assert message.text == render_alert(alert(discord_server), NOW_MS)
    [call] = discord_server.calls_of("create_message")
    assert call.payload["allowed_mentions"] == {"parse": []}
    assert call.payload["enforce_nonce"] is True
    assert call.payload["nonce"] == "hf-test-0000001"


async def test_exit_answers_its_entry(discord_server: DiscordServer, notifier: DiscordNotifier) -> None:
    entry = await notifier.send(alert(discord_server), NOW_MS)
    await notifier.send(
        alert(discord_server, AlertKind.EXIT, nonce="hf-test-0000002", reply_to=entry.remote_id), NOW_MS
    )
    call = discord_server.calls_of("create_message")[-1]
    assert call.payload["message_reference"]["message_id"] == int(entry.remote_id or 0)
    assert call.payload["message_reference"]["fail_if_not_exists"] is False
    assert len(discord_server.channel_messages(discord_server.channel_id)) == 2


async def test_exit_comes_through_when_its_entry_is_gone(
    discord_server: DiscordServer, notifier: DiscordNotifier
) -> None:
    await notifier.send(alert(discord_server, AlertKind.EXIT, reply_to="999"), NOW_MS)
    assert len(discord_server.channel_messages(discord_server.channel_id)) == 1


async def test_repeat_with_the_same_nonce_is_one_message(
    discord_server: DiscordServer, notifier: DiscordNotifier
) -> None:
    discord_server.fail(faults.stall(accepted=True), route="create_message")
    with pytest.raises(OutcomeUnknown):
        await notifier.send(alert(discord_server), NOW_MS)
    delivered = await notifier.send(alert(discord_server, is_repeat=True), NOW_MS)
    [message] = discord_server.channel_messages(discord_server.channel_id)
    assert delivered.remote_id == str(message.id)


async def test_repeat_of_a_deleted_message_counts_as_sent(
    discord_server: DiscordServer, notifier: DiscordNotifier
) -> None:
    discord_server.fail(discord_fault(404, 10008, "Unknown Message"), route="create_message")
    assert await notifier.send(alert(discord_server, is_repeat=True), NOW_MS) == Delivered(None)


async def test_thread_is_written_to_as_a_channel(
    discord_server: DiscordServer, notifier: DiscordNotifier
) -> None:
    channel = await discord_server.add_channel(77)
    target = Target(Channel.DISCORD, str(discord_server.channel_id), str(channel.id))
    await notifier.send(alert(discord_server, target=target), NOW_MS)
    assert len(discord_server.channel_messages(77)) == 1


ROWS: list[tuple[str, Fault, type[DeliveryError]]] = [
    ("long 429", rate_limited(60.0), NotSent),
    ("ban", banned(), NotSent),
    ("no direct messages", discord_fault(403, 50007, "Cannot send messages to this user"), TargetGone),
    ("no access", discord_fault(403, 50001, "Missing Access"), TargetGone),
    ("no permission", discord_fault(403, 50013, "Missing Permissions"), TargetGone),
    ("channel gone", discord_fault(404, 10003, "Unknown Channel"), TargetGone),
    ("unknown route", discord_fault(404, 0, "404: Not Found"), MessageRefused),
    ("bad form", discord_fault(400, 50035, "Invalid Form Body"), MessageRefused),
    ("wrong token", discord_fault(401, 0, "401: Unauthorized"), ChannelRefused),
    ("503", discord_fault(503, 0, "Service Unavailable"), OutcomeUnknown),
    ("502 again and again", faults.bad_gateway(502), OutcomeUnknown),
    ("closed", faults.close(), OutcomeUnknown),
    ("reset", faults.reset(), OutcomeUnknown),
    ("silent", faults.stall(), OutcomeUnknown),
]


@pytest.mark.parametrize(("fault", "meaning"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
async def test_answer_has_its_meaning(
    discord_server: DiscordServer, notifier: DiscordNotifier, fault: Fault, meaning: type[DeliveryError]
) -> None:
    discord_server.fail(fault, route="create_message", times=None)
    with pytest.raises(DeliveryError) as caught:
        await notifier.send(alert(discord_server), NOW_MS)
    assert type(caught.value) is meaning


async def test_short_429_is_waited_out(discord_server: DiscordServer, notifier: DiscordNotifier) -> None:
    discord_server.fail(rate_limited(0.01), route="create_message")
    await notifier.send(alert(discord_server), NOW_MS)
    assert len(discord_server.channel_messages(discord_server.channel_id)) == 1


async def test_waits_are_carried_and_a_ban_is_for_the_whole_channel(
    discord_server: DiscordServer, notifier: DiscordNotifier
) -> None:
    discord_server.fail(rate_limited(60.0), route="create_message")
    with pytest.raises(NotSent) as slow:
        await notifier.send(alert(discord_server), NOW_MS)
    assert (slow.value.retry_after_s, slow.value.whole_channel) == (60.0, False)
    discord_server.fail(banned(), route="create_message")
    with pytest.raises(NotSent) as shut:
        await notifier.send(alert(discord_server), NOW_MS)
    assert shut.value.whole_channel


async def test_refused_connection_is_surely_not_sent(
    discord_server: DiscordServer, notifier: DiscordNotifier
) -> None:
    await discord_server.close()
    # The first may die with the connection that login left open.
    with pytest.raises(DeliveryError):
        await notifier.send(alert(discord_server), NOW_MS)
    with pytest.raises(NotSent, match="can't be reached"):
        await notifier.send(alert(discord_server), NOW_MS)


async def test_cancellation_passes_through(discord_server: DiscordServer, client: discord.Client) -> None:
    discord_server.fail(faults.stall(), route="create_message")
    sending = asyncio.create_task(DiscordNotifier(client).send(alert(discord_server), NOW_MS))
    await discord_server.wait_for(lambda: discord_server.calls_of("create_message"))
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_token_is_in_no_error_or_log(
    discord_server: DiscordServer, notifier: DiscordNotifier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    discord_server.fail(discord_fault(401, 0, "401: Unauthorized"), route="create_message")
    with pytest.raises(ChannelRefused) as caught:
        await notifier.send(alert(discord_server), NOW_MS)
    assert "HYPERFADE_DISCORD_TOKEN" in str(caught.value)
    assert discord_server.token not in f"{caught.value} {caught.value.__cause__} {caplog.text}"
