"""An event while it grows: which fills belong, and how it reads at any moment."""

from decimal import Decimal

import pytest

from core.detection.growing import EventBuilder
from core.model.positions import Cause, EventKind
from tests.support.detection_facts import heard

COALESCE_MS = 2_000


def a_builder(sz: str = "1", before: str = "0", **more: object) -> EventBuilder:
    first = heard(sz, **more)  # type: ignore[arg-type]
    builder = EventBuilder(first, Decimal(before), True, False)
    builder.after = Decimal(before) + first.signed_sz
    return builder


@pytest.mark.parametrize(
    ("sz", "at_ms", "more", "belongs"),
    [
        ("1", 0, {}, True),
        ("1", 2_000, {}, True),
        ("1", 2_001, {}, False),
        ("-1", 0, {}, False),
        ("1", 0, {"is_twap": True}, False),
        ("1", 0, {"dir": "Auto-Deleveraging"}, False),
    ],
)
def test_without_order_ids_side_cause_and_window_decide(
    sz: str, at_ms: int, more: dict[str, object], belongs: bool
) -> None:
    assert a_builder().takes(heard(sz, at_ms, **more), COALESCE_MS, False) is belongs  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second", "belongs"), [(5, 5, True), (5, 6, False), (5, None, False), (None, 5, False)]
)
def test_with_order_ids_only_the_order_decides(first: int | None, second: int | None, belongs: bool) -> None:
    builder = a_builder(oid=first)
    assert builder.takes(heard("1", 10**7 if belongs else 0, oid=second), COALESCE_MS, True) is belongs


def test_order_ids_are_ignored_where_the_feed_has_none() -> None:
    assert a_builder(oid=5).takes(heard("1", oid=6), COALESCE_MS, False)


@pytest.mark.parametrize(("at_ms", "belongs"), [(0, True), (1, False)])
def test_what_reached_zero_takes_only_the_same_block(at_ms: int, belongs: bool) -> None:
    closed = a_builder("-1", before="1")
    assert closed.takes(heard("-1", at_ms), COALESCE_MS, False) is belongs


def test_it_adds_up() -> None:
    builder = a_builder("1", px="100", closed_pnl=Decimal(1), fee=Decimal("0.1"))
    builder.add(heard("3", 700, px="104", crossed=False, closed_pnl=Decimal(2), fee=Decimal("0.2")))
    builder.after = Decimal(4)
    event = builder.event()
    assert (event.sz, event.notional_usd, event.taker_notional_usd, event.fills) == (4, 412, 100, 2)
    assert (event.avg_px, event.closed_pnl, event.fee) == (103, 3, Decimal("0.3"))
    assert event.last_ms - event.time_ms == 700
    assert (event.before, event.after, event.kind, event.cause) == (0, 4, EventKind.OPEN, Cause.ORDER)


def test_one_unknown_part_makes_the_sum_unknown() -> None:
    builder = a_builder("1", closed_pnl=Decimal(1), fee=Decimal(1))
    builder.add(heard("1", crossed=None))
    event = builder.event()
    assert (event.taker_notional_usd, event.closed_pnl, event.fee) == (None, None, None)


def test_an_event_read_early_doesnt_change_later() -> None:
    builder = a_builder("1")
    early = builder.event()
    builder.add(heard("1"))
    assert (early.sz, builder.event().sz) == (1, 2)


def test_the_read_of_the_kind_follows_the_fills() -> None:
    builder = a_builder("-3", before="5")
    kinds = [builder.event().kind]
    for sz, after in (("-2", "0"), ("-4", "-4")):
        builder.add(heard(sz))
        builder.after = Decimal(after)
        kinds.append(builder.event().kind)
    assert kinds == [EventKind.DECREASE, EventKind.CLOSE, EventKind.FLIP]
    assert builder.event().opening_sz == 4
