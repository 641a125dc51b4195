"""How an opportunity ends: once, for one reason, with what it made."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from core.detection.detector import Detector
from core.model.fills import Liquidation
from core.model.market import Direction
from core.model.opportunities import Ending, EndReason, Group, Opportunity
from tests.support.detection_facts import (
    BTC,
    CONTROL,
    ETH,
    LOSER,
    OTHER,
    T0,
    a_detector,
    a_watch,
    answers,
    decide_one,
    end,
    heard,
    publish,
)

LIQUIDATED = Liquidation(LOSER, Decimal(99), "market")
SIGMA = {BTC: 0.01}
HOUR_MS = 3_600_000


def a_live(side: Direction = Direction.SHORT) -> tuple[Detector, Opportunity]:
    """Return a detector with one live opportunity of this side, bounded at about 98 and 102."""
    detector = a_detector()
    detector.market.sigma = SIGMA
    found = publish(detector, heard("100" if side is Direction.SHORT else "-100"))
    assert found.side is side
    return detector, found


def priced(detector: Detector, px: str, at_ms: int = 60_000) -> list[Ending]:
    return detector.price(BTC, Decimal(px), T0 + at_ms)[0]


def unlisted(detector: Detector) -> list[Ending]:
    detector.watch({})
    return detector.end_by_time(T0 + 60_000)


WAYS_OUT: dict[EndReason, Callable[[Detector], list[Ending]]] = {
    EndReason.LOSER_CLOSED: lambda d: end(d, heard("-100", 60_000), now_ms=60_000),
    EndReason.LOSER_FLIPPED: lambda d: end(d, heard("-150", 60_000), now_ms=60_000),
    EndReason.LOSER_LIQUIDATED: lambda d: end(
        d, heard("-100", 60_000, liquidation=LIQUIDATED), now_ms=60_000
    ),
    EndReason.STOP: lambda d: priced(d, "103"),
    EndReason.TARGET: lambda d: priced(d, "97"),
    EndReason.EXPIRED: lambda d: d.end_by_time(T0 + 86_400_000),
    EndReason.LABEL_LOST: unlisted,
}


@pytest.mark.parametrize("reason", EndReason)
def test_each_way_out_ends_it_once(reason: EndReason) -> None:
    detector, opportunity = a_live()
    (ending,) = WAYS_OUT[reason](detector)
    assert (ending.opportunity_id, ending.reason) == (opportunity.opportunity_id, reason)
    assert ending.held_ms == ending.ended_ms - opportunity.published_ms
    assert detector.live == {}
    for other in WAYS_OUT.values():
        assert other(detector) == []


def test_a_partial_decrease_ends_nothing() -> None:
    detector, _ = a_live()
    assert end(detector, heard("-99.99", 60_000), now_ms=60_000) == []
    assert len(detector.live) == 1


def test_a_partial_liquidation_does() -> None:
    detector, _ = a_live()
    (ending,) = end(detector, heard("-1", 60_000, liquidation=LIQUIDATED), now_ms=60_000)
    assert ending.reason is EndReason.LOSER_LIQUIDATED


def test_adding_to_the_position_ends_nothing() -> None:
    detector, _ = a_live()
    assert end(detector, heard("500", 60_000), now_ms=60_000) == []


@pytest.mark.parametrize("stranger", [{"account": OTHER}, {"coin": ETH}])
def test_what_others_do_and_other_coins_end_nothing(stranger: dict[str, object]) -> None:
    detector, _ = a_live()
    for account in (LOSER, OTHER):
        detector.tracker(account).correct({BTC: Decimal(100), ETH: Decimal(100)})
    assert end(detector, heard("-100", 60_000, **stranger), now_ms=60_000) == []  # type: ignore[arg-type]


def test_what_happened_before_the_event_ends_nothing() -> None:
    detector, _ = a_live()
    earlier = heard("-100", -5_000, start_position=Decimal(100))
    assert end(detector, earlier, now_ms=60_000) == []


def test_an_event_of_an_unknown_position_ends_nothing() -> None:
    detector, _ = a_live()
    detector.tracker(LOSER).forget()
    assert end(detector, heard("50", 60_000), heard("-50", 60_001), now_ms=60_000) == []


def test_a_flip_ends_one_and_opens_the_other() -> None:
    detector, old = a_live()
    (update,) = detector.hear([heard("-180", 60_000)])
    (ending,) = detector.end_by_event(update, T0 + 60_000)
    (decision,) = answers(detector, [update], 60_000)
    assert (ending.opportunity_id, ending.reason) == (old.opportunity_id, EndReason.LOSER_FLIPPED)
    new = decision.opportunity
    assert new is not None
    assert (new.side, new.trigger, new.loser_notional_usd) == (Direction.LONG, "flip", 8_000.0)
    assert end(detector, heard("-20", 60_500), now_ms=60_500) == []
    assert set(detector.live) == {new.opportunity_id}


def test_a_flip_heard_piece_by_piece_does_the_same() -> None:
    detector, old = a_live()
    reasons, opened = [], []
    for n, sz in enumerate(["-60", "-40", "-30", "-50"]):
        (update,) = detector.hear([heard(sz, 60_000, tid=n + 1)])
        reasons += [ending.reason for ending in detector.end_by_event(update, T0 + 60_000)]
        opened += [one.opportunity for one in answers(detector, [update], 60_000) if one.opportunity]
    assert reasons == [EndReason.LOSER_CLOSED]  # flat for a moment: the rest was still to come
    assert [(one.side, one.loser_notional_usd) for one in opened] == [(Direction.LONG, pytest.approx(8_000))]
    assert old.opportunity_id not in detector.live


@pytest.mark.parametrize(
    ("side", "stop", "target"),
    [
        (Direction.SHORT, ("101.99", "102.5"), ("97.9902", "97")),
        (Direction.LONG, ("98.0098", "97.5"), ("102.01", "103")),
    ],
)
def test_stop_and_target_end_at_or_beyond(
    side: Direction, stop: tuple[str, str], target: tuple[str, str]
) -> None:
    for prices, reason in ((stop, EndReason.STOP), (target, EndReason.TARGET)):
        for px in prices:
            detector, _ = a_live(side)
            assert priced(detector, "100") == []
            (ending,) = priced(detector, px)
            assert (ending.reason, ending.exit_px) == (reason, Decimal(px))


def test_expiry_is_a_moment() -> None:
    detector, opportunity = a_live()
    assert detector.end_by_time(opportunity.expires_ms - 1) == []
    (ending,) = detector.end_by_time(opportunity.expires_ms)
    assert ending.reason is EndReason.EXPIRED


@pytest.mark.parametrize(
    ("side", "exit_px", "gross"),
    [
        (Direction.SHORT, "99", 99.0),
        (Direction.SHORT, "101", -101.0),
        (Direction.LONG, "101", 99.0),
        (Direction.LONG, "99", -101.0),
    ],
)
def test_the_result_is_signed_for_the_fader_and_pays_its_costs(
    side: Direction, exit_px: str, gross: float
) -> None:
    detector, _ = a_live(side)
    priced(detector, exit_px)
    close = "-100" if side is Direction.SHORT else "100"
    (ending,) = end(detector, heard(close, 60_000), now_ms=60_000)
    assert ending.gross_bps == pytest.approx(gross, abs=0.05)
    assert ending.gross_bps is not None
    assert ending.net_bps == pytest.approx(ending.gross_bps - 2 * 4.5 - 1.0)


def test_an_exit_pays_or_receives_the_funding_of_the_hours_held() -> None:
    detector = a_detector()
    detector.market.funding = {BTC: 0.0002}
    publish(detector)  # the fader is short and is paid
    detector.price(BTC, Decimal(100), T0 + 2 * HOUR_MS)
    (ending,) = end(detector, heard("-100", 2 * HOUR_MS), now_ms=2 * HOUR_MS + 1)
    assert ending.gross_bps is not None
    assert ending.net_bps == pytest.approx(ending.gross_bps - 10.0 + 2 * 2.0)


def test_without_a_fresh_price_the_result_is_missing_not_zero() -> None:
    detector, _ = a_live()
    (ending,) = end(detector, heard("-100", 200_000), now_ms=200_000)
    assert (ending.exit_px, ending.gross_bps, ending.net_bps) == (None, None, None)


# --- found otherwise -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "is_over"),
    [
        ({}, True),
        ({BTC: Decimal(-5)}, True),
        ({BTC: Decimal(1)}, False),
        ({ETH: Decimal(100)}, True),
    ],
)
def test_who_left_during_a_gap_ends_it(held: dict[object, Decimal], is_over: bool) -> None:
    detector, _ = a_live()
    detector.tracker(LOSER).correct(held)  # type: ignore[arg-type]
    endings = detector.end_by_position(LOSER, T0 + 60_000)
    assert [ending.reason for ending in endings] == [EndReason.LOSER_CLOSED] * is_over
    assert detector.end_by_position(LOSER, T0 + 60_000) == []


def test_an_unknown_position_isnt_gone() -> None:
    detector, _ = a_live()
    detector.tracker(LOSER).forget()
    assert detector.end_by_position(LOSER, T0 + 60_000) == []
    assert detector.end_by_position(OTHER, T0 + 60_000) == []


def test_who_changes_groups_has_lost_the_label() -> None:
    detector, _ = a_live()
    detector.watch({LOSER: a_watch(group=Group.PLACEBO)})
    assert [ending.reason for ending in detector.end_by_time(T0)] == [EndReason.LABEL_LOST]


def test_a_restart_ends_nothing_before_the_first_list() -> None:
    old, _ = a_live()
    young = Detector(old.rules, "live", by_order=False, book_is_required=True)
    young.restore(old.live.values())
    assert young.end_by_time(T0 + 1_000) == []
    assert young.accounts() == {LOSER}
    young.watch({LOSER: a_watch()})
    assert young.end_by_time(T0 + 1_000) == []
    young.watch({OTHER: a_watch(OTHER)})
    assert [ending.reason for ending in young.end_by_time(T0 + 1_000)] == [EndReason.LABEL_LOST]


def test_a_restored_one_ends_by_price_and_by_the_losers_exit() -> None:
    for way_out in (EndReason.STOP, EndReason.LOSER_CLOSED):
        old, opportunity = a_live()
        young = a_detector()
        young.restore(old.live.values())
        young.tracker(LOSER).seed({BTC: Decimal(100)})
        (ending,) = WAYS_OUT[way_out](young)
        assert (ending.opportunity_id, ending.reason) == (opportunity.opportunity_id, way_out)


def test_extremes_are_kept_and_reported_only_when_they_widen() -> None:
    detector, opportunity = a_live()
    seen = [detector.price(BTC, Decimal(px), T0)[1] for px in ("100.5", "100.2", "99", "99.5")]
    assert [len(moved) for moved in seen] == [1, 0, 1, 0]
    live = detector.live[opportunity.opportunity_id]
    assert live.worst_bps == pytest.approx(-51.0, abs=0.1)
    assert live.best_bps == pytest.approx(99.0, abs=0.1)
    assert detector.price(ETH, Decimal(1), T0) == ([], [])


def test_the_control_ends_by_the_same_rules() -> None:
    detector = a_detector(a_watch(CONTROL, Group.PLACEBO, rank=None))
    found = decide_one(detector, [heard("100", account=CONTROL)]).opportunity
    assert found is not None
    (ending,) = end(detector, heard("-100", 5_000, account=CONTROL), now_ms=5_000)
    assert (ending.opportunity_id, ending.reason) == (found.opportunity_id, EndReason.LOSER_CLOSED)
