"""A small market in the store that a ranking can be made of: losers, winners, prices, rates."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from core.model.fills import Fill
from core.model.market import HOUR_MS, Address, Bar, Coin, CoinSpec, FundingRate, Side
from core.model.traders import AccountFacts
from core.ports import FillStore, KnownAccount
from tests.support.facts import MONDAY_MS

COIN = Coin("BTC")
TRIPS = 12


def account_of(number: int) -> Address:
    return Address(f"0x{number:040x}")


def trips_of(number: int, trips: int = TRIPS) -> list[Fill]:
    """Return round trips over the last days; every fifth trader wins them all."""
    return [_fill(number, trip, is_entry) for trip in range(trips) for is_entry in (True, False)]


def _fill(number: int, trip: int, is_entry: bool) -> Fill:
    won = trip % 4 == 0 or number % 5 == 4
    exit_px = Decimal(101 if won else 99 - number % 3)
    opened_ms = MONDAY_MS - (TRIPS - trip) * 12 * HOUR_MS
    fill = Fill(
        user=account_of(number),
        coin=COIN,
        px=Decimal(100),
        sz=Decimal(10),
        side=Side.BUY,
        time_ms=opened_ms,
        start_position=Decimal(0),
        closed_pnl=Decimal(0),
        fee=Decimal("0.45"),
        fee_token="USDC",
        crossed=True,
        oid=1000 * number + 2 * trip,
        tid=1000 * number + 2 * trip,
    )
    if is_entry:
        return fill
    return replace(
        fill,
        px=exit_px,
        side=Side.SELL,
        time_ms=opened_ms + 3 * HOUR_MS,
        start_position=fill.sz,
        closed_pnl=(exit_px - fill.px) * fill.sz,
        oid=1000 * number + 2 * trip + 1,
        tid=1000 * number + 2 * trip + 1,
    )


async def store_market(store: FillStore, accounts: int, trips: int = TRIPS) -> Sequence[Address]:
    """Store so many traders of one coin with its prices and rates; return who they are."""
    hours = [MONDAY_MS - nth * HOUR_MS for nth in range(1, 200)]
    await store.save_coins([CoinSpec(COIN, 5, 40)])
    bars = [
        Bar(COIN, hour, hour + HOUR_MS, px, px, px, px)
        for hour in reversed(hours)
        for px in (100.0 + hour // HOUR_MS % 7,)
    ]
    await store.add_bars("1h", bars)
    await store.add_funding_rates([FundingRate(COIN, hour, Decimal("0.0000125")) for hour in hours])
    people = [account_of(number) for number in range(accounts)]
    for number, person in enumerate(people):
        await store.add_fills(trips_of(number, trips), "test")
        facts = AccountFacts(person, equity_usd=5_000.0, capital=10_000.0, capital_source="portfolio")
        await store.save_account(KnownAccount(facts, 0, MONDAY_MS, None), MONDAY_MS)
    return people
