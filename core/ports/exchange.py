"""What is asked of the exchange, and what it pushes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from core.model.fills import (
    AccountState,
    Fill,
    FundingPayment,
    LeaderboardRow,
    Portfolio,
    SpotBalance,
    SubAccount,
    Transfer,
)
from core.model.market import Address, Bar, Book, Coin, FundingRate, Listings, Quote, Trade


class Exchange(Protocol):
    """Everything asked of the exchange; raises ``core.errors.ExchangeError`` only."""

    async def dexes(self) -> tuple[str, ...]:
        """Return the names of all dexes, the main one first as ``""``."""
        ...

    async def listings(self, dex: str = "") -> Listings: ...
    async def mids(self, dex: str = "") -> Mapping[Coin, Decimal]: ...
    async def book(self, coin: Coin) -> Book | None: ...
    async def candles(self, coin: Coin, interval: str, start_ms: int, end_ms: int) -> tuple[Bar, ...]: ...
    async def funding_rates(self, coin: Coin, start_ms: int, end_ms: int) -> tuple[FundingRate, ...]: ...
    async def account_state(self, user: Address, dex: str = "") -> AccountState: ...
    async def spot_balances(self, user: Address) -> tuple[SpotBalance, ...]: ...
    def fills(self, user: Address, start_ms: int, end_ms: int) -> AsyncIterator[tuple[Fill, ...]]:
        """Yield pages of fills in execution order, no fill twice."""
        ...

    async def twap_fills(self, user: Address, start_ms: int, end_ms: int) -> tuple[Fill, ...]: ...
    async def portfolio(self, user: Address) -> Portfolio: ...
    async def funding(self, user: Address, start_ms: int, end_ms: int) -> tuple[FundingPayment, ...]: ...
    async def transfers(self, user: Address, start_ms: int, end_ms: int) -> tuple[Transfer, ...]: ...
    async def sub_accounts(self, master: Address) -> tuple[SubAccount, ...]: ...
    async def role(self, user: Address) -> str: ...
    def leaderboard(self) -> AsyncIterator[LeaderboardRow]:
        """Stream the leaderboard's rows without holding the whole of it."""
        ...

    async def vaults(self) -> frozenset[Address]: ...


@dataclass(frozen=True, slots=True)
class TradesHeard:
    """Trades of one frame; ``is_history``: the replay that follows a subscription."""

    trades: tuple[Trade, ...]
    received_ms: int
    is_history: bool = False


@dataclass(frozen=True, slots=True)
class MidsHeard:
    """New mids of some coins, USD."""

    mids: Mapping[Coin, Decimal]
    received_ms: int


@dataclass(frozen=True, slots=True)
class QuoteHeard:
    """A new best bid or ask."""

    quote: Quote
    received_ms: int


@dataclass(frozen=True, slots=True)
class GapHeard:
    """The feed was deaf between these moments, for these coins (empty: all)."""

    from_ms: int
    to_ms: int
    coins: tuple[Coin, ...]


FeedItem = TradesHeard | MidsHeard | QuoteHeard | GapHeard


class Feed(Protocol):
    """What the exchange pushes. Iterating connects, subscribes, reconnects; closing disconnects."""

    def __aiter__(self) -> AsyncIterator[FeedItem]: ...
    async def watch_coins(self, coins: Sequence[Coin]) -> None:
        """Subscribe to the trades of exactly these coins from now on."""
        ...

    def watch_accounts(self, accounts: frozenset[Address]) -> None:
        """Report only trades that name one of these accounts from now on; None of the rest."""
        ...
