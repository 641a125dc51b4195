"""Prices at fixed moments after each publication, and the outcomes that follow from them."""

import heapq
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from core.errors import StorageError
from core.model.market import Coin
from core.model.opportunities import Ending, LiveOpportunity, Opportunity
from core.model.outcomes import PriceSample, ScoredOpportunity
from core.ports import Marks
from core.scoring.outcomes import due_offsets_ms, outcomes
from core.services.detecting import Concluded

PriceAt = Callable[[Coin], tuple[Decimal, int] | None]
"""The coin's last price in USD and its time in ms, or None."""

OLDEST_PRICE_MS = 120_000
LATEST_PRICE_MS = 2_000


def is_fresh(px_ms: int, due_ms: int, offset_ms: int) -> bool:
    """Tell whether a price may stand for the one at ``due_ms``.

    It isn't older than max(2 min, a quarter of the horizon); nor was it heard so much later (a stall,
    a restart) that it tells of another moment: a sixtieth of the horizon, 2 s at least, 1 min at most.
    """
    latest_ms = min(max(offset_ms // 60, 2_000), 60_000)
    return -latest_ms <= due_ms - px_ms <= max(OLDEST_PRICE_MS, offset_ms // 4)


class MarkingService:
    """Remember which prices are due and turn them into stored outcomes."""

    def __init__(
        self,
        store: Marks,
        price_at: PriceAt,
        taker_fee_bps: float,
        on_scored: Callable[[Sequence[ScoredOpportunity]], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._price_at = price_at
        self._taker_fee_bps = taker_fee_bps
        self._on_scored = on_scored
        self._due: list[tuple[int, str, int]] = []
        self._open: dict[str, Opportunity] = {}
        self._samples: dict[str, dict[int, Decimal | None]] = {}
        self._endings: dict[str, Ending] = {}
        self._extremes: dict[str, LiveOpportunity] = {}
        self._changed: dict[str, None] = {}
        self._unsaved: list[PriceSample] = []

    def add(self, opportunity: Opportunity) -> None:
        """Take up a new opportunity."""
        self._take_up(opportunity, ())

    def restore(self, scored: Iterable[ScoredOpportunity], samples: Iterable[PriceSample]) -> None:
        """Take up opportunities published before a restart, with the prices known by then."""
        known: dict[str, list[PriceSample]] = {}
        for sample in samples:
            known.setdefault(sample.opportunity_id, []).append(sample)
        for one in scored:
            name = one.opportunity.opportunity_id
            self._take_up(one.opportunity, known.get(name, ()))
            if one.best_bps is not None and one.worst_bps is not None:
                self._extremes[name] = LiveOpportunity(one.opportunity, one.best_bps, one.worst_bps)
            if one.ending is not None:
                self._endings[name] = one.ending
                if all(outcome.horizon is not None for outcome in one.outcomes):
                    self._changed[name] = None  # ended, but not yet scored
                self._forget([name])

    def _take_up(self, opportunity: Opportunity, known: Sequence[PriceSample]) -> None:
        name = opportunity.opportunity_id
        self._open[name] = opportunity
        self._samples[name] = {sample.offset_ms: sample.px for sample in known}
        for offset_ms in due_offsets_ms():
            if offset_ms not in self._samples[name]:
                heapq.heappush(self._due, (opportunity.published_ms + offset_ms, name, offset_ms))

    def note(self, concluded: Concluded) -> None:
        """Take what detection concluded: new opportunities, new extremes, endings."""
        for decision in concluded.decisions:
            if decision.opportunity is not None:
                self.add(decision.opportunity)
        for live in concluded.moved:
            self.moved(live)
        for ending in concluded.endings:
            self.end(ending)

    def end(self, ending: Ending) -> None:
        """Take the ending of an opportunity."""
        if ending.opportunity_id in self._open:
            self._endings[ending.opportunity_id] = ending
            self._changed[ending.opportunity_id] = None

    def moved(self, live: LiveOpportunity) -> None:
        """Take new extremes of a live opportunity."""
        if live.opportunity.opportunity_id in self._open:
            self._extremes[live.opportunity.opportunity_id] = live

    @property
    def next_due_ms(self) -> int | None:
        """Return when the next price is due, or None."""
        return self._due[0][0] if self._due else None

    async def mark(self, now_ms: int) -> int:
        """Sample all prices due by now, store them and the outcomes they complete; return how many.

        Raises StorageError; what couldn't be stored is kept for the next call.
        """
        sampled = 0
        while self._due and self._due[0][0] <= now_ms:
            due_ms, name, offset_ms = heapq.heappop(self._due)
            if name in self._open:
                self._unsaved.append(self._sample(name, due_ms, offset_ms))
                sampled += 1
        if self._unsaved:
            samples = tuple(self._unsaved)
            await self._store.add_samples(samples)
            del self._unsaved[: len(samples)]
        if self._changed:
            await self._save()
        return sampled

    async def _save(self) -> None:
        changed, self._changed = self._changed, {}
        scored = [self._scored(name) for name in changed]
        try:
            await self._store.save_scored(scored)
        except StorageError:
            self._changed = {**changed, **self._changed}
            raise
        self._on_scored(scored)
        self._forget(changed)

    def _sample(self, name: str, due_ms: int, offset_ms: int) -> PriceSample:
        found = self._price_at(self._open[name].coin)
        px = found[0] if found is not None and is_fresh(found[1], due_ms, offset_ms) else None
        self._samples[name][offset_ms] = px
        self._changed[name] = None
        return PriceSample(name, offset_ms, px, found[1] if found is not None and px is not None else None)

    def _scored(self, name: str) -> ScoredOpportunity:
        opportunity, ending = self._open[name], self._endings.get(name)
        extremes = self._extremes.get(name)
        return ScoredOpportunity(
            opportunity=opportunity,
            ending=ending,
            outcomes=outcomes(opportunity, self._samples[name], ending, self._taker_fee_bps),
            best_bps=extremes.best_bps if extremes else None,
            worst_bps=extremes.worst_bps if extremes else None,
        )

    def _forget(self, names: Iterable[str]) -> None:
        """Let go of opportunities that are ended, fully sampled and scored."""
        last = due_offsets_ms()[-1]
        for name in names:
            if name in self._endings and name not in self._changed and last in self._samples[name]:
                del self._open[name], self._samples[name], self._endings[name]
                self._extremes.pop(name, None)
