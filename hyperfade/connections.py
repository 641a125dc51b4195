"""The exchange and the chats: each opened once, as a context manager that closes it again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import structlog

from core.errors import SettingsError
from core.ports import Clock
from hyperfade.origin import exchange_origin
from hyperfade.settings import Settings

if TYPE_CHECKING:  # and inside the functions: nothing is loaded that isn't set
    import discord
    import httpx
    import telegram

    from bot.telegram_webhook import Hook
    from exchange.client import HyperliquidClient
    from exchange.transport import RequestLog

log = structlog.get_logger(__name__)

CONNECT_S = 10.0
READ_S = 30.0
LOGIN_S = 10.0
LONGEST_PAUSE_S = 60.0
TELEGRAM_CONNECTIONS = 128
"""Answers, alerts and the poll share them: none may wait for another's."""
USER_AGENT = "hyperfade/0.1 (+reads public data; one process)"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the exchange is."""

    url: str
    ws_url: str
    leaderboard_url: str
    weight_per_minute: int
    origin: str
    """Whose data this is; a database holds one exchange's only."""
    is_simulated: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Endpoints":
        """Return the endpoints that the settings name."""
        return cls(
            settings.exchange_url,
            settings.exchange_ws_url,
            settings.leaderboard_url,
            settings.weight_per_minute,
            exchange_origin(settings.exchange_url),
        )


@asynccontextmanager
async def open_http() -> "AsyncIterator[httpx.AsyncClient]":
    """Open an HTTP client over aiohttp, whose pool stays fast under concurrency."""
    import httpx
    from httpx_aiohttp import AiohttpTransport

    timeout = httpx.Timeout(READ_S, connect=CONNECT_S)
    headers = {"User-Agent": USER_AGENT}
    async with httpx.AsyncClient(transport=AiohttpTransport(), timeout=timeout, headers=headers) as http:
        yield http


@asynccontextmanager
async def open_exchange(
    endpoints: Endpoints, clock: Clock, log_request: "RequestLog"
) -> "AsyncIterator[HyperliquidClient]":
    """Open the client of the exchange with its share of the weight budget."""
    from exchange.client import HyperliquidClient
    from exchange.limits import DETECTION_RESERVE, WeightBudget

    async with open_http() as http:
        loop = asyncio.get_running_loop()
        yield HyperliquidClient(
            http,
            base_url=endpoints.url,
            leaderboard_url=endpoints.leaderboard_url,
            budget=WeightBudget(endpoints.weight_per_minute, reserve=DETECTION_RESERVE, monotonic=loop.time),
            now_ms=clock.now_ms,
            rng=Random(),
            log_request=log_request,
        )


@asynccontextmanager
async def open_telegram(settings: Settings) -> AsyncIterator["telegram.Bot | None"]:
    """Open the one Telegram bot object, for listener and notifier alike; None without a token.

    A wrong token stops the start; a Telegram that doesn't answer doesn't.
    """
    if settings.telegram_token is None:
        yield None
        return
    import telegram
    from telegram.request import HTTPXRequest

    bot = telegram.Bot(
        settings.telegram_token.get_secret_value(),
        base_url=settings.telegram_base_url,
        request=HTTPXRequest(connection_pool_size=TELEGRAM_CONNECTIONS, read_timeout=15.0),
    )
    try:
        try:
            await bot.get_me()
        except telegram.error.InvalidToken:
            raise SettingsError(
                "Telegram refuses the token: set HYPERFADE_TELEGRAM_TOKEN to what @BotFather shows"
            ) from None
        except telegram.error.TelegramError as error:
            log.warning("telegram doesn't answer yet", error=type(error).__name__)
        yield bot
    finally:
        with suppress(RuntimeError):
            await bot.shutdown()
        await bot.request.shutdown()


def telegram_hook(settings: Settings) -> "Hook | None":
    """Return where Telegram is to deliver; None: the bot asks."""
    from bot.telegram_webhook import Hook

    secret = settings.telegram_secret()
    if settings.telegram_webhook_url is None or secret is None:
        return None
    return Hook(
        settings.telegram_webhook_url,
        settings.telegram_webhook_host,
        settings.telegram_webhook_port,
        secret,
    )


@asynccontextmanager
async def open_discord(settings: Settings) -> AsyncIterator["discord.Client | None"]:
    """Make the one Discord client, for listener and notifier alike; None without a token.

    A wrong token stops the start; a Discord that doesn't answer doesn't: ``log_in_discord`` goes on.
    """
    if settings.discord_token is None:
        yield None
        return
    import discord

    from bot.discord_endpoints import use_endpoints

    # Nobody is to read that voice is missing: the bot has no use for it.
    discord.VoiceClient.warn_nacl = False
    discord.VoiceClient.warn_dave = False
    use_endpoints(settings.discord_api_url, settings.discord_gateway_url)
    client = discord.Client(
        intents=discord.Intents(guilds=True),
        allowed_mentions=discord.AllowedMentions.none(),
        max_ratelimit_timeout=30.0,
    )
    try:
        await log_in_discord(client, settings, tries=1)
        yield client
    finally:
        await client.close()


async def log_in_discord(
    client: "discord.Client", settings: Settings, tries: int | None = None, timeout_s: float = LOGIN_S
) -> None:
    """Log in unless that is done: again and again, up to so many tries. Raises SettingsError.

    ``timeout_s``: how long one try may take; the library itself would wait for minutes.
    """
    import aiohttp
    import discord

    assert settings.discord_token is not None
    pause_s = 2.0
    tried = 0
    while client.user is None:
        try:
            async with asyncio.timeout(timeout_s):
                await client.login(settings.discord_token.get_secret_value())
        except discord.LoginFailure:
            raise SettingsError(
                "Discord refuses the token: set HYPERFADE_DISCORD_TOKEN to the one of your bot's page"
            ) from None
        except (discord.DiscordException, OSError, aiohttp.ClientError) as error:
            tried += 1
            # Each try opens a session over the same connector, which a session takes along when it closes.
            await client.http.close()
            client.http.connector = discord.utils.MISSING
            log.warning("discord doesn't answer yet", error=type(error).__name__)
            if tried == tries:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
