"""Show an answer on Telegram: as a new message, in place of an old one, or over the chat."""

import html
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog
import telegram
from telegram import InputMediaPhoto, LinkPreviewOptions, Message, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import BadRequest, TelegramError

from bot.requests import Picture, Reply
from bot.telegram_calls import TelegramCalls, says, words
from core.model.buttons import Rows
from messages.limits import (
    NOTICE,
    TELEGRAM_CAPTION_UNITS,
    TELEGRAM_TEXT_UNITS,
    cut,
    plain_text,
    utf16_units,
)
from messages.telegram_keyboard import telegram_keyboard

log = structlog.get_logger(__name__)

SHORT_NOTICE = 60
"""Longer words are shown until they are confirmed, not for two seconds."""

UNREADABLE = "can't parse entities"
UNCHANGED = "message is not modified"
TOO_OLD = "query is too old"
NOT_EDITABLE = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "there is no text in the message to edit",
)
TOPIC_GONE = ("message thread not found", "topic_closed", "topic_deleted")

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
Show = Callable[[str, ParseMode | None], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer goes."""

    chat_id: int
    thread_id: int | None
    message_id: int | None
    """The message that it answers; None in private chats, where that is plain to see."""


class TelegramReplies:
    """Answers through one bot; every method raises TelegramError."""

    def __init__(self, bot: telegram.Bot, calls: TelegramCalls) -> None:
        self._bot = bot
        self._calls = calls

    async def send(self, place: Place, reply: Reply) -> None:
        """Send a new message into its topic, or into the chat when the topic is gone."""
        try:
            await self._send(place, reply)
        except TelegramError as error:
            if place.thread_id is None or not says(error, *TOPIC_GONE):
                raise
            await self._send(replace(place, thread_id=None), reply)

    async def edit(self, message: Message, reply: Reply) -> bool:
        """Show the answer in place of what a message shows; False when this message can't."""
        if reply.picture is not None and not _is_caption(reply.text):
            return False  # two messages' worth
        if reply.picture is None and not message.text:
            return False  # a picture can't become text
        try:
            if reply.picture is None:
                await self._edit_text(message, reply)
            else:
                await self._edit_picture(message, reply, reply.picture)
        except TelegramError as error:
            if says(error, *NOT_EDITABLE):
                return False
            if not says(error, UNCHANGED):
                raise
        return True

    async def answer_press(self, query_id: str, notice: str = "") -> None:
        """End a button's waiting, with words shown over the chat; a press of long ago has ended by itself."""
        shown = cut(notice, NOTICE)
        try:
            await self._bot.answer_callback_query(
                query_id, text=shown or None, show_alert=len(shown) > SHORT_NOTICE
            )
        except TelegramError as error:
            if not says(error, TOO_OLD, "query_id_invalid"):
                log.warning("telegram press not answered", error=words(error))

    async def _send(self, place: Place, reply: Reply) -> None:
        is_caption = reply.picture is not None and _is_caption(reply.text)
        if reply.picture is not None:
            try:
                if is_caption:
                    await self._send_picture(place, reply.picture, reply.text, reply.buttons)
                else:
                    await self._send_picture(place, reply.picture, html.escape(reply.picture.alt), ())
            except BadRequest as error:
                if says(error, *TOPIC_GONE):
                    raise
                # A group may forbid pictures; the words say the same.
                log.warning("telegram picture refused", chat=place.chat_id, error=words(error))
                is_caption = False
        if not is_caption:
            await self._send_text(place, reply.text, reply.buttons)

    async def _send_text(self, place: Place, text: str, buttons: Rows) -> None:
        async def show(words: str, mode: ParseMode | None) -> object:
            return await self._bot.send_message(
                chat_id=place.chat_id,
                text=words,
                parse_mode=mode,
                message_thread_id=place.thread_id,
                reply_parameters=_answering(place),
                reply_markup=telegram_keyboard(buttons),
                link_preview_options=_NO_PREVIEW,
            )

        await self._marked_up(show, text, TELEGRAM_TEXT_UNITS)

    async def _send_picture(self, place: Place, picture: Picture, text: str, buttons: Rows) -> None:
        async def show(words: str, mode: ParseMode | None) -> object:
            return await self._photo(place, picture, words, mode, buttons)

        await self._marked_up(show, text, TELEGRAM_CAPTION_UNITS)

    async def _photo(
        self, place: Place, picture: Picture, caption: str, mode: ParseMode | None, buttons: Rows
    ) -> object:
        return await self._bot.send_photo(
            chat_id=place.chat_id,
            photo=picture.png,
            filename=picture.name,
            caption=caption or None,
            parse_mode=mode,
            message_thread_id=place.thread_id,
            reply_parameters=_answering(place),
            reply_markup=telegram_keyboard(buttons),
        )

    async def _edit_text(self, message: Message, reply: Reply) -> None:
        async def show(words: str, mode: ParseMode | None) -> object:
            return await self._bot.edit_message_text(
                words,
                chat_id=message.chat.id,
                message_id=message.message_id,
                parse_mode=mode,
                reply_markup=telegram_keyboard(reply.buttons),
                link_preview_options=_NO_PREVIEW,
            )

        await self._marked_up(show, reply.text, TELEGRAM_TEXT_UNITS)

    async def _edit_picture(self, message: Message, reply: Reply, picture: Picture) -> None:
        async def show(words: str, mode: ParseMode | None) -> object:
            return await self._bot.edit_message_media(
                InputMediaPhoto(picture.png, words or None, mode, filename=picture.name),
                chat_id=message.chat.id,
                message_id=message.message_id,
                reply_markup=telegram_keyboard(reply.buttons),
            )

        await self._marked_up(show, reply.text, TELEGRAM_CAPTION_UNITS)

    async def _marked_up(self, show: Show, text: str, units: int) -> None:
        """Show HTML; when Telegram can't read it, which is our fault, show it as plain text."""
        try:
            await self._calls.once_more(lambda: show(text, ParseMode.HTML))
        except TelegramError as error:
            if not says(error, UNREADABLE):
                raise
            log.error("answer's markup refused, sent as plain text", error=words(error))
            await self._calls.once_more(lambda: show(cut(plain_text(text), units), None))


def _answering(place: Place) -> ReplyParameters | None:
    if place.message_id is None:
        return None
    return ReplyParameters(place.message_id, allow_sending_without_reply=True)


def _is_caption(text: str) -> bool:
    return utf16_units(plain_text(text)) <= TELEGRAM_CAPTION_UNITS
