"""Answers as pandas tables, units in the column names; loaded only by who wants a table."""

import pandas as pd

from core.model.answers import LosersAnswer
from core.model.traders import TraderStanding
from messages.json_values import time


def losers_frame(answer: LosersAnswer) -> pd.DataFrame:
    """Return one row per trader, in the answer's order; what isn't known is missing.

    Shares are fractions, money is in USD. ``as_of`` is the ranking's time, ISO 8601 in UTC.
    """
    rows = [{"as_of": time(answer.as_of_ms), **_row(standing)} for standing in answer.items]
    return pd.DataFrame(rows)


def _row(standing: TraderStanding) -> dict[str, object]:
    figures = standing.figures
    return {
        "address": standing.address,
        "rank": standing.rank,
        "is_listed": standing.is_listed,
        "ineligible": "; ".join(one.reason.value for one in standing.ineligible),
        "badness": standing.badness,
        "pnl_30d_usd": figures.pnl_30d,
        "pnl_30d_source": figures.pnl_30d_source,
        "pnl_pct": figures.pnl_pct,
        "realized_pnl_usd": figures.realized_pnl,
        "price_pnl_usd": figures.price_pnl,
        "cost_pnl_usd": figures.cost_pnl,
        "capital_usd": figures.capital,
        "equity_usd": figures.equity_usd,
        "round_trips": figures.round_trips,
        "wins": figures.wins,
        "win_rate": standing.win_rate,
        "payoff_ratio": figures.payoff_ratio,
        "total_losses_usd": figures.total_losses,
        "profit_factor": figures.profit_factor,
        "losing_days": figures.losing_days,
        "max_drawdown_pct": figures.max_drawdown_pct,
        "fade_edge_bps": standing.fade_edge_bps,
        "fade_edge_low_bps": standing.fade_edge_low_bps,
        "fade_edge_high_bps": standing.fade_edge_high_bps,
        "fade_edge_n": standing.fade_edge_n,
        "p_edge": standing.p_edge,
        **{f"excess_markout_{markout.horizon.value}_bps": markout.excess_bps for markout in figures.markouts},
    }
