"""Ids are functions of what happened: the same from the public feed and from the account's own fills."""

from dataclasses import replace
from decimal import Decimal

import pytest

from core.detection.identity import LIVE, event_id, short_id
from core.detection.tracker import PositionTracker
from core.model.market import Address, Coin, Side, Trade
from core.services.listening import fills_of_trade
from tests.support.detection_facts import BTC, LOSER, OTHER, T0
from tests.support.facts import an_event


def test_the_id_is_the_same_from_trades_and_from_own_fills() -> None:
    trades = [
        Trade(BTC, Side.BUY, Decimal(100), Decimal(n), T0 + n, 70 + n, LOSER, OTHER) for n in range(1, 4)
    ]
    heard = [fill for trade in trades for fill in fills_of_trade(trade, {LOSER})]
    own = [
        replace(fill, start_position=Decimal(sum(range(1, n))), oid=5, fee=Decimal(1), seq=0)
        for n, fill in enumerate(heard, start=1)
    ]
    ids = set()
    for fills, by_order in ((heard, False), (own, True)):
        tracker = PositionTracker(LOSER, 2_000, {}, by_order)
        tracker.seed({})
        (update,) = tracker.hear(fills)
        assert update.event.fills == 3
        ids.add(event_id(update.event, LIVE, "1"))
    assert len(ids) == 1


def test_growing_doesnt_change_the_id() -> None:
    event = an_event()
    grown = replace(event, sz=Decimal(99), after=Decimal(99), fills=9, last_ms=event.last_ms + 900)
    assert event_id(event, LIVE, "1") == event_id(grown, LIVE, "1")


@pytest.mark.parametrize(
    "change",
    [
        {"account": OTHER},
        {"coin": Coin("ETH")},
        {"time_ms": 1},
        {"first_tid": 78},
    ],
)
def test_another_event_has_another_id(change: dict[str, object]) -> None:
    assert event_id(an_event(), LIVE, "1") != event_id(an_event(**change), LIVE, "1")


def test_namespaces_and_rule_versions_dont_meet() -> None:
    event = an_event()
    ids = {event_id(event, space, version) for space in (LIVE, "replay:1") for version in ("1", "2")}
    assert len(ids) == 4


def test_without_a_trade_id_the_place_in_the_time_stamp_tells() -> None:
    first, second = (an_event(first_tid=None, seq=n) for n in (0, 1))
    assert event_id(first, LIVE, "1") != event_id(second, LIVE, "1")
    assert event_id(an_event(first_tid=None, seq=78), LIVE, "1") != event_id(
        an_event(first_tid=78), LIVE, "1"
    )


def test_an_id_is_short_enough_to_show_and_never_changes() -> None:
    event = an_event(account=Address("0x" + "a1" * 20), time_ms=1_767_571_199_600, first_tid=77)
    found = event_id(event, LIVE, "1")
    assert len(found) == 26
    assert set(found) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    assert found == "3223UTC5IY6NR4DIE5TIMWYLEQ"
    assert short_id(found) == found[:4]
