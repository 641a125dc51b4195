"""The slow rounds: coins, candidates, rankings, and what each means for detection."""

import json
from collections.abc import Awaitable, Callable, Sequence

import structlog

from core.counting import counted
from core.model.market import DAY_MS, HOUR_MS, WINDOW_MS, Address, Coin, CoinSpec, is_spot
from core.model.opportunities import Group, Watch
from core.model.traders import Ranking
from core.ports import Clock, Feed, FillStore, PublicationStore, Ranker, RankingStore, Reader, StateStore
from core.ranking.candidates import Candidate
from core.ranking.prices import SIGMA_MS, PriceBook
from core.services.collecting import CollectService
from core.services.detecting import DetectionService
from core.services.listening import ListenService
from core.services.marking import MarkingService
from core.services.ranking import placebo_of, sigmas, watches_of
from core.services.ticking import LAST_HEARD

log = structlog.get_logger(__name__)

FIRST_BATCH = 100
"""Traders read before the first ranking; each further one comes when as many again are read."""

FIRST_COINS = 12
"""Coins of which all prices are read before the list is complete; of the others, volatility."""

STALE_LIST_MS = 2 * DAY_MS
SCORED_FOR_MS = DAY_MS + DAY_MS // 24
"""How long after publication prices are still due."""

REFINE_AGAIN_MS = DAY_MS


