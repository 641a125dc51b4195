"""The 30-day figures of one account, from its fills, its funding, prices and what else is known."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import fsum

import numpy as np

from core.model.fills import FundingPayment
from core.model.market import DAY_MS, WINDOW_MS
from core.model.positions import RoundTrip
from core.model.traders import AccountFacts, Figures, FundingSource, PnlSource, RankingRules
from core.ranking.bets import bets_of
from core.ranking.fill_columns import BUY, CLOSING, MAKER, TAKER, FillRows, Floats, Ints
from core.ranking.funding import Flows, FundingRates, funding_flows
from core.ranking.markouts import markouts
from core.ranking.portfolio import floored_capital
from core.ranking.prices import PriceBook
from core.ranking.trips import AccountBook

MONTH_ROI = "leaderboard_month_roi"
"""``capital_source`` where ``pnl_pct`` had to be taken from the leaderboard."""


@dataclass(frozen=True, slots=True)
class MarketHistory:
    """What ranking knows of the market: prices, and the coins' funding rates (None: not collected)."""

    prices: PriceBook
    rates: FundingRates | None = None


def figures(
    book: AccountBook,
    facts: AccountFacts,
    as_of_ms: int,
    rules: RankingRules,
    market: MarketHistory,
    own_funding: Sequence[FundingPayment] = (),
) -> Figures:
    """Return the figures over ``(as_of - 30 d, as_of]``; nothing later than ``as_of`` is looked at."""
    start_ms = as_of_ms - WINDOW_MS
    start, end = book.columns.until(start_ms), book.columns.until(as_of_ms)
    rows = book.columns.rows(start, end)
    flows = _flows(book, as_of_ms, market, own_funding)
    funding_times, funding_usd = flows.between(start_ms, as_of_ms)
    money = _money(rows, fsum(funding_usd))
    trips = _Trips(flows.into_trips(book.trips_between(start_ms, as_of_ms)))
    day_nets = _day_nets(rows, funding_times, funding_usd) if money.realized is not None else ()
    drawdown = _drawdown(rows, funding_times, funding_usd)
    pnl, pnl_source = _pnl(facts, money.realized)
    capital = floored_capital(facts.capital, pnl)
    pnl_pct, capital_source = _pnl_pct(facts, pnl, capital)
    notional = fsum(rows.notional)
    return Figures(
        address=book.account,
        as_of_ms=as_of_ms,
        fills=end - start,
        first_fill_ms=book.columns.time_at(0) if end else None,
        last_fill_ms=book.columns.time_at(end - 1) if end else None,
        realized_pnl=money.realized,
        gross_pnl=money.gross,
        price_pnl=money.price,
        cost_pnl=money.cost,
        funding=money.funding,
        funding_source=flows.source,
        pnl_30d=pnl,
        pnl_30d_source=pnl_source,
        capital=capital,
        capital_source=capital_source,
        pnl_pct=pnl_pct,
        equity_usd=facts.equity_usd,
        round_trips=trips.count,
        wins=trips.wins,
        mean_win=trips.mean_win,
        mean_loss=trips.mean_loss,
        mean_entry_notional_usd=trips.mean_entry_notional_usd,
        raw_win_rate=trips.win_rate,
        payoff_ratio=trips.payoff_ratio,
        total_losses=trips.total_losses,
        profit_factor=trips.profit_factor,
        losing_days=sum(net < 0 for net in day_nets) / len(day_nets) if day_nets else None,
        active_days=len(day_nets),
        max_drawdown_usd=drawdown,
        max_drawdown_pct=None if capital is None else drawdown / capital * 100,
        maker_share=_share(rows, MAKER, MAKER | TAKER),
        buy_share=_share(rows, BUY, 0),
        notional_usd=notional,
        markouts=markouts(
            bets_of(book.account, book.entries, as_of_ms), market.prices, market.rates, as_of_ms, rules
        ),
        truncated=bisect_right(book.breaks_ms, as_of_ms) - bisect_right(book.breaks_ms, start_ms),
        day_nets=day_nets,
    )


def window_trips(
    book: AccountBook, as_of_ms: int, market: MarketHistory, own_funding: Sequence[FundingPayment] = ()
) -> list[RoundTrip]:
    """Return the round trips that closed in the window, by closing time, with their funding."""
    flows = _flows(book, as_of_ms, market, own_funding)
    return flows.into_trips(book.trips_between(as_of_ms - WINDOW_MS, as_of_ms))


