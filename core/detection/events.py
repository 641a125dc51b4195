"""Position events from fills: what belongs together, and what it did to the position.

An event is the consecutive fills of one account, coin, side and order (without an order id: within
the coalescing window), dated by its first fill; its kind is read from the position before and after.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from core.detection.growing import EventBuilder
from core.model.fills import Fill
from core.model.market import Address, Coin, is_spot
from core.model.positions import PositionEvent
from core.ranking.chain import PositionChain

COALESCE_MS = 2_000
"""Window from an event's first fill in which fills without an order id belong to it."""


class EventFold:
    """Put one account's fills, in execution order, into the events they belong to."""

    def __init__(self, coalesce_ms: int = COALESCE_MS, sz_decimals: Mapping[Coin, int] | None = None) -> None:
        self._coalesce_ms = coalesce_ms
        self._chain = PositionChain(sz_decimals)
        self._growing: dict[str, EventBuilder] = {}

    def add(self, fill: Fill) -> tuple[Decimal, Decimal, bool, EventBuilder] | None:
        """Return ``(before, after, is_break, event)`` of a fill, or None while the position is unknown.

        ``is_break``: fills before this one are missing. Where they are, an event ends, so that its
        ``before`` plus its signed size is always its ``after``.
        """
        step = self._chain.step(fill)
        if step is None:
            self._growing.pop(fill.coin, None)
            return None
        before, after, is_break = step
        event = self._growing.get(fill.coin)
        if event is not None and not is_break and event.takes(fill, self._coalesce_ms, True):
            event.add(fill)
        else:
            event = self._growing[fill.coin] = EventBuilder(fill, before, True, False)
        event.after = after
        return before, after, is_break, event


def position_events(
    fills: Iterable[Fill],
    coalesce_ms: int = COALESCE_MS,
    sz_decimals: Mapping[Coin, int] | None = None,
) -> list[PositionEvent]:
    """Return the position events in fills, by their first fill.

    Takes fills in execution order; several accounts may be mixed. Spot fills, and fills before which
    the position is unknown, make none.
    """
    folds: dict[Address, EventFold] = {}
    events: dict[int, EventBuilder] = {}
    for fill in fills:
        if is_spot(fill.coin) or not fill.sz:
            continue
        fold = folds.get(fill.user)
        if fold is None:
            fold = folds[fill.user] = EventFold(coalesce_ms, sz_decimals)
        step = fold.add(fill)
        if step is not None:
            events.setdefault(id(step[3]), step[3])
    return [event.event() for event in events.values()]
