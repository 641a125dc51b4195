"""Who is watched only because a chat follows them: seen, and otherwise nobody; and how orders grow."""

from dataclasses import replace

import pytest

from core.detection.detector import Detector
from core.detection.identity import LIVE
from core.detection.tracker import EventUpdate
from core.model.opportunities import EndReason, Group, LiveOpportunity, Rejection
from core.services.detecting import DetectionService
from tests.support.detection_facts import (
    BTC,
    LOSER,
    OTHER,
    RULES,
    T0,
    a_book,
    a_detector,
    a_watch,
    heard,
)
from tests.support.detection_ports import HandClock, ScriptedStore, Sleeper

FOLLOWED = a_watch(OTHER, group=Group.FOLLOWED, rank=None, badness=None)


def only(updates: list[EventUpdate]) -> EventUpdate:
    [update] = updates
    return update


def test_a_followed_trader_is_heard_but_never_an_opportunity() -> None:
    detector = a_detector(FOLLOWED)
    update = only(detector.hear([heard("100", account=OTHER)]))
    assert not detector.wants_book(update, T0)
    decision = detector.answer(update, T0, a_book())
    assert decision is not None
    assert (decision.rejection, decision.opportunity) == (Rejection.NOT_LISTED, None)
    assert decision.group is Group.FOLLOWED
    assert detector.live == {}


def test_a_followed_trader_is_in_no_crowd_and_opposes_nobody() -> None:
    detector = a_detector(a_watch(), FOLLOWED)
    detector.answer(only(detector.hear([heard("-100", account=OTHER)])), T0, a_book())
    assert detector.crowd(BTC).short_count == 0
    decision = detector.answer(only(detector.hear([heard("100", 10)])), T0 + 10, a_book())
    assert decision is not None
    assert decision.rejection is None
    assert decision.figures["opposing_badness"] == 0


def test_who_is_followed_only_from_now_on_has_lost_the_label() -> None:
    detector = a_detector(a_watch())
    decision = detector.answer(only(detector.hear([heard("100")])), T0, a_book())
    assert decision is not None
    detector.watch({LOSER: replace(FOLLOWED, account=LOSER)})
    assert [ending.reason for ending in detector.end_by_time(T0 + 1)] == [EndReason.LABEL_LOST]


def test_follows_alone_say_nothing_about_the_list() -> None:
    """After a restart, before the first list, what is live stays live whomever chats follow."""
    first = a_detector(a_watch())
    decision = first.answer(only(first.hear([heard("100")])), T0, a_book())
    assert decision is not None
    assert decision.opportunity is not None
    second = Detector(RULES, LIVE, by_order=False, book_is_required=True)
    second.restore([LiveOpportunity(decision.opportunity)])
    second.watch({OTHER: FOLLOWED}, has_list=False)
    assert second.end_by_time(T0 + 1) == []
    second.watch({OTHER: FOLLOWED})
    assert len(second.end_by_time(T0 + 2)) == 1


@pytest.mark.asyncio
async def test_of_a_followed_trader_events_are_written_and_no_decision_nor_rankable_fill() -> None:
    clock, store = HandClock(), ScriptedStore()
    detector = a_detector(FOLLOWED)
    service = DetectionService(detector, store, clock, Sleeper(), book=None, evidence=lambda: "")
    service.hear_late([heard("100", account=OTHER, start_position=0, closed_pnl=5, fee=1)])
    service.finish_all()
    await service.conclude()
    [publication] = store.published
    assert publication.decisions == ()
    assert [event.account for event in publication.finished] == [OTHER]
    [fill] = publication.fills
    assert (fill.start_position, fill.closed_pnl, fill.fee) == (None, None, None)


def test_an_order_that_grew_by_a_fifth_is_worth_a_word_and_each_further_fifth() -> None:
    detector = a_detector(a_watch())
    update = only(detector.hear([heard("100")]))
    detector.answer(update, T0, a_book())
    assert detector.growth(update, T0) is None
    assert detector.growth(only(detector.hear([heard("19", 10)])), T0) is None
    grown = detector.growth(only(detector.hear([heard("21", 20, px="110")])), T0 + 20)
    assert grown is not None
    assert grown.loser_notional_usd == pytest.approx(119 * 100 + 21 * 110)
    assert float(grown.loser_px) == pytest.approx((119 * 100 + 21 * 110) / 140, rel=1e-5)
    assert detector.growth(only(detector.hear([heard("20", 30)])), T0) is None
    assert detector.growth(only(detector.hear([heard("20", 40)])), T0) is not None


def test_what_was_rejected_or_is_over_doesnt_grow() -> None:
    detector = a_detector(a_watch())
    update = only(detector.hear([heard("100")]))
    detector.answer(update, T0, None)
    assert detector.growth(only(detector.hear([heard("100", 10)])), T0) is None
