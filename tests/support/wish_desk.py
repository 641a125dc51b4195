"""A desk of commands over a real database: what people say, press and are answered."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from bot import command_list
from bot.access import Access
from bot.answers import Answers
from bot.commands import Commands
from bot.requests import Reply, Request
from bot.stores import Stores
from core.model.alerts import Channel, Target
from core.model.buttons import Button
from core.model.chats import Chat, Role
from storage.chat_reader import ChatReader
from storage.chats import Chats
from storage.database import Database
from storage.notices import Notices
from storage.outbox import Outbox
from storage.reader import Reader
from storage.wishes import Wishes
from tests.support.chat_desk import FactRows, Noon, trips_of
from tests.support.chat_facts import NOW_MS

ANN = Target(Channel.TELEGRAM, "7")
GROUP = Target(Channel.TELEGRAM, "-100")


@dataclass
class Desk:
    """One program's chat side; ``ask`` types or presses, ``buttons`` are those of the last answer."""

    database: Database
    clock: Noon = field(default_factory=Noon)
    facts: FactRows = field(default_factory=FactRows)
    last: Reply | None = None
    most_a_minute: int = 1_000

    def __post_init__(self) -> None:
        rows: Any = self.facts
        self.outbox = Outbox(self.database)
        self.stores = Stores(
            Chats(self.database),
            Wishes(self.database),
            ChatReader(self.database),
            self.outbox,
            Notices(self.database),
        )
        answers = Answers(rows, rows, Reader(self.database), self.clock, trips_of)
        access = Access(
            self.stores.chats,
            self.clock,
            notices=self.stores.notices,
            most_a_minute=self.most_a_minute,
        )
        self.commands: Commands = command_list.make_commands(answers, self.stores, access)

    async def let_in(self, target: Target = ANN, role: Role = Role.MEMBER, title: str = "Ann") -> None:
        await self.stores.chats.add_chat(target, role, title)
        await self.stores.chats.set_role(target, role)

    async def chat(self, target: Target = ANN) -> Chat:
        chat = await self.stores.chats.chat(target)
        assert chat is not None
        return chat

    async def ask(
        self,
        line: str,
        target: Target = ANN,
        *,
        user_id: str | None = "7",
        press: bool = False,
        admin: bool = False,
        title: str = "Ann",
        within: Target | None = None,
    ) -> str:
        """Give a command line and return the answer's text without markup; empty: silence."""
        name, *words = line.split()

        async def is_administrator() -> bool:
            return admin

        is_private = not target.chat.startswith("-")
        within = within or (replace(target, thread="") if target.thread else None)
        request = Request(
            target,
            user_id,
            title,
            is_private,
            tuple(words),
            is_administrator,
            is_press=press,
            within=within,
        )
        self.last = await self.commands.handle(name, request)
        return "" if self.last is None else re.sub(r"<[^>]+>", "", self.last.text)

    async def press(self, label: str, target: Target = ANN, **who: Any) -> str:
        """Press the button of the last answer that is labelled so."""
        return await self.ask(self.button(label).line, target, press=True, **who)

    def button(self, label: str) -> Button:
        found = [one for one in self.buttons if one.label == label]
        assert found, f"no button {label!r} among {[one.label for one in self.buttons]}"
        return found[0]

    @property
    def buttons(self) -> list[Button]:
        return [one for row in self.last.buttons for one in row] if self.last else []

    @property
    def labels(self) -> list[str]:
        return [one.label for one in self.buttons]


def lines(buttons: Iterable[Button]) -> list[str]:
    """Return what the buttons say when pressed."""
    return [one.line for one in buttons]


__all__ = ["ANN", "GROUP", "NOW_MS", "Desk", "lines"]
