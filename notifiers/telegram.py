"""Send alerts to Telegram through a bot that somebody else opened."""

import structlog
import telegram
from telegram import LinkPreviewOptions, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import InvalidToken, TelegramError

from core.errors import MessageRefused
from core.model.alerts import Alert, Channel, Delivered, Target
from messages.limits import TELEGRAM_TEXT_UNITS, cut, plain_text
from messages.render import render_alert
from notifiers.telegram_errors import delivery_error, is_parse_error

log = structlog.get_logger(__name__)

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class TelegramNotifier:
    """Send one alert; an exit answers its entry."""

    channel = Channel.TELEGRAM

    def __init__(self, bot: telegram.Bot) -> None:
        self._bot = bot

    async def send(self, alert: Alert, now_ms: int) -> Delivered:
        """Send the alert in HTML; raises DeliveryError as ``telegram_errors`` says."""
        text = render_alert(alert, now_ms)
        try:
            return await self._send(alert, text, ParseMode.HTML)
        except TelegramError as error:
            if not is_parse_error(error):
                raise await self._meaning(error) from error
            log.error(
                "alert's markup refused, sent as plain text", alert=alert.alert_id, kind=alert.kind.value
            )
        try:
            return await self._send(alert, cut(plain_text(text), TELEGRAM_TEXT_UNITS), None)
        except TelegramError as error:
            raise await self._meaning(error) from error

    async def _send(self, alert: Alert, text: str, parse_mode: ParseMode | None) -> Delivered:
        reply = None
        if alert.reply_to is not None and alert.reply_to.isdecimal():
            # The entry may be deleted by now; the exit must come through all the same.
            reply = ReplyParameters(int(alert.reply_to), allow_sending_without_reply=True)
        message = await self._bot.send_message(
            chat_id=chat_id(alert.target),
            text=text,
            parse_mode=parse_mode,
            message_thread_id=int(alert.target.thread) if alert.target.thread else None,
            reply_parameters=reply,
            link_preview_options=NO_PREVIEW,
        )
        return Delivered(str(message.message_id))

    async def _meaning(self, error: TelegramError) -> Exception:
        """Ask who we are before a whole channel is stopped: a 404 may mean the method only."""
        if isinstance(error, InvalidToken):
            try:
                await self._bot.get_me()
            except TelegramError as second:
                return delivery_error(second)
            return MessageRefused("the token is right, yet this Bot API server doesn't know sendMessage")
        return delivery_error(error)


def chat_id(target: Target) -> int | str:
    """Return what Telegram calls ``chat_id``: a number, or a channel's ``@name``."""
    return int(target.chat) if target.chat.removeprefix("-").isdecimal() else target.chat
