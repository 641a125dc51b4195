"""Prices, funding and candles as pure functions of (seed, coin, time); changes if the price model changes.

The log price of a coin is base + beta × market + own + transient:

- market and own parts are Brownian bridges between hashed daily levels (slowly mean-reverting, so that a
  price stays within a factor of its base for ever), known on whole minutes and bridged again to ten seconds;
- the transient part is an autoregression with a half-life of 12 minutes and half the standard deviation of an
  hourly move. It is what people who chase a move lose to; `reversion` scales it, 0 makes a pure random walk.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import exp, log, sqrt

import numpy as np

from exchange.simulated.coins import DAY_MS, HOUR_MS, UNIVERSE, Coin
from exchange.simulated.noise import Floats, Ints, generator, key_of, normals, uniform, uniforms

MINUTE_MS = 60_000
MINUTES = 1440
MARKET_VOL = 0.022  # daily
_LEVEL_MEMORY = 0.985  # per day
_LEVEL_DAYS = 240
_HALF_LIFE_MIN = 12
_KERNEL = 90
_SHARED, _ALONE = sqrt(0.7), sqrt(0.3)  # of the transient part
_SUB = 6  # steps of ten seconds in a minute


@dataclass(frozen=True, slots=True)
class Candle:
    """One bar; prices in units of the coin, volume in size units."""

    open_ms: int
    close_ms: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    trades: int


class Market:
    """Evaluates the simulated prices of one seed at any time."""

    def __init__(self, seed: int, reversion: float = 1.0) -> None:
        self.seed = seed
        self._decay = 0.5 ** (1 / _HALF_LIFE_MIN)
        self._kernel = self._decay ** np.arange(_KERNEL, dtype=np.float64)
        self._transient = [reversion * 0.5 * self.hourly_vol(c) * sqrt(1 - self._decay**2) for c in UNIVERSE]
        # a spot pair follows its perpetual to the last digit: they share every draw
        self._names = ["HYPE" if c.coin == "@107" else c.name for c in UNIVERSE]
        self._keys = [key_of(seed, "coin", name) for name in self._names]
        self._weights = _LEVEL_MEMORY ** np.arange(_LEVEL_DAYS, dtype=np.float64)
        self._shared = lru_cache(maxsize=512)(self._shared_day)
        self._factor = lru_cache(maxsize=512)(self._factor_day)
        self._day = lru_cache(maxsize=6000)(self._log_day)
        self._extremes = lru_cache(maxsize=1500)(self._extremes_day)
        self._inner = lru_cache(maxsize=20_000)(self._inner_minute)
        self._mark = lru_cache(maxsize=50_000)(self._mark_at)

    @staticmethod
    def hourly_vol(coin: Coin) -> float:
        """Return the standard deviation of an hourly move as a fraction."""
        return sqrt((coin.beta * MARKET_VOL) ** 2 + coin.own_vol**2) / sqrt(24)

    # paths -----------------------------------------------------------------------------------------------

    def _bridge(self, name: str, day: int, vol: float) -> Floats:
        """Return 1441 log levels from one midnight to the next."""
        key = key_of(self.seed, "level", name)
        days = day - np.arange(-1, _LEVEL_DAYS)
        shocks = normals(key, days) * vol
        before, after = float(shocks[1:] @ self._weights), float(shocks[:-1] @ self._weights)
        steps = generator(self.seed, "minutes", name, day).standard_normal(MINUTES) * (vol / sqrt(MINUTES))
        walk = np.concatenate(([0.0], np.cumsum(steps)))
        share = np.arange(MINUTES + 1) / MINUTES
        bridged: Floats = before + walk + share * (after - before - walk[-1])
        return bridged

    def _shared_day(self, day: int) -> Floats:
        counters = np.arange(day * MINUTES - _KERNEL + 1, (day + 1) * MINUTES + 1)
        return normals(key_of(self.seed, "shared") ^ 0x7A57, counters)

    def _factor_day(self, day: int) -> Floats:
        return self._bridge("market", day, MARKET_VOL)

    def _log_day(self, index: int, day: int) -> Floats:
        coin = UNIVERSE[index]
        if coin.delisted:
            return np.full(MINUTES + 1, log(coin.base_px))
        own = self._bridge(self._names[index], day, coin.own_vol)
        path = log(coin.base_px) + coin.beta * self._factor(day) + own
        counters = np.arange(day * MINUTES - _KERNEL + 1, (day + 1) * MINUTES + 1)
        shocks = _SHARED * self._shared(day) + _ALONE * normals(self._keys[index] ^ 0x7A57, counters)
        result: Floats = path + self._transient[index] * np.convolve(shocks, self._kernel, mode="valid")
        return result

    def _inner_points(self, coin: Coin, minutes: Ints) -> Floats:
        """Return the bridge of each minute at 0, 10 … 60 s, as a deviation of the log price."""
        key = self._keys[coin.index] ^ 0x1EAF
        counters = minutes[:, None] * 8 + np.arange(_SUB)
        scale = self.hourly_vol(coin) / sqrt(60 * _SUB)
        walk = np.concatenate(
            (np.zeros((len(minutes), 1)), np.cumsum(normals(key, counters) * scale, axis=1)), axis=1
        )
        result: Floats = walk - walk[:, -1:] * (np.arange(_SUB + 1) / _SUB)
        return result

    def _inner_minute(self, index: int, minute: int) -> tuple[float, ...]:
        coin = UNIVERSE[index]
        day, at = divmod(minute, MINUTES)
        path = self._day(index, day)
        start, end = float(path[at]), float(path[at + 1])
        if coin.delisted:
            return (start,) * (_SUB + 1)
        inner = self._inner_points(coin, np.array([minute]))[0]
        line = start + (end - start) * np.arange(_SUB + 1) / _SUB
        return tuple((line + inner).tolist())

    def mid(self, coin: Coin, time_ms: int) -> float:
        """Return the middle of the book in price units (not rounded)."""
        minute, rest = divmod(time_ms, MINUTE_MS)
        points = self._inner(coin.index, minute)
        step, part = divmod(rest, MINUTE_MS // _SUB)
        share = part * _SUB / MINUTE_MS
        return exp(points[step] + (points[step + 1] - points[step]) * share) * coin.px_scale

    def minutes(self, coin: Coin, first_minute: int, count: int) -> Floats:
        """Return the mids in price units at whole minutes since 1970, from `first_minute` on."""
        days = range(first_minute // MINUTES, (first_minute + count - 1) // MINUTES + 1)
        path = np.concatenate([self._day(coin.index, day)[:-1] for day in days])
        start = first_minute - days[0] * MINUTES
        result: Floats = np.exp(path[start : start + count]) * coin.px_scale
        return result

    def _mark_at(self, index: int, time_ms: int) -> int:
        return max(round(self.mid(UNIVERSE[index], time_ms)), 1)

    def mark(self, coin: Coin, time_ms: int) -> int:
        """Return the mark price in price units; it isn't bound to the tick."""
        return self._mark(coin.index, time_ms)

    # funding ---------------------------------------------------------------------------------------------

    def premiums(self, coin: Coin, hours: Ints) -> Floats:
        """Return the premium of each hour since 1970."""
        scale = 0.00025 + 0.02 * coin.own_vol * 0.5
        result: Floats = np.round(0.00005 + normals(self._keys[coin.index] ^ 0xF00D, hours) * scale, 10)
        return result

    def funding_rates(self, coin: Coin, hours: Ints) -> Floats:
        """Return the hourly rates: an eighth of premium + clamp(interest − premium) (docs, page Funding)."""
        premium = self.premiums(coin, hours)
        rates: Floats = np.round((premium + np.clip(0.0001 - premium, -0.0005, 0.0005)) / 8, 10)
        return rates * (0.0 if coin.delisted else 1.0)

    def oracle(self, coin: Coin, time_ms: int) -> int:
        """Return the oracle price in price units."""
        premium = float(self.premiums(coin, np.array([time_ms // HOUR_MS]))[0])
        return max(round(self.mark(coin, time_ms) / (1 + premium)), 1)

    def oracle_hours(self, coin: Coin, first_hour: int, count: int) -> Floats:
        """Return the oracle prices in price units (whole numbers) at whole hours."""
        hours = np.arange(first_hour, first_hour + count)
        marks = np.rint(self.minutes(coin, first_hour * 60, count * 60)[::60])
        result: Floats = np.rint(marks / (1 + self.premiums(coin, hours)))
        return result

    # candles ---------------------------------------------------------------------------------------------

    def _extremes_day(self, index: int, day: int) -> tuple[Floats, Floats, Floats]:
        """Return high, low and volume in USD of each minute of a day."""
        coin = UNIVERSE[index]
        path = self._day(index, day)
        minutes = np.arange(day * MINUTES, (day + 1) * MINUTES)
        line = path[:-1, None] + (path[1:] - path[:-1])[:, None] * (np.arange(_SUB + 1) / _SUB)
        points = line if coin.delisted else line + self._inner_points(coin, minutes)
        swing = np.exp(0.8 * normals(self._keys[index] ^ 0xB01, minutes))
        return points.max(axis=1), points.min(axis=1), swing * (coin.day_volume_usd / MINUTES)

    def reach(self, coin: Coin, px: float) -> float:
        """Return how far from the mid, in price units, a fill may lie; candles are that much wider."""
        return max(1.5 * coin.spread_bps * 1e-4 * px, 4.0 * coin.tick(int(px)))

    def candles(self, coin: Coin, interval_ms: int, first_open: int, count: int, now_ms: int) -> list[Candle]:
        """Return `count` bars from `first_open` (a multiple of the interval), the last cut at `now_ms`."""
        return [self._candle(coin, first_open + i * interval_ms, interval_ms, now_ms) for i in range(count)]

    def _candle(self, coin: Coin, open_ms: int, interval_ms: int, now_ms: int) -> Candle:
        end = min(open_ms + interval_ms, now_ms)
        first, last = open_ms // MINUTE_MS, max((end - 1) // MINUTE_MS, open_ms // MINUTE_MS)
        highs, lows, usd = float("-inf"), float("inf"), 0.0
        minute = first
        while minute <= last:
            day, at = divmod(minute, MINUTES)
            stop = min(last - day * MINUTES + 1, MINUTES)
            high, low, volume = self._extremes(coin.index, day)
            highs = max(highs, float(high[at:stop].max()))
            lows = min(lows, float(low[at:stop].min()))
            usd += float(volume[at:stop].sum())
            minute = day * MINUTES + stop
        opened, closed = self.mid(coin, open_ms), self.mid(coin, max(end, open_ms))
        top, bottom = exp(highs) * coin.px_scale, exp(lows) * coin.px_scale
        volume_units = int(usd / (closed / coin.px_scale) * coin.sz_scale)
        return Candle(
            open_ms,
            open_ms + interval_ms - 1,
            coin.floor_px(opened),
            coin.ceil_px(top + self.reach(coin, top)),
            coin.floor_px(bottom - self.reach(coin, bottom)),
            coin.floor_px(closed),
            volume_units,
            int(usd / 1500) + 1 if usd else 0,
        )

    def day_volume(self, coin: Coin, time_ms: int) -> float:
        """Return the USD traded in the last 24 hours."""
        day = time_ms // DAY_MS
        share = (time_ms % DAY_MS) / DAY_MS
        swings = 0.6 + 0.8 * uniforms(self._keys[coin.index] ^ 0xDA4, np.array([day - 1, day]))
        return coin.day_volume_usd * float(swings[0] * (1 - share) + swings[1] * share)

    def open_interest(self, coin: Coin, time_ms: int) -> int:
        """Return the open interest in size units."""
        if coin.delisted:
            return 0
        swing = 0.9 + 0.2 * uniform(self._keys[coin.index] ^ 0x01, time_ms // HOUR_MS)
        return int(coin.day_volume_usd * 0.9 * swing / coin.base_px * coin.sz_scale)
