"""Listen on Telegram: poll for updates, answer commands, keep track of where the bot is welcome.

The library's own polling isn't used: it ends in silence when a token is revoked, which must stop
this channel aloud. The calls and their order are the same.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
import telegram
from telegram import BotCommand, LinkPreviewOptions, Message, ReplyParameters, Update
from telegram.constants import ChatMemberStatus, ChatType, MessageEntityType, ParseMode
from telegram.error import BadRequest, Conflict, InvalidToken, RetryAfter, TelegramError

from bot.commands import Commands
from bot.requests import Request
from core.errors import ChannelRefused, HyperfadeError
from core.model.alerts import Channel, Target
from core.ports import ChatStore, Sleep
from messages.limits import TELEGRAM_COMMAND_DESCRIPTION, TELEGRAM_TEXT_UNITS, cut, plain_text

log = structlog.get_logger(__name__)

ALLOWED_UPDATES = ("message", "channel_post", "my_chat_member")
POLL_S = 10
AT_ONCE = 64
"""Commands that are answered at the same time; more wait on Telegram's side."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
WORDS = 100

SwitchOff = Callable[[Target, str], Awaitable[None]]
Move = Callable[[Target, str], Awaitable[None]]


class TelegramListener:
    """Answer on Telegram until cancelled; only one process may do so with one token."""

    def __init__(
        self,
        bot: telegram.Bot,
        commands: Commands,
        chats: ChatStore,
        switch_off: SwitchOff,
        move: Move,
        sleep: Sleep = asyncio.sleep,
        poll_s: int = POLL_S,
    ) -> None:
        """``switch_off`` and ``move`` are the outbox's ``disable_target`` and ``move_target``."""
        self._bot = bot
        self._commands = commands
        self._chats = chats
        self._switch_off = switch_off
        self._move = move
        self._sleep = sleep
        self._poll_s = poll_s
        self._username = ""
        self._offset = 0
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Listen until cancelled; raises ChannelRefused when the token is wrong."""
        await self._patiently(self._begin)
        await self._register_menu()
        log.info("telegram listens", bot=self._username)
        try:
            async with asyncio.TaskGroup() as answering:
                while True:
                    for update in await self._patiently(self._poll):
                        await self._take(update, answering)
        except* ChannelRefused as group:
            raise group.exceptions[0] from None
        finally:
            await self._acknowledge()

    # --- polling -------------------------------------------------------------------------------

    async def _begin(self) -> tuple[Update, ...]:
        self._username = (await self._bot.get_me()).username or ""
        await self._bot.delete_webhook()
        return ()

    async def _poll(self) -> tuple[Update, ...]:
        updates = await self._bot.get_updates(
            offset=self._offset, timeout=self._poll_s, allowed_updates=ALLOWED_UPDATES
        )
        if updates:
            # Asking for the next one is the acknowledgement.
            self._offset = updates[-1].update_id + 1
        return updates

    async def _patiently(self, call: Callable[[], Awaitable[tuple[Update, ...]]]) -> tuple[Update, ...]:
        """Repeat a call until it succeeds, with growing pauses; raises ChannelRefused."""
        failures = 0
        while True:
            try:
                return await call()
            except InvalidToken as error:
                await self._check_token(error)
                pause = LONGEST_PAUSE_S
            except RetryAfter as error:
                pause = _seconds(error.retry_after)
            except Conflict:
                log.error("another process polls Telegram with this bot's token: stop one of them")
                pause = LONGEST_PAUSE_S / 2
            except TelegramError as error:
                pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures, 10))
                log.warning("telegram doesn't answer", error=_words(error), retry_s=pause)
            failures += 1
            await self._sleep(pause)

    async def _check_token(self, refused: InvalidToken) -> None:
        """Raise ChannelRefused when the token is wrong: a 404 may mean the method only."""
        try:
            await self._bot.get_me()
        except InvalidToken:
            raise ChannelRefused(
                "Telegram refuses the bot's token: set HYPERFADE_TELEGRAM_TOKEN to what @BotFather shows"
            ) from None
        except TelegramError as error:
            log.warning("telegram doesn't answer", error=_words(error))
        else:
            log.error("this Bot API server doesn't know a method", error=_words(refused))

    async def _acknowledge(self) -> None:
        """Tell Telegram what was read, so that a restart doesn't answer it again."""
        if self._offset:
            try:
                await self._bot.get_updates(offset=self._offset, timeout=0, limit=1, read_timeout=2.0)
            except TelegramError as error:
                log.debug("last updates not acknowledged", error=_words(error))

    async def _register_menu(self) -> None:
        wanted = [
            BotCommand(command.name, command.help[:TELEGRAM_COMMAND_DESCRIPTION])
            for command in self._commands.commands
        ]
        try:
            if list(await self._bot.get_my_commands()) != wanted:
                await self._bot.set_my_commands(wanted)
        except TelegramError as error:
            # A foreign Bot API server may not know it; commands work without a menu.
            log.warning("telegram's menu of commands not registered", error=_words(error))

    # --- updates -------------------------------------------------------------------------------

    async def _take(self, update: Update, answering: asyncio.TaskGroup) -> None:
        try:
            if update.my_chat_member is not None:
                await self._follow_membership(update.my_chat_member)
                return
            message = update.message or update.channel_post
            if message is None:
                return
            if message.migrate_to_chat_id is not None:
                await self._move(
                    Target(Channel.TELEGRAM, str(message.chat.id)), str(message.migrate_to_chat_id)
                )
                return
        except HyperfadeError as error:
            log.error("telegram update not stored", error=str(error))
            return
        await self._slots.acquire()
        answering.create_task(self._answer(message))

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

    async def _answer(self, message: Message) -> None:
        try:
            command = self._command(message)
            if command is None:
                return
            name, words, is_for_us = command
            if not is_for_us and name not in {known.name for known in self._commands.commands}:
                # In a group it may be another bot's.
                return
            reply = await self._commands.handle(name, self._request(message, words))
            if reply is not None:
                await self._reply(message, reply.text)
        except TelegramError as error:
            log.warning("telegram command not answered", chat=message.chat.id, error=_words(error))
        except Exception:
            # A fault in one command must not take alerts and everybody else's commands down.
            log.exception("telegram command failed", chat=message.chat.id)
        finally:
            self._slots.release()

    def _command(self, message: Message) -> tuple[str, tuple[str, ...], bool] | None:
        """Return name, words, and whether it can only be meant for us; None: not a command of ours."""
        if not message.text or not message.entities:
            return None
        entity = message.entities[0]
        if entity.type != MessageEntityType.BOT_COMMAND or entity.offset != 0:
            return None
        name, _, bot = message.text[1 : entity.length].partition("@")
        if bot and bot.lower() != self._username.lower():
            return None
        words = message.text[entity.length :].split()[:WORDS]
        return name.lower(), tuple(words), bool(bot) or message.chat.type == ChatType.PRIVATE

    def _request(self, message: Message, words: tuple[str, ...]) -> Request:
        chat, person = message.chat, message.from_user
        # Anonymous administrators and channels speak in a chat's name: nobody is known by it.
        user_id = str(person.id) if person is not None and message.sender_chat is None else None

        async def is_administrator() -> bool:
            if person is None or user_id is None:
                return False
            member = await self._bot.get_chat_member(chat.id, person.id)
            return member.status in (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR)

        thread = message.message_thread_id if message.is_topic_message else None
        return Request(
            target=Target(Channel.TELEGRAM, str(chat.id), str(thread or "")),
            user_id=user_id,
            title=chat.title or chat.full_name or "",
            is_private=chat.type == ChatType.PRIVATE,
            words=words,
            is_administrator=is_administrator,
        )

    async def _reply(self, message: Message, text: str) -> None:
        try:
            await self._send(message, text, ParseMode.HTML)
        except RetryAfter as error:
            await self._sleep(min(_seconds(error.retry_after), LONGEST_PAUSE_S))
            await self._send(message, text, ParseMode.HTML)
        except BadRequest as error:
            if "can't parse entities" not in error.message.lower():
                raise
            log.error("answer's markup refused, sent as plain text", error=_words(error))
            await self._send(message, cut(plain_text(text), TELEGRAM_TEXT_UNITS), None)

    async def _send(self, message: Message, text: str, parse_mode: ParseMode | None) -> None:
        is_private = message.chat.type == ChatType.PRIVATE
        await self._bot.send_message(
            chat_id=message.chat.id,
            text=text,
            parse_mode=parse_mode,
            message_thread_id=message.message_thread_id if message.is_topic_message else None,
            reply_parameters=None
            if is_private
            else ReplyParameters(message.message_id, allow_sending_without_reply=True),
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )


def _seconds(retry_after: int | timedelta) -> float:
    return retry_after.total_seconds() if isinstance(retry_after, timedelta) else float(retry_after)


def _words(error: TelegramError) -> str:
    # A proxy's error carries a whole page of HTML.
    return f"{type(error).__name__}: {error.message.partition(chr(10))[0][:120]}"
