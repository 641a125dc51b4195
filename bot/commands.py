"""How one command is answered on any platform: who may, in which order, and what failure says."""

import asyncio
import difflib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from bot.access import Access
from bot.replies import notice, reply
from bot.requests import Command, Reply, Request
from core.errors import HyperfadeError, UsageError
from core.model.alerts import Target
from core.model.chats import Chat

log = structlog.get_logger(__name__)


class Commands:
    """Answer commands; what one chat asks is answered in order, chats don't wait for each other."""

    def __init__(self, commands: Iterable[Command], access: Access, *, is_demo: bool = False) -> None:
        self._access = access
        self._is_demo = is_demo
        self._turns: dict[Target, tuple[asyncio.Lock, int]] = {}
        first, *others = commands
        self.commands = (first, Command("help", "this list", self._help), *others)
        self._by_name = {command.name: command for command in self.commands}

    async def handle(self, name: str, request: Request) -> Reply | None:
        """Answer one command; None when silence is the answer. Never raises a HyperfadeError."""
        request = replace(request, is_demo=self._is_demo)
        async with self._turn(request.target):
            try:
                return await self._handle(name.lower(), request)
            except UsageError as error:
                return notice(request, str(error))
            except HyperfadeError as error:
                log.error("command failed", command=name[:32], target=str(request.target), error=str(error))
                return notice(request, "That can't be answered now. Please try again in a minute.")

    async def _handle(self, name: str, request: Request) -> Reply | None:
        chat = await self._access.admit(request)
        if chat is None:
            return await self._answer_stranger(name, request)
        command = self._by_name.get(name)
        if command is None:
            near = difflib.get_close_matches(name, self._by_name, n=1, cutoff=0.5)
            hint = f"Did you mean /{near[0]}?" if near else "/help lists all commands."
            return notice(request, f"There is no /{name[:32]}. {hint}")
        if command.changes_settings and not await self._may_change(request):
            return notice(request, "In a group only its administrators can change what it gets.")
        return await command.answer(request, chat)

    async def _answer_stranger(self, name: str, request: Request) -> Reply | None:
        if name == "start":
            if request.words and await self._access.claim(request, request.words[0]):
                log.info("owner claimed", target=str(request.target))
                return reply(request, "start", None, claimed=True, subscriptions=())
            await self._access.note_stranger(request)
        if not self._access.is_polite_line_due(request.target):
            return None
        return notice(
            request,
            "This is a private bot. Ask its owner to let you in, or send /start CODE with the code that its "
            f"console shows. This chat is {request.target}.",
        )

    async def _may_change(self, request: Request) -> bool:
        if request.is_private:
            return True
        # Nobody can be held to what is posted in the name of a channel or a group.
        return request.user_id is not None and await request.is_administrator()

    async def _help(self, request: Request, chat: Chat) -> Reply:
        return reply(request, "help", None, commands=self.commands)

    @asynccontextmanager
    async def _turn(self, target: Target) -> AsyncIterator[None]:
        """Wait for the chat's earlier commands: `/subscribe` and `/unsubscribe` mustn't change places."""
        lock, waiting = self._turns.get(target, (asyncio.Lock(), 0))
        self._turns[target] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._turns[target]
            if waiting == 1:
                del self._turns[target]
            else:
                self._turns[target] = (lock, waiting - 1)
