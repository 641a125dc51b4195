"""How an alert reads in JSON, as a webhook's body: one event, in the words of all other JSON."""

import json
from typing import assert_never

from core.model.alerts import Alert
from core.model.notices import (
    CrowdFacts,
    DigestFacts,
    DigestLine,
    Facts,
    FollowFacts,
    Growth,
    HealthFacts,
    ListFacts,
    MergedFacts,
    RequestFacts,
)
from messages import json_rows as rows
from messages.json_values import Json, average, bps, money, ratio, time


def alert_event(alert: Alert) -> bytes:
    """Return the body of a webhook; a repeat differs in ``repeated`` alone."""
    document: Json = {
        "event_id": alert.nonce,
        "kind": alert.kind,
        "id": None if alert.opportunity is None else alert.opportunity.opportunity_id,
        "created": time(alert.created_ms),
        "expires": time(alert.expires_ms),
        "repeated": alert.is_repeat,
        "demo": alert.is_demo,
        "evidence": alert.evidence,
        "opportunity": None if alert.opportunity is None else rows.opportunity(alert.opportunity),
        "ending": None if alert.ending is None else rows.ending(alert.ending),
        "facts": None if alert.facts is None else facts(alert.facts),
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def facts(row: Facts) -> Json:
    """Return what an alert says that is about something else than one opportunity."""
    match row:
        case Growth():
            return {
                "opportunity_id": row.opportunity_id,
                "loser_px": average(row.loser_px),
                "loser_notional_usd": money(row.loser_notional_usd),
                "as_of": time(row.as_of_ms),
            }
        case CrowdFacts():
            return {
                "coin": row.coin,
                "side": row.side,
                "since": time(row.since_ms),
                "members": [rows.opportunity(one) for one in row.members],
                "opposing": [rows.opportunity(one) for one in row.opposing],
            }
        case FollowFacts():
            return {
                "address": row.event.account,
                "label": row.label,
                "rank": row.rank,
                "event": rows.event(row.event),
                "rejection": row.rejection,
            }
        case ListFacts():
            return {
                "address": row.address,
                "label": row.label,
                "listed": row.is_listed,
                "rank": row.rank,
                "badness": bps(row.badness),
                "reasons": list(row.reasons),
                "as_of": time(row.as_of_ms),
            }
        case DigestFacts():
            return _digest(row)
        case HealthFacts():
            return {
                "problem": row.problem,
                "since": time(row.since_ms),
                "over": row.is_over,
                "detail": row.detail,
            }
        case RequestFacts():
            return {"target": row.target, "title": row.title, "asked_by": row.asked_by}
        case MergedFacts():
            return {"items": [_line(one) for one in row.lines]}
        case _:
            assert_never(row)


def _digest(row: DigestFacts) -> Json:
    return {
        "since": time(row.since_ms),
        "until": time(row.until_ms),
        "published": row.published,
        "told": row.told,
        "held": dict(row.held),
        "undelivered": row.undelivered,
        "ended": row.ended,
        "win_rate": ratio(row.win_rate),
        "mean_net_bps": bps(row.mean_net_bps),
        "placebo_mean_net_bps": bps(row.placebo_mean_net_bps),
        "items": [_line(one) for one in row.lines],
        "evidence": row.evidence,
        "ledger_head": row.ledger_head,
        "ledger_entries": row.ledger_entries,
    }


def _line(row: DigestLine) -> Json:
    return {
        "opportunity": rows.opportunity(row.opportunity),
        "net_bps": bps(row.net_bps),
        "end_reason": row.end_reason,
        "held_because": row.held_because,
    }
