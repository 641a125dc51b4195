"""Every button under every answer of every command fits both platforms and leads somewhere."""

from collections import deque

import pytest

from bot.requests import Reply, Request
from core.model.alerts import Channel, Target
from core.model.chats import Role
from messages.presses import press_data, read_press
from tests.support.chat_desk import ChatRows, make_commands
from tests.support.chat_facts import LOSER

pytestmark = pytest.mark.asyncio

HERE = Target(Channel.TELEGRAM, "7")
WORDS = ("BTC", "all", f"{LOSER}", "#1", "7d", "BTC 4h", f"{LOSER} rascal")
"""Arguments of all kinds; a command says no to those that it doesn't take."""
MOST = 2_000


async def yes() -> bool:
    return True


async def answer(line: str, *, is_press: bool) -> Reply | None:
    """Give one command line in a fresh owner's chat that gets everything."""
    chats = ChatRows()
    chats.let_in(HERE, Role.OWNER)
    commands, _, _, _ = make_commands(chats=chats)
    name, *words = line.split()
    request = Request(HERE, "7", "Ann", True, tuple(words), yes, is_press)
    return await commands.handle(name, request)


async def test_every_button_fits_and_leads_somewhere() -> None:
    commands, _, _, _ = make_commands()
    typed = [command.name for command in commands.commands]
    to_give = deque((f"{name} {words}".strip(), False) for name in typed for words in ("", *WORDS))
    given: set[str] = set()
    while to_give:
        line, is_press = to_give.popleft()
        reply = await answer(line, is_press=is_press)
        if is_press:
            assert reply is not None, line
            assert reply.text or reply.notice, line
            assert "There is no /" not in reply.text, line
        if reply is None:
            continue
        assert len(reply.buttons) <= 5, line
        assert all(1 <= len(row) <= 5 for row in reply.buttons), line
        for button in (one for row in reply.buttons for one in row):
            data = press_data(button)
            assert len(data.encode()) <= 64, (line, data)
            assert len(button.line.encode()) <= 60, (line, data)
            assert 0 < len(button.label) <= 40, (line, button.label)
            press = read_press(data)
            assert press is not None, (line, data)
            assert press.name in typed, (line, data)
            assert (press.words, press.edits) == (tuple(button.line.split()[1:]), button.edits)
            if button.line not in given and len(given) < MOST:
                given.add(button.line)
                to_give.append((button.line, True))
    assert len(given) > 30
    assert len(given) < MOST
