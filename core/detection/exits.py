"""When an opportunity ends, and at what price."""

from core.model.opportunities import EndReason, LiveOpportunity, Opportunity
from core.model.positions import EventKind, PositionEvent


def end_by_event(opportunity: Opportunity, event: PositionEvent) -> EndReason | None:
    """Tell whether the loser's own event ends the opportunity.

    Any liquidation of the position does; else leaving the faded side: flat, or the other side.
    """
    if event.account != opportunity.loser or event.coin != opportunity.coin:
        return None
    if event.time_ms < opportunity.event_ms:
        return None
    loser_sign = opportunity.side.opposite.sign
    if event.before * loser_sign <= 0:
        return None
    if event.kind is EventKind.LIQUIDATION:
        return EndReason.LOSER_LIQUIDATED
    if event.after * loser_sign > 0:
        return None
    return EndReason.LOSER_FLIPPED if event.kind is EventKind.FLIP else EndReason.LOSER_CLOSED


def has_expired(live: LiveOpportunity, now_ms: int) -> bool:
    """Tell whether the opportunity's time is up."""
    return now_ms >= live.opportunity.expires_ms
