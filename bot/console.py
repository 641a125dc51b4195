"""The chat in the terminal: the same commands, typed on standard input, buttons as numbered choices."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

import structlog
from rich.console import Console
from rich.text import Text

from bot.commands import Commands
from bot.requests import Picture, Reply, Request
from core.model.alerts import Channel, Target
from core.model.buttons import Button, Rows

log = structlog.get_logger(__name__)

HERE = Target(Channel.CONSOLE, "stdout")

_UNFIT = re.compile(r"[^0-9A-Za-z._-]")
_LONGEST_NAME = 100


class ConsoleListener:
    """Answer what is typed, until the input ends."""

    def __init__(
        self,
        commands: Commands,
        console: Console,
        lines: AsyncIterator[str],
        target: Target = HERE,
        *,
        pictures: Path | None = None,
    ) -> None:
        """``pictures``: the folder where charts are saved; without it they are left out, and it says so."""
        self._commands = commands
        self._console = console
        self._lines = lines
        self._target = target
        self._pictures = pictures
        self._choices: Sequence[Button] = ()

    async def run(self) -> None:
        """Read lines and print answers.

        A line is a command with or without its slash, or the number of a choice under the last answer.
        """
        async for line in self._lines:
            pressed = self._choice(line.strip())
            words = (pressed.line if pressed is not None else line).split()
            if not words:
                continue
            request = Request(
                target=self._target,
                user_id="operator",
                title="terminal",
                is_private=True,
                words=tuple(words[1:]),
                is_administrator=_yes,
                is_press=pressed is not None,
            )
            reply = await self._commands.handle(words[0].removeprefix("/"), request)
            if reply is not None:
                await self._show(reply)

    def _choice(self, line: str) -> Button | None:
        number = line.removeprefix("[").removesuffix("]")
        if not (number.isascii() and number.isdigit() and len(number) <= 3):
            return None
        return self._choices[int(number) - 1] if 1 <= int(number) <= len(self._choices) else None

    async def _show(self, reply: Reply) -> None:
        # Foreign text is never read as Rich's markup.
        self._console.print(Text(reply.text), soft_wrap=True)
        if reply.picture is not None:
            self._console.print(Text(await self._saved(reply.picture)), soft_wrap=True)
        if reply.buttons:
            # What only says no keeps the choices of the answer before it.
            self._choices = [button for row in reply.buttons for button in row]
            self._console.print(Text(_numbered(reply.buttons), style="cyan"), soft_wrap=True)

    async def _saved(self, picture: Picture) -> str:
        """Save a picture and return where it is, or why it isn't."""
        if self._pictures is None:
            return f"(Picture left out. {picture.alt})"
        path = self._pictures / _UNFIT.sub("_", picture.name)[-_LONGEST_NAME:]
        try:
            await asyncio.to_thread(_write, path, picture.png)
        except OSError as error:
            log.warning("picture not saved", path=str(path), error=error.strerror or str(error))
            return f"(Picture left out: it can't be saved. {picture.alt})"
        return f"Picture: {path}"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _numbered(rows: Rows) -> str:
    """Return one line per row: ``[1] next ›  [2] refresh``."""
    lines, number = [], 0
    for row in rows:
        parts = []
        for button in row:
            number += 1
            parts.append(f"[{number}] {button.label}")
        lines.append("  ".join(parts))
    return "\n".join(lines)


async def read_lines(stream: TextIO) -> AsyncIterator[str]:
    """Yield lines of a terminal, pipe or file without blocking the loop.

    A thread reads, since a terminal can't be polled everywhere; it is a daemon, so that a process
    that ends doesn't wait for somebody to press return.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue(maxsize=16)

    if isinstance(stream, TextIOWrapper):
        # A letter that can't be read mustn't end the chat, or travel on as half a sign.
        stream.reconfigure(errors="replace")

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
