"""By what the losers' list can be sorted."""

from collections.abc import Callable
from math import inf

from core.errors import UsageError
from core.model.traders import Horizon, TraderStanding


def _badness(standing: TraderStanding) -> float | None:
    return None if standing.rank is None else float(standing.rank)


def _pnl(standing: TraderStanding) -> float | None:
    return standing.figures.pnl_30d


def _loss(standing: TraderStanding) -> float | None:
    return -standing.figures.total_losses


def _win_rate(standing: TraderStanding) -> float | None:
    return standing.win_rate


LOSER_SORTS: dict[str, Callable[[TraderStanding], float | None] | None] = {
    "badness": _badness,
    "pnl": _pnl,
    "loss": _loss,
    "winrate": _win_rate,
    "markout": None,
}
"""The words of ``by``; the lowest value is the worst and comes first, unknown comes last."""


def loser_order(sort: str, horizon: Horizon) -> Callable[[TraderStanding], tuple[float, float, str]]:
    """Return the key of a sorting; ``horizon``: of the markout. Raises UsageError for another word."""
    if sort not in LOSER_SORTS:
        raise UsageError(f"Can't sort by {sort[:40]!r}: expected one of {', '.join(LOSER_SORTS)}.")
    figure = LOSER_SORTS[sort] or (lambda standing: markout(standing, horizon))

    def key(standing: TraderStanding) -> tuple[float, float, str]:
        value = figure(standing)
        return inf if value is None else value, standing.rank or inf, standing.address

    return key


def markout(standing: TraderStanding, horizon: Horizon) -> float | None:
    """Return the mean excess move after the account's bets in bps, or None where it is unknown."""
    return next((m.excess_bps for m in standing.figures.markouts if m.horizon is horizon), None)
