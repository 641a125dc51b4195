"""What people get when they ask: one typed result per question, the same in chat, CLI and API."""

from dataclasses import dataclass
from decimal import Decimal

from core.model.fills import CurvePoint
from core.model.market import Address, Coin
from core.model.opportunities import Crowd, Decision, LiveOpportunity
from core.model.outcomes import (
    CoinScore,
    DelayScore,
    Evidence,
    HorizonScore,
    LoserScore,
    Score,
    ScoredOpportunity,
    SideScore,
)
from core.model.positions import RoundTrip
from core.model.traders import CoinRecord, TraderStanding


@dataclass(frozen=True, slots=True)
class LosersAnswer:
    """The list, worst first; with ``all`` also those who are not eligible, each with its reasons."""

    as_of_ms: int | None
    """None: no ranking has run yet."""
    population: int
    listed: int
    items: tuple[TraderStanding, ...]
    next_cursor: str | None
    label_fdr: float | None
    earliest_ms: int | None = None
    """Where the past was asked and no ranking is that old: of when the oldest is."""
    first: int = 1
    """The first item's place among all that were asked for."""
    total: int = 0
    """How many were asked for, on all pages together."""


@dataclass(frozen=True, slots=True)
class HeldPosition:
    """A position as last known, signed in coins, with its age's time stamp."""

    coin: Coin
    szi: Decimal
    entry_px: Decimal | None
    updated_ms: int


@dataclass(frozen=True, slots=True)
class TraderAnswer:
    """One trader's card."""

    address: Address
    as_of_ms: int | None
    standing: TraderStanding | None
    """None: known to nobody here, or never ranked."""
    positions: tuple[HeldPosition, ...]
    recent_trips: tuple[RoundTrip, ...]
    by_coin: tuple[CoinRecord, ...]
    equity: tuple[CurvePoint, ...]
    faded: Score
    trips: tuple[RoundTrip, ...] = ()
    """All that closed in the window, newest first; ``recent_trips`` is their beginning."""


@dataclass(frozen=True, slots=True)
class OpportunitiesAnswer:
    """Live opportunities, newest first; and the last endings."""

    as_of_ms: int
    items: tuple[LiveOpportunity, ...]
    recent: tuple[ScoredOpportunity, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class PerformanceAnswer:
    """The score, always beside the placebo and the evidence verdict."""

    as_of_ms: int
    since_ms: int | None
    published: int
    live: int
    undelivered: int
    at_exit: HorizonScore
    horizons: tuple[HorizonScore, ...]
    delays: tuple[DelayScore, ...]
    by_coin: tuple[CoinScore, ...]
    curve: tuple[CurvePoint, ...]
    """Cumulative net bps of the losers' endings."""
    evidence: Evidence
    rehearsal: bool
    """True when these are a rehearsal's figures, which never count as evidence."""
    by_side: tuple[SideScore, ...] = ()
    by_loser: tuple[LoserScore, ...] = ()
    late: int = 0
    """Published, but found late (after a gap)."""
    placebo_curve: tuple[CurvePoint, ...] = ()
    """The same as ``curve`` of the placebo; neither knows a loser."""


@dataclass(frozen=True, slots=True)
class CrowdAnswer:
    """All losers together, the most crowded coin first."""

    as_of_ms: int
    items: tuple[Crowd, ...]


@dataclass(frozen=True, slots=True)
class DecisionsAnswer:
    """What was decided, newest first."""

    as_of_ms: int
    items: tuple[Decision, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """How the product is: numbers that say whether alerts can be trusted now."""

    as_of_ms: int
    is_running: bool
    started_ms: int | None
    """When a process last started; None: never."""
    seen_ms: int | None
    """When a process was last known to run."""
    reading: tuple[int, int] | None
    """How many traders are read, of how many; None: nothing is being read."""
    accounts_known: int
    accounts_refined: int
    fills: int
    ranking_as_of_ms: int | None
    listed: int
    population: int
    watched: int
    """By the process that runs; none without one."""
    last_trade_ms: int | None
    feed_gaps: int
    live_opportunities: int
    published: int
    outbox: dict[str, int]
    """Alerts by delivery state."""
    oldest_pending_ms: int | None
    requests_today: int
    request_errors_today: int
    error_rate_7d: float | None
    evidence: str
