"""Something that is wrong for a while: said when it begins, once a minute meanwhile, and when it is over."""

from collections import Counter
from collections.abc import Callable, Hashable

import structlog

log = structlog.get_logger(__name__)

SAID_AGAIN_MS = 60_000


class Trouble:
    """One fault and everybody whom it stops, told as one story.

    Who is stopped says so with ``met`` at every try that failed, and ``passed`` after one that didn't;
    it is over when all have passed. What comes and goes within a minute is counted and told with the
    next line, so that a fault that flickers fills no log either.
    """

    def __init__(self, begins: str, ends: str, now_ms: Callable[[], int], *totals: str) -> None:
        """``begins``: what it means for the user and what we do. ``totals``: told at the end, though 0."""
        self._begins = begins
        self._ends = ends
        self._now_ms = now_ms
        self._totals = Counter(dict.fromkeys(totals, 0))
        self._stopped: set[Hashable] = set()
        self._begun_ms = 0
        self._times = 0
        self._said_ms: int | None = None
        self._is_told = False

    def met(self, by: Hashable, reason: object, **counts: int) -> None:
        """Take note that it stopped ``by``, and why; counts are summed."""
        now_ms = self._now_ms()
        if not self._stopped:
            self._begun_ms = now_ms
        self._stopped.add(by)
        self._times += 1
        self.count(**counts)
        if self._said_ms is not None and now_ms - self._said_ms < SAID_AGAIN_MS:
            return
        lasted = {"lasts_s": self._since_s(now_ms), "times": self._times} if self._is_told else {}
        log.warning(self._begins, reason=str(reason), **lasted)
        self._said_ms, self._is_told = now_ms, True

    def count(self, **counts: int) -> None:
        """Add to what is told at the end."""
        self._totals.update(counts)

    def passed(self, by: Hashable) -> None:
        """Take note that it doesn't stop ``by`` any more."""
        if by not in self._stopped:
            return
        self._stopped.remove(by)
        if self._stopped or not self._is_told:
            return
        log.warning(self._ends, after_s=self._since_s(self._now_ms()), times=self._times, **self._totals)
        self._times, self._is_told = 0, False
        self._totals = Counter(dict.fromkeys(self._totals, 0))

    def _since_s(self, now_ms: int) -> int:
        return round((now_ms - self._begun_ms) / 1000)


def database_trouble(now_ms: Callable[[], int]) -> Trouble:
    """Return the trouble that all who write to one database share."""
    return Trouble(
        "the database is away: what is heard is kept and written when it is back, alerts wait",
        "the database is back: all that waited is written",
        now_ms,
        "sends_unrecorded",
    )
