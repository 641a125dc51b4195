"""The product's listener on Discord over rows held in memory, connected to a loopback server."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import discord

from bot.access import Access
from bot.answers import Answers
from bot.charts import Charts
from bot.commands import Commands
from bot.discord import DiscordListener
from bot.requests import Command
from bot.suggestions import Suggestions
from core.errors import ChannelRefused
from core.model.alerts import Channel, Target
from core.model.chats import Role
from tests.support.chat_clients import discord_client
from tests.support.chat_desk import ChatRows, FactRows, Noon, make_commands, trips_of
from tests.support.discord_server import DiscordServer


@dataclass
class DiscordDesk:
    """What a test looks at and disturbs."""

    server: DiscordServer
    commands: Commands
    chats: ChatRows
    facts: FactRows
    client: discord.Client
    task: asyncio.Task[None]


def discord_listener(
    client: discord.Client, commands: Commands, chats: ChatRows, facts: FactRows, within_s: float = 2.0
) -> DiscordListener:
    """Build the listener as the composition root does."""
    rows: Any = facts
    suggestions = Suggestions(Answers(rows, rows, rows, Noon(), trips_of), chats, within_s)

    async def keep(key: str, value: str) -> None:
        facts.state_rows[key] = value

    return DiscordListener(client, commands, suggestions, chats, chats.switch_off, facts.state, keep)


@asynccontextmanager
async def discord_desk(
    server: DiscordServer,
    person: int,
    *,
    chats: ChatRows | None = None,
    facts: FactRows | None = None,
    extra: Iterable[Command] | None = None,
    charts: Charts | None = None,
    within_s: float = 2.0,
) -> AsyncIterator[DiscordDesk]:
    """Listen on a server where a person's direct channel and the guild's channel are let in.

    ``chats`` and ``facts``: what an earlier life left; ``extra``: these commands instead of the list.
    """
    commands, chats, fresh, clock = make_commands(chats=chats, charts=charts)
    facts = facts or fresh
    if extra is not None:
        commands = Commands(extra, Access(chats, clock))
    for place in (server.direct_channel(person).id, server.channel_id):
        target = Target(Channel.DISCORD, str(place))
        if target not in chats.rows:
            chats.let_in(target, Role.MEMBER)
    async with discord_client(server) as client:
        work = discord_listener(client, commands, chats, facts, within_s).run()
        task = asyncio.create_task(work)
        # A client of an earlier life may just be leaving.
        connected = asyncio.create_task(client.wait_until_ready())
        try:
            await asyncio.wait({task, connected}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
            yield DiscordDesk(server, commands, chats, facts, client, task)
        finally:
            connected.cancel()
            task.cancel()
            with suppress(asyncio.CancelledError, ChannelRefused):
                await task
