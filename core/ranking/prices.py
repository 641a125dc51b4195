"""Prices at past moments from recorded bars, and what is taken from them: drift and volatility."""

from collections.abc import Iterable, Mapping
from math import sqrt

import numpy as np
import numpy.typing as npt

from core.model.market import DAY_MS, HOUR_MS, WINDOW_MS, Bar, Coin
from core.model.traders import Horizon

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MINUTE = "1m"
QUARTER = "15m"

SIGMA_MS = 7 * DAY_MS
"""Realised volatility looks back so far."""

MIN_SIGMA_MOVES = 24
"""Hourly moves without which volatility is unknown."""

HOURLY_MAX_AGE_MS = 2 * HOUR_MS
"""Oldest price that still values an hourly funding payment."""


def max_age_ms(horizon: Horizon) -> int:
    """Return how old a price may be to count as the price at that horizon: max(2 min, h/4)."""
    return max(120_000, horizon.ms // 4)


def _intervals(horizon: Horizon) -> tuple[str, ...]:
    """Return the bars a horizon may be read from: quarter hours only for an hour and longer."""
    return (MINUTE, QUARTER) if horizon.ms >= HOUR_MS else (MINUTE,)


class _Series:
    """Closing prices of one coin and interval by closing time; a later bar of a time replaces."""

    def __init__(self) -> None:
        self.times: Ints = np.empty(0, dtype=np.int64)
        self.closes: Floats = np.empty(0, dtype=np.float64)

    def add(self, times: list[int], closes: list[float]) -> None:
        all_times = np.concatenate([self.times, np.array(times, dtype=np.int64)])
        all_closes = np.concatenate([self.closes, np.array(closes, dtype=np.float64)])
        order = np.argsort(all_times, kind="stable")
        all_times, all_closes = all_times[order], all_closes[order]
        is_last = np.append(all_times[1:] != all_times[:-1], True)
        self.times, self.closes = all_times[is_last], all_closes[is_last]

    def at(self, times: Ints, max_age: int) -> Floats:
        """Return the last close at or before each time, NaN where it is older than ``max_age`` ms."""
        if not len(self.times):
            return np.full(len(times), np.nan)
        index = np.searchsorted(self.times, times, side="right") - 1
        age = times - self.times[index]
        return np.where((index >= 0) & (age <= max_age), self.closes[index], np.nan)


_EMPTY = _Series()


class PriceBook:
    """Prices in USD from bars of any interval; a bar counts from its closing time on.

    ``half_spread_bps``: what is known of coins' half spreads.
    """

    def __init__(
        self,
        bars: Iterable[tuple[str, Bar]] = (),
        half_spread_bps: Mapping[Coin, float] | None = None,
    ) -> None:
        self.half_spread_bps: Mapping[Coin, float] = half_spread_bps or {}
        self._series: dict[tuple[Coin, str], _Series] = {}
        self._drift: dict[tuple[Coin, Horizon, int], float | None] = {}
        self.add(bars)

    def add(self, bars: Iterable[tuple[str, Bar]]) -> None:
        """Take ``(interval, bar)`` pairs in any order; only finished bars, or ones to be replaced."""
        fresh: dict[tuple[Coin, str], tuple[list[int], list[float]]] = {}
        for interval, bar in bars:
            times, closes = fresh.setdefault((bar.coin, interval), ([], []))
            times.append(bar.close_ms)
            closes.append(bar.close)
        for key, (times, closes) in fresh.items():
            self._series.setdefault(key, _Series()).add(times, closes)
        self._drift.clear()

    def prices_at(self, coin: Coin, times_ms: Ints, horizon: Horizon) -> Floats:
        """Return the price at each time, as fresh as the horizon asks; NaN where it is missing.

        Own minute bars first; where they are missing, quarter hours, for an hour and longer only.
        """
        limit = max_age_ms(horizon)
        prices: Floats | None = None
        for interval in _intervals(horizon):
            series = self._series.get((coin, interval))
            if series is not None:
                found = series.at(times_ms, limit)
                prices = found if prices is None else np.where(np.isnan(prices), found, prices)
        return np.full(len(times_ms), np.nan) if prices is None else prices

    def price_at(self, coin: Coin, time_ms: int, horizon: Horizon) -> float | None:
        """Return the price at one time, as fresh as the horizon asks, or None where it is missing."""
        price = float(self.prices_at(coin, np.array([time_ms], dtype=np.int64), horizon)[0])
        return None if np.isnan(price) else price

    def hourly_prices(self, coin: Coin, times_ms: Ints) -> Floats:
        """Return prices for hourly payments, from bars of up to an hour; NaN where older than 2 h."""
        prices = np.full(len(times_ms), np.nan)
        for interval in (MINUTE, QUARTER, "1h"):
            found = self._of(coin, interval).at(times_ms, HOURLY_MAX_AGE_MS)
            prices = np.where(np.isnan(prices), found, prices)
        return prices

    def drift_bps(self, coin: Coin, horizon: Horizon, as_of_ms: int) -> float | None:
        """Return the coin's own mean move over the horizon in the 30 days up to ``as_of_ms``.

        Over every start at a bar's close inside the window whose horizon also ends in it; from the
        bars that cover more of the window.
        """
        key = (coin, horizon, as_of_ms)
        if key not in self._drift:
            self._drift[key] = self._mean_move_bps(coin, horizon, as_of_ms)
        return self._drift[key]

    def _mean_move_bps(self, coin: Coin, horizon: Horizon, as_of_ms: int) -> float | None:
        best: tuple[float, float] | None = None
        for interval in _intervals(horizon):
            series = self._of(coin, interval)
            inside = (series.times > as_of_ms - WINDOW_MS) & (series.times + horizon.ms <= as_of_ms)
            starts = series.closes[inside]
            ends = series.at(series.times[inside] + horizon.ms, max_age_ms(horizon))
            moves = (ends / starts - 1.0)[~np.isnan(ends)]
            covered = len(moves) * (60_000.0 if interval == MINUTE else 900_000.0)
            if len(moves) and (best is None or covered > best[0]):
                best = (covered, float(np.mean(moves)) * 1e4)
        return None if best is None else best[1]

    def hourly_sigma(self, coin: Coin, as_of_ms: int) -> float | None:
        """Return the standard deviation of hourly moves over 7 days, a fraction; None under 24 moves.

        Moves between full UTC hours, each from a price no older than 15 minutes.
        """
        last_ms = as_of_ms // HOUR_MS * HOUR_MS
        hours = np.arange(last_ms - SIGMA_MS, last_ms + 1, HOUR_MS, dtype=np.int64)
        prices = np.full(len(hours), np.nan)
        for interval in (MINUTE, QUARTER, "1h"):
            found = self._of(coin, interval).at(hours, max_age_ms(Horizon.H1))
            prices = np.where(np.isnan(prices), found, prices)
        moves = prices[1:] / prices[:-1] - 1.0
        moves = moves[~np.isnan(moves)]
        if len(moves) < MIN_SIGMA_MOVES:
            return None
        return sqrt(float(np.var(moves, ddof=1)))

    def coins(self) -> frozenset[Coin]:
        """Return the coins of which any bar is known."""
        return frozenset(coin for coin, _ in self._series)

    def _of(self, coin: Coin, interval: str) -> _Series:
        return self._series.get((coin, interval), _EMPTY)
