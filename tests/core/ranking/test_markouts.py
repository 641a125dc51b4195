"""Which bets count in the markouts, and what fading them costs."""

from decimal import Decimal

import pytest

from core.model.market import DAY_MS, HOUR_MS, WINDOW_MS, Address, Bar, Coin, Direction, FundingRate
from core.model.positions import Bet, EventKind
from core.model.traders import Horizon, Markout, RankingRules
from core.ranking.funding import FundingRates
from core.ranking.markouts import clustered_se, markouts
from core.ranking.prices import PriceBook

BTC = Coin("BTC")
T0 = 1_700_000_000_000 // DAY_MS * DAY_MS
AS_OF = T0 + 5 * DAY_MS
RULES = RankingRules()


def a_bet(time_ms: int, direction: Direction = Direction.LONG, **more: object) -> Bet:
    known = {"px": Decimal(100), "notional_usd": Decimal(1), "is_taker": True, "kind": EventKind.OPEN, **more}
    return Bet(account=Address("0xaa"), coin=BTC, direction=direction, time_ms=time_ms, **known)  # type: ignore[arg-type]


def flat_prices(px: float = 100.0, half_spread_bps: float | None = None) -> PriceBook:
    bars = [
        ("15m", Bar(BTC, t, t + 900_000, px, px, px, px))
        for t in range(T0 - 35 * DAY_MS, AS_OF + DAY_MS, 900_000)
    ]
    return PriceBook(bars, {} if half_spread_bps is None else {BTC: half_spread_bps})


def at_an_hour(bets: list[Bet], prices: PriceBook, rates: FundingRates | None = None) -> Markout:
    return next(m for m in markouts(bets, prices, rates, AS_OF, RULES) if m.horizon is Horizon.H1)


def test_only_what_was_taken_to_open_or_flip_counts() -> None:
    bets = [
        a_bet(T0),
        a_bet(T0, kind=EventKind.FLIP),
        a_bet(T0, kind=EventKind.INCREASE),
        a_bet(T0, is_taker=False),
        a_bet(T0, is_taker=None),
    ]
    assert at_an_hour(bets, flat_prices()).n == 2


def test_only_bets_of_the_window_whose_horizon_has_passed_count() -> None:
    for time_ms, n in (
        (AS_OF - HOUR_MS, 1),
        (AS_OF - HOUR_MS + 1, 0),
        (AS_OF - WINDOW_MS, 0),
        (AS_OF - WINDOW_MS + 1, 1),
    ):
        assert at_an_hour([a_bet(time_ms)], flat_prices()).n == n


@pytest.mark.parametrize(("half_spread", "used"), [(None, RULES.half_spread_bps), (4.0, 4.0)])
def test_the_mid_is_the_fill_without_the_coins_half_spread(half_spread: float | None, used: float) -> None:
    for direction in Direction:
        found = at_an_hour([a_bet(T0, direction)], flat_prices(half_spread_bps=half_spread))
        assert found.mean_bps == pytest.approx(used, rel=1e-3)
        assert found.cost_bps == 2 * RULES.taker_fee_bps + 2 * used


def test_the_fader_of_a_long_receives_a_positive_rate() -> None:
    rates = FundingRates([FundingRate(BTC, T0 + HOUR_MS, Decimal("0.0003"))])
    fixed = 2 * RULES.taker_fee_bps + 2 * RULES.half_spread_bps
    for direction, cost in ((Direction.LONG, fixed - 3), (Direction.SHORT, fixed + 3)):
        found = at_an_hour([a_bet(T0 + 1, direction)], flat_prices(), rates)
        assert found.cost_bps == pytest.approx(cost)
    after = at_an_hour([a_bet(T0 + HOUR_MS)], flat_prices(), rates)
    assert after.cost_bps == pytest.approx(fixed)


def test_in_a_rising_coin_a_long_has_no_excess() -> None:
    bars = []
    for n in range(480):
        px = 100 * 1.0002**n
        bars.append(("15m", Bar(BTC, T0 + n * 900_000, T0 + (n + 1) * 900_000, px, px, px, px)))
    bet = a_bet(T0 + 40 * 900_000, px=Decimal(str(100 * 1.0002**39)))
    found = at_an_hour([bet], PriceBook(bars, {BTC: 0.0}))
    assert found.mean_bps == pytest.approx((1.0002**4 - 1) * 1e4)
    assert found.excess_bps == pytest.approx(0, abs=1e-6)


def test_bets_of_one_day_are_one_observation_of_its_luck() -> None:
    spread_out = clustered_se([1, 2, 3, 4], [1, 2, 3, 4], 2.5)
    together = clustered_se([1, 2, 3, 4], [1, 1, 2, 2], 2.5)
    assert spread_out is not None
    assert together is not None
    assert spread_out == pytest.approx((4 / 3 * 5) ** 0.5 / 4)
    assert together == pytest.approx((2 * 8) ** 0.5 / 4)
    assert clustered_se([1, 2], [1, 1], 1.5) is None