def _flows(
    book: AccountBook, as_of_ms: int, market: MarketHistory, own_funding: Sequence[FundingPayment]
) -> Flows:
    if not own_funding and market.rates is None:
        return Flows({}, FundingSource.NONE)
    rows = book.columns.rows(0, book.columns.until(as_of_ms))
    return funding_flows(book.columns.coins, rows, own_funding, market.rates, market.prices, as_of_ms)


@dataclass(frozen=True, slots=True)
class _Money:
    gross: float
    price: float | None
    cost: float | None
    realized: float | None
    funding: float


def _money(rows: FillRows, funding: float) -> _Money:
    """Add up the window; what the source leaves out of one fill is unknown for the whole."""
    gross = fsum(np.nan_to_num(rows.closed_pnl))
    price = None if np.isnan(rows.closed_pnl).any() else gross
    cost = None if np.isnan(rows.fee).any() else funding - fsum(rows.fee)
    realized = None if price is None or cost is None else price + cost
    return _Money(gross, price, cost, realized, funding)


class _Trips:
    """What round trips add up to; a trip whose net isn't known is neither win nor loss."""

    def __init__(self, trips: Sequence[RoundTrip]) -> None:
        nets = [trip.net_pnl for trip in trips]
        won = [net for net in nets if net is not None and net > 0]
        lost = [-net for net in nets if net is not None and net < 0]
        known = sum(net is not None for net in nets)
        self.count = len(trips)
        self.wins = len(won)
        self.win_rate = len(won) / known if known else None
        self.mean_win = float(sum(won) / len(won)) if won else None
        self.mean_loss = float(sum(lost) / len(lost)) if lost else None
        self.total_losses = float(sum(lost))
        self.profit_factor = float(sum(won) / sum(lost)) if lost else None
        self.payoff_ratio = (
            None if self.mean_win is None or self.mean_loss is None else self.mean_win / self.mean_loss
        )
        entered = sum((trip.entry_notional_usd for trip in trips), Decimal(0))
        self.mean_entry_notional_usd = float(entered / len(trips)) if trips else None


def _day_nets(rows: FillRows, funding_times: Ints, funding_usd: Floats) -> tuple[float, ...]:
    """Return the net result of each UTC day with a closing fill, the window's part of it.

    To the billionth of a dollar, so that the sign is that of the exact decimal sum.
    """
    fill_days = rows.time_ms // DAY_MS
    funding_days = funding_times // DAY_MS
    nets = []
    for day in np.unique(fill_days[(rows.flags & CLOSING) > 0]):
        start, end = np.searchsorted(fill_days, [day, day + 1])
        first, last = np.searchsorted(funding_days, [day, day + 1])
        parts = np.concatenate([rows.closed_pnl[start:end], -rows.fee[start:end], funding_usd[first:last]])
        nets.append(round(fsum(parts), 9))
    return tuple(nets)


def _drawdown(rows: FillRows, funding_times: Ints, funding_usd: Floats) -> float:
    """Return the deepest fall of the realized curve from a peak, USD.

    From 0 at the window's start, one point per distinct time.
    """
    times = np.concatenate([rows.time_ms, funding_times])
    flows = np.concatenate([np.nan_to_num(rows.closed_pnl) - np.nan_to_num(rows.fee), funding_usd])
    if not len(times):
        return 0.0
    order = np.argsort(times, kind="stable")
    times, flows = times[order], flows[order]
    is_last = np.append(times[1:] != times[:-1], True)
    curve = np.append(0.0, np.cumsum(flows)[is_last])
    return float(np.max(np.maximum.accumulate(curve) - curve))


def _share(rows: FillRows, of: int, among: int) -> float | None:
    """Return the share of notional with flag ``of`` among that with any flag of ``among`` (0: all)."""
    total = fsum(rows.notional[(rows.flags & among) > 0] if among else rows.notional)
    return fsum(rows.notional[(rows.flags & of) > 0]) / total if total > 0 else None


def _pnl(facts: AccountFacts, realized: float | None) -> tuple[float | None, PnlSource | None]:
    if facts.pnl_30d is not None:
        return facts.pnl_30d, facts.pnl_30d_source
    return realized, None if realized is None else PnlSource.REALIZED


def _pnl_pct(
    facts: AccountFacts, pnl: float | None, capital: float | None
) -> tuple[float | None, str | None]:
    """Return ``pnl_pct`` and where its capital comes from.

    A leaderboard row sums a master and its sub-accounts: its return only serves where there are none.
    """
    if capital is not None and pnl is not None:
        return pnl / capital * 100, facts.capital_source
    if facts.month_roi is not None and facts.has_sub_accounts is False:
        return facts.month_roi * 100, MONTH_ROI
    return None, facts.capital_source if capital is not None else None
