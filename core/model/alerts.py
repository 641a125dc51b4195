"""What is told to whom: chats, subscriptions, alerts and the life of their delivery."""

from dataclasses import dataclass
from enum import StrEnum

from core.model.market import Coin
from core.model.opportunities import Ending, Opportunity


class Channel(StrEnum):
    """A way out."""

    CONSOLE = "console"
    TELEGRAM = "telegram"
    DISCORD = "discord"


class Role(StrEnum):
    """What a chat may do."""

    OWNER = "owner"
    MEMBER = "member"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes: a chat or channel id, and a topic inside it."""

    channel: Channel
    chat: str
    thread: str = ""

    def __str__(self) -> str:
        """Return ``telegram:123`` or ``telegram:123/4``."""
        return f"{self.channel}:{self.chat}" + (f"/{self.thread}" if self.thread else "")


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one chat wants: a coin (None: all), at least this much."""

    coin: Coin | None
    min_usd: float = 0.0
    min_badness: float = 0.0


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat that spoke to the bot."""

    target: Target
    role: Role
    title: str
    disabled_reason: str | None
    subscriptions: tuple[Subscription, ...]


class AlertKind(StrEnum):
    """What an alert says."""

    ENTRY = "entry"
    EXIT = "exit"
    TEST = "test"


class DeliveryState(StrEnum):
    """The life of an alert: pending -> leased -> sending -> one of the rest."""

    PENDING = "pending"
    LEASED = "leased"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Alert:
    """One message to one target, with all that its words need."""

    alert_id: int
    kind: AlertKind
    target: Target
    opportunity: Opportunity
    ending: Ending | None
    nonce: str
    """At most 25 characters, the same at every repeat."""
    created_ms: int
    expires_ms: int | None
    attempts: int
    reply_to: str | None = None
    """The platform's id of the entry this exit answers."""
    is_repeat: bool = False
    """An earlier try may have arrived: say so."""
    evidence: str = ""
    """The verdict in one sentence."""
    is_demo: bool = False
    """Trader, trade and prices are made up, on a simulated exchange: say so."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message that the platform accepted; ``remote_id`` is None where there is none."""

    remote_id: str | None
