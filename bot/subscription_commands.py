"""Commands about what a chat gets alerts for."""

from bot.answers import Answers
from bot.arguments import read_one_coin, read_subscriptions
from bot.replies import reply
from bot.requests import Argument, Command, Reply, Request
from core.model.chats import Chat
from core.model.market import Coin
from core.ports import ChatStore


class SubscriptionCommands:
    """Subscribe, unsubscribe, and show it."""

    def __init__(self, answers: Answers, chats: ChatStore) -> None:
        self._answers = answers
        self._chats = chats

    def commands(self) -> tuple[Command, ...]:
        """Return the commands, in the order of the menu."""
        return (
            Command("subscribe", "alerts of these coins, or of all", self._subscribe,
                    (Argument("coins", "coins such as BTC ETH, or all", is_required=True, suggest="coin"),
                     Argument("min_usd", "only from this size of the loser's trade, such as 10k"),
                     Argument("min_badness", "only from this badness, 0 to 100")), True),
            Command("unsubscribe", "no more alerts of this coin, or none at all", self._unsubscribe,
                    (Argument("coin", "only this coin, such as BTC", suggest="coin"),), True),
            Command("subscriptions", "what this chat gets alerts for", self._subscriptions),
        )  # fmt: skip

    async def _subscribe(self, request: Request, chat: Chat) -> Reply:
        wanted = read_subscriptions(request.words, await self._answers.coins())
        for subscription in wanted:
            await self._chats.subscribe(request.target, subscription)
        return await self._show(request, "Subscribed.")

    async def _unsubscribe(self, request: Request, chat: Chat) -> Reply:
        words = () if [word.lower() for word in request.words] == ["all"] else request.words
        known = (*_coins_of(chat), *await self._answers.coins())
        coin = read_one_coin(words, known)
        gone = await self._chats.unsubscribe(request.target, coin)
        if gone == 0:
            return await self._show(request, f"There was no subscription of {coin or 'any coin'}.")
        return await self._show(request, f"Unsubscribed from {coin or 'everything'}.")

    async def _subscriptions(self, request: Request, chat: Chat) -> Reply:
        return await self._show(request, "")

    async def _show(self, request: Request, note: str) -> Reply:
        chat = await self._chats.chat(request.target)
        return reply(
            request, "subscriptions", None, note=note, subscriptions=chat.subscriptions if chat else ()
        )


def _coins_of(chat: Chat) -> tuple[Coin, ...]:
    return tuple(subscription.coin for subscription in chat.subscriptions if subscription.coin is not None)
