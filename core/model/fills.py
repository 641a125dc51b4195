"""What accounts did and hold, as the exchange reports it."""

from dataclasses import dataclass
from decimal import Decimal

from core.model.market import Address, Coin, Side


@dataclass(frozen=True, slots=True)
class Liquidation:
    """The liquidation a fill was part of; on both parties' fills."""

    liquidated_user: Address | None
    mark_px: Decimal | None
    method: str | None


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of one account; what a source doesn't know is None.

    ``closed_pnl`` is gross of fees, ``fee`` includes the builder's. Execution order inside an
    account is ``(time_ms, seq)``: ``seq`` is the place among the account's fills of that time stamp.
    """

    user: Address
    coin: Coin
    px: Decimal
    sz: Decimal
    side: Side
    time_ms: int
    start_position: Decimal | None
    dir: str | None = None
    closed_pnl: Decimal | None = None
    fee: Decimal | None = None
    fee_token: str | None = None
    crossed: bool | None = None
    hash: str | None = None
    oid: int | None = None
    tid: int | None = None
    """The exchange's trade id; negative: made from the file's hash and row, where there is none."""
    twap_id: int | None = None
    liquidation: Liquidation | None = None
    seq: int = 0
    is_twap: bool = False

    @property
    def signed_sz(self) -> Decimal:
        """Return the size in coins, negative for a sell."""
        return self.sz if self.side is Side.BUY else -self.sz

    @property
    def notional_usd(self) -> Decimal:
        """Return price times size in USD."""
        return self.px * self.sz

    @property
    def is_own_liquidation(self) -> bool:
        """Tell whether this account was the one liquidated by this fill."""
        if self.liquidation is not None and self.liquidation.liquidated_user is not None:
            return self.liquidation.liquidated_user.lower() == self.user
        if self.dir is None or not self.dir.startswith("Liquidated"):
            return False
        # the liquidator's own row can carry the same words: the victim's position shrinks
        return self.start_position is None or self.start_position * self.signed_sz < 0


@dataclass(frozen=True, slots=True)
class FundingPayment:
    """Funding that one account received (positive) or paid for one coin, in USD.

    ``samples`` above 1 marks a daily row: it covers that many hours from its stamp on.
    """

    user: Address
    coin: Coin
    time_ms: int
    usdc: Decimal
    szi: Decimal
    rate: Decimal
    samples: int = 1


@dataclass(frozen=True, slots=True)
class Position:
    """What an account holds in one coin, signed in coins."""

    coin: Coin
    szi: Decimal
    entry_px: Decimal | None
    unrealized_pnl: Decimal | None
    position_value: Decimal | None
    leverage: int | None


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account's equity and positions on one dex at the answer's time."""

    user: Address
    dex: str
    time_ms: int | None
    account_value: Decimal
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class SpotBalance:
    """A spot balance: tokens in all, and what was paid for them in USD."""

    token: str
    total: Decimal
    entry_ntl: Decimal


@dataclass(frozen=True, slots=True)
class SubAccount:
    """A sub-account of a master, with its state on the main dex."""

    name: str
    address: Address
    master: Address
    state: AccountState


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One value in USD at one time."""

    time_ms: int
    value: Decimal


@dataclass(frozen=True, slots=True)
class PortfolioWindow:
    """One window of the exchange's portfolio: equity, profit since its start, volume in USD."""

    account_value: tuple[CurvePoint, ...]
    pnl: tuple[CurvePoint, ...]
    volume_usd: Decimal


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The windows by the exchange's own name: ``day``, ``perpMonth`` and so on."""

    user: Address
    windows: dict[str, PortfolioWindow]


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money that entered (positive) or left an account, in USD."""

    user: Address
    time_ms: int
    kind: str
    usdc: Decimal


@dataclass(frozen=True, slots=True)
class LeaderboardRow:
    """One row of the exchange's leaderboard; sums a master and its sub-accounts."""

    address: Address
    account_value: Decimal
    month_pnl: Decimal
    month_roi: Decimal
    month_volume: Decimal
    display_name: str | None
