"""Core values for the tests of all that speaks: one opportunity, its end, and each answer."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from core.model.alerts import Alert, AlertKind, Channel, Target
from core.model.answers import (
    CrowdAnswer,
    HeldPosition,
    LosersAnswer,
    OpportunitiesAnswer,
    PerformanceAnswer,
    StatusAnswer,
    TraderAnswer,
)
from core.model.market import DAY_MS, HOUR_MS, Address, Coin, Direction
from core.model.opportunities import Crowd, Ending, EndReason, Group, LiveOpportunity, Opportunity
from core.model.outcomes import (
    CoinScore,
    DelayScore,
    Evidence,
    HorizonScore,
    Interval,
    Score,
    ScoredOpportunity,
    Verdict,
)
from core.model.positions import RoundTrip
from core.model.traders import (
    CoinRecord,
    Eligibility,
    Figures,
    FundingSource,
    Horizon,
    Ineligible,
    PnlSource,
    TraderStanding,
)

NOW_MS = 1_767_614_584_000
"""2026-01-05 12:03:04 UTC."""

LOSER = Address("0x12ab" + "0" * 32 + "34ef")
EVIDENCE = (
    "No evidence yet: 41 of 100 opportunities, 6 of 20 days with a known result 1h after an entry 30 s late."
)


def make_opportunity(**changes: Any) -> Opportunity:
    """Return a short of BTC against a loser's open."""
    return replace(
        Opportunity(
            opportunity_id="K7Q2AAAAAAAAAAAAAAAAAAAAAA",
            short_id="K7Q2",
            group=Group.LOSER,
            rule_version="1",
            is_rehearsal=False,
            loser=LOSER,
            rank=7,
            badness=81.4,
            record="210 round trips in 30 days, 34 % won, -$182k.",
            coin=Coin("BTC"),
            side=Direction.SHORT,
            trigger="open",
            loser_px=Decimal("64210"),
            loser_notional_usd=25_300.0,
            event_ms=NOW_MS - 2_400,
            published_ms=NOW_MS - 1_100,
            reference_px=Decimal("64187"),
            reference_source="book",
            drift_bps=3.58,
            suggested_notional_usd=1000.0,
            stop_px=Decimal("65100"),
            target_px=Decimal("63280"),
            expires_ms=NOW_MS + DAY_MS,
            edge_bps=12.3,
            edge_low_bps=-3.1,
            edge_high_bps=28.0,
            edge_n=41,
            cost_bps=11.0,
            half_spread_bps=1.0,
            funding_bps_per_hour=0.125,
            crowd=Crowd(Coin("BTC"), 12, 3, 1_240_000.0, 205_000.0),
            reasons=(
                "Number 7 on the losers' list opened a long position as a taker.",
                "210 round trips in 30 days, 34 % won, -$182k.",
            ),
        ),
        **changes,
    )


def make_ending(**changes: Any) -> Ending:
    """Return the end of that opportunity: the loser closed after about an hour."""
    ending = Ending(
        opportunity_id="K7Q2AAAAAAAAAAAAAAAAAAAAAA",
        reason=EndReason.LOSER_CLOSED,
        ended_ms=NOW_MS - 800,
        exit_px=Decimal("63990.5"),
        gross_bps=30.6,
        net_bps=19.6,
        held_ms=3_900_000,
    )
    return replace(ending, **changes)


def make_alert(kind: AlertKind, channel: Channel, **changes: Any) -> Alert:
    """Return an alert about that opportunity."""
    alert = Alert(
        alert_id=1,
        kind=kind,
        target=Target(channel, "4242"),
        opportunity=make_opportunity(),
        ending=make_ending() if kind is AlertKind.EXIT else None,
        nonce="hf-test-0000001",
        created_ms=NOW_MS - 1_000,
        expires_ms=NOW_MS + DAY_MS,
        attempts=1,
        evidence=EVIDENCE,
    )
    return replace(alert, **changes)


