"""Round trips, and the identities that any history of fills must keep."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.detection.events import position_events
from core.model.fills import FundingPayment
from core.model.market import DAY_MS, HOUR_MS, Address, Bar, Coin, FundingRate
from core.model.positions import EventKind
from core.model.traders import AccountFacts, RankingRules
from core.ranking.bets import ENTRY_INCREASE, bets_of
from core.ranking.figures import MarketHistory, figures
from core.ranking.funding import FundingRates
from core.ranking.prices import PriceBook
from core.ranking.trips import AccountBook
from tests.core.ranking.walks import START_MS, fills_of, walks

A = Address("0xaa")
RULES = RankingRules()
SPAN = 40 * 24


def a_market() -> MarketHistory:
    """Return minute-by-minute nothing, but quarter hours and hourly rates over the drawn histories."""
    bars = []
    for coin, base in (("BTC", 100.0), ("ETH", 80.0)):
        for n in range(SPAN * 4):
            px = base + (n * 7919 % 101) / 10
            bars.append(
                ("15m", Bar(Coin(coin), START_MS + n * 900_000, START_MS + (n + 1) * 900_000, px, px, px, px))
            )
    rates = [
        FundingRate(Coin("BTC"), START_MS // HOUR_MS * HOUR_MS + n * HOUR_MS, Decimal(n % 5 - 1).scaleb(-5))
        for n in range(SPAN)
    ]
    return MarketHistory(PriceBook(bars), FundingRates(rates))


MARKET = a_market()


def book_of(fills: list[Any]) -> AccountBook:
    book = AccountBook(A)
    book.extend(fills)
    return book


@given(walks(with_holes=False))
def test_where_all_is_closed_the_trips_are_the_whole_result(walk: list[dict[str, Any]]) -> None:
    to_flat = [
        {**step, "coin": coin, "to_zero": True, "lost": False} for coin in ("BTC", "ETH") for step in walk[:1]
    ]
    fills = fills_of("0xaa", walk + to_flat)
    last = {fill.coin: fill for fill in fills}
    whole = [f for f in fills if last[f.coin].start_position + last[f.coin].signed_sz == 0]  # type: ignore[operator]
    trips = book_of(whole).trips
    assert sum(trip.fills for trip in trips) >= len(whole)
    assert sum(trip.gross_pnl or 0 for trip in trips) == sum(f.closed_pnl or 0 for f in whole)
    fees = sum(trip.fees or 0 for trip in trips)
    assert float(fees) == pytest.approx(float(sum(f.fee or 0 for f in whole)), abs=1e-20)
    assert not any(trip.partial for trip in trips)


@given(walks(), st.lists(st.integers(0, 40), max_size=6), st.integers(0, 35 * 24))
def test_any_split_into_batches_gives_the_same_book(
    walk: list[dict[str, Any]], cuts: list[int], hours: int
) -> None:
    fills = fills_of("0xaa", walk)
    whole, pieces = book_of(fills), AccountBook(A)
    edges = [0, *sorted(min(cut, len(fills)) for cut in cuts), len(fills)]
    for start, end in pairwise(edges):
        pieces.extend(fills[start:end])
    as_of = START_MS + hours * HOUR_MS
    assert pieces.trips == whole.trips
    assert pieces.entries == whole.entries
    assert figures(pieces, AccountFacts(A), as_of, RULES, MARKET) == figures(
        whole, AccountFacts(A), as_of, RULES, MARKET
    )


@given(walks(), st.integers(-1, 35 * 24 * 60))
def test_nothing_after_as_of_changes_the_figures(walk: list[dict[str, Any]], minutes: int) -> None:
    fills = fills_of("0xaa", walk)
    as_of = START_MS + minutes * 60_000
    own = [
        FundingPayment(
            A, Coin("ETH"), START_MS + n * DAY_MS, Decimal(n - 3), Decimal(1), Decimal(0), 24 if n % 2 else 1
        )
        for n in range(10)
    ]
    for payments in ([], own):
        asked = figures(book_of(fills), AccountFacts(A), as_of, RULES, MARKET, payments)
        known = [fill for fill in fills if fill.time_ms <= as_of]
        early = [payment for payment in payments if payment.time_ms <= as_of]
        assert asked == figures(book_of(known), AccountFacts(A), as_of, RULES, MARKET, early)


@given(walks())
def test_entries_are_the_entry_events_of_the_same_fills(walk: list[dict[str, Any]]) -> None:
    fills = fills_of("0xaa", walk)
    expected = [
        (e.coin, e.direction, e.kind, e.time_ms, e.seq, e.notional_usd)
        for e in position_events(fills)
        if e.kind in (EventKind.OPEN, EventKind.FLIP)
        or (e.kind is EventKind.INCREASE and e.opening_sz >= ENTRY_INCREASE * abs(e.before))
    ]
    found = [(e.coin, e.direction, e.kind, e.time_ms, e.seq, e.notional_usd) for e in book_of(fills).entries]
    assert sorted(found) == sorted(expected)


@given(walks(max_wait_ms=200_000))
def test_bets_take_all_entries_and_start_five_minutes_apart(walk: list[dict[str, Any]]) -> None:
    book = book_of(fills_of("0xaa", walk))
    bets = bets_of(A, book.entries, START_MS + 100 * DAY_MS)
    assert sum(bet.notional_usd for bet in bets) == sum(entry.notional_usd for entry in book.entries)
    for coin in ("BTC", "ETH"):
        for side in ("long", "short"):
            times = [b.time_ms for b in bets if (b.coin, b.direction) == (coin, side)]
            assert all(later - earlier > 300_000 for earlier, later in pairwise(times))


def steps(*moves: tuple[str, int, int, int]) -> list[Any]:
    """Return fills of ``(coin, units, wait, oid)``; units of 0 go back to zero."""
    return fills_of(
        "0xaa",
        [
            {
                "coin": coin, "units": units or 1, "to_zero": not units, "lost": False, "px": 100, "gain": 0,
                "fee": 0, "crossed": oid != 3, "oid": oid, "wait": wait,
            }
            for coin, units, wait, oid in moves
        ],
    )  # fmt: skip


def test_an_opposite_event_does_not_split_a_bet() -> None:
    fills = steps(("BTC", 100, 1, 1), ("BTC", 0, 60_000, 2), ("BTC", 100, 60_000, 3), ("BTC", -50, 60_000, 4))
    (bet,) = bets_of(A, book_of(fills).entries, START_MS + DAY_MS)
    assert (bet.time_ms, bet.kind, bet.is_taker) == (START_MS + 1, EventKind.OPEN, True)
    assert bet.notional_usd == 200


def test_a_bet_takes_what_starts_up_to_five_minutes_after_its_first_and_not_later() -> None:
    for wait, count in ((300_000, 1), (300_001, 2)):
        fills = steps(("BTC", 100, 1, 1), ("BTC", 100, wait, 2))
        assert len(bets_of(A, book_of(fills).entries, START_MS + DAY_MS)) == count


def test_a_bet_is_made_by_whoever_its_first_fill_was() -> None:
    fills = steps(("BTC", 100, 1, 3), ("BTC", 100, 1, 1))
    (bet,) = bets_of(A, book_of(fills).entries, START_MS + DAY_MS)
    assert bet.is_taker is False


def test_a_slow_order_is_an_entry_only_from_the_fill_that_makes_it_one() -> None:
    fills = steps(("BTC", 100, 1, 1), ("BTC", -100, DAY_MS, 2), ("BTC", -100, HOUR_MS, 2))
    book = book_of(fills)
    flipped_ms = fills[2].time_ms
    before = bets_of(A, book.entries, flipped_ms - 1)
    after = bets_of(A, book.entries, flipped_ms)
    assert [bet.kind for bet in before] == [EventKind.OPEN]
    assert [(bet.kind, bet.time_ms) for bet in after[1:]] == [(EventKind.FLIP, fills[1].time_ms)]


def test_a_fill_older_than_those_taken_is_refused_by_name() -> None:
    fills = steps(("BTC", 1, 5, 1), ("BTC", 1, 5, 1))
    book = book_of(fills[1:])
    assert not book.takes(fills[:1])
    with pytest.raises(ValueError, match="build a new book"):
        book.extend(fills[:1])
