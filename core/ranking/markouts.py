"""Where the price went after an account's opening bets."""

from collections.abc import Sequence
from math import fsum, sqrt

import numpy as np

from core.model.market import DAY_MS, WINDOW_MS, Coin
from core.model.positions import Bet
from core.model.traders import Horizon, Markout, RankingRules
from core.ranking.bets import OPENING
from core.ranking.fill_columns import Floats, Ints
from core.ranking.funding import FundingRates
from core.ranking.prices import PriceBook


def markouts(
    bets: Sequence[Bet],
    prices: PriceBook,
    rates: FundingRates | None,
    as_of_ms: int,
    rules: RankingRules,
) -> tuple[Markout, ...]:
    """Return the markout at every horizon, from the opening bets taken in the window.

    Only bets that started with an open or a flip whose first fill took, and whose horizon has passed.
    """
    by_coin: dict[Coin, list[Bet]] = {}
    for bet in bets:
        if bet.is_taker and bet.kind in OPENING and as_of_ms - WINDOW_MS < bet.time_ms <= as_of_ms:
            by_coin.setdefault(bet.coin, []).append(bet)
    coins = [_CoinBets(coin, by_coin[coin], prices, rules) for coin in sorted(by_coin)]
    return tuple(_markout(coins, horizon, prices, rates, as_of_ms, rules) for horizon in Horizon)


class _CoinBets:
    """The bets of one coin as columns; ``mid``: the first fill's price without the half spread."""

    def __init__(self, coin: Coin, bets: Sequence[Bet], prices: PriceBook, rules: RankingRules) -> None:
        self.coin = coin
        self.half_spread_bps = prices.half_spread_bps.get(coin, rules.half_spread_bps)
        self.times: Ints = np.array([bet.time_ms for bet in bets], dtype=np.int64)
        self.sign: Floats = np.array([float(bet.direction.sign) for bet in bets])
        px = np.array([float(bet.px) for bet in bets])
        self.mid: Floats = px * (1.0 - self.sign * self.half_spread_bps / 1e4)


def _markout(
    coins: Sequence[_CoinBets],
    horizon: Horizon,
    prices: PriceBook,
    rates: FundingRates | None,
    as_of_ms: int,
    rules: RankingRules,
) -> Markout:
    moves: list[float] = []
    excess: list[float] = []
    days: list[int] = []
    costs: list[float] = []
    for bets in coins:
        ends = prices.prices_at(bets.coin, bets.times + horizon.ms, horizon)
        known = ~np.isnan(ends) & (bets.times + horizon.ms <= as_of_ms)
        if not known.any():
            continue
        sign, times = bets.sign[known], bets.times[known]
        move = (ends[known] / bets.mid[known] - 1.0) * 1e4 * sign
        moves += move.tolist()
        costs += _costs_bps(bets, times, sign, horizon, rates, rules).tolist()
        drift = prices.drift_bps(bets.coin, horizon, as_of_ms)
        if drift is not None:
            excess += (move - sign * drift).tolist()
            days += (times // DAY_MS).tolist()
    if not moves:
        return Markout(horizon, 0, None, None, None)
    mean_excess = fsum(excess) / len(excess) if excess else None
    return Markout(
        horizon=horizon,
        n=len(moves),
        mean_bps=fsum(moves) / len(moves),
        excess_bps=mean_excess,
        se_bps=None if mean_excess is None else clustered_se(excess, days, mean_excess),
        days=len(set(days)),
        cost_bps=fsum(costs) / len(costs),
    )


def _costs_bps(
    bets: _CoinBets,
    times: Ints,
    sign: Floats,
    horizon: Horizon,
    rates: FundingRates | None,
    rules: RankingRules,
) -> Floats:
    """Return what fading each bet for the horizon costs: taker fee and half spread twice, less the
    funding that the fader, who holds the other side, receives.
    """
    fixed = 2 * rules.taker_fee_bps + 2 * bets.half_spread_bps
    due = None if rates is None else rates.sums_after(bets.coin, times, horizon.ms)
    if due is None:
        return np.full(len(times), fixed)
    costs: Floats = fixed - sign * due * 1e4
    return costs


def clustered_se(values: Sequence[float], clusters: Sequence[int], mean: float) -> float | None:
    """Return the standard error of a mean whose values depend on each other inside clusters.

    ``sqrt(G/(G-1) * sum over clusters of (sum of residuals)^2) / n``; None for a single cluster.
    Source: Cameron and Miller, A Practitioner's Guide to Cluster-Robust Inference (2015).
    """
    residuals: dict[int, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        residuals.setdefault(cluster, []).append(value - mean)
    groups = len(residuals)
    if groups < 2:
        return None
    squares = fsum(fsum(residuals[cluster]) ** 2 for cluster in sorted(residuals))
    return sqrt(groups / (groups - 1) * squares) / len(values)
