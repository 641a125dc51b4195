"""Orders, fees, limits and staking: nothing asks for them, but they are decoded in tests.

A change of the exchange's habits (a number that stops being a string, a key that vanishes) shows
first in such a payload; the next question about orders starts from these.
"""

from msgspec import Struct

from exchange.wire.decode import Account, CoinName, Exact, Id, Millis, Payload
from exchange.wire.fills import SideMark


class OrderRow(Struct, frozen=True, rename="camel"):
    """An order; the trigger fields are absent in ``openOrders``."""

    coin: CoinName
    side: SideMark
    limit_px: Exact
    sz: Exact
    oid: Id
    timestamp: Millis
    orig_sz: Exact | None = None
    trigger_px: Exact | None = None
    is_trigger: bool = False
    reduce_only: bool = False
    order_type: str | None = None
    tif: str | None = None
    cloid: str | None = None


class OrderStatusRow(Struct, frozen=True, rename="camel"):
    """An order and what became of it."""

    order: OrderRow
    status: str
    status_timestamp: Millis


class OrderAnswer(Struct, frozen=True):
    """``orderStatus``: ``order`` with the order, or ``unknownOid``."""

    status: str
    order: OrderStatusRow | None = None


class DayVolume(Struct, frozen=True, rename="camel"):
    """One day's volume of a user and of the exchange, USD."""

    date: str
    user_cross: Exact
    user_add: Exact
    exchange: Exact


class FeesRow(Struct, frozen=True, rename="camel"):
    """``userFees``: the rates that apply, as fractions."""

    user_cross_rate: Exact
    user_add_rate: Exact
    daily_user_vlm: list[DayVolume] = []


class RateLimitRow(Struct, frozen=True, rename="camel"):
    """``userRateLimit``: an account's budget for actions, in requests."""

    cum_vlm: Exact
    n_requests_used: Id
    n_requests_cap: Id


class VaultEquityRow(Struct, frozen=True, rename="camel"):
    """What a user holds in a vault, USD."""

    vault_address: Account
    equity: Exact


class AgentRow(Struct, frozen=True, rename="camel"):
    """An API wallet of a user."""

    name: str
    address: Account
    valid_until: Millis


class DelegateDelta(Struct, frozen=True, rename="camel"):
    """Stake given to or taken from a validator."""

    validator: Account
    amount: Exact
    is_undelegate: bool


class StakeDelta(Struct, frozen=True):
    """One of the kinds of staking change."""

    delegate: DelegateDelta | None = None


class StakeRow(Struct, frozen=True):
    """One row of ``delegatorHistory``."""

    time: Millis
    delta: StakeDelta


open_orders = Payload[list[OrderRow]]("openOrders", list[OrderRow])
historical_orders = Payload[list[OrderStatusRow]]("historicalOrders", list[OrderStatusRow])
order_status = Payload[OrderAnswer]("orderStatus", OrderAnswer)
user_fees = Payload[FeesRow]("userFees", FeesRow)
user_rate_limit = Payload[RateLimitRow]("userRateLimit", RateLimitRow)
user_vault_equities = Payload[list[VaultEquityRow]]("userVaultEquities", list[VaultEquityRow])
extra_agents = Payload[list[AgentRow]]("extraAgents", list[AgentRow])
delegator_history = Payload[list[StakeRow]]("delegatorHistory", list[StakeRow])
