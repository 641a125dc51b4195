"""Commands about traders whose every event a chat wants to hear."""

from bot.answers import Answers
from bot.arguments import split_place
from bot.replies import notice, reply
from bot.requests import Argument, Command, Reply, Request
from bot.rows import ON_A_PAGE, Page, button, grid, page_of, rows
from bot.stores import Stores
from bot.wish_arguments import ALL, followed, read_label
from core.errors import UsageError
from core.model.buttons import Rows
from core.model.chats import Chat, Follow
from core.model.market import Address
from core.trader_names import find_trader
from messages.figures import short_address

MOST_FOLLOWS = 50
OFFERED = 6


class FollowCommands:
    """Follow a trader under a name of the chat's own, and no longer."""

    def __init__(self, answers: Answers, stores: Stores) -> None:
        self._answers = answers
        self._stores = stores

    def commands(self) -> tuple[Command, ...]:
        """Return the commands, in the order of the menu."""
        return (
            Command("follow", "every event of one trader, under a name of your own", self._follow,
                    (Argument("who", "address or #RANK", suggest="trader"),
                     Argument("label", "your own name for them, up to 32 characters")), True),
            Command("unfollow", "no more events of this trader", self._unfollow,
                    (Argument("who", "address or your own name for them; or all", suggest="trader"),
                     Argument("place", "the place to begin at, such as 9", prefix="from")), True),
        )  # fmt: skip

    async def _follow(self, request: Request, chat: Chat) -> Reply:
        if not request.words:
            return notice(
                request,
                "Follow whom? Press one of the list, or send /follow, an address or a rank such as #3, and "
                "a name of your own for them.",
                buttons=await self._offers(chat),
            )
        who, *words = request.words
        address = followed(chat.follows, who) or await self._trader(who)
        known = {follow.address: follow.label for follow in chat.follows}
        if address not in known and len(known) >= MOST_FOLLOWS:
            raise UsageError(f"This chat follows {MOST_FOLLOWS} traders, which is the most. /unfollow one.")
        label = read_label(words, await self._answers.coins()) or known.get(address)
        await self._stores.wishes.follow(request.target, address, label)
        note = "Followed. Whatever they trade is told here, whether it makes an alert or not."
        return await self._show(request, note, around=address)

    async def _unfollow(self, request: Request, chat: Chat) -> Reply:
        words, first = split_place(request.words)
        text = " ".join(words)
        if not text:
            note = "Which of them no longer?" if chat.follows else ""
            return await self._show(request, note, first)
        if text.lower() == ALL:
            for follow in chat.follows:
                await self._stores.wishes.unfollow(request.target, follow.address)
            return await self._show(request, "You follow nobody any more.")
        address = followed(chat.follows, text) or await self._trader(text)
        gone = await self._stores.wishes.unfollow(request.target, address)
        return await self._show(request, "Unfollowed." if gone else "This chat didn't follow them.", first)

    async def _trader(self, who: str) -> Address:
        if who.isascii() and who.isdigit() and len(who) <= 5:
            who = f"#{who}"
        return await find_trader(self._answers.rankings, self._answers.fills, who)

    async def _show(
        self, request: Request, note: str, first: int = 1, around: Address | None = None
    ) -> Reply:
        """Return whom the chat follows from a place on, or the page on which somebody is."""
        chat = await self._stores.chats.chat(request.target)
        follows = chat.follows if chat else ()
        places = (nth for nth, follow in enumerate(follows) if follow.address == around)
        page = page_of(follows, next(places, first - 1) // ON_A_PAGE * ON_A_PAGE + 1)
        return reply(
            request,
            "follows",
            None,
            note=note,
            follows=page.items,
            first=page.first,
            total=page.total,
            buttons=_buttons(page),
        )

    async def _offers(self, chat: Chat) -> Rows:
        worst = await self._answers.losers(OFFERED, None, "badness")
        have = {follow.address for follow in chat.follows}
        offered = (
            button(f"#{one.rank} {short_address(one.address)}", "follow", one.address, edits=True)
            for one in worst.items
            if one.address not in have
        )
        return grid(offered, 2)


def _buttons(page: Page[Follow]) -> Rows:
    ends = (
        button(
            f"Unfollow {follow.label or short_address(follow.address)}",
            "unfollow",
            follow.address,
            *page.here,
            edits=True,
        )
        for follow in page.items
    )
    return (*grid(ends, 2), *rows(page.turning("unfollow")))
