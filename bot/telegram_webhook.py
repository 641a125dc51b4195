"""Let Telegram deliver updates: an HTTP server of our own that believes only who knows the secret.

Telegram sends one update of a chat at a time, and repeats what isn't answered with success.
"""

import asyncio
import hmac
import json
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
import telegram
from aiohttp import web
from telegram import WebhookInfo

from bot.telegram_calls import TelegramCalls
from bot.telegram_polling import Take
from core.errors import ChannelRefused
from core.ports import Sleep

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

log = structlog.get_logger(__name__)

HEADER = "X-Telegram-Bot-Api-Secret-Token"
LARGEST_BODY = 1024 * 1024
BODY_S = 10.0
WATCH_S = 300.0
"""How often Telegram is asked whether it still delivers to us."""


@dataclass(frozen=True, slots=True)
class Hook:
    """Where Telegram delivers, and where that arrives on this machine."""

    url: str
    """Public; a reverse proxy or tunnel leads from it to ``host`` and ``port``."""
    host: str
    port: int
    secret: str = field(repr=False)


class Webhook:
    """The updates of one bot as Telegram delivers them."""

    def __init__(
        self,
        bot: telegram.Bot,
        calls: TelegramCalls,
        allowed: Sequence[str],
        hook: Hook,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._bot = bot
        self._calls = calls
        self._allowed = tuple(allowed)
        self._hook = hook
        self._sleep = sleep

    async def run(self, take: Take) -> None:
        """Hand over updates until cancelled; raises ChannelRefused when the token or the port is wrong."""
        async with self._serving(take):
            await self._calls.until_it_works(self._register)
            log.info("telegram delivers", url=self._hook.url, host=self._hook.host, port=self._hook.port)
            told: int | None = None
            while True:
                await self._sleep(WATCH_S)
                told = await self._watch(told)

    async def _register(self) -> bool:
        return await self._bot.set_webhook(
            self._hook.url, secret_token=self._hook.secret, allowed_updates=self._allowed
        )

    async def _watch(self, told: int | None) -> int | None:
        """Say when Telegram can't deliver, and register again when somebody took the webhook away."""
        info: WebhookInfo = await self._calls.until_it_works(self._bot.get_webhook_info)
        if info.url != self._hook.url:
            log.error("another process took Telegram's webhook away: stop one of them")
            await self._calls.until_it_works(self._register)
            return None
        failed = None if info.last_error_date is None else round(info.last_error_date.timestamp())
        if failed is not None and failed != told:
            log.warning(
                "telegram couldn't deliver", error=info.last_error_message, waiting=info.pending_update_count
            )
        return failed

    @asynccontextmanager
    async def _serving(self, take: Take) -> "AsyncIterator[None]":
        async def receive(request: web.Request) -> web.Response:
            return await self._receive(request, take)

        application = web.Application(client_max_size=LARGEST_BODY)
        # A proxy may shorten the path; what counts is the secret.
        application.router.add_route("*", "/{path:.*}", receive)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, self._hook.host, self._hook.port).start()
            except OSError as error:
                raise ChannelRefused(
                    f"can't listen on {self._hook.host}:{self._hook.port} ({error.strerror}): change "
                    "HYPERFADE_TELEGRAM_WEBHOOK_HOST or HYPERFADE_TELEGRAM_WEBHOOK_PORT"
                ) from error
            yield
        finally:
            await runner.cleanup()

    async def _receive(self, request: web.Request, take: Take) -> web.Response:
        said = request.headers.get(HEADER, "").encode(errors="replace")
        if request.method != "POST" or not hmac.compare_digest(said, self._hook.secret.encode()):
            return web.Response(status=403)
        try:
            async with asyncio.timeout(BODY_S):
                update: Any = json.loads(await request.read())
        except (ValueError, TimeoutError, RecursionError):
            return web.Response(status=400)
        if not isinstance(update, dict):
            return web.Response(status=400)
        await take(update)
        return web.Response()
