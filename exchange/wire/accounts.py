"""What the exchange says of one account beside its fills: states, balances, portfolio, money in and out."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct, field

from core.model.fills import (
    AccountState,
    CurvePoint,
    FundingPayment,
    Portfolio,
    PortfolioWindow,
    Position,
    SpotBalance,
    SubAccount,
    Transfer,
)
from core.model.market import Address, Coin
from exchange.wire.decode import Account, CoinName, Count, Exact, Millis, Payload


class Leverage(Struct, frozen=True):
    """A position's leverage."""

    value: Count
    type: str = "cross"


class PositionRow(Struct, frozen=True, rename="camel"):
    """A position; ``szi`` is signed, ``positionValue`` isn't."""

    coin: CoinName
    szi: Exact
    entry_px: Exact | None = None
    position_value: Exact | None = None
    unrealized_pnl: Exact | None = None
    liquidation_px: Exact | None = None
    margin_used: Exact | None = None
    return_on_equity: Exact | None = None
    leverage: Leverage | None = None


class AssetPosition(Struct, frozen=True):
    """The envelope of a position."""

    position: PositionRow


class MarginSummary(Struct, frozen=True, rename="camel"):
    """An account's sums on one dex, USD."""

    account_value: Exact
    total_ntl_pos: Exact | None = None
    total_raw_usd: Exact | None = None
    total_margin_used: Exact | None = None


class StateRow(Struct, frozen=True, rename="camel"):
    """``clearinghouseState``; answers of 2023 have no time."""

    margin_summary: MarginSummary
    asset_positions: list[AssetPosition]
    time: Millis | None = None
    withdrawable: Exact | None = None


class BalanceRow(Struct, frozen=True, rename="camel"):
    """A spot balance."""

    coin: CoinName
    total: Exact
    entry_ntl: Exact = Decimal(0)


class SpotStateRow(Struct, frozen=True):
    """``spotClearinghouseState``."""

    balances: list[BalanceRow]


class SubAccountRow(Struct, frozen=True, rename="camel"):
    """A sub-account with its main-dex state."""

    name: str
    sub_account_user: Account
    master: Account
    clearinghouse_state: StateRow


class RoleRow(Struct, frozen=True):
    """``userRole``: missing, user, vault, agent, subAccount."""

    role: str


class WindowRow(Struct, frozen=True, rename="camel"):
    """One window of a portfolio: points of (ms, USD), and volume."""

    account_value_history: list[tuple[Millis, Exact]]
    pnl_history: list[tuple[Millis, Exact]]
    vlm: Exact = Decimal(0)


class FundingDelta(Struct, frozen=True, rename="camel"):
    """The change a funding row made; negative ``usdc``: the account paid."""

    coin: CoinName
    usdc: Exact
    szi: Exact
    funding_rate: Exact
    n_samples: Count | None = None


class FundingRow(Struct, frozen=True):
    """One funding payment, an hour's or (``nSamples`` 24) a day's."""

    time: Millis
    delta: FundingDelta


class LedgerDelta(Struct, frozen=True, rename="camel"):
    """A change that is neither fill nor funding; which fields are there depends on ``type``."""

    type: str
    usdc: Exact | None = None
    fee: Exact | None = None
    usdc_value: Exact | None = None
    fee_token: str | None = None
    user: Account | None = None
    destination: Account | None = None
    source_dex: str | None = None
    destination_dex: str | None = None
    to_perp: bool | None = None
    net_withdrawn_usd: Exact | None = field(name="netWithdrawnUsd", default=None)


class LedgerRow(Struct, frozen=True):
    """One row of ``userNonFundingLedgerUpdates``."""

    time: Millis
    delta: LedgerDelta
    hash: str = ""


