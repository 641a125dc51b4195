"""Every rejection by its rule, the order of the rules, and what later fills may still lift."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from core.detection.rules import ALL, BEFORE_BOOK, PROVISIONAL, first_rejection, increase_share, taken_usd
from core.model.market import Book, Direction, Side
from core.model.opportunities import Rejection
from core.model.positions import Cause, EventKind, PositionEvent
from tests.support.detection_facts import BTC, RULES, T0, a_book, a_scene, a_watch, an_open


def an_increase(before: str, sz: str) -> PositionEvent:
    return an_open(
        kind=EventKind.INCREASE,
        before=Decimal(before),
        after=Decimal(before) + Decimal(sz),
        sz=Decimal(sz),
        notional_usd=Decimal(sz) * 100,
        taker_notional_usd=Decimal(sz) * 100,
    )


CLOSE = an_open(kind=EventKind.CLOSE, before=Decimal(-100), after=Decimal(0))
DECREASE = an_open(kind=EventKind.DECREASE, before=Decimal(-200), after=Decimal(-100))
THIN = Book(BTC, T0, a_book(sz="19").bids, a_book(sz="19").asks)
ONE_SIDED = replace(a_book(), bids=())

REJECTIONS: list[tuple[Rejection, PositionEvent, dict[str, Any]]] = [
    (Rejection.NOT_AN_ENTRY, CLOSE, {}),
    (Rejection.NOT_AN_ENTRY, DECREASE, {}),
    (Rejection.NOT_LISTED, an_open(), {"watch": None}),
    (Rejection.LIQUIDATION, an_open(kind=EventKind.LIQUIDATION), {}),
    (Rejection.LIQUIDATION, an_open(cause=Cause.LIQUIDATION), {}),
    (Rejection.NOT_AN_ORDER, an_open(cause=Cause.TWAP), {}),
    (Rejection.NOT_AN_ORDER, an_open(cause=Cause.ADL), {}),
    (Rejection.NOT_AN_ORDER, an_open(cause=Cause.SETTLEMENT), {}),
    (Rejection.MAKER, an_open(taker_notional_usd=Decimal(0)), {}),
    (Rejection.TAKER_UNKNOWN, an_open(taker_notional_usd=None), {}),
    (Rejection.INCREASE_TOO_SMALL, an_increase("200.02", "100"), {}),
    (Rejection.NOTIONAL_BELOW_FLOOR, an_open(taker_notional_usd=Decimal("4999.99")), {}),
    (Rejection.COIN_NOT_LISTED, an_open(), {"coin_is_listed": False}),
    (Rejection.POSITION_UNKNOWN, an_open(), {"position_is_known": False}),
    (Rejection.TOO_OLD, an_open(), {"now_ms": T0 + 30_001}),
    (Rejection.ALREADY_LIVE, an_open(), {"is_live_already": True}),
    (Rejection.OPPOSED, an_open(), {"opposing_badness": 90.0}),
    (Rejection.OPPOSED, an_open(), {"opposing_badness": 91.0}),
    (Rejection.BOOK_UNKNOWN, an_open(), {"book": None}),
    (Rejection.BOOK_UNKNOWN, an_open(), {"book": ONE_SIDED}),
    (Rejection.BOOK_UNKNOWN, an_open(), {"book": None, "book_is_required": False, "last_px": None}),
    (Rejection.SPREAD_TOO_WIDE, an_open(), {"book": a_book("99.94", "100.05")}),
    (Rejection.DEPTH_TOO_THIN, an_open(), {"book": THIN}),
]

PASSES: list[tuple[str, PositionEvent, dict[str, Any]]] = [
    ("an open", an_open(), {}),
    ("a flip", an_open(kind=EventKind.FLIP, before=Decimal(-1), after=Decimal(99)), {}),
    ("an increase by half", an_increase("200", "100"), {}),
    ("at the floor", an_open(taker_notional_usd=Decimal(5_000)), {}),
    ("at the age", an_open(), {"now_ms": T0 + 30_000}),
    ("dated after our clock", an_open(), {"now_ms": T0 - 500}),
    ("opposed by less", an_open(), {"opposing_badness": 89.9}),
    ("no list of coins", an_open(), {"coin_is_listed": None}),
    ("at the spread", an_open(), {"book": a_book("99.95", "100.05")}),
    ("just deep enough", an_open(), {"book": a_book(sz="20.01")}),
    ("replay without a book", an_open(), {"book": None, "book_is_required": False}),
    ("unknown badness", an_open(), {"watch": a_watch(badness=None, rank=None)}),
]


@pytest.mark.parametrize(("rejection", "event", "scene"), REJECTIONS, ids=lambda v: str(v)[:40])
def test_rejection(rejection: Rejection, event: PositionEvent, scene: dict[str, Any]) -> None:
    assert first_rejection(event, a_scene(**scene), RULES)[0] is rejection


def test_cooldown() -> None:
    rules = replace(RULES, cooldown_ms=60_000)
    for since_ms, expected in ((59_999, Rejection.COOLDOWN), (60_000, None)):
        scene = a_scene(last_ended_ms=T0 + 1_000 - since_ms)
        assert first_rejection(an_open(), scene, rules)[0] is expected
    assert first_rejection(an_open(), a_scene(last_ended_ms=T0), RULES)[0] is None


def test_every_rejection_has_a_test() -> None:
    assert {rejection for rejection, _, _ in REJECTIONS} | {Rejection.COOLDOWN} == set(Rejection)


@pytest.mark.parametrize(("event", "scene"), [p[1:] for p in PASSES], ids=[p[0] for p in PASSES])
def test_passes(event: PositionEvent, scene: dict[str, Any]) -> None:
    assert first_rejection(event, a_scene(**scene), RULES)[0] is None


def test_gates_are_asked_in_order_and_the_first_rejects() -> None:
    """Everything is wrong at first; each repair brings the next rule to light."""
    event = an_open(
        cause=Cause.TWAP,
        kind=EventKind.DECREASE,
        before=Decimal(1_000),
        after=Decimal(1_100),
        taker_notional_usd=Decimal(0),
    )
    scene = a_scene(
        watch=None,
        coin_is_listed=False,
        position_is_known=False,
        now_ms=T0 + 31_000,
        is_live_already=True,
        opposing_badness=900.0,
        book=None,
    )
    repairs: list[tuple[Rejection, Callable[[], None]]] = []

    def change_event(**changes: Any) -> Callable[[], None]:
        def repair() -> None:
            nonlocal event
            event = replace(event, **changes)

        return repair

    def change_scene(**changes: Any) -> Callable[[], None]:
        def repair() -> None:
            nonlocal scene
            scene = replace(scene, **changes)

        return repair

    repairs = [
        (Rejection.NOT_AN_ORDER, change_event(cause=Cause.ORDER)),
        (Rejection.NOT_LISTED, change_scene(watch=a_watch())),
        (Rejection.COIN_NOT_LISTED, change_scene(coin_is_listed=True)),
        (Rejection.POSITION_UNKNOWN, change_scene(position_is_known=True)),
        (Rejection.NOT_AN_ENTRY, change_event(kind=EventKind.INCREASE)),
        (Rejection.INCREASE_TOO_SMALL, change_event(before=Decimal(100), after=Decimal(200))),
        (Rejection.MAKER, change_event(taker_notional_usd=Decimal(1))),
        (Rejection.NOTIONAL_BELOW_FLOOR, change_event(taker_notional_usd=Decimal(9_000))),
        (Rejection.TOO_OLD, change_scene(now_ms=T0)),
        (Rejection.ALREADY_LIVE, change_scene(is_live_already=False)),
        (Rejection.OPPOSED, change_scene(opposing_badness=0.0)),
        (Rejection.BOOK_UNKNOWN, change_scene(book=a_book("90", "110", "1"))),
        (Rejection.SPREAD_TOO_WIDE, change_scene(book=a_book(sz="1"))),
        (Rejection.DEPTH_TOO_THIN, change_scene(book=a_book())),
    ]
    for rejection, repair in repairs:
        assert first_rejection(event, scene, RULES)[0] is rejection
        repair()
    assert first_rejection(event, scene, RULES)[0] is None


def test_the_book_is_asked_last_and_alone() -> None:
    assert ALL[: len(BEFORE_BOOK)] == BEFORE_BOOK
    assert len(ALL) == len(BEFORE_BOOK) + 1
    assert first_rejection(an_open(), a_scene(book=None), RULES, BEFORE_BOOK)[0] is None


def test_an_unknown_position_names_no_kind() -> None:
    """What looks like a close from a position nobody knows isn't called "not an entry"."""
    assert first_rejection(CLOSE, a_scene(position_is_known=False), RULES)[0] is Rejection.POSITION_UNKNOWN


