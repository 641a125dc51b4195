"""The one list of commands, and how one of them is answered on any platform."""

import asyncio
import difflib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog

from bot.access import Access
from bot.answers import Answers
from bot.arguments import (
    read_losers,
    read_one_coin,
    read_performance,
    read_subscriptions,
)
from bot.requests import Argument, Command, Reply, Request
from core.answers import LOSER_SORTS, PERIODS
from core.errors import HyperfadeError, UsageError
from core.model.alerts import Chat, Target
from core.model.market import Coin
from core.ports import ChatStore
from messages.figures import short_address
from messages.render import render_answer

log = structlog.get_logger(__name__)

COIN = Argument("coin", "only this coin, such as BTC")


class Commands:
    """Answer commands; what one chat asks is answered in order, chats don't wait for each other."""

    def __init__(self, answers: Answers, chats: ChatStore, access: Access, *, is_demo: bool = False) -> None:
        self._answers = answers
        self._chats = chats
        self._access = access
        self._is_demo = is_demo
        self._turns: dict[Target, tuple[asyncio.Lock, int]] = {}
        self.commands = self._list()
        self._by_name = {command.name: command for command in self.commands}

    def _list(self) -> tuple[Command, ...]:
        return (
            Command("start", "welcome; with the owner code: become the owner", self._start,
                    (Argument("code", "the one-time code that the console shows"),)),
            Command("help", "this list", self._help),
            Command("losers", "the most reliable losers, worst first", self._losers,
                    (Argument("n", "how many, 1 to 50"), COIN,
                     Argument("by", "what to sort by", prefix="by", choices=tuple(LOSER_SORTS)))),
            Command("trader", "one trader's card", self._trader,
                    (Argument("who", "address, #RANK or label", is_required=True),)),
            Command("opportunities", "what is live now, and what ended lately", self._opportunities, (COIN,)),
            Command("performance", "what following the alerts would have made", self._performance,
                    (Argument("period", "how far back", choices=tuple(PERIODS)),
                     Argument("coin", "a coin, or a trader's address"))),
            Command("crowd", "where all losers together stand", self._crowd, (COIN,)),
            Command("status", "coverage, lag, queue, errors, evidence", self._status),
            Command("subscribe", "alerts of these coins, or of all", self._subscribe,
                    (Argument("coins", "coins such as BTC ETH, or all", is_required=True),
                     Argument("min_usd", "only from this size of the loser's trade, such as 10k"),
                     Argument("min_badness", "only from this badness, 0 to 100")), True),
            Command("unsubscribe", "no more alerts of this coin, or none at all", self._unsubscribe,
                    (COIN,), True),
            Command("subscriptions", "what this chat gets alerts for", self._subscriptions),
            Command("whoami", "the ids of this chat and of you", self._whoami),
        )  # fmt: skip

    async def handle(self, name: str, request: Request) -> Reply | None:
        """Answer one command; None when silence is the answer. Never raises a HyperfadeError."""
        async with self._turn(request.target):
            try:
                return await self._handle(name.lower(), request)
            except UsageError as error:
                return self._notice(request, str(error))
            except HyperfadeError as error:
                log.error("command failed", command=name[:32], target=str(request.target), error=str(error))
                return self._notice(request, "That can't be answered now. Please try again in a minute.")

    async def _handle(self, name: str, request: Request) -> Reply | None:
        chat = await self._access.admit(request)
        if chat is None:
            return await self._answer_stranger(name, request)
        command = self._by_name.get(name)
        if command is None:
            near = difflib.get_close_matches(name, self._by_name, n=1, cutoff=0.5)
            hint = f"Did you mean /{near[0]}?" if near else "/help lists all commands."
            return self._notice(request, f"There is no /{name[:32]}. {hint}")
        if command.changes_settings and not await self._may_change(request):
            return self._notice(request, "In a group only its administrators can change what it gets.")
        return await command.answer(request, chat)

    async def _answer_stranger(self, name: str, request: Request) -> Reply | None:
        if name == "start":
            if request.words and await self._access.claim(request, request.words[0]):
                log.info("owner claimed", target=str(request.target))
                return self._render(request, "start", None, claimed=True, subscriptions=())
            await self._access.note_stranger(request)
        if not self._access.is_polite_line_due(request.target):
            return None
        return self._notice(
            request,
            "This is a private bot. Ask its owner to let you in, or send /start CODE with the code that its "
            f"console shows. This chat is {request.target}.",
        )

    async def _may_change(self, request: Request) -> bool:
        if request.is_private:
            return True
        # Nobody can be held to what is posted in the name of a channel or a group.
        return request.user_id is not None and await request.is_administrator()

    # --- one function per command --------------------------------------------------------------

    async def _start(self, request: Request, chat: Chat) -> Reply:
        return self._render(request, "start", None, claimed=False, subscriptions=chat.subscriptions)

    async def _help(self, request: Request, chat: Chat) -> Reply:
        return self._render(request, "help", None, commands=self.commands)

    async def _losers(self, request: Request, chat: Chat) -> Reply:
        query = read_losers(request.words, await self._answers.coins())
        answer = await self._answers.losers(query.limit, query.coin, query.sort)
        title = _title(query.coin, None if query.sort == "badness" else f"by {query.sort}")
        return self._render(request, "losers", answer, title=title, **self._now())

    async def _trader(self, request: Request, chat: Chat) -> Reply:
        if len(request.words) != 1:
            raise UsageError("Which trader? Send /trader and an address, a rank such as #3, or a label.")
        query = request.words[0]
        if query.isascii() and query.isdigit() and len(query) <= 5:
            query = f"#{query}"
        answer = await self._answers.trader(query)
        return self._render(request, "trader", answer, **self._now())

    async def _opportunities(self, request: Request, chat: Chat) -> Reply:
        coin = read_one_coin(request.words, await self._answers.coins())
        answer = await self._answers.opportunities(coin)
        return self._render(
            request, "opportunities", answer, title=_title(coin), recent=answer.recent[:5], **self._now()
        )

    async def _performance(self, request: Request, chat: Chat) -> Reply:
        query = read_performance(request.words, await self._answers.coins())
        answer = await self._answers.performance(query.period, query.coin, query.loser)
        loser = short_address(query.loser) if query.loser else None
        period = "all time" if query.period == "all" else query.period
        return self._render(request, "performance", answer, title=_title(period, query.coin, loser))

    async def _crowd(self, request: Request, chat: Chat) -> Reply:
        coin = read_one_coin(request.words, await self._answers.coins())
        return self._render(request, "crowd", await self._answers.crowd(coin), title=_title(coin))

    async def _status(self, request: Request, chat: Chat) -> Reply:
        return self._render(request, "status", await self._answers.status())

    async def _subscribe(self, request: Request, chat: Chat) -> Reply:
        wanted = read_subscriptions(request.words, await self._answers.coins())
        for subscription in wanted:
            await self._chats.subscribe(request.target, subscription)
        return await self._show_subscriptions(request, "Subscribed.")

    async def _unsubscribe(self, request: Request, chat: Chat) -> Reply:
        words = () if [word.lower() for word in request.words] == ["all"] else request.words
        known = (*_coins_of(chat), *await self._answers.coins())
        coin = read_one_coin(words, known)
        gone = await self._chats.unsubscribe(request.target, coin)
        if gone == 0:
            return await self._show_subscriptions(
                request, f"There was no subscription of {coin or 'any coin'}."
            )
        return await self._show_subscriptions(request, f"Unsubscribed from {coin or 'everything'}.")

    async def _subscriptions(self, request: Request, chat: Chat) -> Reply:
        return await self._show_subscriptions(request, "")

    async def _whoami(self, request: Request, chat: Chat) -> Reply:
        user_id = f"{request.target.channel}:{request.user_id}" if request.user_id else None
        return self._render(
            request, "whoami", None, target=str(request.target), role=chat.role.value, user_id=user_id
        )

    # --- what they share -----------------------------------------------------------------------

    async def _show_subscriptions(self, request: Request, note: str) -> Reply:
        chat = await self._chats.chat(request.target)
        return self._render(
            request, "subscriptions", None, note=note, subscriptions=chat.subscriptions if chat else ()
        )

    def _now(self) -> dict[str, Any]:
        return {"now_ms": self._answers.clock.now_ms()}

    def _notice(self, request: Request, words: str) -> Reply:
        return self._render(request, "notice", words)

    def _render(self, request: Request, name: str, answer: Any, **facts: Any) -> Reply:
        text = render_answer(request.target.channel, name, answer, is_demo=self._is_demo, **facts)
        return Reply(text)

    @asynccontextmanager
    async def _turn(self, target: Target) -> AsyncIterator[None]:
        """Wait for the chat's earlier commands: `/subscribe` and `/unsubscribe` mustn't change places."""
        lock, waiting = self._turns.get(target, (asyncio.Lock(), 0))
        self._turns[target] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._turns[target]
            if waiting == 1:
                del self._turns[target]
            else:
                self._turns[target] = (lock, waiting - 1)


def _title(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)


def _coins_of(chat: Chat) -> tuple[Coin, ...]:
    return tuple(subscription.coin for subscription in chat.subscriptions if subscription.coin is not None)
