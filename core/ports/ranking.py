"""Who makes a ranking of what is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from core.model.market import Coin
from core.model.traders import Ranking


@dataclass(frozen=True, slots=True)
class Ranked:
    """A ranking run, and what the prices it was made with say of the market."""

    ranking: Ranking
    sigma: Mapping[Coin, float]
    """Standard deviation of hourly moves over seven days, a fraction, where known."""
    funding: Mapping[Coin, float]
    """The newest hourly rate, a fraction, where one is not older than two hours."""


class Ranker(Protocol):
    """Ranks whoever has fills in the store, one run after the other."""

    async def rank(self, as_of_ms: int) -> Ranked:
        """Rank by what is stored and store the run; raises StorageError or RankingFailed."""
        ...
