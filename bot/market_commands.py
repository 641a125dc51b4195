"""Commands about traders, opportunities and their score: they read and change nothing."""

from typing import Any

from bot.answers import Answers
from bot.arguments import read_losers, read_one_coin, read_performance
from bot.replies import reply
from bot.requests import Argument, Command, Reply, Request
from core.answers import PERIODS
from core.errors import UsageError
from core.loser_order import LOSER_SORTS
from core.model.chats import Chat
from messages.figures import short_address

COIN = Argument("coin", "only this coin, such as BTC", suggest="coin")


class MarketCommands:
    """What anybody who is let in may ask."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def commands(self) -> tuple[Command, ...]:
        """Return the commands, in the order of the menu."""
        return (
            Command("losers", "the most reliable losers, worst first", self._losers,
                    (Argument("n", "how many, 1 to 50"), COIN,
                     Argument("by", "what to sort by", prefix="by", choices=tuple(LOSER_SORTS)))),
            Command("trader", "one trader's card", self._trader,
                    (Argument("who", "address, #RANK or label", is_required=True, suggest="trader"),)),
            Command("opportunities", "what is live now, and what ended lately", self._opportunities, (COIN,)),
            Command("performance", "what following the alerts would have made", self._performance,
                    (Argument("period", "how far back", choices=tuple(PERIODS)),
                     Argument("coin", "a coin, or a trader's address", suggest="coin"))),
            Command("crowd", "where all losers together stand", self._crowd, (COIN,)),
            Command("status", "coverage, lag, queue, errors, evidence", self._status),
        )  # fmt: skip

    async def _losers(self, request: Request, chat: Chat) -> Reply:
        query = read_losers(request.words, await self._answers.coins())
        answer = await self._answers.losers(query.limit, query.coin, query.sort)
        title = _title(query.coin, None if query.sort == "badness" else f"by {query.sort}")
        return reply(request, "losers", answer, title=title, **self._now())

    async def _trader(self, request: Request, chat: Chat) -> Reply:
        if len(request.words) != 1:
            raise UsageError("Which trader? Send /trader and an address, a rank such as #3, or a label.")
        query = request.words[0]
        if query.isascii() and query.isdigit() and len(query) <= 5:
            query = f"#{query}"
        answer = await self._answers.trader(query)
        return reply(request, "trader", answer, **self._now())

    async def _opportunities(self, request: Request, chat: Chat) -> Reply:
        coin = read_one_coin(request.words, await self._answers.coins())
        answer = await self._answers.opportunities(coin)
        return reply(
            request, "opportunities", answer, title=_title(coin), recent=answer.recent[:5], **self._now()
        )

    async def _performance(self, request: Request, chat: Chat) -> Reply:
        query = read_performance(request.words, await self._answers.coins())
        answer = await self._answers.performance(query.period, query.coin, query.loser)
        loser = short_address(query.loser) if query.loser else None
        period = "all time" if query.period == "all" else query.period
        return reply(request, "performance", answer, title=_title(period, query.coin, loser))

    async def _crowd(self, request: Request, chat: Chat) -> Reply:
        coin = read_one_coin(request.words, await self._answers.coins())
        return reply(request, "crowd", await self._answers.crowd(coin), title=_title(coin))

    async def _status(self, request: Request, chat: Chat) -> Reply:
        return reply(request, "status", await self._answers.status())

    def _now(self) -> dict[str, Any]:
        return {"now_ms": self._answers.clock.now_ms()}


def _title(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)
