"""What is known of a trader over the rolling window, and where that puts them on the list.

Names, units and definitions: docs/formulas.md. Money in USD, rates are fractions unless the name
ends in ``_pct`` or ``_bps``. What can't be known is None, never zero.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from core.model.market import Address, Coin


class Horizon(StrEnum):
    """How long after an entry a price is looked at."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    H1 = "1h"
    H4 = "4h"
    H24 = "24h"

    @property
    def ms(self) -> int:
        """Return the length in milliseconds."""
        return _HORIZON_MS[self]


_UNIT_MS = {"m": 60_000, "h": 3_600_000}
_HORIZON_MS = {horizon: _UNIT_MS[horizon.value[-1]] * int(horizon.value[:-1]) for horizon in Horizon}


class PnlSource(StrEnum):
    """Where ``pnl_30d`` comes from."""

    PORTFOLIO = "portfolio"
    SNAPSHOTS = "snapshots"
    REALIZED = "realized"


class FundingSource(StrEnum):
    """Where funding comes from: the account's own rows, estimated from the coin's rates, or nowhere."""

    USER = "user"
    RATES = "rates"
    NONE = "none"


class Ineligible(StrEnum):
    """Why an account can't be on the list."""

    TOO_FEW_ROUND_TRIPS = "too_few_round_trips"
    INACTIVE = "inactive"
    EQUITY_BELOW_FLOOR = "equity_below_floor"
    VAULT = "vault"
    MARKET_MAKER = "market_maker"
    SPOT_HEDGED = "spot_hedged"
    NOT_LOSING = "not_losing"
    PNL_UNKNOWN = "pnl_unknown"


@dataclass(frozen=True, slots=True)
class Eligibility:
    """One reason, with the words and figures that show it."""

    reason: Ineligible
    detail: str


@dataclass(frozen=True, slots=True)
class Markout:
    """Mean signed price move in bps after ``n`` opening bets; ``se`` clustered by UTC day."""

    horizon: Horizon
    n: int
    mean_bps: float | None
    excess_bps: float | None
    """Without the coin's own mean move over that horizon in the window."""
    se_bps: float | None
    """Of the excess."""
    days: int = 0
    """UTC days with such a bet: the clusters behind ``se``."""
    cost_bps: float | None = None
    """What fading these bets would have cost on average, there and back: fees, spread, funding."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The 30-day figures of one account at one ``as_of``."""

    address: Address
    as_of_ms: int
    fills: int
    first_fill_ms: int | None
    last_fill_ms: int | None
    realized_pnl: float | None
    gross_pnl: float
    price_pnl: float | None
    cost_pnl: float | None
    funding: float
    funding_source: FundingSource
    pnl_30d: float | None
    pnl_30d_source: PnlSource | None
    capital: float | None
    capital_source: str | None
    pnl_pct: float | None
    equity_usd: float | None
    round_trips: int
    wins: int
    mean_win: float | None
    mean_loss: float | None
    """Positive number, USD."""
    mean_entry_notional_usd: float | None
    raw_win_rate: float | None
    payoff_ratio: float | None
    total_losses: float
    profit_factor: float | None
    losing_days: float | None
    active_days: int
    max_drawdown_usd: float
    max_drawdown_pct: float | None
    maker_share: float | None
    buy_share: float | None
    notional_usd: float
    markouts: tuple[Markout, ...]
    truncated: int
    """Breaks in the chain of positions: places where fills are missing."""
    day_nets: tuple[float, ...] = ()
    """Net result of each active UTC day in USD, by day: what ``label_fdr`` tests."""


class Part(StrEnum):
    """The parts of badness."""

    PNL_PCT = "pnl_pct"
    EXPECTANCY = "expectancy"
    TOTAL_LOSSES = "total_losses"
    LOSING_DAYS = "losing_days"
    FADE_EDGE = "fade_edge_bps"


@dataclass(frozen=True, slots=True)
class BadnessPart:
    """One part: its value, its population percentile 0..1 (1 = worst), weight, n and interval."""

    part: Part
    value: float | None
    percentile: float | None
    weight: float
    n: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class TraderStanding:
    """One account inside one ranking run: figures, eligibility, badness, rank."""

    figures: Figures
    ineligible: tuple[Eligibility, ...]
    badness: float | None
    parts: tuple[BadnessPart, ...]
    confidence: float | None
    rank: int | None
    """1 is the worst; None when not eligible."""
    is_listed: bool
    win_rate: float | None
    """Posterior mean under the population's Beta prior."""
    expectancy_bps: float | None
    fade_edge_bps: float | None
    fade_edge_low_bps: float | None
    fade_edge_high_bps: float | None
    fade_edge_n: int
    p_edge: float | None
    reasons: tuple[str, ...] = ()
    """Plain sentences, the strongest first."""
    equity_is_known: bool = True
    label: str | None = None

    @property
    def address(self) -> Address:
        """Return the account."""
        return self.figures.address


class ChangeKind(StrEnum):
    """What happened to an account on the list."""

    ENTERED = "entered"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class RankingChange:
    """Who entered or left the list, and why."""

    address: Address
    kind: ChangeKind
    rank: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """One ranking run; rows compare only inside it."""

    ranking_id: str
    as_of_ms: int
    population: int
    standings: tuple[TraderStanding, ...]
    """Eligible first, by rank; then the others by address."""
    changes: tuple[RankingChange, ...] = ()
    label_fdr: float | None = None

    @property
    def listed(self) -> tuple[TraderStanding, ...]:
        """Return the losers: those on the list, by rank."""
        return tuple(s for s in self.standings if s.is_listed)


@dataclass(frozen=True, slots=True)
class RankingRules:
    """The settings that decide the list."""

    losers: int = 500
    min_round_trips: int = 10
    min_equity_usd: float = 500.0
    horizon: Horizon = Horizon.H1
    taker_fee_bps: float = 4.5
    half_spread_bps: float = 1.0
    """Assumed where a coin's own isn't known."""
    weights: dict[Part, float] = field(
        default_factory=lambda: {
            Part.PNL_PCT: 0.25,
            Part.EXPECTANCY: 0.20,
            Part.TOTAL_LOSSES: 0.15,
            Part.LOSING_DAYS: 0.10,
            Part.FADE_EDGE: 0.30,
        }
    )
    leave_factor: float = 1.2


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What is known of an account beside its fills; None is unknown and never excludes."""

    address: Address
    equity_usd: float | None = None
    is_vault: bool | None = None
    is_spot_hedged: bool | None = None
    pnl_30d: float | None = None
    pnl_30d_source: PnlSource | None = None
    capital: float | None = None
    capital_source: str | None = None
    month_roi: float | None = None
    has_sub_accounts: bool | None = None
    selection_chance: float = 1.0
    """Chance of having been refined; the population weight is its inverse."""


@dataclass(frozen=True, slots=True)
class CoinRecord:
    """A trader's record in one coin over the window."""

    coin: Coin
    round_trips: int
    wins: int
    net_pnl: float | None
