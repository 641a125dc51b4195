"""The chat in the terminal."""

import asyncio
import io
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rich.console import Console

from bot.console import ConsoleListener, read_lines
from bot.requests import Picture
from core.model.answers import PerformanceAnswer, TraderAnswer
from core.model.traders import Ranking
from tests.support.chat_desk import make_commands
from tests.support.chat_facts import NOW_MS, make_losers

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


async def test_buttons_are_numbered_and_pressed_by_their_number() -> None:
    commands, _, facts, _ = make_commands()
    facts.run = Ranking("r1", NOW_MS, 20, make_losers(20).items)
    out = io.StringIO()
    lines = typed("/losers 15", "1", "[1]", "7", "99", "crowd", "0")
    await ConsoleListener(commands, Console(file=out, width=200), lines).run()
    text = out.getvalue()
    assert "[1] next ›  [2] ↻ refresh\n[3] • badness  [4] 30 d" in text
    assert [page for page in re.findall(r"\d+–\d+ of 20", text)] == [
        "1–15 of 20", "16–20 of 20", "1–15 of 20", "1–15 of 20"
    ]  # fmt: skip
    assert "(by markout)" in text
    assert "There is no /99." in text
    assert "There is no /0." in text


async def test_a_number_before_any_answer_is_no_choice() -> None:
    commands, _, _, _ = make_commands()
    out = io.StringIO()
    await ConsoleListener(commands, Console(file=out, width=200), typed("1")).run()
    assert "There is no /1." in out.getvalue()


class Painter:
    """Draws the same picture, under a name that would lead elsewhere."""

    async def trader(self, answer: TraderAnswer) -> Picture | None:
        return Picture("../trader 0x12.png", b"png", "Chart of a trader.")

    async def performance(self, answer: PerformanceAnswer) -> Picture | None:
        return None


async def shown(pictures: Path | None) -> str:
    commands, _, _, _ = make_commands(charts=Painter())
    out = io.StringIO()
    console = Console(file=out, width=200)
    await ConsoleListener(commands, console, typed("trader #7"), pictures=pictures).run()
    return out.getvalue()


async def test_picture_is_saved_and_its_place_named(tmp_path: Path) -> None:
    path = tmp_path / "charts" / ".._trader_0x12.png"
    assert f"Picture: {path}" in await shown(tmp_path / "charts")
    assert path.read_bytes() == b"png"


async def test_picture_that_isnt_saved_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "(Picture left out. Chart of a trader.)" in await shown(None)
    unsaved = await shown(tmp_path / "file")
    assert "(Picture left out: it can't be saved. Chart of a trader.)" in unsaved
    assert "rank 7" in unsaved


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


async def test_a_letter_that_cannot_be_read_does_not_end_the_chat(tmp_path: Path) -> None:
    path = tmp_path / "typed.txt"
    path.write_bytes(b"/trader \xff\xfe\n/help\n")
    for errors in ("strict", "surrogateescape"):
        with path.open(encoding="utf-8", errors=errors) as stream:
            assert [line async for line in read_lines(stream)] == ["/trader \ufffd\ufffd\n", "/help\n"]


async def test_lines_of_a_file_end_with_it(tmp_path: Path) -> None:
    path = tmp_path / "typed.txt"
    path.write_text("".join(f"/line{i}\n" for i in range(100)))
    with path.open() as stream:
        assert [line async for line in read_lines(stream)] == [f"/line{i}\n" for i in range(100)]
