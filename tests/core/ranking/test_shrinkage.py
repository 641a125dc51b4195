"""Few observations are pulled toward the population; many speak for themselves."""

from math import sqrt
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ranking.shrinkage import UNIFORM, BetaPrior, Measured, NormalPrior, fit_beta, fit_normal


def test_nothing_of_two_does_not_outrank_five_of_a_hundred() -> None:
    rng = np.random.default_rng(1)
    population = []
    for _ in range(2_000):
        trips = int(rng.integers(10, 200))
        population.append((int(rng.binomial(trips, rng.beta(4, 6))), trips, 1.0))
    prior = fit_beta(population)
    assert prior.mean(0, 2) > prior.mean(5, 100)
    assert prior.wins / (prior.wins + prior.losses) == pytest.approx(0.4, abs=0.02)
    assert prior.wins + prior.losses == pytest.approx(10, rel=0.15)


def test_a_population_that_differs_only_by_chance_gives_a_strong_prior() -> None:
    rng = np.random.default_rng(2)
    prior = fit_beta([(int(rng.binomial(50, 0.5)), 50, 1.0) for _ in range(3_000)])
    assert prior.wins + prior.losses > 200


def test_a_weight_counts_like_that_many_accounts() -> None:
    some = [(3, 10, 1.0), (9, 12, 1.0), (1, 20, 1.0), (5, 11, 1.0)] * 50
    weighted = [(3, 10, 50.0), (9, 12, 50.0), (1, 20, 50.0), (5, 11, 50.0)]
    one, other = fit_beta(some), fit_beta(weighted)
    assert one.wins / (one.wins + one.losses) == pytest.approx(other.wins / (other.wins + other.losses))


@pytest.mark.parametrize("population", [[], [(3, 10, 1.0)], [(0, 10, 1.0)] * 5, [(10, 10, 1.0)] * 5])
def test_without_a_population_to_learn_from_the_prior_is_flat(
    population: list[tuple[int, int, float]],
) -> None:
    assert fit_beta(population) == UNIFORM


@given(st.integers(0, 50), st.integers(0, 50), st.floats(0.1, 100), st.floats(0.1, 100))
def test_a_posterior_lies_between_the_prior_and_the_record(
    wins: int, losses: int, a: float, b: float
) -> None:
    prior, trips = BetaPrior(a, b), wins + losses
    mean = prior.mean(wins, trips)
    before = a / (a + b)
    own = wins / trips if trips else before
    assert min(before, own) - 1e-12 <= mean <= max(before, own) + 1e-12
    low, high = prior.interval(wins, trips)
    assert 0 <= low <= mean <= high <= 1


def a_population(spread: float, seed: int = 3, days: int = 20) -> tuple[list[Measured], list[float]]:
    rng = Random(seed)
    truths = [rng.gauss(2.0, spread) for _ in range(1_500)]
    ses = [rng.uniform(2.0, 12.0) for _ in truths]
    return [Measured(rng.gauss(t, se), se, days) for t, se in zip(truths, ses, strict=True)], truths


def test_the_centre_and_spread_of_a_population_are_found() -> None:
    prior = fit_normal(a_population(6.0)[0])
    assert prior is not None
    assert prior.centre == pytest.approx(2.0, abs=0.6)
    assert sqrt(prior.spread) == pytest.approx(6.0, rel=0.12)


def test_shrinking_comes_nearer_to_the_truth_than_the_record_does() -> None:
    population, truths = a_population(4.0)
    prior = fit_normal(population)
    assert prior is not None
    raw = sum((m.mean - t) ** 2 for m, t in zip(population, truths, strict=True))
    shrunk = sum((prior.posterior(m).mean - t) ** 2 for m, t in zip(population, truths, strict=True))
    assert shrunk < 0.5 * raw


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    population, truths = a_population(4.0, seed=5)
    prior = fit_normal(population)
    assert prior is not None
    inside = 0
    for measured, truth in zip(population, truths, strict=True):
        low, high = prior.posterior(measured).interval()
        inside += low <= truth <= high
    assert inside / len(truths) == pytest.approx(0.95, abs=0.02)


def test_a_population_without_spread_pulls_all_the_way() -> None:
    population, _ = a_population(0.0)
    prior = fit_normal(population)
    assert prior is not None
    posterior = prior.posterior(Measured(50.0, 5.0, 20))
    assert posterior.mean < 12
    assert posterior.sd > 0


def test_two_days_that_happen_to_agree_are_no_certainty() -> None:
    prior = fit_normal(a_population(4.0)[0])
    assert prior is not None
    agreeing = prior.posterior(Measured(60.0, 1e-9, 2))
    assert agreeing.mean < 40
    assert agreeing.sd > 1


def test_one_day_is_judged_by_the_populations_variance() -> None:
    prior = NormalPrior(0.0, 25.0, 0.0, 100.0)
    assert prior.variance(Measured(9.0, None, 1)) == 100.0
    assert prior.variance(Measured(9.0, 5.0, 4)) == pytest.approx((3 * 100 + 4 * 100) / 7 / 4)


def test_the_chance_of_an_edge_is_the_posteriors() -> None:
    prior = NormalPrior(0.0, 100.0, 0.0, 100.0)
    posterior = prior.posterior(Measured(10.0, 5.0, 4))
    assert posterior.chance_above(posterior.mean) == 0.5
    low, _ = posterior.interval()
    assert posterior.chance_above(low) == pytest.approx(0.975)


def test_fewer_than_two_accounts_are_no_population() -> None:
    assert fit_normal([]) is None
    assert fit_normal([Measured(1.0, 1.0, 5), Measured(2.0, None, 1)]) is None
