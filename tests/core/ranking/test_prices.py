"""Prices are missing rather than stale, never from the future, and hourly moves measure volatility."""

from itertools import pairwise
from math import sqrt

import numpy as np
import pytest

from core.model.market import DAY_MS, HOUR_MS, Bar, Coin
from core.model.traders import Horizon
from core.ranking.prices import MIN_SIGMA_MOVES, PriceBook

BTC = Coin("BTC")
T0 = 1_700_000_000_000 // DAY_MS * DAY_MS
LENGTH = {"1m": 60_000, "15m": 900_000, "1h": HOUR_MS}


def a_bar(interval: str, open_ms: int, close: float) -> tuple[str, Bar]:
    return interval, Bar(BTC, open_ms, open_ms + LENGTH[interval], close, close, close, close)


@pytest.mark.parametrize(
    ("horizon", "age_ms", "is_known"),
    [
        (Horizon.M1, 120_000, True),
        (Horizon.M1, 120_001, False),
        (Horizon.M5, 120_000, True),
        (Horizon.M5, 120_001, False),
        (Horizon.M15, 225_000, True),
        (Horizon.M15, 225_001, False),
        (Horizon.H1, 900_000, True),
        (Horizon.H1, 900_001, False),
        (Horizon.H4, HOUR_MS, True),
        (Horizon.H24, 6 * HOUR_MS + 1, False),
    ],
)
def test_a_price_older_than_the_horizon_allows_is_missing(
    horizon: Horizon, age_ms: int, is_known: bool
) -> None:
    book = PriceBook([a_bar("1m", T0, 5.0)])
    found = book.price_at(BTC, T0 + 60_000 + age_ms, horizon)
    assert found == (5.0 if is_known else None)


def test_a_bar_is_unknown_until_it_closes() -> None:
    book = PriceBook([a_bar("1m", T0, 1.0), a_bar("1m", T0 + 60_000, 2.0)])
    assert book.price_at(BTC, T0 + 59_999, Horizon.M1) is None
    assert book.price_at(BTC, T0 + 119_999, Horizon.M1) == 1.0
    assert book.price_at(BTC, T0 + 120_000, Horizon.M1) == 2.0


def test_quarter_hours_serve_an_hour_and_longer_only_and_minutes_come_first() -> None:
    book = PriceBook([a_bar("15m", T0, 7.0)])
    at = T0 + 900_000
    assert [book.price_at(BTC, at, h) for h in Horizon] == [None, None, None, 7.0, 7.0, 7.0]
    book.add([a_bar("1m", at - 60_000, 8.0)])
    assert [book.price_at(BTC, at, h) for h in Horizon] == [8.0] * 6


def test_hourly_bars_serve_no_markout() -> None:
    book = PriceBook([a_bar("1h", T0, 7.0)])
    assert [book.price_at(BTC, T0 + HOUR_MS, h) for h in Horizon] == [None] * 6


def test_a_bar_that_comes_again_replaces_the_first_in_any_order() -> None:
    book = PriceBook([a_bar("1m", T0 + 60_000, 2.0), a_bar("1m", T0, 1.0)])
    book.add([a_bar("1m", T0, 3.0)])
    assert book.price_at(BTC, T0 + 60_000, Horizon.M1) == 3.0
    assert book.price_at(BTC, T0 + 120_000, Horizon.M1) == 2.0


def test_drift_is_the_coins_own_mean_move_and_looks_at_nothing_later() -> None:
    bars = [a_bar("1m", T0 + n * 60_000, 100.0 * 1.0001**n) for n in range(60)]
    as_of = T0 + 40 * 60_000
    drift = PriceBook(bars).drift_bps(BTC, Horizon.M5, as_of)
    assert drift == pytest.approx((1.0001**5 - 1) * 1e4)
    shock = bars[:40] + [a_bar("1m", T0 + n * 60_000, 1e6) for n in range(40, 60)]
    assert PriceBook(shock).drift_bps(BTC, Horizon.M5, as_of) == drift


def test_drift_comes_from_the_bars_that_cover_more() -> None:
    quarters = [a_bar("15m", T0 + n * 900_000, 100.0 + n) for n in range(96)]
    minutes = [a_bar("1m", T0 + DAY_MS + n * 60_000, 50.0) for n in range(90)]
    both = PriceBook(quarters + minutes).drift_bps(BTC, Horizon.H1, T0 + 2 * DAY_MS)
    assert both is not None
    assert both > 0


def test_hourly_sigma_is_the_deviation_of_hourly_moves_over_seven_days() -> None:
    closes = [100.0 * (1.01 if n % 2 else 1.0) for n in range(24 * 8)]
    book = PriceBook([a_bar("1h", T0 + n * HOUR_MS, px) for n, px in enumerate(closes)])
    as_of = T0 + 24 * 8 * HOUR_MS + 1_234
    last = closes[-169:]
    moves = np.array([b / a - 1 for a, b in pairwise(last)])
    assert book.hourly_sigma(BTC, as_of) == pytest.approx(sqrt(moves.var(ddof=1)))


def test_sigma_is_unknown_with_too_few_moves() -> None:
    bars = [a_bar("1h", T0 + n * HOUR_MS, 100.0 + n % 3) for n in range(MIN_SIGMA_MOVES + 1)]
    as_of = T0 + (MIN_SIGMA_MOVES + 1) * HOUR_MS
    assert PriceBook(bars).hourly_sigma(BTC, as_of) is not None
    assert PriceBook(bars[1:]).hourly_sigma(BTC, as_of) is None
    assert PriceBook(bars).hourly_sigma(Coin("ETH"), as_of) is None
