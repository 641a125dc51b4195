"""Figures of accounts that never were, with only the numbers that a test is about."""

from typing import Any

from core.model.market import Address
from core.model.traders import Figures, FundingSource, Horizon, Markout, PnlSource

AS_OF_MS = 1_700_000_000_000


def made_figures(
    address: str = "0xaa",
    *,
    wins: int = 4,
    trips: int = 20,
    mean_win: float | None = 50.0,
    mean_loss: float | None = 80.0,
    entry: float = 1_000.0,
    pnl: float | None = -1_000.0,
    pnl_pct: float | None = -20.0,
    losing_days: float | None = 0.7,
    day_nets: tuple[float, ...] = (),
    excess_bps: float | None = None,
    **more: Any,
) -> Figures:
    """Return the figures of a loser; ``excess_bps`` is its markout at an hour, over 10 days."""
    markout = Markout(Horizon.H1, 30, excess_bps, excess_bps, 5.0, 10, 11.0)
    known: dict[str, Any] = {
        "address": Address(address), "as_of_ms": AS_OF_MS, "fills": 3 * trips,
        "first_fill_ms": AS_OF_MS - 86_400_000, "last_fill_ms": AS_OF_MS - 1_000,
        "realized_pnl": pnl, "gross_pnl": pnl or 0.0, "price_pnl": pnl,
        "cost_pnl": None if pnl is None else 0.0,
        "funding": 0.0, "funding_source": FundingSource.NONE, "pnl_30d": pnl,
        "pnl_30d_source": None if pnl is None else PnlSource.REALIZED,
        "capital": 5_000.0, "capital_source": "portfolio", "pnl_pct": pnl_pct, "equity_usd": None,
        "round_trips": trips, "wins": wins, "mean_win": mean_win, "mean_loss": mean_loss,
        "mean_entry_notional_usd": entry, "raw_win_rate": wins / trips if trips else None,
        "payoff_ratio": mean_win / mean_loss if mean_win and mean_loss else None,
        "total_losses": (trips - wins) * (mean_loss or 0.0), "profit_factor": 0.5,
        "losing_days": losing_days, "active_days": 10, "max_drawdown_usd": 900.0, "max_drawdown_pct": 18.0,
        "maker_share": 0.2, "buy_share": 0.5, "notional_usd": 40_000.0,
        "markouts": () if excess_bps is None else (markout,), "truncated": 0, "day_nets": day_nets,
    }  # fmt: skip
    return Figures(**{**known, **more})
