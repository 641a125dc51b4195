"""Means of blocks drawn with replacement: the arithmetic behind ``intervals``, and all that needs numpy."""

import hashlib

import numpy as np
import numpy.typing as npt

from core.model.outcomes import Blocks

RESAMPLES = 4_000

_Column = npt.NDArray[np.float64]


def mean_bounds(blocks: Blocks) -> tuple[float, float]:
    """Return the 2.5 % and 97.5 % points of the mean in bps over resamples of whole blocks."""
    sums, counts = _columns(blocks, sorted(blocks))
    drawn = _draws(len(blocks), _seed(blocks))
    return _bounds((drawn @ sums) / (drawn @ counts))


def difference_bounds(ours: Blocks, control: Blocks) -> tuple[float, float]:
    """Return those points of mean(ours) - mean(control), both drawn on the same blocks."""
    keys = sorted(ours.keys() | control.keys())
    our_sums, our_counts = _columns(ours, keys)
    control_sums, control_counts = _columns(control, keys)
    drawn = _draws(len(keys), _seed(ours, control))
    our_n, control_n = drawn @ our_counts, drawn @ control_counts
    both = (our_n > 0) & (control_n > 0)
    return _bounds((drawn[both] @ our_sums) / our_n[both] - (drawn[both] @ control_sums) / control_n[both])


def _columns(blocks: Blocks, keys: list[int]) -> tuple[_Column, _Column]:
    rows = [blocks.get(key, (0.0, 0)) for key in keys]
    return np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows])


def _draws(n: int, seed: int) -> _Column:
    """Return how often each of n blocks is in each resample: RESAMPLES x n."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(n, np.full(n, 1.0 / n), size=RESAMPLES).astype(np.float64)


def _bounds(means: _Column) -> tuple[float, float]:
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def _seed(*groups: Blocks) -> int:
    text = "|".join(repr([(k, *blocks[k]) for k in sorted(blocks)]) for blocks in groups)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
