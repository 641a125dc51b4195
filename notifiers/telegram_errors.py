"""What Telegram's answers mean for a delivery: one table, from the server's words to our errors.

``BadRequest`` and ``TimedOut`` are kinds of ``NetworkError`` in python-telegram-bot, so the concrete
class decides first, then the cause that the HTTP client left.
"""

from datetime import timedelta

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from core.errors import (
    ChannelRefused,
    DeliveryError,
    MessageRefused,
    NotSent,
    OutcomeUnknown,
    TargetGone,
    TargetMoved,
)

GONE = (
    "chat not found",
    "user not found",
    "peer_id_invalid",
    "group chat was deactivated",
    "message thread not found",
    "topic_closed",
    "topic_deleted",
    "not enough rights to send",
    "have no rights to send",
    "need administrator rights in the channel chat",
    "chat_write_forbidden",
    "bot is not a member",
)
"""Descriptions of a 400 that concern the target and not the message."""

PARSE = "can't parse entities"
UNCHANGED = "message is not modified"

BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""Failures before the first byte of the request: surely not sent."""


def is_parse_error(error: TelegramError) -> bool:
    """Tell whether Telegram couldn't read our markup."""
    return isinstance(error, BadRequest) and PARSE in error.message.lower()


def is_unchanged(error: TelegramError) -> bool:
    """Tell whether a message shows already what an edit was to show."""
    return isinstance(error, BadRequest) and UNCHANGED in error.message.lower()


def delivery_error(error: TelegramError) -> DeliveryError:
    """Return what a failed send means; 401 and 404 are one class, see ``TelegramNotifier``."""
    words = error.message
    match error:
        case RetryAfter():
            return NotSent(f"Telegram asks to slow down: {words}", retry_after_s=seconds(error.retry_after))
        case ChatMigrated():
            return TargetMoved("the group became a supergroup with a new id", str(error.new_chat_id))
        case Forbidden():
            return TargetGone(f"Telegram refuses this chat: {words}")
        case InvalidToken():
            return ChannelRefused(
                "Telegram refuses the bot's token: set HYPERFADE_TELEGRAM_TOKEN to what @BotFather shows"
            )
        case BadRequest():
            if any(gone in words.lower() for gone in GONE):
                return TargetGone(f"Telegram can't reach this chat: {words}")
            return MessageRefused(f"Telegram refuses our message: {words}")
        case Conflict():
            return NotSent(f"Telegram sees a conflict: {words}")
        case NetworkError() if isinstance(error.__cause__, BEFORE_SENDING):
            return NotSent(f"Telegram can't be reached: {type(error.__cause__).__name__}")
        case _:
            cause = type(error.__cause__ or error).__name__
            return OutcomeUnknown(f"no clear answer from Telegram: {cause}, {_first_line(words)}")


def seconds(retry_after: int | timedelta) -> float:
    """Return a wait in seconds; the library is moving from one type to the other."""
    return retry_after.total_seconds() if isinstance(retry_after, timedelta) else float(retry_after)


def _first_line(words: str) -> str:
    # A proxy's 502 carries a whole page of HTML.
    return words.partition("\n")[0][:120]
