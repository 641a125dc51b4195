"""An account's fills folded, one by one, into round trips, entries and columns of numbers.

flat  --fill-->                            in a trip
flat  --fill that starts elsewhere-->      in a trip seen only from its middle (partial)
in a trip --fill that ends at zero-->      flat, the trip is closed
in a trip --fill that crosses zero-->      in a new trip, the old one is closed; the fee is shared
in a trip --fills are missing-->           the trip's end is unseen: it is none; begin again
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from core.detection.events import EventFold
from core.detection.growing import EventBuilder
from core.model.fills import Fill
from core.model.market import Address, Coin, Direction, is_spot
from core.model.positions import Cause, RoundTrip
from core.ranking.bets import Entry, entry_kind
from core.ranking.fill_columns import FillColumns

ZERO = Decimal(0)


class _OpenTrip:
    """A round trip that hasn't ended."""

    __slots__ = ("entry", "fees", "fills", "gross", "is_long", "liquidated", "opened_ms", "partial", "size")

    def __init__(self, opened_ms: int, is_long: bool, size: Decimal, entry: Decimal, partial: bool) -> None:
        self.opened_ms = opened_ms
        self.is_long = is_long
        self.size = size
        self.entry = entry
        self.gross: Decimal | None = ZERO
        self.fees: Decimal | None = ZERO
        self.fills = 0
        self.partial = partial
        self.liquidated = False

    def take(self, fill: Fill, fee: Decimal | None, closed_pnl: Decimal | None) -> None:
        self.fills += 1
        self.gross = None if self.gross is None or closed_pnl is None else self.gross + closed_pnl
        self.fees = None if self.fees is None or fee is None else self.fees + fee
        if fill.is_own_liquidation:
            self.liquidated = True

    def closed(self, account: Address, coin: Coin, closed_ms: int) -> RoundTrip:
        return RoundTrip(
            account=account,
            coin=coin,
            direction=Direction.LONG if self.is_long else Direction.SHORT,
            opened_ms=self.opened_ms,
            closed_ms=closed_ms,
            entry_notional_usd=self.entry,
            max_size=self.size,
            gross_pnl=self.gross,
            fees=self.fees,
            funding=ZERO,
            fills=self.fills,
            partial=self.partial,
            liquidated=self.liquidated,
        )


class _CoinState:
    """What is under way in one coin."""

    __slots__ = ("entry", "event", "first", "is_spot", "notional", "trip")

    def __init__(self, coin: Coin) -> None:
        self.is_spot = is_spot(coin)
        self.trip: _OpenTrip | None = None
        self.event: EventBuilder | None = None
        self.first: Fill | None = None
        self.notional = ZERO
        self.entry: Entry | None = None


class AccountBook:
    """All that an account's fills say, kept so that any ``as_of`` can be asked."""

    def __init__(self, account: Address, sz_decimals: Mapping[Coin, int] | None = None) -> None:
        self.account = account
        self.columns = FillColumns()
        self.trips: list[RoundTrip] = []
        """Closed round trips by closing time, funding not yet in them."""
        self.entries: list[Entry] = []
        self.breaks_ms: list[int] = []
        """Where fills are missing: the time of the first fill after each hole."""
        self.last: tuple[int, int] | None = None
        """Time and seq of the last fill taken."""
        self._fold = EventFold(sz_decimals=sz_decimals)
        self._states: dict[Coin, _CoinState] = {}

    def extend(self, fills: Iterable[Fill]) -> None:
        """Take more of the account's fills in execution order.

        Any split into batches gives the same book. Raises ``ValueError`` at a fill that is older than
        one already taken: what came late needs a new book.
        """
        for fill in fills:
            place = (fill.time_ms, fill.seq)
            if self.last is not None and place < self.last:
                raise ValueError(
                    f"{self.account}: a fill of {place} came after {self.last}: build a new book "
                    "from all fills by time and seq"
                )
            self.last = place
            state = self._states.get(fill.coin)
            if state is None:
                state = self._states[fill.coin] = _CoinState(fill.coin)
            if not state.is_spot:
                self._take(fill, state)

    def takes(self, fills: Sequence[Fill]) -> bool:
        """Tell whether fills in execution order can follow those already taken."""
        return self.last is None or not fills or (fills[0].time_ms, fills[0].seq) >= self.last

    def trips_between(self, after_ms: int, until_ms: int) -> Sequence[RoundTrip]:
        """Return the round trips that closed in ``(after_ms, until_ms]``, without funding."""
        start = bisect_right(self.trips, after_ms, key=_closed_ms)
        return self.trips[start : bisect_right(self.trips, until_ms, lo=start, key=_closed_ms)]

    def _take(self, fill: Fill, state: _CoinState) -> None:
        if not fill.sz:
            self.columns.add(fill, fill.start_position, fill.start_position)
            return
        step = self._fold.add(fill)
        if step is None:
            self.columns.add(fill, None, None)
            state.trip = state.event = state.entry = None
            return
        before, after, is_break, event = step
        self.columns.add(fill, before, after)
        if is_break:
            self.breaks_ms.append(fill.time_ms)
            state.trip = None
        self._follow_trip(fill, state, before, after)
        if event is not state.event:
            state.event, state.first, state.entry = event, fill, None
            state.notional = ZERO
        self._follow_entry(fill, state, before, after)

    def _follow_trip(self, fill: Fill, state: _CoinState, before: Decimal, after: Decimal) -> None:
        trip = state.trip
        if not before:
            trip = state.trip = _OpenTrip(fill.time_ms, after > 0, abs(after), fill.px * fill.sz, False)
            trip.take(fill, fill.fee, fill.closed_pnl)
            return
        if trip is None:
            # Seen from its middle: what was held counts as entered at the first price seen.
            trip = state.trip = _OpenTrip(fill.time_ms, before > 0, abs(before), abs(before) * fill.px, True)
        if (after > 0) == trip.is_long and after:
            trip.take(fill, fill.fee, fill.closed_pnl)
            grown = abs(after) - abs(before)
            if grown > 0:
                trip.entry += grown * fill.px
                trip.size = max(trip.size, abs(after))
            return
        opened = abs(after)
        opening_fee = fill.fee * opened / fill.sz if opened and fill.fee is not None else ZERO
        trip.take(fill, None if fill.fee is None else fill.fee - opening_fee, fill.closed_pnl)
        self.trips.append(trip.closed(self.account, fill.coin, fill.time_ms))
        state.trip = None
        if opened:
            trip = state.trip = _OpenTrip(fill.time_ms, after > 0, opened, opened * fill.px, False)
            trip.take(fill, None if fill.fee is None else opening_fee, ZERO)

    def _follow_entry(self, fill: Fill, state: _CoinState, before: Decimal, after: Decimal) -> None:
        event, first = state.event, state.first
        assert event is not None
        assert first is not None
        if state.entry is not None:
            state.entry.notional_usd += fill.px * fill.sz
            return
        state.notional += fill.px * fill.sz
        kind = entry_kind(event.before, after)
        if kind is None or event.cause is not Cause.ORDER:
            return
        state.entry = Entry(
            coin=fill.coin,
            direction=Direction.LONG if fill.signed_sz > 0 else Direction.SHORT,
            kind=kind,
            time_ms=first.time_ms,
            seq=first.seq,
            known_ms=fill.time_ms,
            px=first.px,
            is_taker=first.crossed,
            notional_usd=state.notional,
        )
        self.entries.append(state.entry)


def _closed_ms(trip: RoundTrip) -> int:
    return trip.closed_ms
