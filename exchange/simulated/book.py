"""The order book as a pure function of (seed, coin, time); changes when depth or spread change."""

from functools import lru_cache
from math import exp
from typing import NamedTuple

from exchange.simulated.coins import MICRO, Coin
from exchange.simulated.market import Market
from exchange.simulated.noise import key_of, uniform

BOOK_MS = 500  # a book lasts this long
LEVELS = 20


class Level(NamedTuple):
    """One price level: price and size in the coin's units, and the number of orders."""

    px: int
    size: int
    orders: int


class Book(NamedTuple):
    """Both sides, best first."""

    time: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Books:
    """Makes the book of any coin at any time."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._make = lru_cache(maxsize=2048)(self._book)
        self._touch = lru_cache(maxsize=4096)(self._best)

    def at(self, coin: Coin, time_ms: int) -> Book:
        """Return the book in force at a time."""
        return self._make(coin, time_ms // BOOK_MS)

    def touch(self, coin: Coin, time_ms: int) -> tuple[int, int]:
        """Return best bid and best ask in price units; quicker than the whole book."""
        return self._touch(coin, time_ms // BOOK_MS)

    def _best(self, coin: Coin, slot: int) -> tuple[int, int]:
        mid = self._market.mid(coin, slot * BOOK_MS)
        key = key_of(self._market.seed, "book", coin.name) + slot
        half = coin.spread_bps * 0.5e-4 * mid * (0.6 + 0.8 * uniform(key, 0))
        bid, ask = coin.floor_px(mid - half), coin.ceil_px(mid + half)
        return (bid if bid < ask else ask - coin.tick(ask)), ask

    def _book(self, coin: Coin, slot: int) -> Book:
        time = slot * BOOK_MS
        if coin.delisted:
            return Book(time, (), ())
        mid = self._market.mid(coin, time)
        key = key_of(self._market.seed, "book", coin.name) + slot
        bid, ask = self._touch(coin, slot)
        step = coin.tick(bid)
        stride = max(int(mid * 10e-4 / LEVELS / step), 1)
        share = coin.depth_usd * MICRO / min(LEVELS, max(10e-4 * mid / (stride * step), 1.0))
        sides: list[tuple[Level, ...]] = []
        for side, best, towards in ((0, bid, -1), (1, ask, 1)):
            levels: list[Level] = []
            px = best
            for i in range(LEVELS):
                draw = uniform(key, 10 + side * 50 + i)
                size = max(int(share * exp(1.6 * (draw - 0.55)) / px), 1)
                levels.append(Level(px, size, 1 + int(14 * draw * draw)))
                skip = 1 if i == 0 else 1 + int(stride * (0.5 + uniform(key, 200 + side * 50 + i)))
                px = px + towards * step * min(skip, max(stride, 1))
                if px <= 0:
                    break
            sides.append(tuple(levels))
        return Book(time, sides[0], sides[1])

    def sweep(self, coin: Coin, time_ms: int, size: int, limit: int = 12) -> list[tuple[int, int]]:
        """Walk the book with a signed aggressive size; return (price, size) pieces; the last takes all."""
        book = self.at(coin, time_ms)
        levels = book.asks if size > 0 else book.bids
        left, pieces = abs(size), list[tuple[int, int]]()
        for level in levels[:limit]:
            part = min(left, level.size)
            pieces.append((level.px, part))
            left -= part
            if not left:
                return pieces
        px, part = pieces[-1]
        pieces[-1] = (px, part + left)
        return pieces
