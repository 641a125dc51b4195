"""Commands about a chat's own alerts: what they made, why one didn't come, and how one looks."""

from bot.answers import Answers
from bot.replies import notice, reply
from bot.requests import Argument, Command, Reply, Request
from bot.rows import button, chosen, grid
from bot.stores import Stores
from bot.wish_arguments import ALL, read_subject
from core import chat_answers
from core.answers import PERIODS
from core.errors import UsageError
from core.model.chats import Chat
from core.model.market import Address, Coin
from messages.figures import short_address

OFFERED = 9


class MineCommands:
    """What a chat may ask about itself."""

    def __init__(self, answers: Answers, stores: Stores) -> None:
        self._answers = answers
        self._stores = stores

    def commands(self) -> tuple[Command, ...]:
        """Return the commands, in the order of the menu."""
        return (
            Command("mine", "this chat's own alerts: result, delay, what was held back", self._mine,
                    (Argument("period", "how far back", choices=tuple(PERIODS)),)),
            Command("why", "what was not alerted in 24 hours, and which rule stopped it", self._why,
                    (Argument("what", "a coin, an address, or your own name for a trader",
                              suggest="coin or trader"),)),
            Command("test", "send a marked test alert to this chat", self._test, changes_settings=True),
        )  # fmt: skip

    async def _mine(self, request: Request, chat: Chat) -> Reply:
        if len(request.words) > 1:
            raise UsageError(f"One period at a time: expected one of {', '.join(PERIODS)}.")
        period = request.words[0].lower() if request.words else "30d"
        answer = await chat_answers.mine(
            self._answers.reader,
            self._stores.reader,
            request.target,
            now_ms=self._answers.clock.now_ms(),
            horizon=self._answers.horizon,
            period=period,
        )
        buttons = [button(chosen(one, one == period), "mine", one, edits=True) for one in PERIODS]
        title = "all time" if period == "all" else period
        return reply(request, "mine", answer, title=title, buttons=grid(buttons, 3))

    async def _why(self, request: Request, chat: Chat) -> Reply:
        known = await self._answers.coins()
        if not request.words:
            return notice(
                request,
                "What wasn't alerted, of which coin? Press one, or send /why and a coin, an address or your "
                "own name for a trader.",
                buttons=grid(
                    [button(coin, "why", coin, edits=True) for coin in await self._busy(known)]
                    + [button("Everything", "why", ALL, edits=True)],
                    3,
                ),
            )
        subject = read_subject(request.words, chat.follows, known)
        is_trader = subject.startswith("0x")
        answer = await chat_answers.why(
            self._answers.reader,
            self._stores.reader,
            chat,
            now_ms=self._answers.clock.now_ms(),
            coin=None if is_trader or subject == ALL else Coin(subject),
            account=Address(subject) if is_trader else None,
        )
        title = "everything" if subject == ALL else short_address(subject)
        again = button("↻ refresh", "why", subject, edits=True)
        return reply(
            request,
            "why",
            answer,
            title=title,
            missed=answer.missed[: chat_answers.NEWEST_MISSED],
            buttons=grid([again], 1),
        )

    async def _busy(self, known: tuple[Coin, ...]) -> list[Coin]:
        since_ms = self._answers.clock.now_ms() - chat_answers.WHY_MS
        busy = await self._stores.reader.busiest_coins(since_ms, OFFERED - 1)
        return list(dict.fromkeys([*busy, *known]))[: OFFERED - 1]

    async def _test(self, request: Request, chat: Chat) -> Reply:
        await self._stores.outbox.add_test(request.target, self._answers.clock.now_ms())
        return notice(
            request, "A test alert is on its way: made up, marked as a test, and like a real one otherwise."
        )
