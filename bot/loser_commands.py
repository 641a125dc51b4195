"""Commands about the losers: the list, and one of them."""

from collections.abc import Iterable, Mapping, Sequence

from bot.answers import Answers
from bot.arguments import LosersQuery, read_losers
from bot.charts import Charts
from bot.replies import notice, reply
from bot.requests import Argument, Command, Reply, Request
from bot.rows import button, chosen, pager, rows
from core.errors import UsageError
from core.loser_order import LOSER_SORTS
from core.model.answers import LosersAnswer, TraderAnswer
from core.model.buttons import Button, Rows
from core.model.chats import Chat, Follow
from core.model.market import Address
from core.model.traders import TraderStanding
from messages.escaping import clean
from messages.figures import tiny_address
from messages.limits import cut
from messages.render import fit_answer

OFFERED = 5
LABEL_UNITS = 24
"""Of a chat's own name for a trader on a button."""

SORT_LABELS: Mapping[str, str] = {
    "badness": "badness", "pnl": "30 d", "loss": "lost", "winrate": "win", "markout": "markout"
}  # fmt: skip


class LoserCommands:
    """What anybody who is let in may ask about the list."""

    def __init__(self, answers: Answers, charts: Charts | None) -> None:
        self._answers = answers
        self._charts = charts

    def commands(self) -> tuple[Command, ...]:
        """Return the commands, in the order of the menu."""
        return (
            Command("losers", "the most reliable losers, worst first", self._losers,
                    (Argument("n", "how many, 1 to 50"),
                     Argument("coin", "only who trades this coin, such as BTC", suggest="coin"),
                     Argument("by", "what to sort by", prefix="by", choices=tuple(LOSER_SORTS)),
                     Argument("place", "the place to begin at, such as 16", prefix="from"))),
            Command("trader", "one trader's card", self._trader,
                    (Argument("who", "address, #RANK or label", is_required=True, suggest="trader"),)),
        )  # fmt: skip

    # --- the list ------------------------------------------------------------------------------

    async def _losers(self, request: Request, chat: Chat) -> Reply:
        query = read_losers(request.words, await self._answers.coins())
        answer = await self._answers.losers(query.limit, query.coin, query.sort, query.first)
        by = None if query.sort == "badness" else f"by {query.sort}"
        fitted = fit_answer(
            request.target.channel,
            "losers",
            answer,
            is_demo=request.is_demo,
            title=", ".join(part for part in (query.coin, by) if part),
            sort=query.sort,
            horizon=self._answers.horizon,
            now_ms=self._answers.clock.now_ms(),
        )
        shown = answer.items[: len(answer.items) - fitted.hidden]
        return Reply(fitted.text, _list_buttons(query, answer, shown))

    # --- one of them ---------------------------------------------------------------------------

    async def _trader(self, request: Request, chat: Chat) -> Reply:
        words = " ".join(request.words)
        if not words:
            ask = "Which trader? Choose one, or send /trader and an address, a rank such as #3, or a label."
            return notice(request, ask, buttons=await self._somebody(chat.follows))
        own = followed_as(words, chat.follows)
        if len(own) > 1:
            ask = f"{words[:40]!r} means {len(own)} of the traders that this chat follows: which?"
            return notice(request, ask, buttons=rows(_followed(own)))
        query = own[0].address if own else _as_rank(words)
        try:
            answer = await self._answers.trader(query)
        except UsageError as error:
            return notice(request, str(error), buttons=await self._somebody(chat.follows))
        label = next((one.label for one in chat.follows if one.address == answer.address), None)
        known = answer.standing
        said = reply(
            request,
            "trader",
            answer,
            own_label=label,
            markouts=known.figures.markouts if known else (),
            parts=known.parts if known else (),
            now_ms=self._answers.clock.now_ms(),
        )
        picture = None if self._charts is None else await self._charts.trader(answer)
        return Reply(said.text, _card_buttons(answer, chat.follows), picture)

    async def _somebody(self, follows: Sequence[Follow]) -> Rows:
        """Return who is asked for most: the worst of the list, and those that the chat follows."""
        worst = await self._answers.losers(OFFERED, None, "badness")
        return rows(_cards(worst.items), _followed(follows[:OFFERED]))


def followed_as(words: str, follows: Iterable[Follow]) -> list[Follow]:
    """Return whom a chat calls so, or whose name there begins so; upper case or lower is the same."""
    wanted = words.casefold()
    named = [(one.label.casefold(), one) for one in follows if one.label]
    return [one for label, one in named if label == wanted] or [
        one for label, one in named if label.startswith(wanted)
    ]


def _as_rank(words: str) -> str:
    return f"#{words}" if words.isascii() and words.isdigit() and len(words) <= 5 else words


def _list_buttons(query: LosersQuery, answer: LosersAnswer, shown: Sequence[TraderStanding]) -> Rows:
    def words(first: int, sort: str = query.sort) -> Sequence[str]:
        coin = (query.coin,) if query.coin is not None else ()
        by = ("by", sort) if sort != "badness" else ()
        place = ("from", str(first)) if first > 1 else ()
        return ("losers", str(query.limit), *coin, *by, *place)

    turning = pager(words, answer.first, len(shown), query.limit, answer.total)
    if not answer.total:
        return rows(turning, [button("all coins", "losers", edits=True)] if query.coin else [])
    sorts = [
        button(chosen(label, sort == query.sort), *words(1, sort), edits=True)
        for sort, label in SORT_LABELS.items()
    ]
    return rows(turning, sorts, _cards(shown))


def _cards(standings: Sequence[TraderStanding]) -> list[Button | None]:
    return [
        button(tiny_address(one.address) if one.rank is None else f"#{one.rank}", "trader", one.address)
        for one in standings[:OFFERED]
    ]


def _followed(follows: Iterable[Follow]) -> list[Button | None]:
    return [
        button(cut(clean(one.label or tiny_address(one.address)), LABEL_UNITS), "trader", one.address)
        for one in list(follows)[:OFFERED]
    ]


def _card_buttons(answer: TraderAnswer, follows: Iterable[Follow]) -> Rows:
    address: Address = answer.address
    is_followed = any(one.address == address for one in follows)
    return rows(
        [
            button("unfollow", "unfollow", address) if is_followed else button("follow", "follow", address),
            button("mute 24 h", "mute", address, "24h"),
            button("↻ refresh", "trader", address, edits=True),
        ],
        [button("faded: the score", "performance", "all", address)] if answer.faded.n else [],
    )
