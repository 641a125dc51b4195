"""What alerts say that are about something else than one opportunity's beginning or end."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from core.model.market import Address, Coin, Direction
from core.model.opportunities import Ending, Opportunity, Rejection
from core.model.positions import PositionEvent


@dataclass(frozen=True, slots=True)
class Growth:
    """The order behind a published opportunity has grown since."""

    opportunity_id: str
    loser_px: Decimal
    """Average of all its fills so far."""
    loser_notional_usd: float
    """All that was taken so far."""
    as_of_ms: int


@dataclass(frozen=True, slots=True)
class CrowdFacts:
    """Several losers on one side of a coin within a short time, and who opposes them."""

    coin: Coin
    side: Direction
    """What is suggested: the other side of the crowd's."""
    since_ms: int
    members: tuple[Opportunity, ...]
    """The opportunities on this side, the oldest first; whoever joined stays."""
    opposing: tuple[Opportunity, ...]
    """The live opportunities on the other side."""
    endings: tuple[Ending, ...] = ()
    """Of those members that are over."""


@dataclass(frozen=True, slots=True)
class FollowFacts:
    """One event of a trader whom the chat follows, and what our rule made of it."""

    event: PositionEvent
    label: str | None
    rank: int | None
    rejection: Rejection | None
    """None: it became an opportunity."""


@dataclass(frozen=True, slots=True)
class ListFacts:
    """A followed trader entered or left the losers' list."""

    address: Address
    label: str | None
    is_listed: bool
    rank: int | None
    badness: float | None
    reasons: tuple[str, ...]
    """Why they left, in plain words."""
    as_of_ms: int


@dataclass(frozen=True, slots=True)
class DigestLine:
    """One opportunity of the period as the chat's digest tells it."""

    opportunity: Opportunity
    net_bps: float | None
    """None: still live, or no price."""
    end_reason: str | None
    held_because: str | None
    """None: it was told at the time."""


@dataclass(frozen=True, slots=True)
class DigestFacts:
    """What happened since a chat's last digest."""

    since_ms: int
    until_ms: int
    published: int
    """By everybody's measure, not only this chat's."""
    told: int
    """Entries that this chat got."""
    held: dict[str, int]
    """Entries kept back by this chat's own wish, by reason."""
    undelivered: int
    ended: int
    win_rate: float | None
    mean_net_bps: float | None
    placebo_mean_net_bps: float | None
    lines: tuple[DigestLine, ...]
    """What was held, the newest first; then the best and the worst of what was told."""
    evidence: str
    ledger_head: str
    """SHA-256 of the newest ledger entry, so that readers hold the witness."""
    ledger_entries: int
    followed: tuple[FollowFacts, ...] = ()
    """Events of followed traders that were held, the newest first."""
    moved: tuple[ListFacts, ...] = ()
    """Changes of the list among followed traders that were held."""
    time_zone: str = "UTC"
    """Of the chat's wall clock."""
    is_regular: bool = True
    """The digest that the chat asked for; else only what quiet hours or its cap held back."""


class Problem(StrEnum):
    """What the owner should know about the program itself."""

    FEED_DEAF = "feed_deaf"
    LIST_STALE = "list_stale"
    DISPATCH_BEHIND = "dispatch_behind"
    CHAT_OFF = "chat_off"
    """A platform says for good that a chat can't be written to."""


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """A problem that began or ended."""

    problem: Problem
    since_ms: int
    is_over: bool
    detail: str
    """What was seen and what to do, in one or two sentences."""


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """Somebody asks to be let in."""

    target: str
    """As ``core.model.alerts.Target`` reads: ``telegram:123``."""
    title: str
    """Foreign text."""
    asked_by: str | None
    is_let_in: bool = False
    """The owner said yes: told to the chat that asked."""


@dataclass(frozen=True, slots=True)
class MergedFacts:
    """Entries that came faster than this chat may be written to."""

    lines: tuple[DigestLine, ...]
    """The newest first; what has ended meanwhile says so."""


Facts = Growth | CrowdFacts | FollowFacts | ListFacts | DigestFacts | HealthFacts | RequestFacts | MergedFacts
