"""Listen on Discord: slash commands from the one list, answered through the gateway."""

import hashlib
import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any, Optional

import aiohttp
import discord
import structlog
from discord import app_commands

from bot.commands import Commands
from bot.requests import Argument, Command, Request
from core.errors import ChannelRefused
from core.model.alerts import Channel, Target
from messages.limits import DISCORD_COMMAND_DESCRIPTION

log = structlog.get_logger(__name__)

STATE = "discord_commands"
"""Under this key the hash of the registered definition is kept: Discord allows few registrations."""

GetState = Callable[[str], Awaitable[str | None]]
SetState = Callable[[str, str], Awaitable[None]]


class DiscordListener:
    """Answer on Discord until cancelled; the client is logged in already and belongs to the caller."""

    def __init__(
        self, client: discord.Client, commands: Commands, get_state: GetState, set_state: SetState
    ) -> None:
        self._client = client
        self._commands = commands
        self._get_state = get_state
        self._set_state = set_state
        self._tree = app_commands.CommandTree(client)
        self._tree.error(self._on_error)
        for command in commands.commands:
            self._tree.add_command(self._slash(command))

    async def run(self) -> None:
        """Listen until cancelled; raises ChannelRefused when Discord doesn't let the bot in."""
        await self._register()
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

    # --- the definition ------------------------------------------------------------------------

    def _slash(self, command: Command) -> app_commands.Command[Any, ..., None]:
        async def callback(interaction: discord.Interaction, **options: str | None) -> None:
            await self._answer(command, interaction, options)

        # The library reads options from the signature; ours is made from the list of commands.
        callback.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter(
                    "interaction",
                    inspect.Parameter.POSITIONAL_OR_KEYWORD,
                    annotation=discord.Interaction,
                ),
                *(_parameter(argument) for argument in command.arguments),
            ]
        )
        described = {
            argument.name: argument.help[:DISCORD_COMMAND_DESCRIPTION] for argument in command.arguments
        }
        if described:
            callback = app_commands.describe(**described)(callback)
        choices = {
            argument.name: [app_commands.Choice(name=choice, value=choice) for choice in argument.choices]
            for argument in command.arguments
            if argument.choices
        }
        if choices:
            callback = app_commands.choices(**choices)(callback)
        slash: app_commands.Command[Any, ..., None] = app_commands.Command(
            name=command.name, description=command.help[:DISCORD_COMMAND_DESCRIPTION], callback=callback
        )
        if command.changes_settings:
            # Hides it from others in a server; the handler checks again, since owners can change this.
            slash.default_permissions = discord.Permissions(manage_guild=True)
        return slash

    async def _register(self) -> None:
        """Register the commands when their definition changed; failure leaves the old ones."""
        definition = [command.to_dict(self._tree) for command in self._tree.get_commands()]
        text = json.dumps([self._client.application_id, definition], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if await self._get_state(STATE) == digest:
            return
        try:
            await self._tree.sync()
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.warning("discord's commands not registered", error=_words(error))
            return
        await self._set_state(STATE, digest)
        log.info("discord's commands registered", commands=len(definition))

    # --- interactions --------------------------------------------------------------------------

    async def _answer(
        self, command: Command, interaction: discord.Interaction, options: dict[str, str | None]
    ) -> None:
        # The first answer has 3 s; a deferred one buys 15 minutes.
        await interaction.response.defer(thinking=True)
        words: list[str] = []
        for argument in command.arguments:
            value = options.get(argument.name)
            if value:
                words += f"{argument.prefix} {value}".split()
        reply = await self._commands.handle(command.name, self._request(interaction, tuple(words)))
        text = reply.text if reply is not None else "There is nothing to say to that."
        await interaction.followup.send(
            text, allowed_mentions=discord.AllowedMentions.none(), suppress_embeds=True
        )

    def _request(self, interaction: discord.Interaction, words: tuple[str, ...]) -> Request:
        is_private = interaction.guild_id is None

        async def is_administrator() -> bool:
            rights = interaction.permissions
            return rights.administrator or rights.manage_guild

        place = getattr(interaction.channel, "name", None)
        guild = interaction.guild.name if interaction.guild is not None else None
        return Request(
            target=Target(Channel.DISCORD, str(interaction.channel_id)),
            user_id=str(interaction.user.id),
            title=" ".join(part for part in (guild, place) if part) or interaction.user.name,
            is_private=is_private,
            words=words,
            is_administrator=is_administrator,
        )

    async def _on_error(self, interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        """Log what a command threw; an alert's way out never hangs on it."""
        cause = error.__cause__ or error
        name = interaction.command.name if interaction.command is not None else "unknown"
        known = isinstance(cause, discord.DiscordException | aiohttp.ClientError | OSError)
        if known or isinstance(error, app_commands.CommandNotFound):
            log.warning("discord command not answered", command=name, error=_words(cause))
        else:
            log.error("discord command failed", command=name, exc_info=cause)


def _parameter(argument: Argument) -> inspect.Parameter:
    if argument.is_required:
        return inspect.Parameter(argument.name, inspect.Parameter.KEYWORD_ONLY, annotation=str)
    return inspect.Parameter(
        argument.name,
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Optional[str],  # noqa: UP045  the library reads this form
        default=None,
    )


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:120]}"
