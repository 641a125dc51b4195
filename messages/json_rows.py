"""How one row reads in JSON: a trader, an event, a decision, an opportunity, a score."""

from core.model.answers import HeldPosition
from core.model.fills import CurvePoint
from core.model.opportunities import Crowd, Decision, Ending, LiveOpportunity, Opportunity
from core.model.outcomes import Evidence, HorizonScore, Interval, Outcome, Score, ScoredOpportunity
from core.model.positions import PositionEvent, RoundTrip
from core.model.traders import BadnessPart, CoinRecord, Horizon, Markout, TraderStanding
from messages.json_values import Json, average, bps, exact, money, ratio, time


def standing(row: TraderStanding) -> Json:
    """Return one row of the list: place, 30-day figures, eligibility, and all that badness is made of."""
    own = row.figures
    return {
        "address": row.address,
        "label": row.label,
        "rank": row.rank,
        "listed": row.is_listed,
        "badness": bps(row.badness),
        "confidence": ratio(row.confidence),
        "pnl_30d": money(own.pnl_30d),
        "pnl_30d_source": own.pnl_30d_source,
        "realized_pnl": money(own.realized_pnl),
        "gross_pnl": money(own.gross_pnl),
        "price_pnl": money(own.price_pnl),
        "cost_pnl": money(own.cost_pnl),
        "funding": money(own.funding),
        "funding_source": own.funding_source,
        "capital": money(own.capital),
        "capital_source": own.capital_source,
        "pnl_pct": ratio(own.pnl_pct),
        "equity_usd": money(own.equity_usd),
        "round_trips": own.round_trips,
        "wins": own.wins,
        "win_rate": ratio(row.win_rate),
        "raw_win_rate": ratio(own.raw_win_rate),
        "payoff_ratio": ratio(own.payoff_ratio),
        "mean_win": money(own.mean_win),
        "mean_loss": money(own.mean_loss),
        "mean_entry_notional_usd": money(own.mean_entry_notional_usd),
        "total_losses": money(own.total_losses),
        "profit_factor": ratio(own.profit_factor),
        "losing_days": ratio(own.losing_days),
        "active_days": own.active_days,
        "max_drawdown_usd": money(own.max_drawdown_usd),
        "max_drawdown_pct": ratio(own.max_drawdown_pct),
        "expectancy_bps": bps(row.expectancy_bps),
        "markout_bps": _markouts(own.markouts),
        "fade_edge_bps": bps(row.fade_edge_bps),
        "fade_edge_low_bps": bps(row.fade_edge_low_bps),
        "fade_edge_high_bps": bps(row.fade_edge_high_bps),
        "fade_edge_n": row.fade_edge_n,
        "p_edge": ratio(row.p_edge),
        "eligible": not row.ineligible,
        "ineligible": [{"reason": why.reason, "detail": why.detail} for why in row.ineligible],
        "reasons": list(row.reasons),
        "parts": [_part(part) for part in row.parts],
        "maker_share": ratio(own.maker_share),
        "buy_share": ratio(own.buy_share),
        "notional_usd": money(own.notional_usd),
        "fills": own.fills,
        "truncated": own.truncated,
        "first_fill": time(own.first_fill_ms),
        "last_fill": time(own.last_fill_ms),
    }


def _markouts(markouts: tuple[Markout, ...]) -> Json:
    """Return all horizons, the unknown ones with n = 0: a reader needn't ask which there are."""
    known = {markout.horizon: markout for markout in markouts}
    empty = [known.get(horizon, Markout(horizon, 0, None, None, None)) for horizon in Horizon]
    return {
        markout.horizon.value: {
            "mean": bps(markout.mean_bps),
            "excess": bps(markout.excess_bps),
            "se": bps(markout.se_bps),
            "n": markout.n,
        }
        for markout in empty
    }


