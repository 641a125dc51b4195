"""Call Telegram with patience: what is worth another try, what stops the bot, and how long to wait."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import structlog
import telegram
from telegram.error import BadRequest, Conflict, EndPointNotFound, InvalidToken, RetryAfter, TelegramError

from core.errors import ChannelRefused
from core.ports import Sleep

log = structlog.get_logger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0

T = TypeVar("T")


class TelegramCalls:
    """One bot, and how long to wait for it."""

    def __init__(self, bot: telegram.Bot, sleep: Sleep = asyncio.sleep) -> None:
        self._bot = bot
        self._sleep = sleep

    async def until_it_works(self, call: Callable[[], Awaitable[T]]) -> T:
        """Repeat a call until it succeeds, with growing pauses; raises ChannelRefused."""
        failures = 0
        while True:
            try:
                return await call()
            except (InvalidToken, EndPointNotFound) as error:
                await self._check_token(error)
                pause = LONGEST_PAUSE_S
            except RetryAfter as error:
                pause = seconds(error.retry_after)
            except Conflict:
                log.error("another process polls Telegram with this bot's token: stop one of them")
                pause = LONGEST_PAUSE_S / 2
            except TelegramError as error:
                pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures, 10))
                log.warning("telegram doesn't answer", error=words(error), retry_s=pause)
            failures += 1
            await self._sleep(pause)

    async def once_more(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call, and once again when Telegram asks to slow down."""
        try:
            return await call()
        except RetryAfter as error:
            await self._sleep(min(seconds(error.retry_after), LONGEST_PAUSE_S))
            return await call()

    async def _check_token(self, refused: TelegramError) -> None:
        """Raise ChannelRefused when the token is wrong: a 404 may mean the method only."""
        try:
            await self._bot.get_me()
        except InvalidToken:
            raise ChannelRefused(
                "Telegram refuses the bot's token: set HYPERFADE_TELEGRAM_TOKEN to what @BotFather shows"
            ) from None
        except TelegramError as error:
            log.warning("telegram doesn't answer", error=words(error))
        else:
            log.error("this Bot API server doesn't know a method", error=words(refused))


def seconds(retry_after: int | timedelta) -> float:
    """Return a wait in seconds; the library is moving from one type to the other."""
    return retry_after.total_seconds() if isinstance(retry_after, timedelta) else float(retry_after)


def words(error: TelegramError) -> str:
    """Return an error in one line: a proxy's carries a whole page of HTML."""
    return f"{type(error).__name__}: {error.message.partition(chr(10))[0][:120]}"


def says(error: TelegramError, *texts: str) -> bool:
    """Tell whether Telegram refuses a request in one of these words (lower case)."""
    return isinstance(error, BadRequest) and any(text in error.message.lower() for text in texts)
