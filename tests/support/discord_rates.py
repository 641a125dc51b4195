"""Count requests per bucket as Discord does and say so in its headers."""

import hashlib
import math
from dataclasses import dataclass

from tests.support.wall_clock import now_seconds


@dataclass(slots=True)
class _Bucket:
    ends_at: float
    used: int = 0


class RateLimits:
    """Allow `limit` requests per route and top-level id in each window of so many seconds."""

    def __init__(self, limit: int, window_seconds: float) -> None:
        self.limit = limit
        self.window_seconds = window_seconds
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def count(self, route: str, top_id: str, now: float) -> tuple[float, dict[str, str]]:
        """Return the seconds to wait (0 when allowed) and the answer's headers."""
        bucket = self._buckets.get((route, top_id))
        if bucket is None or now >= bucket.ends_at:
            bucket = self._buckets[route, top_id] = _Bucket(now + self.window_seconds)
        remaining_seconds = bucket.ends_at - now
        exceeded = bucket.used >= self.limit
        if not exceeded:
            bucket.used += 1
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.limit - bucket.used),
            "X-RateLimit-Reset": f"{now_seconds() + remaining_seconds:.3f}",
            "X-RateLimit-Reset-After": f"{remaining_seconds:.3f}",
            "X-RateLimit-Bucket": hashlib.md5(route.encode()).hexdigest(),
        }
        if not exceeded:
            return 0.0, headers
        headers["X-RateLimit-Scope"] = "user"
        headers["Retry-After"] = str(math.ceil(remaining_seconds))
        return remaining_seconds, headers
