"""What people read: side, prices, bounds, costs and reasons of an opportunity."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from core.detection.publishing import decide, round_px
from core.model.market import Direction, Side
from core.model.opportunities import Crowd, Group, Opportunity, Rejection
from core.model.positions import EventKind, PositionEvent
from tests.support.detection_facts import BTC, CONTROL, LOSER, RULES, T0, a_book, a_scene, a_watch, an_open

SHORT_OPEN = an_open(side=Side.SELL, after=Decimal(-100))


def published(event: PositionEvent | None = None, **scene: Any) -> Opportunity:
    decision = decide(event or an_open(), a_scene(**scene), RULES, "live")
    assert decision.rejection is None
    assert decision.opportunity is not None
    return decision.opportunity


def test_the_fader_takes_the_other_side_at_the_opposing_best_price() -> None:
    short = published()
    assert (short.side, short.reference_px, short.reference_source) == (
        Direction.SHORT,
        Decimal("99.99"),
        "book",
    )
    long = published(SHORT_OPEN)
    assert (long.side, long.reference_px) == (Direction.LONG, Decimal("100.01"))


def test_drift_is_positive_when_it_is_worse_for_the_fader() -> None:
    assert published().drift_bps == pytest.approx(1.0)  # sells lower than the loser bought
    assert published(SHORT_OPEN).drift_bps == pytest.approx(1.0)  # buys higher than the loser sold
    assert published(book=a_book("100.09", "100.11")).drift_bps == pytest.approx(-9.0)
    assert published(SHORT_OPEN, book=a_book("99.89", "99.91")).drift_bps == pytest.approx(-9.0)


def test_stop_and_target_lie_two_sigmas_on_either_side() -> None:
    short = published(hourly_sigma=0.01)
    assert (short.stop_px, short.target_px) == (Decimal("101.99"), Decimal("97.9902"))
    long = published(SHORT_OPEN, hourly_sigma=0.01)
    assert (long.stop_px, long.target_px) == (Decimal("98.0098"), Decimal("102.01"))


@pytest.mark.parametrize("sigma", [None, 0.0])
def test_without_volatility_there_are_no_bounds(sigma: float | None) -> None:
    found = published(hourly_sigma=sigma)
    assert (found.stop_px, found.target_px) == (None, None)


def test_a_bound_that_no_price_can_reach_is_left_out() -> None:
    short = published(hourly_sigma=0.6)
    assert short.stop_px == Decimal("219.978")
    assert short.target_px is None


def test_without_a_book_the_last_trade_is_worsened_and_the_gates_are_named() -> None:
    without: dict[str, Any] = {"book": None, "book_is_required": False, "last_px": Decimal("100.0000")}
    short = published(**without)
    assert (short.reference_px, short.reference_source) == (Decimal("99.99"), "last_trade")
    assert published(SHORT_OPEN, **without).reference_px == Decimal("100.01")
    assert short.gates_passed_unchecked == ("spread", "depth")
    assert short.half_spread_bps == RULES.half_spread_bps
    assert published().gates_passed_unchecked == ()


def test_the_cost_floor_is_the_fee_twice_and_the_spread() -> None:
    assert published().cost_bps == pytest.approx(2 * 4.5 + 2.0)


def test_funding_is_signed_for_the_fader() -> None:
    assert published(funding_rate=0.0001).funding_bps_per_hour == pytest.approx(1.0)
    assert published(SHORT_OPEN, funding_rate=0.0001).funding_bps_per_hour == pytest.approx(-1.0)
    assert published(funding_rate=None).funding_bps_per_hour is None


def test_it_carries_who_when_and_how_long() -> None:
    crowd = Crowd(BTC, 3, 1, 10.0, 5.0)
    found = published(crowd=lambda: crowd, is_late=True)
    assert (found.loser, found.rank, found.badness, found.group) == (LOSER, 3, 90.0, Group.LOSER)
    assert (found.event_ms, found.published_ms, found.expires_ms) == (T0, T0 + 1_000, T0 + 86_401_000)
    assert (found.loser_px, found.loser_notional_usd, found.trigger) == (Decimal(100), 10_000.0, "open")
    assert (found.crowd, found.is_late, found.rule_version) == (crowd, True, "1")
    assert found.opportunity_id.startswith(found.short_id)


def test_the_losers_price_is_the_average() -> None:
    event = an_open(notional_usd=Decimal("10033.333333"), taker_notional_usd=Decimal("10033.333333"))
    assert published(event).loser_px == Decimal("100.333")


@pytest.mark.parametrize(
    ("watch", "said"),
    [
        (a_watch(), "Number 3 on the losers' list opened a long position as a taker."),
        (a_watch(CONTROL, Group.PLACEBO, rank=None), "A control account opened a long position as a taker."),
        (
            a_watch(rank=None, is_rehearsal=True),
            "This account (rehearsal: every account counts as listed) opened a long position as a taker.",
        ),
    ],
)
def test_the_first_reason_says_who_did_what(watch: Any, said: str) -> None:
    assert published(watch=watch).reasons == (said,)
    assert published(watch=replace(watch, record="lost 7 of 10")).reasons == (said, "lost 7 of 10")


def test_a_flip_and_an_increase_are_called_so() -> None:
    flip = an_open(kind=EventKind.FLIP, side=Side.SELL, before=Decimal(1), after=Decimal(-99))
    assert "flipped to short" in published(flip).reasons[0]
    more = an_open(kind=EventKind.INCREASE, before=Decimal(50), after=Decimal(150))
    assert "added to a long position" in published(more).reasons[0]


def test_a_rejection_keeps_event_group_and_figures() -> None:
    event = an_open(taker_notional_usd=Decimal(1))
    watch = a_watch(CONTROL, Group.PLACEBO)
    decision = decide(event, a_scene(watch=watch), RULES, "live")
    assert (decision.rejection, decision.opportunity) == (Rejection.NOTIONAL_BELOW_FLOOR, None)
    assert (decision.event, decision.group, decision.decided_ms) == (event, Group.PLACEBO, T0 + 1_000)
    assert decision.figures["taken_usd"] == 1.0


@pytest.mark.parametrize(
    ("px", "rounded"),
    [
        ("64123.456", "64123.5"),
        ("0.00001234567", "0.0000123457"),
        ("123456789", "123457000"),
        ("100.000", "100"),
        ("0", "0"),
    ],
)
def test_prices_have_six_significant_digits_and_no_exponent(px: str, rounded: str) -> None:
    assert str(round_px(Decimal(px))) == rounded
