"""Show an answer on Telegram: as a new message, in place of an old one, or over the chat."""

import html
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

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
T = TypeVar("T")


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

    async def show(self, place: Place, reply: Reply, old: Message | None = None) -> None:
        """Show the answer in place of what an old message shows, or as a new one in its topic.

        New is what the old one can't become. When the topic is gone the chat gets it.
        """
        if old is not None and await self._edit(old, reply):
            return
        try:
            await self._send(place, reply, old)
        except TelegramError as error:
            if place.thread_id is None or not says(error, *TOPIC_GONE):
                raise
            await self._send(replace(place, thread_id=None), reply, old)

    async def _edit(self, message: Message, reply: Reply) -> bool:
        """Show the answer in place of what a message shows; False when this message can't."""
        above = _picture_above(message)
        picture = reply.picture
        if above is not None:
            if picture is not None:
                await self._renew(above, picture)
            return await self._changed(self._edit_text(message, reply))
        if picture is None:
            # A picture can't become text.
            return bool(message.text) and await self._changed(self._edit_text(message, reply))
        if not _is_caption(reply.text):
            return False  # two messages' worth
        return await self._changed(self._edit_picture(message, picture, reply.text, reply.buttons))

    async def _renew(self, above: Message, picture: Picture) -> None:
        """Change the picture above its words; where that isn't allowed the words are changed all the same."""
        try:
            await self._changed(self._edit_picture(above, picture, html.escape(picture.alt), ()))
        except BadRequest as error:
            log.warning("telegram picture refused", chat=above.chat.id, error=words(error))

    async def _changed(self, edit: Awaitable[object]) -> bool:
        """Tell whether a message shows what it should now."""
        try:
            await edit
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

    async def _send(self, place: Place, reply: Reply, old: Message | None) -> None:
        picture = reply.picture
        if picture is not None:
            try:
                if _is_caption(reply.text):
                    await self._send_picture(place, picture, reply.text, reply.buttons)
                    return
                above = await self._send_picture(place, picture, html.escape(picture.alt), ())
            except BadRequest as error:
                if says(error, *TOPIC_GONE):
                    raise
                # A group may forbid pictures; the words say the same.
                log.warning("telegram picture refused", chat=place.chat_id, error=words(error))
                if old is not None and old.text and await self._changed(self._edit_text(old, reply)):
                    return
            else:
                # As an answer to its picture the text leads to it: a press gets both, to be changed together.
                place = replace(place, message_id=above.message_id)
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

    async def _send_picture(self, place: Place, picture: Picture, text: str, buttons: Rows) -> Message:
        async def show(words: str, mode: ParseMode | None) -> Message:
            return await self._photo(place, picture, words, mode, buttons)

        return await self._marked_up(show, text, TELEGRAM_CAPTION_UNITS)

    async def _photo(
        self, place: Place, picture: Picture, caption: str, mode: ParseMode | None, buttons: Rows
    ) -> Message:
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

    async def _edit_picture(self, message: Message, picture: Picture, text: str, buttons: Rows) -> None:
        async def show(words: str, mode: ParseMode | None) -> object:
            return await self._bot.edit_message_media(
                InputMediaPhoto(picture.png, words or None, mode, filename=picture.name),
                chat_id=message.chat.id,
                message_id=message.message_id,
                reply_markup=telegram_keyboard(buttons),
            )

        await self._marked_up(show, text, TELEGRAM_CAPTION_UNITS)

    async def _marked_up(
        self, show: Callable[[str, ParseMode | None], Awaitable[T]], text: str, units: int
    ) -> T:
        """Show HTML; when Telegram can't read it, which is our fault, show it as plain text."""
        try:
            return await self._calls.once_more(lambda: show(text, ParseMode.HTML))
        except TelegramError as error:
            if not says(error, UNREADABLE):
                raise
            log.error("answer's markup refused, sent as plain text", error=words(error))
            return await self._calls.once_more(lambda: show(cut(plain_text(text), units), None))


def _answering(place: Place) -> ReplyParameters | None:
    if place.message_id is None:
        return None
    return ReplyParameters(place.message_id, allow_sending_without_reply=True)


def _picture_above(message: Message) -> Message | None:
    """Return the picture that a text was too long to be the caption of: it answers that one.

    A picture with buttons is an answer of its own, under which somebody pressed.
    """
    above = message.reply_to_message
    if not message.text or above is None or not above.photo or above.reply_markup is not None:
        return None
    return above


def _is_caption(text: str) -> bool:
    return utf16_units(plain_text(text)) <= TELEGRAM_CAPTION_UNITS
