"""95 % intervals: of a share, and of a mean whose days depend on each other inside."""

from collections.abc import Iterable
from math import fsum, sqrt

from core.model.market import DAY_MS
from core.model.outcomes import Blocks, Interval

MIN_BLOCKS = 20
"""Under so many day blocks a bootstrap interval would be too narrow to be believed: there is none."""

_Z95 = 1.959963984540054


def wilson(wins: int, n: int) -> Interval | None:
    """Return the Wilson score interval of a share, or None for no observations.

    Wilson, JASA 22 (1927): it stays inside 0 to 1 and holds for few observations.
    """
    if n == 0:
        return None
    share, z2 = wins / n, _Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 * sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def by_block(values: Iterable[tuple[int, float]], days: int) -> dict[int, tuple[float, int]]:
    """Return sum and count of ``(time_ms, bps)`` by block of ``days`` UTC days, in time's order."""
    groups: dict[int, list[float]] = {}
    for time_ms, value in values:
        groups.setdefault(time_ms // (days * DAY_MS), []).append(value)
    return {block: (fsum(groups[block]), len(groups[block])) for block in sorted(groups)}


def mean_interval(blocks: Blocks) -> Interval | None:
    """Return the block-bootstrap interval of the mean in bps, or None under 20 blocks.

    Whole blocks are drawn with replacement, all coins together: what happens on one day hangs
    together, so that single outcomes aren't independent. The seed is made of the data: the same
    data give the same interval.
    """
    if len(blocks) < MIN_BLOCKS:
        return None
    from core.scoring.bootstrap import mean_bounds  # numpy: 0.1 s that a young score's listing needn't take

    return Interval(*mean_bounds(blocks))


def difference_interval(ours: Blocks, control: Blocks) -> Interval | None:
    """Return the interval of mean(ours) - mean(control) in bps, both drawn on the same days.

    None unless 20 blocks hold both: with fewer shared days the days don't cancel out.
    """
    if len(ours.keys() & control.keys()) < MIN_BLOCKS:
        return None
    from core.scoring.bootstrap import difference_bounds  # as above

    return Interval(*difference_bounds(ours, control))
