"""Read what Telegram sends: a command, a press, or news about a chat."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
import telegram
from telegram import Chat, Message, Update, User
from telegram.constants import ChatType, MessageEntityType

from bot.requests import Request
from core.model.alerts import Channel, Target

log = structlog.get_logger(__name__)

ALLOWED_UPDATES = ("message", "channel_post", "callback_query", "my_chat_member")
WORDS = 100


@dataclass(frozen=True, slots=True)
class Typed:
    """A command that somebody typed."""

    name: str
    words: tuple[str, ...]
    is_for_us: bool
    """It can't be meant for another bot in the group."""


def read_update(raw: Mapping[str, Any], bot: telegram.Bot) -> Update | None:
    """Return an update; None, with a line in the log, when it isn't one: it mustn't stop the others."""
    try:
        return Update.de_json(dict(raw), bot)
    except Exception as error:
        # Whatever a server sends, the library raises whatever it stumbles over.
        number = raw.get("update_id") if isinstance(raw, Mapping) else None
        log.error("unreadable telegram update skipped", update=number, error=type(error).__name__)
        return None


def typed_command(message: Message, username: str) -> Typed | None:
    """Return the command at the beginning of a message; None: there is none for this bot."""
    if not message.text or not message.entities:
        return None
    entity = message.entities[0]
    if entity.type != MessageEntityType.BOT_COMMAND or entity.offset != 0:
        return None
    name, _, bot = message.text[1 : entity.length].partition("@")
    if bot and bot.lower() != username.lower():
        return None
    words = tuple(message.text[entity.length :].split()[:WORDS])
    return Typed(name.lower(), words, bool(bot) or message.chat.type == ChatType.PRIVATE)


def author(message: Message) -> User | None:
    """Return the person who wrote; anonymous administrators and channels speak in a chat's name."""
    return message.from_user if message.sender_chat is None else None


def thread_of(message: telegram.MaybeInaccessibleMessage) -> int | None:
    """Return the topic that a message is in; of a message that is gone nothing is known."""
    if isinstance(message, Message) and message.is_topic_message:
        return message.message_thread_id
    return None


def make_request(
    chat: Chat,
    thread: int | None,
    person: User | None,
    words: tuple[str, ...],
    is_administrator: Callable[[], Awaitable[bool]],
    *,
    is_press: bool = False,
) -> Request:
    """Return what a command needs to know."""
    return Request(
        target=Target(Channel.TELEGRAM, str(chat.id), str(thread or "")),
        user_id=None if person is None else str(person.id),
        title=chat.title or chat.full_name or "",
        is_private=chat.type == ChatType.PRIVATE,
        words=words,
        is_administrator=is_administrator,
        within=Target(Channel.TELEGRAM, str(chat.id)) if thread else None,
        is_press=is_press,
    )
