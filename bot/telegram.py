"""Listen on Telegram: answer commands and presses, and keep track of where the bot is welcome."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import structlog
import telegram
from telegram import CallbackQuery, Message, User
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import TelegramError

from bot.commands import Commands
from bot.telegram_calls import TelegramCalls, words
from bot.telegram_menu import register_menu
from bot.telegram_polling import POLL_S, Polling
from bot.telegram_replies import Place, TelegramReplies
from bot.telegram_updates import (
    ALLOWED_UPDATES,
    author,
    make_request,
    read_update,
    thread_of,
    typed_command,
)
from bot.telegram_webhook import Hook, Webhook
from bot.turns import Turns
from core.errors import ChannelRefused, HyperfadeError
from core.model.alerts import Channel, Target
from core.ports import ChatStore, Sleep
from messages.presses import read_press

log = structlog.get_logger(__name__)

AT_ONCE = 64
"""Commands that are answered at the same time; more wait on Telegram's side."""

TOPIC_UNKNOWN = "This message is too old to tell its topic. Please send the command there again."
NO_ANSWER = "That can't be answered now. Please try again in a minute."

SwitchOff = Callable[[Target, str], Awaitable[None]]
Move = Callable[[Target, str], Awaitable[None]]
IsNew = Callable[[int], Awaitable[bool]]


