"""The questions of ``core.answers`` with the ports they read, so that a command names only its own."""

from dataclasses import dataclass

from core import answers
from core.answers import TripsOf
from core.cursors import MAX_LIMIT
from core.model.answers import (
    CrowdAnswer,
    LosersAnswer,
    OpportunitiesAnswer,
    PerformanceAnswer,
    StatusAnswer,
    TraderAnswer,
)
from core.model.market import Address, Coin
from core.model.traders import Horizon
from core.ports import Clock, FillStore, RankingStore, Reader


@dataclass(frozen=True, slots=True)
class Answers:
    """What a process can answer from; built once by the composition root."""

    rankings: RankingStore
    fills: FillStore
    reader: Reader
    clock: Clock
    trips_of: TripsOf
    horizon: Horizon = Horizon.H1
    rehearsal: bool = False
    """Answer about the rehearsal that runs (``replay --watch all``)."""

    async def coins(self) -> tuple[Coin, ...]:
        """Return the coins that the exchange lists, as far as they are known."""
        return tuple(spec.coin for spec in await self.fills.coins() if not spec.is_delisted)

    async def losers(self, limit: int, coin: Coin | None, sort: str, first: int = 1) -> LosersAnswer:
        """List the losers of the newest ranking, from a place on."""
        return await answers.losers(
            self.rankings,
            self.fills,
            limit=limit,
            first=first,
            coin=coin,
            sort=sort,
            horizon=self.horizon,
        )

    async def trader(self, query: str) -> TraderAnswer:
        """Show one trader's card."""
        return await answers.trader(
            self.rankings,
            self.fills,
            self.reader,
            query,
            now_ms=self.clock.now_ms(),
            trips_of=self.trips_of,
            rehearsal=self.rehearsal,
        )

    async def opportunities(self, coin: Coin | None) -> OpportunitiesAnswer:
        """List all that is live, and the last endings."""
        return await answers.opportunities(
            self.reader,
            now_ms=self.clock.now_ms(),
            limit=MAX_LIMIT,
            coin=coin,
            rehearsal=self.rehearsal,
        )

    async def performance(self, period: str, coin: Coin | None, loser: Address | None) -> PerformanceAnswer:
        """Score what was published."""
        return await answers.performance(
            self.reader,
            now_ms=self.clock.now_ms(),
            horizon=self.horizon,
            period=period,
            coin=coin,
            loser=loser,
            rehearsal=self.rehearsal,
        )

    async def crowd(self, coin: Coin | None) -> CrowdAnswer:
        """Show where all losers together stand."""
        return await answers.crowd(self.reader, now_ms=self.clock.now_ms(), coin=coin)

    async def status(self) -> StatusAnswer:
        """Say how the product is."""
        return await answers.status(
            self.reader, self.rankings, now_ms=self.clock.now_ms(), horizon=self.horizon
        )
