"""How a whole answer reads in JSON, the same in CLI, API and webhook; the names are the docs' words."""

import json
from typing import assert_never

from core.model.answers import (
    CrowdAnswer,
    DecisionsAnswer,
    LosersAnswer,
    OpportunitiesAnswer,
    PerformanceAnswer,
    StatusAnswer,
    TraderAnswer,
)
from core.model.opportunities import Decision, Ending, LiveOpportunity, Opportunity
from core.model.outcomes import Evidence, ScoredOpportunity
from core.model.positions import PositionEvent, RoundTrip
from core.model.traders import TraderStanding
from messages import json_rows as rows
from messages.json_values import Json, ratio, time

Answer = (
    LosersAnswer
    | TraderAnswer
    | OpportunitiesAnswer
    | PerformanceAnswer
    | CrowdAnswer
    | DecisionsAnswer
    | StatusAnswer
)
Row = (
    TraderStanding
    | PositionEvent
    | RoundTrip
    | Decision
    | Opportunity
    | LiveOpportunity
    | ScoredOpportunity
    | Ending
    | Evidence
)


def to_json(fact: Answer | Row) -> str:
    """Return one document, indented, its keys always in the same order, without a final newline."""
    return json.dumps(to_dict(fact), indent=2, ensure_ascii=False, allow_nan=False)


def to_dict(fact: Answer | Row) -> Json:
    """Return a fact as plain JSON values."""
    match fact:
        case LosersAnswer():
            return losers(fact)
        case TraderAnswer():
            return trader(fact)
        case OpportunitiesAnswer():
            return opportunities(fact)
        case PerformanceAnswer():
            return performance(fact)
        case CrowdAnswer():
            return crowd(fact)
        case DecisionsAnswer():
            return decisions(fact)
        case StatusAnswer():
            return status(fact)
        case _:
            return row_to_dict(fact)


def row_to_dict(fact: Row) -> Json:
    """Return one row as plain JSON values, as it also stands in a listing's ``items``."""
    match fact:
        case TraderStanding():
            return rows.standing(fact)
        case PositionEvent():
            return rows.event(fact)
        case RoundTrip():
            return rows.round_trip(fact)
        case Decision():
            return rows.decision(fact)
        case Opportunity():
            return rows.opportunity(fact)
        case LiveOpportunity():
            return rows.live(fact)
        case ScoredOpportunity():
            return rows.scored(fact)
        case Ending():
            return rows.ending(fact)
        case Evidence():
            return rows.evidence(fact)
        case _:
            assert_never(fact)


def losers(answer: LosersAnswer) -> Json:
    """Return the list; ``as_of`` is null where no ranking has run."""
    return {
        "as_of": time(answer.as_of_ms),
        "population": answer.population,
        "listed": answer.listed,
        "label_fdr": ratio(answer.label_fdr),
        "items": [rows.standing(row) for row in answer.items],
        "next_cursor": answer.next_cursor,
    }


def trader(answer: TraderAnswer) -> Json:
    """Return one trader's card; ``standing`` is null for who was never ranked."""
    return {
        "as_of": time(answer.as_of_ms),
        "address": answer.address,
        "standing": None if answer.standing is None else rows.standing(answer.standing),
        "positions": [rows.held_position(row) for row in answer.positions],
        "recent_round_trips": [rows.round_trip(row) for row in answer.recent_trips],
        "by_coin": [rows.coin_record(row) for row in answer.by_coin],
        "equity": [rows.point(row, "equity_usd") for row in answer.equity],
        "faded": rows.score(answer.faded),
    }


def opportunities(answer: OpportunitiesAnswer) -> Json:
    """Return what is live, and the last endings under ``recent``."""
    return {
        "as_of": time(answer.as_of_ms),
        "items": [rows.live(row) for row in answer.items],
        "recent": [rows.scored(row) for row in answer.recent],
        "next_cursor": answer.next_cursor,
    }


def performance(answer: PerformanceAnswer) -> Json:
    """Return the score beside the placebo and the verdict."""
    return {
        "as_of": time(answer.as_of_ms),
        "since": time(answer.since_ms),
        "rehearsal": answer.rehearsal,
        "published": answer.published,
        "live": answer.live,
        "late": answer.late,
        "undelivered": answer.undelivered,
        "evidence": rows.evidence(answer.evidence),
        "at_exit": rows.horizon_score(answer.at_exit),
        "horizons": [rows.horizon_score(row) for row in answer.horizons],
        "delays": [{"delay_ms": row.delay_ms, "losers": rows.score(row.score)} for row in answer.delays],
        "by_coin": [{"coin": row.coin, "losers": rows.score(row.score)} for row in answer.by_coin],
        "by_side": [{"side": row.side, "losers": rows.score(row.score)} for row in answer.by_side],
        "by_loser": [{"address": row.loser, "losers": rows.score(row.score)} for row in answer.by_loser],
        "curve": [rows.point(row, "net_bps") for row in answer.curve],
        "placebo_curve": [rows.point(row, "net_bps") for row in answer.placebo_curve],
    }


def crowd(answer: CrowdAnswer) -> Json:
    """Return where all losers together stand."""
    return {
        "as_of": time(answer.as_of_ms),
        "items": [rows.crowd(row) for row in answer.items],
        "next_cursor": None,
    }


def decisions(answer: DecisionsAnswer) -> Json:
    """Return what was decided."""
    return {
        "as_of": time(answer.as_of_ms),
        "items": [rows.decision(row) for row in answer.items],
        "next_cursor": answer.next_cursor,
    }


def status(answer: StatusAnswer) -> Json:
    """Return how the product is."""
    return {
        "as_of": time(answer.as_of_ms),
        "running": answer.is_running,
        "started": time(answer.started_ms),
        "last_seen": time(answer.seen_ms),
        "reading": _reading(answer),
        "accounts_known": answer.accounts_known,
        "accounts_refined": answer.accounts_refined,
        "fills": answer.fills,
        "ranking_as_of": time(answer.ranking_as_of_ms),
        "listed": answer.listed,
        "population": answer.population,
        "watched": answer.watched,
        "last_trade": time(answer.last_trade_ms),
        "feed_gaps": answer.feed_gaps,
        "live_opportunities": answer.live_opportunities,
        "published": answer.published,
        "outbox": dict(sorted(answer.outbox.items())),
        "oldest_pending": time(answer.oldest_pending_ms),
        "requests_today": answer.requests_today,
        "request_errors_today": answer.request_errors_today,
        "error_rate_7d": ratio(answer.error_rate_7d),
        "evidence": answer.evidence,
    }


def _reading(answer: StatusAnswer) -> Json | None:
    if answer.reading is None:
        return None
    done, total = answer.reading
    return {"done": done, "total": total}