class TelegramListener:
    """Answer on Telegram until cancelled; only one process may do so with one token."""

    def __init__(
        self,
        bot: telegram.Bot,
        commands: Commands,
        chats: ChatStore,
        switch_off: SwitchOff,
        move: Move,
        is_new: IsNew,
        *,
        hook: Hook | None = None,
        sleep: Sleep = asyncio.sleep,
        poll_s: int = POLL_S,
    ) -> None:
        """``switch_off`` and ``move`` are the outbox's ``disable_target`` and ``move_target``.

        ``is_new`` remembers an update's id and tells whether it was unknown. ``hook``: where Telegram
        is to deliver; without it the bot asks.
        """
        self._bot = bot
        self._commands = commands
        self._chats = chats
        self._switch_off = switch_off
        self._move = move
        self._is_new = is_new
        self._calls = TelegramCalls(bot, sleep)
        self._replies = TelegramReplies(bot, self._calls)
        self._source = (
            Polling(bot, self._calls, ALLOWED_UPDATES, poll_s)
            if hook is None
            else Webhook(bot, self._calls, ALLOWED_UPDATES, hook, sleep)
        )
        self._username = ""
        self._turns = Turns()
        """Answers come in the order of what they answer."""
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Listen until cancelled; raises ChannelRefused when the token is wrong."""
        me = await self._calls.until_it_works(self._bot.get_me)
        self._username = me.username or ""
        await register_menu(self._bot, self._commands.commands)
        log.info("telegram listens", bot=self._username)
        try:
            async with asyncio.TaskGroup() as answering:
                await self._source.run(lambda raw: self._take(raw, answering))
        except* ChannelRefused as group:
            raise group.exceptions[0] from None

    # --- updates -------------------------------------------------------------------------------

    async def _take(self, raw: Mapping[str, Any], answering: asyncio.TaskGroup) -> None:
        """Begin to handle an update that wasn't handled before; returns before the answer is out."""
        update = read_update(raw, self._bot)
        if update is None or not await self._is_first_time(update.update_id):
            return
        message = update.message or update.channel_post
        try:
            if update.my_chat_member is not None:
                await self._follow_membership(update.my_chat_member)
            elif message is not None and message.migrate_to_chat_id is not None:
                await self._move(
                    Target(Channel.TELEGRAM, str(message.chat.id)), str(message.migrate_to_chat_id)
                )
            elif message is not None:
                await self._begin(answering, self._answer(message), message.chat.id)
            elif update.callback_query is not None:
                query = update.callback_query
                await self._begin(answering, self._answer_press(query), query.from_user.id)
        except HyperfadeError as error:
            log.error("telegram update not stored", error=str(error))

    async def _is_first_time(self, update_id: int) -> bool:
        try:
            return await self._is_new(update_id)
        except HyperfadeError as error:
            # Without a database nothing can be changed twice either; people get told by the answer.
            log.error("telegram update not noted", error=str(error))
            return True

    async def _begin(self, answering: asyncio.TaskGroup, work: Coroutine[Any, Any, None], where: int) -> None:
        """Start answering when there is a slot: a slow command holds up nobody else's."""
        try:
            await self._slots.acquire()
        except asyncio.CancelledError:
            work.close()
            raise
        answering.create_task(self._guarded(work, where))

    async def _guarded(self, work: Coroutine[Any, Any, None], where: int) -> None:
        try:
            await work
        except TelegramError as error:
            log.warning("telegram command not answered", chat=where, error=words(error))
        except Exception:
            # A fault in one command must not take alerts and everybody else's commands down.
            log.exception("telegram command failed", chat=where)
        finally:
            self._slots.release()

    async def _follow_membership(self, change: telegram.ChatMemberUpdated) -> None:
        """Switch a chat off when the bot was blocked or removed, and on when it is back."""
        target = Target(Channel.TELEGRAM, str(change.chat.id))
        status = change.new_chat_member.status
        if await self._chats.chat(target) is None:
            return
        if status in (ChatMemberStatus.BANNED, ChatMemberStatus.LEFT):
            await self._switch_off(target, "the bot was blocked or removed")
        elif status in (ChatMemberStatus.MEMBER, ChatMemberStatus.ADMINISTRATOR):
            await self._chats.enable(target)

    # --- answers -------------------------------------------------------------------------------

    async def _answer(self, message: Message) -> None:
        typed = typed_command(message, self._username)
        if typed is None:
            return
        if not typed.is_for_us and typed.name not in {known.name for known in self._commands.commands}:
            # In a group it may be another bot's.
            return
        person, thread = author(message), thread_of(message)
        request = make_request(
            message.chat, thread, person, typed.words, self._rights_of(message.chat.id, person)
        )
        async with self._turns.of(request.target):
            reply = await self._commands.handle(typed.name, request)
            if reply is not None:
                await self._replies.show(_place(message), reply)

    async def _answer_press(self, query: CallbackQuery) -> None:
        """Do what a button says for the one who pressed it; the button stops waiting in any case."""
        try:
            notice = await self._press(query)
        except Exception:
            await self._replies.answer_press(query.id, NO_ANSWER)
            raise
        await self._replies.answer_press(query.id, notice)

    async def _press(self, query: CallbackQuery) -> str:
        """Show the answer to a press; return the words to be shown over the chat."""
        message, press = query.message, read_press(query.data or "")
        if message is None or press is None:
            return ""
        if message.chat.is_forum and not message.is_accessible:
            # Every topic has its own wishes: those of another mustn't be changed.
            return TOPIC_UNKNOWN
        person = query.from_user
        request = make_request(
            message.chat,
            thread_of(message),
            person,
            press.words,
            self._rights_of(message.chat.id, person),
            is_press=True,
        )
        async with self._turns.of(request.target):
            reply = await self._commands.handle(press.name, request)
            if reply is None or reply.notice:
                return reply.notice if reply is not None else ""
            old = message if press.edits and isinstance(message, Message) else None
            await self._replies.show(_place(message), reply, old)
        return ""

    def _rights_of(self, chat_id: int, person: User | None) -> Callable[[], Awaitable[bool]]:
        async def is_administrator() -> bool:
            if person is None:
                return False
            try:
                member = await self._bot.get_chat_member(chat_id, person.id)
            except TelegramError as error:
                # Telegram may hide who is in a channel; whoever asks is to hear that it didn't work.
                raise HyperfadeError(f"telegram doesn't say who administers: {words(error)}") from None
            return member.status in (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR)

        return is_administrator


def _place(message: telegram.MaybeInaccessibleMessage) -> Place:
    is_private = message.chat.type == ChatType.PRIVATE
    return Place(message.chat.id, thread_of(message), None if is_private else message.message_id)
