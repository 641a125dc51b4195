"""Prices at fixed moments after each publication, and the outcomes that follow from them."""

import heapq
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

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
    """Tell whether a price counts as that of the due moment.

    Not older than max(2 min, a quarter of the horizon); and not so much younger that it tells of
    another moment (after a stall or a restart): at most max(2 s, a twentieth of the horizon).
    """
    age_ms = due_ms - px_ms
    return -max(LATEST_PRICE_MS, offset_ms // 20) <= age_ms <= max(OLDEST_PRICE_MS, offset_ms // 4)


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

    def add(self, opportunity: Opportunity) -> None:
        """Take up a new opportunity."""
        self._take_up(opportunity, ())

    def restore(self, scored: Iterable[ScoredOpportunity], samples: Iterable[PriceSample]) -> None:
        """Take up opportunities published before a restart, with the prices known by then."""
        known: dict[str, list[PriceSample]] = {}
        for sample in samples:
            known.setdefault(sample.opportunity_id, []).append(sample)
        for one in scored:
            opportunity = one.opportunity
            self._take_up(opportunity, known.get(opportunity.opportunity_id, ()))
            if one.ending is not None:
                self._endings[opportunity.opportunity_id] = one.ending

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
        self._extremes[live.opportunity.opportunity_id] = live

    @property
    def next_due_ms(self) -> int | None:
        """Return when the next price is due, or None."""
        return self._due[0][0] if self._due else None

    async def mark(self, now_ms: int) -> int:
        """Sample all prices due by now, store them and the outcomes they complete; return how many."""
        samples: list[PriceSample] = []
        while self._due and self._due[0][0] <= now_ms:
            due_ms, name, offset_ms = heapq.heappop(self._due)
            if name in self._open:
                samples.append(self._sample(name, due_ms, offset_ms))
        if samples:
            await self._store.add_samples(samples)
        if self._changed:
            changed, self._changed = self._changed, {}
            scored = [self._scored(name) for name in changed]
            await self._store.save_scored(scored)
            self._on_scored(scored)
            self._forget(changed)
        return len(samples)

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
        """Let go of opportunities that are ended and fully sampled."""
        last = due_offsets_ms()[-1]
        for name in names:
            if name in self._endings and last in self._samples[name]:
                del self._open[name], self._samples[name], self._endings[name]
                self._extremes.pop(name, None)
