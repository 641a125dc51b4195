"""95 % intervals."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.market import DAY_MS
from core.scoring.intervals import by_block, difference_interval, mean_interval, wilson


def blocks_of(seed: int, days: int, mean: float, per_day: int = 10, day_sd: float = 0.0):
    random = Random(seed)
    shocks = [random.gauss(0, day_sd) for _ in range(days)]
    return by_block(
        [(d * DAY_MS + i, random.gauss(mean + shocks[d], 10)) for d in range(days) for i in range(per_day)], 1
    )


def test_wilson_equals_the_textbook() -> None:
    interval = wilson(8, 10)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((0.490162, 0.943318), abs=1e-6)


def test_no_observation_has_no_interval() -> None:
    assert wilson(0, 0) is None


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_stays_inside_and_around_the_share(case: tuple[int, int]) -> None:
    wins, n = case
    interval = wilson(wins, n)
    assert interval is not None
    assert 0 <= interval.low <= wins / n + 1e-12
    assert wins / n - 1e-12 <= interval.high <= 1


def test_blocks_are_utc_days_or_pairs_of_them() -> None:
    values = [(0, 1.0), (DAY_MS - 1, 2.0), (DAY_MS, 4.0), (2 * DAY_MS, 8.0)]
    assert by_block(values, 1) == {0: (3.0, 2), 1: (4.0, 1), 2: (8.0, 1)}
    assert by_block(values, 2) == {0: (7.0, 3), 1: (8.0, 1)}


def test_under_twenty_blocks_there_is_no_interval() -> None:
    assert mean_interval(blocks_of(1, 19, 5.0)) is None
    assert mean_interval(blocks_of(1, 20, 5.0)) is not None


def test_the_same_data_give_the_same_interval() -> None:
    assert mean_interval(blocks_of(1, 30, 5.0)) == mean_interval(blocks_of(1, 30, 5.0))
    assert mean_interval(blocks_of(1, 30, 5.0)) != mean_interval(blocks_of(2, 30, 5.0))


def test_days_that_hang_together_make_the_interval_wider() -> None:
    independent = mean_interval(blocks_of(3, 40, 0.0))
    dependent = mean_interval(blocks_of(3, 40, 0.0, day_sd=30.0))
    assert independent is not None
    assert dependent is not None
    assert dependent.high - dependent.low > 3 * (independent.high - independent.low)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(200):
        interval = mean_interval(blocks_of(seed, 30, 5.0, per_day=3, day_sd=10.0))
        assert interval is not None
        held += interval.low <= 5.0 <= interval.high
    assert 175 <= held <= 200


def test_a_shock_that_both_groups_share_cancels_out() -> None:
    ours = blocks_of(5, 40, 8.0, day_sd=50.0)
    control = {day: (total - 8.0 * n, n) for day, (total, n) in ours.items()}
    interval = difference_interval(ours, control)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((8.0, 8.0))


def test_too_few_shared_days_have_no_difference() -> None:
    ours = blocks_of(5, 40, 8.0)
    control = {day: block for day, block in blocks_of(6, 40, 0.0).items() if day < 19}
    assert difference_interval(ours, control) is None
    assert difference_interval(ours, {}) is None
