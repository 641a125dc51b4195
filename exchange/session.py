"""One conversation with the exchange's WebSocket: no socket, no clock; moments in, messages out.

A subscription's life:

    wanted ──send──> ASKED ──ack, "Already subscribed"──> LIVE ──not wanted, send──> LEAVING ──ack──> gone
                       │ no ack in time: sent again, and after the last try ──> REFUSED
                       │ "Invalid subscription {…}" ──> REFUSED
                       └ "Cannot subscribe to more …": back to wanted, after a pause

The server closes a connection on which it has sent nothing for 60 s, so quiet ones are pinged in
JSON. A pong is life; data is health: a link that had data at some rate and has none for far longer
is stale, though it answers pings.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from exchange.wire.frames import PING, Ack, Subscription, named_in, request, subscription_of


@dataclass(frozen=True, slots=True)
class FeedTiming:
    """How long to wait for what, in seconds."""

    open_s: float = 10.0
    ping_s: float = 20.0
    pong_s: float = 10.0
    """A ping must be followed by some frame within this; shorter than ``ping_s``."""
    ack_s: float = 10.0
    ack_tries: int = 3
    limit_pause_s: float = 30.0
    """After "Cannot subscribe to more …": a dropped connection's subscriptions still count a while."""
    silence_s: float = 30.0
    """Data may be missing this long at least before the link is stale."""
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 30.0
    steady_s: float = 10.0
    """A connection that lasted this long wasn't a failed attempt."""

    def __post_init__(self) -> None:
        if self.pong_s >= self.ping_s:
            raise ValueError(f"pong_s ({self.pong_s}) must be shorter than ping_s ({self.ping_s})")


SILENCE_FACTOR = 30
"""Stale after so many mean pauses between data frames; at random moments once in e^30."""

SILENCE_MIN_FRAMES = 30
"""Below this many data frames their rate isn't known."""


class State(Enum):
    """Where a subscription stands; see the drawing above."""

    ASKED = "asked"
    LIVE = "live"
    LEAVING = "leaving"
    REFUSED = "refused"


@dataclass(slots=True)
class _Entry:
    state: State
    sent_at: float = 0.0
    tries: int = 0


