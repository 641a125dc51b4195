"""Badness: how reliably bad an account is, against the population of its ranking run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from core.model.traders import BadnessPart, Figures, Part
from core.ranking.shrinkage import BetaPrior
from core.scoring.intervals import wilson

CONFIDENCE_TRIPS = 20
"""Round trips at which an account is believed by half."""

LOW_IS_BAD = frozenset({Part.PNL_PCT, Part.EXPECTANCY})

KEY_DECIMALS = 9
"""Values are rounded before they are compared: engines differ in the last bit."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One part's value, its 95 % interval and how many observations are behind it."""

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None


def expectancy_bps(figures: Figures, win_rate: float) -> float | None:
    """Return what a trip is expected to make in bps of its entry notional, or None where unknown.

    ``win_rate x mean win - (1 - win_rate) x mean loss``; without wins the mean win counts as 0, without
    losses the mean loss does.
    """
    if figures.raw_win_rate is None or not figures.mean_entry_notional_usd:
        return None
    usd = win_rate * (figures.mean_win or 0.0) - (1 - win_rate) * (figures.mean_loss or 0.0)
    return usd / figures.mean_entry_notional_usd * 1e4


def measures(figures: Figures, prior: BetaPrior, fade_edge: Measure) -> dict[Part, Measure]:
    """Return the value of every part of one account."""
    wins, trips, days = figures.wins, figures.round_trips, figures.active_days
    low, high = prior.interval(wins, trips)
    losing = None if figures.losing_days is None else wilson(round(figures.losing_days * days), days)
    return {
        Part.PNL_PCT: Measure(figures.pnl_pct, trips),
        Part.EXPECTANCY: Measure(
            expectancy_bps(figures, prior.mean(wins, trips)),
            trips,
            expectancy_bps(figures, low),
            expectancy_bps(figures, high),
        ),
        Part.TOTAL_LOSSES: Measure(
            None if figures.raw_win_rate is None else figures.total_losses, trips - wins
        ),
        Part.LOSING_DAYS: Measure(
            figures.losing_days, days, losing.low if losing else None, losing.high if losing else None
        ),
        Part.FADE_EDGE: fade_edge,
    }


class Percentiles:
    """Where a value stands among the population's weighted values of one part; 1 is the worst."""

    def __init__(self, part: Part, values: Sequence[tuple[float, float]]) -> None:
        """``values``: value and weight of each account of the population that has one."""
        self._part = part
        keys = np.array([self._key(value) for value, _ in values])
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order]
        self._below = np.append(0.0, np.cumsum(np.array([weight for _, weight in values])[order]))

    def of(self, value: float | None) -> float | None:
        """Return the weight of those less bad plus half of those equal, as a share of all."""
        total = float(self._below[-1])
        if value is None or total <= 0:
            return None
        key = self._key(value)
        first, last = np.searchsorted(self._keys, key, side="left"), np.searchsorted(self._keys, key, "right")
        return float(self._below[first] + self._below[last]) / 2 / total

    def _key(self, value: float) -> float:
        return round(-value if self._part in LOW_IS_BAD else value, KEY_DECIMALS) + 0.0


def badness(
    values: Mapping[Part, Measure],
    percentiles: Mapping[Part, Percentiles],
    weights: Mapping[Part, float],
    round_trips: int,
) -> tuple[float | None, float, tuple[BadnessPart, ...]]:
    """Return badness from 0 to 100 (None where no part is known), the confidence, and the parts.

    The weighted mean of the known parts' percentiles, times the root of their share of the weight,
    times confidence n/(n + 20), n round trips.
    """
    parts = []
    known_weight = total_weight = weighted = 0.0
    for part in Part:
        measure, weight = values[part], weights.get(part, 0.0)
        percentile = percentiles[part].of(measure.value)
        total_weight += weight
        if percentile is not None:
            known_weight += weight
            weighted += weight * percentile
        parts.append(
            BadnessPart(part, measure.value, percentile, weight, measure.n, measure.low, measure.high)
        )
    confidence = round_trips / (round_trips + CONFIDENCE_TRIPS)
    if known_weight <= 0 or total_weight <= 0:
        return None, confidence, tuple(parts)
    mean = weighted / known_weight
    return 100 * mean * sqrt(known_weight / total_weight) * confidence, confidence, tuple(parts)
