"""Who may speak to the bot: owners, members, and one polite line for everybody else."""

from typing import Literal

from bot.requests import Request
from core.model.alerts import Channel, Target
from core.model.chats import Chat, Role
from core.ports import ChatStore, Clock

Policy = Literal["approve", "open", "list"]

POLITE_EVERY_MS = 3_600_000
WRONG_CODES = 5
"""A chat that tried so many wrong codes within an hour is not heard until the hour is over."""
REMEMBERED = 10_000


class Access:
    """Admit chats by what is stored, by the operator's list of ids, or all of them."""

    def __init__(
        self,
        chats: ChatStore,
        clock: Clock,
        policy: Policy = "approve",
        owners: frozenset[str] = frozenset(),
    ) -> None:
        """``owners``: ids of people or chats such as ``telegram:123``, from the settings."""
        self._chats = chats
        self._clock = clock
        self._policy = policy
        self._owners = owners
        self._polite: dict[Target, int] = {}
        self._wrong_codes: dict[Target, tuple[int, int]] = {}

    async def admit(self, request: Request) -> Chat | None:
        """Return the chat if it may use the bot, switched on again if it was off; else None."""
        chat = await self._chats.chat(request.target)
        if chat is None or chat.role is Role.PENDING:
            role = await self._role(request)
            if role is None:
                return None
            chat = await self._enrol(request, chat, role)
        if chat.disabled_reason is not None:
            # It writes again, so it can be written to again.
            await self._chats.enable(request.target)
            chat = await self._chats.chat(request.target) or chat
        return chat

    async def claim(self, request: Request, code: str) -> bool:
        """Make the chat an owner if it knows the one-time code; counts wrong ones."""
        now_ms = self._clock.now_ms()
        since_ms, wrong = self._wrong_codes.get(request.target, (now_ms, 0))
        if now_ms - since_ms >= POLITE_EVERY_MS:
            since_ms, wrong = now_ms, 0
        if wrong >= WRONG_CODES:
            return False
        if await self._chats.claim_owner(request.target, code, request.title):
            self._wrong_codes.pop(request.target, None)
            return True
        self._remember_wrong(request.target, since_ms, wrong + 1)
        return False

    async def note_stranger(self, request: Request) -> None:
        """Keep a chat that asks to be let in, so that its owner can see it."""
        if await self._chats.chat(request.target) is None:
            await self._chats.add_chat(request.target, Role.PENDING, request.title)

    def is_polite_line_due(self, target: Target) -> bool:
        """Tell whether a stranger gets the line now: once an hour, but always as Discord's answer."""
        if target.channel is Channel.DISCORD:
            # A slash command waits for an answer, and answers don't count against any limit.
            return True
        now_ms = self._clock.now_ms()
        last_ms = self._polite.get(target)
        if last_ms is not None and now_ms - last_ms < POLITE_EVERY_MS:
            return False
        if len(self._polite) >= REMEMBERED:
            self._polite.clear()
        self._polite[target] = now_ms
        return True

    async def _role(self, request: Request) -> Role | None:
        target = request.target
        if target.channel is Channel.CONSOLE:
            return Role.OWNER
        if f"{target.channel}:{target.chat}" in self._owners:
            return Role.OWNER
        if request.user_id is not None and f"{target.channel}:{request.user_id}" in self._owners:
            return Role.OWNER if request.is_private else Role.MEMBER
        if self._policy == "open":
            return Role.MEMBER
        if await self._is_known_place(request):
            return Role.MEMBER
        return None

    async def _is_known_place(self, request: Request) -> bool:
        """Tell whether a topic's group is let in, or a group is asked for by the owner in person."""
        target = request.target
        if target.thread:
            group = await self._chats.chat(Target(target.channel, target.chat))
            if group is not None and group.role is not Role.PENDING:
                return True
        if target.channel is Channel.TELEGRAM and request.user_id is not None and not request.is_private:
            # On Telegram a private chat has its person's id.
            person = await self._chats.chat(Target(Channel.TELEGRAM, request.user_id))
            return person is not None and person.role is Role.OWNER
        return False

    async def _enrol(self, request: Request, chat: Chat | None, role: Role) -> Chat:
        if chat is None:
            return await self._chats.add_chat(request.target, role, request.title)
        await self._chats.set_role(request.target, role)
        return await self._chats.chat(request.target) or chat

    def _remember_wrong(self, target: Target, since_ms: int, wrong: int) -> None:
        if len(self._wrong_codes) >= REMEMBERED:
            self._wrong_codes.clear()
        self._wrong_codes[target] = (since_ms, wrong)
