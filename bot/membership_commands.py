"""Commands about the chat itself: who it is and whether it may be here."""

from bot.replies import reply
from bot.requests import Argument, Command, Reply, Request
from core.model.chats import Chat


class MembershipCommands:
    """Welcome, and ids."""

    def commands(self) -> tuple[Command, ...]:
        """Return the commands, in the order of the menu."""
        return (
            Command("start", "welcome; with the owner code: become the owner", self._start,
                    (Argument("code", "the one-time code that the console shows"),)),
            Command("whoami", "the ids of this chat and of you", self._whoami),
        )  # fmt: skip

    async def _start(self, request: Request, chat: Chat) -> Reply:
        return reply(request, "start", None, claimed=False, subscriptions=chat.subscriptions)

    async def _whoami(self, request: Request, chat: Chat) -> Reply:
        user_id = f"{request.target.channel}:{request.user_id}" if request.user_id else None
        return reply(
            request, "whoami", None, target=str(request.target), role=chat.role.value, user_id=user_id
        )