def _part(part: BadnessPart) -> Json:
    return {
        "part": part.part,
        "value": ratio(part.value),
        "percentile": ratio(part.percentile),
        "weight": ratio(part.weight),
        "n": part.n,
        "low": ratio(part.low),
        "high": ratio(part.high),
    }


def event(row: PositionEvent) -> Json:
    """Return a position event."""
    return {
        "address": row.account,
        "coin": row.coin,
        "kind": row.kind,
        "cause": row.cause,
        "side": row.direction,
        "time": time(row.time_ms),
        "last": time(row.last_ms),
        "seq": row.seq,
        "tid": row.first_tid,
        "oid": row.oid,
        "before": exact(row.before),
        "after": exact(row.after),
        "sz": exact(row.sz),
        "avg_px": average(row.avg_px),
        "notional_usd": money(row.notional_usd),
        "taker_notional_usd": money(row.taker_notional_usd),
        "closed_pnl": money(row.closed_pnl),
        "fee": money(row.fee),
        "fills": row.fills,
        "late": row.is_late,
    }


def round_trip(row: RoundTrip) -> Json:
    """Return a round trip."""
    return {
        "address": row.account,
        "coin": row.coin,
        "side": row.direction,
        "opened": time(row.opened_ms),
        "closed": time(row.closed_ms),
        "entry_notional_usd": money(row.entry_notional_usd),
        "max_size": exact(row.max_size),
        "gross_pnl": money(row.gross_pnl),
        "fees": money(row.fees),
        "funding": money(row.funding),
        "net_pnl": money(row.net_pnl),
        "fills": row.fills,
        "partial": row.partial,
        "liquidated": row.liquidated,
    }


def decision(row: Decision) -> Json:
    """Return a decision: published, or the rule that stopped it, with the figures that decided."""
    return {
        "decision_id": row.decision_id,
        "time": time(row.decided_ms),
        "address": row.event.account,
        "coin": row.event.coin,
        "group": row.group,
        "published": row.rejection is None,
        "rejection": row.rejection,
        # Sorted: the database's JSON type keeps no order, and the same decision must read the same.
        "figures": {
            name: ratio(value) if isinstance(value, float) else value
            for name, value in sorted(row.figures.items())
        },
        "event": event(row.event),
        "opportunity_id": row.opportunity.opportunity_id if row.opportunity else None,
    }


def opportunity(row: Opportunity) -> Json:
    """Return an opportunity with every fact it carries."""
    return {
        "opportunity_id": row.opportunity_id,
        "short_id": row.short_id,
        "group": row.group,
        "rule_version": row.rule_version,
        "rehearsal": row.is_rehearsal,
        "late": row.is_late,
        "loser": {
            "address": row.loser,
            "rank": row.rank,
            "badness": bps(row.badness),
            "record": row.record,
        },
        "coin": row.coin,
        "side": row.side,
        "trigger": row.trigger,
        "loser_px": average(row.loser_px),
        "loser_notional_usd": money(row.loser_notional_usd),
        "event_time": time(row.event_ms),
        "published": time(row.published_ms),
        "reference_px": exact(row.reference_px),
        "reference_source": row.reference_source,
        "drift_bps": bps(row.drift_bps),
        "suggested_notional_usd": money(row.suggested_notional_usd),
        "stop_px": exact(row.stop_px),
        "target_px": exact(row.target_px),
        "expires": time(row.expires_ms),
        "edge_bps": bps(row.edge_bps),
        "edge_low_bps": bps(row.edge_low_bps),
        "edge_high_bps": bps(row.edge_high_bps),
        "edge_n": row.edge_n,
        "cost_bps": bps(row.cost_bps),
        "half_spread_bps": bps(row.half_spread_bps),
        "funding_bps_per_hour": bps(row.funding_bps_per_hour),
        "crowd": None if row.crowd is None else crowd(row.crowd),
        "reasons": list(row.reasons),
        "gates_passed_unchecked": list(row.gates_passed_unchecked),
    }


