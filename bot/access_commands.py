"""Commands with which owners let others in, or don't."""

from bot.answers import Answers
from bot.replies import notice, reply
from bot.requests import Argument, Command, Reply, Request
from bot.rows import button, grid
from bot.stores import Stores
from bot.wish_arguments import read_target
from core.errors import UsageError
from core.model.chats import Chat, Role
from core.model.notices import RequestFacts
from messages.escaping import clean

MOST_SHOWN = 5
MOST_TITLE = 40

CHAT = Argument("chat", "such as telegram:123, as the request or /pending shows it")


class AccessCommands:
    """Who waits, and the owner's word about each."""

    def __init__(self, answers: Answers, stores: Stores) -> None:
        self._stores = stores
        self._answers = answers

    def commands(self) -> tuple[Command, ...]:
        """Return the commands, in the order of the menu."""
        return (
            Command("pending", "who waits to be let in (owner)", self._pending,
                    changes_settings=True, for_owners=True),
            Command("approve", "let a chat in (owner)", self._approve, (CHAT,), True, True),
            Command("decline", "keep or turn a chat out (owner)", self._decline, (CHAT,), True, True),
        )  # fmt: skip

    async def _pending(self, request: Request, chat: Chat) -> Reply:
        return await self._show(request, "")

    async def _approve(self, request: Request, chat: Chat) -> Reply:
        other = await self._chat(request)
        if other.role in (Role.OWNER, Role.MEMBER):
            return notice(request, f"{_name(other)} was let in already.")
        await self._stores.chats.set_role(other.target, Role.MEMBER)
        facts = RequestFacts(str(other.target), other.title, other.asked_by, is_let_in=True)
        await self._stores.notices.tell_admitted(other.target, facts, self._answers.clock.now_ms())
        return await self._show(request, f"{_name(other)} is let in, and is told so.")

    async def _decline(self, request: Request, chat: Chat) -> Reply:
        other = await self._chat(request)
        if other.role is Role.OWNER:
            return notice(request, f"{_name(other)} is an owner and stays one.")
        if other.role is Role.DECLINED:
            return notice(request, f"{_name(other)} was declined already.")
        await self._stores.chats.set_role(other.target, Role.DECLINED)
        return await self._show(
            request, f"{_name(other)} is declined and met with silence. /approve {other.target} changes that."
        )

    async def _chat(self, request: Request) -> Chat:
        target = read_target(request.words)
        other = await self._stores.chats.chat(target)
        if other is None:
            raise UsageError(f"{target} has never asked, or has left. /pending shows who waits.")
        return other

    async def _show(self, request: Request, note: str) -> Reply:
        waiting = await self._stores.chats.pending()
        buttons = grid(
            (
                pressed
                for one in waiting[:MOST_SHOWN]
                for pressed in (
                    button(f"Let in {clean(one.title, MOST_TITLE)}", "approve", str(one.target), edits=True),
                    button("Decline", "decline", str(one.target), edits=True),
                )
            ),
            2,
        )
        return reply(request, "pending", None, note=note, waiting=waiting, shown=MOST_SHOWN, buttons=buttons)


def _name(chat: Chat) -> str:
    # Of a declined chat that had itself deleted the id is all that is known.
    return f"{clean(chat.title, MOST_TITLE)} ({chat.target})".lstrip()
