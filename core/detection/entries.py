"""Who entered which side of a coin lately: what the rule about opposing losers looks at."""

from dataclasses import dataclass
from itertools import takewhile

from core.model.market import Address, Coin, Direction
from core.model.opportunities import Group

UNKNOWN_BADNESS = 50.0
"""Counts for an account without a badness of its own (rehearsal, control)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry event of a watched account."""

    event_id: str
    account: Address
    group: Group
    coin: Coin
    direction: Direction
    time_ms: int
    badness: float


class RecentEntries:
    """Remember entries for as long as they can oppose a new one."""

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._entries: dict[tuple[Group, Coin], dict[str, Entry]] = {}

    def add(self, entry: Entry) -> None:
        """Remember one entry; the same event twice counts once."""
        entries = self._entries.setdefault((entry.group, entry.coin), {})
        for old in list(
            takewhile(lambda one: entry.time_ms - one.time_ms > self._window_ms, entries.values())
        ):
            del entries[old.event_id]
        entries.setdefault(entry.event_id, entry)

    def badness(self, group: Group, coin: Coin, direction: Direction, now_ms: int) -> float:
        """Return the badness of all accounts whose last entry within the window is on this side, summed.

        So nobody opposes themselves by a flip. An entry dated after ``now_ms`` counts too: the
        exchange's clock may be ahead of ours. The last is the latest by its date: what back-fill finds
        is older than what was heard before it.
        """
        known = self._entries.get((group, coin), {}).values()
        lately = sorted(
            (entry for entry in known if now_ms - entry.time_ms <= self._window_ms),
            key=lambda entry: entry.time_ms,
        )
        last_side = {entry.account: entry.direction for entry in lately}
        worst: dict[Address, float] = {}
        for entry in lately:
            if entry.direction is direction and last_side[entry.account] is direction:
                worst[entry.account] = max(entry.badness, worst.get(entry.account, 0.0))
        return sum(worst.values())
