"""How opportunities, endings and outcomes become rows and come back."""

from typing import TYPE_CHECKING

from core.model.opportunities import Ending, EndReason, LiveOpportunity, Opportunity
from core.model.outcomes import Outcome
from core.model.traders import Horizon
from storage.values import from_json, to_json

if TYPE_CHECKING:
    from storage.database import Record

AT_EXIT = ""
"""How a row of ``outcomes`` names the exit instead of a horizon."""


def opportunity_row(opportunity: Opportunity, is_rehearsal: bool) -> tuple[object, ...]:
    """Return the arguments that insert an opportunity."""
    return (
        opportunity.opportunity_id,
        opportunity.group.value,
        is_rehearsal,
        opportunity.rule_version,
        opportunity.loser,
        opportunity.coin,
        opportunity.side.value,
        opportunity.published_ms,
        opportunity.expires_ms,
        opportunity.reference_px,
        opportunity.loser_notional_usd,
        opportunity.badness,
        to_json(opportunity),
    )


def ending_row(ending: Ending) -> tuple[object, ...]:
    """Return the arguments that end an opportunity."""
    return (
        ending.opportunity_id,
        ending.ended_ms,
        ending.reason.value,
        ending.exit_px,
        ending.gross_bps,
        ending.net_bps,
        ending.held_ms,
    )


def outcome_row(outcome: Outcome) -> tuple[object, ...]:
    """Return the arguments that store an outcome."""
    return (
        outcome.opportunity_id,
        AT_EXIT if outcome.horizon is None else outcome.horizon.value,
        outcome.delay_ms,
        outcome.gross_bps,
        outcome.cost_bps,
        outcome.funding_bps,
        outcome.net_bps,
    )


def opportunity_of(row: "Record") -> Opportunity:
    """Return the opportunity in a row."""
    return from_json(row["opportunity"], Opportunity)


def live_of(row: "Record") -> LiveOpportunity:
    """Return the opportunity in a row with the extremes seen so far."""
    return LiveOpportunity(opportunity_of(row), row["best_bps"], row["worst_bps"])


def ending_of(row: "Record") -> Ending | None:
    """Return the ending in a row of ``trade_opportunities``, or None while it is live."""
    if row["ended_ms"] is None:
        return None
    return Ending(
        opportunity_id=row["opportunity_id"],
        reason=EndReason(row["end_reason"]),
        ended_ms=row["ended_ms"],
        exit_px=row["exit_px"],
        gross_bps=row["gross_bps"],
        net_bps=row["net_bps"],
        held_ms=row["held_ms"],
    )


def outcome_of(row: "Record") -> Outcome:
    """Return the outcome in a row."""
    return Outcome(
        opportunity_id=row["opportunity_id"],
        horizon=None if row["horizon"] == AT_EXIT else Horizon(row["horizon"]),
        delay_ms=row["delay_ms"],
        gross_bps=row["gross_bps"],
        cost_bps=row["cost_bps"],
        funding_bps=row["funding_bps"],
        net_bps=row["net_bps"],
    )
