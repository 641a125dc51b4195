"""Funding: own rows replace the estimate, and what is due goes by the position just before."""

from decimal import Decimal

from core.model.fills import Fill, FundingPayment
from core.model.market import DAY_MS, HOUR_MS, Address, Bar, Coin, FundingRate
from core.model.traders import FundingSource
from core.ranking.funding import Flows, FundingRates, funding_flows
from core.ranking.prices import PriceBook
from core.ranking.trips import AccountBook
from tests.core.ranking.raw_rows import as_fill

A = Address("0xaa")
BTC = Coin("BTC")
T0 = 1_700_000_000_000 // DAY_MS * DAY_MS


def a_fill(start: str, sz: str, side: str, time_ms: int, px: str = "100", coin: str = "BTC") -> Fill:
    return as_fill(
        {"user": A, "coin": coin, "px": px, "sz": sz, "side": side, "time": time_ms, "startPosition": start}
    )


def paid(time_ms: int, usdc: str, samples: int = 1) -> FundingPayment:
    return FundingPayment(A, BTC, time_ms, Decimal(usdc), Decimal(1), Decimal(0), samples)


def rates(hours: range, rate: str = "0.001", late_ms: int = 0) -> FundingRates:
    return FundingRates(FundingRate(BTC, T0 + n * HOUR_MS + late_ms, Decimal(rate)) for n in hours)


def flows_of(
    fills: list[Fill],
    as_of_ms: int,
    own: list[FundingPayment] | None = None,
    known: FundingRates | None = None,
    prices: PriceBook | None = None,
) -> Flows:
    book = AccountBook(A)
    book.extend(fills)
    rows = book.columns.rows(0, book.columns.until(as_of_ms))
    return funding_flows(book.columns.coins, rows, own or [], known, prices or PriceBook(), as_of_ms)


def points(flows: Flows) -> list[tuple[int, float]]:
    """Return ``(hour since T0, USD)``."""
    times, usd = flows.between(0, 10**15)
    return [((int(t) - T0) // HOUR_MS, round(float(u), 9)) for t, u in zip(times, usd, strict=True)]


def test_longs_pay_shorts_at_a_positive_rate() -> None:
    long = flows_of([a_fill("0", "2", "B", T0 + 1)], T0 + HOUR_MS, known=rates(range(1, 2)))
    short = flows_of([a_fill("0", "2", "A", T0 + 1)], T0 + HOUR_MS, known=rates(range(1, 2)))
    assert (points(long), points(short)) == ([(1, -0.2)], [(1, 0.2)])
    assert long.source is FundingSource.RATES


def test_a_fill_at_the_hour_comes_after_its_funding() -> None:
    fills = [a_fill("0", "1", "B", T0 + HOUR_MS), a_fill("1", "1", "A", T0 + 2 * HOUR_MS)]
    assert points(flows_of(fills, T0 + DAY_MS, known=rates(range(1, 5)))) == [(2, -0.1)]


def test_the_hours_price_is_used_and_the_last_own_one_where_it_is_missing() -> None:
    bar = Bar(BTC, T0, T0 + HOUR_MS, 130.0, 130.0, 130.0, 130.0)
    found = flows_of(
        [a_fill("0", "1", "B", T0 + 1)],
        T0 + DAY_MS,
        known=rates(range(1, 5)),
        prices=PriceBook([("1h", bar)]),
    )
    assert points(found) == [(1, -0.13), (2, -0.13), (3, -0.13), (4, -0.1)]


def test_own_rows_replace_the_estimate_over_the_hours_they_cover() -> None:
    fills = [a_fill("0", "1", "B", T0 + 1)]
    own = [paid(T0 + 2 * HOUR_MS + 50, "-7"), paid(T0 + 4 * HOUR_MS + 50, "-9")]
    found = flows_of(fills, T0 + DAY_MS, own, rates(range(1, 6), late_ms=134))
    assert points(found) == [(1, -0.1), (2, -7.0), (4, -9.0), (5, -0.1)]
    assert found.source is FundingSource.USER


def test_a_daily_row_is_spread_over_the_hours_held_on_the_day_it_starts() -> None:
    fills = [a_fill("0", "1", "B", T0 + 17 * HOUR_MS + 1), a_fill("1", "1", "A", T0 + 20 * HOUR_MS)]
    assert points(flows_of(fills, T0 + 2 * DAY_MS, [paid(T0, "-3", 3)])) == [
        (18, -1.0),
        (19, -1.0),
        (20, -1.0),
    ]


def test_a_daily_row_of_a_day_without_a_known_position_is_spread_over_all_of_it() -> None:
    found = points(flows_of([], T0 + 2 * DAY_MS, [paid(T0, "-24", 24)]))
    assert found == [(hour, -1.0) for hour in range(24)]


def test_a_daily_row_keeps_the_estimate_off_its_whole_day() -> None:
    fills = [a_fill("0", "1", "B", T0 + 22 * HOUR_MS + 1)]
    found = flows_of(fills, T0 + 2 * DAY_MS, [paid(T0, "-5", 1 + 1)], rates(range(20, 26)))
    assert points(found) == [(23, -5.0), (24, -0.1), (25, -0.1)]


def test_a_coin_without_rates_stays_out_and_nothing_known_is_said_so() -> None:
    fills = [a_fill("0", "1", "B", T0 + 1, coin="ETH")]
    found = flows_of(fills, T0 + DAY_MS, known=rates(range(1, 5)))
    assert (points(found), found.source) == ([], FundingSource.NONE)


def test_nothing_is_due_before_the_first_fill_seen_nor_after_as_of() -> None:
    fills = [a_fill("3", "1", "B", T0 + 2 * HOUR_MS + 1)]
    found = flows_of(fills, T0 + 4 * HOUR_MS, known=rates(range(10)))
    assert points(found) == [(3, -0.4), (4, -0.4)]
