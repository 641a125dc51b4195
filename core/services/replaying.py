"""Recorded fills, trades and candles through the real pipeline, at any speed.

The clock is the data's: nothing here reads the wall, so two runs of the same files say the same.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby

from core.detection.detector import Detector
from core.model.fills import Fill
from core.model.market import DAY_MS, Address, Bar, Coin, Trade, is_spot
from core.model.opportunities import Decision, Ending, Group, Watch
from core.model.outcomes import ScoredOpportunity
from core.model.positions import EventKind
from core.model.traders import Ranking
from core.ports import Clock, Marks, Publisher, Sleep
from core.ranking.bars import BarMaker
from core.ranking.prices import PriceBook
from core.services.buffering import PublicationBuffer
from core.services.detecting import Concluded, DetectionService
from core.services.listening import fills_of_trade
from core.services.marking import MarkingService
from core.services.ranking import FillRanker, sigmas, watches_of

Moment = Fill | Trade | tuple[str, Bar]
"""What a recording holds: an account's fill, a public trade, a candle with its interval."""

REHEARSAL = "Rehearsal on recorded data: it never counts as evidence."


class ReplayClock:
    """A clock that stands where the data is."""

    def __init__(self) -> None:
        self.time_ms = 0

    def now_ms(self) -> int:
        """Return the time of the data."""
        return self.time_ms


@dataclass(slots=True)
class ReplayReport:
    """What a replay did; a function of the files and settings alone."""

    from_ms: int | None = None
    to_ms: int | None = None
    fills: int = 0
    trades: int = 0
    bars: int = 0
    accounts: int = 0
    events: Counter[EventKind] = field(default_factory=Counter)
    decisions: list[Decision] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    scored: dict[str, ScoredOpportunity] = field(default_factory=dict)
    rankings: int = 0
    last_ranking: Ranking | None = None


def time_of(moment: Moment) -> int:
    """Return when a moment of a recording counts: a candle when it closes."""
    return moment[1].close_ms if isinstance(moment, tuple) else moment.time_ms


