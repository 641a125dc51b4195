"""Empirical Bayes: what an account's own figures say, pulled toward what the population is like.

The less an account's own evidence, the stronger the pull: 0 of 2 doesn't outrank 5 of 100.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, fsum, sqrt

Z95 = 1.959963984540054

MAX_PRIOR_TRIPS = 1_000.0
"""Strength of the win rate's prior where accounts differ no more than by chance."""

PRIOR_DAYS = 4.0
"""Days that the population's day-to-day variance counts for in an account's own."""


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """The population's win rates as a Beta distribution: ``wins`` and ``losses`` seen beforehand."""

    wins: float
    losses: float

    def mean(self, wins: int, trips: int) -> float:
        """Return the posterior mean win rate."""
        return (self.wins + wins) / (self.wins + self.losses + trips)

    def interval(self, wins: int, trips: int) -> tuple[float, float]:
        """Return the 95 % interval of the win rate (normal approximation, inside 0 to 1)."""
        mean, total = self.mean(wins, trips), self.wins + self.losses + trips
        half = Z95 * sqrt(mean * (1 - mean) / (total + 1))
        return max(0.0, mean - half), min(1.0, mean + half)


UNIFORM = BetaPrior(1.0, 1.0)
"""Where there is no population to learn from."""


def fit_beta(accounts: Sequence[tuple[int, int, float]]) -> BetaPrior:
    """Fit the prior on ``(wins, round trips, weight)`` of the whole population by moments.

    With ``p`` the pooled win rate, the spread of the rates beyond the binomial one gives the
    correlation ``rho = 1 / (wins + losses + 1)``. Source: J. C. Kleinman, JASA 68 (1973).
    """
    known = [(wins, trips, weight) for wins, trips, weight in accounts if trips > 0 and weight > 0]
    total = fsum(weight * trips for _, trips, weight in known)
    if len(known) < 2 or total <= 0:
        return UNIFORM
    rate = fsum(weight * wins for wins, _, weight in known) / total
    if not 0 < rate < 1:
        return UNIFORM
    spread = fsum(weight * trips * (wins / trips - rate) ** 2 for wins, trips, weight in known)
    spread *= len(known) / (len(known) - 1) / (rate * (1 - rate))
    pairs = fsum(weight * (trips - 1) for _, trips, weight in known)
    rho = (spread - fsum(weight for _, _, weight in known)) / pairs if pairs > 0 else 0.0
    strength = min(1 / rho - 1, MAX_PRIOR_TRIPS) if rho > 0 else MAX_PRIOR_TRIPS
    strength = max(strength, 1.0)
    return BetaPrior(rate * strength, (1 - rate) * strength)


@dataclass(frozen=True, slots=True)
class Measured:
    """One account's mean: ``se`` clustered by day, ``days`` clusters; weight in the population."""

    mean: float
    se: float | None
    days: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of one account's mean after shrinking it."""

    mean: float
    sd: float

    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval."""
        return self.mean - Z95 * self.sd, self.mean + Z95 * self.sd

    def chance_above(self, bound: float) -> float:
        """Return the probability that the mean lies above ``bound``."""
        if self.sd == 0:
            return 1.0 if self.mean > bound else 0.0
        return 0.5 * (1 + erf((self.mean - bound) / (self.sd * sqrt(2))))


@dataclass(frozen=True, slots=True)
class NormalPrior:
    """The population's means: centre, spread, the centre's own variance, and the day variance."""

    centre: float
    spread: float
    """Variance between accounts."""
    centre_variance: float
    day_variance: float

    def variance(self, measured: Measured) -> float:
        """Return the variance of an account's own mean.

        Two days that happen to agree would pretend to certainty: the variance of a day's sum is
        moderated with the population's, which counts for four days (G. K. Smyth, SAGMB 3, 2004).
        """
        own_days = max(measured.days - 1, 0) if measured.se is not None else 0
        own = (measured.se or 0.0) ** 2 * measured.days
        moderated = (own_days * own + PRIOR_DAYS * self.day_variance) / (own_days + PRIOR_DAYS)
        return moderated / max(measured.days, 1)

    def posterior(self, measured: Measured) -> Posterior:
        """Return the account's mean shrunk toward the centre by its own variance."""
        variance = self.variance(measured)
        pull = variance / (variance + self.spread) if variance + self.spread > 0 else 0.0
        mean = measured.mean + pull * (self.centre - measured.mean)
        return Posterior(mean, sqrt((1 - pull) * variance + pull**2 * self.centre_variance))


def fit_normal(population: Sequence[Measured]) -> NormalPrior | None:
    """Fit the prior on accounts whose mean has a standard error; None for fewer than two of them.

    Between-account variance by R. C. Paule and J. Mandel (1982): the one at which the weighted
    squares of the standardised residuals come to what chance alone would give.
    """
    known = [one for one in population if one.se is not None and one.days >= 2 and one.weight > 0]
    if len(known) < 2:
        return None
    weights = fsum(one.weight for one in known)
    day_variance = fsum(one.weight * (one.se or 0.0) ** 2 * one.days for one in known) / weights
    unspread = NormalPrior(0.0, 0.0, 0.0, day_variance)
    variances = [unspread.variance(one) for one in known]
    if min(variances) <= 0:
        centre = fsum(one.weight * one.mean for one in known) / weights
        spread = fsum(one.weight * (one.mean - centre) ** 2 for one in known) / weights
        return NormalPrior(centre, spread, 0.0, day_variance)
    spread = _between(known, variances, weights)
    precisions = [one.weight / (v + spread) for one, v in zip(known, variances, strict=True)]
    total = fsum(precisions)
    centre_variance = fsum(p * one.weight for p, one in zip(precisions, known, strict=True)) / total**2
    return NormalPrior(_centre(known, precisions), spread, centre_variance, day_variance)


def _between(known: Sequence[Measured], variances: Sequence[float], weights: float) -> float:
    target = weights * (len(known) - 1) / len(known)

    def excess(spread: float) -> float:
        precisions = [one.weight / (v + spread) for one, v in zip(known, variances, strict=True)]
        centre = _centre(known, precisions)
        return fsum(p * (one.mean - centre) ** 2 for p, one in zip(precisions, known, strict=True)) - target

    low, high = 0.0, max(1.0, *((one.mean - known[0].mean) ** 2 for one in known)) * len(known)
    if excess(low) <= 0:
        return 0.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2


def _centre(known: Sequence[Measured], precisions: Sequence[float]) -> float:
    return fsum(p * one.mean for p, one in zip(precisions, known, strict=True)) / fsum(precisions)