def live(row: LiveOpportunity) -> Json:
    """Return a live opportunity with the extremes seen so far."""
    return {
        **opportunity(row.opportunity),
        "best_bps": bps(row.best_bps),
        "worst_bps": bps(row.worst_bps),
        "ending": None,
    }


def scored(row: ScoredOpportunity) -> Json:
    """Return an opportunity with its ending and outcomes."""
    return {
        **opportunity(row.opportunity),
        "best_bps": bps(row.best_bps),
        "worst_bps": bps(row.worst_bps),
        "ending": None if row.ending is None else ending(row.ending),
        "outcomes": [
            _outcome(one, funding_is_known=row.opportunity.funding_bps_per_hour is not None)
            for one in row.outcomes
        ],
    }


def ending(row: Ending) -> Json:
    """Return the end of an opportunity."""
    return {
        "opportunity_id": row.opportunity_id,
        "reason": row.reason,
        "ended": time(row.ended_ms),
        "exit_px": exact(row.exit_px),
        "gross_bps": bps(row.gross_bps),
        "net_bps": bps(row.net_bps),
        "held_ms": row.held_ms,
    }


def _outcome(row: Outcome, *, funding_is_known: bool) -> Json:
    return {
        "horizon": _horizon(row.horizon),
        "delay_ms": row.delay_ms,
        "gross_bps": bps(row.gross_bps),
        "cost_bps": bps(row.cost_bps),
        "funding_bps": bps(row.funding_bps) if funding_is_known else None,
        "net_bps": bps(row.net_bps),
    }


def _horizon(horizon: Horizon | None) -> str:
    return "exit" if horizon is None else horizon.value


def score(row: Score) -> Json:
    """Return a score; intervals are 95 %."""
    return {
        "n": row.n,
        "missing": row.missing,
        "wins": row.wins,
        "win_rate": ratio(row.win_rate),
        "win_rate_interval": _interval(row.win_rate_interval),
        "mean_net_bps": bps(row.mean_net_bps),
        "median_net_bps": bps(row.median_net_bps),
        "mean_interval_bps": _interval(row.mean_interval),
        "blocks": row.blocks,
        "profit_factor": ratio(row.profit_factor),
        "max_drawdown_bps": bps(row.max_drawdown_bps),
    }


def _interval(row: Interval | None) -> Json | None:
    return None if row is None else {"low": bps(row.low), "high": bps(row.high)}


def horizon_score(row: HorizonScore) -> Json:
    """Return both groups side by side at one horizon."""
    return {
        "horizon": _horizon(row.horizon),
        "losers": score(row.losers),
        "placebo": score(row.placebo),
    }


def evidence(row: Evidence) -> Json:
    """Return the verdict and the figure it rests on."""
    return {
        "verdict": row.verdict,
        "sentence": row.sentence,
        "horizon": row.horizon,
        "delay_ms": row.delay_ms,
        "losers": score(row.losers),
        "placebo": score(row.placebo),
        "difference_interval_bps": _interval(row.difference_interval),
    }


def crowd(row: Crowd) -> Json:
    """Return where the losers stand in one coin."""
    return {
        "coin": row.coin,
        "long_count": row.long_count,
        "short_count": row.short_count,
        "long_usd": money(row.long_usd),
        "short_usd": money(row.short_usd),
    }


def held_position(row: HeldPosition) -> Json:
    """Return a position as last known; negative: short."""
    return {
        "coin": row.coin,
        "szi": exact(row.szi),
        "entry_px": exact(row.entry_px),
        "updated": time(row.updated_ms),
    }


def coin_record(row: CoinRecord) -> Json:
    """Return a trader's record in one coin."""
    return {
        "coin": row.coin,
        "round_trips": row.round_trips,
        "wins": row.wins,
        "net_pnl": money(row.net_pnl),
    }


def point(row: CurvePoint, unit: str) -> Json:
    """Return one point of a curve under the name of its unit."""
    return {"time": time(row.time_ms), unit: money(row.value)}
