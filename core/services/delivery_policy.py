"""What each way out can do, and so what a send is worth that may have arrived already."""

from dataclasses import dataclass

from core.model.alerts import Alert, AlertKind, Channel, Target

NONCE_LIFE_MS = 120_000
"""How long Discord knows a repeat by its nonce: "the past few minutes", taken short."""

DISCORD_WEBHOOK = "discord-"
"""How the name of a webhook begins that posts into a Discord channel."""


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """Whether to repeat what may have arrived.

    =====================  ==============================  ==========================
    receiver               knows a repeat by               so after an unknown outcome
    =====================  ==============================  ==========================
    Discord (bot)          the nonce, for two minutes      repeated while it does
    signed webhook         the event id                    repeated
    console                its reader, who is told         repeated
    an edited message      itself: the same words again    repeated
    everybody else         nothing                         only ``repeated_kinds`` are
    =====================  ==============================  ==========================

    What isn't repeated stays ``unknown`` and is shown as such. A repeat says that it is one.
    """

    repeated_kinds: frozenset[AlertKind] = frozenset({AlertKind.EXIT})
    """Better told twice than not at all, wherever they go."""

    def repeats(self, alert: Alert, doubted_ms: int) -> bool:
        """Tell whether to repeat an alert ``doubted_ms`` after it may first have arrived."""
        if alert.kind in self.repeated_kinds or alert.edits:
            return True
        match alert.target.channel:
            case Channel.CONSOLE:
                return True
            case Channel.DISCORD:
                return doubted_ms <= NONCE_LIFE_MS
            case Channel.WEBHOOK:
                return not is_discord_webhook(alert.target)
            case Channel.TELEGRAM | Channel.APPRISE:
                return False


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
