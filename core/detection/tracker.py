"""Who holds what, and which fills belong together: the state machine behind every event.

One tracker follows one account. Per coin it knows the position (or that it doesn't) and at most one
event that may still grow:

    no event  --fill-->              growing (reported, not finished)
    growing   --fill that belongs--> growing (reported again, larger)
    growing   --other fill-->        finished (reported), then growing with the new one
    growing   --settle(now)-->       finished (reported), once nothing more can belong

The same machine reads live trades (no order ids, positions counted on from a seed) and recorded
fills (order ids, each with the position before it).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from core.detection.growing import EventBuilder
from core.model.fills import Fill
from core.model.market import Address, Coin, dex_of
from core.model.positions import PositionEvent

REMEMBERED = 4096
REMEMBERED_MS = 600_000
"""So many fills of one account, and no longer than this, are remembered to drop what comes twice."""

LATENESS_MS = 1_000
"""How much later than it happened a fill may be heard and still belong to a growing event."""


@dataclass(frozen=True, slots=True)
class EventUpdate:
    """An event as it stands now; ``finished``: it won't grow any more."""

    event: PositionEvent
    finished: bool
    position_is_known: bool
    is_late: bool = False


class PositionTracker:
    """Follow the positions of one account; feed it fills in execution order."""

    def __init__(
        self, account: Address, coalesce_ms: int, sz_decimals: Mapping[Coin, int], by_order: bool
    ) -> None:
        self.account = account
        self._coalesce_ms = coalesce_ms
        self._sz_decimals = sz_decimals
        self._by_order = by_order
        self._positions: dict[Coin, Decimal] = {}
        self._known_dexes: frozenset[str] = frozenset()
        self._growing: dict[Coin, EventBuilder] = {}
        self._seen: dict[tuple[Coin, int, int], None] = {}

    def seed(self, positions: Mapping[Coin, Decimal], dexes: Iterable[str] = ("",)) -> None:
        """Take positions as the truth; a coin of these dexes that isn't named is held at zero."""
        self._positions = {coin: self._rounded(coin, szi) for coin, szi in positions.items()}
        self._known_dexes = frozenset(dexes)

    def forget(self) -> None:
        """Know no position any more: what was missed can't be told."""
        self.seed({}, ())

    @property
    def known_dexes(self) -> frozenset[str]:
        """Return the dexes whose positions were asked for."""
        return self._known_dexes

    def position(self, coin: Coin) -> Decimal | None:
        """Return the signed position in coins, or None when it isn't known."""
        return self._positions.get(coin, Decimal(0) if dex_of(coin) in self._known_dexes else None)

    def positions(self) -> dict[Coin, Decimal]:
        """Return every position that isn't zero."""
        return {coin: szi for coin, szi in self._positions.items() if szi != 0}

    def correct(
        self, positions: Mapping[Coin, Decimal], dexes: Iterable[str] = ("",)
    ) -> dict[Coin, tuple[Decimal, Decimal]]:
        """Take the exchange's positions over ours; return what differed as ``(ours, theirs)``."""
        asked = frozenset(dexes)
        wrong = self.differences(positions, asked)
        kept = {coin: szi for coin, szi in self._positions.items() if dex_of(coin) not in asked}
        self.seed({**kept, **positions}, asked | self._known_dexes)
        return wrong

    def differences(
        self, positions: Mapping[Coin, Decimal], dexes: Iterable[str] = ("",), heard: Iterable[Fill] = ()
    ) -> dict[Coin, tuple[Decimal, Decimal]]:
        """Return where the exchange's positions aren't ours with these fills, as ``(ours, theirs)``."""
        asked = frozenset(dexes)
        added: dict[Coin, Decimal] = {}
        for fill in heard:
            added[fill.coin] = added.get(fill.coin, Decimal(0)) + fill.signed_sz
        wrong = {}
        for coin in {*self._positions, *positions, *added}:
            ours = self._rounded(coin, self._positions.get(coin, Decimal(0)) + added.get(coin, Decimal(0)))
            theirs = self._rounded(coin, positions.get(coin, Decimal(0)))
            if dex_of(coin) in asked and ours != theirs:
                wrong[coin] = (ours, theirs)
        return wrong

    def hear(self, fills: Iterable[Fill], is_late: bool = False) -> list[EventUpdate]:
        """Take fills in execution order; return what finished and, once each, what grew."""
        finished: list[EventUpdate] = []
        touched: dict[Coin, bool] = {}
        for fill in fills:
            if self._is_repeat(fill):
                continue
            before, known = self._before(fill)
            growing = self._growing.get(fill.coin)
            if growing is not None and not (
                before == growing.after
                and known is growing.position_is_known
                and growing.takes(fill, self._coalesce_ms, self._by_order)
            ):
                finished.append(self._finish(fill.coin))
                touched.pop(fill.coin, None)
                growing = None
            if growing is None:
                growing = self._growing[fill.coin] = EventBuilder(fill, before, known, is_late)
            else:
                growing.add(fill)
            after = self._rounded(fill.coin, before + fill.signed_sz)
            growing.after = after
            if known:
                self._positions[fill.coin] = after
            touched[fill.coin] = True
        return finished + [self._update(self._growing[coin], False) for coin in touched]

    def settle(self, now_ms: int | None = None) -> list[EventUpdate]:
        """Finish every event to which nothing more can belong by ``now_ms`` (None: all of them)."""
        waits_ms = self._coalesce_ms + LATENESS_MS
        due = [
            coin
            for coin, growing in self._growing.items()
            if now_ms is None or (not self._by_order and now_ms - growing.time_ms > waits_ms)
        ]
        return [self._finish(coin) for coin in due]

    @property
    def is_growing(self) -> bool:
        """Tell whether any event may still grow."""
        return bool(self._growing)

    def _finish(self, coin: Coin) -> EventUpdate:
        return self._update(self._growing.pop(coin), True)

    def _update(self, growing: EventBuilder, finished: bool) -> EventUpdate:
        return EventUpdate(growing.event(), finished, growing.position_is_known, growing.is_late)

    def _before(self, fill: Fill) -> tuple[Decimal, bool]:
        if fill.start_position is not None:
            return self._rounded(fill.coin, fill.start_position), True
        known = self.position(fill.coin)
        if known is not None:
            return known, True
        growing = self._growing.get(fill.coin)
        return (growing.after if growing else Decimal(0)), False

    def _is_repeat(self, fill: Fill) -> bool:
        if fill.tid is None or fill.tid == 0:
            return False
        key = (fill.coin, fill.tid, fill.time_ms)
        if key in self._seen:
            return True
        self._seen[key] = None
        while (oldest := next(iter(self._seen))) != key and (
            len(self._seen) > REMEMBERED or fill.time_ms - oldest[2] > REMEMBERED_MS
        ):
            del self._seen[oldest]
        return False

    def remember(self, fills: Iterable[Fill]) -> None:
        """Count fills as already heard: what they did is part of the positions."""
        for fill in fills:
            self._is_repeat(fill)

    def _rounded(self, coin: Coin, size: Decimal) -> Decimal:
        return round(size, self._sz_decimals.get(coin, 6))
