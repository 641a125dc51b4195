"""The daily draw of control accounts, matched to the losers by how much they do."""

import hashlib
from bisect import bisect_left
from collections.abc import Mapping
from random import Random
from typing import NamedTuple

from core.model.market import DAY_MS, Address

NEIGHBOURS = 5
"""Each control is drawn from so many candidates of nearest activity: matched, and still a draw."""


def draw_placebo(
    day_ms: int,
    seed: str,
    candidates: Mapping[Address, float],
    losers: Mapping[Address, float],
    size: int,
) -> tuple[Address, ...]:
    """Draw the control accounts of one UTC day, sorted; all candidates where there are too few.

    Values are activities in any one unit (events a day, say). The draw is a function of day, seed
    and the two mappings, never of their order, so that it can be stored before the day and checked
    after it. Losers are never drawn. Without losers every candidate has the same chance.
    """
    generator = Random(_seed_number(day_ms, seed))
    free = sorted(
        _Candidate(candidates[address], generator.random(), address)
        for address in sorted(candidates)
        if address not in losers
    )
    if len(free) <= size:
        drawn = free
    elif not losers:
        drawn = generator.sample(free, size)
    else:
        drawn = [_take_near(free, activity, generator) for activity in _wanted(losers, size, generator)]
    return tuple(sorted(candidate.address for candidate in drawn))


class _Candidate(NamedTuple):
    activity: float
    tie: float
    """Random, so that among equals no address comes first by its name."""
    address: Address


def _seed_number(day_ms: int, seed: str) -> int:
    text = f"placebo|{seed}|{day_ms // DAY_MS}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def _wanted(losers: Mapping[Address, float], size: int, generator: Random) -> list[float]:
    """Return ``size`` activities spread evenly over the losers' own, in random order.

    In random order since who chooses last finds the near ones taken.
    """
    activities = sorted(losers.values())
    wanted = [activities[(2 * i + 1) * len(activities) // (2 * size)] for i in range(size)]
    generator.shuffle(wanted)
    return wanted


def _take_near(free: list[_Candidate], activity: float, generator: Random) -> _Candidate:
    """Remove and return one of the free candidates whose activity is nearest."""
    at = bisect_left(free, activity, key=lambda candidate: candidate.activity)
    around = free[max(0, at - NEIGHBOURS) : at + NEIGHBOURS]
    near = sorted(around, key=lambda candidate: abs(candidate.activity - activity))[:NEIGHBOURS]
    chosen = generator.choice(near)
    del free[bisect_left(free, chosen)]
    return chosen
