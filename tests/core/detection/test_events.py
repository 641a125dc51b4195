"""Fills that belong together become one event, whose kind is read from the position."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.detection.events import position_events
from core.detection.growing import kind_of
from core.model.fills import Fill, Liquidation
from core.model.market import Address, Coin, Side
from core.model.positions import Cause, EventKind

A = Address("0xaa")


def a_fill(start: str | None, sz: str, side: str = "B", time_ms: int = 0, **more: object) -> Fill:
    return Fill(
        **{
            "user": A,
            "coin": Coin("BTC"),
            "px": Decimal(100),
            "sz": Decimal(sz),
            "side": Side(side),
            "time_ms": time_ms,
            "start_position": None if start is None else Decimal(start),
            **more,
        }  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("0", "1", EventKind.OPEN),
        ("0", "-1", EventKind.OPEN),
        ("1", "2", EventKind.INCREASE),
        ("-1", "-2", EventKind.INCREASE),
        ("2", "1", EventKind.DECREASE),
        ("-2", "-1", EventKind.DECREASE),
        ("1", "0", EventKind.CLOSE),
        ("1", "-1", EventKind.FLIP),
        ("-1", "3", EventKind.FLIP),
    ],
)
def test_kind_is_read_from_the_position_before_and_after(before: str, after: str, kind: EventKind) -> None:
    assert kind_of(Decimal(before), Decimal(after)) is kind


def test_fills_of_one_order_are_one_event_however_long_it_takes() -> None:
    events = position_events([a_fill("0", "1", oid=7), a_fill("1", "2", time_ms=3_600_000, oid=7)])
    assert [(e.kind, e.sz, e.fills, e.time_ms, e.last_ms) for e in events] == [
        (EventKind.OPEN, Decimal(3), 2, 0, 3_600_000)
    ]


def test_two_orders_in_one_millisecond_are_two_events() -> None:
    events = position_events([a_fill("0", "1", oid=7), a_fill("1", "2", oid=8)])
    assert [e.kind for e in events] == [EventKind.OPEN, EventKind.INCREASE]


def test_without_order_ids_the_window_from_the_first_fill_decides() -> None:
    fills = [a_fill(str(i), "1", time_ms=t) for i, t in enumerate([0, 1_500, 2_000, 2_001, 4_001])]
    assert [(e.time_ms, e.fills) for e in position_events(fills)] == [(0, 3), (2_001, 2)]


def test_an_order_that_crosses_zero_is_one_flip() -> None:
    fills = [
        a_fill("-2", "2", oid=1, closed_pnl=Decimal(5), fee=Decimal(1)),
        a_fill("0", "3", oid=1, closed_pnl=Decimal(0), fee=Decimal(2)),
    ]
    (event,) = position_events(fills)
    assert (event.kind, event.before, event.after, event.opening_sz) == (EventKind.FLIP, -2, 3, 3)
    assert (event.closed_pnl, event.fee) == (5, 3)


def test_the_counterparty_of_a_liquidation_is_not_liquidated() -> None:
    other = Liquidation(Address("0xbb"), Decimal(100), "market")
    own = Liquidation(Address("0xAA"), Decimal(100), "market")
    for liquidation, kind in ((other, EventKind.CLOSE), (own, EventKind.LIQUIDATION)):
        (event,) = position_events([a_fill("1", "1", "A", liquidation=liquidation, dir="Close Long")])
        assert event.kind is kind


def test_words_alone_make_a_liquidation_where_the_source_has_no_detail() -> None:
    (event,) = position_events([a_fill("1", "1", "A", dir="Liquidated Cross Long")])
    assert (event.kind, event.cause) == (EventKind.LIQUIDATION, Cause.LIQUIDATION)


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ({"dir": "Auto-Deleveraging"}, Cause.ADL),
        ({"dir": "Settlement"}, Cause.SETTLEMENT),
        ({"is_twap": True}, Cause.TWAP),
        ({"dir": "Close Long"}, Cause.ORDER),
        ({"dir": "A word we never saw"}, Cause.ORDER),
    ],
)
def test_what_nobody_ordered_is_told_apart(more: dict[str, Any], cause: Cause) -> None:
    (event,) = position_events([a_fill("2", "1", "A", **more)])
    assert (event.kind, event.cause) == (EventKind.DECREASE, cause)


def test_a_hole_in_the_chain_ends_the_event() -> None:
    events = position_events([a_fill("0", "1", oid=1), a_fill("5", "1", oid=1)])
    assert [(e.before, e.after, e.kind) for e in events] == [
        (0, 1, EventKind.OPEN),
        (5, 6, EventKind.INCREASE),
    ]


def test_binary_noise_is_no_hole() -> None:
    events = position_events(
        [a_fill("0", "1284161.9", oid=1), a_fill("1284161.8999999999", "1284161.9", "A", oid=2)]
    )
    assert [e.kind for e in events] == [EventKind.OPEN, EventKind.CLOSE]


def test_what_was_taken_is_unknown_where_the_source_is_silent() -> None:
    fills = [
        a_fill("0", "1", oid=1, crossed=True),
        a_fill("1", "1", oid=1, crossed=False),
        a_fill("2", "1", oid=2, crossed=True),
        a_fill("3", "1", oid=2),
    ]
    assert [e.taker_notional_usd for e in position_events(fills)] == [Decimal(100), None]


def test_positions_are_counted_on_where_the_source_has_none() -> None:
    fills = [
        a_fill(None, "1", "A", dir="Close Long", oid=1),
        a_fill(None, "2", dir="Open Long", oid=2),
        a_fill(None, "2", "A", dir="Close Long", oid=3),
    ]
    assert [(e.kind, e.before, e.after) for e in position_events(fills)] == [
        (EventKind.OPEN, 0, 2),
        (EventKind.CLOSE, 2, 0),
    ]


def test_spot_fills_make_no_event() -> None:
    spot = [a_fill("0", "1", coin=Coin(coin)) for coin in ("@107", "PURR/USDC", "#12")]
    assert position_events(spot) == []


moves = st.lists(
    st.tuples(
        st.sampled_from(["BTC", "kPEPE", "xyz:CL"]),
        st.integers(-5, 5).filter(bool),
        st.integers(0, 3),
        st.one_of(st.none(), st.integers(1, 4)),
        st.integers(0, 3_000),
    ),
    max_size=60,
)


@given(moves, st.booleans())
def test_events_rebuild_every_position_exactly(
    walk: list[tuple[str, int, int, int | None, int]], noisy: bool
) -> None:
    held: dict[str, Decimal] = {}
    fills, now = [], 0
    for coin, units, exponent, oid, wait in walk:
        now += wait
        size = Decimal(units).scaleb(-exponent)
        start = held.get(coin, Decimal(0))
        seen = start + Decimal("1e-10") if noisy else start
        side = "B" if size > 0 else "A"
        fills.append(a_fill(str(seen), str(abs(size)), side, now, coin=Coin(coin), oid=oid))
        held[coin] = start + size
    rebuilt: dict[str, Decimal] = {}
    events = position_events(fills)
    for event in events:
        assert event.before == rebuilt.get(event.coin, Decimal(0))
        assert event.after == event.before + event.side.sign * event.sz
        rebuilt[event.coin] = event.after
    assert rebuilt == held
    assert sum(e.fills for e in events) == len(fills)
    assert sum(e.notional_usd for e in events) == sum(f.notional_usd for f in fills)
