"""A process that only dispatches, to be killed by a test: ``python -m tests.support.dispatching_child``.

Arguments: the database, Telegram's base URL and token, Discord's API, gateway and token.
"""

import asyncio
import os
import sys
from random import Random

from core.model.alerts import Channel
from core.ports import Notifier
from core.services.dispatching import DispatchService
from hyperfade.clock import WallClock
from hyperfade.connections import open_discord, open_telegram
from hyperfade.settings import Settings
from notifiers.discord import DiscordNotifier
from notifiers.pacing import Pacer
from notifiers.telegram import TelegramNotifier
from storage.database import open_database
from storage.outbox import Outbox
from storage.waker import Waker


async def main(
    dsn: str, telegram: str, telegram_token: str, api: str, gateway: str, discord_token: str
) -> None:
    """Dispatch to both platforms until killed."""
    settings = Settings.model_validate(
        {
            "telegram_base_url": telegram,
            "telegram_token": telegram_token,
            "discord_api_url": api,
            "discord_gateway_url": gateway,
            "discord_token": discord_token,
        }
    )
    async with (
        open_database(dsn) as database,
        open_telegram(settings) as bot,
        open_discord(settings) as client,
        Waker(database) as waker,
    ):
        assert bot is not None
        assert client is not None
        notifiers: dict[Channel, Notifier] = {
            Channel.TELEGRAM: TelegramNotifier(bot),
            Channel.DISCORD: DiscordNotifier(client),
        }
        await DispatchService(
            Outbox(database),
            notifiers,
            Pacer(asyncio.get_running_loop().time, settings.limits()),
            waker,
            WallClock(),
            asyncio.sleep,
            Random(),
            f"child {os.getpid()}",
        ).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
