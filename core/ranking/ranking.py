"""One ranking run: from everybody's figures to the list, with its reasons and its changes."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from core.model.market import Address
from core.model.traders import (
    AccountFacts,
    ChangeKind,
    Figures,
    Markout,
    Part,
    Ranking,
    RankingChange,
    RankingRules,
    TraderStanding,
)
from core.ranking.badness import Measure, Percentiles, badness, expectancy_bps, measures
from core.ranking.eligibility import ineligible
from core.ranking.explanation import explain
from core.ranking.shrinkage import (
    BetaPrior,
    Measured,
    NormalPrior,
    Posterior,
    fit_beta,
    fit_normal,
)
from core.ranking.significance import q_values, sign_flip_ps

BADNESS_DECIMALS = 6
"""Accounts are ranked on badness rounded so far, then on the address: engines differ in the last bit."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account as a ranking run sees it."""

    figures: Figures
    facts: AccountFacts


def rank(
    accounts: Iterable[Account],
    as_of_ms: int,
    rules: RankingRules,
    previous: Set[Address] | None = None,
) -> Ranking:
    """Return the ranking of these accounts; ``previous``: who was on the list (None: no list yet).

    The population is everybody with enough round trips, weighted by the inverse of the chance of
    having been refined. The order of ``accounts`` changes nothing.
    """
    ordered = sorted(accounts, key=lambda account: account.figures.address)
    population = [one for one in ordered if one.figures.round_trips >= rules.min_round_trips]
    yardstick = _Yardstick(population, rules)
    standings = [yardstick.standing(account) for account in ordered]
    listed = previous or frozenset()
    ranked = _ranked(standings, listed, rules)
    others = [standing for standing in standings if standing.ineligible]
    now_listed = {standing.address for standing in ranked if standing.is_listed}
    return Ranking(
        ranking_id=_ranking_id(as_of_ms, rules, standings),
        as_of_ms=as_of_ms,
        population=len(population),
        standings=(*ranked, *others),
        changes=_changes(ranked, others, listed, now_listed, rules),
        label_fdr=_label_fdr(population, now_listed),
    )


class _Yardstick:
    """What the population says: priors, and how its values are distributed."""

    def __init__(self, population: Sequence[Account], rules: RankingRules) -> None:
        self.rules = rules
        self.size = len(population)
        self.win_prior: BetaPrior = fit_beta(
            [
                (one.figures.wins, one.figures.round_trips, _weight(one))
                for one in population
                if one.figures.raw_win_rate is not None
            ]
        )
        measured = [self._measured(one) for one in population]
        self.edge_prior: NormalPrior | None = fit_normal([one for one in measured if one is not None])
        values: dict[Part, list[tuple[float, float]]] = {part: [] for part in Part}
        for account in population:
            for part, measure in self._measures(account).items():
                if measure.value is not None:
                    values[part].append((measure.value, _weight(account)))
        self.percentiles: Mapping[Part, Percentiles] = {
            part: Percentiles(part, values[part]) for part in Part
        }

    def standing(self, account: Account) -> TraderStanding:
        figures = account.figures
        values = self._measures(account)
        score, confidence, parts = badness(values, self.percentiles, self.rules.weights, figures.round_trips)
        edge = values[Part.FADE_EDGE]
        posterior, cost = self._edge(account)
        win_rate = (
            None
            if figures.raw_win_rate is None or not figures.round_trips
            else self.win_prior.mean(figures.wins, figures.round_trips)
        )
        return TraderStanding(
            figures=figures,
            ineligible=ineligible(figures, account.facts, self.rules),
            badness=None if score is None else round(score, BADNESS_DECIMALS),
            parts=parts,
            confidence=confidence,
            rank=None,
            is_listed=False,
            win_rate=win_rate,
            expectancy_bps=None if win_rate is None else expectancy_bps(figures, win_rate),
            fade_edge_bps=edge.value,
            fade_edge_low_bps=edge.low,
            fade_edge_high_bps=edge.high,
            fade_edge_n=edge.n,
            p_edge=None if posterior is None else posterior.chance_above(cost),
            reasons=explain(figures, parts, self.size, self.rules),
            equity_is_known=account.facts.equity_usd is not None,
        )

    def _measures(self, account: Account) -> Mapping[Part, Measure]:
        posterior, cost = self._edge(account)
        markout = self._markout(account)
        n = 0 if markout is None else markout.n
        if posterior is None:
            return measures(account.figures, self.win_prior, Measure(None, n))
        low, high = posterior.interval()
        edge = Measure(posterior.mean - cost, n, low - cost, high - cost)
        return measures(account.figures, self.win_prior, edge)

    def _edge(self, account: Account) -> tuple[Posterior | None, float]:
        """Return what fading the account makes before costs, shrunk, and the costs, bps."""
        measured, markout = self._measured(account), self._markout(account)
        if measured is None or markout is None or markout.cost_bps is None or self.edge_prior is None:
            return None, 0.0
        return self.edge_prior.posterior(measured), markout.cost_bps

    def _measured(self, account: Account) -> Measured | None:
        markout = self._markout(account)
        if markout is None or markout.excess_bps is None:
            return None
        return Measured(-markout.excess_bps, markout.se_bps, markout.days, _weight(account))

    def _markout(self, account: Account) -> Markout | None:
        return next((m for m in account.figures.markouts if m.horizon is self.rules.horizon), None)


