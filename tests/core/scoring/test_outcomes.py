"""What one opportunity made."""

from decimal import Decimal

import pytest

from core.model.market import Direction
from core.model.opportunities import EndReason, LiveOpportunity
from core.model.outcomes import DELAYS_MS, Outcome
from core.model.traders import Horizon
from core.scoring.outcomes import (
    crossed,
    due_offsets_ms,
    excursions,
    exit_result,
    outcomes,
)
from tests.support.facts import MONDAY_MS, an_ending, an_opportunity

FEE_BPS = 4.5


def at(found: tuple[Outcome, ...], horizon: Horizon | None, delay_ms: int) -> Outcome:
    (one,) = [o for o in found if o.horizon is horizon and o.delay_ms == delay_ms]
    return one


def test_prices_are_wanted_at_every_delay_and_horizon() -> None:
    assert due_offsets_ms() == (
        5_000, 30_000, 60_000, 300_000, 900_000, 3_600_000, 14_400_000, 86_400_000,
    )  # fmt: skip


def test_short_gains_when_the_price_falls_and_pays_fees_one_half_spread_and_funding() -> None:
    found = outcomes(an_opportunity(), {3_600_000: Decimal("99")}, None, FEE_BPS)
    one = at(found, Horizon.H1, 0)
    assert one.gross_bps == pytest.approx(100.0)
    assert one.cost_bps == 2 * 4.5 + 1.0
    assert one.funding_bps == 0.125
    assert one.net_bps == pytest.approx(100.0 - 10.0 + 0.125)


def test_long_gains_when_the_price_rises() -> None:
    long = an_opportunity(side=Direction.LONG)
    found = outcomes(long, {60_000: Decimal("101")}, None, FEE_BPS)
    assert at(found, Horizon.M1, 0).gross_bps == pytest.approx(100.0)


def test_a_later_entry_is_at_the_mid_then_and_pays_half_a_spread_more() -> None:
    samples = {30_000: Decimal("98"), 3_600_000: Decimal("99")}
    one = at(outcomes(an_opportunity(), samples, None, FEE_BPS), Horizon.H1, 30_000)
    assert one.gross_bps == pytest.approx(-1 / 98 * 1e4)
    assert one.cost_bps == 2 * 4.5 + 2 * 1.0


def test_a_price_that_is_missing_is_none_and_never_zero() -> None:
    found = outcomes(an_opportunity(), {30_000: None, 3_600_000: Decimal("99"), 900_000: None}, None, FEE_BPS)
    assert at(found, Horizon.M15, 0).net_bps is None
    assert at(found, Horizon.H1, 30_000).gross_bps is None
    assert at(found, Horizon.H1, 5_000).net_bps is None


def test_a_horizon_that_is_not_due_has_no_outcome() -> None:
    found = outcomes(an_opportunity(), {60_000: Decimal("99")}, None, FEE_BPS)
    assert {o.horizon for o in found} == {Horizon.M1}


def test_an_entry_at_or_after_the_horizon_made_nothing_known() -> None:
    samples = {60_000: Decimal("99"), 300_000: Decimal("98")}
    found = outcomes(an_opportunity(), samples, None, FEE_BPS)
    assert at(found, Horizon.M1, 300_000).gross_bps is None
    assert at(found, Horizon.M5, 300_000).gross_bps is None


def test_exit_is_scored_for_every_delay_shorter_than_the_time_held() -> None:
    samples = {5_000: Decimal("100"), 30_000: Decimal("99.5")}
    found = outcomes(an_opportunity(), samples, an_ending(held_ms=30_000), FEE_BPS)
    assert [o.delay_ms for o in found if o.horizon is None] == list(DELAYS_MS)
    assert at(found, None, 0).gross_bps == pytest.approx(100.0)
    assert at(found, None, 5_000).gross_bps == pytest.approx(100.0)
    assert at(found, None, 30_000).net_bps is None


def test_exit_without_a_price_is_missing() -> None:
    found = outcomes(an_opportunity(), {}, an_ending(exit_px=None), FEE_BPS)
    assert all(o.net_bps is None for o in found)


def test_funding_is_paid_at_each_full_hour_that_is_held() -> None:
    paying = an_opportunity(published_ms=MONDAY_MS + 3_590_000, funding_bps_per_hour=-2.0)
    samples = {30_000: Decimal("100"), 60_000: Decimal("100"), 14_400_000: Decimal("100")}
    found = outcomes(paying, samples, None, FEE_BPS)
    assert at(found, Horizon.M1, 0).funding_bps == -2.0
    assert at(found, Horizon.M1, 30_000).funding_bps == 0.0
    assert at(found, Horizon.H4, 0).funding_bps == -8.0


def test_an_unknown_funding_rate_adds_nothing() -> None:
    found = outcomes(an_opportunity(funding_bps_per_hour=None), {3_600_000: Decimal("99")}, None, FEE_BPS)
    assert at(found, Horizon.H1, 0).net_bps == pytest.approx(90.0)


def test_message_and_score_agree_about_the_exit() -> None:
    ending = an_ending()
    gross, net = exit_result(an_opportunity(), ending.exit_px, ending.held_ms, FEE_BPS)
    one = at(outcomes(an_opportunity(), {}, ending, FEE_BPS), None, 0)
    assert (gross, net) == (one.gross_bps, one.net_bps)
    assert net == pytest.approx(90.25)


@pytest.mark.parametrize(
    ("side", "px", "reason"),
    [
        (Direction.SHORT, "102", EndReason.STOP),
        (Direction.SHORT, "101.99", None),
        (Direction.SHORT, "98", EndReason.TARGET),
        (Direction.SHORT, "98.01", None),
        (Direction.LONG, "95", EndReason.STOP),
        (Direction.LONG, "105", EndReason.TARGET),
        (Direction.LONG, "100", None),
    ],
)
def test_stop_and_target_are_crossed_from_the_right_side(
    side: Direction, px: str, reason: EndReason | None
) -> None:
    stop, target = ("102", "98") if side is Direction.SHORT else ("95", "105")
    opportunity = an_opportunity(side=side, stop_px=Decimal(stop), target_px=Decimal(target))
    assert crossed(opportunity, Decimal(px)) is reason


def test_without_bounds_no_price_ends_an_opportunity() -> None:
    assert crossed(an_opportunity(stop_px=None, target_px=None), Decimal("1")) is None


def test_excursions_widen_to_both_sides_and_keep_their_object_otherwise() -> None:
    live = LiveOpportunity(an_opportunity())
    better = excursions(live, Decimal("99"))
    worse = excursions(better, Decimal("100.5"))
    assert (worse.best_bps, worse.worst_bps) == pytest.approx((100.0, -50.0))
    assert excursions(worse, Decimal("100.2")) is worse
