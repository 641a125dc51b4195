"""How one command is answered on any platform: who may, in which order, and what failure says."""

import difflib
from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

import structlog

from bot.access import Access, Asked
from bot.membership_commands import welcome
from bot.rates import Allowance
from bot.replies import notice, reply
from bot.requests import Command, Reply, Request
from bot.rows import button, rows
from bot.turns import Turns
from bot.wishes_shown import ALL_WISHES
from core.errors import HyperfadeError, UsageError
from core.model.chats import Chat, Role
from messages.escaping import clean

log = structlog.get_logger(__name__)

ONLY_ADMINISTRATORS = "In a group only its administrators can change what it gets."
NAMELESS = (
    "Only administrators can change what this chat gets, and a post in the name of a group or a channel "
    "doesn't tell who wrote it. A press on a button does: an administrator's is obeyed."
)


class Commands:
    """Answer commands; what one chat asks is answered in order, chats don't wait for each other."""

    def __init__(self, commands: Iterable[Command], access: Access, *, is_demo: bool = False) -> None:
        self._access = access
        self._is_demo = is_demo
        self._turns = Turns()
        first, *others = commands
        self.commands = (first, Command("help", "this list", self._help), *others)
        self._by_name = {command.name: command for command in self.commands}

    async def handle(self, name: str, request: Request) -> Reply | None:
        """Answer one command; None when silence is the answer. Never raises a HyperfadeError."""
        request = replace(request, is_demo=self._is_demo)
        allowance = self._access.allowance(request)
        if allowance is Allowance.SILENCE:
            return None
        # `/subscribe` and `/unsubscribe` mustn't change places.
        async with self._turns.of(request.target):
            try:
                if allowance is Allowance.SAY_NO:
                    return await self._slow_down(request)
                return await self._handle(name.lower(), request)
            except UsageError as error:
                return notice(request, str(error))
            except HyperfadeError as error:
                log.error("command failed", command=name[:32], target=str(request.target), error=str(error))
                return notice(request, "That can't be answered now. Please try again in a minute.")

    async def _slow_down(self, request: Request) -> Reply | None:
        # Who isn't let in gets one polite line an hour, however much comes.
        if not await self._access.is_let_in(request.target):
            return None
        return notice(request, "That is a lot at once. Please wait a minute.")

    async def _handle(self, name: str, request: Request) -> Reply | None:
        chat = await self._access.admit(request)
        if chat is None:
            return await self._answer_stranger(name, request)
        if name == "start" and chat.role is Role.MEMBER and (claimed := await self._claimed(request)):
            return claimed
        command = self._by_name.get(name)
        if command is None:
            near = difflib.get_close_matches(name, self._by_name, n=1, cutoff=0.5)
            hint = f"Did you mean /{near[0]}?" if near else "/help lists all commands."
            return notice(request, f"There is no /{name[:32]}. {hint}")
        if command.for_owners and chat.role is not Role.OWNER:
            return notice(request, "Only this bot's owner decides that.")
        if command.changes_settings and not await self._may_change(request):
            return _by_press(name, request) if request.is_nameless else notice(request, ONLY_ADMINISTRATORS)
        return await command.answer(request, chat)

    async def _answer_stranger(self, name: str, request: Request) -> Reply | None:
        command = self._by_name.get(name)
        if command is not None and command.for_anybody:
            kept = await self._access.kept(request.target)
            if kept is not None and await self._may_change(request):
                return await command.answer(request, kept)
        if name == "start":
            if claimed := await self._claimed(request):
                return claimed
            if await self._access.is_declined(request):
                return None
            asked = await self._access.ask(request)
            # Who is just stored is told so, once by nature.
            is_due = self._access.is_polite_line_due(request.target)
            return notice(request, _asked_words(asked, request)) if is_due or asked is Asked.NOW else None
        if await self._access.is_declined(request):
            return None
        if not self._access.is_polite_line_due(request.target):
            return None
        return notice(
            request, f"This is a private bot. Send /start to ask its owner to let you in.{_whose(request)}"
        )

    async def _claimed(self, request: Request) -> Reply | None:
        """Return the welcome of whoever knows the owner's code."""
        if not request.words or not await self._access.claim(request, request.words[0]):
            return None
        log.info("owner claimed", target=str(request.target))
        return welcome(request, await self._access.admit(request), is_claimed=True)

    async def _may_change(self, request: Request) -> bool:
        if request.is_private:
            return True
        # Nobody can be held to what is posted in the name of a channel or a group.
        return request.user_id is not None and await request.is_administrator()

    async def _help(self, request: Request, chat: Chat) -> Reply:
        shown = [one for one in self.commands if not one.for_owners or chat.role is Role.OWNER]
        return reply(request, "help", None, commands=shown)


def _by_press(name: str, request: Request) -> Reply:
    """Offer what was posted as a button: whoever presses it is known."""
    posted = button(clean(f"/{' '.join((name, *request.words))}"), name, *request.words, edits=True)
    return notice(request, NAMELESS, buttons=rows([posted], [ALL_WISHES]))


def _asked_words(asked: Asked, request: Request) -> str:
    match asked:
        case Asked.NOW:
            return "This is a private bot. Its owner has been asked to let you in; you will hear of it."
        case Asked.BEFORE:
            return "This is a private bot. Its owner was asked to let you in and hasn't decided yet."
        case Asked.NOBODY | Asked.CLOSED:
            return (
                "This is a private bot. Its owner can let you in, or send /start CODE with the code that its "
                f"console shows.{_whose(request)}"
            )
        case _:
            assert_never(asked)


def _whose(request: Request) -> str:
    return f" This chat is {request.target}."
