"""The figures of real accounts equal an independent calculation from the raw rows."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from core.model.fills import Fill, FundingPayment
from core.model.market import DAY_MS, Address, Coin
from core.model.traders import AccountFacts, Figures, FundingSource, Horizon, PnlSource, RankingRules
from core.ranking.chain import order_fills
from core.ranking.figures import MONTH_ROI, MarketHistory, figures, window_trips
from core.ranking.funding import FundingRates
from core.ranking.prices import PriceBook
from core.ranking.trips import AccountBook
from tests.core.ranking import brute_force, raw_rows

RULES = RankingRules()
NO_PRICES = MarketHistory(PriceBook())
EXACT = ("fills", "first_fill_ms", "last_fill_ms", "round_trips", "wins", "active_days", "truncated")

THREE = "fills-3accounts-full.parquet"
LEADERS = "fills-leaders-jul2026.jsonl.gz"
BTC = "fills-0xdae4-btc.jsonl.gz"
MAKER = "fills-mm-nov2025.jsonl.gz"
VAULT = "fills-vault-0x15be.parquet"


def book_of(fills: Sequence[Fill], account: str) -> AccountBook:
    book = AccountBook(Address(account))
    book.extend(order_fills(fill for fill in fills if fill.user == account))
    return book


def moments(rows: list[dict[str, Any]]) -> list[int]:
    """Return times to ask at: the end, past it, between, on a fill to the millisecond, and 30 d after."""
    times = sorted(row["time"] for row in rows)
    first, last = times[0], times[-1]
    middle = times[len(times) // 2]
    return [last, last + 5 * DAY_MS, (first + last) // 2, middle, middle + 30 * DAY_MS, first + 1]


def assert_equal(ours: Figures, theirs: dict[str, Any]) -> None:
    for name, expected in theirs.items():
        if name == "trips":
            continue
        found = getattr(ours, name)
        if name in EXACT or expected is None:
            assert found == expected, name
        else:
            assert found is not None, name
            assert round(found, 2) == pytest.approx(round(float(expected), 2), abs=0.0051), name
            assert found == pytest.approx(float(expected), rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize("name", [THREE, LEADERS, BTC, MAKER, VAULT])
def test_figures_equal_a_brute_force_calculation(shared: Path, name: str) -> None:
    raw = [row for row in raw_rows.raw_fills(shared / "data", name) if brute_force.is_perp(row)]
    fills = [raw_rows.as_fill(row) for row in raw]
    checked = 0
    for account in sorted({row["user"] for row in raw}):
        mine = [row for row in raw if row["user"] == account]
        # The parquet files keep execution order; within the others a time stamp may not.
        ordered = brute_force.in_execution_order(mine) if name in (BTC, LEADERS, MAKER) else mine
        funding = _own_funding(shared, name)
        book = book_of(fills, account) if name != VAULT else _given_order(fills, account)
        payments = [raw_rows.as_payment(row) for row in funding]
        for as_of in moments(mine):
            ours = figures(book, AccountFacts(Address(account)), as_of, RULES, NO_PRICES, payments)
            theirs = brute_force.figures(ordered, [r for r in funding if r["time"] <= as_of], as_of)
            assert_equal(ours, theirs)
            checked += ours.round_trips
    assert checked > 0 or name == VAULT


def _own_funding(shared: Path, name: str) -> list[dict[str, Any]]:
    of = {BTC: "funding-0xdae4-btc.jsonl.gz", VAULT: "funding-vault-0x15be.parquet"}
    return raw_rows.raw_funding(shared / "data", of[name]) if name in of else []


def _given_order(fills: Sequence[Fill], account: str) -> AccountBook:
    book = AccountBook(Address(account))
    book.extend(fills)
    return book


def test_round_trips_equal_a_brute_force_calculation(shared: Path) -> None:
    raw = [row for row in raw_rows.raw_fills(shared / "data", THREE) if brute_force.is_perp(row)]
    for account in sorted({row["user"] for row in raw}):
        mine = [row for row in raw if row["user"] == account]
        book = book_of([raw_rows.as_fill(row) for row in mine], account)
        theirs, _ = brute_force.trips_of(mine)
        ours = [
            (t.coin, t.opened_ms, t.closed_ms, t.entry_notional_usd, t.gross_pnl, t.fills, t.partial)
            for t in sorted(book.trips, key=lambda t: (t.coin, t.closed_ms))
        ]
        names = ("coin", "opened", "closed", "entry", "gross", "fills", "partial")
        assert ours == [tuple(trip[name] for name in names) for trip in theirs]


def test_daily_funding_rows_count_the_hours_that_were_held(shared: Path) -> None:
    """The reading "spread over the hours held of the day from the stamp on" is what the data say."""
    raw = brute_force.in_execution_order(raw_rows.raw_fills(shared / "data", BTC))
    rows = raw_rows.raw_funding(shared / "data", "funding-0xdae4-btc.jsonl.gz")
    daily = [row for row in rows if row["samples"] > 1]
    assert len(daily) > 100
    for row in daily:
        hours = [row["time"] + hour * 3_600_000 for hour in range(24)]
        assert sum(brute_force.held(raw, "BTC", hour) != 0 for hour in hours) == row["samples"]


def test_estimated_funding_is_near_what_the_account_was_paid(shared: Path) -> None:
    data = shared / "data"
    raw = raw_rows.raw_fills(data, BTC)
    account = raw[0]["user"]
    book = book_of([raw_rows.as_fill(row) for row in raw], account)
    own = [raw_rows.as_payment(r) for r in raw_rows.raw_funding(data, "funding-0xdae4-btc.jsonl.gz")]
    prices = PriceBook(raw_rows.as_bar(row) for row in raw_rows.raw_bars(data))
    market = MarketHistory(prices, FundingRates(raw_rows.as_rate(r) for r in raw_rows.raw_rates(data)))
    as_of = own[-1].time_ms
    paid = figures(book, AccountFacts(account), as_of, RULES, NO_PRICES, own)
    guessed = figures(book, AccountFacts(account), as_of, RULES, market)
    both = figures(book, AccountFacts(account), as_of, RULES, market, own)
    assert (paid.funding_source, guessed.funding_source) == (FundingSource.USER, FundingSource.RATES)
    assert guessed.funding == pytest.approx(paid.funding, rel=0.01)
    assert both.funding == paid.funding


def assert_markouts_equal(
    raw: list[dict[str, Any]], bars: list[dict[str, Any]], horizon: str, moments: Sequence[int]
) -> int:
    account = raw[0]["user"]
    book = book_of([raw_rows.as_fill(row) for row in raw], account)
    market = MarketHistory(PriceBook(raw_rows.as_bar(row) for row in bars))
    bets = brute_force.opening_bets(raw)
    counted = 0
    for as_of in moments:
        ours = figures(book, AccountFacts(account), as_of, RULES, market)
        (found,) = [m for m in ours.markouts if m.horizon.value == horizon]
        known = [bet for bet in bets if bet["time"] <= as_of]
        theirs = brute_force.markout(known, bars, horizon, as_of, RULES.half_spread_bps)
        for name, expected in theirs.items():
            close = expected if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-9)
            assert getattr(found, name) == close, name
        counted += found.n
    return counted


@pytest.mark.parametrize("horizon", ["1h", "4h", "24h"])
def test_markouts_on_real_prices_equal_a_brute_force_calculation(shared: Path, horizon: str) -> None:
    raw = brute_force.in_execution_order(raw_rows.raw_fills(shared / "data", BTC))
    bars = [
        bar
        for bar in raw_rows.raw_bars(shared / "data", "binance")
        if (bar["coin"], bar["interval"]) == ("BTC", "15m")
    ]
    assert assert_markouts_equal(raw, bars, horizon, [1_776_446_000_000, 1_777_000_000_000]) >= 2


@pytest.mark.parametrize("horizon", ["1m", "5m", "15m", "1h", "4h", "24h"])
@pytest.mark.parametrize("interval", ["1m", "15m"])
def test_markouts_of_real_bets_on_drawn_prices_equal_a_brute_force_calculation(
    shared: Path, horizon: str, interval: str
) -> None:
    """Real minute bars of that time aren't to be had: the bets are real, the prices a random walk."""
    raw = [row for row in raw_rows.raw_fills(shared / "data", THREE) if brute_force.is_perp(row)]
    mine = [row for row in raw if row["user"].startswith("0x513b")]
    end = mine[-1]["time"]
    rng = Random(7)
    bars = []
    for coin, px in (("BTC", 80_000.0), ("SOL", 140.0), ("HYPE", 13.0)):
        step = raw_rows.INTERVAL_MS[interval]
        for time in range((end - 31 * DAY_MS) // step * step, end, step):
            px *= 1 + rng.gauss(0, 0.001)
            if rng.random() < 0.9:
                bar = {name: str(px) for name in ("open", "high", "low", "close")}
                bars.append({"coin": coin, "interval": interval, "t": time, **bar})
    counted = assert_markouts_equal(mine, bars, horizon, [end, end - 9 * DAY_MS - 123])
    assert (counted > 20) == (interval == "1m" or horizon in ("1h", "4h", "24h"))


A = Address("0xaa")
T0 = 1_700_000_000_000 // DAY_MS * DAY_MS


def a_fill(start: str, sz: str, side: str, time_ms: int, **more: Any) -> Fill:
    row = {
        "user": A, "coin": "BTC", "px": "100", "sz": sz, "side": side, "time": time_ms,
        "startPosition": start, "closedPnl": "0", "fee": "0", "crossed": True,
    }  # fmt: skip
    return raw_rows.as_fill({**row, **more})


def asked(fills: Sequence[Fill], as_of_ms: int, facts: AccountFacts | None = None, **more: Any) -> Figures:
    book = AccountBook(A)
    book.extend(fills)
    return figures(book, facts or AccountFacts(A), as_of_ms, RULES, NO_PRICES, **more)


def test_the_window_is_open_at_its_start_and_closed_at_its_end() -> None:
    fills = [
        a_fill("0", "1", "B", T0, fee="1"),
        a_fill("1", "1", "A", T0 + 1, fee="2", closedPnl="-10"),
    ]
    as_of = T0 + 30 * DAY_MS
    assert asked(fills, as_of).realized_pnl == -12
    assert asked(fills, as_of).fills == 1
    assert asked(fills, as_of + 1).fills == 0
    assert asked(fills, T0).round_trips == 0


def test_a_trip_that_began_before_the_window_counts_with_its_whole_result() -> None:
    fills = [
        a_fill("0", "1", "B", T0, fee="5"),
        a_fill("1", "1", "A", T0 + 31 * DAY_MS, fee="1", closedPnl="3"),
    ]
    found = asked(fills, T0 + 31 * DAY_MS)
    assert (found.round_trips, found.wins, found.total_losses, found.realized_pnl) == (1, 0, 3, 2)


def test_without_fees_the_result_is_unknown_and_not_zero() -> None:
    fills = [
        a_fill("0", "1", "B", T0, fee=None),
        a_fill("1", "1", "A", T0 + 1, fee=None, closedPnl="-3"),
    ]
    found = asked(fills, T0 + 1)
    assert (found.realized_pnl, found.cost_pnl, found.gross_pnl, found.pnl_30d) == (None, None, -3, None)
    assert (found.round_trips, found.wins, found.raw_win_rate, found.losing_days) == (1, 0, None, None)


def test_a_net_of_exactly_zero_is_neither_win_nor_loss() -> None:
    fills = [
        a_fill("0", "1", "B", T0, fee="0.1"),
        a_fill("1", "1", "A", T0 + 1, fee="0.2", closedPnl="0.3"),
    ]
    found = asked(fills, T0 + 1)
    assert (found.round_trips, found.wins, found.total_losses, found.profit_factor) == (1, 0, 0, None)
    assert found.losing_days == 0


def test_a_flips_fee_is_shared_by_what_it_closes_and_what_it_opens() -> None:
    book = AccountBook(A)
    book.extend(
        [
            a_fill("0", "1", "B", T0),
            a_fill("1", "4", "A", T0 + 1, fee="4", closedPnl="8"),
            a_fill("-3", "3", "B", T0 + 2, fee="1", closedPnl="2"),
        ]
    )
    assert [(t.direction.value, t.gross_pnl, t.fees, t.net_pnl) for t in book.trips] == [
        ("long", 8, 1, 7),
        ("short", 2, 4, -2),
    ]


def test_a_trip_whose_end_fell_into_a_hole_is_none_but_its_money_counts() -> None:
    fills = [
        a_fill("0", "2", "B", T0),
        a_fill("2", "1", "A", T0 + 1, closedPnl="-7"),
        a_fill("0", "1", "B", T0 + 2),
        a_fill("1", "1", "A", T0 + 3, closedPnl="1"),
    ]
    found = asked(fills, T0 + 3)
    assert (found.round_trips, found.wins, found.truncated, found.realized_pnl) == (1, 1, 1, -6)


def test_a_trip_seen_only_from_its_middle_counts_with_what_was_seen() -> None:
    book = AccountBook(A)
    book.extend([a_fill("5", "2", "A", T0, closedPnl="-4"), a_fill("3", "3", "A", T0 + 1, closedPnl="1")])
    (trip,) = book.trips
    assert (trip.partial, trip.gross_pnl, trip.max_size, trip.entry_notional_usd) == (True, -3, 5, 500)


def test_funding_belongs_to_a_trip_after_it_opened_up_to_when_it_closed() -> None:
    book = AccountBook(A)
    hour = 3_600_000
    book.extend([a_fill("0", "1", "B", T0 + hour), a_fill("1", "1", "A", T0 + 3 * hour)])
    own = [
        FundingPayment(A, Coin("BTC"), T0 + n * hour, Decimal(-(10**n)), Decimal(1), Decimal(0))
        for n in range(1, 5)
    ]
    (trip,) = window_trips(book, T0 + 5 * hour, NO_PRICES, own)
    assert trip.funding == -1_100
    assert asked([], T0 + 4 * hour, own_funding=own).realized_pnl == -11_110


def test_drawdown_takes_one_point_per_moment() -> None:
    fills = [
        a_fill("2", "1", "A", T0, closedPnl="-50"),
        a_fill("1", "1", "A", T0, closedPnl="60"),
        a_fill("0", "1", "A", T0 + 1, closedPnl="0"),
        a_fill("-1", "1", "B", T0 + 2, closedPnl="-30"),
    ]
    assert asked(fills, T0 + 2).max_drawdown_usd == 30


def test_capital_has_a_floor_and_leaderboard_roi_serves_only_without_sub_accounts() -> None:
    loss = AccountFacts(A, pnl_30d=-5_000.0, pnl_30d_source=PnlSource.PORTFOLIO, capital=800.0)
    found = asked([], T0, loss)
    assert (found.capital, found.pnl_pct, found.pnl_30d_source) == (5_000.0, -100.0, PnlSource.PORTFOLIO)
    assert asked([], T0, AccountFacts(A, capital=3.0)).capital == 100.0
    alone = AccountFacts(A, month_roi=-0.25, has_sub_accounts=False)
    assert (asked([], T0, alone).pnl_pct, asked([], T0, alone).capital_source) == (-25.0, MONTH_ROI)
    for subs in (True, None):
        assert asked([], T0, AccountFacts(A, month_roi=-0.25, has_sub_accounts=subs)).pnl_pct is None


def test_every_horizon_is_there_with_n_where_prices_are_missing() -> None:
    found = asked([a_fill("0", "1", "B", T0)], T0 + DAY_MS)
    assert [(m.horizon, m.n, m.mean_bps) for m in found.markouts] == [(h, 0, None) for h in Horizon]
