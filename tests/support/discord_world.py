"""The people, servers and channels around a Discord bot, and what people do there."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from tests.support.changes import PATIENCE_SECONDS, Changes
from tests.support.discord_errors import (
    missing_access,
    missing_permissions,
    no_direct_messages,
    thread_locked,
    unknown_channel,
)
from tests.support.discord_gateway import GUILDS_INTENT, Gateway
from tests.support.discord_interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    FIRST_ANSWER_SECONDS,
    Interaction,
    command_data,
    find_command,
)
from tests.support.discord_objects import (
    ADMINISTRATOR,
    DiscordChannel,
    DiscordGuild,
    DiscordMessage,
    DiscordUser,
    DiscordWebhook,
    snowflake,
)

T = TypeVar("T")


class DiscordWorld:
    """Hold users, guilds, channels and messages, and act for the people in them.

    There's one guild from the start, `guild_id`, with one text channel, `channel_id`.
    """

    def __init__(self, token: str) -> None:
        self.changes = Changes()
        self.application_id = snowflake()
        self.bot = DiscordUser(self.application_id, "Hyperfade test", is_bot=True)
        self.users: dict[int, DiscordUser] = {}
        self.guilds: dict[int, DiscordGuild] = {}
        self.channels: dict[int, DiscordChannel] = {}
        self.webhooks: dict[int, DiscordWebhook] = {}
        self.interactions: dict[int, Interaction] = {}
        self.global_commands: list[dict[str, Any]] = []
        self.guild_commands: dict[int, list[dict[str, Any]]] = {}
        self.nonces: dict[tuple[int, str], tuple[float, DiscordMessage]] = {}
        self.first_answer_seconds = FIRST_ANSWER_SECONDS
        self.cdn_url = ""
        self.gateway = Gateway(token, self.changes, self._ready, self._guild_payloads)
        self.guild_id, self.channel_id = snowflake(), snowflake()
        self.guilds[self.guild_id] = DiscordGuild(self.guild_id, "Desk", self.bot.id)
        self.channels[self.channel_id] = DiscordChannel(self.channel_id, "alerts", self.guild_id)

    # Setting the scene.

    def add_user(self, user_id: int, name: str = "", *, is_administrator: bool = False) -> DiscordUser:
        """Make a person known, in every guild."""
        user = self.users.setdefault(user_id, DiscordUser(user_id, name or f"person{user_id}"))
        user.name = name or user.name
        if is_administrator:
            user.permissions |= ADMINISTRATOR
        return user

    async def add_channel(
        self, channel_id: int, name: str = "more", guild_id: int | None = None
    ) -> DiscordChannel:
        """Make a text channel and tell the bot."""
        channel = DiscordChannel(channel_id, name, guild_id or self.guild_id)
        self.channels[channel_id] = channel
        await self.gateway.dispatch("CHANNEL_CREATE", channel.wire(), GUILDS_INTENT)
        return channel

    async def add_guild(self, guild_id: int, name: str = "Other desk") -> DiscordGuild:
        """Invite the bot into a new guild and tell it."""
        guild = self.guilds[guild_id] = DiscordGuild(guild_id, name, self.bot.id)
        # The platform says "available again" by false, and nothing to whoever is new.
        told = {name: value for name, value in self._guild_payload(guild).items() if name != "unavailable"}
        await self.gateway.dispatch("GUILD_CREATE", told, GUILDS_INTENT)
        return guild

    def add_webhook(self, channel_id: int | None = None, name: str = "alerts") -> DiscordWebhook:
        """Make a channel's webhook."""
        webhook = DiscordWebhook(snowflake(), secrets.token_urlsafe(50), channel_id or self.channel_id, name)
        self.webhooks[webhook.id] = webhook
        return webhook

    def deny(self, channel_id: int, what: Literal["send", "see", ""] = "send") -> None:
        """Take the bot's right to send (50013) or to see (50001) from a channel; "" gives it back."""
        self.channels[channel_id].denied = what

    def remove_channel(self, channel_id: int) -> None:
        """Delete a channel (10003 from now on)."""
        del self.channels[channel_id]

    def direct_channel(self, user_id: int) -> DiscordChannel:
        """Return the direct channel with a person, opening it."""
        user = self.users.get(user_id) or self.add_user(user_id)
        for channel in self.channels.values():
            if channel.recipient is user:
                return channel
        channel = DiscordChannel(snowflake(), recipient=user)
        self.channels[channel.id] = channel
        return channel

    # What people do.

    @property
    def commands(self) -> list[dict[str, Any]]:
        """Return the registered commands, global ones first."""
        return [*self.global_commands, *(one for some in self.guild_commands.values() for one in some)]

    async def command(
        self,
        user_id: int,
        name: str,
        options: dict[str, Any] | None = None,
        channel_id: int | None = None,
        *,
        forced: bool = False,
        seconds: float = PATIENCE_SECONDS,
    ) -> DiscordMessage:
        """Run a slash command and return the message that answers it.

        Without a channel it's run in the direct one. Subcommands are written with a space.
        `forced` runs what Discord wouldn't offer to this person here.
        """
        interaction = await self.invoke(user_id, name, options, channel_id, forced=forced)
        return await self.answer_to(interaction, seconds)

    async def invoke(
        self,
        user_id: int,
        name: str,
        options: dict[str, Any] | None = None,
        channel_id: int | None = None,
        *,
        forced: bool = False,
    ) -> Interaction:
        """Run a slash command without waiting for its answer."""
        user, channel = self._where(user_id, channel_id)
        found, declared = find_command(self._offered(user, channel, forced), name)
        data = command_data(found, declared, name, options or {})
        return await self._interact(Interaction(COMMAND, user, channel, data, self.time()))

    async def autocomplete(
        self,
        user_id: int,
        name: str,
        option: str,
        typed: str,
        options: dict[str, Any] | None = None,
        channel_id: int | None = None,
        *,
        seconds: float = PATIENCE_SECONDS,
    ) -> list[dict[str, Any]]:
        """Type into an option and return the choices that the bot offers."""
        user, channel = self._where(user_id, channel_id)
        found, declared = find_command(self._offered(user, channel), name)
        data = command_data(found, declared, name, options or {}, (option, typed))
        interaction = Interaction(AUTOCOMPLETE, user, channel, data, self.time())
        await self._interact(interaction)
        await self.wait_for(lambda: interaction.choices is not None, seconds)
        return interaction.choices or []

    async def press(
        self,
        message: DiscordMessage,
        custom_id: str,
        user_id: int | None = None,
        values: list[str] | None = None,
        *,
        forged: bool = False,
        seconds: float = PATIENCE_SECONDS,
    ) -> DiscordMessage:
        """Press a button, or choose a select's values, and return the message that answers.

        Without a user it's the direct channel's person. A forged press needs no such button.
        """
        interaction = await self.touch(message, custom_id, user_id, values, forged=forged)
        return await self.answer_to(interaction, seconds)

    async def touch(
        self,
        message: DiscordMessage,
        custom_id: str,
        user_id: int | None = None,
        values: list[str] | None = None,
        *,
        forged: bool = False,
    ) -> Interaction:
        """Press without waiting for the answer."""
        recipient = message.channel.recipient
        if user_id is None and recipient is None:
            raise AssertionError("say who presses: the message is in a guild's channel")
        user, _ = self._where(user_id if user_id is not None else recipient.id if recipient else 0, None)
        controls = [one for one in message.all_components if one.get("custom_id") == custom_id]
        if not forged and (not controls or controls[0].get("disabled")):
            there = [one.get("custom_id") for one in message.all_components if one.get("custom_id")]
            raise AssertionError(f"nothing to press at {custom_id!r}; there are {there}")
        kind = controls[0]["type"] if controls else 2
        number = controls[0]["id"] if controls else 1
        data: dict[str, Any] = {"id": number, "custom_id": custom_id, "component_type": kind}
        if values is not None:
            data["values"] = values
        interaction = Interaction(COMPONENT, user, message.channel, data, self.time(), message)
        return await self._interact(interaction)

    async def answer_to(self, interaction: Interaction, seconds: float = PATIENCE_SECONDS) -> DiscordMessage:
        """Wait until the person sees an answer."""
        message = await self.wait_for(lambda: interaction.answer, seconds)
        assert message is not None
        return message

    def _where(self, user_id: int, channel_id: int | None) -> tuple[DiscordUser, DiscordChannel]:
        user = self.users.get(user_id) or self.add_user(user_id)
        return user, self.channels[channel_id] if channel_id else self.direct_channel(user_id)

    def _offered(
        self, user: DiscordUser, channel: DiscordChannel, forced: bool = False
    ) -> list[dict[str, Any]]:
        """Return the commands that Discord would list for this person in this channel."""
        here = [*self.global_commands, *self.guild_commands.get(channel.guild_id or 0, [])]
        if forced:
            return here
        context = 0 if channel.guild_id else 1
        offered = []
        for command in here:
            needed = int(command.get("default_member_permissions") or 0)
            contexts = command.get("contexts")
            if contexts is not None and context not in contexts:
                continue
            if context == 1 and command.get("dm_permission") is False:
                continue
            allowed = user.permissions & ADMINISTRATOR or user.permissions & needed == needed
            if context == 1 or allowed:
                offered.append(command)
        return offered

    async def _interact(self, interaction: Interaction) -> Interaction:
        await self.gateway.wait_connected()
        self.interactions[interaction.id] = interaction
        await self.gateway.dispatch("INTERACTION_CREATE", interaction.wire(self.application_id))
        return interaction

    # What a test sees.

    def channel_messages(self, channel_id: int) -> list[DiscordMessage]:
        """Return the bot's and webhooks' messages in order, without deleted and loading ones."""
        channel = self.channels.get(channel_id)
        everything = channel.messages.values() if channel else ()
        return [one for one in everything if not one.deleted and not one.is_loading]

    def direct_messages(self, user_id: int) -> list[DiscordMessage]:
        """Return the same of the direct channel with a person."""
        return self.channel_messages(self.direct_channel(user_id).id)

    async def wait_for(self, condition: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
        """Wait until the condition is true and return its value."""
        return await self.changes.until(condition, seconds, self._describe)

    async def wait_for_message(
        self,
        channel_id: int,
        matches: Callable[[DiscordMessage], bool] | str = "",
        *,
        after: int = 0,
        seconds: float = PATIENCE_SECONDS,
    ) -> DiscordMessage:
        """Wait for a message that matches, or shows the text; `after` skips that many."""

        def found() -> DiscordMessage | None:
            for message in self.channel_messages(channel_id)[after:]:
                if matches in message.text if isinstance(matches, str) else matches(message):
                    return message
            return None

        message = await self.wait_for(found, seconds)
        assert message is not None
        return message

    def _describe(self) -> str:
        lines = [
            f"#{one.name or one.id}: {[message.text for message in one.messages.values()]}"
            for one in self.channels.values()
        ]
        waiting = [one.data for one in self.interactions.values() if one.response_type is None]
        return "; ".join(lines) + (f"; unanswered: {waiting}" if waiting else "")

    # What routes need.

    @staticmethod
    def time() -> float:
        """Return the loop's time, in seconds."""
        return asyncio.get_running_loop().time()

    def channel(self, channel_id: int, *, to_send: bool = False) -> DiscordChannel:
        """Return a channel that the bot may use so."""
        channel = self.channels.get(channel_id)
        if channel is None:
            raise unknown_channel()
        if channel.denied == "see" or channel.guild_id not in (None, *self.guilds):
            raise missing_access()
        if to_send and channel.denied:
            raise missing_permissions()
        if to_send and channel.is_locked:
            raise thread_locked()
        if to_send:
            channel.is_archived = False  # Writing opens a thread again.
        if to_send and channel.recipient is not None and not channel.recipient.takes_direct_messages:
            raise no_direct_messages()
        return channel

    def _ready(self) -> dict[str, Any]:
        return {
            "v": 10,
            "user": {**self.bot.wire(), "verified": True, "mfa_enabled": True, "email": None},
            "guilds": [{"id": str(guild_id), "unavailable": True} for guild_id in self.guilds],
            "application": {"id": str(self.application_id), "flags": 0},
            "session_type": "normal",
            "private_channels": [],
        }

    def _guild_payloads(self) -> list[dict[str, Any]]:
        return [self._guild_payload(guild) for guild in self.guilds.values()]

    def _guild_payload(self, guild: DiscordGuild) -> dict[str, Any]:
        channels = [channel for channel in self.channels.values() if channel.guild_id == guild.id]
        return guild.wire(channels, [self.bot])
