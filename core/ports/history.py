"""What ranking reads and writes: fills, prices, accounts, ranking runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.model.fills import (
    CurvePoint,
    Fill,
    FundingPayment,
    Portfolio,
)
from core.model.market import Address, Bar, Coin, CoinSpec, FundingRate
from core.model.traders import AccountFacts, Ranking, TraderStanding


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account as stored: facts, and how far its history is known."""

    facts: AccountFacts
    collected_from_ms: int | None
    refined_ms: int | None
    month_pnl: float | None


class FillStore(Protocol):
    """Fills, funding, prices: what ranking reads. All adds are idempotent."""

    async def add_fills(self, fills: Sequence[Fill], source: str) -> int:
        """Store fills in one transaction and return how many were new."""
        ...

    async def fills_after(
        self, mark: int, accounts: Sequence[Address] | None = None
    ) -> tuple[int, list[Fill]]:
        """Return all fills stored after ``mark`` (0: all) by account, time, seq; and the new mark."""
        ...

    async def accounts_after(self, mark: int) -> tuple[int, list[Address]]:
        """Return the accounts with fills stored (or completed) after ``mark``, and the new mark."""
        ...

    async def fills_of(self, account: Address, from_ms: int = 0) -> list[Fill]: ...
    async def coins_of(self, account: Address) -> list[Coin]:
        """Return the coins of which an account has fills."""
        ...

    async def traders_of(
        self, coin: Coin, accounts: Sequence[Address], after_ms: int, until_ms: int
    ) -> frozenset[Address]:
        """Return which of the accounts have a fill in the coin after one moment and up to another."""
        ...

    async def add_funding(
        self, user: Address, start_ms: int, end_ms: int, rows: Sequence[FundingPayment]
    ) -> None:
        """Replace the account's funding rows of ``[start_ms, end_ms]``."""
        ...

    async def funding_of(self, account: Address, from_ms: int = 0) -> list[FundingPayment]: ...
    async def add_funding_rates(self, rates: Sequence[FundingRate]) -> None: ...
    async def funding_rates(self, from_ms: int) -> list[FundingRate]: ...
    async def add_bars(self, interval: str, bars: Sequence[Bar]) -> None: ...
    async def bars(self, from_ms: int) -> list[tuple[str, Bar]]:
        """Return ``(interval, bar)`` of all coins from ``from_ms`` on, by coin and time."""
        ...

    async def save_coins(self, coins: Sequence[CoinSpec]) -> None: ...
    async def coins(self) -> list[CoinSpec]: ...
    async def traded_coins(self, from_ms: int) -> list[Coin]:
        """Return the coins with fills since then, those of most accounts first."""
        ...

    async def save_account(self, account: KnownAccount, now_ms: int) -> None: ...
    async def accounts(self) -> list[KnownAccount]: ...
    async def save_portfolio(self, portfolio: Portfolio) -> None:
        """Keep the ``perpMonth`` points as own snapshots in ``performance_history``."""
        ...

    async def equity_curve(self, account: Address, from_ms: int) -> list[CurvePoint]: ...


class RankingStore(Protocol):
    """Ranking runs."""

    async def save_ranking(self, ranking: Ranking) -> None: ...
    async def ranking(self, as_of_ms: int | None = None) -> Ranking | None:
        """Return the newest run, or the newest at or before ``as_of_ms``."""
        ...

    async def earliest_ms(self) -> int | None:
        """Return of when the oldest run is, or None."""
        ...

    async def standing(
        self, address: Address, as_of_ms: int | None = None
    ) -> tuple[int, TraderStanding] | None:
        """Return ``(as_of_ms, standing)`` in that run, or None."""
        ...

    async def address_at(self, rank: int) -> Address | None: ...
