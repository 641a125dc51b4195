"""What Hyperliquid pushes: the ``Feed`` port over as many WebSocket connections as it takes."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from time import monotonic as real_monotonic
from typing import TYPE_CHECKING

from websockets.exceptions import InvalidURI
from websockets.uri import parse_uri

from core.errors import RequestRefused, SettingsError
from core.model.market import Address, Coin
from core.ports import Feed, FeedItem, Sleep
from core.trouble import Trouble
from exchange.inbox import Closed, Inbox
from exchange.limits import WeightBudget
from exchange.link import SUSPICIONS, Link, Surroundings
from exchange.session import FeedTiming, spread
from exchange.tape import Tape
from exchange.wire.frames import Subscription

MAX_CONNECTIONS = 10
PER_CONNECTION = 90
"""Bursts of 100 subscribes are accepted; few connections mean few that break."""

MAX_SUBSCRIPTIONS = 450
"""Of 1000: those of a connection that broke still count for a while."""

CONNECTS_PER_MINUTE = 25.0
"""Of 30."""

FAST_CONTEXTS = Subscription("fastAssetCtxs")
"""The mids of every perpetual of every dex."""


class HyperliquidFeed:
    """Iterate to connect; ``aclose``, or closing the iterator, disconnects.

    ``last_px`` and ``last_trade_ms`` follow all trades, whoever made them.
    """

    def __init__(
        self,
        url: str,
        *,
        now_ms: Callable[[], int],
        rng: random.Random,
        timing: FeedTiming | None = None,
        monotonic: Callable[[], float] = real_monotonic,
        sleep: Sleep = asyncio.sleep,
        inbox: Inbox | None = None,
        per_connection: int = PER_CONNECTION,
    ) -> None:
        try:
            parse_uri(url)
        except InvalidURI as error:
            raise SettingsError(f"the feed's address must begin with ws:// or wss://, got {url!r}") from error
        self._inbox = inbox or Inbox()
        self._tape = Tape(self._inbox)
        self._shared = Surroundings(
            url=url,
            inbox=self._inbox,
            tape=self._tape,
            connects=WeightBudget(CONNECTS_PER_MINUTE, MAX_CONNECTIONS, monotonic=monotonic),
            trouble=Trouble(
                "the feed is away: nothing is heard and no alert made until it is connected again, "
                "then what was missed is asked for",
                "the feed is back",
                now_ms,
            ),
            suspicions={},
            timing=timing or FeedTiming(),
            rng=rng,
            now_ms=now_ms,
            monotonic=monotonic,
            sleep=sleep,
        )
        self._per_connection = per_connection
        self._trade_coins: tuple[Coin, ...] = ()
        self._quote_coins: tuple[Coin, ...] = ()
        self._links: list[Link] = []
        self._tasks: dict[Link, asyncio.Task[None]] = {}
        self._is_running = False
        self.last_px = self._tape.last_px

    # --- the port -------------------------------------------------------------------------------

    def __aiter__(self) -> AsyncIterator[FeedItem]:
        return self._items()

    async def watch_coins(self, coins: Sequence[Coin]) -> None:
        """Subscribe to the trades of exactly these coins from now on; too many raise ``RequestRefused``."""
        self._rearrange(tuple(dict.fromkeys(coins)), self._quote_coins)

    async def watch_quotes(self, coins: Sequence[Coin]) -> None:
        """Subscribe to the best bid and ask of exactly these coins from now on."""
        self._rearrange(self._trade_coins, tuple(dict.fromkeys(coins)))

    def watch_accounts(self, accounts: frozenset[Address]) -> None:
        """Report only trades that name one of these accounts from now on."""
        self._tape.watched = accounts

    async def aclose(self) -> None:
        """Let the iteration end, which disconnects."""
        self._inbox.fail(Closed())

    async def _items(self) -> AsyncIterator[FeedItem]:
        if self._is_running:
            raise RuntimeError("the feed is already being read")
        self._is_running = True
        try:
            self._rearrange(self._trade_coins, self._quote_coins)
            with suppress(Closed):
                while True:
                    yield await self._inbox.get()
        finally:
            self._is_running = False
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._links.clear()

    # --- how it stands --------------------------------------------------------------------------

    @property
    def last_trade_ms(self) -> int:
        """Return the exchange's time of the newest trade heard, 0 before the first."""
        return self._tape.last_trade_ms

    @property
    def is_live(self) -> bool:
        """Tell whether every subscription that was asked for is answered."""
        sessions = [link.session for link in self._links]
        return bool(sessions) and all(s is not None and s.is_settled for s in sessions)

    @property
    def refused(self) -> frozenset[Subscription]:
        """Return what the exchange doesn't give, or what broke connections."""
        refused = {s for link in self._links if link.session for s in link.session.refused()}
        suspected = {s for s, times in self._shared.suspicions.items() if times >= SUSPICIONS}
        return frozenset(refused | suspected)

    @property
    def bad_frames(self) -> int:
        """Return how many frames of the present connections couldn't be read."""
        return sum(link.bad_frames for link in self._links)

    # --- who listens to what --------------------------------------------------------------------

    def _rearrange(self, trade_coins: tuple[Coin, ...], quote_coins: tuple[Coin, ...]) -> None:
        wanted = [
            FAST_CONTEXTS,
            *(Subscription("trades", coin) for coin in trade_coins),
            *(Subscription("bbo", coin) for coin in quote_coins),
        ]
        most = min(MAX_SUBSCRIPTIONS, MAX_CONNECTIONS * self._per_connection)
        if len(wanted) > most:
            raise RequestRefused(
                f"the feed was asked for {len(wanted)} subscriptions and keeps to {most}: watch fewer coins"
            )
        if trade_coins != self._trade_coins:
            self._shared.suspicions.clear()  # a fresh list deserves a fresh look
        self._trade_coins, self._quote_coins = trade_coins, quote_coins
        if not self._is_running:
            return
        plan = spread([link.wanted for link in self._links], wanted, self._per_connection)
        self._links += [Link(self._shared) for _ in plan[len(self._links) :]]
        for link, subscriptions in zip(self._links, plan, strict=True):
            link.want(subscriptions)
            task = self._tasks.get(link)
            if task is None:
                self._start(link)
            elif not subscriptions:
                task.cancel()
                link.leave()
        self._links = [link for link in self._links if link.wanted]

    def _start(self, link: Link) -> None:
        task = asyncio.create_task(link.keep(), name="feed connection")
        self._tasks[link] = task
        task.add_done_callback(lambda done: self._ended(link, done))

    def _ended(self, link: Link, task: asyncio.Task[None]) -> None:
        """Hand what a connection's task died of to the reader: it must not vanish."""
        self._tasks.pop(link, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._inbox.fail(error)


if TYPE_CHECKING:
    _: type[Feed] = HyperliquidFeed