def make_figures(address: Address = LOSER, **changes: Any) -> Figures:
    """Return the 30-day figures of a persistent loser."""
    figures = Figures(
        address=address,
        as_of_ms=NOW_MS - HOUR_MS,
        fills=1234,
        first_fill_ms=NOW_MS - 29 * DAY_MS,
        last_fill_ms=NOW_MS - 60_000,
        realized_pnl=-182_340.5,
        gross_pnl=-150_000.0,
        price_pnl=-150_000.0,
        cost_pnl=-32_340.5,
        funding=-2_340.5,
        funding_source=FundingSource.RATES,
        pnl_30d=-182_340.5,
        pnl_30d_source=PnlSource.PORTFOLIO,
        capital=400_000.0,
        capital_source="dietz",
        pnl_pct=-45.6,
        equity_usd=98_000.0,
        round_trips=210,
        wins=71,
        mean_win=410.0,
        mean_loss=1_020.0,
        mean_entry_notional_usd=25_000.0,
        raw_win_rate=71 / 210,
        payoff_ratio=0.402,
        total_losses=212_000.0,
        profit_factor=0.14,
        losing_days=0.83,
        active_days=29,
        max_drawdown_usd=190_000.0,
        max_drawdown_pct=47.5,
        maker_share=0.1,
        buy_share=0.52,
        notional_usd=10_500_000.0,
        markouts=(),
        truncated=0,
    )
    return replace(figures, **changes)


def make_standing(rank: int | None = 7, address: Address = LOSER, **changes: Any) -> TraderStanding:
    """Return that loser's place in a ranking."""
    standing = TraderStanding(
        figures=make_figures(address),
        ineligible=(),
        badness=81.4,
        parts=(),
        confidence=0.91,
        rank=rank,
        is_listed=rank is not None,
        win_rate=0.341,
        expectancy_bps=-213.0,
        fade_edge_bps=12.3,
        fade_edge_low_bps=-3.1,
        fade_edge_high_bps=28.0,
        fade_edge_n=41,
        p_edge=0.87,
        reasons=("Loses 45.6 % of capital in 30 days.", "Loses on 83 % of active days."),
    )
    return replace(standing, **changes)


def make_losers(count: int = 3, **changes: Any) -> LosersAnswer:
    """Return a list of so many losers."""
    items = tuple(
        make_standing(rank, Address(f"0x{rank:04x}" + "0" * 32 + f"{rank * 7:04x}"), badness=90.0 - rank)
        for rank in range(1, count + 1)
    )
    answer = LosersAnswer(NOW_MS - HOUR_MS, 2380, count, items, None, 0.031, total=count)
    return replace(answer, **changes)


def make_score(**changes: Any) -> Score:
    """Return a score of 41 results."""
    score = Score(
        n=41,
        missing=2,
        wins=22,
        win_rate=22 / 41,
        win_rate_interval=Interval(0.387, 0.679),
        mean_net_bps=3.12,
        median_net_bps=1.4,
        mean_interval=None,
        blocks=6,
        profit_factor=1.21,
        max_drawdown_bps=88.0,
    )
    return replace(score, **changes)


NO_SCORE = Score(0, 0, 0, None, None, None, None, None, 0, None, None)


def make_trader(**changes: Any) -> TraderAnswer:
    """Return that loser's card."""
    trip = RoundTrip(
        account=LOSER,
        coin=Coin("BTC"),
        direction=Direction.LONG,
        opened_ms=NOW_MS - 2 * HOUR_MS,
        closed_ms=NOW_MS - HOUR_MS,
        entry_notional_usd=Decimal(25_000),
        max_size=Decimal("0.39"),
        gross_pnl=Decimal(-400),
        fees=Decimal(22),
        funding=Decimal(0),
        fills=4,
    )
    answer = TraderAnswer(
        address=LOSER,
        as_of_ms=NOW_MS - HOUR_MS,
        standing=make_standing(),
        positions=(HeldPosition(Coin("BTC"), Decimal("0.394"), Decimal("64210"), NOW_MS),),
        recent_trips=(trip,),
        by_coin=(CoinRecord(Coin("BTC"), 120, 40, -99_000.0), CoinRecord(Coin("kPEPE"), 30, 11, None)),
        equity=(),
        faded=make_score(),
    )
    return replace(answer, **changes)


