"""How answers and rows read in JSON: each form is written out here once."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from core.model.answers import (
    CrowdAnswer,
    DecisionsAnswer,
    HeldPosition,
    LosersAnswer,
    OpportunitiesAnswer,
    PerformanceAnswer,
    StatusAnswer,
    TraderAnswer,
)
from core.model.fills import CurvePoint
from core.model.market import Coin, Direction
from core.model.opportunities import Crowd, LiveOpportunity, Rejection
from core.model.outcomes import (
    CoinScore,
    DelayScore,
    Evidence,
    HorizonScore,
    Interval,
    LoserScore,
    Outcome,
    Score,
    ScoredOpportunity,
    SideScore,
    Verdict,
)
from core.model.positions import RoundTrip
from core.model.traders import CoinRecord, Eligibility, Horizon, Ineligible
from messages.json import to_dict, to_json
from tests.support.facts import (
    LOSER,
    MONDAY_MS,
    a_decision,
    a_standing,
    an_ending,
    an_event,
    an_opportunity,
)

MONDAY = "2026-01-05T00:00:00.000Z"
BTC = Coin("BTC")

STANDING = {
    "address": LOSER,
    "label": None,
    "rank": 3,
    "listed": True,
    "badness": 91.25,
    "confidence": 0.5,
    "pnl_30d": -1300.0,
    "pnl_30d_source": "portfolio",
    "realized_pnl": -1234.5,
    "gross_pnl": -1000.0,
    "price_pnl": -1000.0,
    "cost_pnl": -234.5,
    "funding": -34.5,
    "funding_source": "user",
    "capital": 5000.0,
    "capital_source": "dietz",
    "pnl_pct": -26.0,
    "equity_usd": 4000.0,
    "round_trips": 20,
    "wins": 8,
    "win_rate": 0.42,
    "raw_win_rate": 0.4,
    "payoff_ratio": 0.384615384615,
    "mean_win": 50.0,
    "mean_loss": 130.0,
    "mean_entry_notional_usd": 9000.0,
    "total_losses": 1560.0,
    "profit_factor": 0.25641025641,
    "losing_days": 0.75,
    "active_days": 12,
    "max_drawdown_usd": 1500.0,
    "max_drawdown_pct": 30.0,
    "expectancy_bps": -60.0,
    "markout_bps": {
        "1m": {"mean": None, "excess": None, "se": None, "n": 0},
        "5m": {"mean": None, "excess": None, "se": None, "n": 0},
        "15m": {"mean": None, "excess": None, "se": None, "n": 0},
        "1h": {"mean": -7.5, "excess": -8.25, "se": 3.0, "n": 15},
        "4h": {"mean": None, "excess": None, "se": None, "n": 0},
        "24h": {"mean": None, "excess": None, "se": None, "n": 0},
    },
    "fade_edge_bps": 2.5,
    "fade_edge_low_bps": -3.0,
    "fade_edge_high_bps": 8.0,
    "fade_edge_n": 15,
    "p_edge": 0.8,
    "eligible": True,
    "ineligible": [],
    "reasons": ["Lost 26 % in 30 days."],
    "parts": [
        {
            "part": "pnl_pct",
            "value": -26.0,
            "percentile": 0.95,
            "weight": 0.25,
            "n": 20,
            "low": -30.0,
            "high": -20.0,
        }
    ],
    "maker_share": 0.1,
    "buy_share": 0.55,
    "notional_usd": 180000.0,
    "fills": 120,
    "truncated": 1,
    "first_fill": "2025-12-16T00:00:00.000Z",
    "last_fill": "2026-01-04T23:59:00.000Z",
}

CROWD = {"coin": "BTC", "long_count": 5, "short_count": 2, "long_usd": 100000.0, "short_usd": 20000.0}

OPPORTUNITY = {
    "opportunity_id": "K7Q2AAAAAAAAAAAAAAAAAAAAAA",
    "short_id": "K7Q2",
    "group": "loser",
    "rule_version": "1",
    "rehearsal": False,
    "late": False,
    "loser": {"address": LOSER, "rank": 3, "badness": 91.25, "record": "lost 7 of 10"},
    "coin": "BTC",
    "side": "short",
    "trigger": "open",
    "loser_px": "100",
    "loser_notional_usd": 12500.0,
    "event_time": "2026-01-04T23:59:59.600Z",
    "published": MONDAY,
    "reference_px": "100",
    "reference_source": "book",
    "drift_bps": 0.5,
    "suggested_notional_usd": 1000.0,
    "stop_px": "102",
    "target_px": "98",
    "expires": "2026-01-06T00:00:00.000Z",
    "edge_bps": 4.0,
    "edge_low_bps": -1.0,
    "edge_high_bps": 9.0,
    "edge_n": 40,
    "cost_bps": 11.0,
    "half_spread_bps": 1.0,
    "funding_bps_per_hour": 0.125,
    "crowd": CROWD,
    "reasons": ["Number 3 on the losers' list opened a long position as a taker."],
    "gates_passed_unchecked": [],
}

EVENT = {
    "address": LOSER,
    "coin": "BTC",
    "kind": "open",
    "cause": "order",
    "side": "long",
    "time": "2026-01-04T23:59:59.600Z",
    "last": "2026-01-04T23:59:59.700Z",
    "seq": 0,
    "tid": 77,
    "oid": 5,
    "before": "0",
    "after": "3",
    "sz": "3",
    "avg_px": "100.333333333",
    "notional_usd": 301.0,
    "taker_notional_usd": 301.0,
    "closed_pnl": None,
    "fee": None,
    "fills": 2,
    "late": False,
}

ENDING = {
    "opportunity_id": "K7Q2AAAAAAAAAAAAAAAAAAAAAA",
    "reason": "loser_closed",
    "ended": "2026-01-05T02:00:00.000Z",
    "exit_px": "99",
    "gross_bps": 100.0,
    "net_bps": 90.25,
    "held_ms": 7200000,
}

A_SCORE = Score(4, 1, 3, 0.75, Interval(0.3, 0.95), 5.0, 4.5, None, 2, 2.5, 7.0)
SCORE = {
    "n": 4,
    "missing": 1,
    "wins": 3,
    "win_rate": 0.75,
    "win_rate_interval": {"low": 0.3, "high": 0.95},
    "mean_net_bps": 5.0,
    "median_net_bps": 4.5,
    "mean_interval_bps": None,
    "blocks": 2,
    "profit_factor": 2.5,
    "max_drawdown_bps": 7.0,
}
NO_SCORE = Score(0, 0, 0, None, None, None, None, None, 0, None, None)
EMPTY_SCORE = {
    "n": 0,
    "missing": 0,
    "wins": 0,
    "win_rate": None,
    "win_rate_interval": None,
    "mean_net_bps": None,
    "median_net_bps": None,
    "mean_interval_bps": None,
    "blocks": 0,
    "profit_factor": None,
    "max_drawdown_bps": None,
}


def a_trip() -> RoundTrip:
    return RoundTrip(
        account=LOSER,
        coin=BTC,
        direction=Direction.LONG,
        opened_ms=MONDAY_MS,
        closed_ms=MONDAY_MS + 1,
        entry_notional_usd=Decimal("300.5"),
        max_size=Decimal("3.0"),
        gross_pnl=Decimal("-2"),
        fees=Decimal("0.25"),
        funding=Decimal("0.125"),
        fills=2,
    )


TRIP = {
    "address": LOSER,
    "coin": "BTC",
    "side": "long",
    "opened": MONDAY,
    "closed": "2026-01-05T00:00:00.001Z",
    "entry_notional_usd": 300.5,
    "max_size": "3",
    "gross_pnl": -2.0,
    "fees": 0.25,
    "funding": 0.125,
    "net_pnl": -2.125,
    "fills": 2,
    "partial": False,
    "liquidated": False,
}


def test_a_standing_shows_every_figure() -> None:
    assert to_dict(a_standing()) == STANDING


def test_who_is_not_eligible_says_why() -> None:
    why = (Eligibility(Ineligible.INACTIVE, "last fill 9 days ago"),)
    row = to_dict(a_standing(ineligible=why, rank=None, badness=None, is_listed=False))
    assert (row["eligible"], row["rank"], row["badness"], row["listed"]) == (False, None, None, False)
    assert row["ineligible"] == [{"reason": "inactive", "detail": "last fill 9 days ago"}]


def test_an_opportunity_shows_every_fact() -> None:
    assert to_dict(an_opportunity()) == OPPORTUNITY


def test_what_an_opportunity_does_not_know_is_null() -> None:
    unknown = dict.fromkeys(
        ("rank", "badness", "stop_px", "target_px", "edge_bps", "funding_bps_per_hour", "crowd")
    )
    row: Any = to_dict(an_opportunity(**unknown))
    assert row["loser"] == {"address": LOSER, "rank": None, "badness": None, "record": "lost 7 of 10"}
    assert all(row[key] is None for key in unknown if key not in ("rank", "badness"))


def test_a_live_opportunity_adds_its_extremes_and_has_no_ending() -> None:
    row = to_dict(LiveOpportunity(an_opportunity(), 12.0, -3.5))
    assert row == {**OPPORTUNITY, "best_bps": 12.0, "worst_bps": -3.5, "ending": None}


def test_a_scored_opportunity_adds_ending_and_outcomes() -> None:
    outcomes = (
        Outcome("K7Q2AAAAAAAAAAAAAAAAAAAAAA", Horizon.H1, 0, 100.0, 10.0, 0.125, 90.125),
        Outcome("K7Q2AAAAAAAAAAAAAAAAAAAAAA", None, 5_000, None, 11.0, 0.0, None),
    )
    row = to_dict(ScoredOpportunity(an_opportunity(), an_ending(), outcomes, 12.0, None))
    assert row == {
        **OPPORTUNITY,
        "best_bps": 12.0,
        "worst_bps": None,
        "ending": ENDING,
        "outcomes": [
            {
                "horizon": "1h",
                "delay_ms": 0,
                "gross_bps": 100.0,
                "cost_bps": 10.0,
                "funding_bps": 0.125,
                "net_bps": 90.125,
            },
            {
                "horizon": "exit",
                "delay_ms": 5000,
                "gross_bps": None,
                "cost_bps": 11.0,
                "funding_bps": 0.0,
                "net_bps": None,
            },
        ],
    }


def test_funding_of_an_outcome_is_null_where_the_rate_is_unknown() -> None:
    outcome = Outcome("K7Q2AAAAAAAAAAAAAAAAAAAAAA", Horizon.H1, 0, 100.0, 10.0, 0.0, 90.0)
    opportunity = an_opportunity(funding_bps_per_hour=None)
    row: Any = to_dict(ScoredOpportunity(opportunity, None, (outcome,), 0.0, 0.0))
    assert row["outcomes"][0]["funding_bps"] is None
    assert row["ending"] is None


def test_an_event_and_a_round_trip_show_every_fact() -> None:
    assert to_dict(an_event()) == EVENT
    assert to_dict(a_trip()) == TRIP


def test_a_decision_says_which_rule_stopped_it_with_the_figures_in_one_order() -> None:
    stopped = a_decision(
        rejection=Rejection.TOO_OLD, opportunity=None, figures={"max_age_ms": 30000.0, "age_ms": 41000.0}
    )
    row: Any = to_dict(stopped)
    assert row == {
        "decision_id": "K7Q2AAAAAAAAAAAAAAAAAAAAAA",
        "time": MONDAY,
        "address": LOSER,
        "coin": "BTC",
        "group": "loser",
        "published": False,
        "rejection": "too_old",
        "figures": {"age_ms": 41000.0, "max_age_ms": 30000.0},
        "event": EVENT,
        "opportunity_id": None,
    }
    assert list(row["figures"]) == ["age_ms", "max_age_ms"]
    published = to_dict(a_decision())
    assert (published["published"], published["rejection"]) == (True, None)
    assert published["opportunity_id"] == "K7Q2AAAAAAAAAAAAAAAAAAAAAA"


def test_losers() -> None:
    assert to_dict(LosersAnswer(MONDAY_MS, 250, 1, (a_standing(),), "next", 0.04)) == {
        "as_of": MONDAY,
        "population": 250,
        "listed": 1,
        "label_fdr": 0.04,
        "items": [STANDING],
        "next_cursor": "next",
    }


def test_losers_before_any_ranking_have_no_time() -> None:
    row = to_dict(LosersAnswer(None, 0, 0, (), None, None))
    assert (row["as_of"], row["items"], row["next_cursor"]) == (None, [], None)


def test_trader() -> None:
    answer = TraderAnswer(
        address=LOSER,
        as_of_ms=MONDAY_MS,
        standing=a_standing(),
        positions=(HeldPosition(BTC, Decimal("-0.50"), None, MONDAY_MS),),
        recent_trips=(a_trip(),),
        by_coin=(CoinRecord(BTC, 2, 1, None),),
        equity=(CurvePoint(MONDAY_MS, Decimal("4000.12345678")),),
        faded=A_SCORE,
    )
    assert to_dict(answer) == {
        "as_of": MONDAY,
        "address": LOSER,
        "standing": STANDING,
        "positions": [{"coin": "BTC", "szi": "-0.5", "entry_px": None, "updated": MONDAY}],
        "recent_round_trips": [TRIP],
        "by_coin": [{"coin": "BTC", "round_trips": 2, "wins": 1, "net_pnl": None}],
        "equity": [{"time": MONDAY, "equity_usd": 4000.123457}],
        "faded": SCORE,
    }
    assert to_dict(replace(answer, standing=None, as_of_ms=None))["standing"] is None


def test_opportunities() -> None:
    live = LiveOpportunity(an_opportunity())
    ended = ScoredOpportunity(an_opportunity(), an_ending(), (), 1.0, 0.0)
    assert to_dict(OpportunitiesAnswer(MONDAY_MS, (live,), (ended,), None)) == {
        "as_of": MONDAY,
        "items": [{**OPPORTUNITY, "best_bps": 0.0, "worst_bps": 0.0, "ending": None}],
        "recent": [{**OPPORTUNITY, "best_bps": 1.0, "worst_bps": 0.0, "ending": ENDING, "outcomes": []}],
        "next_cursor": None,
    }


def test_performance() -> None:
    answer = PerformanceAnswer(
        as_of_ms=MONDAY_MS,
        since_ms=None,
        published=5,
        live=1,
        undelivered=0,
        at_exit=HorizonScore(None, A_SCORE, NO_SCORE),
        horizons=(HorizonScore(Horizon.H1, A_SCORE, NO_SCORE),),
        delays=(DelayScore(30_000, A_SCORE),),
        by_coin=(CoinScore(BTC, A_SCORE),),
        curve=(CurvePoint(MONDAY_MS, Decimal("12.5")),),
        evidence=Evidence(
            Verdict.NONE_YET, Horizon.H1, 30_000, A_SCORE, NO_SCORE, Interval(-1.0, 2.0), "No evidence yet."
        ),
        rehearsal=False,
        by_side=(SideScore(Direction.SHORT, A_SCORE),),
        by_loser=(LoserScore(LOSER, A_SCORE),),
        late=2,
        placebo_curve=(CurvePoint(MONDAY_MS, Decimal("-3.25")),),
    )
    assert to_dict(answer) == {
        "as_of": MONDAY,
        "since": None,
        "rehearsal": False,
        "published": 5,
        "live": 1,
        "late": 2,
        "undelivered": 0,
        "evidence": {
            "verdict": "none yet",
            "sentence": "No evidence yet.",
            "horizon": "1h",
            "delay_ms": 30000,
            "losers": SCORE,
            "placebo": EMPTY_SCORE,
            "difference_interval_bps": {"low": -1.0, "high": 2.0},
        },
        "at_exit": {"horizon": "exit", "losers": SCORE, "placebo": EMPTY_SCORE},
        "horizons": [{"horizon": "1h", "losers": SCORE, "placebo": EMPTY_SCORE}],
        "delays": [{"delay_ms": 30000, "losers": SCORE}],
        "by_coin": [{"coin": "BTC", "losers": SCORE}],
        "by_side": [{"side": "short", "losers": SCORE}],
        "by_loser": [{"address": LOSER, "losers": SCORE}],
        "curve": [{"time": MONDAY, "net_bps": 12.5}],
        "placebo_curve": [{"time": MONDAY, "net_bps": -3.25}],
    }


def test_crowd() -> None:
    assert to_dict(CrowdAnswer(MONDAY_MS, (Crowd(BTC, 5, 2, 100_000.0, 20_000.0),))) == {
        "as_of": MONDAY,
        "items": [CROWD],
        "next_cursor": None,
    }


def test_decisions() -> None:
    row: Any = to_dict(DecisionsAnswer(MONDAY_MS, (a_decision(),), "next"))
    assert (row["as_of"], row["next_cursor"], len(row["items"])) == (MONDAY, "next", 1)
    assert row["items"][0] == to_dict(a_decision())


def test_status() -> None:
    answer = StatusAnswer(
        as_of_ms=MONDAY_MS,
        is_running=True,
        started_ms=None,
        seen_ms=MONDAY_MS,
        reading=(3, 9),
        accounts_known=9,
        accounts_refined=4,
        fills=99,
        ranking_as_of_ms=MONDAY_MS,
        listed=5,
        population=250,
        watched=600,
        last_trade_ms=None,
        feed_gaps=0,
        live_opportunities=1,
        published=2,
        outbox={"unknown": 1, "sent": 3},
        oldest_pending_ms=None,
        requests_today=50,
        request_errors_today=1,
        error_rate_7d=0.01,
        evidence="No evidence yet.",
    )
    assert to_dict(answer) == {
        "as_of": MONDAY,
        "running": True,
        "started": None,
        "last_seen": MONDAY,
        "reading": {"done": 3, "total": 9},
        "accounts_known": 9,
        "accounts_refined": 4,
        "fills": 99,
        "ranking_as_of": MONDAY,
        "listed": 5,
        "population": 250,
        "watched": 600,
        "last_trade": None,
        "feed_gaps": 0,
        "live_opportunities": 1,
        "published": 2,
        "outbox": {"sent": 3, "unknown": 1},
        "oldest_pending": None,
        "requests_today": 50,
        "request_errors_today": 1,
        "error_rate_7d": 0.01,
        "evidence": "No evidence yet.",
    }


def test_a_document_is_one_json_value_with_plain_strings_and_keys_in_their_order() -> None:
    answer = LosersAnswer(MONDAY_MS, 250, 1, (a_standing(reasons=("verliert täglich",)),), None, None)
    text = to_json(answer)
    assert json.loads(text) == to_dict(answer)
    assert list(json.loads(text)["items"][0]) == list(STANDING)
    assert "verliert täglich" in text


def test_a_figure_that_is_no_number_is_refused_and_never_printed() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(a_standing(p_edge=float("nan")))
