"""How many on the list may be there by chance: sign-flip tests and the false discovery rate."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

EXACT_DAYS = 14
"""Up to so many days every pattern of signs is tried; beyond, as many are drawn."""

_DRAWS = 2**EXACT_DAYS
_SEED = 20_240_229
_MOST_DAYS = 32
"""The window touches at most 31 UTC days."""

Signs = npt.NDArray[np.float64]


@cache
def _all_signs(days: int) -> Signs:
    patterns = np.arange(2**days)[:, None] >> np.arange(days)[None, :] & 1
    return np.asarray(patterns * 2.0 - 1.0, dtype=np.float64)


@cache
def _drawn_signs(width: int) -> Signs:
    drawn = np.random.Generator(np.random.PCG64(_SEED)).integers(0, 2, (_DRAWS, width))
    return np.asarray(drawn * 2.0 - 1.0, dtype=np.float64)


def _signs(days: int) -> Signs:
    """Return one row of +1 and -1 per pattern: all of them, or draws from a fixed seed."""
    return _all_signs(days) if days <= EXACT_DAYS else _drawn_signs(max(days, _MOST_DAYS))[:, :days]


def sign_flip_p(day_nets: Sequence[float]) -> float:
    """Return the one-sided p of the null "doesn't lose": the share of sign patterns at least as bad.

    Under the null a day's gain and loss of the same size are equally likely. Exact up to 14 days; by
    16,384 seeded draws beyond, the observed pattern counted in.
    """
    nets = np.array([net for net in day_nets if net != 0.0])
    if not len(nets):
        return 1.0
    observed = float(nets.sum())
    slack = 1e-9 * float(np.abs(nets).sum())
    sums = _signs(len(nets)) @ np.abs(nets)
    as_bad = int(np.count_nonzero(sums <= observed + slack))
    if len(nets) <= EXACT_DAYS:
        return as_bad / len(sums)
    return (as_bad + 1) / (len(sums) + 1)


def q_values(p_values: Sequence[float]) -> list[float]:
    """Return Benjamini and Hochberg's q of each p: the false discovery rate of a list that ends there.

    Source: Benjamini and Hochberg, JRSS B 57 (1995), in its step-up form.
    """
    count = len(p_values)
    order = sorted(range(count), key=lambda index: p_values[index])
    q = [1.0] * count
    least = 1.0
    for rank in range(count, 0, -1):
        index = order[rank - 1]
        least = min(least, p_values[index] * (count / rank))
        q[index] = least
    return q
