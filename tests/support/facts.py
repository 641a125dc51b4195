"""Plain values to write tests with: every figure is set, and any can be changed."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from core.model.market import Address, Coin, Direction, Side
from core.model.opportunities import Crowd, Decision, Ending, EndReason, Group, Opportunity
from core.model.outcomes import Outcome, ScoredOpportunity
from core.model.positions import Cause, EventKind, PositionEvent
from core.model.traders import (
    BadnessPart,
    Figures,
    FundingSource,
    Horizon,
    Markout,
    Part,
    PnlSource,
    Ranking,
    TraderStanding,
)

LOSER = Address("0x" + "a1" * 20)
MONDAY_MS = 1_767_571_200_000
"""2026-01-05 00:00 UTC."""

_OPPORTUNITY = Opportunity(
    opportunity_id="K7Q2AAAAAAAAAAAAAAAAAAAAAA",
    short_id="K7Q2",
    group=Group.LOSER,
    rule_version="1",
    is_rehearsal=False,
    loser=LOSER,
    rank=3,
    badness=91.25,
    record="lost 7 of 10",
    coin=Coin("BTC"),
    side=Direction.SHORT,
    trigger="open",
    loser_px=Decimal("100"),
    loser_notional_usd=12_500.0,
    event_ms=MONDAY_MS - 400,
    published_ms=MONDAY_MS,
    reference_px=Decimal("100"),
    reference_source="book",
    drift_bps=0.5,
    suggested_notional_usd=1_000.0,
    stop_px=Decimal("102"),
    target_px=Decimal("98"),
    expires_ms=MONDAY_MS + 86_400_000,
    edge_bps=4.0,
    edge_low_bps=-1.0,
    edge_high_bps=9.0,
    edge_n=40,
    cost_bps=11.0,
    half_spread_bps=1.0,
    funding_bps_per_hour=0.125,
    crowd=Crowd(Coin("BTC"), 5, 2, 100_000.0, 20_000.0),
    reasons=("Number 3 on the losers' list opened a long position as a taker.",),
)

_EVENT = PositionEvent(
    account=LOSER,
    coin=Coin("BTC"),
    kind=EventKind.OPEN,
    cause=Cause.ORDER,
    side=Side.BUY,
    time_ms=MONDAY_MS - 400,
    last_ms=MONDAY_MS - 300,
    seq=0,
    first_tid=77,
    before=Decimal(0),
    after=Decimal("3"),
    sz=Decimal("3"),
    notional_usd=Decimal("301"),
    taker_notional_usd=Decimal("301"),
    fills=2,
    oid=5,
)

_FIGURES = Figures(
    address=LOSER,
    as_of_ms=MONDAY_MS,
    fills=120,
    first_fill_ms=MONDAY_MS - 86_400_000 * 20,
    last_fill_ms=MONDAY_MS - 60_000,
    realized_pnl=-1234.5,
    gross_pnl=-1000.0,
    price_pnl=-1000.0,
    cost_pnl=-234.5,
    funding=-34.5,
    funding_source=FundingSource.USER,
    pnl_30d=-1300.0,
    pnl_30d_source=PnlSource.PORTFOLIO,
    capital=5000.0,
    capital_source="dietz",
    pnl_pct=-26.0,
    equity_usd=4000.0,
    round_trips=20,
    wins=8,
    mean_win=50.0,
    mean_loss=130.0,
    mean_entry_notional_usd=9000.0,
    raw_win_rate=0.4,
    payoff_ratio=50 / 130,
    total_losses=1560.0,
    profit_factor=400 / 1560,
    losing_days=0.75,
    active_days=12,
    max_drawdown_usd=1500.0,
    max_drawdown_pct=30.0,
    maker_share=0.1,
    buy_share=0.55,
    notional_usd=180_000.0,
    markouts=(Markout(Horizon.H1, 15, -7.5, -8.25, 3.0),),
    truncated=1,
)

_STANDING = TraderStanding(
    figures=_FIGURES,
    ineligible=(),
    badness=91.25,
    parts=(BadnessPart(Part.PNL_PCT, -26.0, 0.95, 0.25, 20, -30.0, -20.0),),
    confidence=0.5,
    rank=3,
    is_listed=True,
    win_rate=0.42,
    expectancy_bps=-60.0,
    fade_edge_bps=2.5,
    fade_edge_low_bps=-3.0,
    fade_edge_high_bps=8.0,
    fade_edge_n=15,
    p_edge=0.8,
    reasons=("Lost 26 % in 30 days.",),
)


def an_opportunity(**changes: Any) -> Opportunity:
    """Return a short BTC opportunity at 100, published Monday 2026-01-05 00:00 UTC."""
    return replace(_OPPORTUNITY, **changes)


def an_event(**changes: Any) -> PositionEvent:
    """Return the loser's opening of 3 BTC."""
    return replace(_EVENT, **changes)


def a_decision(**changes: Any) -> Decision:
    """Return the decision that published the opportunity."""
    decision = Decision(
        decision_id="K7Q2AAAAAAAAAAAAAAAAAAAAAA",
        event=_EVENT,
        group=Group.LOSER,
        decided_ms=MONDAY_MS,
        rejection=None,
        figures={"notional_usd": 301.0},
        opportunity=_OPPORTUNITY,
    )
    return replace(decision, **changes)


def an_ending(**changes: Any) -> Ending:
    """Return an ending by the loser's close after two hours at 99."""
    ending = Ending(
        opportunity_id="K7Q2AAAAAAAAAAAAAAAAAAAAAA",
        reason=EndReason.LOSER_CLOSED,
        ended_ms=MONDAY_MS + 7_200_000,
        exit_px=Decimal("99"),
        gross_bps=100.0,
        net_bps=90.25,
        held_ms=7_200_000,
    )
    return replace(ending, **changes)


def some_figures(**changes: Any) -> Figures:
    """Return the 30-day figures of a loser of 1,300 USD."""
    return replace(_FIGURES, **changes)


def a_standing(
    address: str = LOSER, *, figures: dict[str, Any] | None = None, **changes: Any
) -> TraderStanding:
    """Return the third of the losers' list, under any address."""
    own = some_figures(address=Address(address), **(figures or {}))
    return replace(_STANDING, figures=own, **changes)


def a_ranking(*standings: TraderStanding, as_of_ms: int = MONDAY_MS) -> Ranking:
    """Return a ranking run of these standings."""
    return Ranking("run-1", as_of_ms, 250, standings, label_fdr=0.04)


def a_scored(
    at_ms: int,
    net_bps: float | None,
    *,
    horizon: Horizon | None = Horizon.H1,
    delay_ms: int = 0,
    ending: Ending | None = None,
    **changes: Any,
) -> ScoredOpportunity:
    """Return an opportunity published at ``at_ms`` with one outcome."""
    opportunity = an_opportunity(published_ms=at_ms, **changes)
    outcome = Outcome(opportunity.opportunity_id, horizon, delay_ms, net_bps, 10.0, 0.0, net_bps)
    return ScoredOpportunity(opportunity, ending, (outcome,), 12.0, -3.0)
