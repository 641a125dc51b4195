"""The chat in the terminal: the same commands, typed on standard input."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TextIO

import structlog
from rich.console import Console
from rich.text import Text

from bot.commands import Commands
from bot.requests import Request
from core.model.alerts import Channel, Target

log = structlog.get_logger(__name__)

HERE = Target(Channel.CONSOLE, "stdout")


class ConsoleListener:
    """Answer what is typed, until the input ends."""

    def __init__(
        self, commands: Commands, console: Console, lines: AsyncIterator[str], target: Target = HERE
    ) -> None:
        self._commands = commands
        self._console = console
        self._lines = lines
        self._target = target

    async def run(self) -> None:
        """Read lines and print answers; a line is a command with or without its slash."""
        async for line in self._lines:
            words = line.split()
            if not words:
                continue
            request = Request(
                target=self._target,
                user_id="operator",
                title="terminal",
                is_private=True,
                words=tuple(words[1:]),
                is_administrator=_yes,
            )
            reply = await self._commands.handle(words[0].removeprefix("/"), request)
            if reply is not None:
                # Foreign text is never read as Rich's markup.
                self._console.print(Text(reply.text), soft_wrap=True)


async def read_lines(stream: TextIO) -> AsyncIterator[str]:
    """Yield lines of a terminal, pipe or file without blocking the loop.

    A thread reads, since a terminal can't be polled everywhere; it is a daemon, so that a process
    that ends doesn't wait for somebody to press return.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue(maxsize=16)

    def read() -> None:
        # The loop may be gone by the time that a line comes.
        with suppress(RuntimeError, asyncio.CancelledError, ValueError):
            for line in stream:
                asyncio.run_coroutine_threadsafe(queue.put(line), loop).result()
            asyncio.run_coroutine_threadsafe(queue.put(None), loop).result()

    threading.Thread(target=read, name="console input", daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line


async def _yes() -> bool:
    return True
