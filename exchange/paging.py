"""Walk a time range whose pages overlap in one millisecond, losing and repeating nothing.

A page ends wherever its row limit falls, often inside a millisecond (55 fills were seen in one). So
the next page begins at the last row's time, inclusive, and what was already seen is dropped.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

R = TypeVar("R", bound=Hashable)


class Pager(Generic[R]):
    """The state of one walk: ``next_ms`` is what to ask for, or None at the end.

    ``key_of`` returns what makes a row unique among those of its time, or None where nothing does:
    identical rows without a key may be real, so they are told from repetitions by their number.
    """

    def __init__(
        self,
        start_ms: int,
        end_ms: int,
        page_rows: int,
        time_of: Callable[[R], int],
        key_of: Callable[[R], Hashable | None],
    ) -> None:
        self.next_ms: int | None = start_ms if start_ms <= end_ms else None
        self.overfull_ms: list[int] = []
        """Moments with more rows than a page holds: what is beyond the page can't be had."""
        self._end_ms = end_ms
        self._page_rows = page_rows
        self._time_of = time_of
        self._key_of = key_of
        self._at_ms = -1  # the time that the three below are about
        self._keys: set[Hashable] = set()
        self._keyless: Counter[R] = Counter()
        self._taken = 0

    def accept(self, page: Sequence[R]) -> list[tuple[int, R]]:
        """Take a page in execution order; return the new rows, each with its place in its millisecond."""
        if self.next_ms is None:
            raise ValueError("the walk is over")
        asked_ms = self.next_ms
        repeated = self._keyless.copy() if self._at_ms == asked_ms else Counter[R]()
        fresh: list[tuple[int, R]] = []
        last_ms = asked_ms
        for row in page:
            time_ms = self._time_of(row)
            if not asked_ms <= time_ms <= self._end_ms:
                continue
            last_ms = max(last_ms, time_ms)
            if self._is_new(row, time_ms, repeated):
                fresh.append((self._taken, row))
                self._taken += 1
        is_stuck = not fresh and any(self._time_of(row) < asked_ms for row in page)
        self.next_ms = None if is_stuck else self._after(page, asked_ms, last_ms)
        return fresh

    def _is_new(self, row: R, time_ms: int, repeated: Counter[R]) -> bool:
        if time_ms != self._at_ms:
            self._at_ms, self._taken = time_ms, 0
            self._keys.clear()
            self._keyless.clear()
            repeated.clear()
        key = self._key_of(row)
        if key is not None:
            is_new = key not in self._keys
            self._keys.add(key)
            return is_new
        if repeated[row] > 0:
            repeated[row] -= 1
            return False
        self._keyless[row] += 1
        return True

    def _after(self, page: Sequence[R], asked_ms: int, last_ms: int) -> int | None:
        if len(page) < self._page_rows:
            return None
        if last_ms == asked_ms:  # a full page that never left its first millisecond
            self.overfull_ms.append(asked_ms)
            last_ms += 1
        return last_ms if last_ms <= self._end_ms else None
