"""The price model: one path, seen the same from everywhere."""

import numpy as np
import pytest

from exchange.simulated.coins import BY_NAME, HOUR_MS, TRADED, UNIVERSE
from exchange.simulated.market import MINUTE_MS, Market
from exchange.simulated.panel import Panel

NOW = 1_795_500_123_456
BTC, HYPE, SPOT_HYPE, MATIC = (BY_NAME[n] for n in ("BTC", "HYPE", "@107", "MATIC"))


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(7)


def test_price_does_not_depend_on_what_was_asked_before(market: Market) -> None:
    times = [NOW - i * 7_777_777 for i in range(40)]
    forwards = [market.mid(BTC, t) for t in times]
    other = Market(7)
    assert [other.mid(BTC, t) for t in reversed(times)] == forwards[::-1]


def test_seed_changes_the_prices(market: Market) -> None:
    assert Market(8).mid(BTC, NOW) != market.mid(BTC, NOW)


def test_path_has_no_jump_at_minute_and_day_ends(market: Market) -> None:
    midnight = NOW // 86_400_000 * 86_400_000
    for edge in (midnight, NOW // MINUTE_MS * MINUTE_MS):
        before, after = market.mid(BTC, edge - 1), market.mid(BTC, edge)
        assert after == pytest.approx(before, rel=1e-6)


def test_minutes_and_single_prices_are_the_same_path(market: Market) -> None:
    first = NOW // MINUTE_MS - 2000
    array = market.minutes(HYPE, first, 2000)
    for i in (0, 1, 777, 1999):
        assert array[i] == pytest.approx(market.mid(HYPE, (first + i) * MINUTE_MS), rel=1e-12)


def test_future_can_be_asked(market: Market) -> None:
    assert market.mid(BTC, NOW + 30 * 86_400_000) > 0


def test_coins_share_the_market_factor(market: Market) -> None:
    first = NOW // MINUTE_MS - 30 * 1440
    moves = [
        np.diff(np.log(market.minutes(BY_NAME[n], first, 30 * 1440)[::60])) for n in ("BTC", "ETH", "SOL")
    ]
    assert np.corrcoef(moves).min() > 0.6


def test_spot_follows_its_perpetual(market: Market) -> None:
    assert market.mid(SPOT_HYPE, NOW) == pytest.approx(market.mid(HYPE, NOW), rel=1e-9)


def test_hourly_moves_are_those_of_crypto(market: Market) -> None:
    first = NOW // MINUTE_MS - 30 * 1440
    btc = np.diff(np.log(market.minutes(BTC, first, 30 * 1440)[::60])).std() * 1e4
    assert 30 < btc < 80  # bps


def test_delisted_coin_stands_still(market: Market) -> None:
    assert market.mark(MATIC, NOW) == market.mark(MATIC, NOW - 10 * 86_400_000)


def test_candles_contain_the_path_and_nest(market: Market) -> None:
    hour = NOW // HOUR_MS * HOUR_MS - HOUR_MS
    minutes = market.candles(BTC, MINUTE_MS, hour, 60, NOW)
    (whole,) = market.candles(BTC, HOUR_MS, hour, 1, NOW)
    assert whole.high == max(c.high for c in minutes)
    assert whole.low == min(c.low for c in minutes)
    assert (whole.open, whole.close) == (minutes[0].open, minutes[-1].close)
    for bar in minutes:
        for at in range(bar.open_ms, bar.close_ms, 3_333):
            assert bar.low <= market.mid(BTC, at) <= bar.high
    assert [b.close for b in minutes[:-1]] == [b.open for b in minutes[1:]]


def test_funding_rate_is_the_exchange_formula(market: Market) -> None:
    hours = np.arange(NOW // HOUR_MS - 500, NOW // HOUR_MS)
    for coin in (BTC, BY_NAME["FARTCOIN"]):
        for rate, premium in zip(
            market.funding_rates(coin, hours).tolist(), market.premiums(coin, hours).tolist(), strict=True
        ):
            expected = (premium + min(max(0.0001 - premium, -0.0005), 0.0005)) / 8
            assert rate == pytest.approx(expected, abs=1e-10)
    assert (market.funding_rates(BTC, hours) == 0.0000125).mean() > 0.5


def test_prices_and_sizes_make_whole_micro_usd() -> None:
    assert all(coin.px_decimals + coin.sz_decimals == 6 for coin in UNIVERSE)


@pytest.mark.parametrize("coin", TRADED, ids=lambda c: c.coin)
def test_rounded_price_has_five_significant_figures(market: Market, coin) -> None:
    for px in (coin.floor_px(market.mid(coin, NOW)), coin.ceil_px(market.mid(coin, NOW))):
        shown = f"{px / coin.px_scale:.{coin.px_decimals}f}"
        digits = shown.replace(".", "").strip("0")
        assert len(digits) <= 5 or px % coin.px_scale == 0


def test_panel_grows_with_time(market: Market) -> None:
    panel = Panel(market, NOW)
    later = NOW + 5 * 86_400_000
    marks = panel.marks(BTC, np.array([NOW // MINUTE_MS * MINUTE_MS, later // MINUTE_MS * MINUTE_MS]))
    assert marks[1] == market.mark(BTC, later // MINUTE_MS * MINUTE_MS)
