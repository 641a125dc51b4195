"""Where the bot is welcome on Discord: a channel that is gone gets nothing any more, and its reason."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import discord
import structlog

from core.errors import HyperfadeError
from core.model.alerts import Channel, Target
from core.ports import ChatStore

log = structlog.get_logger(__name__)

REMOVED = "the bot was removed from the server"

SwitchOff = Callable[[Target, str], Awaitable[None]]


class DiscordPlaces:
    """Follow what servers do with their channels and with the bot; needs the guilds' intent only."""

    def __init__(self, client: discord.Client, chats: ChatStore, switch_off: SwitchOff) -> None:
        """``switch_off`` is the outbox's ``disable_target``."""
        self._chats = chats
        self._switch_off = switch_off
        for event in (
            self.on_guild_remove,
            self.on_guild_join,
            self.on_guild_channel_delete,
            self.on_raw_thread_delete,
        ):
            client.event(event)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Switch all chats of a server off; what isn't known here is refused at its next alert."""
        await self._off(_ids(guild), REMOVED)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Switch on again what being removed had switched off."""
        try:
            for target in await self._known(_ids(guild)):
                chat = await self._chats.chat(target)
                if chat is not None and chat.disabled_reason == REMOVED:
                    await self._chats.enable(target)
        except HyperfadeError as error:
            log.error("discord server not noted", error=str(error))

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Switch a deleted channel off; its threads follow by events of their own."""
        await self._off((channel.id,), "the channel was deleted")

    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        """Switch a deleted thread off, remembered by the client or not."""
        await self._off((event.thread_id,), "the thread was deleted")

    async def _off(self, ids: Iterable[int], reason: str) -> None:
        try:
            for target in await self._known(ids):
                await self._switch_off(target, reason)
                log.info("chat switched off", target=str(target), reason=reason)
        except HyperfadeError as error:
            log.error("discord channel not switched off", reason=reason, error=str(error))

    async def _known(self, ids: Iterable[int]) -> list[Target]:
        targets = [Target(Channel.DISCORD, str(number)) for number in ids]
        return [target for target in targets if await self._chats.chat(target) is not None]


def _ids(guild: discord.Guild) -> list[int]:
    places: Iterable[Any] = (*guild.channels, *guild.threads)
    return [place.id for place in places]
