"""Fills and prices in, decisions and endings out; one answer for each event, and bounded memory."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.detection.detector import SETTLED_REMEMBERED, Detector
from core.detection.tracker import EventUpdate
from core.model.fills import Fill
from core.model.market import Coin, Direction
from core.model.opportunities import Decision, Group, Rejection
from core.model.positions import EventKind
from tests.support.detection_facts import (
    BTC,
    CONTROL,
    ETH,
    LOSER,
    OTHER,
    RULES,
    T0,
    a_book,
    a_detector,
    a_watch,
    answers,
    decide_one,
    end,
    heard,
    publish,
)

BOTH = (a_watch(), a_watch(OTHER, badness=80.0))


def verdicts(decisions: Sequence[Decision]) -> list[str]:
    return [one.rejection.value if one.rejection else "published" for one in decisions]


def piece_by_piece(detector: Detector, fills: Sequence[Fill]) -> list[Decision]:
    """Return the decisions about fills that come one at a time, each at once."""
    found: list[Decision] = []
    for fill in fills:
        found += answers(detector, detector.hear([fill]), fill.time_ms - T0)
    return found


# --- one answer ----------------------------------------------------------------------------


def test_an_order_alerts_once_when_it_crosses_the_floor() -> None:
    detector = a_detector()
    fills = [heard("20", n * 100) for n in range(5)]
    decisions = piece_by_piece(detector, fills)
    assert verdicts(decisions) == ["published"]
    (found,) = decisions
    assert found.opportunity is not None
    assert (found.event.fills, found.opportunity.loser_notional_usd) == (3, 6_000.0)
    assert answers(detector, detector.settle(None)) == []


def test_what_stays_below_is_rejected_when_it_is_finished() -> None:
    detector = a_detector()
    assert piece_by_piece(detector, [heard("20"), heard("20", 100)]) == []
    (decision,) = answers(detector, detector.settle(None))
    assert (decision.rejection, decision.figures["taken_usd"]) == (Rejection.NOTIONAL_BELOW_FLOOR, 4_000.0)
    assert answers(detector, detector.settle(None)) == []


@pytest.mark.parametrize(
    ("held", "first", "rest", "while_growing"),
    [
        ("0", heard("10", crossed=False), heard("100", 100), Rejection.MAKER),
        ("100", heard("40"), heard("70", 100), Rejection.INCREASE_TOO_SMALL),
        ("-40", heard("30"), heard("110", 100), Rejection.NOT_AN_ENTRY),
    ],
)
def test_what_later_fills_may_lift_waits_for_them(
    held: str, first: Fill, rest: Fill, while_growing: Rejection
) -> None:
    for fills, verdict in (([first], while_growing.value), ([first, rest], "published")):
        detector = a_detector()
        detector.tracker(LOSER).seed({BTC: Decimal(held)})
        found = piece_by_piece(detector, fills) + answers(detector, detector.settle(None), 200)
        assert verdicts(found) == [verdict]


def test_what_nothing_can_lift_is_answered_at_once_and_for_good() -> None:
    detector = a_detector()
    (update,) = detector.hear([heard("100")])
    assert verdicts(answers(detector, [update], 0, a_book("90", "110"))) == ["spread_too_wide"]
    (grown,) = detector.hear([heard("100", 100)])
    assert answers(detector, [grown, *detector.settle(None)], 100) == []
    assert detector.live == {}


def test_one_event_has_one_answer_however_often_it_is_asked() -> None:
    detector = a_detector()
    updates = [*detector.hear([heard("100")]), *detector.hear([heard("1", 1)]), *detector.settle(None)]
    assert len(answers(detector, updates * 3)) == 1
    assert detector.is_answered(updates[0].event)


def test_an_answer_outlives_the_memory_of_finished_events() -> None:
    """A recorded order may grow for days while thousands of others come and go."""
    detector = a_detector(by_order=True)
    first = detector.hear([heard("100", oid=1, start_position=Decimal(0))])
    assert verdicts(answers(detector, first, 0, a_book("90", "110"))) == ["spread_too_wide"]
    others = [
        heard("1", n, coin=ETH, account=OTHER, oid=n, tid=n, start_position=Decimal(n))
        for n in range(1, SETTLED_REMEMBERED + 3)
    ]
    assert len(answers(detector, detector.hear(others))) == len(others)
    assert len(detector._settled) == SETTLED_REMEMBERED
    late = detector.hear([heard("1", 9_000_000, oid=1, start_position=Decimal(100))])
    assert answers(detector, [*late, *detector.settle(None)], 9_000_000) == []


def test_wants_a_book_only_where_the_rest_speaks_for_it() -> None:
    detector = a_detector()
    (small,) = detector.hear([heard("1")])
    assert not detector.wants_book(small, T0)
    (large,) = detector.hear([heard("99", 1)])
    assert detector.wants_book(large, T0)
    assert not detector.wants_book(large, T0 + RULES.max_age_ms + 1)
    answers(detector, [large])
    assert not detector.wants_book(large, T0)


# --- the rules in their surroundings ---------------------------------------------------------


def test_a_second_entry_on_the_same_side_finds_the_first_still_live() -> None:
    detector = a_detector()
    publish(detector)
    again = decide_one(detector, [heard("100", 60_000)], 60_000)
    assert (again.event.kind, again.rejection) == (EventKind.INCREASE, Rejection.ALREADY_LIVE)


def test_after_the_end_there_is_a_cooldown() -> None:
    for cooldown_ms, verdict in ((0, None), (60_000, Rejection.COOLDOWN), (5_000, None)):
        detector = a_detector(cooldown_ms=cooldown_ms)
        publish(detector)
        assert len(end(detector, heard("-100", 3_000), now_ms=3_000)) == 1
        decision = decide_one(detector, [heard("100", 10_000)], 10_000)
        assert decision.rejection is verdict


def test_losers_on_the_other_side_cancel_it() -> None:
    detector = a_detector(*BOTH)
    publish(detector, heard("100", account=OTHER))
    # 90 against 80 passes, 80 against 90 doesn't
    assert decide_one(detector, [heard("-100", 1_000)], 1_000).rejection is None
    third = decide_one(detector, [heard("100", 2_000, account=OTHER, coin=ETH)], 2_000, a_book(coin=ETH))
    assert third.rejection is None
    more = decide_one(detector, [heard("300", 5_000, account=OTHER)], 5_000)
    assert more.rejection is Rejection.ALREADY_LIVE
    assert more.figures["age_s"] == 0.0


def test_the_weaker_side_is_opposed_and_what_counted_is_kept() -> None:
    detector = a_detector(*BOTH)
    publish(detector)
    decision = decide_one(detector, [heard("-100", 1_000, account=OTHER)], 1_000)
    assert decision.rejection is Rejection.OPPOSED
    assert (decision.figures["own_badness"], decision.figures["opposing_badness"]) == (80.0, 90.0)


def test_small_and_unknown_entries_oppose_nobody() -> None:
    detector = a_detector(*BOTH)
    answers(detector, [*detector.hear([heard("10")]), *detector.settle(None)])
    detector.tracker(LOSER).forget()
    answers(detector, [*detector.hear([heard("100", 1_000)]), *detector.settle(None)], 1_000)
    assert decide_one(detector, [heard("-100", 5_000, account=OTHER)], 5_000).rejection is None


def test_an_opposing_entry_is_forgotten_after_its_window() -> None:
    detector = a_detector(*BOTH)
    publish(detector)
    at = RULES.opposing_ms + 1
    assert decide_one(detector, [heard("-100", at, account=OTHER)], at).rejection is None


def test_a_clock_behind_the_exchanges_cancels_nothing() -> None:
    detector = a_detector(*BOTH)
    publish(detector, heard("-100", account=OTHER))
    assert decide_one(detector, [heard("100", 1_000)], 400).rejection is None


def test_a_dex_never_asked_about_is_position_unknown() -> None:
    detector = a_detector()
    detector.market.listed = None
    xyz = Coin("xyz:CL")
    (update,) = detector.hear([heard("100", coin=xyz)])
    (decision,) = answers(detector, [update])
    assert decision.rejection is Rejection.POSITION_UNKNOWN
    assert answers(detector, detector.settle(None)) == []


def test_who_isnt_watched_is_not_listed() -> None:
    detector = a_detector()
    assert decide_one(detector, [heard("100", account=OTHER)]).rejection is Rejection.NOT_LISTED


def test_an_event_that_outlives_its_watch_still_gets_its_decision() -> None:
    detector = a_detector()
    assert piece_by_piece(detector, [heard("10")]) == []
    detector.watch({OTHER: a_watch(OTHER)})
    (decision,) = answers(detector, detector.settle(None))
    assert decision.rejection is Rejection.NOT_LISTED
    detector.watch({OTHER: a_watch(OTHER)})
    assert LOSER not in detector._trackers


def test_replay_without_a_book_passes_and_is_marked() -> None:
    detector = a_detector(book_is_required=False)
    (update,) = detector.hear([heard("100")])
    decision = detector.answer(update, T0, None)
    assert decision is not None
    assert decision.opportunity is not None
    assert decision.opportunity.gates_passed_unchecked == ("spread", "depth")
    live = a_detector()
    (update,) = live.hear([heard("100")])
    assert verdicts(answers(live, [], 0)) == []
    rejected = live.answer(update, T0, None)
    assert rejected is not None
    assert rejected.rejection is Rejection.BOOK_UNKNOWN


def test_the_control_runs_the_same_rules_in_its_own_group() -> None:
    detector = a_detector(a_watch(badness=99.0), a_watch(CONTROL, Group.PLACEBO, rank=None, badness=1.0))
    publish(detector)
    decision = decide_one(detector, [heard("-100", 1_000, account=CONTROL)], 1_000)
    assert decision.group is Group.PLACEBO  # and the losers on the other side don't oppose it
    assert decision.opportunity is not None
    assert decision.opportunity.group is Group.PLACEBO


def test_what_was_found_late_is_published_marked_or_too_old() -> None:
    for age_ms, verdict in ((20_000, "published"), (31_000, "too_old")):
        detector = a_detector()
        updates = [*detector.hear([heard("100", start_position=Decimal(0))], True), *detector.settle(None)]
        (decision,) = answers(detector, updates, age_ms)
        assert verdicts([decision]) == [verdict]
        assert decision.event.is_late
        assert decision.opportunity is None or decision.opportunity.is_late


def test_spot_and_empty_fills_are_nothing() -> None:
    detector = a_detector()
    assert detector.hear([heard("5", coin=Coin("@107")), heard("5", coin=Coin("PURR/USDC"))]) == []
    assert detector.hear([replace(heard("5"), sz=Decimal(0))]) == []


def test_the_crowd_is_the_listed_losers_only() -> None:
    detector = a_detector(*BOTH, a_watch(CONTROL, Group.PLACEBO))
    for account, szi in ((LOSER, 3), (OTHER, -2), (CONTROL, 50)):
        detector.tracker(account).seed({BTC: Decimal(szi)})
    crowd = detector.crowd(BTC)
    assert (crowd.long_count, crowd.short_count, crowd.long_usd, crowd.short_usd) == (1, 1, 300.0, 200.0)
    detector.watch({OTHER: a_watch(OTHER)})
    assert detector.crowd(BTC).long_count == 0


# --- after a restart -------------------------------------------------------------------------


def restarted(old: Detector, decisions: Sequence[Decision]) -> Detector:
    """Return a detector that knows what an earlier one wrote."""
    young = Detector(old.rules, old.namespace, by_order=False, book_is_required=True)
    young.restore(old.live.values())
    young.recall(decisions)
    young.watch(old.watches)
    young.market = old.market
    for account in young.watches:
        young.tracker(account).seed(old.tracker(account).positions())
    return young


def test_fills_heard_again_after_a_restart_ask_nothing_again() -> None:
    old = a_detector()
    fills = [heard("100"), heard("10", 1_000, coin=ETH)]
    updates = [*old.hear(fills), *old.settle(None)]
    decisions = answers(old, updates)
    assert verdicts(decisions) == ["published", "notional_below_floor"]
    young = restarted(old, decisions)
    again = [replace(fill, start_position=Decimal(0)) for fill in fills]
    assert answers(young, [*young.hear(again, True), *young.settle(None)]) == []
    assert set(young.live) == set(old.live)


def test_opposing_losers_are_remembered_over_a_restart() -> None:
    old = a_detector(*BOTH)
    first = decide_one(old, [heard("100")])
    young = restarted(old, [first])
    decision = decide_one(young, [heard("-100", 60_000, account=OTHER)], 60_000)
    assert decision.rejection is Rejection.OPPOSED
    assert decision.figures["opposing_badness"] == 90.0


def test_a_recalled_unknown_position_opposes_nobody() -> None:
    old = a_detector(*BOTH)
    old.tracker(LOSER).forget()
    unknown = decide_one(old, [heard("100")])
    assert unknown.rejection is Rejection.POSITION_UNKNOWN
    young = restarted(old, [unknown])
    assert decide_one(young, [heard("-100", 60_000, account=OTHER)], 60_000).rejection is None


# --- over weeks ------------------------------------------------------------------------------


def test_memory_is_bounded_over_many_entries_and_exits() -> None:
    detector = a_detector(*BOTH, cooldown_ms=1_000)
    for n in range(200):
        at = n * 20_000
        account = OTHER if n % 2 else LOSER
        detector.price(BTC, Decimal(100), T0 + at)
        fills = [heard("100", at, account=account)]
        answers(detector, [*detector.hear(fills), *detector.settle(None)], at)
        end(detector, heard("-100", at + 5_000, account=account), now_ms=at + 5_000)
        detector.end_by_time(T0 + at + 10_000)
    assert detector.live == detector._live_by_coin == detector._answered == detector._ended == {}
    assert sum(len(entries) for entries in detector._entries._entries.values()) <= 2 * 45
    detector.watch({})
    assert detector._trackers == {}


events = st.lists(
    st.tuples(
        st.sampled_from([LOSER, OTHER]),
        st.sampled_from([BTC, ETH]),
        st.integers(-3, 3).filter(bool),
        st.sampled_from([0, 500, 1_999, 3_000, 40_000]),
    ),
    max_size=30,
)


@given(events, st.sets(st.integers(0, 30)))
def test_every_event_has_exactly_one_decision_and_at_most_one_ending(
    steps: list[tuple[object, object, int, int]], cuts: set[int]
) -> None:
    detector = a_detector(*BOTH)
    decisions: list[Decision] = []
    ended: list[str] = []
    updates: list[EventUpdate] = []
    heard_updates: list[EventUpdate] = []
    now = 0
    for n, (account, coin, units, wait) in enumerate(steps):
        now += wait
        fill = heard(Decimal(units * 40), now, account=account, coin=coin, tid=n + 1)  # type: ignore[arg-type]
        updates += detector.hear([fill])
        if n in cuts or n == len(steps) - 1:
            updates += detector.settle(T0 + now if n < len(steps) - 1 else None)
            for update in updates:
                endings = detector.end_by_event(update, T0 + now)
                ended += [ending.opportunity_id for ending in endings]
                decisions += answers(detector, [update], now, a_book(coin=update.event.coin))
            heard_updates += updates
            updates = []
    events = {detector.event_id(update.event) for update in heard_updates}
    assert sorted(one.decision_id for one in decisions) == sorted(events)
    published = [one.decision_id for one in decisions if one.opportunity]
    assert len(set(ended)) == len(ended)
    assert set(published) == set(ended) | set(detector.live)
    for live in detector.live.values():
        held = detector.tracker(live.opportunity.loser).position(live.opportunity.coin)
        assert held is not None
        assert held * live.opportunity.side.sign < 0
    sides = {
        (one.opportunity.loser, one.opportunity.coin, one.opportunity.side) for one in detector.live.values()
    }
    assert len(sides) == len(detector.live)
    assert all(side in Direction for _, _, side in sides)
