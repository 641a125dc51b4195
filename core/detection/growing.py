"""An event while its fills are still coming in."""

from decimal import Decimal

from core.model.fills import Fill
from core.model.positions import Cause, EventKind, PositionEvent

ZERO = Decimal(0)


class EventBuilder:
    """Add up the fills of one event; read it as often as you like with ``event()``."""

    __slots__ = (
        "_closed_pnl",
        "_fee",
        "_fills",
        "_first",
        "_is_liquidation",
        "_last_ms",
        "_notional",
        "_sz",
        "_taken",
        "after",
        "before",
        "is_late",
        "position_is_known",
    )

    def __init__(self, first: Fill, before: Decimal, position_is_known: bool, is_late: bool) -> None:
        self._first = first
        self.before = before
        self.after = before
        self.position_is_known = position_is_known
        self.is_late = is_late
        self._fills = 0
        self._sz = ZERO
        self._notional = ZERO
        self._taken: Decimal | None = ZERO
        self._closed_pnl: Decimal | None = ZERO
        self._fee: Decimal | None = ZERO
        self._is_liquidation = False
        self.add(first)

    @property
    def time_ms(self) -> int:
        """Return when the first fill happened."""
        return self._first.time_ms

    def add(self, fill: Fill) -> None:
        """Take one more fill; the caller keeps ``after``."""
        self._fills += 1
        self._last_ms = fill.time_ms
        self._sz += fill.sz
        notional = fill.notional_usd
        self._notional += notional
        if self._taken is not None:
            self._taken = None if fill.crossed is None else self._taken + (notional if fill.crossed else ZERO)
        self._closed_pnl = _plus(self._closed_pnl, fill.closed_pnl)
        self._fee = _plus(self._fee, fill.fee)
        self._is_liquidation = self._is_liquidation or fill.is_own_liquidation

    def takes(self, fill: Fill, coalesce_ms: int, by_order: bool) -> bool:
        """Tell whether a fill belongs: same side, and the same order or, without ids, close in time.

        Without order ids an event that reached zero takes only what the same block still brings:
        what follows later is another order that opens anew.
        """
        if fill.side is not self._first.side or cause_of(fill) is not self.cause:
            return False
        if by_order and (fill.oid is not None or self._first.oid is not None):
            return fill.oid == self._first.oid
        if fill.time_ms - self._first.time_ms > coalesce_ms:
            return False
        return self.after != 0 or fill.time_ms == self._last_ms

    @property
    def cause(self) -> Cause:
        """Return why the event happened, as its first fill tells."""
        return cause_of(self._first)

    def event(self) -> PositionEvent:
        """Return the event as it stands."""
        first = self._first
        return PositionEvent(
            account=first.user,
            coin=first.coin,
            kind=EventKind.LIQUIDATION if self._is_liquidation else kind_of(self.before, self.after),
            cause=self.cause,
            side=first.side,
            time_ms=first.time_ms,
            last_ms=self._last_ms,
            seq=first.seq,
            first_tid=first.tid,
            before=self.before,
            after=self.after,
            sz=self._sz,
            notional_usd=self._notional,
            taker_notional_usd=self._taken,
            fills=self._fills,
            oid=first.oid,
            closed_pnl=self._closed_pnl,
            fee=self._fee,
            is_late=self.is_late,
        )


def kind_of(before: Decimal, after: Decimal) -> EventKind:
    """Read an event's kind from the signed position before and after it."""
    if before == 0:
        return EventKind.OPEN
    if after == 0:
        return EventKind.CLOSE
    if (before > 0) != (after > 0):
        return EventKind.FLIP
    return EventKind.INCREASE if abs(after) > abs(before) else EventKind.DECREASE


def cause_of(fill: Fill) -> Cause:
    """Read why a fill happened from what the exchange says of it."""
    if fill.is_own_liquidation:
        return Cause.LIQUIDATION
    if fill.dir == "Auto-Deleveraging":
        return Cause.ADL
    if fill.dir in ("Settlement", "Net Child Vaults"):
        return Cause.SETTLEMENT
    if fill.is_twap or fill.twap_id is not None:
        return Cause.TWAP
    return Cause.ORDER


def _plus(total: Decimal | None, part: Decimal | None) -> Decimal | None:
    return None if total is None or part is None else total + part
