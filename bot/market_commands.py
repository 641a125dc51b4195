"""Commands about opportunities, their score and the whole: they read and change nothing."""

from collections.abc import Iterable, Sequence

from bot.answers import Answers
from bot.arguments import PageQuery, PerformanceQuery, read_page, read_performance
from bot.charts import Charts
from bot.replies import reply
from bot.requests import Argument, Command, Reply, Request
from bot.rows import button, chosen, pager, rows
from core.answers import PERIODS, begin_of_page
from core.model.buttons import Button, Rows
from core.model.chats import Chat
from core.model.market import Coin
from messages.charts import FEWEST
from messages.render import fit_answer

PAGE = 10
MOST_COINS = 5
RECENT = 5

COIN = Argument("coin", "only this coin, such as BTC", suggest="coin")
PLACE = Argument("place", "the place to begin at, such as 11", prefix="from")


class MarketCommands:
    """What anybody who is let in may ask."""

    def __init__(self, answers: Answers, charts: Charts | None) -> None:
        self._answers = answers
        self._charts = charts

    def commands(self) -> tuple[Command, ...]:
        """Return the commands, in the order of the menu."""
        return (
            Command("opportunities", "what is live now, and what ended lately", self._opportunities,
                    (COIN, PLACE)),
            Command("performance", "what following the alerts would have made", self._performance,
                    (Argument("period", "how far back", choices=tuple(PERIODS)),
                     Argument("coin", "a coin, or a trader's address", suggest="coin or trader"))),
            Command("crowd", "where all losers together stand", self._crowd, (COIN, PLACE)),
            Command("status", "coverage, lag, queue, errors, evidence", self._status),
        )  # fmt: skip

    async def _opportunities(self, request: Request, chat: Chat) -> Reply:
        query = read_page(request.words, await self._answers.coins())
        answer = await self._answers.opportunities(query.coin)
        begin = begin_of_page(query.first, PAGE, len(answer.items))
        page = answer.items[begin : begin + PAGE]
        recent = answer.recent[:RECENT] if begin == 0 else ()
        fitted = fit_answer(
            request.target.channel,
            "opportunities",
            answer,
            is_demo=request.is_demo,
            items=page,
            first=begin + 1,
            total=len(answer.items),
            title=query.coin or "",
            recent=recent,
            now_ms=self._answers.clock.now_ms(),
        )
        coins = _each_once(one.opportunity.coin for one in answer.items)
        shown = min(len(page), max(len(page), len(recent)) - fitted.hidden)
        return Reply(
            fitted.text,
            _page_buttons("opportunities", query, begin, shown, len(answer.items), coins, "crowd"),
        )

    async def _crowd(self, request: Request, chat: Chat) -> Reply:
        query = read_page(request.words, await self._answers.coins())
        answer = await self._answers.crowd(query.coin)
        begin = begin_of_page(query.first, PAGE, len(answer.items))
        page = answer.items[begin : begin + PAGE]
        fitted = fit_answer(
            request.target.channel,
            "crowd",
            answer,
            is_demo=request.is_demo,
            items=page,
            first=begin + 1,
            total=len(answer.items),
            title=query.coin or "",
        )
        coins = [one.coin for one in page]
        shown = len(page) - fitted.hidden
        return Reply(
            fitted.text,
            _page_buttons("crowd", query, begin, shown, len(answer.items), coins, "opportunities"),
        )

    async def _performance(self, request: Request, chat: Chat) -> Reply:
        query = read_performance(request.words, await self._answers.coins())
        answer = await self._answers.performance(query.period, query.coin, query.loser)
        period = "all time" if query.period == "all" else query.period
        title = ", ".join(part for part in (period, query.coin) if part)
        said = reply(request, "performance", answer, title=title, loser=query.loser, curve_from=FEWEST)
        picture = None if self._charts is None else await self._charts.performance(answer)
        return Reply(said.text, _period_buttons(query), picture)

    async def _status(self, request: Request, chat: Chat) -> Reply:
        refresh = rows([button("↻ refresh", "status", edits=True)])
        return reply(request, "status", await self._answers.status(), buttons=refresh)


def _page_buttons(
    name: str, query: PageQuery, begin: int, shown: int, total: int, coins: Sequence[Coin], other: str
) -> Rows:
    """Return the page's buttons, and a choice of coins, or the way from one coin to the ``other`` answer."""

    def words(first: int) -> Sequence[str]:
        coin = (query.coin,) if query.coin is not None else ()
        return (name, *coin, *(("from", str(first)) if first > 1 else ()))

    turning = pager(words, begin + 1, shown, PAGE, total)
    choice: list[Button | None]
    if query.coin is None:
        choice = [button(coin, name, coin, edits=True) for coin in coins[:MOST_COINS]]
    else:
        choice = [
            button("all coins", name, edits=True),
            button(f"{query.coin} {other}", other, query.coin),
            button(f"losers in {query.coin}", "losers", query.coin),
        ]
    return rows(turning, choice)


def _period_buttons(query: PerformanceQuery) -> Rows:
    about = tuple(str(word) for word in (query.coin, query.loser) if word is not None)
    periods = [
        button(chosen("all time" if period == "all" else period, period == query.period),
               "performance", period, *about, edits=True)
        for period in PERIODS
    ]  # fmt: skip
    refresh = button("↻ refresh", "performance", query.period, *about, edits=True)
    return rows([*periods, refresh])


def _each_once(coins: Iterable[Coin]) -> list[Coin]:
    return list(dict.fromkeys(coins))
