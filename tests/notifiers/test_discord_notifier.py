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
from messages.alert_buttons import alert_buttons
from messages.presses import press_data
from messages.render import render_alert
from notifiers.discord import DiscordNotifier
from tests.support import faults
from tests.support.chat_clients import discord_client
from tests.support.chat_facts import LOSER, NOW_MS, make_alert
from tests.support.discord_departures import add_thread
from tests.support.discord_errors import (
    DiscordError,
    no_mutual_guilds,
    not_our_message,
    thread_archived,
    thread_locked,
    unknown_message,
)
from tests.support.discord_server import DiscordServer, banned, discord_fault, rate_limited
from tests.support.faults import Fault

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def client(discord_server: DiscordServer) -> AsyncIterator[discord.Client]:
    async with discord_client(discord_server) as client:
        yield client


@pytest.fixture
def notifier(client: discord.Client) -> DiscordNotifier:
    return DiscordNotifier(client)


@pytest.fixture
def impatient(client: discord.Client) -> DiscordNotifier:
    """Gives up soon: for a Discord that doesn't answer, or whose library tries again by itself."""
    return DiscordNotifier(client, send_timeout_s=1.5)


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


async def test_entry_has_its_buttons(discord_server: DiscordServer, notifier: DiscordNotifier) -> None:
    one = alert(discord_server)
    await notifier.send(one, NOW_MS)
    [message] = discord_server.channel_messages(discord_server.channel_id)
    assert [(button["label"], button["custom_id"]) for button in message.buttons] == [
        (button.label, press_data(button)) for row in alert_buttons(one) for button in row
    ]
    assert any(button["custom_id"] == f"+trader {LOSER}" for button in message.buttons)


async def test_silent_alert_rings_nowhere(discord_server: DiscordServer, notifier: DiscordNotifier) -> None:
    await notifier.send(alert(discord_server), NOW_MS)
    await notifier.send(alert(discord_server, nonce="hf-2", is_silent=True), NOW_MS)
    flags = [one.now.flags for one in discord_server.channel_messages(discord_server.channel_id)]
    suppress_embeds, suppress_notifications = 1 << 2, 1 << 12
    assert flags == [suppress_embeds, suppress_embeds | suppress_notifications]


async def test_update_changes_the_entry_and_its_buttons(
    discord_server: DiscordServer, notifier: DiscordNotifier
) -> None:
    entry = await notifier.send(alert(discord_server), NOW_MS)
    update = alert(discord_server, edits=True, reply_to=entry.remote_id, is_demo=True)
    for _ in range(2):  # What may have arrived is simply done again.
        assert await notifier.send(update, NOW_MS) == entry
    [message] = discord_server.channel_messages(discord_server.channel_id)
    assert message.text == render_alert(update, NOW_MS) != message.versions[0].content
    assert message.buttons
    assert not message.now.pings_everyone
    assert message.now.flags & 1 << 2
    over = alert(discord_server, AlertKind.EXIT, edits=True, reply_to=entry.remote_id)
    await notifier.send(over, NOW_MS)
    assert message.buttons == []


async def test_repeat_with_the_same_nonce_is_one_message(
    discord_server: DiscordServer, notifier: DiscordNotifier, impatient: DiscordNotifier
) -> None:
    discord_server.fail(faults.stall(accepted=True), route="create_message")
    with pytest.raises(OutcomeUnknown):
        await impatient.send(alert(discord_server), NOW_MS)
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


def answered(error: DiscordError) -> Fault:
    return discord_fault(error.status, error.code, error.message)


ROWS: list[tuple[str, Fault, type[DeliveryError]]] = [
    ("long 429", rate_limited(60.0), NotSent),
    ("ban", banned(), NotSent),
    ("no direct messages", discord_fault(403, 50007, "Cannot send messages to this user"), TargetGone),
    ("no common server", answered(no_mutual_guilds()), TargetGone),
    ("locked thread", answered(thread_locked()), TargetGone),
    ("archived thread", answered(thread_archived()), TargetGone),
    ("no access", discord_fault(403, 50001, "Missing Access"), TargetGone),
    ("no permission", discord_fault(403, 50013, "Missing Permissions"), TargetGone),
    ("channel gone", discord_fault(404, 10003, "Unknown Channel"), TargetGone),
    ("unknown route", discord_fault(404, 0, "404: Not Found"), MessageRefused),
    ("bad form", discord_fault(400, 50035, "Invalid Form Body"), MessageRefused),
    ("wrong token", discord_fault(401, 0, "401: Unauthorized"), ChannelRefused),
    ("503", discord_fault(503, 0, "Service Unavailable"), OutcomeUnknown),
    ("502 again and again", faults.bad_gateway(502), OutcomeUnknown),
    ("504 again and again", faults.bad_gateway(504), OutcomeUnknown),
    (
        "a page that isn't Discord's",
        faults.answer(200, "<html>log in to this network</html>"),
        OutcomeUnknown,
    ),
    ("closed", faults.close(), OutcomeUnknown),
    ("reset", faults.reset(), OutcomeUnknown),
    ("silent", faults.stall(), OutcomeUnknown),
]


