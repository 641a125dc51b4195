"""Chats, the queue of alerts, and where they go."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from core.digests import DigestChat, DueDigest
from core.model.alerts import Alert, Backlog, Channel, Delivered, Target
from core.model.chats import Chat, ChatSettings, Mute, Role, Subscription
from core.model.market import Address, Coin
from core.model.notices import HealthFacts, RequestFacts


class Outbox(Protocol):
    """The queue of alerts. A row is leased, committed as sending, sent, and marked."""

    async def lease(
        self,
        channels: Sequence[Channel],
        limit: int,
        lease_s: float,
        owner: str,
        room: Mapping[Channel, int] = ...,
    ) -> list[Alert]:
        """Lease due alerts, at most one per target, in order per target; ``room``: no more per channel."""
        ...

    async def sending(self, alert_id: int, owner: str) -> bool:
        """Commit that the request is about to go out; False when the lease was lost."""
        ...

    async def sent(self, alert_id: int, remote_id: str | None, now_ms: int) -> None: ...
    async def retry(
        self, alert_id: int, error: str, delay_s: float, *, doubted_ms: int | None = None
    ) -> None:
        """Put an alert back for later; one that may have arrived, then, will say that it is a repeat."""
        ...

    async def unknown(self, alert_id: int, error: str) -> None: ...
    async def dead(self, alert_id: int, error: str) -> None: ...
    async def expired(self, alert_id: int, why: str) -> None: ...
    async def release(self, owner: str) -> None:
        """Return this owner's unsent leases to pending (shutdown)."""
        ...

    async def recover(self) -> list[Alert]:
        """Return alerts found ``sending`` after their lease ran out, their outcome unknown."""
        ...

    async def hold_target(self, target: Target, delay_s: float) -> None:
        """Send nothing to this target for so long."""
        ...

    async def disable_target(self, target: Target, reason: str) -> None: ...
    async def move_target(self, target: Target, new_chat: str) -> None: ...
    async def next_due_s(self) -> float | None: ...
    async def backlogs(self, channels: Sequence[Channel]) -> list[Backlog]:
        """Return the targets for which more than one entry waits."""
        ...

    async def merge(self, target: Target, keep: int, now_ms: int) -> int:
        """Put all waiting entries of a target but the first ``keep`` into one message; return how many."""
        ...

    async def add_test(self, target: Target, now_ms: int) -> int:
        """Queue a marked rehearsal alert and return its id."""
        ...


class Pace(Protocol):
    """Knows how soon a platform lets us speak to a target again."""

    def delay_s(self, target: Target) -> float:
        """Return the seconds until a message may go out; 0: now."""
        ...

    def channel_delay_s(self, channel: Channel) -> float:
        """Return the seconds until the platform takes any message of ours; 0: now."""
        ...

    def room(self, channel: Channel) -> int | None:
        """Return how many messages the platform takes at once now; None: any number."""
        ...

    def rate(self, target: Target) -> float | None:
        """Return how many messages a second a target takes in the long run; None: any number."""
        ...

    def channel_rate(self, channel: Channel) -> float | None:
        """Return how many messages a second all targets of a platform take together."""
        ...

    def sending(self, target: Target) -> AbstractContextManager[None]:
        """Count a message from before it goes out until its answer is there."""
        ...


class Waker(Protocol):
    """Tells when the outbox may have new rows: a hint, beside polling."""

    async def wait(self, timeout_s: float) -> None: ...


class Notifier(Protocol):
    """One destination. Sends one alert or raises ``core.errors.DeliveryError``."""

    channel: Channel

    async def send(self, alert: Alert, now_ms: int) -> Delivered: ...


class ChatStore(Protocol):
    """Who may hear what."""

    async def chat(self, target: Target) -> Chat | None: ...
    async def add_chat(self, target: Target, role: Role, title: str) -> Chat: ...
    async def set_role(self, target: Target, role: Role) -> None: ...
    async def enable(self, target: Target) -> None: ...
    async def subscribe(self, target: Target, subscription: Subscription) -> None: ...
    async def unsubscribe(self, target: Target, coin: Coin | None) -> int:
        """Remove one coin's subscription (None: all of them); return how many."""
        ...

    async def owners(self) -> list[Chat]: ...
    async def pending(self) -> list[Chat]:
        """Return who waits to be let in, the longest first."""
        ...

    async def note_asker(self, target: Target, user_id: str | None) -> None: ...
    async def note_place(self, target: Target, within: Target) -> None:
        """Remember the channel that a known thread is in: turned out at once if that is declined."""
        ...

    async def forget(self, target: Target) -> None:
        """Delete a chat and all that it wanted; of a declined one nothing stays but that it was declined."""
        ...

    async def claim_owner(self, target: Target, code: str, title: str) -> bool:
        """Make this chat the owner if the one-time code is right and unused."""
        ...


class WishStore(Protocol):
    """How chats want to be told, whom they follow, and what they muted."""

    async def save_settings(self, target: Target, settings: ChatSettings) -> None: ...
    async def follow(self, target: Target, address: Address, label: str | None) -> None: ...
    async def unfollow(self, target: Target, address: Address) -> bool: ...
    async def followed(self) -> list[Address]:
        """Return everybody whom a chat that may be written to follows."""
        ...

    async def mute(self, target: Target, what: str, until_ms: int) -> None:
        """Keep ``all``, a coin or an address from a chat until then."""
        ...

    async def unmute(self, target: Target, what: str | None) -> int:
        """End one mute (None: all of them); return how many."""
        ...

    async def mutes(self, target: Target, now_ms: int) -> tuple[Mute, ...]: ...
    async def forget_mutes(self, now_ms: int) -> None:
        """Delete what is over, of all chats."""
        ...


class OwnerNotices(Protocol):
    """What owners are told about the program and its chats; each once."""

    async def ask_owner(self, request: RequestFacts, now_ms: int) -> bool:
        """Tell that somebody asks to be let in, at most once a day; False: told already."""
        ...

    async def tell_admitted(self, target: Target, request: RequestFacts, now_ms: int) -> None:
        """Tell a chat that asked that it was let in."""
        ...

    async def health(self, facts: HealthFacts, now_ms: int) -> bool:
        """Tell that a problem began or is over; False: told already."""
        ...


class DigestStore(Protocol):
    """What chats have not heard yet, and the digests that tell it."""

    async def digest_chats(self, now_ms: int) -> list[DigestChat]:
        """Return every chat that may have a digest due; a regular one's time begins when it is first seen."""
        ...

    async def add_digest(self, target: Target, due: DueDigest, evidence: str, now_ms: int) -> bool:
        """Write and queue one digest, in which all that was held is told; False: written already."""
        ...
