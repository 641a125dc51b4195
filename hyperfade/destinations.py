"""Receivers that the settings name, not a chat: webhooks and the services that Apprise knows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from core.model.alerts import Channel
from core.ports import Notifier
from hyperfade.settings import Settings
from storage.destinations import Destinations

if TYPE_CHECKING:  # and inside the functions: nothing is loaded that isn't set
    from notifiers.apprise import AppriseNotifier
    from notifiers.webhook import WebhookNotifier
    from storage.database import Database


@asynccontextmanager
async def open_destinations(settings: Settings, database: "Database") -> AsyncIterator[list[Notifier]]:
    """Open what sends to them and make them known as chats; those taken out of the settings hear no more."""
    async with open_webhooks(settings) as webhooks, open_apprise(settings) as services:
        destinations = Destinations(database)
        await destinations.sync(Channel.WEBHOOK, webhooks.names if webhooks else ())
        await destinations.sync(Channel.APPRISE, services.names if services else ())
        yield [one for one in (webhooks, services) if one is not None]


@asynccontextmanager
async def open_webhooks(settings: Settings) -> AsyncIterator["WebhookNotifier | None"]:
    """Open what posts to webhooks; None where there are none."""
    webhooks = settings.webhooks()
    if not webhooks:
        yield None
        return
    from notifiers.webhook import WebhookNotifier
    from notifiers.webhook_client import webhook_session

    secret = "" if settings.webhook_secret is None else settings.webhook_secret.get_secret_value()
    async with webhook_session(allow_private=settings.webhook_allow_private) as session:
        yield WebhookNotifier(session, webhooks, secret)


@asynccontextmanager
async def open_apprise(settings: Settings) -> AsyncIterator["AppriseNotifier | None"]:
    """Open what sends to all other services; None where there are none. Raises SettingsError."""
    if not settings.apprise_urls:
        yield None
        return
    from notifiers.apprise import AppriseNotifier, read_service

    notifier = AppriseNotifier([read_service(one.get_secret_value()) for one in settings.apprise_urls])
    try:
        yield notifier
    finally:
        notifier.close()
