"""What is told to whom: alerts and the life of their delivery."""

from dataclasses import dataclass
from enum import StrEnum

from core.model.notices import Facts
from core.model.opportunities import Ending, Opportunity


class Channel(StrEnum):
    """A way out."""

    CONSOLE = "console"
    TELEGRAM = "telegram"
    DISCORD = "discord"
    WEBHOOK = "webhook"
    APPRISE = "apprise"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes: a chat or channel id, and a topic inside it.

    Of a webhook or an Apprise service the chat is a name made from its address, which is a secret.
    """

    channel: Channel
    chat: str
    thread: str = ""

    def __str__(self) -> str:
        """Return ``telegram:123`` or ``telegram:123/4``."""
        return f"{self.channel}:{self.chat}" + (f"/{self.thread}" if self.thread else "")


class AlertKind(StrEnum):
    """What an alert says."""

    ENTRY = "entry"
    UPDATE = "update"
    """Edits the entry: its order grew, or it has ended."""
    EXIT = "exit"
    CROWD = "crowd"
    FOLLOW = "follow"
    """What a followed trader did."""
    LIST = "list"
    """A followed trader entered or left the losers' list."""
    DIGEST = "digest"
    HEALTH = "health"
    REQUEST = "request"
    """Somebody asks the owner to be let in."""
    TEST = "test"
    MERGED = "merged"
    """Several entries in one message, to a chat that takes no more."""


class DeliveryState(StrEnum):
    """The life of an alert: pending -> leased -> sending -> one of the rest; or held at once."""

    PENDING = "pending"
    LEASED = "leased"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Alert:
    """One message to one target, with all that its words need."""

    alert_id: int
    kind: AlertKind
    target: Target
    opportunity: Opportunity | None
    """Of entry, update, exit and test; None for all that is about something else."""
    ending: Ending | None
    """Of an exit, and of the update that says so in the entry."""
    nonce: str
    """At most 25 characters, the same at every repeat."""
    created_ms: int
    expires_ms: int | None
    attempts: int
    reply_to: str | None = None
    """The platform's id of the message that is to be answered or edited."""
    edits: bool = False
    """Changes the message ``reply_to`` instead of sending another."""
    is_silent: bool = False
    is_repeat: bool = False
    """An earlier try may have arrived: say so."""
    doubts: int = 0
    """How many earlier tries may have arrived."""
    doubted_ms: int | None = None
    """When the first of them may have."""
    evidence: str = ""
    """The verdict in one sentence."""
    is_demo: bool = False
    """Trader, trade and prices are made up, on a simulated exchange: say so."""
    facts: Facts | None = None
    """Of the kinds that are about something else than one opportunity."""

    @property
    def short_id(self) -> str:
        """Return the opportunity's id as readers quote it; empty where there is none."""
        return "" if self.opportunity is None else self.opportunity.short_id


@dataclass(frozen=True, slots=True)
class Backlog:
    """Entries of one target that wait to be sent."""

    target: Target
    entries: int
    expires_ms: int | None
    """When the first of them expires."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message that the platform accepted; ``remote_id`` is None where there is none."""

    remote_id: str | None
