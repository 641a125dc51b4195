"""Slash commands made from the one list: their definition, its registration, what completes them."""

import hashlib
import inspect
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Optional

import aiohttp
import discord
import structlog
from discord import app_commands

from bot.discord_replies import FAILURES, words_of
from bot.requests import Argument, Command, Suggested
from bot.suggestions import Choice
from messages.limits import DISCORD_COMMAND_DESCRIPTION

log = structlog.get_logger(__name__)

STATE = "discord_commands"
"""Under this key the hash of the registered definition is kept: Discord allows few registrations."""

GetState = Callable[[str], Awaitable[str | None]]
SetState = Callable[[str, str], Awaitable[None]]
Answer = Callable[[str, tuple[str, ...], discord.Interaction], Awaitable[None]]
Suggest = Callable[[Suggested, str, discord.Interaction], Awaitable[Sequence[Choice]]]


class SlashCommands(app_commands.CommandTree):
    """Hand each command to ``answer`` as name and words; offer what ``suggest`` has while one types."""

    def __init__(
        self, client: discord.Client, commands: Iterable[Command], answer: Answer, suggest: Suggest
    ) -> None:
        super().__init__(client)
        self._answer = answer
        self._suggest = suggest
        self._kinds: dict[tuple[str, str], Suggested] = {}
        for command in commands:
            self.add_command(self._slash(command))

    # --- the definition ------------------------------------------------------------------------

    def _slash(self, command: Command) -> app_commands.Command[Any, ..., None]:
        async def callback(interaction: discord.Interaction, **options: str | None) -> None:
            await self._answer(command.name, _typed(command, options), interaction)

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
        completed = {
            argument.name: self._completion(command.name, argument.name, argument.suggest)
            for argument in command.arguments
            if argument.suggest is not None and not argument.choices
        }
        if completed:
            callback = app_commands.autocomplete(**completed)(callback)
        slash: app_commands.Command[Any, ..., None] = app_commands.Command(
            name=command.name, description=command.help[:DISCORD_COMMAND_DESCRIPTION], callback=callback
        )
        if command.changes_settings:
            # Hides it from others in a server; the handler checks again, since owners can change this.
            slash.default_permissions = discord.Permissions(manage_guild=True)
        return slash

    def _completion(
        self, command: str, argument: str, kind: Suggested
    ) -> Callable[[discord.Interaction, str], Coroutine[Any, Any, list[app_commands.Choice[str]]]]:
        self._kinds[command, argument] = kind

        async def complete(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
            return await self._choices(kind, typed, interaction)

        return complete

    async def register(self, get_state: GetState, set_state: SetState) -> None:
        """Register the commands when their definition changed; failure leaves the old ones."""
        definition = [command.to_dict(self) for command in self.get_commands()]
        text = json.dumps([self.client.application_id, definition], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if await get_state(STATE) == digest:
            return
        try:
            await self.sync()
        except FAILURES as error:
            log.warning("discord's commands not registered", error=words_of(error))
            return
        await set_state(STATE, digest)
        log.info("discord's commands registered", commands=len(definition))

    # --- what people do ------------------------------------------------------------------------

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Complete what is being typed, here: the library would print a traceback when it is too late."""
        if interaction.type is not discord.InteractionType.autocomplete:
            return True
        try:
            name, option, typed = _focused(interaction)
            kind = self._kinds.get((name, option))
            choices = [] if kind is None else await self._choices(kind, typed, interaction)
            await interaction.response.autocomplete(choices)
        except FAILURES as error:
            # Whoever types on asks again; 10062 says that it came too late.
            log.info("discord completion not answered", error=words_of(error))
        except Exception:
            log.exception("discord completion failed")
        return False

    async def _choices(
        self, kind: Suggested, typed: str, interaction: discord.Interaction
    ) -> list[app_commands.Choice[str]]:
        offered = await self._suggest(kind, typed, interaction)
        return [app_commands.Choice(name=choice.name, value=choice.value) for choice in offered]

    async def on_error(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        """Log what a command threw; an alert's way out never hangs on it."""
        cause = error.__cause__ or error
        data: Any = interaction.data or {}
        name = str(data.get("name", "unknown"))[:32]
        known = isinstance(cause, discord.DiscordException | aiohttp.ClientError | OSError)
        if known or isinstance(error, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
            log.warning("discord command not answered", command=name, error=words_of(cause))
        else:
            log.error("discord command failed", command=name, exc_info=cause)


def _typed(command: Command, options: dict[str, str | None]) -> tuple[str, ...]:
    """Return the options as one would have typed them after the command."""
    words: list[str] = []
    for argument in command.arguments:
        value = options.get(argument.name)
        if value:
            words += f"{argument.prefix} {value}".split()
    return tuple(words)


def _focused(interaction: discord.Interaction) -> tuple[str, str, str]:
    """Return command, option and the letters typed so far; empty where the platform sent none."""
    data: Any = interaction.data or {}
    for option in data.get("options", ()):
        if option.get("focused"):
            return str(data.get("name")), str(option.get("name")), str(option.get("value", ""))
    return "", "", ""


def _parameter(argument: Argument) -> inspect.Parameter:
    if argument.is_required:
        return inspect.Parameter(argument.name, inspect.Parameter.KEYWORD_ONLY, annotation=str)
    return inspect.Parameter(
        argument.name,
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Optional[str],  # noqa: UP045  the library reads this form
        default=None,
    )
