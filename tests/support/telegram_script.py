"""Commands with answers of every kind, and people who press what is under them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bot.replies import notice, reply
from bot.requests import Command, Picture, Reply, Request
from core.errors import UsageError
from core.model.buttons import Button
from core.model.chats import Chat
from tests.support.telegram_chats import ChatMessage
from tests.support.telegram_listening import ANN
from tests.support.telegram_server import TelegramServer

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
LONG = "<b>long</b> &amp; " * 200


class Script:
    """Commands with answers of every kind; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Request]] = []
        self.gate = asyncio.Event()

    def commands(self) -> tuple[Command, ...]:
        answers: dict[str, Callable[[Request], Awaitable[Reply]]] = {
            "page": self.page,
            "chart": self.chart,
            "say": self.say,
            "ask": self.ask,
            "fail": self.fail,
            "slow": self.slow,
            "set": self.set,
        }
        return tuple(
            Command(name, f"does {name}", self._noting(name, answer), changes_settings=name == "set")
            for name, answer in answers.items()
        )

    def _noting(
        self, name: str, answer: Callable[[Request], Awaitable[Reply]]
    ) -> Callable[[Request, Chat], Awaitable[Reply]]:
        async def noted(request: Request, chat: Chat) -> Reply:
            self.asked.append((name, request))
            return await answer(request)

        return noted

    async def page(self, request: Request) -> Reply:
        number = int(request.words[0]) if request.words else 1
        rows = (
            (
                Button("Next", f"page {number + 1}", edits=True),
                Button("Refresh", f"page {number}", edits=True),
                Button("Other", f"page {number + 10}"),
            ),
            (Button("Chart", "chart", edits=True), Button("Long", "chart long", edits=True)),
            (Button("Say", "say", edits=True), Button("Set", "set", edits=True), Button("Slow", "slow")),
        )
        return Reply(f"<b>page {number}</b>", rows)

    async def chart(self, request: Request) -> Reply:
        said = " ".join(request.words)
        text = LONG + said if "long" in request.words else f"<b>chart</b> {said}"
        rows = (
            (Button("Again", "chart again", edits=True), Button("Text", "page 1", edits=True)),
            (Button("Long", "chart long", edits=True),),
        )
        return Reply(text, rows, Picture("equity.png", PNG + text.encode(), "Equity <over> 30 days"))

    async def say(self, request: Request) -> Reply:
        return notice(request, "Muted <BTC>.")

    async def ask(self, request: Request) -> Reply:
        return notice(request, "Which coin?", buttons=((Button("BTC", "page 5"),),))

    async def fail(self, request: Request) -> Reply:
        if "oddly" in request.words:
            raise ZeroDivisionError("a fault of ours")
        raise UsageError("That is no coin. " * 20)

    async def slow(self, request: Request) -> Reply:
        await self.gate.wait()
        return reply(request, "notice", "slow is done")

    async def set(self, request: Request) -> Reply:
        return Reply(f"set by {request.user_id}")


def key(message: ChatMessage, label: str) -> str:
    """Return what the button with this label carries."""
    [data] = [one.callback_data for one in message.buttons if one.text == label]
    assert data is not None
    return data


def last(server: TelegramServer, chat_id: int = ANN) -> ChatMessage:
    return server.messages(chat_id)[-1]


async def press(server: TelegramServer, message: ChatMessage, label: str, **more: Any) -> dict[str, Any]:
    """Press the button and return what ended its waiting."""
    return await press_data(server, message, key(message, label), **more)


async def press_data(server: TelegramServer, message: ChatMessage, data: str, **more: Any) -> dict[str, Any]:
    pressed = await server.press(message, data, **more)
    await server.wait_for(lambda: pressed.answer)
    assert pressed.answer is not None
    return pressed.answer
