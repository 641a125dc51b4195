"""The score of many opportunities: count, win rate, mean, interval, drawdown; by horizon, delay, coin."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import fsum
from statistics import median

from core.model.fills import CurvePoint
from core.model.market import Address, Coin, Direction
from core.model.outcomes import (
    DELAYS_MS,
    CoinScore,
    DelayScore,
    HorizonScore,
    LoserScore,
    Score,
    ScoredOpportunity,
    SideScore,
)
from core.model.traders import Horizon
from core.scoring.intervals import by_block, mean_interval, wilson


@dataclass(frozen=True, slots=True)
class Result:
    """One due result: when it was entered into, when it was known, net bps (None: missing)."""

    published_ms: int
    done_ms: int
    net_bps: float | None


def results(
    scored: Iterable[ScoredOpportunity], horizon: Horizon | None, delay_ms: int, now_ms: int
) -> list[Result]:
    """Return one result for each opportunity whose horizon has passed (None: which has ended).

    A due horizon without an outcome is missing, whatever the reason: what was never marked must
    not vanish from the count.
    """
    found = []
    for one in scored:
        if horizon is None:
            if one.ending is None:
                continue
            done_ms = one.ending.ended_ms
        else:
            done_ms = one.opportunity.published_ms + horizon.ms
            if done_ms > now_ms:
                continue
        marked = [o.net_bps for o in one.outcomes if o.horizon is horizon and o.delay_ms == delay_ms]
        net = marked[0] if marked else None
        if horizon is None and delay_ms == 0 and not marked and one.ending is not None:
            net = one.ending.net_bps  # the same figure, known before the next tick marks the outcome
        found.append(Result(one.opportunity.published_ms, done_ms, net))
    return sorted(found, key=lambda r: (r.done_ms, r.published_ms, r.net_bps is None, r.net_bps or 0.0))


def block_days(horizon: Horizon | None) -> int:
    """Return the length of a bootstrap block in UTC days.

    Two where an outcome may reach into the next day as a whole: at 24 h, and at the exit, since
    an opportunity lives up to 24 h.
    """
    return 2 if horizon in (Horizon.H24, None) else 1


def score(due: Sequence[Result], horizon: Horizon | None) -> Score:
    """Return the score of results that are due; what is missing is counted and left out of the rest."""
    known = [(r.published_ms, r.net_bps) for r in due if r.net_bps is not None]
    nets = [net for _, net in known]
    n, wins = len(nets), sum(1 for net in nets if net > 0)
    blocks = by_block(known, block_days(horizon))
    lost = -fsum(net for net in nets if net < 0)
    return Score(
        n=n,
        missing=len(due) - n,
        wins=wins,
        win_rate=wins / n if n else None,
        win_rate_interval=wilson(wins, n),
        mean_net_bps=fsum(nets) / n if n else None,
        median_net_bps=median(nets) if n else None,
        mean_interval=mean_interval(blocks),
        blocks=len(blocks),
        profit_factor=fsum(net for net in nets if net > 0) / lost if lost > 0 else None,
        max_drawdown_bps=_drawdown(nets) if n else None,
    )


def _drawdown(nets: Iterable[float]) -> float:
    """Return the deepest fall of the cumulative curve from its highest point so far (0 at the start)."""
    value = peak = deepest = 0.0
    for net in nets:
        value += net
        peak = max(peak, value)
        deepest = max(deepest, peak - value)
    return deepest


def score_at(
    scored: Iterable[ScoredOpportunity], horizon: Horizon | None, now_ms: int, delay_ms: int = 0
) -> Score:
    """Return the score at one horizon (None: at exit) for one entry delay."""
    return score(results(scored, horizon, delay_ms, now_ms), horizon)


def at_horizon(
    losers: Sequence[ScoredOpportunity],
    placebo: Sequence[ScoredOpportunity],
    horizon: Horizon | None,
    now_ms: int,
) -> HorizonScore:
    """Return both groups side by side at one horizon (None: at exit), entered at publication."""
    return HorizonScore(horizon, score_at(losers, horizon, now_ms), score_at(placebo, horizon, now_ms))


def by_delay(scored: Sequence[ScoredOpportunity], horizon: Horizon, now_ms: int) -> tuple[DelayScore, ...]:
    """Return the score at one horizon for every entry delay: edge against delay."""
    return tuple(DelayScore(delay, score_at(scored, horizon, now_ms, delay)) for delay in DELAYS_MS)


def by_coin(scored: Iterable[ScoredOpportunity], now_ms: int) -> tuple[CoinScore, ...]:
    """Return the score at exit of each coin, the most frequent first."""
    groups = _grouped(scored, lambda one: one.opportunity.coin)
    return tuple(CoinScore(Coin(coin), score_at(group, None, now_ms)) for coin, group in groups)


def by_loser(scored: Iterable[ScoredOpportunity], now_ms: int) -> tuple[LoserScore, ...]:
    """Return the score at exit of each faded account, the most frequent first."""
    groups = _grouped(scored, lambda one: one.opportunity.loser)
    return tuple(LoserScore(Address(loser), score_at(group, None, now_ms)) for loser, group in groups)


def by_side(scored: Iterable[ScoredOpportunity], now_ms: int) -> tuple[SideScore, ...]:
    """Return the score at exit of each side that the fader was told to take, the most frequent first."""
    groups = _grouped(scored, lambda one: one.opportunity.side.value)
    return tuple(SideScore(Direction(side), score_at(group, None, now_ms)) for side, group in groups)


def _grouped(
    scored: Iterable[ScoredOpportunity], key: Callable[[ScoredOpportunity], str]
) -> list[tuple[str, list[ScoredOpportunity]]]:
    groups: dict[str, list[ScoredOpportunity]] = {}
    for one in scored:
        groups.setdefault(key(one), []).append(one)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def curve(scored: Iterable[ScoredOpportunity], now_ms: int) -> tuple[CurvePoint, ...]:
    """Return the cumulative net bps of all endings with a known result, one point per time."""
    points: dict[int, Decimal] = {}
    value = 0.0
    for result in results(scored, None, 0, now_ms):
        if result.net_bps is not None:
            value += result.net_bps
            points[result.done_ms] = Decimal(f"{value:.6f}")
    return tuple(CurvePoint(time_ms, bps) for time_ms, bps in points.items())
