"""The queue between the sockets and whoever reads the feed: bounded, and never waited for by a socket.

Trades of watched accounts are never dropped in silence: when the reader is so late that the queue is
full, a ``GapHeard`` takes their place, and back-fill finds them. Of mids and quotes only the newest
count, so each has one place in the queue whose content is overwritten while it waits.
"""

import asyncio
from collections import deque
from decimal import Decimal

from core.model.market import Coin, Quote, Trade
from core.ports import FeedItem, GapHeard, MidsHeard, QuoteHeard, TradesHeard

MAX_TRADES = 200_000
"""About an hour and a half of the whole market's mean."""


class _MidsPlace:
    """The place of the mids that wait to be read."""


class Closed(Exception):
    """The feed was closed."""


class Inbox:
    """One reader, any number of writers on the same loop."""

    def __init__(self, max_trades: int = MAX_TRADES) -> None:
        self._max_trades = max_trades
        self._items: deque[TradesHeard | GapHeard | _MidsPlace | Coin] = deque()
        self._trades = 0
        self._mids: dict[Coin, Decimal] = {}
        self._mids_ms = 0
        self._quotes: dict[Coin, QuoteHeard] = {}
        self._ready = asyncio.Event()
        self._failure: BaseException | None = None
        self.shed_trades = 0
        """Trades whose place a gap has taken."""

    def put_trades(self, trades: tuple[Trade, ...], received_ms: int, is_history: bool) -> None:
        """Add trades, or a gap in their place when the queue is full."""
        if self._trades + len(trades) > self._max_trades:
            self.shed_trades += len(trades)
            coins = tuple(dict.fromkeys(trade.coin for trade in trades))
            self.put_gap(min(trade.time_ms for trade in trades), received_ms, coins)
            return
        self._trades += len(trades)
        self._items.append(TradesHeard(trades, received_ms, is_history))
        self._ready.set()

    def put_gap(self, from_ms: int, to_ms: int, coins: tuple[Coin, ...]) -> None:
        """Add a gap; one that follows another is joined to it."""
        last = self._items[-1] if self._items else None
        if isinstance(last, GapHeard):
            self._items.pop()
            from_ms, to_ms = min(last.from_ms, from_ms), max(last.to_ms, to_ms)
            coins = tuple(dict.fromkeys((*last.coins, *coins))) if last.coins and coins else ()
        self._items.append(GapHeard(from_ms, to_ms, coins))
        self._ready.set()

    def put_mids(self, mids: dict[Coin, Decimal], received_ms: int) -> None:
        """Add mids to those that wait; the newest of a coin wins."""
        if not mids:
            return
        if not self._mids:
            self._items.append(_MidsPlace())
            self._ready.set()
        self._mids.update(mids)
        self._mids_ms = received_ms

    def put_quote(self, quote: Quote, received_ms: int) -> None:
        """Add a quote in the place of an older one of its coin."""
        if quote.coin not in self._quotes:
            self._items.append(quote.coin)
            self._ready.set()
        self._quotes[quote.coin] = QuoteHeard(quote, received_ms)

    def fail(self, error: BaseException) -> None:
        """Let the reader fail with this once it has read what is there."""
        self._failure = self._failure or error
        self._ready.set()

    async def get(self) -> FeedItem:
        """Wait for the next item; raise what the feed died of, or ``Closed``."""
        while not self._items:
            if self._failure is not None:
                raise self._failure
            self._ready.clear()
            await self._ready.wait()
        return self._opened(self._items.popleft())

    def _opened(self, item: TradesHeard | GapHeard | _MidsPlace | Coin) -> FeedItem:
        if isinstance(item, TradesHeard):
            self._trades -= len(item.trades)
            return item
        if isinstance(item, GapHeard):
            return item
        if isinstance(item, _MidsPlace):
            mids, self._mids = self._mids, {}
            return MidsHeard(mids, self._mids_ms)
        return self._quotes.pop(item)
