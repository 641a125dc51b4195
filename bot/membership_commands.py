"""Commands about the chat itself: who it is, whether it may be here, and how it leaves."""

from bot.replies import notice, reply
from bot.requests import Argument, Command, Reply, Request
from bot.stores import Stores
from bot.wishes_shown import ALL_WISHES
from core.errors import UsageError
from core.model.alerts import Channel
from core.model.buttons import Button
from core.model.chats import Chat, Role

YES, NO = "yes", "no"


def welcome(request: Request, chat: Chat | None, *, is_claimed: bool = False) -> Reply:
    """Return the welcome; where commands are nameless posts, the buttons that are obeyed there too."""
    wishes = (Button("Choose coins", "subscribe", edits=True), Button("Settings", "settings", edits=True))
    return reply(
        request,
        "start",
        None,
        claimed=is_claimed,
        is_nameless=request.is_nameless,
        subscriptions=chat.subscriptions if chat else (),
        buttons=(wishes, (ALL_WISHES,)) if request.is_nameless else (),
    )


class MembershipCommands:
    """Welcome, ids, and goodbye."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def commands(self) -> tuple[Command, ...]:
        """Return the commands, in the order of the menu."""
        return (
            Command("start", "welcome; with the owner code: become the owner", self._start,
                    (Argument("code", "the one-time code that the console shows"),)),
            Command("whoami", "the ids of this chat and of you", self._whoami),
        )  # fmt: skip

    def last_commands(self) -> tuple[Command, ...]:
        """Return what stands at the end of the menu."""
        return (
            Command("stop", "no more alerts, and delete all that is kept of this chat", self._stop,
                    (Argument("sure", "yes deletes at once", choices=(YES, NO)),),
                    changes_settings=True, for_anybody=True),
        )  # fmt: skip

    async def _start(self, request: Request, chat: Chat) -> Reply:
        return welcome(request, chat)

    async def _whoami(self, request: Request, chat: Chat) -> Reply:
        user_id = f"{request.target.channel}:{request.user_id}" if request.user_id else None
        return reply(
            request, "whoami", None, target=str(request.target), role=chat.role.value, user_id=user_id
        )

    async def _stop(self, request: Request, chat: Chat) -> Reply:
        if request.target.channel is Channel.CONSOLE:
            return notice(
                request, "Ctrl-C stops the program. /unsubscribe all ends the alerts in this terminal."
            )
        match [word.lower() for word in request.words]:
            case []:
                return await self._ask(request, chat)
            case [word] if word == NO:
                return reply(request, "notice", "Nothing was deleted.")
            case [word] if word == YES:
                await self._stores.chats.forget(request.target)
                return reply(request, "goodbye", None, is_declined=chat.role is Role.DECLINED)
            case _:
                raise UsageError("Sure? /stop yes deletes, /stop no doesn't.")

    async def _ask(self, request: Request, chat: Chat) -> Reply:
        owners = await self._stores.chats.owners()
        is_last = chat.role is Role.OWNER and [one.target for one in owners] == [chat.target]
        buttons = (
            Button("Delete everything", f"stop {YES}", edits=True),
            Button("Keep it", f"stop {NO}", edits=True),
        )
        is_declined = chat.role is Role.DECLINED
        return reply(
            request, "stop", None, is_last_owner=is_last, is_declined=is_declined, buttons=(buttons,)
        )
