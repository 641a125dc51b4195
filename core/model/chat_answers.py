"""What a chat learns about its own alerts, and about what was not alerted."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.model.alerts import AlertKind, DeliveryState
from core.model.chats import HeldBecause, Subscription
from core.model.market import Address, Coin
from core.model.opportunities import Decision, Opportunity, Rejection
from core.model.outcomes import HorizonScore


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """One entry alert of one chat, and what became of it."""

    opportunity_id: str
    state: DeliveryState
    held_because: HeldBecause | None
    published_ms: int
    sent_ms: int | None
    is_lost: bool = False
    """It was held, and the digests that were to tell it didn't arrive."""

    @property
    def is_told(self) -> bool:
        """Tell whether the chat surely got it."""
        return self.state is DeliveryState.SENT

    @property
    def is_on_the_way(self) -> bool:
        """Tell whether the chat gets it in a moment."""
        return self.state is DeliveryState.PENDING


class Filter(StrEnum):
    """The part of a chat's subscriptions that lets an opportunity not through."""

    COIN = "coin"
    """It subscribes to nothing that fits."""
    SIDE = "side"
    MIN_USD = "min_usd"
    MIN_BADNESS = "min_badness"


@dataclass(frozen=True, slots=True)
class Filtered:
    """Why a chat's subscriptions don't let an opportunity through."""

    by: Filter
    subscription: Subscription | None
    """The one that came nearest; None where there is none."""


@dataclass(frozen=True, slots=True)
class OwnMiss:
    """A published opportunity that one chat was not told of."""

    opportunity: Opportunity
    entry: OwnEntry | None
    """None: no alert was written for the chat at all."""
    filtered: Filtered | None
    """By the subscriptions of now; None: they would let it through."""


@dataclass(frozen=True, slots=True)
class WhyAnswer:
    """Near misses: entries that didn't become alerts, and what this chat's own wishes held back."""

    as_of_ms: int
    since_ms: int
    coin: Coin | None
    account: Address | None
    published: int
    stopped: Mapping[Rejection, int]
    """How many entries each rule stopped, the most frequent first."""
    items: tuple[Decision, ...]
    """The newest of those that were stopped."""
    told: int
    """Of those published: how many this chat got."""
    on_the_way: int
    missed: tuple[OwnMiss, ...]
    """Of those published: what this chat neither got nor gets in a moment, the newest first."""


@dataclass(frozen=True, slots=True)
class MineAnswer:
    """A chat's own alerts: what they made, how quickly they came, and what didn't come."""

    as_of_ms: int
    since_ms: int | None
    published: int
    """For everybody."""
    told: int
    on_the_way: int
    live: int
    """Of those told."""
    held: Mapping[HeldBecause, int]
    held_lost: int
    """Of those held: what no digest could tell."""
    undelivered: Mapping[DeliveryState, int]
    lost: Mapping[AlertKind, Mapping[DeliveryState, int]]
    """Exits and other messages that didn't come, or came without confirmation."""
    at_exit: HorizonScore
    """Of those told, beside the control of the same time."""
    delay_p50_ms: int | None
    """From publication to what the platform accepted."""
    delay_p95_ms: int | None
    evidence: str
