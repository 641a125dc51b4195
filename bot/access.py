"""Who may speak to the bot: owners, members, and one polite line for everybody else."""

from collections import deque
from enum import Enum, auto
from typing import Literal

from bot.rates import MOST, Allowance, Rates
from bot.requests import Request
from core.model.alerts import Channel, Target
from core.model.chats import Chat, Role
from core.model.notices import RequestFacts
from core.ports import ChatStore, Clock, OwnerNotices

Policy = Literal["approve", "open", "list"]

POLITE_EVERY_MS = 3_600_000
WRONG_CODES = 5
"""A chat that tried so many wrong codes within an hour is not heard until the hour is over."""
REMEMBERED = 10_000
MOST_ASKED = 20
"""Requests an hour that owners get a message of; the others wait in ``/pending`` unheard."""


class Asked(Enum):
    """What became of a stranger's wish to be let in."""

    NOW = auto()
    BEFORE = auto()
    NOBODY = auto()
    """There is no owner who could be asked."""
    CLOSED = auto()
    """Only the operator's list of ids lets in."""


class Access:
    """Admit chats by what is stored, by the operator's list of ids, or all of them."""

    def __init__(
        self,
        chats: ChatStore,
        clock: Clock,
        policy: Policy = "approve",
        owners: frozenset[str] = frozenset(),
        notices: OwnerNotices | None = None,
        most_a_minute: int = MOST,
    ) -> None:
        """``owners``: ids of people or chats such as ``telegram:123``, from the settings.

        Without ``notices`` owners see who waits only when they ask. ``most_a_minute``: commands a person.
        """
        self._chats = chats
        self._notices = notices
        self._rates = Rates(most_a_minute)
        self._asked: deque[int] = deque()
        self._clock = clock
        self._policy = policy
        self._owners = owners
        self._polite: dict[Target, int] = {}
        self._wrong_codes: dict[Target, tuple[int, int]] = {}

    def allowance(self, request: Request) -> Allowance:
        """Count one command or press of this person; the terminal may do as it likes."""
        target = request.target
        if target.channel is Channel.CONSOLE:
            return Allowance.YES
        person = f"{target.channel}:{request.user_id or target.chat}"
        return self._rates.ask(person, self._clock.now_ms())

    async def admit(self, request: Request) -> Chat | None:
        """Return the chat if it may use the bot, switched on again if it was off; else None."""
        chat = await self._chats.chat(request.target)
        if chat is not None and await self._note_place(request):
            chat = await self._chats.chat(request.target)
        if chat is None or chat.role in (Role.PENDING, Role.DECLINED):
            role = await self._role(request, await self._declined(request, chat))
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
            await self._chats.note_asker(request.target, request.user_id)
            self._wrong_codes.pop(request.target, None)
            return True
        self._remember_wrong(request.target, since_ms, wrong + 1)
        return False

    async def is_let_in(self, target: Target) -> bool:
        """Tell whether a chat is a member's or an owner's, as far as is stored."""
        chat = await self._chats.chat(target)
        return chat is not None and chat.role in (Role.OWNER, Role.MEMBER)

    async def is_declined(self, request: Request) -> bool:
        """Tell whether an owner said no to this chat, or to the one that it is in: silence is the answer."""
        return await self._declined(request, await self._chats.chat(request.target))

    async def _declined(self, request: Request, chat: Chat | None) -> bool:
        if chat is None and request.within is not None:
            chat = await self._chats.chat(request.within)
        return chat is not None and chat.role is Role.DECLINED

    async def kept(self, target: Target) -> Chat | None:
        """Return what is kept of a chat; None: nothing, or only that an owner said no to it."""
        chat = await self._chats.chat(target)
        if chat == Chat(target, Role.DECLINED, "", None, ()):
            return None
        return chat

    async def ask(self, request: Request) -> Asked:
        """Keep a chat that asks to be let in, and tell the owners of it once."""
        if self._policy == "list":
            return Asked.CLOSED
        has_owner = bool(await self._chats.owners())
        if await self._chats.chat(request.target) is not None:
            return Asked.BEFORE if has_owner else Asked.NOBODY
        await self._chats.add_chat(request.target, Role.PENDING, request.title)
        await self._chats.note_asker(request.target, request.user_id)
        await self._note_place(request)
        if not has_owner:
            return Asked.NOBODY
        if self._notices is not None and self._may_disturb_owners():
            facts = RequestFacts(str(request.target), request.title, request.user_id)
            if not await self._notices.ask_owner(facts, self._clock.now_ms()):
                # Whoever leaves and asks again is told to owners once a day, and takes nobody else's turn.
                self._asked.pop()
        return Asked.NOW

    def _may_disturb_owners(self) -> bool:
        now_ms = self._clock.now_ms()
        while self._asked and now_ms - self._asked[0] >= POLITE_EVERY_MS:
            self._asked.popleft()
        if len(self._asked) >= MOST_ASKED:
            return False
        self._asked.append(now_ms)
        return True

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

    async def _role(self, request: Request, is_declined: bool) -> Role | None:
        target = request.target
        if target.channel is Channel.CONSOLE:
            return Role.OWNER
        if f"{target.channel}:{target.chat}" in self._owners:
            return Role.OWNER
        if request.user_id is not None and f"{target.channel}:{request.user_id}" in self._owners:
            return Role.OWNER if request.is_private else Role.MEMBER
        if is_declined:
            return None
        if self._policy == "open":
            return Role.MEMBER
        if await self._is_known_place(request):
            return Role.MEMBER
        return None

    async def _is_known_place(self, request: Request) -> bool:
        """Tell whether a topic's group is let in, or a group is asked for by the owner in person."""
        target = request.target
        if request.within is not None and await self.is_let_in(request.within):
            return True
        if request.user_id is None or request.is_private:
            return False
        return any(_is_person(owner, target.channel, request.user_id) for owner in await self._chats.owners())

    async def _enrol(self, request: Request, chat: Chat | None, role: Role) -> Chat:
        if chat is None:
            added = await self._chats.add_chat(request.target, role, request.title)
            await self._note_place(request)
            return added
        await self._chats.set_role(request.target, role)
        return await self._chats.chat(request.target) or chat

    async def _note_place(self, request: Request) -> bool:
        """Keep which channel a thread is in, where the thread's own id doesn't tell; False: it does."""
        if request.within is None or request.within.chat == request.target.chat:
            return False
        await self._chats.note_place(request.target, request.within)
        return True

    def _remember_wrong(self, target: Target, since_ms: int, wrong: int) -> None:
        if len(self._wrong_codes) >= REMEMBERED:
            self._wrong_codes.clear()
        self._wrong_codes[target] = (since_ms, wrong)


def _is_person(owner: Chat, channel: Channel, user_id: str) -> bool:
    """Tell whether an owner's chat is this person's: by who claimed it; on Telegram also by its own id."""
    if owner.target.channel is not channel:
        return False
    return owner.asked_by == user_id or (channel is Channel.TELEGRAM and owner.target.chat == user_id)
