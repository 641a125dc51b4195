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

_AT_A_TIME = 64
"""Accounts whose patterns are tried at a time: 8 MB of sums."""

Signs = npt.NDArray[np.float64]


@cache
def _all_signs(days: int) -> Signs:
    patterns = np.arange(2**days)[:, None] >> np.arange(days)[None, :] & 1
    return np.asarray(patterns * 2.0 - 1.0, dtype=np.float64)


@cache
def _drawn_signs(width: int) -> Signs:
    drawn = np.random.Generator(np.random.PCG64(_SEED)).integers(0, 2, (_DRAWS, width))
    return np.asarray(drawn * 2.0 - 1.0, dtype=np.float64)


def sign_flip_p(day_nets: Sequence[float]) -> float:
    """Return the one-sided p of the null "doesn't lose": the share of sign patterns at least as bad.

    Under the null a day's gain and loss of the same size are equally likely. Exact up to 14 days; by
    16,384 seeded draws beyond, the observed pattern counted in.
    """
    return sign_flip_ps([day_nets])[0]


def sign_flip_ps(accounts: Sequence[Sequence[float]]) -> list[float]:
    """Return ``sign_flip_p`` of each account; those with the same patterns are tried together."""
    nets = [[net for net in day_nets if net != 0.0] for day_nets in accounts]
    by_width: dict[int, list[int]] = {}
    for place, own in enumerate(nets):
        by_width.setdefault(_width(len(own)), []).append(place)
    p_values = [1.0] * len(nets)
    for width, places in by_width.items():
        for start in range(0, len(places), _AT_A_TIME):
            block = places[start : start + _AT_A_TIME]
            for place, p in zip(block, _ps(width, [nets[place] for place in block]), strict=True):
                p_values[place] = p
    return p_values


def _width(days: int) -> int:
    """Return how many signs a pattern for so many days has; those beyond the days multiply zeros."""
    return days if days <= EXACT_DAYS else max(days, _MOST_DAYS)


def _ps(width: int, nets: Sequence[Sequence[float]]) -> list[float]:
    if not width:
        return [1.0] * len(nets)
    padded = np.zeros((width, len(nets)))
    for column, own in enumerate(nets):
        padded[: len(own), column] = own
    sizes = np.abs(padded)
    worst = padded.sum(axis=0) + 1e-9 * sizes.sum(axis=0)  # the slack: sums of other orders differ a little
    signs = _all_signs(width) if width <= EXACT_DAYS else _drawn_signs(width)
    as_bad = np.count_nonzero(signs @ sizes <= worst, axis=0)
    drawn = int(width > EXACT_DAYS)  # beside draws, the observed pattern counts too
    return [float(count + drawn) / (len(signs) + drawn) for count in as_bad]


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
