"""The tracker rebuilds every position exactly, from whatever form of the same fills."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.detection.tracker import LATENESS_MS, REMEMBERED, REMEMBERED_MS, EventUpdate, PositionTracker
from core.model.fills import Fill
from core.model.market import Coin
from core.model.positions import EventKind, PositionEvent
from tests.support.detection_facts import BTC, ETH, LOSER, heard

COINS = (BTC, ETH, Coin("xyz:CL"))
DEXES = ("", "xyz")
COALESCE_MS = 2_000
XYZ = Coin("xyz:CL")


def a_tracker(*, by_order: bool = False, positions: dict[Coin, Decimal] | None = None) -> PositionTracker:
    tracker = PositionTracker(LOSER, COALESCE_MS, {}, by_order)
    tracker.seed(positions or {}, DEXES)
    return tracker


steps = st.lists(
    st.tuples(
        st.sampled_from(COINS),
        st.integers(-5, 5).filter(bool),
        st.integers(0, 3),
        st.integers(1, 3),
        st.sampled_from([0, 0, 0, 1, 400, 1_999, 2_000, 2_001, 5_000]),
        st.booleans(),
    ),
    max_size=50,
)
Steps = list[tuple[Coin, int, int, int, int, bool]]
seeds = st.dictionaries(st.sampled_from(COINS), st.integers(-5, 5).filter(bool).map(Decimal))


def walk(steps: Steps, seed: dict[Coin, Decimal]) -> list[Fill]:
    """Return recorded fills, each with its order and the position before it."""
    held = defaultdict(Decimal, seed)
    fills, now = [], 0
    for n, (coin, units, exponent, order, wait, crossed) in enumerate(steps):
        now += wait
        size = Decimal(units).scaleb(-exponent)
        # as the exchange numbers them: an order has one side
        oid = 10 * order + (size > 0)
        fills.append(
            heard(size, now, coin=coin, crossed=crossed, tid=n + 1, oid=oid, start_position=held[coin])
        )
        held[coin] += size
    return fills


def as_heard(fills: Iterable[Fill]) -> list[Fill]:
    return [replace(fill, start_position=None, oid=None) for fill in fills]


def finished(tracker: PositionTracker, fills: list[Fill], cuts: Iterable[int] = ()) -> list[PositionEvent]:
    """Return the finished events of fills heard in batches that end at the cuts."""
    updates: list[EventUpdate] = []
    last = 0
    for cut in (*sorted(cuts), len(fills)):
        updates += tracker.hear(fills[last:cut])
        last = cut
    updates += tracker.settle(None)
    return [update.event for update in updates if update.finished]


def by_coin(events: Iterable[PositionEvent]) -> dict[Coin, list[PositionEvent]]:
    found: dict[Coin, list[PositionEvent]] = defaultdict(list)
    for event in events:
        found[event.coin].append(event)
    return dict(found)


@given(steps, seeds, st.booleans())
def test_events_rebuild_the_position_and_lose_or_repeat_no_fill(
    steps: Steps, seed: dict[Coin, Decimal], is_live: bool
) -> None:
    recorded = walk(steps, seed)
    tracker = a_tracker(by_order=not is_live, positions=seed)
    events = finished(tracker, as_heard(recorded) if is_live else recorded)
    rebuilt = defaultdict(Decimal, seed)
    for event in events:
        assert event.before == rebuilt[event.coin]
        assert event.after == event.before + event.side.sign * event.sz
        rebuilt[event.coin] = event.after
    expected = defaultdict(Decimal, seed)
    for fill in recorded:
        expected[fill.coin] += fill.signed_sz
    held = {coin: szi for coin, szi in expected.items() if szi}
    assert {coin: szi for coin, szi in rebuilt.items() if szi} == held == tracker.positions()
    assert sum(event.fills for event in events) == len(recorded)
    assert sum(event.notional_usd for event in events) == sum(f.notional_usd for f in recorded)
    taken = sum((e.taker_notional_usd or Decimal(0) for e in events), Decimal(0))
    assert taken == sum(f.notional_usd for f in recorded if f.crossed)


@given(steps, seeds, st.sets(st.integers(0, 50)), st.booleans())
def test_any_batching_gives_the_same_events(
    steps: Steps, seed: dict[Coin, Decimal], cuts: set[int], is_live: bool
) -> None:
    recorded = walk(steps, seed)
    fills = as_heard(recorded) if is_live else recorded
    cuts = {cut for cut in cuts if cut <= len(fills)}
    whole = finished(a_tracker(by_order=not is_live, positions=seed), fills)
    parts = finished(a_tracker(by_order=not is_live, positions=seed), fills, cuts)
    assert by_coin(parts) == by_coin(whole)


@given(steps, seeds)
def test_heard_and_recorded_fills_give_the_same_events_where_no_order_is_told(
    steps: Steps, seed: dict[Coin, Decimal]
) -> None:
    recorded = [replace(fill, oid=None) for fill in walk(steps, seed)]
    live = finished(a_tracker(positions=seed), as_heard(recorded))
    assert live == finished(a_tracker(by_order=True), recorded)


@given(steps, st.lists(st.tuples(st.integers(0, 49), st.integers(0, 49)), max_size=10))
def test_what_comes_twice_counts_once(steps: Steps, again: list[tuple[int, int]]) -> None:
    fills = as_heard(walk(steps, {}))
    repeated: list[Fill] = []
    for n, fill in enumerate(fills):
        repeated += [fill, *(fills[first] for first, later in again if max(first, later) == n)]
    assert finished(a_tracker(), repeated) == finished(a_tracker(), fills)


def test_a_whole_page_again_changes_nothing() -> None:
    page = [heard("1", 1, tid=1), heard("2", 3_000, tid=2)]
    tracker = a_tracker()
    tracker.hear(page)
    assert tracker.hear(page) == []
    assert tracker.position(BTC) == 3


def test_fills_without_a_trade_id_are_never_taken_for_repeats() -> None:
    tracker = a_tracker()
    tracker.hear([heard("1", tid=None), heard("1", tid=None), heard("1", tid=0), heard("1", tid=0)])
    assert tracker.position(BTC) == 4


def test_one_trade_id_in_two_coins_is_two_fills() -> None:
    tracker = a_tracker()
    tracker.hear([heard("1", tid=7), heard("1", tid=7, coin=ETH)])
    assert tracker.positions() == {BTC: 1, ETH: 1}


def test_what_is_remembered_doesnt_grow_for_ever() -> None:
    tracker = a_tracker()
    tracker.hear([heard("1", 0, tid=n + 1) for n in range(REMEMBERED + 10)])
    assert len(tracker._seen) == REMEMBERED
    tracker.hear([heard("1", REMEMBERED_MS + 1, tid=1)])
    assert len(tracker._seen) == 1


def test_a_growing_event_is_reported_each_time_and_finished_once() -> None:
    tracker = a_tracker()
    updates = [
        *tracker.hear([heard("1", 0)]),
        *tracker.hear([heard("2", 500)]),
        *tracker.hear([heard("4", 2_500)]),
    ]
    assert [(u.event.sz, u.finished) for u in updates] == [(1, False), (3, False), (3, True), (4, False)]
    assert [(u.event.kind, u.finished) for u in tracker.settle(None)] == [(EventKind.INCREASE, True)]
    assert tracker.settle(None) == []


def test_an_event_is_finished_when_nothing_can_belong_to_it_any_more() -> None:
    tracker = a_tracker()
    (growing,) = tracker.hear([heard("1")])
    due = growing.event.time_ms + COALESCE_MS + LATENESS_MS
    assert tracker.settle(due) == []
    assert tracker.is_growing
    assert [u.finished for u in tracker.settle(due + 1)] == [True]
    assert not tracker.is_growing


def test_a_recorded_order_may_take_hours() -> None:
    tracker = a_tracker(by_order=True)
    tracker.hear([heard("1", oid=5, start_position=Decimal(0))])
    assert tracker.settle(10**15) == []
    (update,) = tracker.hear([heard("1", 9_000_000, oid=5, start_position=Decimal(1))])
    assert (update.event.sz, update.event.fills) == (2, 2)


# --- what is known, and what isn't ---------------------------------------------------------


def test_a_coin_that_isnt_named_is_flat_only_on_dexes_that_were_asked() -> None:
    tracker = PositionTracker(LOSER, COALESCE_MS, {}, False)
    assert tracker.position(BTC) is None
    tracker.seed({ETH: Decimal(2)})
    assert (tracker.position(BTC), tracker.position(ETH), tracker.position(XYZ)) == (0, 2, None)


def test_a_dex_never_asked_about_is_unknown_and_stays_so() -> None:
    tracker = PositionTracker(LOSER, COALESCE_MS, {}, False)
    tracker.seed({})
    updates = tracker.hear([heard("1", 0, coin=XYZ), heard("-1", 3_000, coin=XYZ), heard("1", 1, coin=BTC)])
    assert {(u.event.coin, u.position_is_known) for u in updates} == {(XYZ, False), (BTC, True)}
    assert tracker.position(XYZ) is None
    assert tracker.positions() == {BTC: 1}


def test_once_it_is_known_nothing_of_the_unknown_is_carried_over() -> None:
    tracker = PositionTracker(LOSER, COALESCE_MS, {}, False)
    tracker.hear([heard("5")])
    tracker.seed({BTC: Decimal(5)})
    updates = tracker.hear([heard("5", 1)])
    assert [(u.event.before, u.event.kind, u.position_is_known, u.finished) for u in updates] == [
        (0, EventKind.OPEN, False, True),
        (5, EventKind.INCREASE, True, False),
    ]


def test_what_is_forgotten_ends_the_event_that_knew_it() -> None:
    tracker = a_tracker()
    tracker.hear([heard("5")])
    tracker.forget()
    updates = tracker.hear([heard("1", 1)])
    assert [(u.event.sz, u.position_is_known, u.finished) for u in updates] == [
        (5, True, True),
        (1, False, False),
    ]
    assert tracker.position(BTC) is None


def test_after_a_correction_the_chain_is_the_exchanges() -> None:
    tracker = a_tracker()
    tracker.hear([heard("1"), heard("3", coin=ETH)])
    assert tracker.correct({BTC: Decimal(4)}) == {BTC: (1, 4), ETH: (3, 0)}
    updates = tracker.hear([heard("1", 10), heard("-2", 10, coin=ETH)])
    assert [
        (u.event.coin, u.event.before, u.event.after, u.event.kind) for u in updates if not u.finished
    ] == [
        (BTC, 4, 5, EventKind.INCREASE),
        (ETH, 0, -2, EventKind.OPEN),
    ]
    assert [(u.event.coin, u.event.after) for u in updates if u.finished] == [(BTC, 1), (ETH, 3)]


def test_a_correction_leaves_other_dexes_alone() -> None:
    tracker = a_tracker(positions={XYZ: Decimal(7)})
    assert tracker.correct({}) == {}
    assert tracker.position(XYZ) == 7
    assert tracker.correct({}, DEXES) == {XYZ: (7, 0)}


def test_a_correction_that_agrees_lets_the_event_grow_on() -> None:
    tracker = a_tracker()
    tracker.hear([heard("1")])
    assert tracker.correct({BTC: Decimal(1)}) == {}
    (update,) = tracker.hear([heard("1", 10)])
    assert (update.event.before, update.event.sz, update.finished) == (0, 2, False)


def test_differences_count_what_was_heard_meanwhile_and_change_nothing() -> None:
    tracker = a_tracker(positions={BTC: Decimal(1)})
    waiting = [heard("2"), heard("-1", 1, coin=ETH)]
    assert tracker.differences({BTC: Decimal(3), ETH: Decimal(-1)}, DEXES, waiting) == {}
    assert tracker.differences({BTC: Decimal(3)}, DEXES, waiting) == {ETH: (-1, 0)}
    assert tracker.positions() == {BTC: 1}


def test_the_exchanges_own_start_position_wins() -> None:
    tracker = a_tracker()
    (update,) = tracker.hear([heard("1", start_position=Decimal(9))], True)
    assert (update.event.before, update.event.after, update.is_late) == (9, 10, True)
    assert tracker.position(BTC) == 10


@pytest.mark.parametrize("noise", ["1284161.8999999999", "1284161.9000000001"])
def test_binary_noise_of_the_exchange_is_no_position(noise: str) -> None:
    tracker = PositionTracker(LOSER, COALESCE_MS, {BTC: 1}, False)
    tracker.seed({BTC: Decimal(noise)})
    (update,) = tracker.hear([heard("-1284161.9")])
    assert (update.event.kind, tracker.positions()) == (EventKind.CLOSE, {})
