"""What the exchange's portfolio says of an account's last 30 days: profit and capital."""

from collections.abc import Sequence
from itertools import pairwise

from core.model.fills import CurvePoint, Portfolio
from core.model.market import WINDOW_MS

WINDOW = "perpMonth"
FLOOR_USD = 100.0


def value_at(points: Sequence[CurvePoint], time_ms: int) -> float | None:
    """Return the curve's value at a time, linear between points, flat before the first; None if empty."""
    if not points:
        return None
    if time_ms <= points[0].time_ms:
        return float(points[0].value)
    for left, right in pairwise(points):
        if left.time_ms <= time_ms <= right.time_ms:
            span = right.time_ms - left.time_ms
            share = (time_ms - left.time_ms) / span if span else 1.0
            return float(left.value) + share * float(right.value - left.value)
    return float(points[-1].value)


def pnl_30d(portfolio: Portfolio, as_of_ms: int) -> float | None:
    """Return the profit of the 30 days up to ``as_of_ms`` in USD, spot excluded, unrealised included.

    The last value of ``perpMonth`` minus the value interpolated 30 days back, since the exchange's
    points are hours apart and its window starts about 30.6 days back.
    """
    window = portfolio.windows.get(WINDOW)
    if window is None or not window.pnl:
        return None
    start = value_at(window.pnl, as_of_ms - WINDOW_MS)
    end = value_at(window.pnl, as_of_ms)
    return None if start is None or end is None else end - start


def dietz_capital(portfolio: Portfolio, as_of_ms: int) -> float | None:
    """Return the modified Dietz capital of the window in USD, before the floor.

    Equity at the window's start plus every net deposit weighted by the share of the window it was
    in. A deposit is what the change of account value between two points doesn't explain by profit;
    it is dated at the middle between them. Source: P. O. Dietz, Pension Funds: Measuring
    Investment Performance (1966), the modified form.
    """
    window = portfolio.windows.get(WINDOW)
    if window is None or len(window.account_value) < 2 or len(window.pnl) < 2:
        return None
    start_ms = as_of_ms - WINDOW_MS
    times = sorted(
        {start_ms, as_of_ms, *(p.time_ms for p in window.account_value if start_ms < p.time_ms < as_of_ms)}
    )
    capital = _at(window.account_value, start_ms)
    for left, right in pairwise(times):
        change = _at(window.account_value, right) - _at(window.account_value, left)
        profit = _at(window.pnl, right) - _at(window.pnl, left)
        middle = (left + right) / 2
        capital += (change - profit) * (as_of_ms - middle) / WINDOW_MS
    return capital


def floored_capital(capital: float | None, pnl: float | None) -> float | None:
    """Return the capital, at least 100 USD and at least what was lost: nobody loses more than was there."""
    if capital is None:
        return None
    return max(capital, FLOOR_USD, -(pnl or 0.0))


def equity(portfolio: Portfolio) -> float | None:
    """Return the last account value of the perp window in USD."""
    window = portfolio.windows.get(WINDOW)
    return float(window.account_value[-1].value) if window and window.account_value else None


def _at(points: Sequence[CurvePoint], time_ms: int) -> float:
    return value_at(points, time_ms) or 0.0
