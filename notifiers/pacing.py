"""How soon a platform lets us speak to a target again; asked before an alert is claimed.

All limits count over a sliding window, so that no window of that length ever holds more: a bucket
that refills allows twice as much in its first window. Numbers: Telegram's own FAQ
(https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this) and Discord's
(https://discord.com/developers/docs/topics/rate-limits); the platforms' ``retry_after`` wins.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

from core.model.alerts import Channel, Target
from core.services.delivery_policy import is_discord_webhook


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many messages in any window of so many seconds."""

    messages: int
    window_s: float

    @property
    def rate(self) -> float:
        """Return the messages a second in the long run."""
        return self.messages / self.window_s


@dataclass(frozen=True, slots=True)
class Limits:
    """What each platform takes."""

    telegram_bot: Limit = Limit(30, 1.0)
    telegram_private: Limit = Limit(3, 3.0)
    """One a second, with a burst of three: short bursts pass."""
    telegram_group: Limit = Limit(20, 60.0)
    discord_bot: Limit = Limit(50, 1.0)
    discord_channel: Limit = Limit(5, 5.0)
    discord_webhook: Limit = Limit(5, 5.0)
    """As a channel; at most 30 a minute are said to be safe for one that others use too."""
    webhook: Limit = Limit(20, 1.0)
    """One receiver of signed events; nobody's rule but our own."""
    apprise: Limit = Limit(3, 3.0)
    """Any service, so what the strictest of the common ones takes."""


MARGIN_S = 0.05
"""Added to every window: the network may bring two messages closer together than they left."""

FULL_S = 0.05
"""How soon to ask again when all that a limit allows is on its way: nobody knows when answers come."""

FORGET_ABOVE = 1000
"""Silent targets are forgotten when more than so many are remembered."""

_Rules = tuple[tuple[str, Limit], ...]


class Pacer:
    """Remember what was sent when, on an injected monotonic clock in seconds.

    A message is counted from before it goes out, and its window begins when its answer is there: it
    arrived at some moment between the two, so no window on the platform's own clock holds more.
    """

    def __init__(self, monotonic: Callable[[], float], limits: Limits | None = None) -> None:
        self._monotonic = monotonic
        self._limits = limits or Limits()
        self._sent: dict[str, deque[float]] = {}
        self._on_their_way: Counter[str] = Counter()

    def delay_s(self, target: Target) -> float:
        """Return the seconds until a message to the target may go out; 0: now."""
        return self._longest((*self._of_channel(target.channel), *self._of_target(target)))

    def channel_delay_s(self, channel: Channel) -> float:
        """Return the seconds until the platform takes any message of ours; 0: now."""
        return self._longest(self._of_channel(channel))

    def room(self, channel: Channel) -> int | None:
        """Return how many messages the platform takes at once now; None: any number."""
        now = self._monotonic()
        rooms = (limit.messages - self._used(key, limit, now) for key, limit in self._of_channel(channel))
        return min((max(0, room) for room in rooms), default=None)

    def rate(self, target: Target) -> float | None:
        """Return how many messages a second a target takes in the long run; None: any number."""
        return min((limit.rate for _, limit in self._of_target(target)), default=None)

    def channel_rate(self, channel: Channel) -> float | None:
        """Return how many messages a second all targets of a platform take together."""
        return min((limit.rate for _, limit in self._of_channel(channel)), default=None)

    @contextmanager
    def sending(self, target: Target) -> Iterator[None]:
        """Count a message from before it goes out until its answer is there."""
        rules = (*self._of_channel(target.channel), *self._of_target(target))
        for key, _ in rules:
            self._on_their_way[key] += 1
        try:
            yield
        finally:
            now = self._monotonic()
            for key, limit in rules:
                self._on_their_way[key] -= 1
                self._sent.setdefault(key, deque(maxlen=limit.messages)).append(now)
            self._forget(now)

    def _forget(self, now: float) -> None:
        if len(self._sent) <= FORGET_ABOVE:
            return
        longest = max(getattr(self._limits, one.name).window_s for one in fields(self._limits))
        self._sent = {key: times for key, times in self._sent.items() if times[-1] > now - longest - MARGIN_S}
        self._on_their_way = +self._on_their_way

    def _longest(self, rules: _Rules) -> float:
        now = self._monotonic()
        return max((self._wait(key, limit, now) for key, limit in rules), default=0.0)

    def _wait(self, key: str, limit: Limit, now: float) -> float:
        free = limit.messages - self._on_their_way[key]
        times = self._sent.get(key, ())
        if free <= 0:
            return FULL_S
        # of the last ``free`` answers the oldest must have left the window
        return max(0.0, times[-free] + limit.window_s + MARGIN_S - now) if len(times) >= free else 0.0

    def _used(self, key: str, limit: Limit, now: float) -> int:
        begin = now - limit.window_s - MARGIN_S
        return self._on_their_way[key] + sum(1 for at in self._sent.get(key, ()) if at > begin)

    def _of_channel(self, channel: Channel) -> _Rules:
        """Return the limits of all targets of a platform together."""
        match channel:
            case Channel.TELEGRAM:
                return (("telegram", self._limits.telegram_bot),)
            case Channel.DISCORD:
                return (("discord", self._limits.discord_bot),)
            case Channel.CONSOLE | Channel.WEBHOOK | Channel.APPRISE:
                return ()

    def _of_target(self, target: Target) -> _Rules:
        """Return the limits of one target; topics of one chat share the chat's."""
        limits = self._limits
        match target.channel:
            case Channel.TELEGRAM:
                # Groups and channels have ids below zero or names; people have neither.
                is_group = target.chat.startswith(("-", "@"))
                limit = limits.telegram_group if is_group else limits.telegram_private
                return ((f"telegram:{target.chat}", limit),)
            case Channel.DISCORD:
                return ((f"discord:{target.thread or target.chat}", limits.discord_channel),)
            case Channel.WEBHOOK:
                limit = limits.discord_webhook if is_discord_webhook(target) else limits.webhook
                return ((f"webhook:{target.chat}", limit),)
            case Channel.APPRISE:
                return ((f"apprise:{target.chat}", limits.apprise),)
            case Channel.CONSOLE:
                return ()
