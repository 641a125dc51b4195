"""Funding, candles and coins are kept once, and later reports replace earlier ones."""

from dataclasses import replace
from decimal import Decimal

import pytest

from core.model.fills import FundingPayment
from core.model.market import Bar, Coin, CoinSpec, FundingRate
from storage.database import Database
from storage.fills import Fills
from tests.support.fill_values import ALICE, BOB, JULY_MS, a_fill

pytestmark = pytest.mark.asyncio
BTC, ETH = Coin("BTC"), Coin("ETH")


async def test_an_accounts_funding_is_replaced_by_range(database: Database) -> None:
    store = Fills(database)

    def payment(ms: int, usdc: str) -> FundingPayment:
        return FundingPayment(ALICE, BTC, ms, Decimal(usdc), Decimal("0.5"), Decimal("0.0000125"), 24)

    await store.add_funding(ALICE, 0, 30, [payment(ms, "-1.25") for ms in (10, 20, 30)])
    await store.add_funding(BOB, 0, 30, [replace(payment(10, "7"), user=BOB)])
    await store.add_funding(ALICE, 20, 30, [payment(25, "2")])
    assert await store.funding_of(ALICE) == [payment(10, "-1.25"), payment(25, "2")]
    assert await store.funding_of(ALICE, 11) == [payment(25, "2")]
    assert len(await store.funding_of(BOB)) == 1


async def test_rates_are_kept_once_by_coin_and_hour(database: Database) -> None:
    store = Fills(database)
    rates = [FundingRate(ETH, 1, Decimal("0.0000125")), FundingRate(BTC, 2, Decimal("-1E-7"))]
    await store.add_funding_rates(rates + rates)
    await store.add_funding_rates([FundingRate(ETH, 1, Decimal("0.5"))])
    await store.add_funding_rates([])
    assert await store.funding_rates(0) == [rates[1], FundingRate(ETH, 1, Decimal("0.5"))]
    assert await store.funding_rates(2) == [rates[1]]


async def test_an_unfinished_candle_is_replaced(database: Database) -> None:
    store = Fills(database)
    first, second = Bar(BTC, 0, 60_000, 1, 3, 0.5, 2), Bar(BTC, 60_000, 120_000, 2, 2, 2, 2)
    await store.add_bars("1m", [first, second, replace(second, close=1.75)])
    await store.add_bars("15m", [replace(first, close_ms=900_000)])
    await store.add_bars("1m", [replace(second, close=1.5)])
    assert await store.bars(0) == [
        ("15m", replace(first, close_ms=900_000)),
        ("1m", first),
        ("1m", replace(second, close=1.5)),
    ]
    assert await store.bars(1) == [("1m", replace(second, close=1.5))]


async def test_coins_are_replaced_and_none_is_forgotten(database: Database) -> None:
    store = Fills(database)
    btc, dex = CoinSpec(BTC, 5, 40), CoinSpec(Coin("xyz:CL"), 2, 20, dex="xyz")
    await store.save_coins([btc, dex])
    await store.save_coins([replace(btc, is_delisted=True)])
    assert await store.coins() == [replace(btc, is_delisted=True), dex]


async def test_traded_coins_come_by_the_number_of_their_accounts(database: Database) -> None:
    store = Fills(database)
    fills = [a_fill(n, ALICE, coin=BTC) for n in range(5)]
    fills += [a_fill(n, user, coin=ETH) for n, user in enumerate((ALICE, BOB), 5)]
    await store.add_fills(fills, "api")
    assert await store.traded_coins(JULY_MS) == [ETH, BTC]
    assert await store.traded_coins(JULY_MS + 6000) == [ETH]
