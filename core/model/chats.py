"""Who listens, what they may do, and what they want to hear."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum

from core.model.alerts import AlertKind, Target
from core.model.market import Address, Coin, Direction


class Role(StrEnum):
    """What a chat may do."""

    OWNER = "owner"
    MEMBER = "member"
    PENDING = "pending"
    DECLINED = "declined"
    """An owner said no: answered with silence, asked about no more."""


class Loudness(StrEnum):
    """How one kind of alert comes."""

    ON = "on"
    SILENT = "silent"
    OFF = "off"


class DigestPeriod(StrEnum):
    """How often a chat gets its digest."""

    OFF = "off"
    DAILY = "daily"
    WEEKLY = "weekly"


class HeldBecause(StrEnum):
    """The chat's own wish that kept an alert back."""

    MUTED = "muted"
    QUIET = "quiet"
    CAP = "cap"
    OFF = "off"


LOUDNESS: Mapping[AlertKind, Loudness] = {
    AlertKind.ENTRY: Loudness.ON,
    AlertKind.EXIT: Loudness.ON,
    AlertKind.UPDATE: Loudness.ON,
    AlertKind.CROWD: Loudness.ON,
    AlertKind.FOLLOW: Loudness.ON,
    AlertKind.LIST: Loudness.SILENT,
    AlertKind.HEALTH: Loudness.ON,
}
"""The kinds that ``/settings`` can turn, and how they come unless a chat says otherwise."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one chat wants: a coin (None: all) and side (None: both), at least this much."""

    coin: Coin | None
    min_usd: float = 0.0
    min_badness: float = 0.0
    side: Direction | None = None
    """What the alert suggests."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A time of day in which only exits come; may run over midnight."""

    begin: time
    end: time


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """How a chat wants to be told."""

    loudness: Mapping[AlertKind, Loudness] = field(default_factory=dict)
    """Only what differs from ``LOUDNESS``."""
    quiet: QuietHours | None = None
    time_zone: str = "UTC"
    """An IANA name: of the quiet hours and the digest's hour."""
    hourly_cap: int | None = None
    """Entries an hour; the rest is held for the digest."""
    digest: DigestPeriod = DigestPeriod.OFF
    digest_hour: int = 8

    def loudness_of(self, kind: AlertKind) -> Loudness:
        """Return how a kind comes to this chat."""
        return self.loudness.get(kind, LOUDNESS.get(kind, Loudness.ON))


@dataclass(frozen=True, slots=True)
class Follow:
    """A trader whose every event a chat wants to hear, under the chat's own name for them."""

    address: Address
    label: str | None


@dataclass(frozen=True, slots=True)
class Mute:
    """What a chat doesn't want to hear for a while: ``all``, a coin or an address."""

    what: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat that spoke to the bot."""

    target: Target
    role: Role
    title: str
    disabled_reason: str | None
    subscriptions: tuple[Subscription, ...]
    settings: ChatSettings = field(default_factory=ChatSettings)
    follows: tuple[Follow, ...] = ()
    asked_by: str | None = None
    """The id of the person who asked to be let in."""