def test_only_what_later_fills_may_lift_is_provisional() -> None:
    assert {
        Rejection.NOTIONAL_BELOW_FLOOR,
        Rejection.INCREASE_TOO_SMALL,
        Rejection.MAKER,
        Rejection.NOT_AN_ENTRY,
    } == PROVISIONAL


def test_the_figures_that_decided_are_kept() -> None:
    _, looked = first_rejection(an_increase("300", "100"), a_scene(), RULES)
    assert looked["increase"] == pytest.approx(1 / 3)
    assert looked["min_increase"] == 0.5
    assert (looked["rank"], looked["badness"], looked["kind"]) == (3, 90.0, "increase")
    _, looked = first_rejection(an_open(taker_notional_usd=Decimal(123)), a_scene(), RULES)
    assert (looked["taken_usd"], looked["min_notional_usd"]) == (123.0, 5_000.0)
    _, looked = first_rejection(an_open(), a_scene(), RULES)
    assert (looked["age_s"], looked["max_age_s"], looked["own_badness"]) == (1.0, 30.0, 90.0)
    assert looked["spread_bps"] == pytest.approx(2.0)
    assert looked["depth_usd"] == pytest.approx(99_990.0)
    assert (looked["max_spread_bps"], looked["min_depth_usd"]) == (10.0, 2_000.0)


