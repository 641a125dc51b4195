"""Funding, candles and coins: what prices a position beside its fills."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.model.fills import FundingPayment
from core.model.market import Address, Bar, Coin, CoinSpec, FundingRate
from storage.statements import statements

if TYPE_CHECKING:
    from storage.database import Database

SQL = statements("prices")


class Prices:
    """Funding payments, funding rates, candles and coins of one database."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    async def add_funding(
        self, user: Address, start_ms: int, end_ms: int, rows: Sequence[FundingPayment]
    ) -> None:
        """Replace the account's funding rows of ``[start_ms, end_ms]``."""
        async with self._database.transaction() as connection:
            await connection.execute(SQL["clear_funding"], user, start_ms, end_ms)
            await connection.executemany(
                SQL["add_funding"],
                [(user, r.coin, r.time_ms, r.usdc, r.szi, r.rate, r.samples) for r in rows],
            )

    async def funding_of(self, account: Address, from_ms: int = 0) -> list[FundingPayment]:
        """Return one account's payments from a moment on, by time."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["funding_of"], account, from_ms)
        return [
            FundingPayment(
                account, Coin(r["coin"]), r["time_ms"], r["usdc"], r["szi"], r["rate"], r["samples"]
            )
            for r in rows
        ]

    async def add_funding_rates(self, rates: Sequence[FundingRate]) -> None:
        """Store hourly rates; known ones are replaced."""
        columns = [[r.coin for r in rates], [r.time_ms for r in rates], [str(r.rate) for r in rates]]
        async with self._database.connection() as connection:
            await connection.execute(SQL["add_rates"], *columns)

    async def funding_rates(self, from_ms: int) -> list[FundingRate]:
        """Return all coins' rates from a moment on, by coin and time."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["rates"], from_ms)
        return [FundingRate(Coin(r["coin"]), r["time_ms"], r["rate"]) for r in rows]

    async def add_bars(self, interval: str, bars: Sequence[Bar]) -> None:
        """Store candles of one interval; a later version of the same candle replaces it."""
        columns = (
            [b.coin for b in bars],
            [b.open_ms for b in bars],
            [b.close_ms for b in bars],
            [b.open for b in bars],
            [b.high for b in bars],
            [b.low for b in bars],
            [b.close for b in bars],
        )
        async with self._database.connection() as connection:
            await connection.execute(SQL["add_bars"], interval, *columns)

    async def bars(self, from_ms: int) -> list[tuple[str, Bar]]:
        """Return ``(interval, bar)`` of all coins from ``from_ms`` on, by coin and time."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["bars"], from_ms)
        return [
            (
                r["bar_interval"],
                Bar(Coin(r["coin"]), r["open_ms"], r["close_ms"], r["open"], r["high"], r["low"], r["close"]),
            )
            for r in rows
        ]

    async def save_coins(self, coins: Sequence[CoinSpec]) -> None:
        """Store listed coins; known ones are replaced, vanished ones stay."""
        async with self._database.connection() as connection:
            await connection.executemany(
                SQL["save_coin"],
                [(c.coin, c.sz_decimals, c.max_leverage, c.is_delisted, c.dex) for c in coins],
            )

    async def coins(self) -> list[CoinSpec]:
        """Return all coins ever listed, by name."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["coins"])
        return [
            CoinSpec(Coin(r["coin"]), r["sz_decimals"], r["max_leverage"], r["is_delisted"], r["dex"])
            for r in rows
        ]
