"""What requests cost and when one has spent too much; changes with the documented limits."""

from collections.abc import Mapping
from math import ceil
from typing import Any

_CHEAP = frozenset(
    ("l2Book", "allMids", "clearinghouseState", "orderStatus", "spotClearinghouseState", "exchangeStatus")
)
_PER_20 = frozenset(
    (
        "recentTrades", "historicalOrders", "userFills", "userFillsByTime", "fundingHistory", "userFunding",
        "userNonFundingLedgerUpdates", "twapHistory", "userTwapSliceFills", "userTwapSliceFillsByTime",
    )
)  # fmt: skip


def base_weight(request: Mapping[str, Any]) -> int:
    """Return what an info request costs before its answer is known."""
    kind = request.get("type")
    if kind in _CHEAP:
        return 2
    return 60 if kind == "userRole" else 20


def extra_weight(request: Mapping[str, Any], answer: Any) -> int:
    """Return what the size of the answer adds: 1 per 20 rows, 1 per 60 candles, rounded up."""
    if not isinstance(answer, list):
        return 0
    kind = request.get("type")
    if kind in _PER_20:
        return ceil(len(answer) / 20)
    return ceil(len(answer) / 60) if kind == "candleSnapshot" else 0


class Bucket:
    """A budget of weight per minute that refills evenly."""

    def __init__(self, per_minute: int, now_ms: int) -> None:
        self.per_minute = per_minute
        self._level = float(per_minute)
        self._at_ms = now_ms
        self.spent = 0

    def level(self, now_ms: int) -> float:
        """Return what is left."""
        passed = max(now_ms - self._at_ms, 0)
        self._level = min(self._level + passed * self.per_minute / 60_000, float(self.per_minute))
        self._at_ms = max(self._at_ms, now_ms)
        return self._level

    def take(self, weight: int, now_ms: int) -> bool:
        """Take the weight if it is there."""
        if self.level(now_ms) < weight:
            return False
        self.charge(weight, now_ms)
        return True

    def charge(self, weight: int, now_ms: int) -> None:
        """Take the weight even if it is not there: the answer has been given."""
        self._level = self.level(now_ms) - weight
        self.spent += weight


class Budgets:
    """One bucket per client address."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._buckets: dict[str, Bucket] = {}

    def of(self, client: str, now_ms: int) -> Bucket:
        """Return a client's bucket."""
        bucket = self._buckets.get(client)
        if bucket is None:
            bucket = self._buckets[client] = Bucket(self.per_minute, now_ms)
        return bucket

    @property
    def spent(self) -> int:
        """Return the weight that all clients have spent so far."""
        return sum(bucket.spent for bucket in self._buckets.values())
