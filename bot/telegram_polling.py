"""Ask Telegram for updates: long polling, the way that needs no open port.

The library's own polling isn't used: it ends in silence when a token is revoked, which must stop
this channel aloud, and asks for ever for the same update when there is one that it can't read.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
import telegram
from telegram.error import TelegramError

from bot.telegram_calls import TelegramCalls, words

log = structlog.get_logger(__name__)

POLL_S = 10
ANSWER_S = 5.0
"""How much longer than its waiting time a poll may take."""

GET_UPDATES = "getupdates"
"""Methods are case-insensitive; the library wants its own ``get_updates``, which reads all or none."""

RawUpdate = Mapping[str, Any]
Take = Callable[[RawUpdate], Awaitable[None]]


class Polling:
    """The updates of one bot, each handed over once, in order."""

    def __init__(
        self, bot: telegram.Bot, calls: TelegramCalls, allowed: Sequence[str], poll_s: int = POLL_S
    ) -> None:
        self._bot = bot
        self._calls = calls
        self._allowed = tuple(allowed)
        self._poll_s = poll_s
        self._offset = 0

    async def run(self, take: Take) -> None:
        """Hand over updates until cancelled; raises ChannelRefused when the token is wrong."""
        await self._calls.until_it_works(self._bot.delete_webhook)
        try:
            while True:
                for update in await self._calls.until_it_works(self._poll):
                    await take(update)
        finally:
            await self._acknowledge()

    async def _poll(self) -> Sequence[RawUpdate]:
        updates = await self._get(self._poll_s, 100)
        known = [update["update_id"] for update in updates]
        if known:
            # Asking for the next one is the acknowledgement.
            self._offset = max(known) + 1
        return updates

    async def _acknowledge(self) -> None:
        """Tell Telegram what was read, so that a restart doesn't answer it again."""
        if self._offset:
            try:
                await self._get(0, 1)
            except TelegramError as error:
                log.debug("last updates not acknowledged", error=words(error))

    async def _get(self, wait_s: int, limit: int) -> Sequence[RawUpdate]:
        found: Any = await self._bot.do_api_request(
            GET_UPDATES,
            {
                "offset": self._offset,
                "timeout": wait_s,
                "limit": limit,
                "allowed_updates": list(self._allowed),
            },
            read_timeout=wait_s + (ANSWER_S if wait_s else 2.0),
        )
        if not isinstance(found, list) or not all(_has_id(one) for one in found):
            raise TelegramError("updates without an id: is this a Bot API server?")
        return found


def _has_id(update: Any) -> bool:
    return isinstance(update, dict) and isinstance(update.get("update_id"), int)
