"""Funding of an account: its own rows where they are known, else estimated from the coins' rates.

Own rows replace the estimate over the range they cover and are never added to it. Funding that falls
due at ``t`` goes by the position held just before ``t``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import fsum

import numpy as np

from core.model.fills import FundingPayment
from core.model.market import DAY_MS, HOUR_MS, Coin, FundingRate
from core.model.positions import RoundTrip
from core.model.traders import FundingSource
from core.ranking.fill_columns import FillRows, Floats, Ints
from core.ranking.prices import PriceBook


class FundingRates:
    """The coins' hourly rates, by time."""

    def __init__(self, rates: Iterable[FundingRate] = ()) -> None:
        by_coin: dict[Coin, dict[int, float]] = {}
        for rate in rates:
            by_coin.setdefault(rate.coin, {})[rate.time_ms] = float(rate.rate)
        self._rates: dict[Coin, tuple[Ints, Floats]] = {}
        for coin, known in by_coin.items():
            times = sorted(known)
            self._rates[coin] = (
                np.array(times, dtype=np.int64),
                np.array([known[time] for time in times], dtype=np.float64),
            )

    def between(self, coin: Coin, after_ms: int, until_ms: int) -> tuple[Ints, Floats] | None:
        """Return times and rates in ``(after_ms, until_ms]``, or None where the coin has none at all."""
        known = self._rates.get(coin)
        if known is None:
            return None
        start, end = np.searchsorted(known[0], [after_ms, until_ms], side="right")
        return known[0][start:end], known[1][start:end]

    def sums_after(self, coin: Coin, times_ms: Ints, span_ms: int) -> Floats | None:
        """Return the sum of the rates due in ``(t, t + span_ms]`` for each t, a fraction."""
        known = self._rates.get(coin)
        if known is None:
            return None
        totals = np.append(0.0, np.cumsum(known[1]))
        starts = np.searchsorted(known[0], times_ms, side="right")
        ends = np.searchsorted(known[0], times_ms + span_ms, side="right")
        sums: Floats = totals[ends] - totals[starts]
        return sums


@dataclass(frozen=True, slots=True)
class Flows:
    """Funding received (positive) or paid per coin, USD, by time."""

    by_coin: Mapping[Coin, tuple[Ints, Floats]]
    source: FundingSource

    def between(self, after_ms: int, until_ms: int) -> tuple[Ints, Floats]:
        """Return times and USD of all coins in ``(after_ms, until_ms]``, by time."""
        parts = []
        for times, usd in self.by_coin.values():
            start, end = np.searchsorted(times, [after_ms, until_ms], side="right")
            parts.append((times[start:end], usd[start:end]))
        if not parts:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
        times = np.concatenate([part[0] for part in parts])
        usd = np.concatenate([part[1] for part in parts])
        order = np.argsort(times, kind="stable")
        return times[order], usd[order]

    def into_trips(self, trips: Sequence[RoundTrip]) -> list[RoundTrip]:
        """Return the trips with the funding of their coin that fell due in ``(opened, closed]``."""
        return [self._into(trip) for trip in trips]

    def _into(self, trip: RoundTrip) -> RoundTrip:
        known = self.by_coin.get(trip.coin)
        if known is None:
            return trip
        times, usd = known
        start, end = np.searchsorted(times, [trip.opened_ms, trip.closed_ms], side="right")
        if start == end:
            return trip
        return replace(trip, funding=Decimal(repr(round(fsum(usd[start:end]), 9))))


def funding_flows(
    coins: Mapping[Coin, int],
    rows: FillRows,
    own: Sequence[FundingPayment],
    rates: FundingRates | None,
    prices: PriceBook,
    as_of_ms: int,
) -> Flows:
    """Return the funding of one account up to ``as_of_ms``.

    ``coins`` names the columns of ``rows``, all fills up to then.
    """
    own = [payment for payment in own if payment.time_ms <= as_of_ms]
    covered = _covered_hours(own)
    payments: dict[Coin, list[FundingPayment]] = {}
    for payment in own:
        payments.setdefault(payment.coin, []).append(payment)
    by_coin: dict[Coin, tuple[Ints, Floats]] = {}
    estimated = False
    for coin in sorted({*coins, *payments}):
        path = _path(rows, coins.get(coin))
        points = [
            point
            for payment in payments.get(coin, ())
            for point in _spread(payment, path)
            if point[0] <= as_of_ms
        ]
        guess = _estimate(coin, path, rates, prices, as_of_ms) if rates is not None else None
        if guess is not None:
            estimated = True
            points += [(t, usd) for t, usd in guess if t // HOUR_MS not in covered]
        if points:
            points.sort()
            by_coin[coin] = (
                np.array([t for t, _ in points], dtype=np.int64),
                np.array([usd for _, usd in points], dtype=np.float64),
            )
    if own:
        return Flows(by_coin, FundingSource.USER)
    return Flows(by_coin, FundingSource.RATES if estimated else FundingSource.NONE)


@dataclass(frozen=True, slots=True)
class _Path:
    """The position in one coin after each fill, and the fill's price."""

    times: Ints
    after: Floats
    px: Floats

    def held_before(self, times: Ints) -> tuple[Floats, Floats]:
        """Return the position held just before each time (0: none, or unknown) and the last price."""
        if not len(self.times):
            return np.zeros(len(times)), np.full(len(times), np.nan)
        index = np.searchsorted(self.times, times, side="left") - 1
        held = np.where(index >= 0, self.after[index], 0.0)
        return np.nan_to_num(held), self.px[index]


def _path(rows: FillRows, column: int | None) -> _Path:
    mine = rows.coin == (-1 if column is None else column)
    return _Path(rows.time_ms[mine], rows.after[mine], rows.px[mine])


def _covered_hours(own: Sequence[FundingPayment]) -> range:
    """Return the hours, counted from the epoch, that the account's own rows speak for."""
    if not own:
        return range(0)
    first = min(payment.time_ms for payment in own)
    last = max(payment.time_ms + DAY_MS - 1 if payment.samples > 1 else payment.time_ms for payment in own)
    return range(first // HOUR_MS, last // HOUR_MS + 1)


def _spread(payment: FundingPayment, path: _Path) -> list[tuple[int, float]]:
    """Return one payment's points; a daily row is spread evenly over the hours held on its day.

    Its stamp is the start of the day. Where no position is known of that day, over all its hours.
    """
    if payment.samples <= 1:
        return [(payment.time_ms, float(payment.usdc))]
    hours = payment.time_ms + np.arange(24, dtype=np.int64) * HOUR_MS
    held, _ = path.held_before(hours)
    due = hours[held != 0.0]
    if not len(due):
        due = hours
    share = float(payment.usdc) / len(due)
    return [(int(time), share) for time in due]


def _estimate(
    coin: Coin, path: _Path, rates: FundingRates, prices: PriceBook, as_of_ms: int
) -> list[tuple[int, float]] | None:
    """Return position x hourly rate x hourly price, or None where the coin's rates aren't known.

    Where no price is known at the hour, the account's last own price in the coin stands in.
    """
    if not len(path.times):
        return None
    known = rates.between(coin, int(path.times[0]), as_of_ms)
    if known is None:
        return None
    times, rate = known
    held, last_px = path.held_before(times)
    due = held != 0.0
    times, rate, held, last_px = times[due], rate[due], held[due], last_px[due]
    px = prices.hourly_prices(coin, times)
    px = np.where(np.isnan(px), last_px, px)
    return list(zip(times.tolist(), (-held * rate * px).tolist(), strict=True))