class Session:
    """The state of one connection, from its opening on. Times are monotonic seconds."""

    def __init__(self, timing: FeedTiming, now: float) -> None:
        self._timing = timing
        self._wanted: dict[Subscription, None] = {}
        self._entries: dict[Subscription, _Entry] = {}
        self._held_until = now
        self._pinged_at: float | None = None
        self.opened_at = now
        self.heard_at = now
        """When the last frame came; the feed sets it, to spare the hot path a call."""
        self.data_at = now
        self.data_frames = 0
        self._first_data_at = now
        self.since_ms: dict[str, int] = {}
        """By coin: when its trades were subscribed; older trades are history."""

    # --- what we want ---------------------------------------------------------------------------

    def want(self, subscriptions: Iterable[Subscription]) -> None:
        """Have exactly these subscriptions from now on; ``due`` says what to send for it."""
        self._wanted = dict.fromkeys(subscriptions)

    def due(self, now: float, now_ms: int) -> list[bytes]:
        """Return the messages to send now."""
        messages: list[bytes] = []
        if self._pinged_at is None or now - self._pinged_at >= self._timing.ping_s:
            self._pinged_at = now
            messages.append(PING)
        for subscription, entry in list(self._entries.items()):
            if subscription not in self._wanted:
                messages += self._leave(subscription, entry, now)
        if now < self._held_until:
            return messages
        for subscription in self._wanted:
            messages += self._ask(subscription, now, now_ms)
        return messages

    def next_due(self, now: float) -> float:
        """Return when ``due`` and ``staleness`` are to be asked again, at the latest."""
        pinged_at = now if self._pinged_at is None else self._pinged_at
        moments = [pinged_at + self._timing.ping_s, pinged_at + self._timing.pong_s]
        moments += [e.sent_at + self._timing.ack_s for e in self._entries.values() if _is_open(e)]
        if self._held_until > now:
            moments.append(self._held_until)
        if self.data_frames >= SILENCE_MIN_FRAMES:
            moments.append(self.data_at + self._allowed_silence_s())
        return min((m for m in moments if m > now), default=now + self._timing.ping_s)

    def _ask(self, subscription: Subscription, now: float, now_ms: int) -> list[bytes]:
        entry = self._entries.setdefault(subscription, _Entry(State.ASKED))
        is_overdue = entry.tries == 0 or now - entry.sent_at >= self._timing.ack_s
        if entry.state is not State.ASKED or not is_overdue:
            return []
        if entry.tries >= self._timing.ack_tries:
            entry.state = State.REFUSED
            return []
        entry.sent_at, entry.tries = now, entry.tries + 1
        if subscription.type == "trades":
            self.since_ms[subscription.coin] = now_ms
        return [request("subscribe", subscription)]

    def _leave(self, subscription: Subscription, entry: _Entry, now: float) -> list[bytes]:
        if entry.state is State.LEAVING or entry.state is State.REFUSED:
            if entry.state is State.REFUSED or now - entry.sent_at >= self._timing.ack_s:
                del self._entries[subscription]
            return []
        entry.state, entry.sent_at = State.LEAVING, now
        return [request("unsubscribe", subscription)]

    # --- what we hear ---------------------------------------------------------------------------

    def acked(self, ack: Ack) -> None:
        """Take an acknowledgement."""
        self._settle(subscription_of(ack.subscription), is_live=ack.method == "subscribe")

    def errored(self, text: str, now: float) -> bool:
        """Take an error frame, most of which don't say which request they refuse; return whether it is news.

        What is "already" so was only asked for twice; of the limit every refused request tells.
        """
        is_news = not text.startswith("Already ")
        subscription = named_in(text)
        if text.startswith("Already subscribed") and subscription is not None:
            self._settle(subscription, is_live=True)
        elif text.startswith("Already unsubscribed") and subscription is not None:
            self._settle(subscription, is_live=False)
        elif text.startswith("Invalid subscription") and subscription in self._entries:
            self._entries[subscription].state = State.REFUSED
        elif text.startswith("Cannot subscribe to more"):
            is_news = now >= self._held_until
            self._held_until = now + self._timing.limit_pause_s
            for subscription, entry in list(self._entries.items()):
                if entry.state is State.ASKED:
                    del self._entries[subscription]
        return is_news

    def had_data(self, now: float) -> None:
        """Take note of a data frame."""
        if self.data_frames == 0:
            self._first_data_at = now
        self.data_frames += 1
        self.data_at = now

    def _settle(self, subscription: Subscription, *, is_live: bool) -> None:
        entry = self._entries.get(subscription)
        if entry is None:
            return
        if is_live and entry.state in (State.ASKED, State.REFUSED):
            entry.state = State.LIVE
        elif not is_live and entry.state is State.LEAVING:
            del self._entries[subscription]

    # --- how it stands --------------------------------------------------------------------------

    @property
    def is_settled(self) -> bool:
        """Tell whether every wanted subscription is live or refused."""
        entries = (self._entries.get(subscription) for subscription in self._wanted)
        return all(e is not None and e.state in (State.LIVE, State.REFUSED) for e in entries)

    def refused(self) -> list[Subscription]:
        """Return what the exchange won't give."""
        return [s for s, e in self._entries.items() if e.state is State.REFUSED]

    def suspect(self) -> Subscription | None:
        """Return what was probably the reason if the connection broke off just now.

        An unknown coin closes the socket without a word. Requests are answered in order, so it is
        the first that has no answer, provided that the server answered anything at all.
        """
        if self.heard_at <= self.opened_at:
            return None
        return next((s for s, e in self._entries.items() if e.state is State.ASKED and e.tries), None)

    def staleness(self, now: float) -> str | None:
        """Say why the connection is to be given up, or None."""
        pinged_at = self._pinged_at
        if pinged_at is not None and self.heard_at <= pinged_at and now - pinged_at >= self._timing.pong_s:
            return "a ping got no answer"
        if self.data_frames >= SILENCE_MIN_FRAMES and now - self.data_at >= self._allowed_silence_s():
            return "no data, though pings are answered"
        return None

    def _allowed_silence_s(self) -> float:
        mean_s = (self.data_at - self._first_data_at) / max(1, self.data_frames - 1)
        return max(self._timing.silence_s, SILENCE_FACTOR * mean_s)


def _is_open(entry: _Entry) -> bool:
    return entry.state in (State.ASKED, State.LEAVING)


def spread(
    links: list[list[Subscription]], wanted: Iterable[Subscription], per_link: int
) -> list[list[Subscription]]:
    """Distribute subscriptions over connections, moving none that is already somewhere."""
    targets = dict.fromkeys(wanted)
    kept = [[s for s in link if s in targets] for link in links]
    placed = {s for link in kept for s in link}
    for subscription in targets:
        if subscription in placed:
            continue
        emptiest = min(kept, key=len, default=None)
        if emptiest is None or len(emptiest) >= per_link:
            emptiest = []
            kept.append(emptiest)
        emptiest.append(subscription)
    return kept
