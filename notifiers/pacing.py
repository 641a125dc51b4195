"""How soon a platform lets us speak to a target again; asked before an alert is claimed.

All limits count over a sliding window, so that no window of that length ever holds more: a bucket
that refills allows twice as much in its first window. Numbers: Telegram's own FAQ
(https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this) and Discord's
(https://discord.com/developers/docs/topics/rate-limits); the platforms' ``retry_after`` wins.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from core.model.alerts import Channel, Target


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many messages in any window of so many seconds."""

    messages: int
    window_s: float


TELEGRAM_BOT = Limit(30, 1.0)
TELEGRAM_PRIVATE = Limit(3, 3.0)
"""One a second, with a burst of three: short bursts pass."""
TELEGRAM_GROUP = Limit(20, 60.0)
DISCORD_BOT = Limit(50, 1.0)
DISCORD_CHANNEL = Limit(5, 5.0)

MARGIN_S = 0.05
"""Added to every window: the network may bring two messages closer together than they left."""

FORGET_ABOVE = 1000
"""Silent targets are forgotten when more than so many are remembered."""


class Pacer:
    """Remember what was sent when, on an injected monotonic clock in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._sent: dict[str, deque[float]] = {}

    def delay_s(self, target: Target) -> float:
        """Return the seconds until a message to the target may go out; 0: now."""
        now = self._monotonic()
        return max((self._wait(key, limit, now) for key, limit in _limits(target)), default=0.0)

    def note_sent(self, target: Target) -> None:
        """Count a message that goes out now."""
        now = self._monotonic()
        for key, limit in _limits(target):
            times = self._sent.setdefault(key, deque(maxlen=limit.messages))
            times.append(now)
        if len(self._sent) > FORGET_ABOVE:
            longest = TELEGRAM_GROUP.window_s + MARGIN_S
            self._sent = {key: times for key, times in self._sent.items() if times[-1] > now - longest}

    def _wait(self, key: str, limit: Limit, now: float) -> float:
        times = self._sent.get(key)
        if times is None or len(times) < limit.messages:
            return 0.0
        return max(0.0, times[0] + limit.window_s + MARGIN_S - now)


def _limits(target: Target) -> tuple[tuple[str, Limit], ...]:
    """Return the limits that count for a target; topics of one chat share the chat's."""
    match target.channel:
        case Channel.TELEGRAM:
            # Groups and channels have ids below zero or names; people have neither.
            chat = TELEGRAM_GROUP if target.chat.startswith(("-", "@")) else TELEGRAM_PRIVATE
            return (("telegram", TELEGRAM_BOT), (f"telegram:{target.chat}", chat))
        case Channel.DISCORD:
            place = target.thread or target.chat
            return (("discord", DISCORD_BOT), (f"discord:{place}", DISCORD_CHANNEL))
        case Channel.CONSOLE | Channel.WEBHOOK | Channel.APPRISE:
            return ()
