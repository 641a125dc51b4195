"""Whom to look at first: the leaderboard is only a seed for the ranking."""

import heapq
import math
from collections.abc import AsyncIterator, Set
from dataclasses import dataclass
from random import Random

from core.model.fills import LeaderboardRow
from core.model.market import Address

KNOWN_VAULTS = frozenset(
    Address(a)
    for a in (
        "0xdfc24b077bc1425ad1dea75bcb6f8158e10df303",  # HLP
        "0x010461c14e146ac35fe42271bdc1134ee31c703a",  # its children
        "0x31ca8395cf837de08b24da3f660e77761dfb974b",
        "0x2e3d94f0562703b25c83308a05046ddaf9a8dd14",  # its liquidator
    )
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account worth refining, with its chance of having been chosen."""

    row: LeaderboardRow
    chance: float


def urgency(row: LeaderboardRow) -> float:
    """Return how soon a loser should be refined: lost share of the account times log10 of the loss."""
    return -float(row.month_roi) * math.log10(1 + max(0.0, -float(row.month_pnl)))


async def choose_candidates(
    rows: AsyncIterator[LeaderboardRow],
    *,
    excluded: Set[Address],
    losers: int,
    sample: int,
    min_equity_usd: float,
    rng: Random,
) -> tuple[list[Candidate], int]:
    """Choose from a stream of rows, in bounded memory; return the candidates and the rows read.

    First the ``losers`` most urgent with a losing month and enough equity, the most urgent first;
    then a random ``sample`` of all other rows: the population that percentiles and the placebo
    are drawn from.
    """
    worst: list[tuple[float, str, LeaderboardRow]] = []
    others: list[LeaderboardRow] = []
    seen = passed_over = 0

    def pass_over(row: LeaderboardRow) -> None:
        nonlocal passed_over
        passed_over += 1
        if len(others) < sample:
            others.append(row)
        elif (place := rng.randrange(passed_over)) < sample:
            others[place] = row

    async for row in rows:
        seen += 1
        if row.address in excluded or float(row.account_value) < min_equity_usd:
            continue
        if row.month_pnl >= 0 or losers == 0:
            pass_over(row)
            continue
        entry = (urgency(row), row.address, row)
        if len(worst) < losers:
            heapq.heappush(worst, entry)
        else:
            pass_over(heapq.heappushpop(worst, entry)[2])
    chosen = [Candidate(row, 1.0) for _, _, row in sorted(worst, reverse=True)]
    chance = len(others) / passed_over if passed_over else 1.0
    chosen += [Candidate(row, chance) for row in sorted(others, key=lambda row: row.address)]
    return chosen, seen