# --- what was taken ------------------------------------------------------------------------


def test_only_the_takers_share_counts() -> None:
    event = an_open(taker_notional_usd=Decimal(2_500))
    assert taken_usd(event) == 2_500.0
    assert first_rejection(event, a_scene(), RULES)[0] is Rejection.NOTIONAL_BELOW_FLOOR


def test_of_a_flip_only_the_opening_part_counts() -> None:
    flip = an_open(kind=EventKind.FLIP, before=Decimal(-60), after=Decimal(40))
    assert flip.opening_sz == 40
    assert taken_usd(flip) == 4_000.0
    assert first_rejection(flip, a_scene(), RULES)[0] is Rejection.NOTIONAL_BELOW_FLOOR


def test_only_an_increase_has_a_share() -> None:
    assert increase_share(an_increase("50", "25")) == 0.5
    assert increase_share(an_increase("-50", "-25")) == 0.5
    assert increase_share(an_open()) is None
    assert increase_share(an_open(kind=EventKind.FLIP, before=Decimal(-1))) is None


def test_a_short_is_an_increase_by_the_same_rule() -> None:
    more = an_increase("-100", "-50")
    more = replace(more, side=Side.SELL, sz=Decimal(50), taker_notional_usd=Decimal(5_000))
    assert more.direction is Direction.SHORT
    assert first_rejection(more, a_scene(), RULES)[0] is None


def test_depth_is_looked_for_on_the_side_that_the_fader_takes() -> None:
    book = replace(a_book(), asks=a_book(sz="1").asks)
    assert first_rejection(an_open(), a_scene(book=book), RULES)[0] is None  # fader sells into the bids
    short = an_open(side=Side.SELL, after=Decimal(-100))
    assert first_rejection(short, a_scene(book=book), RULES)[0] is Rejection.DEPTH_TOO_THIN
