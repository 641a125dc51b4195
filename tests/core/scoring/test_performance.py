"""The score of many opportunities."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from core.model.fills import CurvePoint
from core.model.market import DAY_MS, Address, Coin, Direction
from core.model.outcomes import ScoredOpportunity
from core.model.traders import Horizon
from core.scoring.performance import (
    at_horizon,
    by_coin,
    by_delay,
    by_loser,
    by_side,
    curve,
    results,
    score_at,
)
from tests.support.facts import MONDAY_MS, a_scored, an_ending

HOUR_MS = 3_600_000
LATE_MS = MONDAY_MS + 90 * DAY_MS


def hourly(*nets: float | None) -> list[ScoredOpportunity]:
    return [a_scored(MONDAY_MS + i * HOUR_MS, net) for i, net in enumerate(nets)]


def ended(i: int, net: float | None, **changes: Any) -> ScoredOpportunity:
    at_ms = MONDAY_MS + i * HOUR_MS
    ending = an_ending(ended_ms=at_ms + 60_000)
    return a_scored(at_ms, net, horizon=None, ending=ending, **changes)


def test_score_counts_wins_mean_median_factor_and_drawdown() -> None:
    score = score_at(hourly(10.0, -4.0, -8.0, 6.0, 0.0), Horizon.H1, LATE_MS)
    assert (score.n, score.missing, score.wins, score.win_rate) == (5, 0, 2, 0.4)
    assert score.mean_net_bps == pytest.approx(0.8)
    assert score.median_net_bps == 0.0
    assert score.profit_factor == pytest.approx(16 / 12)
    assert score.max_drawdown_bps == 12.0
    assert score.blocks == 1
    assert score.mean_interval is None
    assert score.win_rate_interval is not None


def test_drawdown_from_a_first_loss_counts_from_zero() -> None:
    assert score_at(hourly(-3.0, -2.0, 9.0), Horizon.H1, LATE_MS).max_drawdown_bps == 5.0


def test_missing_is_counted_and_left_out_of_the_mean() -> None:
    score = score_at(hourly(10.0, None, 20.0), Horizon.H1, LATE_MS)
    assert (score.n, score.missing, score.mean_net_bps) == (2, 1, 15.0)


def test_a_due_horizon_that_was_never_marked_is_missing() -> None:
    unmarked = a_scored(MONDAY_MS, 5.0, horizon=Horizon.M1)
    assert score_at([unmarked], Horizon.H1, LATE_MS).missing == 1


def test_a_horizon_that_is_not_due_is_neither_known_nor_missing() -> None:
    assert results(hourly(None), Horizon.H1, 0, MONDAY_MS + HOUR_MS - 1) == []
    assert len(results(hourly(None), Horizon.H1, 0, MONDAY_MS + HOUR_MS)) == 1


def test_at_exit_only_what_has_ended_counts() -> None:
    score = score_at([ended(0, 5.0), ended(1, None), *hourly(7.0)], None, LATE_MS)
    assert (score.n, score.missing) == (1, 1)


def test_nothing_known_is_null_and_not_zero() -> None:
    score = score_at([], Horizon.H1, LATE_MS)
    assert (score.n, score.win_rate, score.mean_net_bps, score.median_net_bps) == (0, None, None, None)
    assert (score.profit_factor, score.max_drawdown_bps, score.win_rate_interval) == (None, None, None)


def test_no_losses_have_no_profit_factor() -> None:
    assert score_at(hourly(1.0, 2.0), Horizon.H1, LATE_MS).profit_factor is None


def test_order_of_arrival_changes_nothing() -> None:
    scored = hourly(3.0, -1.0, 7.0, -9.0, 2.0)
    assert score_at(scored, Horizon.H1, LATE_MS) == score_at(scored[::-1], Horizon.H1, LATE_MS)


def test_blocks_are_days_and_two_days_at_24h_and_at_exit() -> None:
    def daily(horizon: Horizon | None) -> list[ScoredOpportunity]:
        return [
            a_scored(MONDAY_MS + i * DAY_MS, float(i), horizon=horizon, ending=an_ending()) for i in range(40)
        ]

    assert score_at(daily(Horizon.H1), Horizon.H1, LATE_MS).blocks == 40
    assert score_at(daily(Horizon.H24), Horizon.H24, LATE_MS).blocks == 20
    assert score_at(daily(None), None, LATE_MS).blocks == 20
    assert score_at(daily(Horizon.H24)[:38], Horizon.H24, LATE_MS).mean_interval is None


def test_the_placebo_stands_beside_the_losers() -> None:
    both = at_horizon(hourly(1.0), hourly(2.0, 4.0), Horizon.H1, LATE_MS)
    assert (both.losers.mean_net_bps, both.placebo.mean_net_bps) == (1.0, 3.0)


def test_by_delay_reads_each_delay_for_itself() -> None:
    scored = [a_scored(MONDAY_MS, 5.0, delay_ms=30_000)]
    assert [(d.delay_ms, d.score.n, d.score.missing) for d in by_delay(scored, Horizon.H1, LATE_MS)] == [
        (0, 0, 1), (5_000, 0, 1), (30_000, 1, 0), (300_000, 0, 1),
    ]  # fmt: skip


def test_groups_by_coin_loser_and_side_put_the_most_frequent_first() -> None:
    other = Address("0x" + "b2" * 20)
    scored = [
        ended(0, 1.0),
        ended(1, 3.0, coin=Coin("ETH"), loser=other, side=Direction.LONG),
        ended(2, 5.0, coin=Coin("ETH"), loser=other, side=Direction.LONG),
    ]
    assert [(c.coin, c.score.mean_net_bps) for c in by_coin(scored, LATE_MS)] == [("ETH", 4.0), ("BTC", 1.0)]
    assert by_loser(scored, LATE_MS)[0].loser == other
    assert [s.side for s in by_side(scored, LATE_MS)] == [Direction.LONG, Direction.SHORT]


def test_the_curve_adds_up_endings_at_their_time() -> None:
    scored = [ended(1, -2.5), ended(0, 10.0), ended(2, None), ended(1, 1.0)]
    assert curve(scored, LATE_MS) == (
        CurvePoint(MONDAY_MS + 60_000, Decimal("10.000000")),
        CurvePoint(MONDAY_MS + HOUR_MS + 60_000, Decimal("8.500000")),
    )


def test_an_exit_counts_at_once_though_its_outcome_is_marked_a_tick_later() -> None:
    ending = an_ending(ended_ms=LATE_MS - 1, net_bps=90.25)
    unmarked = replace(a_scored(LATE_MS - 10_000, None, ending=ending), outcomes=())
    score = score_at([unmarked], None, LATE_MS)
    assert (score.n, score.missing, score.mean_net_bps) == (1, 0, 90.25)
