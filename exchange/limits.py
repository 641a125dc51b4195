"""The exchange's request budget: what a request weighs, and who may spend when.

Weights: HYPERLIQUID's page *Rate limits and user limits*: 1200 a minute per IP; the refill's shape
isn't documented, so a bucket with a steady refill and a margin stands in for it.
"""

import asyncio
import heapq
import itertools
import math
from collections.abc import Callable
from enum import IntEnum
from typing import Protocol


class Priority(IntEnum):
    """Whose turn it is: lower goes first, equal ones in the order they came."""

    DETECTION = 0
    """A loser may have just acted: seconds count."""
    BACKFILL = 1
    """What happened while we were deaf."""
    COLLECTION = 2
    """History and rankings: minutes don't matter."""


LIGHT = frozenset(
    {
        "l2Book",
        "allMids",
        "clearinghouseState",
        "orderStatus",
        "spotClearinghouseState",
        "exchangeStatus",
    }
)
ITEMS_PER_EXTRA = {
    "recentTrades": 20,
    "historicalOrders": 20,
    "userFills": 20,
    "userFillsByTime": 20,
    "fundingHistory": 20,
    "userFunding": 20,
    "userNonFundingLedgerUpdates": 20,
    "twapHistory": 20,
    "userTwapSliceFills": 20,
    "userTwapSliceFillsByTime": 20,
    "candleSnapshot": 60,
}
"""One more weight per so many items; whether a part counts isn't documented, so it does."""


def base_weight(endpoint: str) -> int:
    """Return what an info request weighs before its answer is known."""
    if endpoint in LIGHT:
        return 2
    return 60 if endpoint == "userRole" else 20


def extra_weight(endpoint: str, items: int) -> int:
    """Return what the size of the answer adds."""
    per = ITEMS_PER_EXTRA.get(endpoint)
    return 0 if per is None else math.ceil(items / per)


class Timer(Protocol):
    """A call that is due later and can be called off."""

    def cancel(self) -> None:
        """Call it off."""
        ...


CallLater = Callable[[float, Callable[[], None]], Timer]


def _call_later(delay_s: float, call: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(delay_s, call)


class WeightBudget:
    """A bucket of request weight that refills steadily, shared by all who ask the same exchange.

    Holds at most ``burst``; a request that weighs more waits for a full bucket and leaves a debt.
    Waiting costs nothing: one timer, set for the moment the first in line can go.
    """

    def __init__(
        self,
        per_minute: float = 1000.0,
        burst: float = 200.0,
        *,
        monotonic: Callable[[], float],
        call_later: CallLater = _call_later,
    ) -> None:
        self._per_s = per_minute / 60.0
        self._burst = burst
        self._monotonic = monotonic
        self._call_later = call_later
        self._held = burst
        self._counted_at = monotonic()
        self._order = itertools.count()
        self._line: list[tuple[int, int, float, asyncio.Future[None]]] = []
        self._timer: Timer | None = None

    @property
    def available(self) -> float:
        """Return the weight that could be spent now; negative: a debt."""
        self._refill()
        return self._held

    @property
    def waiting(self) -> int:
        """Return how many requests stand in line."""
        return sum(not turn.done() for *_, turn in self._line)

    async def take(self, weight: float, priority: Priority = Priority.COLLECTION) -> None:
        """Wait until ``weight`` may be spent, and spend it. Cancelling leaves the line."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._line, (priority, next(self._order), weight, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._held += weight  # spent for a request that will never be made
            turn.cancel()
            self._serve()
            raise

    def charge(self, weight: float) -> None:
        """Spend weight that is known only now, even into debt."""
        self._refill()
        self._held -= weight

    def drain(self, seconds: float) -> None:
        """Empty the bucket and let nothing in for so long: the exchange said it was over."""
        self._refill()
        self._held = min(self._held, 0.0)
        self._counted_at = max(self._counted_at, self._monotonic() + seconds)
        self._serve()

    def _refill(self) -> None:
        now = self._monotonic()
        if now > self._counted_at:  # not so while drained: the mark then lies ahead
            self._held = min(self._burst, self._held + (now - self._counted_at) * self._per_s)
            self._counted_at = now

    def _serve(self) -> None:
        """Let go who can go, and set the timer for the next in line."""
        self._refill()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._line:
            _, _, weight, turn = self._line[0]
            if turn.done():
                heapq.heappop(self._line)
                continue
            missing = min(weight, self._burst) - self._held
            if missing > 1e-9:  # less is rounding
                frozen_s = max(0.0, self._counted_at - self._monotonic())
                self._timer = self._call_later(frozen_s + missing / self._per_s, self._serve)
                return
            heapq.heappop(self._line)
            self._held -= weight
            turn.set_result(None)
