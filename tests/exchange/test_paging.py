"""Pages that overlap: nothing lost, nothing twice, the same places however the walk was cut."""

from itertools import groupby
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from exchange.paging import Pager


class Row(NamedTuple):
    time: int
    tid: int | None


def pager_of(start: int = 0, end: int = 10**6, page: int = 4) -> Pager[Row]:
    return Pager(start, end, page, lambda row: row.time, lambda row: row.tid)


def walk(rows: list[Row], pager: Pager[Row], page: int) -> list[tuple[int, Row]]:
    """Serve pages as the exchange does: both ends inclusive, oldest first, at most ``page`` rows."""
    got: list[tuple[int, Row]] = []
    for _ in range(10_000):
        if pager.next_ms is None:
            return got
        start = pager.next_ms
        got += pager.accept([row for row in rows if row.time >= start][:page])
    raise AssertionError("the walk doesn't end")


def places(rows: list[Row]) -> list[tuple[int, Row]]:
    return [(i, row) for _, group in groupby(rows, lambda r: r.time) for i, row in enumerate(group)]


TIMES = st.lists(st.integers(0, 12), max_size=40).map(sorted)


@given(times=TIMES, keyed=st.booleans(), data=st.data())
def test_every_row_comes_once_with_its_place(times, keyed, data):
    rows = [Row(t, i if keyed else None) for i, t in enumerate(times)]
    fullest = max((times.count(t) for t in times), default=0)
    page = data.draw(st.integers(fullest + 1, fullest + 6))
    assert walk(rows, pager_of(page=page), page) == places(rows)


@given(times=TIMES, data=st.data())
def test_a_walk_taken_up_again_gives_the_same_places(times, data):
    rows = [Row(t, i) for i, t in enumerate(times)]
    start = data.draw(st.sampled_from([*times, 0]))
    fullest = max((times.count(t) for t in times), default=0)
    again = walk(rows, pager_of(start=start, page=fullest + 1), fullest + 1)
    assert again == [(seq, row) for seq, row in places(rows) if row.time >= start]


def test_a_millisecond_fuller_than_a_page_is_stepped_over_and_reported():
    rows = [Row(5, i) for i in range(9)] + [Row(6, 9), Row(8, 10)]
    pager = pager_of(page=4)
    assert [row.tid for _, row in walk(rows, pager, 4)] == [0, 1, 2, 3, 9, 10]
    assert pager.overfull_ms == [5]


def test_identical_rows_without_a_key_are_all_kept():
    rows = [Row(1, None), Row(2, None), Row(2, None), Row(2, None), Row(3, None)]
    assert walk(rows, pager_of(page=4), 4) == places(rows)


def test_a_row_repeated_inside_a_page_comes_once():
    got = pager_of(page=9).accept([Row(1, 7), Row(1, 7), Row(1, 8)])
    assert got == [(0, Row(1, 7)), (1, Row(1, 8))]


def test_rows_outside_what_was_asked_are_dropped():
    got = pager_of(start=5, end=7).accept([Row(4, 1), Row(5, 2), Row(8, 3)])
    assert got == [(0, Row(5, 2))]


def test_a_server_that_repeats_its_page_for_ever_is_left():
    pager = pager_of(end=10**12, page=2)
    page = [Row(3, 1), Row(4, 2)]
    assert [row.tid for _, row in pager.accept(page)] == [1, 2]
    assert pager.accept(page) == []
    assert pager.next_ms is None


def test_a_short_page_is_the_last():
    pager = pager_of(page=4)
    pager.accept([Row(1, 1)])
    assert pager.next_ms is None


def test_an_empty_range_asks_nothing():
    assert pager_of(start=5, end=4).next_ms is None