def _weight(account: Account) -> float:
    return 1.0 / account.facts.selection_chance


def _ranked(
    standings: Sequence[TraderStanding], listed: Set[Address], rules: RankingRules
) -> list[TraderStanding]:
    """Return the eligible by rank; on the list up to N, and up to 1.2 N who was on it already."""
    eligible = sorted(
        (standing for standing in standings if not standing.ineligible),
        key=lambda standing: (-(standing.badness or 0.0), standing.address),
    )
    stays_until = rules.leave_factor * rules.losers
    return [
        replace(
            standing,
            rank=place,
            is_listed=place <= rules.losers or (standing.address in listed and place <= stays_until),
        )
        for place, standing in enumerate(eligible, start=1)
    ]


def _changes(
    ranked: Sequence[TraderStanding],
    others: Sequence[TraderStanding],
    before: Set[Address],
    now: Set[Address],
    rules: RankingRules,
) -> tuple[RankingChange, ...]:
    """Return who entered, by rank, then who left, by address."""
    known = {standing.address: standing for standing in (*ranked, *others)}
    entered = [
        RankingChange(
            standing.address,
            ChangeKind.ENTERED,
            standing.rank,
            f"rank {standing.rank} of {len(ranked)} eligible, badness {standing.badness or 0.0:.1f}",
        )
        for standing in ranked
        if standing.address in now and standing.address not in before
    ]
    left = [_left(address, known.get(address), rules) for address in sorted(before) if address not in now]
    return (*entered, *left)


def _left(address: Address, standing: TraderStanding | None, rules: RankingRules) -> RankingChange:
    if standing is None:
        reason = "its fills aren't known any more"
    elif standing.ineligible:
        reason = "; ".join(one.detail for one in standing.ineligible)
    else:
        reason = f"rank {standing.rank} is beyond {rules.leave_factor * rules.losers:g}"
    return RankingChange(address, ChangeKind.LEFT, None if standing is None else standing.rank, reason)


def _label_fdr(population: Sequence[Account], listed: Set[Address]) -> float | None:
    """Return the largest q on the list, tested among the whole population, not only those in loss."""
    if not listed:
        return None
    q = q_values(sign_flip_ps([one.figures.day_nets for one in population]))
    on_list = [value for value, one in zip(q, population, strict=True) if one.figures.address in listed]
    return max(on_list, default=None)


def _ranking_id(as_of_ms: int, rules: RankingRules, standings: Sequence[TraderStanding]) -> str:
    """Return an id made of what went in: the same run has the same id."""
    digest = hashlib.sha256(f"{as_of_ms} {rules}".encode())
    for standing in standings:
        digest.update(f"\n{standing.address} {standing.badness} {standing.figures.fills}".encode())
    return digest.hexdigest()[:16]