class RoundsService:
    """Keep the list true and detection watching it."""

    def __init__(
        self,
        collecting: CollectService,
        ranking: Ranker,
        detection: DetectionService,
        listening: ListenService,
        marking: MarkingService,
        feed: Feed,
        fills: FillStore,
        rankings: RankingStore,
        publications: PublicationStore,
        reader: Reader,
        state: StateStore,
        clock: Clock,
        *,
        placebo: int,
        tell: Callable[[str], None] = lambda _: None,
        on_ranked: Callable[[Ranking], Awaitable[None]] | None = None,
    ) -> None:
        """``on_ranked``: told of every new ranking, with who entered and left the list."""
        self._collecting = collecting
        self._ranking = ranking
        self._detection = detection
        self._listening = listening
        self._marking = marking
        self._feed = feed
        self._fills = fills
        self._rankings = rankings
        self._publications = publications
        self._reader = reader
        self._state = state
        self._clock = clock
        self._placebo = placebo
        self._tell = tell
        self._on_ranked = on_ranked
        self._ranked: dict[Address, Watch] | None = None
        self._followed: frozenset[Address] = frozenset()
        self.ranked_ms: int | None = None
        """Of when the list is that detection watches."""

    # --- start and recovery -------------------------------------------------------------------

    async def restore(self) -> None:
        """Take up where an earlier life of this program stopped; the same path at a first start."""
        now_ms = self._clock.now_ms()
        detector = self._detection.detector
        detector.restore(await self._publications.live())
        for group in Group:
            lately_ms = now_ms - detector.rules.opposing_ms
            detector.recall(await self._publications.entries_since(lately_ms, group))
        since_ms = now_ms - SCORED_FOR_MS
        scored = [one for group in Group for one in await self._reader.scored(group=group, since_ms=since_ms)]
        self._marking.restore(scored, await self._publications.samples(since_ms))
        self._take_coins(await self._fills.coins())
        detector.market.sigma = sigmas(PriceBook(await self._fills.bars(now_ms - SIGMA_MS - HOUR_MS)), now_ms)
        ranking = await self._rankings.ranking()
        if ranking is not None and ranking.listed and now_ms - ranking.as_of_ms <= STALE_LIST_MS:
            heard = await self._state.state(LAST_HEARD)
            await self._apply(ranking, int(heard) if heard else None)
            listed = counted(len(ranking.listed), "loser")
            self._tell(f"Watching {listed} of the last ranking while a new one is made.")

    async def begin(self) -> None:
        """Read coins and candidates, and rank as soon as the first are known."""
        await self.coins()
        candidates = await self._collecting.candidates()
        self._tell(f"{counted(len(candidates), 'trader')} of the leaderboard to read.")
        done, batch = 0, FIRST_BATCH
        while done < len(candidates):
            await self._collecting.refine(candidates[done : done + batch], done, len(candidates))
            done += batch
            batch = done
            if done < len(candidates):
                traded = await self._traded_coins()
                await self._collecting.prices(traded[:FIRST_COINS])
                await self._know_volatility(traded[FIRST_COINS:])
                await self.rank(is_complete=False)
        await self._collecting.prices(await self._traded_coins())
        await self.rank()

    # --- the recurring rounds -----------------------------------------------------------------

    async def coins(self) -> None:
        """Read what is listed and its funding; hear new coins, stop hearing delisted ones."""
        specs = await self._collecting.coins()
        self._take_coins(specs)
        market = self._detection.detector.market
        market.funding = {**market.funding, **self._collecting.funding()}
        await self._feed.watch_coins(sorted(market.listed or ()))

    async def candidates(self) -> None:
        """Read the leaderboard again and refine who wasn't in the last day."""
        now_ms = self._clock.now_ms()
        refined = {known.facts.address: known.refined_ms or 0 for known in await self._fills.accounts()}
        chosen: Sequence[Candidate] = [
            candidate
            for candidate in await self._collecting.candidates()
            if now_ms - refined.get(candidate.row.address, 0) >= REFINE_AGAIN_MS
        ]
        if chosen:
            await self._collecting.refine(chosen)

    async def update(self) -> None:
        """Read what is new of all who are watched, and of prices; rank again."""
        watched = self._detection.detector.watches
        await self._collecting.update(
            [known for known in await self._fills.accounts() if known.facts.address in watched]
        )
        await self._collecting.prices(await self._traded_coins())
        await self.rank()

    async def rank(self, is_complete: bool = True) -> None:
        """Rank by what is stored, let detection watch the result, and get ready for any coin it may trade.

        Not ``is_complete``: not everybody is read yet, so no control is drawn from them.
        """
        ranked = await self._ranking.rank(self._clock.now_ms())
        ranking = ranked.ranking
        market = self._detection.detector.market
        market.sigma, market.funding = ranked.sigma, {**ranked.funding, **self._collecting.funding()}
        await self._apply(ranking, None, is_complete)
        if self._on_ranked is not None:
            await self._on_ranked(ranking)
        worst = ranking.listed[0] if ranking.listed else None
        listed, read = counted(len(ranking.listed), "loser"), counted(len(ranking.standings), "trader")
        self._tell(
            f"{listed} listed of {read} read"
            + (f"; the worst is {worst.address}, badness {worst.badness or 0:.0f}." if worst else ".")
        )
        traded = frozenset(await self._traded_coins())
        await self._know_volatility(sorted((market.listed or frozenset()) - traded))

    async def _know_volatility(self, coins: Sequence[Coin]) -> None:
        """Read the volatility of coins whose prices aren't read: an alert there has stop and target too."""
        market = self._detection.detector.market
        async for coin, sigma in self._collecting.volatility(coins, market.sigma.keys()):
            market.sigma = {**market.sigma, coin: sigma}

    async def _apply(self, ranking: Ranking, since_ms: int | None, has_control: bool = True) -> None:
        control = await self._control(ranking) if has_control else ()
        self._ranked, self.ranked_ms = watches_of(ranking, control), ranking.as_of_ms
        self._watch(since_ms)

    def follow(self, accounts: frozenset[Address]) -> None:
        """Watch these too, listed or not: chats want to hear what they do."""
        if accounts != self._followed:
            self._followed = accounts
            self._watch(None)

    def _watch(self, since_ms: int | None) -> None:
        detector = self._detection.detector
        also = {account: Watch(account, Group.FOLLOWED, None, None) for account in self._followed}
        detector.watch({**also, **(self._ranked or {})}, has_list=self._ranked is not None)
        self._listening.watch(detector.accounts(), since_ms)

    async def _control(self, ranking: Ranking) -> Sequence[Address]:
        """Return today's control, drawn and stored before the day where that was possible."""
        if self._placebo == 0:
            return ()
        day = self._clock.now_ms() // DAY_MS
        drawn: list[Address] = []
        for wanted in (day, day + 1):
            key = f"placebo:{wanted}"
            stored = await self._state.state(key)
            if stored is None:
                stored = json.dumps(placebo_of(ranking, self._placebo, str(wanted)))
                if ranking.population:
                    await self._state.set_state(key, stored)
            if wanted == day:
                drawn = [Address(address) for address in json.loads(stored)]
        return drawn

    def _take_coins(self, specs: Sequence[CoinSpec]) -> None:
        if not specs:
            return
        market = self._detection.detector.market
        market.sz_decimals.update({spec.coin: spec.sz_decimals for spec in specs})
        market.listed = frozenset(spec.coin for spec in specs if not spec.is_delisted)

    async def _traded_coins(self) -> list[Coin]:
        """Return the perps that refined accounts traded, the most traded first."""
        listed = self._detection.detector.market.listed or frozenset()
        traded = await self._fills.traded_coins(self._clock.now_ms() - WINDOW_MS)
        return [coin for coin in traded if coin in listed and not is_spot(coin)]
