"""What one opportunity made: prices at fixed moments turned into bps after costs, and its bounds."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from core.model.market import HOUR_MS
from core.model.opportunities import Ending, EndReason, LiveOpportunity, Opportunity
from core.model.outcomes import DELAYS_MS, Outcome
from core.model.traders import Horizon

Samples = Mapping[int, Decimal | None]
"""Mid in USD by milliseconds after publication; None: due and missing. An absent key: not yet due."""


def due_offsets_ms() -> tuple[int, ...]:
    """Return the moments after publication at which a price is wanted, in ms, ascending."""
    return tuple(sorted({d for d in DELAYS_MS if d > 0} | {h.ms for h in Horizon}))


def outcomes(
    opportunity: Opportunity, samples: Samples, ending: Ending | None, taker_fee_bps: float
) -> tuple[Outcome, ...]:
    """Return the outcome of every horizon whose price is due, and of the exit once there is one.

    Each for every entry delay, in bps of the entry price; a missing price, or a delay that isn't
    shorter than the time held, gives None. Horizons go on after the ending: they answer another
    question than the exit does. Docs: docs/formulas.md, outcomes.
    """
    found = [
        _outcome(opportunity, samples, horizon, delay, samples[horizon.ms], horizon.ms, taker_fee_bps)
        for horizon in Horizon
        if horizon.ms in samples
        for delay in DELAYS_MS
    ]
    if ending is not None:
        found += [
            _outcome(opportunity, samples, None, delay, ending.exit_px, ending.held_ms, taker_fee_bps)
            for delay in DELAYS_MS
        ]
    return tuple(found)


def _outcome(
    opportunity: Opportunity,
    samples: Samples,
    horizon: Horizon | None,
    delay_ms: int,
    exit_px: Decimal | None,
    held_ms: int,
    taker_fee_bps: float,
) -> Outcome:
    entry_px = opportunity.reference_px if delay_ms == 0 else samples.get(delay_ms)
    gross = None
    if entry_px is not None and exit_px is not None and delay_ms < held_ms:
        gross = signed_bps(opportunity, entry_px, exit_px)
    cost = round_trip_cost_bps(opportunity, delay_ms, taker_fee_bps)
    funding = funding_bps(opportunity, delay_ms, held_ms)
    net = None if gross is None else gross - cost + funding
    return Outcome(opportunity.opportunity_id, horizon, delay_ms, gross, cost, funding, net)


def signed_bps(opportunity: Opportunity, entry_px: Decimal, px: Decimal) -> float:
    """Return the move from entry to ``px`` in bps of the entry, positive when the fader gains."""
    return float((px - entry_px) / entry_px) * 1e4 * opportunity.side.sign


def round_trip_cost_bps(opportunity: Opportunity, delay_ms: int, taker_fee_bps: float) -> float:
    """Return fees and spread of a way in and out, in bps.

    The exit is at a mid and pays half a spread. The entry at publication is at the opposing best
    price (without a book: a last trade already worsened), so it pays none; a later one is at a mid.
    """
    half_spreads = 1 if delay_ms == 0 else 2
    return 2 * taker_fee_bps + half_spreads * opportunity.half_spread_bps


def funding_bps(opportunity: Opportunity, delay_ms: int, held_ms: int) -> float:
    """Return the funding of the full hours passed while held, in bps; positive: received.

    The exchange pays every hour on the hour to who holds then. An unknown rate adds nothing; the
    opportunity itself says that its ``funding_bps_per_hour`` is unknown.
    """
    rate = opportunity.funding_bps_per_hour
    if rate is None or delay_ms >= held_ms:
        return 0.0
    entered_ms = opportunity.published_ms + delay_ms
    left_ms = opportunity.published_ms + held_ms
    return rate * (left_ms // HOUR_MS - entered_ms // HOUR_MS)


def exit_result(
    opportunity: Opportunity, exit_px: Decimal | None, held_ms: int, taker_fee_bps: float
) -> tuple[float | None, float | None]:
    """Return ``(gross, net)`` bps of leaving now at a mid, entered at publication; None without a price.

    The same figures as the exit outcome without delay, so that a message and the score agree.
    """
    outcome = _outcome(opportunity, {}, None, 0, exit_px, held_ms, taker_fee_bps)
    return outcome.gross_bps, outcome.net_bps


def crossed(opportunity: Opportunity, px: Decimal) -> EndReason | None:
    """Tell whether ``px`` is at or beyond the stop (asked first) or the target."""
    sign = opportunity.side.sign
    if opportunity.stop_px is not None and (px - opportunity.stop_px) * sign <= 0:
        return EndReason.STOP
    if opportunity.target_px is not None and (px - opportunity.target_px) * sign >= 0:
        return EndReason.TARGET
    return None


def excursions(live: LiveOpportunity, px: Decimal) -> LiveOpportunity:
    """Return the opportunity with its best and worst gross bps widened by one more price.

    Returns the same object when nothing changed, so that a caller can see whether to store it.
    """
    moved = signed_bps(live.opportunity, live.opportunity.reference_px, px)
    if live.worst_bps <= moved <= live.best_bps:
        return live
    return replace(live, best_bps=max(live.best_bps, moved), worst_bps=min(live.worst_bps, moved))
