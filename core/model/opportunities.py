"""From event to opportunity to ending: what was published, what was not, and why."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from core.model.market import Address, Coin, Direction
from core.model.positions import PositionEvent

RULE_VERSION = "1"
"""Goes into every id and ledger entry; raised whenever a rule of this folder changes."""


class Group(StrEnum):
    """Whose event it was: a loser's (published) or the control's (never published)."""

    LOSER = "loser"
    PLACEBO = "placebo"
    FOLLOWED = "followed"
    """Of somebody who is watched only because a chat follows them: neither decided about nor scored."""


class Rejection(StrEnum):
    """The rule that stopped an event from becoming an opportunity."""

    NOT_AN_ENTRY = "not_an_entry"
    NOT_LISTED = "not_listed"
    LIQUIDATION = "liquidation"
    NOT_AN_ORDER = "not_an_order"
    MAKER = "maker"
    TAKER_UNKNOWN = "taker_unknown"
    INCREASE_TOO_SMALL = "increase_too_small"
    NOTIONAL_BELOW_FLOOR = "notional_below_floor"
    COIN_NOT_LISTED = "coin_not_listed"
    POSITION_UNKNOWN = "position_unknown"
    TOO_OLD = "too_old"
    ALREADY_LIVE = "already_live"
    COOLDOWN = "cooldown"
    OPPOSED = "opposed"
    BOOK_UNKNOWN = "book_unknown"
    SPREAD_TOO_WIDE = "spread_too_wide"
    DEPTH_TOO_THIN = "depth_too_thin"


@dataclass(frozen=True, slots=True)
class DetectionRules:
    """The settings that decide what becomes an opportunity."""

    losers: int = 500
    min_notional_usd: float = 5000.0
    max_age_ms: int = 30_000
    cooldown_ms: int = 0
    coalesce_ms: int = 2_000
    min_increase: float = 0.5
    max_spread_bps: float = 10.0
    depth_within_bps: float = 10.0
    depth_factor: float = 2.0
    opposing_ms: int = 900_000
    expiry_ms: int = 86_400_000
    stop_sigmas: float = 2.0
    target_sigmas: float = 2.0
    suggested_notional_usd: float = 1000.0
    taker_fee_bps: float = 4.5
    half_spread_bps: float = 1.0
    """Assumed where there is no book (replay, backtest)."""
    max_drift_bps: float = 20.0
    """An alert that finds the price moved further against the fader says not to chase it."""
    rule_version: str = RULE_VERSION


@dataclass(frozen=True, slots=True)
class Watch:
    """An account that is watched, as the rules need to know it."""

    account: Address
    group: Group
    rank: int | None
    badness: float | None
    record: str = ""
    """One line of the account's figures, for the reader."""
    edge_bps: float | None = None
    edge_low_bps: float | None = None
    edge_high_bps: float | None = None
    edge_n: int = 0
    is_rehearsal: bool = False
    """Treated as if listed (``--watch all``)."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """The listed losers' positions in one coin: how many and how much, USD."""

    coin: Coin
    long_count: int
    short_count: int
    long_usd: float
    short_usd: float


@dataclass(frozen=True, slots=True)
class Opportunity:
    """The suggestion to take the other side of one event."""

    opportunity_id: str
    short_id: str
    group: Group
    rule_version: str
    is_rehearsal: bool
    loser: Address
    rank: int | None
    badness: float | None
    record: str
    coin: Coin
    side: Direction
    """What the fader is told to take."""
    trigger: str
    """``open``, ``flip`` or ``increase``."""
    loser_px: Decimal
    loser_notional_usd: float
    event_ms: int
    published_ms: int
    reference_px: Decimal
    reference_source: str
    """``book`` or ``last_trade``."""
    drift_bps: float
    """Move since the loser's price, signed for the fader: positive is worse for the fader."""
    suggested_notional_usd: float
    stop_px: Decimal | None
    target_px: Decimal | None
    expires_ms: int
    edge_bps: float | None
    edge_low_bps: float | None
    edge_high_bps: float | None
    edge_n: int
    cost_bps: float
    """Taker fee twice and the spread, the floor under any result."""
    half_spread_bps: float
    funding_bps_per_hour: float | None
    """What the fader receives (positive) or pays an hour."""
    crowd: Crowd | None
    reasons: tuple[str, ...]
    gates_passed_unchecked: tuple[str, ...] = ()
    """Rules that could not be checked (replay without a book)."""
    is_late: bool = False
    max_drift_bps: float | None = None
    """With more drift, and ``max_age_ms`` after the event, an alert says not to chase it."""
    max_age_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Our rule's answer to one event: published, or rejected with the figures that decided."""

    decision_id: str
    event: PositionEvent
    group: Group
    decided_ms: int
    rejection: Rejection | None
    figures: dict[str, float | str | None]
    opportunity: Opportunity | None = None


class EndReason(StrEnum):
    """Why an opportunity ended."""

    LOSER_CLOSED = "loser_closed"
    LOSER_FLIPPED = "loser_flipped"
    LOSER_LIQUIDATED = "loser_liquidated"
    STOP = "stop"
    TARGET = "target"
    EXPIRED = "expired"
    LABEL_LOST = "label_lost"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of an opportunity: when to get out, why, and what it made."""

    opportunity_id: str
    reason: EndReason
    ended_ms: int
    exit_px: Decimal | None
    gross_bps: float | None
    net_bps: float | None
    held_ms: int


@dataclass(frozen=True, slots=True)
class LiveOpportunity:
    """An opportunity that hasn't ended, with the extremes seen so far."""

    opportunity: Opportunity
    best_bps: float = 0.0
    worst_bps: float = 0.0
