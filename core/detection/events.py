"""Which fills belong together, and what they did to the position.

An event is the consecutive fills of one account, coin, side and order (without an order id: within
the coalescing window), dated by its first fill; its kind is read from the position before and after.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from core.model.fills import Fill
from core.model.market import Address, Coin, is_spot
from core.model.positions import Cause, EventKind, PositionEvent
from core.ranking.chain import PositionChain

COALESCE_MS = 2_000
"""Window from an event's first fill in which fills without an order id belong to it."""

SYSTEM_DIRS = {
    "Auto-Deleveraging": Cause.ADL,
    "Settlement": Cause.SETTLEMENT,
    "Net Child Vaults": Cause.SETTLEMENT,
}
"""The exchange's ``dir`` of fills that nobody ordered."""


def cause_of(fill: Fill, before: Decimal) -> Cause:
    """Return why a fill happened, given the position before it.

    A liquidation counts only where this account was the one liquidated. Where the source leaves the
    detail out, ``dir`` tells, but only on a fill that shrinks the position: the liquidator's own row
    can carry the same words.
    """
    if fill.liquidation is not None or fill.dir is not None:
        if fill.is_own_liquidation and (fill.liquidation is not None or before * fill.signed_sz < 0):
            return Cause.LIQUIDATION
        if fill.dir in SYSTEM_DIRS:
            return SYSTEM_DIRS[fill.dir]
    return Cause.TWAP if fill.is_twap or fill.twap_id is not None else Cause.ORDER


def kind_of(before: Decimal, after: Decimal, cause: Cause = Cause.ORDER) -> EventKind:
    """Return what happened to a position that went from ``before`` to ``after``, signed in coins."""
    if cause is Cause.LIQUIDATION:
        return EventKind.LIQUIDATION
    if before == 0:
        return EventKind.OPEN
    if after == 0:
        return EventKind.CLOSE
    if (before > 0) != (after > 0):
        return EventKind.FLIP
    return EventKind.INCREASE if abs(after) > abs(before) else EventKind.DECREASE


class EventBuilder:
    """One event as it grows, fill by fill; whoever feeds it says where the position went."""

    __slots__ = (
        "account", "after", "before", "cause", "closed_pnl", "coin", "entry_ms", "fee", "fills",
        "first_crossed", "first_px", "first_tid", "is_late", "last_ms", "notional_usd", "oid",
        "position_is_known", "seq", "side", "sz", "taker_notional_usd", "time_ms",
    )  # fmt: skip

    def __init__(
        self, fill: Fill, before: Decimal, position_is_known: bool = True, is_late: bool = False
    ) -> None:
        self.account = fill.user
        self.coin = fill.coin
        self.side = fill.side
        self.cause = cause_of(fill, before)
        self.time_ms = fill.time_ms
        self.seq = fill.seq
        self.first_tid = fill.tid
        self.first_px = fill.px
        self.first_crossed = fill.crossed
        self.oid = fill.oid
        self.before = before
        self.position_is_known = position_is_known
        self.is_late = is_late
        self.last_ms = fill.time_ms
        self.after = before + fill.signed_sz
        self.sz = fill.sz
        self.notional_usd = notional = fill.px * fill.sz
        self.taker_notional_usd = None if fill.crossed is None else notional if fill.crossed else Decimal(0)
        self.closed_pnl = fill.closed_pnl
        self.fee = fill.fee
        self.fills = 1
        self.entry_ms: int | None = None
        """When it became an entry, as the ranking counts bets; None: not (yet)."""

    def add(self, fill: Fill) -> None:
        """Take a fill that belongs."""
        notional = fill.px * fill.sz
        self.last_ms = fill.time_ms
        self.after += fill.signed_sz
        self.sz += fill.sz
        self.notional_usd += notional
        if fill.crossed is None or self.taker_notional_usd is None:
            self.taker_notional_usd = None
        elif fill.crossed:
            self.taker_notional_usd += notional
        self.closed_pnl = _sum(self.closed_pnl, fill.closed_pnl)
        self.fee = _sum(self.fee, fill.fee)
        self.fills += 1

    @property
    def kind(self) -> EventKind:
        """Return what the event has done so far."""
        return kind_of(self.before, self.after, self.cause)

    def event(self) -> PositionEvent:
        """Return the event as it stands now."""
        return PositionEvent(
            account=self.account,
            coin=self.coin,
            kind=self.kind,
            cause=self.cause,
            side=self.side,
            time_ms=self.time_ms,
            last_ms=self.last_ms,
            seq=self.seq,
            first_tid=self.first_tid,
            before=self.before,
            after=self.after,
            sz=self.sz,
            notional_usd=self.notional_usd,
            taker_notional_usd=self.taker_notional_usd,
            fills=self.fills,
            oid=self.oid,
            closed_pnl=self.closed_pnl,
            fee=self.fee,
            is_late=self.is_late,
        )


def belongs(growing: EventBuilder, fill: Fill, coalesce_ms: int = COALESCE_MS, by_order: bool = True) -> bool:
    """Tell whether the next fill of an event's account and coin belongs to that event.

    Whether the position chains is for the caller to know. ``by_order``: order ids decide where both
    have one; otherwise, and without ids, the time since the event's first fill.
    """
    if growing.side is not fill.side or growing.cause is not cause_of(fill, growing.after):
        return False
    if by_order and (growing.oid is not None or fill.oid is not None):
        return growing.oid == fill.oid
    return fill.time_ms - growing.time_ms <= coalesce_ms


def position_events(
    fills: Iterable[Fill],
    coalesce_ms: int = COALESCE_MS,
    sz_decimals: Mapping[Coin, int] | None = None,
) -> list[PositionEvent]:
    """Return the position events in fills, by their first fill.

    Takes fills in execution order; several accounts may be mixed. Spot fills, and fills before which
    the position is unknown, make none. Where fills are missing an event ends, so that ``before`` plus
    the signed size is always ``after``.
    """
    chains: dict[Address, PositionChain] = {}
    growing: dict[tuple[Address, Coin], EventBuilder] = {}
    events: list[EventBuilder] = []
    for fill in fills:
        if is_spot(fill.coin):
            continue
        key = (fill.user, fill.coin)
        chain = chains.get(fill.user)
        if chain is None:
            chain = chains[fill.user] = PositionChain(sz_decimals)
        step = chain.step(fill)
        if step is None or not fill.sz:
            growing.pop(key, None)
            continue
        before, after, is_break = step
        event = growing.get(key)
        if event is not None and not is_break and belongs(event, fill, coalesce_ms):
            event.add(fill)
        else:
            event = growing[key] = EventBuilder(fill, before)
            events.append(event)
        event.after = after
    return [event.event() for event in events]


def _sum(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    return None if left is None or right is None else left + right
