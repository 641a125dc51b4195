"""Market facts that belong to no account: coins, trades, books, prices, funding rates."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NewType

Address = NewType("Address", str)
"""An account as the exchange names it: lower-case ``0x`` + 40 hex, or an archive's own label."""

Coin = NewType("Coin", str)
"""``BTC``, ``kPEPE``, a builder perp ``dex:COIN``, or spot ``@107`` / ``PURR/USDC``; case matters."""

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WINDOW_MS = 30 * DAY_MS
"""The rolling window of every 30-day figure."""


class Side(StrEnum):
    """What an account did: bought or sold. The values are the exchange's."""

    BUY = "B"
    SELL = "A"

    @property
    def sign(self) -> int:
        """Return +1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """Return the other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Direction(StrEnum):
    """What a position is, or what a fader is told to take."""

    LONG = "long"
    SHORT = "short"

    @property
    def sign(self) -> int:
        """Return +1 for long, -1 for short."""
        return 1 if self is Direction.LONG else -1

    @property
    def opposite(self) -> "Direction":
        """Return the other direction."""
        return Direction.SHORT if self is Direction.LONG else Direction.LONG


def is_spot(coin: str) -> bool:
    """Tell whether a coin name is a spot pair or an outcome token, which no perp figure counts."""
    return coin.startswith(("@", "#", "+")) or "/" in coin


def dex_of(coin: str) -> str:
    """Return the dex that lists a perpetual: ``xyz`` for ``xyz:CL``, empty for the exchange's own."""
    dex, colon, _ = coin.partition(":")
    return dex if colon else ""


@dataclass(frozen=True, slots=True)
class CoinSpec:
    """One listed perpetual; ``dex`` is empty for the exchange's own."""

    coin: Coin
    sz_decimals: int
    max_leverage: int
    is_delisted: bool = False
    dex: str = ""


@dataclass(frozen=True, slots=True)
class Listings:
    """The perpetuals of one dex, and the current hourly funding rate of those that trade."""

    specs: tuple[CoinSpec, ...]
    funding: Mapping[Coin, Decimal]
    """A fraction; positive: longs pay."""


@dataclass(frozen=True, slots=True)
class Trade:
    """One match on the public feed; ``side`` is the aggressor's."""

    coin: Coin
    side: Side
    px: Decimal
    sz: Decimal
    time_ms: int
    tid: int
    buyer: Address
    seller: Address
    is_twap: bool = False
    """True when the hash is all zero: TWAP slices and other system rows."""

    @property
    def taker(self) -> Address:
        """Return the account that took liquidity."""
        return self.buyer if self.side is Side.BUY else self.seller


@dataclass(frozen=True, slots=True)
class Level:
    """One price level of a book: USD per coin, and coins."""

    px: Decimal
    sz: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """A snapshot of both sides of one coin's order book, best level first."""

    coin: Coin
    time_ms: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    @property
    def mid(self) -> Decimal | None:
        """Return the mid price in USD, or None when a side is empty."""
        if not self.bids or not self.asks:
            return None
        return (self.bids[0].px + self.asks[0].px) / 2

    @property
    def spread_bps(self) -> float | None:
        """Return best ask minus best bid in bps of the mid, or None when a side is empty."""
        mid = self.mid
        if mid is None or mid <= 0:
            return None
        return float((self.asks[0].px - self.bids[0].px) / mid) * 1e4

    def best(self, direction: Direction) -> Decimal | None:
        """Return the price somebody who takes ``direction`` now would pay or get."""
        levels = self.asks if direction is Direction.LONG else self.bids
        return levels[0].px if levels else None

    def depth_usd(self, direction: Direction, within_bps: float) -> float | None:
        """Return the USD that a taker of ``direction`` finds within ``within_bps`` of the mid."""
        mid = self.mid
        if mid is None:
            return None
        limit = float(mid) * (1 + direction.sign * within_bps / 1e4)
        levels = self.asks if direction is Direction.LONG else self.bids
        return sum(
            float(level.px * level.sz) for level in levels if (float(level.px) - limit) * direction.sign <= 0
        )


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask of one coin at one moment; a side may be empty."""

    coin: Coin
    time_ms: int
    bid: Level | None
    ask: Level | None


@dataclass(frozen=True, slots=True)
class Bar:
    """One candle: ``open_ms`` inclusive, ``close_ms`` exclusive; prices in USD."""

    coin: Coin
    open_ms: int
    close_ms: int
    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True, slots=True)
class FundingRate:
    """The hourly funding rate of one coin, a fraction; positive: longs pay shorts."""

    coin: Coin
    time_ms: int
    rate: Decimal
