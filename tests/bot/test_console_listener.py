"""The chat in the terminal."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rich.console import Console

from bot.console import ConsoleListener, read_lines
from tests.support.chat_desk import make_commands

pytestmark = pytest.mark.asyncio


async def typed(*lines: str) -> AsyncIterator[str]:
    for line in lines:
        yield line


async def test_lines_are_answered_with_and_without_a_slash() -> None:
    commands, _, _, _ = make_commands()
    out = io.StringIO()
    console = Console(file=out, width=120)
    await ConsoleListener(commands, console, typed("/losers 2\n", "\n", "crowd\n", "loosers")).run()
    text = out.getvalue()
    assert "0x0001000000000000000000000000000000000007" in text
    assert "Where the losers are" in text
    assert "Did you mean /losers?" in text


async def test_terminal_subscribes_without_asking_anybody() -> None:
    commands, chats, _, _ = make_commands()
    out = io.StringIO()
    await ConsoleListener(commands, Console(file=out), typed("/subscribe BTC", "/whoami")).run()
    assert "• BTC" in out.getvalue()
    assert "its role is owner" in out.getvalue()
    assert len(chats.rows) == 1


async def test_foreign_text_is_no_markup() -> None:
    commands, _, _, _ = make_commands()
    out = io.StringIO()
    await ConsoleListener(commands, Console(file=out, width=200), typed("/crowd [bold]X[/bold]")).run()
    assert "'[bold]X[/bold]' is not a coin" in out.getvalue()


async def test_lines_of_a_pipe_come_as_they_are_written() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream:
        lines = read_lines(stream)
        os.write(writing, b"/losers\n")
        assert await anext(lines) == "/losers\n"
        waiting = asyncio.ensure_future(anext(lines, None))
        await asyncio.sleep(0)
        assert not waiting.done()
        os.write(writing, b"/crowd\n")
        assert await waiting == "/crowd\n"
        os.close(writing)
        assert await anext(lines, None) is None


async def test_lines_of_a_file_end_with_it(tmp_path: Path) -> None:
    path = tmp_path / "typed.txt"
    path.write_text("".join(f"/line{i}\n" for i in range(100)))
    with path.open() as stream:
        assert [line async for line in read_lines(stream)] == [f"/line{i}\n" for i in range(100)]