class ReplayService:
    """Run one recording through ranking, detection and scoring."""

    def __init__(
        self,
        detector: Detector,
        publisher: Publisher,
        marks: Marks,
        sleep: Sleep,
        *,
        ranker: FillRanker | None,
        speed: float | None,
        on_concluded: Callable[[Concluded], Awaitable[None]] | None = None,
        on_progress: Callable[[int, ReplayReport], None] = lambda _at, _report: None,
    ) -> None:
        """``ranker`` None: every account in the recording is watched. ``speed`` None: at full speed."""
        self._detector = detector
        self._clock = ReplayClock()
        self._sleep = sleep
        self._speed = speed
        self._ranker = ranker
        self._on_progress = on_progress
        self._on_concluded = on_concluded
        self._prices = PriceBook()
        self._bars = BarMaker()
        self._next_day_ms: int | None = None
        self._new_bars: list[tuple[str, Bar]] = []
        self._known: set[Address] = set()
        self.report = ReplayReport()
        self._buffer = PublicationBuffer(publisher, marks, detector.namespace)
        self._marking = MarkingService(
            self._buffer, self._price_at, detector.rules.taker_fee_bps, on_scored=self._note_scored
        )
        self._detection = DetectionService(
            detector,
            self._buffer,
            self._clock,
            sleep,
            book=None,
            evidence=lambda: REHEARSAL,
            on_concluded=self._note,
            keep_fills=False,
        )

    @property
    def clock(self) -> Clock:
        """Return the replay's clock."""
        return self._clock

    async def run(self, moments: Iterable[Moment]) -> ReplayReport:
        """Play all moments, given in time order, and return what they led to."""
        for time_ms, group in groupby(moments, key=time_of):
            await self._go_to(time_ms)
            await self._play(list(group))
        self._detection.finish_all()
        await self._conclude()
        await self._marking.mark(self._clock.time_ms)
        await self._buffer.flush()
        self.report.accounts = len(self._known)
        return self.report

    async def _go_to(self, time_ms: int) -> None:
        """Let the time pass that lies between two moments, and all that falls due in it."""
        if self.report.from_ms is None:
            self.report.from_ms = time_ms
            self._next_day_ms = _next_midnight(time_ms)
        elif self._speed is not None:
            await self._sleep((time_ms - self._clock.time_ms) / 1000 / self._speed)
        while True:
            due_ms = min((t for t in (self._next_due_ms(), self._next_day_ms) if t is not None), default=None)
            if due_ms is None or due_ms > time_ms:
                break
            self._clock.time_ms = max(due_ms, self._clock.time_ms)
            await self._when_due()
        self._clock.time_ms = self.report.to_ms = time_ms
        self._on_progress(time_ms, self.report)

    def _next_due_ms(self) -> int | None:
        due = [live.opportunity.expires_ms for live in self._detector.live.values()]
        if self._marking.next_due_ms is not None:
            due.append(self._marking.next_due_ms)
        return min(due, default=None)

    async def _when_due(self) -> None:
        now_ms = self._clock.time_ms
        await self._marking.mark(now_ms)
        if self._next_day_ms is not None and now_ms >= self._next_day_ms:
            self._begin_day(now_ms)
        self._detection.tick(now_ms)
        await self._conclude()

    async def _play(self, moments: list[Moment]) -> None:
        now_ms = self._clock.time_ms
        fills: list[Fill] = []
        for moment in moments:
            match moment:
                case Fill():
                    self.report.fills += 1
                    self._price(moment.coin, moment.px, now_ms)
                    fills.append(moment)
                case Trade():
                    self.report.trades += 1
                    self._price(moment.coin, moment.px, now_ms)
                    fills += fills_of_trade(moment, {moment.buyer, moment.seller})
                case (_, bar):
                    self.report.bars += 1
                    self._new_bars.append(moment)
                    self._price(bar.coin, Decimal(repr(bar.close)), now_ms)
        perp = [fill for fill in fills if not is_spot(fill.coin)]
        self._meet({fill.user for fill in perp})
        if self._ranker is not None:
            self._ranker.add(perp)
        self._detection.tick(now_ms)
        self._detection.take(perp)
        await self._conclude()

    def _meet(self, accounts: set[Address]) -> None:
        new = accounts - self._known
        self._known |= new
        if self._ranker is None and new:
            rehearsed = {
                account: Watch(account, Group.LOSER, None, None, is_rehearsal=True) for account in self._known
            }
            self._detector.watch(rehearsed)

    def _begin_day(self, now_ms: int) -> None:
        """Rank and measure volatility anew at each UTC midnight of the data."""
        self._new_bars += (("1m", bar) for bar in self._bars.finished(now_ms))
        self._prices.add(self._new_bars)
        self._new_bars = []
        self._detector.market.sigma = sigmas(self._prices, now_ms)
        if self._ranker is not None:
            ranking = self._ranker.rank(self._prices, now_ms)
            self.report.rankings += 1
            self.report.last_ranking = ranking
            self._detector.watch(watches_of(ranking, (), is_rehearsal=True))
        self._next_day_ms = _next_midnight(now_ms)

    def _price(self, coin: Coin, px: Decimal, now_ms: int) -> None:
        bar = self._bars.add(coin, float(px), now_ms)
        if bar is not None:
            self._new_bars.append(("1m", bar))
        self._detection.take_price(coin, px, now_ms)

    def _price_at(self, coin: Coin) -> tuple[Decimal, int] | None:
        market = self._detector.market
        px = market.px.get(coin)
        return None if px is None else (px, market.px_ms[coin])

    async def _conclude(self) -> None:
        concluded = await self._detection.conclude()
        if self._on_concluded is not None:
            await self._on_concluded(concluded)

    def _note(self, concluded: Concluded) -> None:
        self.report.decisions += concluded.decisions
        self.report.endings += concluded.endings
        for decision in concluded.decisions:
            self.report.events[decision.event.kind] += 1
        self._marking.note(concluded)

    def _note_scored(self, scored: Sequence[ScoredOpportunity]) -> None:
        self.report.scored.update({one.opportunity.opportunity_id: one for one in scored})


def _next_midnight(time_ms: int) -> int:
    return time_ms - time_ms % DAY_MS + DAY_MS
