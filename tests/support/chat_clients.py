"""The real client libraries, pointed at the loopback servers."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import discord
import telegram
from discord.gateway import DiscordWebSocket
from discord.http import Route
from telegram.request import HTTPXRequest

from bot.discord_endpoints import use_endpoints
from tests.support.discord_server import DiscordServer
from tests.support.telegram_server import TelegramServer


@asynccontextmanager
async def telegram_bot(
    server: TelegramServer, token: str = "", read_timeout_s: float = 5.0
) -> AsyncIterator[telegram.Bot]:
    """Build a bot that speaks to the server."""
    request = HTTPXRequest(connection_pool_size=16, read_timeout=read_timeout_s)
    polling = HTTPXRequest(connection_pool_size=1, read_timeout=read_timeout_s)
    bot = telegram.Bot(
        token or server.token, base_url=server.base_url, request=request, get_updates_request=polling
    )
    try:
        yield bot
    finally:
        await request.shutdown()
        await polling.shutdown()


@contextmanager
def discord_endpoints(server: DiscordServer) -> Iterator[None]:
    """Point discord.py at the server, and back."""
    before = Route.BASE, str(DiscordWebSocket.DEFAULT_GATEWAY)
    use_endpoints(server.api_url, str(server.gateway_url))
    try:
        yield
    finally:
        use_endpoints(*before)


@asynccontextmanager
async def discord_client(server: DiscordServer) -> AsyncIterator[discord.Client]:
    """Build a client that is logged in to the server, without a gateway."""
    with discord_endpoints(server):
        client = discord.Client(
            intents=discord.Intents(guilds=True), max_ratelimit_timeout=30.0, guild_ready_timeout=0.0
        )
        try:
            await client.login(server.token)
            yield client
        finally:
            await client.close()
