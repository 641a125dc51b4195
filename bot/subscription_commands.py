"""Commands about what a chat gets alerts for."""

from bot.answers import Answers
from bot.arguments import read_one_coin
from bot.replies import notice
from bot.requests import Argument, Command, Reply, Request
from bot.rows import button, chosen, grid
from bot.stores import Stores
from bot.wish_arguments import ALL, read_subscriptions
from bot.wishes_shown import BACK_TO_WISHES, show_wishes
from core.model.buttons import Button, Rows
from core.model.chats import Chat
from core.model.market import DAY_MS, Coin, Direction

BUSY_MS = 30 * DAY_MS
OFFERED = 9
WELL_KNOWN = ("BTC", "ETH", "SOL", "HYPE", "XRP", "DOGE", "BNB", "SUI", "AVAX")
"""Offered until the program knows by itself where most happens."""


class SubscriptionCommands:
    """Subscribe, unsubscribe, and show all that a chat wants."""

    def __init__(self, answers: Answers, stores: Stores) -> None:
        self._answers = answers
        self._stores = stores

    def commands(self) -> tuple[Command, ...]:
        """Return the commands, in the order of the menu."""
        return (
            Command("subscribe", "alerts of these coins, or of all", self._subscribe,
                    (Argument("coins", "coins such as BTC ETH, or all", suggest="coin"),
                     Argument("side", "only alerts that suggest this side", choices=tuple(Direction)),
                     Argument("min_usd", "only from this size of the loser's trade, such as 10k"),
                     Argument("min_badness", "only from this badness, 0 to 100", prefix="badness")), True),
            Command("unsubscribe", "no more alerts of this coin, or none at all", self._unsubscribe,
                    (Argument("coin", "only this coin, such as BTC; or all", suggest="coin"),), True),
            Command("subscriptions", "what this chat gets, and how", self._subscriptions),
        )  # fmt: skip

    async def _subscribe(self, request: Request, chat: Chat) -> Reply:
        known = await self._answers.coins()
        if not request.words:
            return notice(
                request,
                "Alerts of which coins? Press one, or send such as /subscribe BTC ETH short 10k badness 60.",
                buttons=await self._offers(chat, known),
            )
        for subscription in read_subscriptions(request.words, known):
            await self._stores.chats.subscribe(request.target, subscription)
        return await self._show(request, "Subscribed.")

    async def _unsubscribe(self, request: Request, chat: Chat) -> Reply:
        if not request.words:
            if not chat.subscriptions:
                return await self._show(request, "")
            more = len(_coins_of(chat)) > OFFERED
            ask = "No more alerts of which coin?" + " Others: /unsubscribe and the coin." * more
            return notice(request, ask, buttons=_subscribed(chat))
        words = () if [word.lower() for word in request.words] == [ALL] else request.words
        known = (*_coins_of(chat), *await self._answers.coins())
        coin = read_one_coin(words, known)
        gone = await self._stores.chats.unsubscribe(request.target, coin)
        if gone:
            return await self._show(request, f"Unsubscribed from {coin or 'everything'}.")
        if coin and any(one.coin is None for one in chat.subscriptions):
            note = f"This chat gets all coins. /mute {coin} 7d keeps this one away for a while."
        else:
            note = f"There was no subscription of {coin or 'any coin'}."
        return await self._show(request, note)

    async def _subscriptions(self, request: Request, chat: Chat) -> Reply:
        return await self._show(request, "")

    async def _show(self, request: Request, note: str) -> Reply:
        return await show_wishes(request, self._stores, self._answers.clock.now_ms(), note)

    async def _offers(self, chat: Chat, known: tuple[Coin, ...]) -> Rows:
        since_ms = self._answers.clock.now_ms() - BUSY_MS
        busy = await self._stores.reader.busiest_coins(since_ms, OFFERED)
        usual = [Coin(name) for name in WELL_KNOWN if not known or name in known]
        coins = list(dict.fromkeys([*busy, *usual, *known]))[:OFFERED]
        have = {one.coin for one in chat.subscriptions}
        offered = (button(chosen(coin, coin in have), "subscribe", coin, edits=True) for coin in coins)
        everything = Button(chosen("All coins", None in have), "subscribe all", edits=True)
        return ((everything,), *grid(offered, 3), (BACK_TO_WISHES,))


def _subscribed(chat: Chat) -> Rows:
    coins = _coins_of(chat)[:OFFERED]
    each = (button(coin, "unsubscribe", coin, edits=True) for coin in coins)
    return (*grid(each, 3), (Button("Everything", "unsubscribe all", edits=True), BACK_TO_WISHES))


def _coins_of(chat: Chat) -> tuple[Coin, ...]:
    return tuple(subscription.coin for subscription in chat.subscriptions if subscription.coin is not None)
