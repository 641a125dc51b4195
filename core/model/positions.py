"""What fills add up to: position events, bets and round trips."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from core.model.market import Address, Coin, Direction, Side


class EventKind(StrEnum):
    """What an event did to the position."""

    OPEN = "open"
    INCREASE = "increase"
    DECREASE = "decrease"
    CLOSE = "close"
    FLIP = "flip"
    LIQUIDATION = "liquidation"


class Cause(StrEnum):
    """Why an event happened; only an order is somebody's free decision at that moment."""

    ORDER = "order"
    TWAP = "twap"
    LIQUIDATION = "liquidation"
    ADL = "adl"
    SETTLEMENT = "settlement"


@dataclass(frozen=True, slots=True)
class PositionEvent:
    """The fills of one account and coin that belong together, dated at the first."""

    account: Address
    coin: Coin
    kind: EventKind
    cause: Cause
    side: Side
    time_ms: int
    last_ms: int
    seq: int
    """Place of the first fill among the account's fills of that time stamp."""
    first_tid: int | None
    before: Decimal
    """Signed position before the first fill, in coins."""
    after: Decimal
    sz: Decimal
    """Coins traded, unsigned."""
    notional_usd: Decimal
    taker_notional_usd: Decimal | None
    """The part taken, USD; None where the source doesn't say who took."""
    fills: int
    oid: int | None = None
    closed_pnl: Decimal | None = None
    fee: Decimal | None = None
    is_late: bool = False
    """Found by back-fill after a gap, not heard as it happened."""

    @property
    def avg_px(self) -> Decimal:
        """Return the average price in USD, unrounded."""
        return self.notional_usd / self.sz

    @property
    def direction(self) -> Direction:
        """Return the side of the position that the account bought or sold toward."""
        return Direction.LONG if self.side is Side.BUY else Direction.SHORT

    @property
    def opening_sz(self) -> Decimal:
        """Return the coins by which the event opened or enlarged the position after it."""
        if self.kind is EventKind.FLIP or self.before == 0:
            return abs(self.after)
        return max(abs(self.after) - abs(self.before), Decimal(0))


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """From the moment a position leaves zero (or changes sign) to the moment it returns.

    Money in USD; ``net_pnl`` = ``gross_pnl`` - ``fees`` + ``funding``; None where the source lacks a
    part. ``partial``: seen only from its middle.
    """

    account: Address
    coin: Coin
    direction: Direction
    opened_ms: int
    closed_ms: int
    entry_notional_usd: Decimal
    """Notional of all that opened or enlarged the position."""
    max_size: Decimal
    gross_pnl: Decimal | None
    fees: Decimal | None
    funding: Decimal
    fills: int
    partial: bool = False
    liquidated: bool = False

    @property
    def net_pnl(self) -> Decimal | None:
        """Return the result after fees and funding in USD, or None where a part is unknown."""
        if self.gross_pnl is None or self.fees is None:
            return None
        return self.gross_pnl - self.fees + self.funding


@dataclass(frozen=True, slots=True)
class Bet:
    """What an account decided: its entry events of one coin and direction within 5 minutes."""

    account: Address
    coin: Coin
    direction: Direction
    time_ms: int
    px: Decimal
    """Price of the first fill, USD."""
    notional_usd: Decimal
    is_taker: bool | None
    """Whether the first fill took; None where the source doesn't say."""
    kind: EventKind = EventKind.OPEN
    """What its first event was: open, flip or increase."""
