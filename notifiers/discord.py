"""Send alerts to Discord through a client that is logged in already; no gateway is needed."""

import asyncio

import discord

from core.model.alerts import Alert, Channel, Delivered
from messages.limits import DISCORD_NONCE
from messages.render import render_alert
from notifiers.discord_errors import FAILURES, delivery_error, is_repeat_of_deleted

SEND_TIMEOUT_S = 30.0
"""Shorter than a lease: the client repeats a 5xx by itself for up to 25 s, and waits out a 429."""


class DiscordNotifier:
    """Send one alert with its own nonce; an exit answers its entry."""

    channel = Channel.DISCORD

    def __init__(self, client: discord.Client, send_timeout_s: float = SEND_TIMEOUT_S) -> None:
        self._client = client
        self._send_timeout_s = send_timeout_s

    async def send(self, alert: Alert, now_ms: int) -> Delivered:
        """Send the alert; raises DeliveryError as ``discord_errors`` says."""
        text = render_alert(alert, now_ms)
        place = int(alert.target.thread or alert.target.chat)
        channel = self._client.get_partial_messageable(place)
        reference = None
        if alert.reply_to is not None and alert.reply_to.isdecimal():
            # The entry may be deleted by now; the exit must come through all the same.
            reference = discord.MessageReference(
                message_id=int(alert.reply_to), channel_id=place, fail_if_not_exists=False
            )
        try:
            async with asyncio.timeout(self._send_timeout_s):
                message = await self._post(channel, text, alert.nonce[:DISCORD_NONCE], reference)
        except FAILURES as error:
            if is_repeat_of_deleted(error):
                return Delivered(None)
            raise delivery_error(error) from error
        return Delivered(str(message.id))

    async def _post(
        self,
        channel: discord.PartialMessageable,
        text: str,
        nonce: str,
        reference: discord.MessageReference | None,
    ) -> discord.Message:
        nobody = discord.AllowedMentions.none()
        if reference is None:
            return await channel.send(text, nonce=nonce, allowed_mentions=nobody, suppress_embeds=True)
        return await channel.send(
            text, nonce=nonce, allowed_mentions=nobody, suppress_embeds=True, reference=reference
        )
