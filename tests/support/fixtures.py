"""Fixtures that start the loopback servers; load them with `pytest_plugins`."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.discord_server import DiscordServer
from tests.support.telegram_server import TelegramServer
from tests.support.webhook_server import WebhookServer


@pytest_asyncio.fixture
async def telegram_server() -> AsyncIterator[TelegramServer]:
    """Serve the Telegram Bot API on loopback."""
    async with TelegramServer() as server:
        yield server


@pytest_asyncio.fixture
async def webhook_server() -> AsyncIterator[WebhookServer]:
    """Receive webhooks on loopback."""
    async with WebhookServer() as server:
        yield server


@pytest_asyncio.fixture
async def discord_server() -> AsyncIterator[DiscordServer]:
    """Serve Discord's REST API and gateway on loopback."""
    async with DiscordServer() as server:
        yield server