def make_stranger() -> TraderAnswer:
    """Return the card of an account that is not eligible."""
    standing = make_standing(
        None,
        ineligible=(
            Eligibility(Ineligible.TOO_FEW_ROUND_TRIPS, "4 round trips in 30 days, at least 10 needed"),
        ),
        badness=None,
        confidence=None,
        equity_is_known=False,
    )
    return make_trader(standing=standing, positions=(), recent_trips=(), by_coin=(), faded=NO_SCORE)


def make_opportunities() -> OpportunitiesAnswer:
    """Return one live opportunity and one that ended."""
    live = LiveOpportunity(make_opportunity(), 5.0, -2.25)
    ended = ScoredOpportunity(
        make_opportunity(short_id="ABCD", side=Direction.LONG, coin=Coin("ETH")),
        make_ending(reason=EndReason.TARGET, net_bps=88.1),
        (),
        90.0,
        -4.0,
    )
    return OpportunitiesAnswer(NOW_MS, (live,), (ended,))


def make_evidence() -> Evidence:
    """Return the verdict that there is none yet."""
    return Evidence(Verdict.NONE_YET, Horizon.H1, 30_000, make_score(), NO_SCORE, None, EVIDENCE)


def make_performance(**changes: Any) -> PerformanceAnswer:
    """Return a month's score."""
    placebo = make_score(n=38, mean_net_bps=-6.4, wins=17, win_rate=17 / 38)
    answer = PerformanceAnswer(
        as_of_ms=NOW_MS,
        since_ms=NOW_MS - 30 * DAY_MS,
        published=44,
        live=1,
        undelivered=2,
        at_exit=HorizonScore(None, make_score(), placebo),
        horizons=tuple(HorizonScore(h, make_score(), placebo) for h in Horizon),
        delays=tuple(DelayScore(ms, make_score()) for ms in (0, 5_000, 30_000, 300_000)),
        by_coin=(CoinScore(Coin("BTC"), make_score()), CoinScore(Coin("ETH"), make_score(n=3))),
        curve=(),
        evidence=make_evidence(),
        rehearsal=False,
        late=1,
    )
    return replace(answer, **changes)


def make_crowd() -> CrowdAnswer:
    """Return where the losers are in two coins."""
    return CrowdAnswer(
        NOW_MS,
        (
            Crowd(Coin("BTC"), 12, 3, 1_240_000.0, 205_000.0),
            Crowd(Coin("kPEPE"), 2, 40, 9_100.0, 12_000_000.0),
        ),
    )


def make_status(**changes: Any) -> StatusAnswer:
    """Return the state of a process that runs well."""
    answer = StatusAnswer(
        as_of_ms=NOW_MS,
        is_running=True,
        started_ms=NOW_MS - 3 * DAY_MS - 4 * HOUR_MS,
        seen_ms=NOW_MS - 1_000,
        reading=(300, 900),
        accounts_known=47_000,
        accounts_refined=2_380,
        fills=1_234_567,
        ranking_as_of_ms=NOW_MS - HOUR_MS,
        listed=500,
        population=2_380,
        watched=600,
        last_trade_ms=NOW_MS - 400,
        feed_gaps=2,
        live_opportunities=1,
        published=44,
        outbox={"sent": 80, "pending": 1, "unknown": 2},
        oldest_pending_ms=NOW_MS - 900,
        requests_today=12_345,
        request_errors_today=7,
        error_rate_7d=0.0012,
        evidence=EVIDENCE,
    )
    return replace(answer, **changes)