@pytest.mark.parametrize(("fault", "meaning"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
async def test_answer_has_its_meaning(
    discord_server: DiscordServer, impatient: DiscordNotifier, fault: Fault, meaning: type[DeliveryError]
) -> None:
    discord_server.fail(fault, route="create_message", times=None)
    with pytest.raises(DeliveryError) as caught:
        await impatient.send(alert(discord_server), NOW_MS)
    assert type(caught.value) is meaning


EDIT_ROWS: list[tuple[str, Fault, type[DeliveryError]]] = [
    ("deleted", answered(unknown_message()), MessageRefused),
    ("another's", answered(not_our_message()), MessageRefused),
    ("archived thread", answered(thread_archived()), MessageRefused),
    ("locked thread", answered(thread_locked()), MessageRefused),
    ("channel gone", discord_fault(404, 10003, "Unknown Channel"), TargetGone),
    ("no access", discord_fault(403, 50001, "Missing Access"), TargetGone),
    ("bad form", discord_fault(400, 50035, "Invalid Form Body"), MessageRefused),
    ("wrong token", discord_fault(401, 0, "401: Unauthorized"), ChannelRefused),
    ("long 429", rate_limited(60.0), NotSent),
    ("ban", banned(), NotSent),
    ("503", discord_fault(503, 0, "Service Unavailable"), OutcomeUnknown),
    ("closed", faults.close(), OutcomeUnknown),
    ("silent", faults.stall(), OutcomeUnknown),
]


@pytest.mark.parametrize(
    ("fault", "meaning"), [one[1:] for one in EDIT_ROWS], ids=[one[0] for one in EDIT_ROWS]
)
async def test_answer_to_an_edit_has_its_meaning(
    discord_server: DiscordServer,
    notifier: DiscordNotifier,
    impatient: DiscordNotifier,
    fault: Fault,
    meaning: type[DeliveryError],
) -> None:
    entry = await notifier.send(alert(discord_server), NOW_MS)
    discord_server.fail(fault, route="edit_message", times=None)
    with pytest.raises(DeliveryError) as caught:
        await impatient.send(alert(discord_server, edits=True, reply_to=entry.remote_id), NOW_MS)
    assert type(caught.value) is meaning


async def test_update_of_a_message_that_never_was_is_refused_and_not_sent(
    discord_server: DiscordServer, notifier: DiscordNotifier
) -> None:
    for reply_to in (None, "", "<html>"):
        with pytest.raises(MessageRefused):
            await notifier.send(alert(discord_server, edits=True, reply_to=reply_to), NOW_MS)
    assert discord_server.calls_of("create_message") == []


async def test_archived_thread_opens_again_for_an_alert_but_not_for_an_edit(
    discord_server: DiscordServer, notifier: DiscordNotifier
) -> None:
    thread = await add_thread(discord_server, 77, discord_server.channel_id)
    target = Target(Channel.DISCORD, "77")
    entry = await notifier.send(alert(discord_server, target=target), NOW_MS)
    thread.is_archived = True
    with pytest.raises(MessageRefused, match="archived"):
        await notifier.send(
            alert(discord_server, target=target, edits=True, reply_to=entry.remote_id), NOW_MS
        )
    await notifier.send(
        alert(discord_server, AlertKind.EXIT, target=target, nonce="hf-2", reply_to=entry.remote_id), NOW_MS
    )
    assert not thread.is_archived
    thread.is_locked = True
    with pytest.raises(TargetGone, match="locked"):
        await notifier.send(alert(discord_server, target=target, nonce="hf-3"), NOW_MS)


async def test_sent_buttons_are_not_remembered_in_memory(
    discord_server: DiscordServer, notifier: DiscordNotifier, client: discord.Client
) -> None:
    entry = await notifier.send(alert(discord_server), NOW_MS)
    await notifier.send(alert(discord_server, edits=True, reply_to=entry.remote_id), NOW_MS)
    assert not client._connection._view_store._views


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


async def test_refusal_at_the_gateway_stops_the_channel_and_nothing_else(
    discord_server: DiscordServer, client: discord.Client, notifier: DiscordNotifier
) -> None:
    listening = asyncio.create_task(client.connect())
    await discord_server.gateway.wait_connected()
    await discord_server.gateway.close(4004)
    with pytest.raises(discord.ConnectionClosed):
        await asyncio.wait_for(listening, 10)
    with pytest.raises(ChannelRefused, match="HYPERFADE_DISCORD_TOKEN"):
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
