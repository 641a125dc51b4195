"""Send alerts to Telegram through a bot that somebody else opened."""

import structlog
import telegram
from telegram import LinkPreviewOptions, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import InvalidToken, TelegramError

from core.errors import MessageRefused
from core.model.alerts import Alert, Channel, Delivered, Target
from messages.alert_buttons import alert_buttons
from messages.limits import TELEGRAM_TEXT_UNITS, cut, plain_text
from messages.render import render_alert
from messages.telegram_keyboard import telegram_keyboard
from notifiers.telegram_errors import delivery_error, is_parse_error, is_unchanged

log = structlog.get_logger(__name__)

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class TelegramNotifier:
    """Send one alert; an exit answers its entry, an update edits it."""

    channel = Channel.TELEGRAM

    def __init__(self, bot: telegram.Bot) -> None:
        self._bot = bot

    async def send(self, alert: Alert, now_ms: int) -> Delivered:
        """Send the alert in HTML; raises DeliveryError as ``telegram_errors`` says."""
        text = render_alert(alert, now_ms)
        show = self._edit if alert.edits else self._send
        try:
            return await show(alert, text, ParseMode.HTML)
        except TelegramError as error:
            if not is_parse_error(error):
                raise await self._meaning(error) from error
            log.error(
                "alert's markup refused, sent as plain text", alert=alert.alert_id, kind=alert.kind.value
            )
        try:
            return await show(alert, cut(plain_text(text), TELEGRAM_TEXT_UNITS), None)
        except TelegramError as error:
            raise await self._meaning(error) from error

    async def _send(self, alert: Alert, text: str, parse_mode: ParseMode | None) -> Delivered:
        answered = message_id(alert)
        message = await self._bot.send_message(
            chat_id=chat_id(alert.target),
            text=text,
            parse_mode=parse_mode,
            message_thread_id=int(alert.target.thread) if alert.target.thread else None,
            # The entry may be deleted by now; the exit must come through all the same.
            reply_parameters=None
            if answered is None
            else ReplyParameters(answered, allow_sending_without_reply=True),
            reply_markup=telegram_keyboard(alert_buttons(alert)),
            link_preview_options=NO_PREVIEW,
            disable_notification=alert.is_silent,
        )
        return Delivered(str(message.message_id))

    async def _edit(self, alert: Alert, text: str, parse_mode: ParseMode | None) -> Delivered:
        edited = message_id(alert)
        if edited is None:
            raise MessageRefused("there is no message to edit: the alert that it belongs to wasn't sent")
        try:
            await self._bot.edit_message_text(
                text,
                chat_id=chat_id(alert.target),
                message_id=edited,
                parse_mode=parse_mode,
                reply_markup=telegram_keyboard(alert_buttons(alert)),
                link_preview_options=NO_PREVIEW,
            )
        except TelegramError as error:
            if not is_unchanged(error):
                raise
        return Delivered(str(edited))

    async def _meaning(self, error: TelegramError) -> Exception:
        """Ask who we are before a whole channel is stopped: a 404 may mean the method only."""
        if isinstance(error, InvalidToken):
            try:
                await self._bot.get_me()
            except TelegramError as second:
                return delivery_error(second)
            return MessageRefused("the token is right, yet this Bot API server doesn't know the method")
        return delivery_error(error)


def chat_id(target: Target) -> int | str:
    """Return what Telegram calls ``chat_id``: a number, or a channel's ``@name``."""
    return int(target.chat) if target.chat.removeprefix("-").isdecimal() else target.chat


def message_id(alert: Alert) -> int | None:
    """Return the message that an alert answers or edits."""
    return int(alert.reply_to) if alert.reply_to is not None and alert.reply_to.isdecimal() else None
