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

from core.errors import RateLimited


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


ROUNDING = 1e-9
"""Weight that is missing only because of rounding."""

DETECTION_RESERVE = 40.0
"""Twenty order books at once, and eight a second after that, whatever collection spends."""


class WeightBudget:
    """A bucket of request weight that refills steadily, shared by all who ask the same exchange.

    Holds at most ``burst``, of which ``reserve`` is for ``Priority.DETECTION`` alone: it fills
    first, what an answer's size adds is never taken from it, and it stays open while the rest is
    drained, so that a light urgent request never waits for collection. A request that weighs more
    than the bucket waits for a full one and leaves a debt.
    Waiting costs nothing: one timer, set for the moment the first in line can go.
    """

    def __init__(
        self,
        per_minute: float = 1000.0,
        burst: float = 200.0,
        *,
        reserve: float = 0.0,
        monotonic: Callable[[], float],
        call_later: CallLater = _call_later,
    ) -> None:
        self._per_s = per_minute / 60.0
        self._size = burst - reserve
        self._reserve = reserve
        self._monotonic = monotonic
        self._call_later = call_later
        self._held = self._size
        self._kept = reserve
        self._counted_at = monotonic()
        self._drained_until = self._shut_until = self._counted_at
        self._order = itertools.count()
        self._line: list[tuple[Priority, int, float, asyncio.Future[bool]]] = []
        self._timer: Timer | None = None

    @property
    def available(self) -> float:
        """Return the weight that anybody could spend now; negative: a debt."""
        self._refill()
        return self._held

    @property
    def waiting(self) -> int:
        """Return how many requests stand in line."""
        return sum(not turn.done() for *_, turn in self._line)

    async def take(self, weight: float, priority: Priority = Priority.COLLECTION) -> None:
        """Wait until ``weight`` may be spent, and spend it. Cancelling leaves the line.

        Raises ``RateLimited`` at once for an urgent request while the exchange refuses those.
        """
        if priority is Priority.DETECTION:
            self._refuse_while_shut()
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._line, (priority, next(self._order), weight, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._add(weight, to_reserve=turn.result())  # spent for a request that will never be made
            turn.cancel()
            self._serve()
            raise

    def charge(self, weight: float) -> None:
        """Spend weight that is known only now, even into debt."""
        self._refill()
        self._held -= weight

    def drain(self, seconds: float) -> None:
        """Empty the bucket and let nothing in for so long: the exchange said it was over.

        The reserve stays open: only a light request can tell whether all are refused.
        """
        self._refill()
        self._held = min(self._held, 0.0)
        self._drained_until = max(self._drained_until, self._monotonic() + seconds)
        self._serve()

    def shut(self, seconds: float) -> None:
        """Refuse urgent requests, those in line too, for so long: the exchange refused one of them."""
        self._shut_until = max(self._shut_until, self._monotonic() + seconds)
        for priority, _, _, turn in self._line:
            if priority is Priority.DETECTION and not turn.done():
                turn.set_exception(self._refusal())
        self._serve()

    def _refuse_while_shut(self) -> None:
        if self._shut_until > self._monotonic():
            raise self._refusal()

    def _refusal(self) -> RateLimited:
        left_s = self._shut_until - self._monotonic()
        return RateLimited(
            f"not asked: the exchange says we ask too much (429), again in {left_s:.1f} s", left_s
        )

    def _refill(self) -> None:
        now = self._monotonic()
        earned = (now - self._counted_at) * self._per_s
        if earned <= 0:
            return
        to_reserve = min(earned, self._reserve - self._kept)
        open_s = max(0.0, now - max(self._counted_at, self._drained_until))
        self._add(to_reserve, to_reserve=True)
        self._add(min(earned - to_reserve, open_s * self._per_s), to_reserve=False)
        self._counted_at = now

    def _add(self, weight: float, *, to_reserve: bool) -> None:
        if to_reserve:
            self._kept = min(self._reserve, self._kept + weight)
        else:
            self._held = min(self._size, self._held + weight)

    def _serve(self) -> None:
        """Let go who can go, and set the timer for the next in line."""
        self._refill()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._line:
            priority, _, weight, turn = self._line[0]
            if turn.done():
                heapq.heappop(self._line)
                continue
            wait_s, from_reserve = self._wait(weight, priority)
            if wait_s > 0:
                self._timer = self._call_later(wait_s, self._serve)
                return
            heapq.heappop(self._line)
            if from_reserve:
                self._kept -= weight
            else:
                self._held -= weight
            turn.set_result(from_reserve)

    def _wait(self, weight: float, priority: Priority) -> tuple[float, bool]:
        """Return for how long the first in line has to wait, and whether the reserve is spent then."""
        missing = min(weight, self._size) - self._held
        if missing <= ROUNDING:
            return 0.0, False
        if priority is Priority.DETECTION and weight <= self._reserve:
            lacking = weight - self._kept
            return (lacking / self._per_s if lacking > ROUNDING else 0.0), True
        drained_s = max(0.0, self._drained_until - self._monotonic())
        reserve_s = (self._reserve - self._kept) / self._per_s  # it fills first
        return max(drained_s, reserve_s) + missing / self._per_s, False
