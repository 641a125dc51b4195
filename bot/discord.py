"""Listen on Discord: commands, presses and completions, answered through the gateway."""

from typing import Any

import discord
import structlog

from bot.commands import Commands
from bot.discord_places import DiscordPlaces, SwitchOff
from bot.discord_replies import FAILURES, answer_command, answer_press, tell, words_of
from bot.discord_slash import GetState, SetState, SlashCommands
from bot.requests import Request, Suggested
from bot.suggestions import Choice, Suggestions
from core.errors import ChannelRefused
from core.model.alerts import Channel, Target
from core.ports import ChatStore
from messages.presses import read_press

log = structlog.get_logger(__name__)


class DiscordListener:
    """Answer on Discord until cancelled; the client is logged in already and belongs to the caller."""

    def __init__(
        self,
        client: discord.Client,
        commands: Commands,
        suggestions: Suggestions,
        chats: ChatStore,
        switch_off: SwitchOff,
        get_state: GetState,
        set_state: SetState,
    ) -> None:
        """``switch_off`` is the outbox's ``disable_target``."""
        self._client = client
        self._commands = commands
        self._suggestions = suggestions
        self._get_state = get_state
        self._set_state = set_state
        self._slash = SlashCommands(client, commands.commands, self._answer, self._suggest)
        DiscordPlaces(client, chats, switch_off)
        client.event(self.on_interaction)

    async def run(self) -> None:
        """Listen until cancelled; raises ChannelRefused when Discord doesn't let the bot in."""
        await self._slash.register(self._get_state, self._set_state)
        log.info("discord listens", bot=str(self._client.user))
        try:
            await self._client.connect()
        except discord.PrivilegedIntentsRequired as error:
            raise ChannelRefused("Discord refuses the intents that this bot asks for") from error
        except (discord.LoginFailure, discord.ConnectionClosed) as error:
            code = getattr(error, "code", "login")
            raise ChannelRefused(
                f"Discord closed the connection for good ({code}): check HYPERFADE_DISCORD_TOKEN"
            ) from error

    async def _answer(self, name: str, words: tuple[str, ...], interaction: discord.Interaction) -> None:
        # The first answer has 3 s; a deferred one buys 15 minutes.
        await interaction.response.defer(thinking=True)
        reply = await self._commands.handle(name, _request(interaction, words))
        await answer_command(interaction, reply)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer a press on any button ever sent; nothing but its custom id is needed, after restarts too."""
        if interaction.type is not discord.InteractionType.component:
            return
        data: Any = interaction.data or {}
        custom_id = str(data.get("custom_id", ""))
        try:
            await self._press(interaction, custom_id)
        except FAILURES as error:
            log.warning("discord press not answered", press=custom_id[:100], error=words_of(error))
        except Exception:
            # A fault in one press must not end as a line on the library's standard error.
            log.exception("discord press failed", press=custom_id[:100])

    async def _press(self, interaction: discord.Interaction, custom_id: str) -> None:
        # Whether the answer edits, adds or only tells is decided by the answer: this waits for each.
        await interaction.response.defer()
        press = read_press(custom_id)
        if press is None:
            await tell(interaction, "This button isn't known any more. Send the command again.")
            return
        reply = await self._commands.handle(press.name, _request(interaction, press.words, is_press=True))
        await answer_press(interaction, reply, press.edits)

    async def _suggest(
        self, kind: Suggested, typed: str, interaction: discord.Interaction
    ) -> tuple[Choice, ...]:
        return await self._suggestions.suggest(kind, typed, _target(interaction))


def _target(interaction: discord.Interaction) -> Target:
    return Target(Channel.DISCORD, str(interaction.channel_id))


def _within(interaction: discord.Interaction) -> Target | None:
    """Return the channel that a thread is in."""
    place = interaction.channel
    return Target(Channel.DISCORD, str(place.parent_id)) if isinstance(place, discord.Thread) else None


def _request(interaction: discord.Interaction, words: tuple[str, ...], *, is_press: bool = False) -> Request:
    async def is_administrator() -> bool:
        # As the platform signs it to this very interaction: of the one who typed or pressed.
        rights = interaction.permissions
        return rights.administrator or rights.manage_guild

    place = getattr(interaction.channel, "name", None)
    guild = interaction.guild.name if interaction.guild is not None else None
    return Request(
        target=_target(interaction),
        user_id=str(interaction.user.id),
        title=" ".join(part for part in (guild, place) if part) or interaction.user.name,
        # A conversation of several people is no server, and nobody's own either.
        is_private=interaction.guild_id is None and not interaction.context.private_channel,
        words=words,
        is_administrator=is_administrator,
        within=_within(interaction),
        is_press=is_press,
    )
