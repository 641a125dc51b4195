"""Commands that keep alerts away for a while."""

from bot.answers import Answers
from bot.arguments import split_place
from bot.replies import notice, reply
from bot.requests import Argument, Command, Reply, Request
from bot.rows import Page, button, grid, page_of, rows
from bot.stores import Stores
from bot.wish_arguments import ALL, is_duration, read_duration, read_subject
from bot.wishes_shown import mute_facts
from core.errors import UsageError
from core.model.buttons import Rows
from core.model.chats import Chat, Mute
from core.model.market import Coin
from messages.figures import short_address

MOST_MUTES = 100
DURATIONS = ("30m", "1h", "4h", "24h", "7d")


class MuteCommands:
    """Mute everything, a coin or a trader, and end it before its time."""

    def __init__(self, answers: Answers, stores: Stores) -> None:
        self._answers = answers
        self._stores = stores

    def commands(self) -> tuple[Command, ...]:
        """Return the commands, in the order of the menu."""
        return (
            Command("mute", "no entries of a coin, a trader or at all, for a while", self._mute,
                    (Argument("what", "a coin, an address, your own name for a trader, or all",
                              suggest="coin or trader"),
                     Argument("duration", "such as 30m, 4h or 2d, at most 30d")), True),
            Command("unmute", "end a mute before its time", self._unmute,
                    (Argument("what", "what was muted; or all of it", suggest="coin or trader"),
                     Argument("place", "the place to begin at, such as 9", prefix="from")), True),
        )  # fmt: skip

    async def _mute(self, request: Request, chat: Chat) -> Reply:
        words = list(request.words)
        if not words or (len(words) == 1 and is_duration(words[0])):
            for word in words:
                read_duration(word)
            return await self._ask(request, ALL, words)
        duration = words.pop() if len(words) > 1 and is_duration(words[-1]) else None
        what = read_subject(words, chat.follows, await self._answers.coins())
        if duration is None:
            return await self._ask(request, what, ())
        now_ms = self._answers.clock.now_ms()
        until_ms = now_ms + read_duration(duration)
        muted = {one.what for one in await self._stores.wishes.mutes(request.target, now_ms)}
        if what not in muted and len(muted) >= MOST_MUTES:
            raise UsageError(f"{MOST_MUTES} mutes are the most. /unmute ends some.")
        await self._stores.wishes.forget_mutes(now_ms)
        await self._stores.wishes.mute(request.target, what, until_ms)
        return await self._show(request, chat, "Muted.", only=what)

    async def _ask(self, request: Request, what: str, words: list[str] | tuple[str, ...]) -> Reply:
        name = "everything" if what == ALL else short_address(what)
        durations = words or DURATIONS
        return notice(
            request,
            f"Mute {name} for how long? Exits come all the same. "
            "One coin: /mute BTC 4h; one trader: /mute, the address, and 24h.",
            buttons=grid((button(one, "mute", what, one, edits=True) for one in durations), 3),
        )

    async def _unmute(self, request: Request, chat: Chat) -> Reply:
        words, first = split_place(request.words)
        if not words:
            return await self._show(request, chat, "", first)
        what = read_subject(words, chat.follows, await self._known(request))
        gone = await self._stores.wishes.unmute(request.target, None if what == ALL else what)
        return await self._show(request, chat, "No longer muted." if gone else "That wasn't muted.", first)

    async def _known(self, request: Request) -> tuple[Coin, ...]:
        """Return the coins, those that were muted and are listed no more included."""
        now_ms = self._answers.clock.now_ms()
        muted = [one.what for one in await self._stores.wishes.mutes(request.target, now_ms)]
        return (*(Coin(one) for one in muted if one != ALL), *await self._answers.coins())

    async def _show(
        self, request: Request, chat: Chat, note: str, first: int = 1, only: str | None = None
    ) -> Reply:
        now_ms = self._answers.clock.now_ms()
        mutes = await self._stores.wishes.mutes(request.target, now_ms)
        page = page_of([one for one in mutes if only in (None, one.what)], first)
        return reply(
            request,
            "mutes",
            None,
            note=note,
            first=page.first,
            total=page.total,
            buttons=_buttons(page, chat),
            **mute_facts(chat, page.items, now_ms),
        )


def _buttons(page: Page[Mute], chat: Chat) -> Rows:
    labels: dict[str, str | None] = {follow.address: follow.label for follow in chat.follows}
    ends = (
        button(
            f"Unmute {labels.get(one.what) or short_address(one.what)}",
            "unmute",
            one.what,
            *page.here,
            edits=True,
        )
        for one in page.items
        if one.what != ALL
    )
    everything = button("Unmute everything", "unmute", ALL, edits=True)
    has_more = page.total > 1 or any(one.what == ALL for one in page.items)
    return (*grid(ends, 2), *rows([*page.turning("unmute"), everything if has_more else None]))