clearinghouse_state = Payload[StateRow]("clearinghouseState", StateRow)
spot_clearinghouse_state = Payload[SpotStateRow]("spotClearinghouseState", SpotStateRow)
sub_accounts = Payload[list[SubAccountRow] | None]("subAccounts", list[SubAccountRow] | None)
user_role = Payload[RoleRow]("userRole", RoleRow)
portfolio = Payload[list[tuple[str, WindowRow]]]("portfolio", list[tuple[str, WindowRow]])
user_funding = Payload[list[FundingRow]]("userFunding", list[FundingRow])
user_ledger = Payload[list[LedgerRow]]("userNonFundingLedgerUpdates", list[LedgerRow])


def state_of(row: StateRow, user: Address, dex: str = "") -> AccountState:
    """Convert an account's state on one dex; positions of size zero are left out."""
    positions = tuple(_position(entry.position) for entry in row.asset_positions if entry.position.szi)
    return AccountState(user, dex, row.time, row.margin_summary.account_value, positions)


def _position(row: PositionRow) -> Position:
    leverage = None if row.leverage is None else row.leverage.value
    return Position(Coin(row.coin), row.szi, row.entry_px, row.unrealized_pnl, row.position_value, leverage)


def balances_of(row: SpotStateRow) -> tuple[SpotBalance, ...]:
    """Convert spot balances."""
    return tuple(SpotBalance(b.coin, b.total, b.entry_ntl) for b in row.balances)


def sub_accounts_of(rows: Sequence[SubAccountRow]) -> tuple[SubAccount, ...]:
    """Convert a master's sub-accounts."""
    accounts = []
    for row in rows:
        address = Address(row.sub_account_user.lower())
        state = state_of(row.clearinghouse_state, address)
        accounts.append(SubAccount(row.name, address, Address(row.master.lower()), state))
    return tuple(accounts)


def portfolio_of(rows: Sequence[tuple[str, WindowRow]], user: Address) -> Portfolio:
    """Convert the portfolio's windows."""
    return Portfolio(user, {name: _window(row) for name, row in rows})


def _window(row: WindowRow) -> PortfolioWindow:
    return PortfolioWindow(
        tuple(CurvePoint(time_ms, value) for time_ms, value in row.account_value_history),
        tuple(CurvePoint(time_ms, value) for time_ms, value in row.pnl_history),
        row.vlm,
    )


def payment_of(row: FundingRow, user: Address) -> FundingPayment:
    """Convert a funding row."""
    delta = row.delta
    samples = 1 if delta.n_samples is None else delta.n_samples
    return FundingPayment(
        user, Coin(delta.coin), row.time, delta.usdc, delta.szi, delta.funding_rate, samples
    )


DEPOSITS = frozenset({"deposit", "vaultDistribution", "vaultLeaderCommission"})
PAIRED = frozenset({"internalTransfer", "subAccountTransfer", "spotTransfer", "send"})


def transfer_of(row: LedgerRow, user: Address) -> Transfer | None:
    """Convert a ledger row, or return None where no money crossed the account's border.

    Moves inside the account (spot to perp, dex to dex, to itself) don't count, nor do liquidations
    and rows without a USD value. A payer's fee in USDC leaves with the money.
    """
    delta = row.delta
    value = _first(delta.usdc, delta.usdc_value, delta.net_withdrawn_usd)
    if value is None:
        return None
    fee = delta.fee if delta.fee is not None and delta.fee_token in (None, "", "USDC") else Decimal(0)
    if delta.type in DEPOSITS or (delta.type == "vaultWithdraw" and _names(delta, user)):
        signed = value
    elif delta.type == "withdraw":
        signed = -(value + fee)
    elif delta.type in ("vaultDeposit", "vaultCreate"):
        signed = -value
    elif delta.type in PAIRED and delta.user and delta.destination:
        if delta.user.lower() == delta.destination.lower():
            return None
        signed = value if delta.destination.lower() == user else -(value + fee)
    else:
        return None
    return Transfer(user, row.time, delta.type, signed)


def _names(delta: LedgerDelta, user: Address) -> bool:
    return delta.user is None or delta.user.lower() == user


def _first(*values: Decimal | None) -> Decimal | None:
    return next((value for value in values if value is not None), None)
