"""The bot on Telegram, listening through the real client to the loopback server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import telegram

from bot.access import Access
from bot.commands import Commands
from bot.requests import Command
from bot.telegram import TelegramListener
from bot.telegram_webhook import Hook
from core.errors import ChannelRefused
from core.model.alerts import Channel, Target
from tests.support.chat_clients import telegram_bot
from tests.support.chat_desk import ChatRows, Noon, make_commands
from tests.support.telegram_server import TelegramServer

ANN = 7
GROUP = -1001


@dataclass
class Naps:
    """Sleeps without sleeping, and remembers how long it was asked to."""

    asked: list[float] = field(default_factory=list)
    longest_s: float = float("inf")
    """Longer naps last until somebody wakes the sleeper."""
    napping: asyncio.Event = field(default_factory=asyncio.Event)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0)
        if seconds > self.longest_s:
            self.napping.set()
            await self.woken.wait()
            self.woken.clear()
            self.napping.clear()


@dataclass
class Seen:
    """The update ids that were handled, as their table keeps them."""

    ids: set[int] = field(default_factory=set)
    failure: Exception | None = None

    async def is_new(self, update_id: int) -> bool:
        if self.failure is not None:
            raise self.failure
        if update_id in self.ids:
            return False
        self.ids.add(update_id)
        return True


@dataclass
class Desk:
    """A listener at work."""

    commands: Commands
    chats: ChatRows
    bot: telegram.Bot
    naps: Naps
    seen: Seen
    task: asyncio.Task[None]


@asynccontextmanager
async def listening(
    server: TelegramServer,
    token: str = "",
    prepare: Callable[[ChatRows], None] = lambda _: None,
    *,
    scripted: Sequence[Command] = (),
    seen: Seen | None = None,
    hook: Hook | None = None,
) -> AsyncIterator[Desk]:
    """Run a listener in which Ann is let in; ``scripted`` commands take the place of the real ones."""
    chats = ChatRows()
    commands = Commands(scripted, Access(chats, Noon())) if scripted else make_commands(chats=chats)[0]
    chats.let_in(Target(Channel.TELEGRAM, str(ANN)))
    prepare(chats)
    naps, seen = Naps(), seen or Seen()
    if hook is not None:
        naps.longest_s = 60.0
    async with telegram_bot(server, token, read_timeout_s=2.0) as bot:
        listener = TelegramListener(
            bot, commands, chats, chats.switch_off, chats.move, seen.is_new, hook=hook, sleep=naps, poll_s=1
        )
        task = asyncio.create_task(listener.run())
        try:
            yield Desk(commands, chats, bot, naps, seen, task)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, ChannelRefused):
                await task


def group(chats: ChatRows) -> None:
    """Let the group in."""
    chats.let_in(Target(Channel.TELEGRAM, str(GROUP)))
