"""Minute prices and hourly funding of all coins as arrays; changes only to be quicker.

Thousands of account histories read the same minutes; this keeps them once.
"""

import numpy as np

from exchange.simulated.coins import HOUR_MS, PERPS, UNIVERSE, Coin
from exchange.simulated.market import MINUTE_MS, Market
from exchange.simulated.noise import Floats, Ints

DAYS_BEFORE = 41
_DAYS_AFTER = 1


class Panel:
    """Arrays over [origin − 41 days, now + 1 day], grown when time passes."""

    def __init__(self, market: Market, origin_ms: int) -> None:
        self.market = market
        self.origin_ms = origin_ms
        self.first_hour = origin_ms // HOUR_MS - DAYS_BEFORE * 24
        self.first_minute = self.first_hour * 60
        self.hourly_vol = [market.hourly_vol(coin) for coin in UNIVERSE]
        self._hours = 0
        self.arrays: list[Floats] = []
        self._funding: dict[int, Floats] = {}
        self._grow(origin_ms)

    def _grow(self, until_ms: int) -> None:
        count = until_ms // HOUR_MS - self.first_hour + _DAYS_AFTER * 24
        self.arrays = [self.market.minutes(coin, self.first_minute, count * 60 + 1) for coin in UNIVERSE]
        hours = np.arange(self.first_hour, self.first_hour + count)
        for coin in PERPS:
            oracle = self.market.oracle_hours(coin, self.first_hour, count)
            self._funding[coin.index] = oracle * self.market.funding_rates(coin, hours)
        self._hours = count  # last: another thread may be reading

    def _reach(self, time_ms: int) -> None:
        if time_ms // HOUR_MS - self.first_hour + 1 >= self._hours:
            self._grow(time_ms)

    def price(self, coin: Coin, time_ms: int) -> float:
        """Return the price between the minutes' ends in price units: quick, and always inside the candle."""
        minute, rest = divmod(time_ms, MINUTE_MS)
        array = self.arrays[coin.index]
        at = minute - self.first_minute
        start = float(array[at])
        return start + (float(array[at + 1]) - start) * rest / MINUTE_MS

    def marks(self, coin: Coin, times: Ints) -> Ints:
        """Return mark prices in price units: from the array on whole minutes, else from the path."""
        self._reach(int(times.max()))
        minutes, rest = np.divmod(times, MINUTE_MS)
        at = np.clip(minutes - self.first_minute, 0, len(self.arrays[coin.index]) - 1)
        result: Ints = np.maximum(np.rint(self.arrays[coin.index][at]), 1).astype(np.int64)
        for i in np.nonzero(rest)[0]:
            result[i] = self.market.mark(coin, int(times[i]))
        return result

    def funding_per_unit(self, coin: Coin, hours: Ints) -> Floats:
        """Return what one size unit long pays at these hours, in micro-USD (not rounded)."""
        self._reach(int(hours.max()) * HOUR_MS)
        result: Floats = self._funding[coin.index][hours - self.first_hour]
        return result
