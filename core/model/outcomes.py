"""What opportunities made: prices at fixed moments, and the score that follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from core.model.market import Address, Coin, Direction
from core.model.opportunities import Ending, Opportunity
from core.model.traders import Horizon

DELAYS_MS = (0, 5_000, 30_000, 300_000)
"""Entry delays at which every outcome is also scored: edge against delay."""


@dataclass(frozen=True, slots=True)
class PriceSample:
    """The mid of the opportunity's coin, ``offset_ms`` after publication; None: known to be missing."""

    opportunity_id: str
    offset_ms: int
    px: Decimal | None
    sampled_ms: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one opportunity at one horizon (None: at its exit) for one entry delay, in bps."""

    opportunity_id: str
    horizon: Horizon | None
    delay_ms: int
    gross_bps: float | None
    cost_bps: float
    funding_bps: float
    net_bps: float | None


@dataclass(frozen=True, slots=True)
class ScoredOpportunity:
    """An opportunity with all that its score needs."""

    opportunity: Opportunity
    ending: Ending | None
    outcomes: tuple[Outcome, ...]
    best_bps: float | None
    worst_bps: float | None


class Verdict(StrEnum):
    """What the score says on the whole."""

    SUPPORTED = "supported"
    WITHDRAWN = "withdrawn"
    NONE_YET = "none yet"


Blocks = Mapping[int, tuple[float, int]]
"""Sum of bps and count of results, by number of the block of UTC days."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Score:
    """Count, win rate, mean and median net bps of one group of outcomes."""

    n: int
    missing: int
    wins: int
    win_rate: float | None
    win_rate_interval: Interval | None
    mean_net_bps: float | None
    median_net_bps: float | None
    mean_interval: Interval | None
    blocks: int
    profit_factor: float | None
    max_drawdown_bps: float | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The verdict and the figure it rests on."""

    verdict: Verdict
    horizon: Horizon
    delay_ms: int
    losers: Score
    placebo: Score
    difference_interval: Interval | None
    sentence: str


@dataclass(frozen=True, slots=True)
class HorizonScore:
    """The two groups side by side at one horizon (None: at exit)."""

    horizon: Horizon | None
    losers: Score
    placebo: Score


@dataclass(frozen=True, slots=True)
class CoinScore:
    """The losers' score at exit in one coin."""

    coin: Coin
    score: Score


@dataclass(frozen=True, slots=True)
class DelayScore:
    """The losers' score at the evidence horizon for one entry delay."""

    delay_ms: int
    score: Score


@dataclass(frozen=True, slots=True)
class LoserScore:
    """The score at exit of what one account was faded with."""

    loser: Address
    score: Score


@dataclass(frozen=True, slots=True)
class SideScore:
    """The losers' score at exit of one side that the fader was told to take."""

    side: Direction
    score: Score
