"""Badness: percentiles of a weighted population, unknown parts left out at a price."""

from dataclasses import replace
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.traders import Figures, Part, RankingRules
from core.ranking.badness import Measure, Percentiles, badness, expectancy_bps, measures
from core.ranking.shrinkage import UNIFORM
from tests.core.ranking.made_accounts import made_figures

WEIGHTS = RankingRules().weights
values = st.lists(st.tuples(st.integers(-20, 20), st.integers(1, 5)), min_size=1, max_size=30)


@given(values, st.integers(-25, 25))
def test_a_percentile_is_the_weight_below_plus_half_of_the_equal(
    pairs: list[tuple[int, int]], value: int
) -> None:
    below = sum(w for v, w in pairs if v < value)
    equal = sum(w for v, w in pairs if v == value)
    total = sum(w for _, w in pairs)
    high = Percentiles(Part.TOTAL_LOSSES, [(float(v), float(w)) for v, w in pairs])
    assert high.of(float(value)) == pytest.approx((below + equal / 2) / total)
    low = Percentiles(Part.PNL_PCT, [(float(v), float(w)) for v, w in pairs])
    found, opposite = low.of(float(value)), high.of(float(value))
    assert found is not None
    assert opposite is not None
    assert found == pytest.approx(1 - opposite)


@given(values)
def test_the_populations_mean_percentile_is_a_half(pairs: list[tuple[int, int]]) -> None:
    part = Percentiles(Part.LOSING_DAYS, [(float(v), float(w)) for v, w in pairs])
    mean = sum(w * (part.of(float(v)) or 0) for v, w in pairs) / sum(w for _, w in pairs)
    assert mean == pytest.approx(0.5)


def test_values_that_differ_in_the_last_bit_are_equal() -> None:
    part = Percentiles(Part.TOTAL_LOSSES, [(0.1 + 0.2, 1.0), (1.0, 1.0)])
    assert part.of(0.3) == part.of(0.1 + 0.2) == 0.25


def test_an_unknown_value_and_an_empty_population_have_no_percentile() -> None:
    assert Percentiles(Part.PNL_PCT, [(1.0, 1.0)]).of(None) is None
    assert Percentiles(Part.PNL_PCT, []).of(1.0) is None


def parts_of(known: dict[Part, float]) -> tuple[float | None, float]:
    """Return badness and confidence of an account at these percentiles, among 1,000 even values."""
    grid = [((n + 0.5) / 1_000, 1.0) for n in range(1_000)]
    scales = {
        part: Percentiles(part, [(-v if part in (Part.PNL_PCT, Part.EXPECTANCY) else v, w) for v, w in grid])
        for part in Part
    }
    sign = {part: -1.0 if part in (Part.PNL_PCT, Part.EXPECTANCY) else 1.0 for part in Part}
    given_values = {part: Measure(sign[part] * known[part] if part in known else None, 5) for part in Part}
    found, confidence, _ = badness(given_values, scales, WEIGHTS, 60)
    return found, confidence


def test_badness_is_the_weighted_mean_times_confidence() -> None:
    found, confidence = parts_of(
        {
            Part.PNL_PCT: 0.9,
            Part.EXPECTANCY: 0.8,
            Part.TOTAL_LOSSES: 0.7,
            Part.LOSING_DAYS: 0.6,
            Part.FADE_EDGE: 0.5,
        }
    )
    assert confidence == 0.75
    mean = 0.25 * 0.9 + 0.20 * 0.8 + 0.15 * 0.7 + 0.10 * 0.6 + 0.30 * 0.5
    assert found == pytest.approx(100 * mean * 0.75)


def test_unknown_parts_cost_the_root_of_their_weight() -> None:
    found, _ = parts_of({Part.EXPECTANCY: 0.8, Part.TOTAL_LOSSES: 0.4})
    mean = (0.20 * 0.8 + 0.15 * 0.4) / 0.35
    assert found == pytest.approx(100 * mean * sqrt(0.35) * 0.75)
    assert parts_of({}) == (None, 0.75)


@given(st.dictionaries(st.sampled_from(list(Part)), st.floats(0, 1)))
def test_badness_stays_between_0_and_100(known: dict[Part, float]) -> None:
    found, _ = parts_of(known)
    assert found is None or 0 <= found <= 100


def test_expectancy_weighs_wins_and_losses_by_the_shrunken_win_rate() -> None:
    account = made_figures(wins=8, trips=10, mean_win=10.0, mean_loss=100.0, entry=2_000.0)
    assert expectancy_bps(account, 0.8) == pytest.approx((0.8 * 10 - 0.2 * 100) / 2_000 * 1e4)
    never_won = replace(account, wins=0, mean_win=None)
    assert expectancy_bps(never_won, 0.1) == pytest.approx(-0.9 * 100 / 2_000 * 1e4)
    assert expectancy_bps(replace(account, mean_entry_notional_usd=None), 0.5) is None


def test_every_part_says_how_many_observations_are_behind_it() -> None:
    account: Figures = made_figures(wins=8, trips=10, mean_win=10.0, mean_loss=100.0, entry=2_000.0)
    found = measures(account, UNIFORM, Measure(3.0, 44, -1.0, 7.0))
    assert {part: measure.n for part, measure in found.items()} == {
        Part.PNL_PCT: 10, Part.EXPECTANCY: 10, Part.TOTAL_LOSSES: 2, Part.LOSING_DAYS: 10, Part.FADE_EDGE: 44,
    }  # fmt: skip
    for part in (Part.EXPECTANCY, Part.LOSING_DAYS, Part.FADE_EDGE):
        low, value, high = found[part].low, found[part].value, found[part].high
        assert low is not None
        assert value is not None
        assert high is not None
        assert low < value < high
