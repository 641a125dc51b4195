"""Send alerts to Discord through a client that is logged in already; no gateway is needed."""

import asyncio
from typing import Any

import discord

from core.errors import ChannelRefused, MessageRefused
from core.model.alerts import Alert, Channel, Delivered
from messages.alert_buttons import alert_buttons
from messages.discord_view import discord_view
from messages.limits import DISCORD_NONCE
from messages.render import render_alert
from notifiers.discord_errors import FAILURES, delivery_error, is_repeat_of_deleted

SEND_TIMEOUT_S = 30.0
"""Shorter than a lease: the client repeats a 5xx by itself for up to 25 s, and waits out a 429."""

NOBODY = discord.AllowedMentions.none()


class DiscordNotifier:
    """Send one alert with its own nonce; an exit answers its entry, an update edits it."""

    channel = Channel.DISCORD

    def __init__(self, client: discord.Client, send_timeout_s: float = SEND_TIMEOUT_S) -> None:
        self._client = client
        self._send_timeout_s = send_timeout_s

    async def send(self, alert: Alert, now_ms: int) -> Delivered:
        """Send the alert; raises DeliveryError as ``discord_errors`` says."""
        if self._client.is_closed():
            # The listener's library closes all when Discord refuses the token at the gateway.
            raise ChannelRefused("Discord closed the connection for good: check HYPERFADE_DISCORD_TOKEN")
        text = render_alert(alert, now_ms)
        write = self._edit if alert.edits else self._post
        try:
            async with asyncio.timeout(self._send_timeout_s):
                message_id = await write(alert, text)
        except FAILURES as error:
            if not alert.edits and is_repeat_of_deleted(error):
                return Delivered(None)
            raise delivery_error(error, edits=alert.edits) from error
        return Delivered(str(message_id))

    async def _post(self, alert: Alert, text: str) -> int:
        place = _place(alert)
        options: dict[str, Any] = {}
        if (entry := _message_id(alert)) is not None:
            # The entry may be deleted by now; the exit must come through all the same.
            options["reference"] = discord.MessageReference(
                message_id=entry, channel_id=place, fail_if_not_exists=False
            )
        if (view := discord_view(alert_buttons(alert))) is not None:
            options["view"] = view
        message = await self._client.get_partial_messageable(place).send(
            text,
            nonce=alert.nonce[:DISCORD_NONCE],
            allowed_mentions=NOBODY,
            suppress_embeds=True,
            silent=alert.is_silent,
            **options,
        )
        return int(message.id)

    async def _edit(self, alert: Alert, text: str) -> int:
        """Replace words and buttons; the same again changes nothing, so an edit needs no nonce."""
        entry = _message_id(alert)
        if entry is None:
            raise MessageRefused("there is no message that this update could change")
        message = self._client.get_partial_messageable(_place(alert)).get_partial_message(entry)
        await message.edit(content=text, view=discord_view(alert_buttons(alert)), allowed_mentions=NOBODY)
        return entry


def _place(alert: Alert) -> int:
    """Return the channel's id; a thread is a channel of its own."""
    return int(alert.target.thread or alert.target.chat)


def _message_id(alert: Alert) -> int | None:
    known = alert.reply_to is not None and alert.reply_to.isdecimal()
    return int(alert.reply_to or 0) if known else None
