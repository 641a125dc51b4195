"""What each way out can do, and so what a send is worth that may have arrived already."""

from dataclasses import dataclass

from core.model.alerts import Alert, AlertKind, Channel, Target
from core.model.market import DAY_MS

NONCE_LIFE_MS = 120_000
"""How long Discord knows a repeat by its nonce: "the past few minutes", taken short."""

MOST_DOUBTS = 20
"""Tries that may have arrived, of one alert: with the pauses between them about three quarters of an hour."""

LONGEST_DOUBT_MS = DAY_MS
"""For so long a signed webhook gets again what it may have got."""

LONGEST_UNSENT_MS = 3 * DAY_MS
"""For so long is tried what surely didn't arrive and has no time of its own after which it is worthless."""

FEW_TRIES = 10
"""So often it is tried however old it is: who starts again after a week may not be on line at once."""

DISCORD_WEBHOOK = "discord-"
"""How the name of a webhook begins that posts into a Discord channel."""


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """Whether to repeat what may have arrived.

    =====================  ==============================  ============================
    receiver               knows a repeat by               so after an unknown outcome
    =====================  ==============================  ============================
    Discord (bot)          the nonce, for two minutes      repeated while it does
    signed webhook         the event id                    repeated for a day
    console                its reader, who is told         repeated, ``MOST_DOUBTS`` in all
    an edited message      itself: the same words again    the same
    everybody else         nothing                         only ``repeated_kinds`` are: the same
    =====================  ==============================  ============================

    What isn't repeated any more stays ``unknown`` and is shown as such. A repeat says that it is one.
    """

    repeated_kinds: frozenset[AlertKind] = frozenset({AlertKind.EXIT})
    """Better told twice than not at all, wherever they go."""

    def repeats(self, alert: Alert, doubted_ms: int) -> bool:
        """Tell whether to repeat an alert ``doubted_ms`` after it may first have arrived."""
        if alert.target.channel is Channel.WEBHOOK and not is_discord_webhook(alert.target):
            return doubted_ms <= LONGEST_DOUBT_MS
        if alert.kind in self.repeated_kinds or alert.edits or alert.target.channel is Channel.CONSOLE:
            return alert.doubts + 1 < MOST_DOUBTS
        return alert.target.channel is Channel.DISCORD and doubted_ms <= NONCE_LIFE_MS

    def gives_up(self, alert: Alert, now_ms: int) -> bool:
        """Tell whether an alert that surely didn't arrive was tried for long enough."""
        return (
            alert.expires_ms is None
            and alert.attempts >= FEW_TRIES
            and now_ms - alert.created_ms > LONGEST_UNSENT_MS
        )


def is_discord_webhook(target: Target) -> bool:
    """Tell whether a target is a Discord channel behind a webhook, which takes no nonce."""
    return target.channel is Channel.WEBHOOK and target.chat.startswith(DISCORD_WEBHOOK)


def why_pointless(alert: Alert) -> str | None:
    """Say why an alert can't be told to its target at all, or return None.

    A signed webhook gets changes as events of their own.
    """
    if not alert.edits or (alert.target.channel is Channel.WEBHOOK and not is_discord_webhook(alert.target)):
        return None
    if alert.target.channel in (Channel.CONSOLE, Channel.APPRISE):
        return "what was said here can't be changed"
    if alert.reply_to is None:
        return "the message that it would change isn't known"
    return None
